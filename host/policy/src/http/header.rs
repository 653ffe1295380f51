//! Which headers a request may carry: by list, and some never. Knows no values.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a request may have where a grant does not say: what describes its own body and
/// the answer that it wants.
pub const DEFAULT_HEADERS: [&str; 8] = [
    "accept",
    "accept-language",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
];

/// What belongs to the connection or to the host, and no list can allow: with these a
/// request could hide a second one, name another server, or be answered in pieces and in
/// forms in which a credential is not found.
const NEVER: [&str; 24] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "idempotency-key",
    "keep-alive",
    "max-forwards",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-for",
];

/// Whether no list can allow a header. The name is in lower case.
#[must_use]
pub fn is_never_sent(name: &str) -> bool {
    NEVER.contains(&name) || name.starts_with("proxy-") || name.starts_with("x-forwarded-")
}

/// Headers that requests may have, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Headers {
    /// Any that is not the host's own. Ceilings alone say so.
    Any,
    /// These.
    Listed(BTreeSet<String>),
}

/// A text that cannot stand in a list of headers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAHeader {
    /// Another form.
    #[error("{0:?} is no name of a header: lower-case letters, digits and `-`, at most 64")]
    Form(String),
    /// The host's own.
    #[error("`{0}` is never sent for an agent: it belongs to the connection or to the host")]
    Never(String),
}

impl Headers {
    /// The default list.
    #[must_use]
    pub fn usual() -> Self {
        Self::Listed(DEFAULT_HEADERS.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Reads one name of a list.
    ///
    /// # Errors
    /// [`NotAHeader`].
    pub fn name(text: &str) -> Result<String, NotAHeader> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
            return Err(NotAHeader::Form(text.chars().take(64).collect()));
        }
        if is_never_sent(text) {
            return Err(NotAHeader::Never(text.to_owned()));
        }
        Ok(text.to_owned())
    }

    /// Whether a request may have a header, in lower case.
    #[must_use]
    pub fn allow(&self, name: &str) -> bool {
        match self {
            _ if is_never_sent(name) => false,
            Self::Any => true,
            Self::Listed(names) => names.contains(name),
        }
    }

    /// Whether everything that another list allows is allowed by this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Listed(_), Self::Any) => false,
            (Self::Listed(own), Self::Listed(others)) => own.is_superset(others),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_connection_is_on_no_list() {
        for never in ["host", "expect", "content-length", "te", "trailer", "proxy-foo", "range"] {
            assert!(Headers::name(never).is_err(), "{never}");
            assert!(!Headers::Any.allow(never), "{never}");
        }
        for name in DEFAULT_HEADERS {
            assert!(Headers::usual().allow(name), "{name}");
        }
        assert!(!Headers::usual().allow("authorization"));
        for bad in ["", "Accept", "x y", "x\r\ny", "x:y", "ünter"] {
            assert!(Headers::name(bad).is_err(), "{bad:?}");
        }
    }
}
