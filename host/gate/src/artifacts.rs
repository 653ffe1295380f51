//! What an attempt may read, and what it may put. Knows no storage.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::artifact::{
    ARTIFACT_NAME_MAX_BYTES, MEDIA_TYPE_MAX_BYTES, MalformedArtifact, references,
};
use bailiwick_core::{Artifact, Digest};
use serde_json::Value;

/// Bytes to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutRequest {
    /// The content.
    pub bytes: Vec<u8>,
    /// Its IANA media type.
    pub media_type: String,
    /// A name for people.
    pub name: Option<String>,
}

impl PutRequest {
    /// Checks the documented maxima and forms.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        let token = |text: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
            !text.is_empty() && text.bytes().all(plain)
        };
        let typed =
            self.media_type.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub));
        if !typed || self.media_type.len() > MEDIA_TYPE_MAX_BYTES {
            return Err("media-type must be TYPE/SUBTYPE, without parameters".into());
        }
        match &self.name {
            Some(name) if name.is_empty() || name.len() > ARTIFACT_NAME_MAX_BYTES => {
                Err(format!("a name has 1 to {ARTIFACT_NAME_MAX_BYTES} bytes"))
            }
            Some(name) if name.contains(['/', '\\', '\0']) => Err("a name is no path".into()),
            _ => Ok(()),
        }
    }
}

/// A document that names an artifact which its sender could not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignArtifact {
    /// Half a reference.
    #[error(transparent)]
    Malformed(#[from] MalformedArtifact),
    /// A reference that the host did not mint for this attempt.
    #[error(
        "at {path}: the artifact {digest:?} was neither in the input nor put by this attempt (or its reference was changed)"
    )]
    Foreign {
        /// Where in the document, as a JSON Pointer.
        path: String,
        /// The digest that it names.
        digest: Digest,
    },
}

/// The references that one attempt may read: what its input named, what it put, what
/// a capability gave it. References count whole: with another media type or name the
/// same digest is another reference, and a stranger.
#[derive(Clone, Debug, Default)]
pub struct Readable(BTreeMap<Digest, BTreeSet<Artifact>>);

impl Readable {
    /// What a document names.
    ///
    /// # Errors
    /// [`MalformedArtifact`] where it holds half a reference.
    pub fn of(document: &Value) -> Result<Self, MalformedArtifact> {
        let mut readable = Self::default();
        for artifact in references(document)?.into_values() {
            readable.add(artifact);
        }
        Ok(readable)
    }

    /// One more.
    pub fn add(&mut self, artifact: Artifact) {
        self.0.entry(artifact.digest).or_default().insert(artifact);
    }

    /// Whether this very reference is one of them.
    #[must_use]
    pub fn contains(&self, artifact: &Artifact) -> bool {
        self.0.get(&artifact.digest).is_some_and(|known| known.contains(artifact))
    }

    /// Checks a document that the attempt sends across a border.
    ///
    /// # Errors
    /// [`ForeignArtifact`] with the first reference that is none of its own.
    pub fn check(&self, document: &Value) -> Result<(), ForeignArtifact> {
        for (path, artifact) in references(document)? {
            if !self.contains(&artifact) {
                return Err(ForeignArtifact::Foreign { path, digest: artifact.digest });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Bytes;
    use serde_json::json;

    use super::*;

    fn artifact(name: &str) -> Artifact {
        Artifact {
            digest: Digest::of(b"x"),
            media_type: "image/png".into(),
            bytes: Bytes(1),
            name: Some(name.into()),
        }
    }

    #[test]
    fn a_changed_reference_is_a_stranger() {
        let readable = Readable::of(&json!({"logo": artifact("a.png").to_json()})).unwrap();
        assert_eq!(readable.check(&json!([artifact("a.png").to_json()])), Ok(()));
        let html = Artifact { media_type: "text/html".into(), ..artifact("a.png") };
        for forged in [artifact("b.png"), html] {
            assert!(readable.check(&json!({"x": forged.to_json()})).is_err());
        }
    }

    #[test]
    fn names_are_no_paths_and_types_are_types() {
        let put = |media_type: &str, name: Option<&str>| {
            PutRequest { bytes: vec![], media_type: media_type.into(), name: name.map(Into::into) }
                .check()
        };
        assert_eq!(put("image/svg+xml", Some("logo.svg")), Ok(()));
        for (media_type, name) in [
            ("image", None),
            ("a/b/c", None),
            ("text/html; x", None),
            ("a/b", Some("../x")),
            ("a/b", Some("")),
        ] {
            assert!(put(media_type, name).is_err(), "{media_type} {name:?}");
        }
    }
}
