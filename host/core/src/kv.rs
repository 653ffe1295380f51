//! Values that last from run to run: what keys and values may be, and what one attempt changes. Knows no store and no power.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fact::Fact;
use crate::{AttemptId, Bytes, Document, Name};

/// The longest key, in bytes: a path of names that people can still read. Keys stand in
/// the host's stream for ever, so they must stay small.
pub const KEY_MAX_BYTES: usize = 256;

/// The largest value, as canonical text: what is larger is a file, and belongs into an
/// artifact whose reference is the value.
pub const VALUE_MAX: Bytes = Bytes::kib(256);

/// The most keys that one attempt may change: they are written in one transaction with
/// its end, which must stay a matter of milliseconds.
pub const WRITES_MAX: usize = 1_000;

/// The values that one attempt may write, in sum: half of the largest document, because
/// they are one document in the fact that tells of them.
pub const WRITTEN_MAX: Bytes = Bytes::mib(2);

/// What an attempt changes in a namespace. The last change of each key counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KvWrites {
    /// New values by key.
    pub set: BTreeMap<String, Value>,
    /// Keys that go.
    pub delete: BTreeSet<String>,
}

impl KvWrites {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// The keys that change.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.set.keys().chain(&self.delete)
    }

    /// The form in facts.
    #[must_use]
    pub fn document(&self) -> Document {
        // Plain maps and lists of JSON: this cannot fail.
        Document::of(&serde_json::to_value(self).unwrap_or(Value::Null))
    }

    /// Reads the form in facts; nothing where it is another one, or its text is gone.
    #[must_use]
    pub fn read(document: &Document) -> Option<Self> {
        serde_json::from_str(document.text()?).ok()
    }
}

/// What an append changes in namespaces: the writes of attempts that end in it with an
/// output. Writes of any other attempt are none.
pub fn applied(facts: &[Fact]) -> impl Iterator<Item = (&AttemptId, &Name, &Document)> {
    facts.iter().filter_map(|fact| {
        let Fact::KvWritten { attempt, namespace, writes } = fact else { return None };
        let ends =
            |fact: &Fact| matches!(fact, Fact::CellFinished { attempt: of, .. } if of == attempt);
        facts.iter().any(ends).then_some((attempt, namespace, writes))
    })
}

/// Checks the documented form of a key.
///
/// # Errors
/// A sentence for the agent's author.
pub fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() || key.len() > KEY_MAX_BYTES {
        return Err(format!("a key has 1 to {KEY_MAX_BYTES} bytes"));
    }
    match key.chars().any(char::is_control) {
        true => Err("a key has no control characters".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_come_back_from_their_document() {
        let writes = KvWrites {
            set: [("a".to_owned(), json!({"n": 1})), ("b".to_owned(), Value::Null)].into(),
            delete: ["c".to_owned()].into(),
        };
        let document = writes.document();
        assert_eq!(KvWrites::read(&document).as_ref(), Some(&writes));
        assert_eq!(writes.keys().count(), 3);
        assert_eq!(KvWrites::read(&Document::of(&json!([]))), None);
    }

    #[test]
    fn keys_are_short_and_printable() {
        for good in ["a", "asset/hero.png", "größe 1", &"x".repeat(KEY_MAX_BYTES)] {
            assert_eq!(check_key(good), Ok(()));
        }
        for bad in ["", "a\nb", "\u{7f}", &"x".repeat(KEY_MAX_BYTES + 1)] {
            assert!(check_key(bad).is_err(), "{bad:?}");
        }
    }
}
