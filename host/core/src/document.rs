//! JSON documents as values that facts name: canonical text with its digest. Knows nothing of schemas.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Digest;

/// The largest document that crosses a border, in bytes (`output JSON` in the table of limits).
pub const DOCUMENT_MAX_BYTES: usize = 4 * 1024 * 1024;

/// One JSON document in canonical form (sorted keys, no spaces) with its digest.
///
/// A fact that is written down holds digest and size only; the text is kept beside
/// it, so that it can be erased without breaking the chain of facts. A document that
/// was read back is therefore *unloaded* until its text was attached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    digest: Digest,
    bytes: u64,
    #[serde(skip)]
    text: Option<Arc<str>>,
}

/// A text that is not a JSON document that may cross a border.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADocument {
    /// Over [`DOCUMENT_MAX_BYTES`].
    #[error("a JSON document has at most {DOCUMENT_MAX_BYTES} bytes; this one has {0}")]
    TooLarge(usize),
    /// Not JSON, or nested more than 128 deep.
    #[error("not a JSON document: {0}")]
    Syntax(String),
}

impl Document {
    /// Reads a text from outside: size first, then syntax, at most 128 deep.
    ///
    /// # Errors
    /// [`NotADocument`] with what is wrong.
    pub fn parse(text: &str) -> Result<(Self, Value), NotADocument> {
        if text.len() > DOCUMENT_MAX_BYTES {
            return Err(NotADocument::TooLarge(text.len()));
        }
        // serde_json stops at 128 levels by itself (its recursion limit).
        let value: Value =
            serde_json::from_str(text).map_err(|error| NotADocument::Syntax(error.to_string()))?;
        Ok((Self::of(&value), value))
    }

    /// The document of a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        // `Value`'s map is sorted, so its display is the canonical form.
        Self::from_canonical(value.to_string().into())
    }

    /// A document from text that is known to be canonical.
    #[must_use]
    pub fn from_canonical(text: Arc<str>) -> Self {
        Self { digest: Digest::of(text.as_bytes()), bytes: text.len() as u64, text: Some(text) }
    }

    /// blake3 of the canonical text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The size of the canonical text.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The canonical text; nothing where the document is unloaded or was erased.
    #[must_use]
    pub fn text(&self) -> Option<&Arc<str>> {
        self.text.as_ref()
    }

    /// The value; `null` where the document is unloaded or was erased.
    #[must_use]
    pub fn value(&self) -> Value {
        self.text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
    }

    /// Attaches the text of an unloaded document. Does nothing (and says `false`)
    /// where the text is not the one that the digest names.
    pub fn load(&mut self, text: Arc<str>) -> bool {
        let fits = Digest::of(text.as_bytes()) == self.digest;
        if fits {
            self.text = Some(text);
        }
        fits
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Document {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_has_the_same_digest_however_it_was_written() {
        let (one, _) = Document::parse(r#"{"b": 1, "a": [true]}"#).unwrap();
        let (two, _) = Document::parse(r#"{"a":[true],"b":1}"#).unwrap();
        assert_eq!(one, two);
        assert_eq!(one.text().map(|t| &**t), Some(r#"{"a":[true],"b":1}"#));
    }

    #[test]
    fn refuses_deep_nesting_and_size() {
        let deep = "[".repeat(1_000_000);
        assert!(matches!(Document::parse(&deep), Err(NotADocument::Syntax(_))));
        let large = format!("\"{}\"", "x".repeat(DOCUMENT_MAX_BYTES));
        assert!(matches!(Document::parse(&large), Err(NotADocument::TooLarge(_))));
    }

    #[test]
    fn text_is_attached_only_where_it_fits() {
        let (document, _) = Document::parse("{\"a\":1}").unwrap();
        let written = serde_json::to_string(&document).unwrap();
        let mut read: Document = serde_json::from_str(&written).unwrap();
        assert!(read.text().is_none());
        assert!(!read.load("{\"a\":2}".into()));
        assert!(read.load("{\"a\":1}".into()));
        assert_eq!(read.value(), serde_json::json!({"a": 1}));
    }
}
