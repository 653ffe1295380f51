//! A reference to bytes that the host keeps, in its JSON form; knows not how bytes
//! are put or got.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A reference to bytes that the host keeps.
///
/// Only the host makes references: they come in with the input, from
/// [`artifacts().put`](crate::artifacts::Artifacts::put) and from image models. One that
/// an agent made up is refused wherever it crosses a border. In JSON:
///
/// ```
/// # use bailiwick::Artifact;
/// let logo: Artifact = serde_json::from_str(r#"{
///     "$artifact": "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
///     "media_type": "image/png", "bytes": 48213, "name": "hero.png"
/// }"#)?;
/// assert_eq!(logo.name(), Some("hero.png"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Artifact {
    #[serde(rename = "$artifact")]
    digest: String,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Artifact {
    pub(crate) fn new(
        digest: String,
        media_type: String,
        bytes: u64,
        name: Option<String>,
    ) -> Self {
        Self { digest, media_type, bytes, name }
    }

    /// `blake3:` and 64 hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// An IANA media type, for example `image/png`; empty where the reference has none.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The size of the content in bytes; 0 where the reference does not say.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A name for people, never a path.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl JsonSchema for Artifact {
    fn schema_name() -> Cow<'static, str> {
        "Artifact".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A reference to bytes that the host keeps.",
            "properties": {
                "$artifact": { "type": "string", "pattern": "^blake3:[0-9a-f]{64}$" },
                "media_type": { "type": "string" },
                "bytes": { "type": "integer", "minimum": 0 },
                "name": { "type": ["string", "null"] }
            },
            "required": ["$artifact"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keeps_its_json_form() {
        for document in [
            json!({"$artifact": "blake3:00", "media_type": "image/png", "bytes": 3, "name": "a.png"}),
            json!({"$artifact": "blake3:00", "media_type": "text/plain", "bytes": 0}),
        ] {
            let artifact: Artifact = serde_json::from_value(document.clone()).unwrap();
            assert_eq!(serde_json::to_value(&artifact).unwrap(), document);
        }
    }

    #[test]
    fn needs_the_digest_alone() {
        assert!(serde_json::from_value::<Artifact>(json!({"$artifact": "blake3:00"})).is_ok());
        assert!(serde_json::from_value::<Artifact>(json!({"bytes": 3})).is_err());
    }
}
