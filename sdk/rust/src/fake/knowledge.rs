//! The collections of a fake: a search counts words. Knows nothing of a real index.

use std::collections::BTreeMap;

use crate::failure::HostError;
use crate::fake::{Capability, denied, ensure};
use crate::knowledge::Passage;
use crate::limits;

/// Passages by collection.
#[derive(Default)]
pub(crate) struct Shelves {
    collections: BTreeMap<String, Vec<Passage>>,
}

impl Shelves {
    pub(crate) fn add(&mut self, collection: &str, passages: impl Iterator<Item = Passage>) {
        let shelf = self.collections.entry(collection.to_owned()).or_default();
        shelf.extend(passages);
    }

    pub(crate) fn search(
        &self,
        collection: &str,
        query: &str,
        limit: u32,
    ) -> Result<Vec<Passage>, HostError> {
        ensure(query.len() <= limits::QUERY_BYTES, "query")?;
        ensure(limits::PASSAGES.contains(&limit), "limit")?;
        let Some(passages) = self.collections.get(collection) else {
            return Err(denied(Capability::Knowledge));
        };
        let words = words(query);
        let mut found: Vec<Passage> = passages
            .iter()
            .filter_map(|passage| {
                let text = self::words(&passage.text);
                let hits = words.iter().filter(|word| text.contains(word)).count();
                let score = hits as f64;
                (hits > 0).then(|| Passage { score, ..passage.clone() })
            })
            .collect();
        // Stable: passages with as many words stay in the script's order.
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(limit as usize);
        Ok(found)
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// A passage of a document `test.md`.
impl From<&str> for Passage {
    fn from(text: &str) -> Self {
        ("test.md", text).into()
    }
}

/// A document and a passage of it.
impl From<(&str, &str)> for Passage {
    fn from((document, text): (&str, &str)) -> Self {
        Self {
            document: document.into(),
            text: text.into(),
            score: 0.0,
            metadata: serde_json::Map::new(),
        }
    }
}
