//! `knowledge`: search over collections. Converts, decides nothing.

use bailiwick_gate::Passage;
use bailiwick_gate::knowledge::SearchRequest;

use super::wit::knowledge;
use super::{Told, told};
use crate::state::State;

/// The name of this power.
const POWER: &str = "knowledge";

impl knowledge::Host for State {
    async fn search(
        &mut self,
        collection: String,
        query: String,
        limit: u32,
    ) -> Told<Vec<knowledge::Passage>> {
        let gate = match self.power(POWER) {
            Ok(gate) => gate,
            Err(error) => return Ok(Err(error)),
        };
        let found = gate.search(SearchRequest { collection, query, limit, vector: None }).await;
        told(found.map(|passages| passages.into_iter().map(passage).collect()))
    }
}

fn passage(found: Passage) -> knowledge::Passage {
    let Passage { document, text, score, metadata } = found;
    knowledge::Passage { document, text, score, metadata: metadata.to_string() }
}
