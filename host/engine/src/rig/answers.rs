//! Where the answers to a component on the rig come from. Nothing here leaves the process.

use std::sync::Arc;

use bailiwick_core::Name;
use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_gate::http::{Exchange, Exchanged};
use bailiwick_gate::knowledge::{KnowledgeError, SearchRequest};
use bailiwick_gate::kv::{Namespaces, NoNamespaces};
use bailiwick_gate::{
    Callees, FetchResponse, HttpError, HttpProvider, KnowledgeIndex, ModelProvider, Passage,
};
use bailiwick_provider::{Keys, Providers};
use serde_json::json;

/// One answerer for each power that can answer; artifacts are the rig's own.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) models: Arc<dyn ModelProvider>,
    pub(crate) knowledge: Arc<dyn KnowledgeIndex>,
    pub(crate) web: Arc<dyn HttpProvider>,
    pub(crate) namespaces: Arc<dyn Namespaces>,
    /// Agents that may be called, and who plays them.
    pub(crate) callees: Option<(Vec<Name>, Arc<dyn Callees>)>,
}

impl Answers {
    /// What is always at hand: the built-in model, one passage for each search, a web
    /// without pages, an empty namespace, no other agents. The same question has the same answer.
    pub(crate) fn at_hand() -> Self {
        Self {
            models: Arc::new(Providers::new(Keys::new(None, None))),
            knowledge: Arc::new(OnePassage),
            web: Arc::new(NoPages),
            namespaces: Arc::new(NoNamespaces),
            callees: None,
        }
    }
}

/// Finds the words that were looked for.
struct OnePassage;

impl KnowledgeIndex for OnePassage {
    fn search<'a>(
        &'a self,
        collection: &'a Name,
        request: &'a SearchRequest,
    ) -> BoxFuture<'a, Result<Vec<Passage>, KnowledgeError>> {
        let passage = Passage {
            document: format!("{collection}.md"),
            text: format!("All that is known of it: {}.", request.query),
            score: 1.0,
            metadata: json!({}),
        };
        Box::pin(std::future::ready(Ok(vec![passage])))
    }
}

/// Answers that there is no such page.
struct NoPages;

impl HttpProvider for NoPages {
    fn exchange<'a>(
        &'a self,
        _durable: &'a Durable,
        _exchange: Exchange<'a>,
    ) -> BoxFuture<'a, Result<Exchanged, HttpError>> {
        let response = FetchResponse { status: 404, headers: Vec::new(), body: Vec::new() };
        Box::pin(std::future::ready(Ok(Exchanged { response, location: None })))
    }
}
