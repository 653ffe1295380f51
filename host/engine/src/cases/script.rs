//! `answers.json` as the author of a case wrote it: who may be asked, and what each is told. Plays nothing.

use std::collections::BTreeMap;

use bailiwick_core::Name;
use bailiwick_core::fact::FailureKind;
use bailiwick_gate::Passage;
use bailiwick_gate::model::ToolCall;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// `answers.json`. What it has no key for is answered as for conformance.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// By alias: answers in order.
    #[serde(default)]
    pub(super) model: Option<BTreeMap<String, Vec<Said>>>,
    /// By collection: a search finds what has one of its words, most words first.
    #[serde(default)]
    pub(super) knowledge: Option<BTreeMap<String, Vec<Found>>>,
    /// Pages, each as often as it is asked for.
    #[serde(default)]
    pub(super) http: Option<Vec<Page>>,
    /// What the namespace holds before.
    #[serde(default)]
    pub(super) kv: Option<Map<String, Value>>,
    /// By agent: outputs in order.
    #[serde(default)]
    pub(super) delegate: Option<BTreeMap<Name, Vec<Said>>>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// `{"fails": WORD}`.
    Fails(Fails),
    /// `{"tool_calls": [CALL, …]}`.
    Calls(Vec<ToolCall>),
    /// A text, or any other document.
    Value(Value),
}

impl<'de> Deserialize<'de> for Said {
    /// By hand: of several forms in turn the last takes everything, and a failure with a slip
    /// of the pen would be told as a document.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let mut members = value.as_object().into_iter().flatten();
        let wrong = |key: &str, error| D::Error::custom(format!("{key}: {error}"));
        match (members.next(), members.next()) {
            (Some((key, word)), None) if key == "fails" => {
                Fails::deserialize(word).map(Self::Fails).map_err(|error| wrong(key, error))
            }
            (Some((key, calls)), None) if key == "tool_calls" => {
                Vec::deserialize(calls).map(Self::Calls).map_err(|error| wrong(key, error))
            }
            _ => Ok(Self::Value(value)),
        }
    }
}

/// How another agent has no output. A model is simply out of reach, whatever the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fails {
    Unavailable,
    InvalidInput,
    Retryable,
    Fatal,
}

impl Fails {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "is unavailable",
            Self::InvalidInput => "takes the input for invalid",
            Self::Retryable => "may be tried again",
            Self::Fatal => "gave up",
        }
    }

    pub(super) fn kind(self) -> FailureKind {
        match self {
            Self::InvalidInput => FailureKind::InvalidInput,
            Self::Unavailable | Self::Retryable => FailureKind::Retryable,
            Self::Fatal => FailureKind::Fatal,
        }
    }
}

/// A passage: its text, or all of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Found {
    Text(String),
    Passage {
        document: String,
        text: String,
        #[serde(default)]
        metadata: Map<String, Value>,
    },
}

impl From<Found> for Passage {
    fn from(found: Found) -> Self {
        let (document, text, metadata) = match found {
            Found::Text(text) => ("test.md".to_owned(), text, Map::new()),
            Found::Passage { document, text, metadata } => (document, text, metadata),
        };
        Self { document, text, score: 0.0, metadata: Value::Object(metadata) }
    }
}

/// One page of the web.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// `GET https://api.example.com/v1/x`.
    pub(super) request: String,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// A text as it is, anything else as JSON.
    #[serde(default)]
    pub(super) body: Value,
}

impl Script {
    /// What its agents are called: they may be called.
    pub(super) fn agents(&self) -> Vec<Name> {
        self.delegate.iter().flat_map(BTreeMap::keys).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_script_that_nobody_would_play_is_refused() {
        for wrong in [
            json!({ "modle": {} }),
            json!({ "http": [{ "request": "GET https://a/" }] }),
            json!({ "http": [{ "request": "GET https://a/", "status": 200, "more": 1 }] }),
            json!({ "delegate": { "Not A Name": [] } }),
        ] {
            assert!(serde_json::from_value::<Script>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_failure_with_a_slip_of_the_pen_is_no_answer() {
        let said = |value: Value| {
            let script = json!({ "model": { "writer": [value] } });
            let script =
                serde_json::from_value::<Script>(script).map_err(|error| error.to_string());
            script.map(|script| script.model.unwrap()["writer"][0].clone())
        };
        let words = "fails: unknown variant `timeout`, expected one of `unavailable`, \
                     `invalid-input`, `retryable`, `fatal`";
        assert_eq!(said(json!({ "fails": "timeout" })), Err(words.to_owned()));
        assert!(said(json!({ "fails": 3 })).unwrap_err().starts_with("fails: "));
        let calls = said(json!({ "tool_calls": [{ "id": "1", "name": "price" }] }));
        assert_eq!(calls, Err("tool_calls: missing field `arguments`".to_owned()));
        assert_eq!(said(json!({ "fails": "fatal" })), Ok(Said::Fails(Fails::Fatal)));
        // With another member beside, it is a document like any other.
        for document in [json!({ "fails": "timeout", "at": 3 }), json!({}), json!(["fails"])] {
            assert_eq!(said(document.clone()), Ok(Said::Value(document)));
        }
    }
}
