//! Names that people give to steps, axes, agents and runs. Knows nothing of which names exist.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name, in bytes: long enough for people, short enough for a path element.
pub const NAME_MAX_BYTES: usize = 64;

/// The longest run id, in bytes: it is a path element and a log column.
pub const RUN_ID_MAX_BYTES: usize = 64;

/// The name of a step, axis, agent, model alias, collection: `[a-z][a-z0-9_]*`, at most 64 bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<str>);

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a name: it must match [a-z][a-z0-9_]* and have at most {NAME_MAX_BYTES} bytes"
)]
pub struct NotAName(String);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// [`NotAName`] where the text has another form.
    pub fn new(text: &str) -> Result<Self, NotAName> {
        let mut bytes = text.bytes();
        let starts = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let goes_on = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if starts && goes_on && text.len() <= NAME_MAX_BYTES {
            Ok(Self(text.into()))
        } else {
            Err(NotAName(text.chars().take(NAME_MAX_BYTES).collect()))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What one execution of a pipeline is called: `[a-zA-Z0-9][a-zA-Z0-9._-]*`, at most 64 bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(Arc<str>);

/// A text that is no run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a run id: it must match [a-zA-Z0-9][a-zA-Z0-9._-]* and have at most {RUN_ID_MAX_BYTES} bytes"
)]
pub struct NotARunId(String);

impl RunId {
    /// Reads a run id.
    ///
    /// # Errors
    /// [`NotARunId`] where the text has another form.
    pub fn new(text: &str) -> Result<Self, NotARunId> {
        let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let all =
            text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if starts && all && text.len() <= RUN_ID_MAX_BYTES {
            Ok(Self(text.into()))
        } else {
            Err(NotARunId(text.chars().take(RUN_ID_MAX_BYTES).collect()))
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! as_text {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

as_text!(Name);
as_text!(RunId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_snake_case() {
        for good in ["a", "draft", "copy_desk", "v2"] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "2a", "a-b", "ä", "a b", "_a", &"a".repeat(65)] {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn run_ids_are_safe_path_elements() {
        assert!(RunId::new("spring-2026.1").is_ok());
        for bad in ["", ".", "..", "-x", "a/b", "a b"] {
            assert!(RunId::new(bad).is_err(), "{bad}");
        }
    }
}
