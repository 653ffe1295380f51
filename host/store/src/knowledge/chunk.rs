//! Documents and the passages that they are cut into. Knows no index.

use bailiwick_core::Digest;
use serde_json::Value;

use super::{IndexError, markdown, plain, tables};

/// The size that a passage is filled up to, in bytes: two or three paragraphs, about
/// 300 tokens. Ten of them fit any model's prompt, and one is about one thing.
pub(crate) const CHUNK_TARGET_BYTES: usize = 1_200;

/// The largest passage, in bytes. Paragraphs between the two sizes stay whole.
pub(crate) const CHUNK_MAX_BYTES: usize = 2_000;

/// The kind of a document, which says where it may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Cut at headings, then between blocks.
    Markdown,
    /// Cut between paragraphs.
    Plain,
    /// Comma-separated values with column names in the first row; each row is a passage.
    Csv,
}

impl Media {
    /// The kind of a file by the end of its name; nothing for what cannot be searched.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, end) = name.rsplit_once('.')?;
        match end.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "txt" | "text" => Some(Self::Plain),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Plain => "plain",
            Self::Csv => "csv",
        }
    }
}

/// A document as it is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name in the collection, stable: the path in its folder.
    pub document: String,
    /// Its kind.
    pub media: Media,
    /// Its text.
    pub text: String,
}

/// A passage of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// What it is under: the headings above it. Searched too; empty where there is none.
    pub heading: String,
    /// The words as they stand in the document.
    pub text: String,
    /// A JSON object: `heading` and `line`, or `row` and `columns`.
    pub metadata: Value,
}

/// What a passage's words are called: equal words have one vector.
pub type ChunkId = Digest;

impl Chunk {
    /// What this passage's words are called.
    #[must_use]
    pub fn id(&self) -> ChunkId {
        Digest::of_parts(&[self.heading.as_bytes(), self.text.as_bytes()])
    }
}

/// Cuts a document into passages, in order.
///
/// ```
/// use bailiwick_store::knowledge::{Media, Source, chunk};
///
/// let text = "# Voice\n\nWarm, never loud.\n".to_owned();
/// let source = Source { document: "voice.md".into(), media: Media::Markdown, text };
/// let chunks = chunk(&source).unwrap();
/// assert_eq!(chunks[0].heading, "Voice");
/// assert_eq!(chunks[0].text, "Warm, never loud.");
/// ```
///
/// # Errors
/// [`IndexError::NotATable`] for a CSV document that is none.
pub fn chunk(source: &Source) -> Result<Vec<Chunk>, IndexError> {
    match source.media {
        Media::Markdown => Ok(markdown::chunk(&source.text)),
        Media::Plain => Ok(plain::chunk(&source.text)),
        Media::Csv => tables::chunk(&source.document, &source.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_name() {
        assert_eq!(Media::of_name("a/Voice.MD"), Some(Media::Markdown));
        assert_eq!(Media::of_name("sales.2025.csv"), Some(Media::Csv));
        assert_eq!(Media::of_name("logo.svg"), None);
        assert_eq!(Media::of_name("md"), None);
    }
}
