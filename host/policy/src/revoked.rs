//! Powers that were taken away on a running host, whatever the files grant: what such a word means, and what it leaves. Knows no journal and no host.

use std::fmt;

use bailiwick_core::Name;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::grants::{ArtifactsGrant, Grants};
use crate::http::{HostPattern, HttpPower};

/// A power by the word that people type: a key of `grants`, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PowerKey {
    /// `all`: everything.
    All,
    /// `model`, `knowledge`, `http`, …: all of one power.
    Whole(&'static str),
    /// `model.writer`, `knowledge.brand`, `http.api.example.com`, …: a part of one.
    Part(&'static str, String),
}

/// A text that names no power.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no power: there is {known}")]
pub struct NotAPower {
    word: String,
    known: String,
}

/// One power: its word, what its parts are called (nothing: it has none), and what is left
/// of grants without it or without a part of it.
struct Row {
    word: &'static str,
    part: Option<&'static str>,
    without: fn(&mut Grants, Option<&str>),
}

/// Every power that can be taken away, one a row.
const ROWS: &[Row] = &[
    Row { word: "model", part: Some("ALIAS"), without: without_model },
    Row {
        word: "knowledge",
        part: Some("NAME"),
        without: |grants, name| {
            grants.knowledge.retain(|own| name.is_some_and(|name| own.as_str() != name));
        },
    },
    Row {
        word: "assets",
        part: Some("NAME"),
        without: |grants, name| {
            grants.assets.retain(|own| name.is_some_and(|name| own.as_str() != name));
        },
    },
    Row { word: "artifacts", part: Some("put"), without: without_artifacts },
    Row { word: "http", part: Some("HOST"), without: without_http },
    Row { word: "kv", part: Some("write"), without: without_kv },
    Row { word: "delegate", part: Some("NAME"), without: without_delegate },
];

/// Parts that are words of the contract, not names of somebody's.
const FIXED_PARTS: &[&str] = &["put", "write"];

/// Whose power is taken away: an agent name of any project of the host, or the
/// `publisher/name` of components under whatever name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holder(String);

/// A text that is neither an agent name nor `publisher/name`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither the name of an agent nor PUBLISHER/NAME")]
pub struct NotAHolder(String);

/// A power that somebody took away and nobody gave back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revocation {
    /// From whom.
    pub holder: Holder,
    /// Which.
    pub power: PowerKey,
}

impl Holder {
    /// Reads `draft` or `acme/draft`.
    ///
    /// # Errors
    /// [`NotAHolder`].
    pub fn parse(text: &str) -> Result<Self, NotAHolder> {
        let word = |w: &str| {
            !w.is_empty()
                && w.len() <= 128
                && w.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        let fits = match text.split_once('/') {
            Some((publisher, name)) => word(publisher) && word(name),
            None => Name::new(text).is_ok(),
        };
        match fits {
            true => Ok(Self(text.to_owned())),
            false => Err(NotAHolder(text.chars().take(80).collect())),
        }
    }

    /// Whether it means this agent name with a component of this identity.
    #[must_use]
    pub fn is(&self, agent: &Name, identity: &str) -> bool {
        self.0 == agent.as_str() || self.0 == identity
    }

    /// As typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl PowerKey {
    /// Reads `all`, `model`, `model.writer`, `http.api.example.com`, `artifacts.put`, …
    ///
    /// # Errors
    /// [`NotAPower`] with the words that there are.
    pub fn parse(text: &str) -> Result<Self, NotAPower> {
        let refused = || NotAPower { word: text.chars().take(80).collect(), known: known() };
        if text == "all" {
            return Ok(Self::All);
        }
        let (word, part) = match text.split_once('.') {
            Some((word, part)) => (word, Some(part)),
            None => (text, None),
        };
        let row = ROWS.iter().find(|row| row.word == word).ok_or_else(refused)?;
        let Some(part) = part else { return Ok(Self::Whole(row.word)) };
        let fits = match row.part {
            None => false,
            Some("HOST") => HostPattern::parse(part).is_ok(),
            Some(fixed) if FIXED_PARTS.contains(&fixed) => part == fixed,
            Some(_) => Name::new(part).is_ok(),
        };
        if fits { Ok(Self::Part(row.word, part.to_owned())) } else { Err(refused()) }
    }

    /// Whether it is this model, or all of them.
    #[must_use]
    pub fn is_model(&self, alias: &str) -> bool {
        match self {
            Self::All | Self::Whole("model") => true,
            Self::Part("model", part) => part == alias,
            Self::Whole(_) | Self::Part(..) => false,
        }
    }

    /// Every word that there is, parts by their placeholder: for tests and help.
    pub fn words() -> impl Iterator<Item = String> {
        let rows = ROWS.iter().flat_map(|row| {
            let part = row.part.map(|part| format!("{}.{part}", row.word));
            [Some(row.word.to_owned()), part]
        });
        std::iter::once("all".to_owned()).chain(rows.flatten())
    }
}

fn known() -> String {
    PowerKey::words().collect::<Vec<_>>().join(", ")
}

impl fmt::Display for PowerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.pad("all"),
            Self::Whole(word) => f.pad(word),
            Self::Part(word, part) => f.pad(&format!("{word}.{part}")),
        }
    }
}

impl Serialize for PowerKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PowerKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.holder, self.power)
    }
}

impl Grants {
    /// What is left without a power. Never more than before.
    #[must_use]
    pub fn without(mut self, power: &PowerKey) -> Self {
        let (word, part) = match power {
            PowerKey::All => return Self::none(),
            PowerKey::Whole(word) => (*word, None),
            PowerKey::Part(word, part) => (*word, Some(part.as_str())),
        };
        if let Some(row) = ROWS.iter().find(|row| row.word == word) {
            (row.without)(&mut self, part);
        }
        self
    }
}

fn without_model(grants: &mut Grants, alias: Option<&str>) {
    match (&mut grants.model, alias) {
        (Some(model), Some(alias)) => {
            model.aliases.retain(|own| own.as_str() != alias);
            if model.aliases.is_empty() {
                grants.model = None;
            }
        }
        _ => grants.model = None,
    }
}

fn without_artifacts(grants: &mut Grants, part: Option<&str>) {
    // Without `put` it still reads what its input names.
    grants.artifacts = match part {
        Some(_) => grants.artifacts.map(|_| ArtifactsGrant { put: None }),
        None => None,
    };
}

fn without_http(grants: &mut Grants, host: Option<&str>) {
    grants.http = match host.map(HostPattern::parse) {
        Some(Ok(host)) => std::mem::take(&mut grants.http).except(host),
        // A part that is no host cannot be parsed into a key.
        Some(Err(_)) | None => HttpPower::none(),
    };
}

fn without_kv(grants: &mut Grants, part: Option<&str>) {
    match part {
        Some(_) => grants.kv.iter_mut().for_each(|kv| kv.write = false),
        None => grants.kv = None,
    }
}

fn without_delegate(grants: &mut Grants, callee: Option<&str>) {
    match (&mut grants.delegate, callee) {
        (Some(grant), Some(callee)) => {
            grant.agents.retain(|own| own.as_str() != callee);
            if grant.agents.is_empty() {
                grants.delegate = None;
            }
        }
        _ => grants.delegate = None,
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Bytes;

    use super::*;
    use crate::grants::{DelegateGrant, KvGrant, ModelGrant};
    use crate::http::HttpRule;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn everything() -> Grants {
        Grants {
            model: Some(ModelGrant {
                aliases: [name("writer"), name("critic")].into(),
                calls: None,
                tokens: None,
                money: None,
            }),
            knowledge: [name("brand"), name("past")].into(),
            assets: [name("logos"), name("fonts")].into(),
            artifacts: Some(ArtifactsGrant { put: Some(Bytes(9)) }),
            http: HttpPower { rules: HttpRule::public(), ..HttpPower::none() },
            kv: Some(KvGrant {
                namespace: name("notes"),
                write: true,
                quota: Bytes(9),
                even_if_outside: false,
            }),
            delegate: Some(DelegateGrant {
                agents: [name("checker"), name("finder")].into(),
                even_if_outside: false,
            }),
        }
    }

    #[test]
    fn each_word_takes_something_and_gives_nothing() {
        let examples = [
            ("ALIAS", "writer"),
            ("knowledge.NAME", "knowledge.brand"),
            ("assets.NAME", "assets.logos"),
            ("delegate.NAME", "delegate.finder"),
            ("HOST", "api.example.com"),
        ];
        for word in PowerKey::words() {
            let word = examples.iter().fold(word, |word, (of, by)| word.replace(of, by));
            let key = PowerKey::parse(&word).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(key.to_string(), word);
            let left = everything().without(&key);
            assert_ne!(left, everything(), "{word} took nothing");
            assert_eq!(left.clone().without(&key), left, "{word} twice");
            assert_eq!(left.without(&PowerKey::All), Grants::none());
        }
    }

    #[test]
    fn what_is_no_power_is_told_what_there_is() {
        for bad in ["", "models", "model.", "model.Two Words", "http.exa mple", "kv.read", "all.x"]
        {
            let refused = PowerKey::parse(bad).unwrap_err().to_string();
            assert!(refused.contains("model.ALIAS"), "{refused}");
        }
    }

    #[test]
    fn whose_it_is_is_an_agent_name_or_an_identity() {
        let draft = name("draft");
        assert!(Holder::parse("draft").unwrap().is(&draft, "acme/x"));
        assert!(Holder::parse("acme/x").unwrap().is(&draft, "acme/x"));
        assert!(!Holder::parse("acme/draft").unwrap().is(&draft, "acme/x"));
        for bad in ["", "a/b/c", "/x", "x/", "no no"] {
            assert!(Holder::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_part_leaves_the_rest() {
        let left = everything().without(&PowerKey::parse("model.writer").unwrap());
        assert_eq!(left.model.unwrap().aliases, [name("critic")].into());
        let left = everything().without(&PowerKey::parse("artifacts.put").unwrap());
        assert_eq!(left.artifacts, Some(ArtifactsGrant { put: None }));
        let left = everything().without(&PowerKey::parse("kv.write").unwrap());
        assert!(left.kv.is_some_and(|kv| !kv.write));
    }
}
