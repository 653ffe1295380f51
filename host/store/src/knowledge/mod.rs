//! Collections of documents, cut into passages and searched by words and vectors. Knows no folder: texts are handed in.

mod chunk;
mod embedded;
mod index;
mod library;
mod markdown;
mod plain;
mod query;
mod ranking;
mod search;
mod tables;
mod vectors;

use bailiwick_core::Bytes;

pub use chunk::{Chunk, ChunkId, Media, Source, chunk};
pub(crate) use library::Library;
pub use library::{Collections, Indexed};

/// The largest document, as text. A book has about 1 MiB.
pub const DOCUMENT_MAX: Bytes = Bytes::mib(8);

/// The most documents of a collection.
pub const DOCUMENTS_MAX: usize = 10_000;

/// The most passages of a collection: a hundred thousand rows of a table, or a library
/// of a hundred books. Word search over this many takes milliseconds.
pub const CHUNKS_MAX: usize = 100_000;

/// The most passages of a collection with vectors. Each search compares all of them:
/// 20 000 × 768 numbers are read and multiplied in about 30 ms.
pub const VECTORS_MAX: usize = 20_000;

/// The most numbers of one vector; today's largest models have 4 096.
pub const DIMENSIONS_MAX: usize = 4_096;

/// Why something was not indexed or searched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A document is larger than [`DOCUMENT_MAX`].
    #[error("{document} has {size}; a document of a collection has at most {DOCUMENT_MAX}")]
    DocumentTooLarge {
        /// Its name.
        document: String,
        /// Its size.
        size: Bytes,
    },
    /// More documents than [`DOCUMENTS_MAX`].
    #[error("a collection has at most {DOCUMENTS_MAX} documents")]
    TooManyDocuments,
    /// More passages than [`CHUNKS_MAX`].
    #[error("a collection has at most {CHUNKS_MAX} passages; {document} goes beyond")]
    TooManyChunks {
        /// The document with which it was too much.
        document: String,
    },
    /// Two documents have one name.
    #[error("two documents are called {0}")]
    TwiceTheSame(String),
    /// A table that is none.
    #[error("{document}: {reason}")]
    NotATable {
        /// Its name.
        document: String,
        /// What is wrong, with the line.
        reason: String,
    },
    /// There is no such collection.
    #[error("there is no such collection")]
    NoSuchCollection,
    /// Vectors that cannot be compared.
    #[error("{0}")]
    Vector(String),
    /// Storage failed.
    #[error("storage failed: {0}")]
    Storage(String),
}

impl From<rusqlite::Error> for IndexError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.to_string())
    }
}

impl From<crate::OpenError> for IndexError {
    fn from(error: crate::OpenError) -> Self {
        Self::Storage(error.to_string())
    }
}

impl From<crate::queue::Refused> for IndexError {
    fn from(refused: crate::queue::Refused) -> Self {
        Self::Storage(refused.to_string())
    }
}
