//! The ceiling: the most that any agent on this host may be granted, as the admin wrote it. Reads no file.

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_core::{Bytes, Calls, Digest, Money, Name, Tokens};
use serde::{Deserialize, Serialize};

use crate::budget::{Budget, Stated};
use crate::credential::Credential;
use crate::flow::LabelRules;
use crate::http::HttpRule;
use crate::limits::Limits;
use crate::origins::Origins;
use crate::people::People;
use crate::publishers::{Publishers, SignedWith, Withdrawn};
use crate::registry::RegistryRule;

/// `policy.toml`, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Folders (absolute, normalised) below which unsigned components may lie; nothing:
    /// anywhere, or nowhere where publishers are named.
    pub source_roots: Option<Vec<String>>,
    /// Whose signed components are admitted. Nothing: no admin wrote a policy, so nobody
    /// could say who a signature is by, and what is signed is taken as what is not.
    #[serde(default)]
    pub publishers: Option<Publishers>,
    /// Registries that components are fetched from and pushed to, in file order. The first
    /// that covers a reference counts; what none covers is not asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registries: Vec<RegistryRule>,
    /// Rules by pattern, in file order. An agent has the minimum of all that match it.
    pub ceilings: Vec<(Pattern, Ceiling)>,
    /// What each project may spend in a day.
    pub per_day: Budget,
    /// The currency of its amounts, where it has any.
    pub currency: Option<Stated>,
    /// Who may answer questions.
    pub people: People,
    /// The group of OS users who may ask a resident host; nothing: the user who runs it alone.
    #[serde(default)]
    pub group: Option<String>,
    /// Credentials by the names that grants use; those of the model vendors are always there.
    #[serde(default = "Credential::defaults")]
    pub credentials: BTreeMap<Name, Credential>,
    /// Files with roots that TLS trusts besides the system's, by the folder (absolute,
    /// normalised) below which projects do.
    #[serde(default)]
    pub tls_roots: BTreeMap<String, Vec<String>>,
    /// How confidential things are, and who may have them.
    pub labels: LabelRules,
}

/// What a ceiling is matched against: `acme/*` or `acme/NAME` where `acme` signed the
/// component, `local/…` where nobody did. The name is the profile's, because the operator
/// invents agent names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a pattern: it is PUBLISHER/NAME or PUBLISHER/*, with `local` for unsigned components"
)]
pub struct NotAPattern(String);

impl Pattern {
    /// Reads `publisher/name` or `publisher/*`.
    ///
    /// # Errors
    /// [`NotAPattern`] where the text has another form.
    pub fn parse(text: &str) -> Result<Self, NotAPattern> {
        let word = |w: &str| {
            !w.is_empty()
                && w.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        match text.split_once('/') {
            Some((publisher, name)) if word(publisher) && (name == "*" || word(name)) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NotAPattern(text.chars().take(80).collect())),
        }
    }

    /// Whether it covers `publisher/name`.
    #[must_use]
    pub fn matches(&self, identity: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => identity.starts_with(prefix),
            None => self.0 == identity,
        }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One rule: the most of each power. What a rule does not name, it does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Models, bounded by origin, because aliases are the operator's invention.
    pub model: Option<ModelCeiling>,
    /// Collections, bounded by where their folders lie.
    pub knowledge: Option<FolderCeiling>,
    /// Asset folders, the same.
    pub assets: Option<FolderCeiling>,
    /// Artifacts.
    pub artifacts: Option<ArtifactsCeiling>,
    /// Requests to the web, in the vocabulary of grants; nothing: none.
    #[serde(default)]
    pub http: Vec<HttpRule>,
    /// Namespaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv: Option<KvCeiling>,
    /// Other agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<DelegateCeiling>,
    /// Limits of the sandbox.
    pub limits: Limits,
}

/// The most of models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelCeiling {
    /// Calls of one agent in one run; unset: no bound here.
    pub calls: Option<Calls>,
    /// Tokens of one agent in one run; unset: no bound here.
    pub tokens: Option<Tokens>,
    /// Money of one agent in one run; unset: no bound here.
    pub money: Option<Money>,
    /// Which origins routes may have.
    pub origins: Origins,
}

impl ModelCeiling {
    /// Its numbers.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget { money: self.money, tokens: self.tokens, calls: self.calls }
    }
}

/// The most of folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderCeiling {
    /// Folders (absolute, normalised) below which they must lie; nothing: anywhere.
    pub roots: Option<Vec<String>>,
}

/// The most of artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactsCeiling {
    /// Bytes that one attempt may put; unset: no bound here beyond the limits.
    pub put: Option<Bytes>,
}

/// The most of namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvCeiling {
    /// What a namespace may hold for an agent to write into it; unset: no bound here
    /// beyond the host's own.
    pub quota: Option<Bytes>,
    /// Whether agents may write at all.
    pub write: bool,
}

/// Which agents may be called. Matched against what a component says it is, because the
/// operator invents the names of agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelegateCeiling {
    /// Every agent of the project.
    Any,
    /// Those that one of these matches.
    Profiles(Vec<Pattern>),
}

impl DelegateCeiling {
    /// Whether an agent may be called; one that nobody could read is nobody.
    #[must_use]
    pub fn allows(&self, identity: Option<&String>) -> bool {
        match self {
            Self::Any => true,
            Self::Profiles(patterns) => {
                identity.is_some_and(|identity| patterns.iter().any(|one| one.matches(identity)))
            }
        }
    }
}

impl std::fmt::Display for DelegateCeiling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("any agent of the project"),
            Self::Profiles(patterns) => {
                let patterns: Vec<_> = patterns.iter().map(Pattern::as_str).collect();
                f.write_str(&patterns.join(", "))
            }
        }
    }
}

impl Policy {
    /// The policy of a host without `policy.toml`: unsigned components from any
    /// folder and from no registry, public models by https and loopback by http, generous limits, and the
    /// OS user who runs it is the one person, in every group, cleared for all.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            source_roots: None,
            publishers: None,
            registries: Vec::new(),
            ceilings: vec![(Pattern("local/*".into()), Ceiling::built_in())],
            per_day: Budget::NONE,
            currency: None,
            people: People::WhoRunsIt,
            group: None,
            credentials: Credential::defaults(),
            tls_roots: BTreeMap::new(),
            labels: LabelRules::built_in(),
        }
    }

    /// Below which folders unsigned components may lie; nothing: anywhere.
    #[must_use]
    pub fn unsigned_below(&self) -> Option<&[String]> {
        let names_some = self.publishers.as_ref().is_some_and(|all| !all.is_empty());
        match &self.source_roots {
            Some(roots) => Some(roots),
            None if names_some => Some(&[]),
            None => None,
        }
    }

    /// Whether a component that was admitted is no longer.
    #[must_use]
    pub fn withdrawn(
        &self,
        component: &Digest,
        signed: Option<SignedWith>,
        identity: &str,
    ) -> Option<Withdrawn> {
        match &self.publishers {
            Some(publishers) => publishers.withdrawn(component, signed, identity),
            // Whoever wrote a policy wrote it down; without one nobody was ever admitted.
            None => signed.zip(identity.split_once('/')).map(|(signed, (publisher, _))| {
                Withdrawn::NoMore { publisher: publisher.to_owned(), key: signed.key }
            }),
        }
    }

    /// The rules that match an identity such as `local/draft`. None: nothing is allowed.
    pub fn matching(&self, identity: &str) -> impl Iterator<Item = (&Pattern, &Ceiling)> {
        self.ceilings
            .iter()
            .filter(move |(pattern, _)| pattern.matches(identity))
            .map(|(pattern, ceiling)| (pattern, ceiling))
    }

    /// The least numbers for models of the rules that match an identity.
    #[must_use]
    pub fn of_models(&self, identity: &str) -> Budget {
        let models = self.matching(identity).filter_map(|(_, ceiling)| ceiling.model.as_ref());
        let numbers =
            models.map(|most| Budget { money: most.money, tokens: most.tokens, calls: most.calls });
        numbers.fold(Budget::NONE, Budget::min)
    }
}

impl Ceiling {
    /// A rule that allows nothing and keeps the default limits: where every `[ceiling]` table begins.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            model: None,
            knowledge: None,
            assets: None,
            artifacts: None,
            http: Vec::new(),
            kv: None,
            delegate: None,
            limits: Limits::DEFAULT,
        }
    }

    /// What the built-in policy allows. The limits are those that the campaign's
    /// slowest honest agent needs, with room: a model on a laptop answers in minutes.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            model: Some(ModelCeiling {
                calls: None,
                tokens: None,
                money: None,
                origins: Origins::PublicHttpsOrLoopback,
            }),
            knowledge: Some(FolderCeiling { roots: None }),
            assets: Some(FolderCeiling { roots: None }),
            artifacts: Some(ArtifactsCeiling { put: None }),
            http: HttpRule::public(),
            kv: Some(KvCeiling { quota: None, write: true }),
            delegate: Some(DelegateCeiling::Any),
            limits: Limits {
                memory: Bytes::mib(1024),
                cpu: Duration::from_secs(60),
                wall: Duration::from_secs(1800),
                artifacts: Bytes::mib(256),
                ..Limits::DEFAULT
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_a_publisher_or_one_agent() {
        let all = Pattern::parse("local/*").unwrap();
        let one = Pattern::parse("local/draft").unwrap();
        assert!(all.matches("local/draft") && one.matches("local/draft"));
        assert!(!all.matches("acme/draft") && !one.matches("local/drafts"));
        for bad in ["", "local", "*", "*/x", "local/a*", "local/", "a/b/c"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn without_a_matching_rule_nothing_is_allowed() {
        assert_eq!(Policy::built_in().matching("acme/draft").count(), 0);
    }
}
