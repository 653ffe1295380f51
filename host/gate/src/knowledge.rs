//! Search over collections as the gate sees it: the request, its limits, the port. Knows no index.

use bailiwick_core::Name;
use bailiwick_core::name::NAME_MAX_BYTES;
use bailiwick_core::ports::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest query, in bytes: a paragraph.
pub const QUERY_MAX_BYTES: usize = 1024;
/// The most passages of one answer: more is reading, not searching.
pub const PASSAGES_MAX: u32 = 50;

/// A few words for a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchRequest {
    /// The collection.
    pub collection: String,
    /// Words; there is no syntax.
    pub query: String,
    /// 1 to [`PASSAGES_MAX`].
    pub limit: u32,
    /// The query as a vector, where the collection has an embedding model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<Vec<f32>>,
}

impl SearchRequest {
    /// Checks the documented maxima.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        // No operator can choose a longer name, and a denial repeats it.
        if self.collection.len() > NAME_MAX_BYTES {
            return Err(format!("a collection has at most {NAME_MAX_BYTES} bytes"));
        }
        if self.query.len() > QUERY_MAX_BYTES {
            return Err(format!("a query has at most {QUERY_MAX_BYTES} bytes"));
        }
        if !(1..=PASSAGES_MAX).contains(&self.limit) {
            return Err(format!("limit must be 1 to {PASSAGES_MAX}"));
        }
        Ok(())
    }
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// Which document, by its name in the collection.
    pub document: String,
    /// The words.
    pub text: String,
    /// Higher is better; comparable within one answer.
    pub score: f64,
    /// A JSON object: heading, line, columns, as the kind of document has them.
    pub metadata: Value,
}

/// Why a search gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnowledgeError {
    /// There is no such collection.
    #[error("there is no collection {0}")]
    NoSuchCollection(Name),
    /// Storage failed.
    #[error("storage failed: {0}")]
    Storage(String),
}

/// Searches the collections of one project.
pub trait KnowledgeIndex: Send + Sync {
    /// The best passages, best first; equal scores in document order.
    fn search<'a>(
        &'a self,
        collection: &'a Name,
        request: &'a SearchRequest,
    ) -> BoxFuture<'a, Result<Vec<Passage>, KnowledgeError>>;
}
