//! Grants: what an operator lets one agent name do. Knows no ceiling and no component.

use std::collections::BTreeSet;

use bailiwick_core::{Bytes, Calls, Money, Name, Tokens};
use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::http::HttpPower;

/// The powers of one agent name, each with its scope.
///
/// **Default deny.** [`Grants::none`] is the only constructor that names every
/// field; what a file does not say stays as it is there, and nothing else in the
/// project fills a field in by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Models by alias, with counters for each run.
    pub model: Option<ModelGrant>,
    /// Collections that it may search.
    pub knowledge: BTreeSet<Name>,
    /// Asset folders whose files its inputs may name.
    pub assets: BTreeSet<Name>,
    /// Whether it may read what its input names, and how much it may put.
    pub artifacts: Option<ArtifactsGrant>,
    /// What it may ask of the web. Not written where it is nothing: the digests of older
    /// grants stay.
    #[serde(default, skip_serializing_if = "HttpPower::is_none")]
    pub http: HttpPower,
    /// The namespace whose values it may read. Not written where there is none: the digests
    /// of older grants stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kv: Option<KvGrant>,
    /// Other agents of the project that it may call. Not written where there are none: the
    /// digests of older grants stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<DelegateGrant>,
}

/// Other agents, each of which works under its own grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegateGrant {
    /// By the operator's names.
    pub agents: BTreeSet<Name>,
    /// Whether its operator accepts that what comes from outside steers what they change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub even_if_outside: bool,
}

/// Models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelGrant {
    /// The aliases.
    pub aliases: BTreeSet<Name>,
    /// Requests that leave, each run; unset: as many as the ceiling and the gate's own limit allow.
    pub calls: Option<Calls>,
    /// Input and output tokens, each run; unset: as many as the ceiling allows.
    pub tokens: Option<Tokens>,
    /// At the prices of the routes, each run; unset: as much as the ceiling allows. Not
    /// written where it is unset: the digests of older grants stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
}

impl ModelGrant {
    /// Its numbers.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget { money: self.money, tokens: self.tokens, calls: self.calls }
    }
}

/// Artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactsGrant {
    /// Bytes that one attempt may put, in sum; unset: it only reads.
    pub put: Option<Bytes>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvGrant {
    /// Which.
    pub namespace: Name,
    /// Whether it is among the writers of the namespace; else it only reads.
    pub write: bool,
    /// What the namespace may hold, keys and values, for this agent to write into it.
    pub quota: Bytes,
    /// Whether its operator accepts that what comes from outside steers what it writes. Not
    /// written where it is not said: the digests of older grants stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub even_if_outside: bool,
}

impl KvGrant {
    /// What a namespace may hold where nobody says anything: notes and counters of a
    /// project for years, and still read at once.
    pub const QUOTA: Bytes = Bytes::mib(16);

    /// The most that anybody can allow a namespace: it is audited and copied as a whole.
    pub const QUOTA_MAX: Bytes = Bytes::mib(256);
}

impl Grants {
    /// Nothing at all: where every agent begins.
    #[must_use]
    pub fn none() -> Self {
        Self {
            model: None,
            knowledge: BTreeSet::new(),
            assets: BTreeSet::new(),
            artifacts: None,
            http: HttpPower::none(),
            kv: None,
            delegate: None,
        }
    }

    /// The agents that it may call.
    pub fn callees(&self) -> impl Iterator<Item = &Name> {
        self.delegate.iter().flat_map(|grant| &grant.agents)
    }

    /// Whether the import of an interface of the contract is covered by some grant.
    /// `log` and `types` need none.
    #[must_use]
    pub fn covers_import(&self, interface: &str) -> bool {
        match interface {
            "log" | "types" => true,
            "model" => self.model.is_some(),
            "knowledge" => !self.knowledge.is_empty(),
            "artifacts" => self.artifacts.is_some(),
            "http" => !self.http.is_none(),
            "kv" => self.kv.is_some(),
            "delegate" => self.delegate.as_ref().is_some_and(|grant| !grant.agents.is_empty()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_covers_nothing_but_words() {
        let none = Grants::none();
        assert!(none.covers_import("log"));
        for interface in ["model", "knowledge", "artifacts", "http", "kv", "delegate", "anything"] {
            assert!(!none.covers_import(interface), "{interface}");
        }
    }
}
