//! References to bytes inside JSON documents: their form and how to find them. Knows nothing of who may read what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Bytes, Digest};

/// The longest media type, in bytes (RFC 6838 allows 127 for each half; nobody has that).
pub const MEDIA_TYPE_MAX_BYTES: usize = 127;

/// The longest artifact name, in bytes: what file systems allow for one path element.
pub const ARTIFACT_NAME_MAX_BYTES: usize = 255;

/// A reference to bytes, in JSON
/// `{"$artifact": "blake3:…", "media_type": "image/png", "bytes": 48213, "name": "hero.png"}`.
///
/// Only the host mints one. The reference, not the digest, carries media type and
/// name; equal bytes under another name are another reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// blake3 of the bytes.
    #[serde(rename = "$artifact")]
    pub digest: Digest,
    /// An IANA media type.
    pub media_type: String,
    /// The size of the bytes.
    pub bytes: Bytes,
    /// A name for people; never a path.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
}

/// Something under `$artifact` that is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {path}: an object with `$artifact` must be a whole artifact reference ({reason})")]
pub struct MalformedArtifact {
    /// Where in the document, as a JSON Pointer.
    pub path: String,
    reason: String,
}

impl Artifact {
    /// The JSON form.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("$artifact".into(), self.digest.to_string().into());
        map.insert("media_type".into(), self.media_type.clone().into());
        map.insert("bytes".into(), self.bytes.0.into());
        if let Some(name) = &self.name {
            map.insert("name".into(), name.clone().into());
        }
        Value::Object(map)
    }
}

/// Every artifact reference in a document, with the JSON Pointer where it stands.
///
/// # Errors
/// [`MalformedArtifact`] where an object has `$artifact` and is not a reference.
pub fn references(value: &Value) -> Result<BTreeMap<String, Artifact>, MalformedArtifact> {
    let mut found = BTreeMap::new();
    if mentions_any(value) {
        collect(value, &mut String::new(), &mut found)?;
    }
    Ok(found)
}

/// Most documents have none: no path is written for those.
fn mentions_any(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key("$artifact") || map.values().any(mentions_any),
        Value::Array(items) => items.iter().any(mentions_any),
        _ => false,
    }
}

/// Documents are at most 128 deep (`Document::parse`), so this recursion is bounded.
fn collect(
    value: &Value,
    path: &mut String,
    found: &mut BTreeMap<String, Artifact>,
) -> Result<(), MalformedArtifact> {
    let length = path.len();
    match value {
        Value::Object(map) if map.contains_key("$artifact") => {
            let artifact = Artifact::deserialize(value).map_err(|error| MalformedArtifact {
                path: path.clone(),
                reason: error.to_string(),
            })?;
            found.insert(path.clone(), artifact);
        }
        Value::Object(map) => {
            for (key, member) in map {
                path.push('/');
                path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                collect(member, path, found)?;
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push('/');
                path.push_str(&index.to_string());
                collect(item, path, found)?;
                path.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_references_at_any_depth() {
        let artifact = Artifact {
            digest: Digest::of(b"x"),
            media_type: "image/png".into(),
            bytes: Bytes(1),
            name: None,
        };
        let document = json!({"a": [{"b/c": artifact.to_json()}], "d": "$artifact"});
        let found = references(&document).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("/a/0/b~1c".to_owned(), artifact)]);
    }

    #[test]
    fn half_a_reference_is_an_error() {
        for bad in [json!({"$artifact": "x"}), json!([{"$artifact": Digest::of(b"").to_string()}])]
        {
            assert!(references(&bad).is_err(), "{bad}");
        }
    }
}
