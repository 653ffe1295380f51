//! Patterns of hosts and paths: exact, or with stars in known places. Judges what the `url` crate made of a URL, never the text that somebody typed.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A host, as the `url` crate writes it: lower case, punycode, addresses in one form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum HostPattern {
    /// This one.
    Exact(String),
    /// Every name below this one, which is no public suffix; not the name itself.
    Below(String),
    /// Any. Ceilings alone say so.
    Any,
}

/// A text that is no pattern of hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAHost {
    /// Not a host at all.
    #[error(
        "{0:?} is no host: it is a name such as \"api.example.com\", an address, or \"*.example.com\""
    )]
    Form(String),
    /// A host in another form than URLs have it in.
    #[error("{0:?} must be written {1:?}, as it is in URLs")]
    NotCanonical(String, String),
    /// `*.co.uk`: names of people who have nothing to do with each other.
    #[error("*.{0} is everybody's: below a public suffix anybody can have a name")]
    PublicSuffix(String),
}

impl HostPattern {
    /// Reads `api.example.com`, `*.example.com`, `192.0.2.1` or `[2001:db8::1]`.
    ///
    /// # Errors
    /// [`NotAHost`].
    pub fn parse(text: &str) -> Result<Self, NotAHost> {
        let refused = || NotAHost::Form(text.chars().take(253).collect());
        let (name, below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        if name.contains('*') || name.ends_with('.') || name.len() > 253 {
            return Err(refused());
        }
        let host = Host::parse(name).map_err(|_| refused())?;
        if host.to_string() != name {
            return Err(NotAHost::NotCanonical(name.to_owned(), host.to_string()));
        }
        match (host, below) {
            (Host::Domain(name), true) if is_public_suffix(&name) => {
                Err(NotAHost::PublicSuffix(name))
            }
            (Host::Domain(name), true) => Ok(Self::Below(name)),
            (_, true) => Err(refused()),
            (host, false) => Ok(Self::Exact(host.to_string())),
        }
    }

    /// Whether a host of a URL fits, as the `url` crate writes it. A dot at its end makes
    /// it another name.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(own) => own == host,
            Self::Below(own) => is_below(host, own),
        }
    }

    /// Whether every host that another pattern matches is matched by this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (own, Self::Exact(host)) => own.matches(host),
            (Self::Below(own), Self::Below(other)) => own == other || is_below(other, own),
            (Self::Exact(_), Self::Below(_)) => false,
        }
    }
}

fn is_below(host: &str, name: &str) -> bool {
    // An address has no names below it, whatever it looks like.
    let label = host.strip_suffix(name).and_then(|rest| rest.strip_suffix('.'));
    label.is_some_and(|label| !label.is_empty()) && matches!(Host::parse(host), Ok(Host::Domain(_)))
}

fn is_public_suffix(name: &str) -> bool {
    psl::suffix_str(name) == Some(name)
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

impl TryFrom<String> for HostPattern {
    type Error = NotAHost;

    fn try_from(text: String) -> Result<Self, NotAHost> {
        if text == "*" { Ok(Self::Any) } else { Self::parse(&text) }
    }
}

/// A path: `/v1/*/items`, `/v1/**`, `/**`. `*` stands for any text without `/`, `**` as the
/// last part for anything below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PathPattern(String);

/// A text that is no pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPath {
    /// No path.
    #[error("{0:?} is no path: it begins with `/` and has neither `?` nor `#`")]
    Form(String),
    /// `**` elsewhere.
    #[error("{0:?}: `**` stands alone after the last `/`, as in \"/v1/**\"")]
    Stars(String),
    /// What no path below a pattern may have.
    #[error("{0:?}: `%2f %5c %2e %00 %25 ; \\ //` pass under \"/**\" only")]
    Tricky(String),
    /// A path in another form than URLs have it in.
    #[error("{0:?} must be written {1:?}, as it is in URLs")]
    NotCanonical(String, String),
}

impl PathPattern {
    /// `/**`.
    #[must_use]
    pub fn all() -> Self {
        Self("/**".into())
    }

    /// Reads a pattern.
    ///
    /// # Errors
    /// [`NotAPath`].
    pub fn parse(text: &str) -> Result<Self, NotAPath> {
        let own = || text.chars().take(256).collect::<String>();
        if !text.starts_with('/') || text.contains(['?', '#']) || text.len() > 1024 {
            return Err(NotAPath::Form(own()));
        }
        if text == "/**" {
            return Ok(Self::all());
        }
        let inner = text.strip_suffix("/**").unwrap_or(text);
        if inner.contains("**") {
            return Err(NotAPath::Stars(own()));
        }
        if is_tricky(text) {
            return Err(NotAPath::Tricky(own()));
        }
        let url = Url::parse(&format!("http://h{text}")).map_err(|_| NotAPath::Form(own()))?;
        if url.path() != text {
            return Err(NotAPath::NotCanonical(own(), url.path().to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it is `/**`, under which a path may have any form.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0 == "/**"
    }

    /// Whether a path of a URL fits, as the `url` crate writes it.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        if self.is_all() {
            return path.starts_with('/');
        }
        if let Some(above) = self.0.strip_suffix("**") {
            let depth = above.matches('/').count();
            let Some((at, _)) = path.match_indices('/').nth(depth.saturating_sub(1)) else {
                return false;
            };
            return path.get(..=at).is_some_and(|head| segments_match(above, head));
        }
        segments_match(&self.0, path)
    }

    /// Whether every path that another pattern matches is matched by this one. Errs on the
    /// side of no.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        if self.is_all() || self == other {
            return true;
        }
        let (mut own, mut others) = (self.0.split('/'), other.0.split('/'));
        loop {
            match (own.next(), others.next()) {
                (Some("**"), Some(_)) => return true,
                (Some(_), Some("**")) => return false,
                (Some(own), Some(other)) => {
                    let covers = own == other
                        || own == "*"
                        || (!other.contains('*') && glob(own.as_bytes(), other.as_bytes()));
                    if !covers {
                        return false;
                    }
                }
                (None, None) => return true,
                _ => return false,
            }
        }
    }
}

fn segments_match(pattern: &str, path: &str) -> bool {
    let (mut own, mut others) = (pattern.split('/'), path.split('/'));
    loop {
        match (own.next(), others.next()) {
            (Some(own), Some(other)) if glob(own.as_bytes(), other.as_bytes()) => {}
            (None, None) => return true,
            _ => return false,
        }
    }
}

/// Linear in the product of both, without going back more than to the last star.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen, mut back) = (0, 0, None);
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                back = Some((at, seen));
                at += 1;
            }
            Some(byte) if text.get(seen) == Some(byte) => {
                at += 1;
                seen += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    at = star + 1;
                    seen = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// Whether servers do not agree on what a path means: encoded separators and dots (also
/// those that appear when somebody decodes twice), parameters, backslashes, empty segments.
#[must_use]
pub(super) fn is_tricky(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["%2f", "%5c", "%2e", "%00", "%25", ";", "\\", "//"].iter().any(|sign| lower.contains(sign))
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.0
    }
}

impl TryFrom<String> for PathPattern {
    type Error = NotAPath;

    fn try_from(text: String) -> Result<Self, NotAPath> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_exact_or_below_a_name_that_is_somebodys() {
        let below = HostPattern::parse("*.example.com").unwrap();
        for (host, fits) in [
            ("api.example.com", true),
            ("a.b.example.com", true),
            ("example.com", false),
            (".example.com", false),
            ("evilexample.com", false),
            ("api.example.com.", false),
            ("api.example.com.evil.net", false),
        ] {
            assert_eq!(below.matches(host), fits, "{host}");
        }
        let exact = HostPattern::parse("api.example.com").unwrap();
        assert!(exact.matches("api.example.com") && !exact.matches("api.example.com."));
        assert!(below.covers(&exact) && !exact.covers(&below));
        for bad in [
            "",
            "*",
            "*.com",
            "*.co.uk",
            "*.github.io",
            "*.internal",
            "API.example.com",
            "api.example.com.",
            "a b",
            "http://x",
            "x:80",
            "x/y",
            "u@x",
            "0x7f.1",
            "*.1.2.3.4",
            "bücher.example",
            "a.*.example.com",
            "2130706433",
            "[::ffff:127.0.0.1",
        ] {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
        for good in ["127.0.0.1", "[::1]", "localhost", "xn--bcher-kva.example", "*.a.github.io"] {
            assert_eq!(HostPattern::parse(good).unwrap().to_string(), good);
        }
    }

    #[test]
    fn a_star_does_not_cross_a_slash() {
        for (pattern, path, fits) in [
            ("/v1/*", "/v1/items", true),
            ("/v1/*", "/v1/items/7", false),
            ("/v1/*", "/v1", false),
            ("/v1/*/items", "/v1/7/items", true),
            ("/v1/i*s", "/v1/items", true),
            ("/v1/i*s", "/v1/item", false),
            ("/v1/**", "/v1/items/7", true),
            ("/v1/**", "/v1/", true),
            ("/v1/**", "/v1", false),
            ("/v1/**", "/v10/x", false),
            ("/a*/**", "/abc/d/e", true),
            ("/a*/**", "/b/d", false),
            ("/**", "/", true),
            ("/**", "/anything/at/all", true),
            ("/campaign", "/campaign", true),
            ("/campaign", "/campaign/", false),
        ] {
            let pattern = PathPattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_covers_only_what_it_matches() {
        for (wide, narrow, covers) in [
            ("/**", "/v1/*", true),
            ("/v1/**", "/v1/*", true),
            ("/v1/**", "/v1/a/**", true),
            ("/v1/*", "/v1/items", true),
            ("/v1/*", "/v1/i*", true),
            ("/v1/i*", "/v1/*", false),
            ("/v1/*", "/v1/**", false),
            ("/v1/*", "/v1/a/b", false),
            ("/v1/a", "/**", false),
        ] {
            let parse = |text| PathPattern::parse(text).unwrap();
            assert_eq!(parse(wide).covers(&parse(narrow)), covers, "{wide} {narrow}");
        }
        for bad in
            ["", "v1", "/v1?x", "/a/../b", "/a//b", "/a;b", "/**/x", "/a**", "/%2e", "/a b", "/ü"]
        {
            assert!(PathPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
