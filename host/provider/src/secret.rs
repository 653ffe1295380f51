//! Secrets: how they are held, where each may be sent, and how they are found in what comes back. Reads no environment: the caller hands them in.

use std::fmt;

use bailiwick_policy::ProviderKind;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::dial::Credential;
use crate::network::Network;
use crate::target::Target;

/// What is shown in place of a secret.
pub const REDACTED: &str = "[redacted]";
/// The shortest secret: anything shorter turns up in ordinary text, and then every
/// answer that says it would have to be thrown away.
pub const SECRET_MIN_BYTES: usize = 16;
/// The longest: header lines are bounded by servers at 8 KiB.
const SECRET_MAX_BYTES: usize = 4096;

/// Text that is never shown: prints as `[redacted]`, is overwritten when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// Why a text is no usable secret. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASecret {
    /// Under [`SECRET_MIN_BYTES`].
    #[error(
        "it has {0} bytes; a key has at least {SECRET_MIN_BYTES}, so that it can be told from ordinary text in answers"
    )]
    TooShort(usize),
    /// Over 4 KiB.
    #[error("it has {0} bytes; a key has at most {SECRET_MAX_BYTES}")]
    TooLong(usize),
    /// Not printable ASCII without spaces.
    #[error("it has characters that a header cannot carry")]
    Unprintable,
}

impl Secret {
    /// Takes a text; white space around it is dropped.
    ///
    /// # Errors
    /// [`NotASecret`].
    pub fn new(text: &str) -> Result<Self, NotASecret> {
        let text = text.trim();
        match text.len() {
            short if short < SECRET_MIN_BYTES => Err(NotASecret::TooShort(short)),
            long if long > SECRET_MAX_BYTES => Err(NotASecret::TooLong(long)),
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(NotASecret::Unprintable),
            _ => Ok(Self(Zeroizing::new(text.to_owned()))),
        }
    }

    /// Whether bytes contain it.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        let needle = self.0.as_bytes();
        bytes.windows(needle.len()).any(|window| window == needle)
    }

    /// The text with every occurrence replaced.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        text.replace(self.0.as_str(), REDACTED)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn header(&self, prefix: &str) -> Option<HeaderValue> {
        let text = Zeroizing::new(format!("{prefix}{}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// A default credential, as the front end found it.
#[derive(Clone, Debug, Default)]
enum Key {
    #[default]
    Absent,
    Usable(Secret),
    Refused(NotASecret),
}

/// The two default credentials. Each is bound to its vendor's origin and to this
/// machine's loopback, and is sent nowhere else.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    openai: Key,
    anthropic: Key,
}

/// Why no credential goes with a request, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoCredential {
    /// There is none.
    #[error("{0} is not set")]
    Absent(&'static str),
    /// It belongs elsewhere.
    #[error("{name} is sent to {vendor} and to this machine's loopback only")]
    Bound { name: &'static str, vendor: &'static str },
}

impl Keys {
    /// Keys as the front end read them (`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`). Nothing
    /// and empty text mean that there is none. An unusable one is remembered and refused
    /// where a route would send it, so that runs which need no key are not stopped by it.
    #[must_use]
    pub fn new(openai: Option<&str>, anthropic: Option<&str>) -> Self {
        Self { openai: Key::of(openai), anthropic: Key::of(anthropic) }
    }

    /// The credential that goes to a target.
    ///
    /// # Errors
    /// [`NotASecret`] with the name of the key, where a key should go and cannot.
    pub(crate) fn credential(
        &self,
        kind: ProviderKind,
        target: &Target,
    ) -> Result<Result<(Credential, Secret), NoCredential>, String> {
        let (key, name, header, prefix): (_, _, HeaderName, _) = match kind {
            ProviderKind::Openai => (&self.openai, "OPENAI_API_KEY", AUTHORIZATION, "Bearer "),
            ProviderKind::Anthropic => {
                (&self.anthropic, "ANTHROPIC_API_KEY", HeaderName::from_static("x-api-key"), "")
            }
            ProviderKind::Builtin => return Err("the built-in provider has no key".into()),
        };
        let secret = match key {
            Key::Absent => return Ok(Err(NoCredential::Absent(name))),
            Key::Refused(_) | Key::Usable(_) if !is_bound_to(kind, target) => {
                let vendor = kind.default_base().unwrap_or_default();
                return Ok(Err(NoCredential::Bound { name, vendor }));
            }
            Key::Refused(reason) => return Err(format!("{name} cannot be used: {reason}")),
            Key::Usable(secret) => secret,
        };
        let value = secret.header(prefix).ok_or_else(|| format!("{name} cannot be used"))?;
        Ok(Ok((Credential { name, header, value }, secret.clone())))
    }

    /// A text without either key: the last net under everything that is shown.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        [&self.openai, &self.anthropic].into_iter().fold(text.to_owned(), |text, key| match key {
            Key::Usable(secret) => secret.scrub(&text),
            Key::Absent | Key::Refused(_) => text,
        })
    }

    /// The keys that there are: an answer may hold none of them, whoever it is from.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Secret> {
        [&self.openai, &self.anthropic].into_iter().filter_map(|key| match key {
            Key::Usable(secret) => Some(secret),
            Key::Absent | Key::Refused(_) => None,
        })
    }
}

impl Key {
    fn of(text: Option<&str>) -> Self {
        match text.map(str::trim).filter(|text| !text.is_empty()) {
            None => Self::Absent,
            Some(text) => match Secret::new(text) {
                Ok(secret) => Self::Usable(secret),
                Err(reason) => Self::Refused(reason),
            },
        }
    }
}

fn is_bound_to(kind: ProviderKind, target: &Target) -> bool {
    let vendor = kind.default_base().and_then(|base| Target::parse(base).ok());
    target.network() == Network::Loopback
        || vendor.is_some_and(|vendor| vendor.origin() == target.origin())
}

/// Whether a target is a provider's vendor itself.
pub(crate) fn is_vendor(kind: ProviderKind, target: &Target) -> bool {
    target.network() == Network::Public && is_bound_to(kind, target)
}

/// Looks for secrets in bytes that arrive in pieces. Finds what is sent as it is; who
/// was sent a key and wants to hand it on in disguise cannot be stopped here.
pub(crate) struct Search<'a> {
    keys: &'a Keys,
    tail: Vec<u8>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(keys: &'a Keys) -> Self {
        Self { keys, tail: Vec::new() }
    }

    /// Whether a secret is in what came so far, pieces put together.
    pub(crate) fn finds_in(&mut self, piece: &[u8]) -> bool {
        let longest = self.keys.all().map(Secret::len).max().unwrap_or(0);
        if longest == 0 {
            return false;
        }
        self.tail.extend_from_slice(piece);
        let found = self.keys.all().any(|secret| secret.is_in(&self.tail));
        let surplus = self.tail.len().saturating_sub(longest);
        self.tail.drain(..surplus);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-test-0123456789abcdef";

    #[test]
    fn prints_nothing_of_itself() {
        let keys = Keys::new(Some(KEY), Some("short"));
        let shown =
            format!("{keys:?} {:?} {}", Secret::new(KEY).unwrap(), Secret::new(KEY).unwrap());
        assert!(
            !shown.contains(KEY) && !shown.contains("short") && shown.contains(REDACTED),
            "{shown}"
        );
        assert_eq!(keys.scrub(&format!("a {KEY} b")), "a [redacted] b");
    }

    #[test]
    fn is_bound_to_the_vendor_or_loopback() {
        let keys = Keys::new(Some(KEY), Some(KEY));
        let sent = |kind, base: &str| {
            keys.credential(kind, &Target::parse(base).unwrap()).unwrap().is_ok()
        };
        for good in [
            "https://api.openai.com/v1",
            "http://127.0.0.1:8080/v1",
            "http://localhost:1/",
            "http://[::1]:9/",
        ] {
            assert!(sent(ProviderKind::Openai, good), "{good}");
        }
        for bad in [
            "http://api.openai.com/v1",
            "https://api.openai.com:8443/v1",
            "https://api.openai.com.evil.example/v1",
            "https://api.anthropic.com",
            "https://llm.example.com/v1",
            "http://localhost.evil.example/",
            "https://10.0.0.1/",
        ] {
            assert!(!sent(ProviderKind::Openai, bad), "{bad}");
        }
        assert!(sent(ProviderKind::Anthropic, "https://api.anthropic.com"));
        assert!(!sent(ProviderKind::Anthropic, "https://api.openai.com"));
    }

    #[test]
    fn an_unusable_key_is_refused_where_it_would_be_sent() {
        let keys = Keys::new(Some("short"), None);
        let target = |base: &str| Target::parse(base).unwrap();
        assert!(keys.credential(ProviderKind::Openai, &target("http://127.0.0.1:1")).is_err());
        assert!(
            keys.credential(ProviderKind::Openai, &target("https://llm.example.com"))
                .unwrap()
                .is_err()
        );
        for bad in ["fifteen-bytes-x", "with a space in the middle", "with-ümlaut-in-the-middle"] {
            assert!(Secret::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn is_found_across_pieces() {
        let keys = Keys::new(Some(KEY), None);
        let text = format!("data: {KEY} end");
        for cut in 0..=text.len() {
            let mut search = Search::new(&keys);
            let (first, second) = text.as_bytes().split_at(cut);
            assert!(search.finds_in(first) | search.finds_in(second), "cut at {cut}");
        }
        let mut search = Search::new(&keys);
        assert!(!search.finds_in(&KEY.as_bytes()[..10]) && !search.finds_in(b"-"));
    }
}
