//! Where a request goes: a URL, parsed once, with the network class that it asks for. Connects to nothing.

use std::net::IpAddr;

use url::{Host, Url};

use bailiwick_policy::Network;

/// A URL that can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    url: Url,
    host: String,
    literal: Option<IpAddr>,
    network: Network,
}

/// Why a URL cannot be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotATarget {
    /// It does not parse.
    #[error("the route's base is no URL")]
    NotAUrl,
    /// Another scheme, or no host.
    #[error("the route's base must be http:// or https:// with a host")]
    Scheme,
    /// Secrets have their own place.
    #[error("the route's base must not hold a user name or password")]
    UserInfo,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`NotATarget`].
    pub(crate) fn parse(text: &str) -> Result<Self, NotATarget> {
        let url = Url::parse(text).map_err(|_| NotATarget::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotATarget::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotATarget::UserInfo);
        }
        let network = Network::of(&url.host().ok_or(NotATarget::Scheme)?);
        Self::of(url, network)
    }

    /// A URL that was parsed and judged already, in the network that its rule names.
    ///
    /// # Errors
    /// [`NotATarget::Scheme`] where it has no host.
    pub(crate) fn of(url: Url, network: Network) -> Result<Self, NotATarget> {
        let host = url.host().ok_or(NotATarget::Scheme)?;
        let literal = match host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        let host = host.to_string();
        Ok(Self { url, host, literal, network })
    }

    /// The same origin with segments added to its path; query and fragment are dropped.
    pub(crate) fn under(&self, segments: &[&str]) -> Self {
        let mut target = self.clone();
        target.url.set_query(None);
        target.url.set_fragment(None);
        if let Ok(mut path) = target.url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        target
    }

    /// Whether the path ends in a segment, a trailing slash aside.
    pub(crate) fn ends_in(&self, segment: &str) -> bool {
        self.url.path().trim_end_matches('/').rsplit('/').next() == Some(segment)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The address, where the host is one.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        self.literal
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_added_to_the_base() {
        for (base, expected) in [
            ("https://api.example.com/v1", "https://api.example.com/v1/chat/completions"),
            ("https://api.example.com/v1/", "https://api.example.com/v1/chat/completions"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/chat/completions"),
            ("https://api.example.com/v1?k=1#f", "https://api.example.com/v1/chat/completions"),
        ] {
            assert_eq!(
                Target::parse(base).unwrap().under(&["chat", "completions"]).url().as_str(),
                expected
            );
        }
    }

    #[test]
    fn refuses_what_is_no_plain_http_url() {
        for (text, expected) in [
            ("nothing", NotATarget::NotAUrl),
            ("ftp://example.com", NotATarget::Scheme),
            ("file:///etc/passwd", NotATarget::Scheme),
            ("https://me:secret@example.com", NotATarget::UserInfo),
        ] {
            assert_eq!(Target::parse(text), Err(expected), "{text}");
        }
    }
}
