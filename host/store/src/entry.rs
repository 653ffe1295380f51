//! The written form of one append: facts, the texts beside them, the hash chain. Knows no table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::{Bytes, Digest, RunId, Timestamp};

use crate::texts::Texts;

/// The largest text that is kept in the row of its entry: four pages. Larger ones are
/// blobs, each kept once however often facts name it.
pub(crate) const INLINE_MAX: Bytes = Bytes::kib(16);

/// One append as it is written.
#[derive(Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) at: Timestamp,
    /// JSON of the facts; of documents only digest and size.
    pub(crate) facts: Vec<u8>,
    /// The texts that are small enough for the row, as they are written.
    pub(crate) texts: Texts<'static>,
    /// The same as they were said.
    pub(crate) inline: Vec<Arc<str>>,
    /// The texts that are too large for the row.
    pub(crate) blobs: BTreeMap<Digest, Arc<str>>,
}

impl Written {
    pub(crate) fn of(entry: &Entry) -> Result<Self, serde_json::Error> {
        let mut inline = BTreeMap::new();
        let mut blobs = BTreeMap::new();
        for document in entry.facts.iter().flat_map(Fact::documents) {
            // An unloaded document was read from here, or its text was erased.
            let Some(text) = document.text() else { continue };
            if document.bytes() <= INLINE_MAX.0 {
                inline.insert(document.digest(), Arc::clone(text));
            } else {
                blobs.insert(document.digest(), Arc::clone(text));
            }
        }
        let texts = match inline.is_empty() {
            true => Texts::None,
            false => Texts::of(serde_json::to_string(&inline)?),
        };
        let inline = inline.into_values().collect();
        Ok(Self { at: entry.at, facts: serde_json::to_vec(&entry.facts)?, texts, inline, blobs })
    }

    pub(crate) fn size(&self) -> Bytes {
        let blobs: usize = self.blobs.values().map(|text| text.len()).sum();
        Bytes((self.facts.len() + blobs) as u64).plus(self.texts.size())
    }
}

/// The link before the first entry of a run: entries of another run do not fit behind it.
pub(crate) fn first_link(run: &RunId) -> Digest {
    Digest::of_parts(&[b"bailiwick journal 1", run.as_str().as_bytes()])
}

/// The link of an entry that follows the one with the link `previous`.
pub(crate) fn next_link(previous: &Digest, at: Timestamp, facts: &[u8]) -> Digest {
    Digest::of_parts(&[previous.as_bytes(), &at.0.to_le_bytes(), facts])
}

/// Reads an entry back. `blob` is asked for texts that are not in the row.
///
/// A text that is gone was erased: its document stays unloaded. A text that is there
/// and is not what the digest says is damage.
pub(crate) fn read_back<E: From<String>>(
    at: Timestamp,
    facts: &[u8],
    texts: &Texts<'_>,
    mut blob: impl FnMut(&Digest) -> Result<Option<Arc<str>>, E>,
) -> Result<Entry, E> {
    let mut facts: Vec<Fact> =
        serde_json::from_slice(facts).map_err(|error| E::from(format!("its facts: {error}")))?;
    let texts: BTreeMap<Digest, Arc<str>> = match texts.json()? {
        Some(texts) => serde_json::from_str(&texts)
            .map_err(|error| E::from(format!("the texts beside it: {error}")))?,
        None => BTreeMap::new(),
    };
    let mut named = BTreeSet::new();
    for document in facts.iter_mut().flat_map(Fact::documents_mut) {
        let digest = document.digest();
        named.insert(digest);
        let text = match texts.get(&digest) {
            Some(text) => Some(Arc::clone(text)),
            None if document.bytes() > INLINE_MAX.0 => blob(&digest)?,
            None => None,
        };
        if let Some(text) = text
            && !document.load(text)
        {
            return Err(E::from(format!("the text of {digest:?} is another one")));
        }
    }
    if let Some(stray) = texts.keys().find(|digest| !named.contains(digest)) {
        return Err(E::from(format!("the text of {stray} is there, and nothing names it")));
    }
    Ok(Entry { at, facts })
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Document;
    use bailiwick_core::fact::RunEnd;
    use serde_json::json;

    use super::*;

    fn entry(output: &Document) -> Entry {
        let end = Fact::RunEnded { end: RunEnd::Done, output: Some(output.clone()), reason: None };
        Entry { at: Timestamp(7), facts: vec![end] }
    }

    #[test]
    fn texts_stand_beside_the_facts_and_come_back() {
        let small = Document::of(&json!({"secret": "ü"}));
        let written = Written::of(&entry(&small)).unwrap();
        assert!(!String::from_utf8_lossy(&written.facts).contains("secret"));
        let read: Result<Entry, String> =
            read_back(written.at, &written.facts, &written.texts, |_| Ok(None));
        assert_eq!(read.unwrap().facts[0].documents()[0].text(), small.text());
    }

    #[test]
    fn large_texts_are_blobs() {
        let large = Document::of(&json!("x".repeat(INLINE_MAX.0 as usize)));
        let written = Written::of(&entry(&large)).unwrap();
        assert!(written.texts.is_none());
        assert_eq!(written.blobs.get(&large.digest()), large.text());
    }

    #[test]
    fn an_erased_text_leaves_its_document_unloaded_and_another_one_is_damage() {
        let small = Document::of(&json!("here"));
        let written = Written::of(&entry(&small)).unwrap();
        let erased: Result<Entry, String> =
            read_back(written.at, &written.facts, &Texts::None, |_| Ok(None));
        assert_eq!(erased.unwrap().facts[0].documents()[0].text(), None);
        let forged = written.texts.plain().unwrap().replace("here", "hers");
        let read: Result<Entry, String> =
            read_back(written.at, &written.facts, &Texts::Plain(forged.into()), |_| Ok(None));
        assert!(read.unwrap_err().contains("is another one"));
    }

    #[test]
    fn links_depend_on_run_order_time_and_facts() {
        let [a, b] = ["a", "b"].map(|run| first_link(&RunId::new(run).unwrap()));
        assert_ne!(a, b);
        let link = next_link(&a, Timestamp(1), b"[]");
        for other in [
            next_link(&b, Timestamp(1), b"[]"),
            next_link(&a, Timestamp(2), b"[]"),
            next_link(&a, Timestamp(1), b"[ ]"),
        ] {
            assert_ne!(link, other);
        }
    }
}
