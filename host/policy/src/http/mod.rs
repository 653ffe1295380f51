//! What may be asked of the web: rules for requests, in grants and in ceilings alike, and the one decision about a request. Resolves no name and sends nothing.

mod decide;
mod header;
mod pattern;
mod shown;

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use bailiwick_core::{Bytes, Name};
use serde::{Deserialize, Serialize};
use url::Url;

pub use decide::{Asked, Aspect, Pass, Refused};
pub use header::{DEFAULT_HEADERS, Headers, NotAHeader, is_never_sent};
pub use pattern::{HostPattern, NotAHost, NotAPath, PathPattern};

use crate::network::{Block, Network};
use crate::route::Origin;

/// The most rules in one grant or one ceiling: more is a network of its own.
pub const RULES_MAX: usize = 64;
/// The largest body either way: as large as any document of the contract.
pub const BODY_MAX: Bytes = Bytes::mib(4);
/// The largest body of a request where a grant does not say.
pub const REQUEST_DEFAULT: Bytes = Bytes::mib(1);
/// The largest body of an answer where a grant does not say.
pub const RESPONSE_DEFAULT: Bytes = Bytes::mib(1);

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the two schemes")]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// The word in files and URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| scheme.as_str() == text)
    }

    /// The port of a URL that names none.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// What is asked. `CONNECT` and `TRACE` are nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the methods of RFC 9110")]
pub enum Method {
    Get,
    Head,
    Options,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Options, Self::Post, Self::Put, Self::Patch, Self::Delete];
    /// Their words, in the same order.
    pub const WORDS: [&'static str; 7] =
        ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];

    /// As requests have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Reads the word; methods are case-sensitive.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// Whether a request may change something: all but `GET` and `HEAD`.
    #[must_use]
    pub fn changes(self) -> bool {
        !matches!(self, Self::Get | Self::Head)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The block of one address, where a network can have it at all.
fn of_its_own(address: IpAddr) -> Option<Block> {
    let length = if address.is_ipv4() { 32 } else { 128 };
    let block = Block::parse(&format!("{address}/{length}")).ok()?;
    Network::Blocks(vec![block]).admits(address).then_some(block)
}

/// One rule. In a grant it lets requests through; in a ceiling it bounds what grants let
/// through. It has one vocabulary, so that both can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRule {
    /// The scheme.
    pub scheme: Scheme,
    /// The host.
    pub host: HostPattern,
    /// The port; in a ceiling nothing means any.
    pub port: Option<u16>,
    /// The methods.
    pub methods: BTreeSet<Method>,
    /// The paths.
    pub paths: Vec<PathPattern>,
    /// The headers that a request may have.
    pub headers: Headers,
    /// The largest body of a request; in a ceiling nothing means no bound here.
    pub request: Option<Bytes>,
    /// The largest body of an answer; in a ceiling nothing means no bound here.
    pub response: Option<Bytes>,
    /// The credential of policy.toml that goes along.
    pub credential: Option<Name>,
    /// Which addresses the host may have.
    pub network: Network,
    /// Whether its operator accepts that what comes from outside steers what it changes.
    /// Grants alone say so. Not written where it is not said: the digests of older grants
    /// stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub even_if_outside: bool,
}

/// Requests to the web: a request passes that one of `rules` lets through, unless one of
/// `bounds` has no rule for it. So what is left of two powers is simply both of them, and
/// neither more rules there nor fewer bounds can ever take a request away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpPower {
    /// What was granted, in file order: the first rule that fits, fits.
    pub rules: Vec<HttpRule>,
    /// Ceilings, and what else narrows it: each of them must allow what a rule lets through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<Vec<HttpRule>>,
    /// Hosts that were taken away on a running host, whatever the rules say.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub except: BTreeSet<HostPattern>,
}

impl HttpPower {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there is nothing that could be asked.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.rules.is_empty()
    }

    /// The same within one more ceiling.
    #[must_use]
    pub fn within(mut self, bound: &[HttpRule]) -> Self {
        if self.is_none() || bound.is_empty() {
            return Self::none();
        }
        if !self.bounds.iter().any(|known| known == bound) {
            self.bounds.push(bound.to_vec());
        }
        self
    }

    /// What both let through.
    #[must_use]
    pub fn narrowed(&self, today: &Self) -> Self {
        let own = self.clone();
        // The rules of today bound those of then, unless they are the same.
        let own = if own.rules == today.rules { own } else { own.within(&today.rules) };
        let own = today.bounds.iter().fold(own, |power, bound| power.within(bound));
        today.except.iter().cloned().fold(own, Self::except)
    }

    /// The same without the hosts of a pattern.
    #[must_use]
    pub fn except(mut self, host: HostPattern) -> Self {
        if !self.is_none() {
            self.except.insert(host);
        }
        self
    }
}

impl HttpRule {
    /// Why it can never let anything through, where that is so: with what to write instead.
    #[must_use]
    pub fn idle(&self) -> Option<String> {
        if self.methods.is_empty() {
            return Some("`methods` is empty: leave it out for GET and HEAD".into());
        }
        if self.paths.is_empty() {
            return Some("`paths` is empty: paths = [\"/**\"] is all of them".into());
        }
        let HostPattern::Exact(host) = &self.host else { return None };
        let address: IpAddr = match host.as_str() {
            "localhost" => Ipv4Addr::LOCALHOST.into(),
            text => text.trim_matches(['[', ']']).parse().ok()?,
        };
        if self.network.admits(address) {
            return None;
        }
        let of = [(Network::Loopback, "\"loopback\""), (Network::Private, "\"private\"")];
        let fitting = of.iter().find(|(network, _)| network.admits(address));
        let fitting = match fitting {
            Some((_, word)) => format!("network = {word} has it"),
            None if Network::Public.admits(address) => "leave `network` out".to_owned(),
            None => match of_its_own(address) {
                Some(block) => format!("network = [\"{block}\"] has it"),
                None => "no network has it".to_owned(),
            },
        };
        Some(format!("its network ({}) does not have {host}: {fitting}", self.network))
    }

    /// The one origin that it names; nothing where its host is a pattern or any port will do.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        match (&self.host, self.port) {
            (HostPattern::Exact(_), Some(_)) => Some(Origin(self.site())),
            _ => None,
        }
    }

    /// The origin, or the pattern of origins, as people write it: `https://*.example.com`.
    #[must_use]
    pub fn site(&self) -> String {
        let (scheme, host) = (self.scheme.as_str(), &self.host);
        match self.port {
            Some(port) if port == self.scheme.port() => format!("{scheme}://{host}"),
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}:*"),
        }
    }

    /// Whether an origin is one of those that it names.
    #[must_use]
    pub fn names(&self, origin: &Origin) -> bool {
        let Ok(url) = Url::parse(&origin.0) else { return false };
        let port = self.port.is_none() || url.port_or_known_default() == self.port;
        let host = url.host_str().is_some_and(|host| self.host.matches(host));
        Scheme::parse(url.scheme()) == Some(self.scheme) && host && port
    }

    /// Whether everything that another rule lets through is let through by this one. Errs on
    /// the side of no: what `check` refuses can be written more plainly.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let paths = |path: &PathPattern| self.paths.iter().any(|own| own.covers(path));
        self.scheme == other.scheme
            && self.host.covers(&other.host)
            && self.port.is_none_or(|port| other.port == Some(port))
            && self.methods.is_superset(&other.methods)
            && other.paths.iter().all(paths)
            && self.headers.covers(&other.headers)
            && self.request.is_none_or(|most| other.request.is_some_and(|asked| asked <= most))
            && self.response.is_none_or(|most| other.response.is_some_and(|asked| asked <= most))
            && (other.credential.is_none() || self.credential == other.credential)
            && other.network.is_within(&self.network)
    }

    /// What the built-in policy lets agents do: anything on public addresses, without a
    /// credential.
    #[must_use]
    pub fn public() -> Vec<Self> {
        let rule = |scheme| Self {
            scheme,
            host: HostPattern::Any,
            port: None,
            methods: Method::ALL.into(),
            paths: vec![PathPattern::all()],
            headers: Headers::Any,
            request: None,
            response: None,
            credential: None,
            network: Network::Public,
            even_if_outside: false,
        };
        vec![rule(Scheme::Https), rule(Scheme::Http)]
    }
}
