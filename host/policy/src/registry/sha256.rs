//! What registries call bytes. Hashes nothing: who reads the bytes does.

use std::fmt;
use std::str::FromStr;

use oci_spec::image::{Digest, DigestAlgorithm};
use serde::{Deserialize, Serialize};

/// A SHA-256 hash, written `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sha256([u8; 32]);

/// A text that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: it must be \"sha256:\" and 64 lower-case hexadecimal digits")]
pub struct NotASha256;

impl Sha256 {
    /// From the 32 bytes of a hash.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Sha256 {
    type Err = NotASha256;

    fn from_str(text: &str) -> Result<Self, NotASha256> {
        let digest = Digest::from_str(text).map_err(|_| NotASha256)?;
        Self::try_from(&digest)
    }
}

impl TryFrom<&Digest> for Sha256 {
    type Error = NotASha256;

    fn try_from(digest: &Digest) -> Result<Self, NotASha256> {
        if *digest.algorithm() != DigestAlgorithm::Sha256 {
            return Err(NotASha256);
        }
        let mut bytes = [0; 32];
        let digits = digest.digest().as_bytes();
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| NotASha256)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NotASha256)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = NotASha256;

    fn try_from(text: String) -> Result<Self, NotASha256> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_in_one_form_only() {
        let text = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(text.parse::<Sha256>().map(|digest| digest.to_string()), Ok(text.clone()));
        for bad in [
            String::new(),
            "0f".repeat(32),
            text.to_uppercase(),
            format!("sha256:{}", "0F".repeat(32)),
            format!("sha256:{}", "0f".repeat(31)),
            format!("sha512:{}", "0f".repeat(64)),
            format!("{text} "),
        ] {
            assert_eq!(bad.parse::<Sha256>(), Err(NotASha256), "{bad}");
        }
    }
}
