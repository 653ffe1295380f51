//! Public keys of publishers, and what they are called. Verifies nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a public key of minisign: two for the algorithm, eight for the id, the rest is
/// the key.
const KEY_BYTES: usize = 42;

/// The algorithms that such keys name: Ed25519, plain and over a hash.
const ALGORITHMS: [&[u8]; 2] = [b"Ed", b"ED"];

/// What a key is called: the 16 hexadecimal digits that the ordinary tool shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u64);

/// A public key, as the second line of a `.pub` file has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    text: String,
    id: KeyId,
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say what it is")]
pub enum NotAKey {
    #[error(
        "not a public key of minisign: it is the second line of a .pub file, 56 characters that begin with RW"
    )]
    Public,
    #[error("not the id of a key: it has the 16 hexadecimal digits that stand in a .pub file")]
    Id,
}

impl KeyId {
    /// The id in the bytes of a key or a signature.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }

    /// Reads 16 hexadecimal digits, or a whole public key.
    ///
    /// # Errors
    /// [`NotAKey::Id`].
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        if let Ok(key) = PublicKey::parse(text) {
            return Ok(key.id());
        }
        let plain = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let number = plain.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number.map(Self).ok_or(NotAKey::Id)
    }
}

impl PublicKey {
    /// Reads the second line of a `.pub` file.
    ///
    /// # Errors
    /// [`NotAKey::Public`].
    ///
    /// ```
    /// use bailiwick_policy::publishers::PublicKey;
    /// let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    /// assert_eq!(PublicKey::parse(key).unwrap().id().to_string(), "E7620F1842B4E81F");
    /// ```
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let bytes = STANDARD.decode(text).map_err(|_| NotAKey::Public)?;
        let (algorithm, rest) = bytes.split_at_checked(2).ok_or(NotAKey::Public)?;
        let id = rest.first_chunk::<8>().ok_or(NotAKey::Public)?;
        if bytes.len() != KEY_BYTES || !ALGORITHMS.contains(&algorithm) {
            return Err(NotAKey::Public);
        }
        Ok(Self { text: text.to_owned(), id: KeyId::from_bytes(*id) })
    }

    /// What it is called.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", self.0)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn a_key_is_called_what_the_ordinary_tool_calls_it() {
        let id = PublicKey::parse(KEY).unwrap().id();
        assert_eq!(id.to_string(), "E7620F1842B4E81F");
        assert_eq!(KeyId::parse("E7620F1842B4E81F"), Ok(id));
        assert_eq!(KeyId::parse("e7620f1842b4e81f"), Ok(id));
        assert_eq!(KeyId::parse(KEY), Ok(id));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for bad in ["", "RWQ", &KEY[..55], &KEY.replace("RW", "AA"), &format!("{KEY}AAAA"), "ä"] {
            assert!(PublicKey::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "E7620F1842B4E81", "+7620F1842B4E81F", "E7620F1842B4E81FF"] {
            assert!(KeyId::parse(bad).is_err(), "{bad}");
        }
    }
}
