//! What an agent says of itself, as it is embedded; asks no agent and knows no sandbox.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest name, in bytes: it becomes a file name and a column of tables.
pub(crate) const NAME_BYTES_MAX: usize = 64;

/// The longest version, in bytes, as the contract says.
pub(crate) const VERSION_BYTES_MAX: usize = 64;

/// The longest summary, in bytes, as the contract says: one sentence.
pub(crate) const SUMMARY_BYTES_MAX: usize = 1024;

/// The largest schema, in bytes, as the contract says.
pub(crate) const SCHEMA_BYTES_MAX: usize = 64 * 1024;

/// What `profile` of an agent answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// `[a-z][a-z0-9_-]*`, at most 64 bytes.
    pub name: String,
    /// At most 64 bytes.
    pub version: String,
    /// One sentence for people, at most 1 KiB.
    pub summary: String,
    /// JSON Schema of a task's input.
    pub input_schema: Value,
    /// JSON Schema of the output.
    pub output_schema: Value,
}

/// Why something is no profile.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProfileError {
    /// Not the JSON that the builder writes.
    #[error("not a profile: {0}")]
    Json(String),
    /// A name that cannot be one.
    #[error(
        "the name {0:?} is not of the form [a-z][a-z0-9_-]* with at most {NAME_BYTES_MAX} bytes"
    )]
    Name(String),
    /// A text that is too long.
    #[error("{field} has {found_bytes} bytes, and at most {max_bytes} are allowed")]
    TooLong {
        /// Which one.
        field: &'static str,
        /// Its size.
        found_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
}

impl Profile {
    /// Reads an embedded section, which may come from anybody.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, ProfileError> {
        // An object by force: serde would also read a list as the fields in order.
        let profile: Self = serde_json::from_slice(bytes)
            .and_then(|object| serde_json::from_value(Value::Object(object)))
            .map_err(|error| ProfileError::Json(error.to_string()))?;
        profile.check()?;
        Ok(profile)
    }

    /// The embedded section. One profile has one text: keys are sorted.
    pub(crate) fn to_json(&self) -> Result<Vec<u8>, ProfileError> {
        self.check()?;
        serde_json::to_vec(self).map_err(|error| ProfileError::Json(error.to_string()))
    }

    fn check(&self) -> Result<(), ProfileError> {
        if !is_name(&self.name) {
            return Err(ProfileError::Name(self.name.chars().take(NAME_BYTES_MAX).collect()));
        }
        let schema_bytes = |schema: &Value| schema.to_string().len();
        for (field, found_bytes, max_bytes) in [
            ("version", self.version.len(), VERSION_BYTES_MAX),
            ("summary", self.summary.len(), SUMMARY_BYTES_MAX),
            ("input-schema", schema_bytes(&self.input_schema), SCHEMA_BYTES_MAX),
            ("output-schema", schema_bytes(&self.output_schema), SCHEMA_BYTES_MAX),
        ] {
            if found_bytes > max_bytes {
                return Err(ProfileError::TooLong { field, found_bytes, max_bytes });
            }
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    name.len() <= NAME_BYTES_MAX
        && letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-')
}
