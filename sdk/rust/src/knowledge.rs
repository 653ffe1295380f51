//! Search over a collection that the operator granted; knows not how it is indexed.

use serde_json::{Map, Value};

use crate::failure::HostError;
use crate::host::Host;
use crate::powers::Powers;

/// One collection of documents.
#[derive(Debug, Clone)]
pub struct Knowledge<'h> {
    host: &'h Host,
    collection: String,
}

/// A piece of a document that fits a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// Which document it is from; stable as long as the document has this name.
    pub document: String,
    /// The words of the piece.
    pub text: String,
    /// Higher is better; comparable within one answer only.
    pub score: f64,
    /// Heading, line, column names, as the kind of document has them.
    pub metadata: Map<String, Value>,
}

impl<'h> Knowledge<'h> {
    pub(crate) fn new(host: &'h Host, collection: &str) -> Self {
        Self { host, collection: collection.to_owned() }
    }

    /// The best passages for a few words, best first. The words are words: there is no
    /// query syntax. At most 1 KiB of query; `limit` is 1 to 50.
    ///
    /// ```
    /// # use bailiwick::{Failure, Host, fake::Fake};
    /// fn tone(host: &Host) -> Result<String, Failure> {
    ///     let found = host.knowledge("brand").search("tone of voice", 3)?;
    ///     Ok(found.into_iter().map(|passage| passage.text).collect())
    /// }
    ///
    /// let fake = Fake::new().knowledge("brand", ["Our tone is calm.", "The logo is blue."]);
    /// assert_eq!(tone(&fake.host())?, "Our tone is calm.");
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// `Denied` where the collection was not granted, `Exhausted` where the calls are
    /// spent, `Invalid` where the query or the limit is out of its bounds.
    pub fn search(&self, query: impl AsRef<str>, limit: u32) -> Result<Vec<Passage>, HostError> {
        self.host.reach().search(&self.collection, query.as_ref(), limit)
    }
}
