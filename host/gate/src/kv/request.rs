//! What an agent asks of its namespace, and the maxima of it.

use bailiwick_core::Document;
use bailiwick_core::kv::{KEY_MAX_BYTES, VALUE_MAX, check_key};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most keys of one page: a list that somebody still reads.
pub const PAGE_MAX: u32 = 1_000;

/// What is asked of a namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words of wit/v0.1/kv.wit")]
pub enum KvRequest {
    Get { key: String },
    Set { key: String, value: Value },
    Delete { key: String },
    List { prefix: String, after: Option<String>, limit: u32 },
    CompareAndSet { key: String, expected: Option<Value>, value: Option<Value> },
}

impl KvRequest {
    /// Checks the documented maxima and forms.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Get { key } | Self::Delete { key } => check_key(key),
            Self::Set { key, value } => check_key(key).and_then(|()| small(value)),
            Self::List { prefix, after, limit } => {
                if prefix.len() > KEY_MAX_BYTES
                    || after.as_ref().is_some_and(|after| after.len() > KEY_MAX_BYTES)
                {
                    return Err(format!("a prefix has at most {KEY_MAX_BYTES} bytes"));
                }
                match (1..=PAGE_MAX).contains(limit) {
                    true => Ok(()),
                    false => Err(format!("limit must be 1 to {PAGE_MAX}")),
                }
            }
            Self::CompareAndSet { key, expected, value } => {
                check_key(key)?;
                expected.iter().chain(value).try_for_each(small)
            }
        }
    }

    /// Whether it changes something.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Get { .. } | Self::List { .. })
    }

    /// The document that it sends into the namespace.
    #[must_use]
    pub fn sends(&self) -> Option<&Value> {
        match self {
            Self::Set { value, .. } => Some(value),
            Self::CompareAndSet { value, .. } => value.as_ref(),
            _ => None,
        }
    }
}

fn small(value: &Value) -> Result<(), String> {
    match Document::of(value).bytes() <= VALUE_MAX.0 {
        true => Ok(()),
        false => Err(format!("a value has at most {VALUE_MAX}; larger ones are artifacts")),
    }
}
