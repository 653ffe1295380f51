//! Credentials as policy.toml defines them: where a secret comes from, which origin it is bound to, and where in a request it goes. Holds no secret.

use std::collections::BTreeMap;

use bailiwick_core::Name;
use serde::{Deserialize, Serialize};

use crate::http::{HostPattern, HttpRule, Method};
use crate::network::Network;
use crate::route::{Origin, ProviderKind};

/// One credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Where the secret is read, at each use.
    pub source: Source,
    /// The origin that it goes to, and no other.
    pub origin: Origin,
    /// Whether it may also go to this machine's loopback.
    pub loopback: bool,
    /// Where in a request.
    pub place: Place,
    /// Whether a secret under 16 bytes is taken: an answer that happens to hold its text is
    /// thrown away.
    pub weak: bool,
}

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A variable of the host's environment.
    Env(String),
    /// A file, by its absolute path.
    File(String),
    /// What a program prints, by its absolute path, with arguments. No shell.
    Command(Vec<String>),
}

/// Where in a request a secret goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// A header, in lower case, with text before the secret.
    Header {
        /// The header.
        name: String,
        /// What stands before the secret: `Bearer `.
        prefix: String,
    },
    /// A parameter of the query.
    Query(String),
    /// Nowhere: the request is signed with it, as Standard Webhooks 1 says. It goes out in
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    Signature,
}

impl Credential {
    /// The two that exist without being written down: of OpenAI and of Anthropic, each
    /// bound to its vendor and to this machine's loopback.
    #[must_use]
    pub fn defaults() -> BTreeMap<Name, Self> {
        let key = |variable: &str, origin: &str, header: &str, prefix: &str| Self {
            source: Source::Env(variable.into()),
            origin: Origin(origin.into()),
            loopback: true,
            place: Place::Header { name: header.into(), prefix: prefix.into() },
            weak: false,
        };
        let all = [
            (
                ProviderKind::Openai,
                key("OPENAI_API_KEY", "https://api.openai.com", "authorization", "Bearer "),
            ),
            (
                ProviderKind::Anthropic,
                key("ANTHROPIC_API_KEY", "https://api.anthropic.com", "x-api-key", ""),
            ),
        ];
        let named = all.into_iter().map(|(kind, key)| Some((Name::new(kind.as_str()).ok()?, key)));
        named.flatten().collect()
    }

    /// What people call the secret: the variable, the file, the program.
    #[must_use]
    pub fn called(&self) -> &str {
        match &self.source {
            Source::Env(variable) => variable,
            Source::File(path) => path,
            Source::Command(words) => words.first().map_or("a program", String::as_str),
        }
    }

    /// Whether it may go to an origin. Loopback is told from its address: a name that
    /// merely resolves there is none.
    #[must_use]
    pub fn is_bound_to(&self, origin: &Origin) -> bool {
        self.origin == *origin || (self.loopback && origin.is_loopback())
    }

    /// Whether a rule allows nothing but what can be signed with it: a signature is about
    /// a body, and says nothing of method and address.
    #[must_use]
    pub fn signs(&self, rule: &HttpRule) -> bool {
        let has_body =
            |method: &Method| matches!(method, Method::Post | Method::Put | Method::Patch);
        self.place != Place::Signature || rule.methods.iter().all(has_body)
    }

    /// Whether a rule can only be about origins that it may go to.
    #[must_use]
    pub fn fits(&self, rule: &HttpRule) -> bool {
        let (HostPattern::Exact(host), Some(port)) = (&rule.host, rule.port) else { return false };
        let scheme = rule.scheme.as_str();
        let origin = match port {
            port if port == rule.scheme.port() => format!("{scheme}://{host}"),
            port => format!("{scheme}://{host}:{port}"),
        };
        let origin = Origin(origin);
        let here = origin.is_loopback() == (rule.network == Network::Loopback);
        self.is_bound_to(&origin) && (here || self.origin == origin)
    }
}
