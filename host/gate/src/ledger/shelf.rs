//! What the attempts of one run have put together, in bytes. Knows no artifact.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_core::fact::{CallAnswer, Capability, Entry, Fact};
use bailiwick_core::{Artifact, Bytes, Digest, Document};
use serde_json::Value;

/// The most that all attempts of one run may put together: a thousand campaigns of
/// pictures, and a share of a small disk that can be missed.
pub const RUN_BLOBS_MAX: Bytes = Bytes::mib(4096);

/// What the attempts of one run have put together.
#[derive(Default)]
pub struct Shelf(AtomicU64);

impl Shelf {
    /// What a resumed run has put together already counts from the start.
    pub fn seed(&self, put: Bytes) {
        self.0.store(put.0, Ordering::Relaxed);
    }

    /// Takes room for these bytes.
    ///
    /// # Errors
    /// What is used already, where they do not fit below [`RUN_BLOBS_MAX`].
    pub fn take(&self, bytes: Bytes) -> Result<(), Bytes> {
        let fits = |used: u64| used.checked_add(bytes.0).filter(|sum| *sum <= RUN_BLOBS_MAX.0);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(|_| ()).map_err(Bytes)
    }
}

/// What the attempts of a run have put together, as its journal says: each answer with
/// references that were minted for it, whatever became of its attempt, and each canonical
/// form that stands for one.
#[must_use]
pub fn put_in(entries: &[Entry]) -> Bytes {
    let forms = entries.iter().flat_map(|entry| &entry.facts).filter_map(|fact| match fact {
        // Under however many names: the bytes were kept once.
        Fact::Recast { was, is, .. } if was.digest != is.digest => Some((is.digest, is.bytes.0)),
        _ => None,
    });
    let forms: BTreeMap<Digest, u64> = forms.collect();
    let facts = entries.iter().flat_map(|entry| &entry.facts);
    let answers = facts.filter_map(|fact| match fact {
        Fact::CallAnswered {
            capability: Capability::Artifacts | Capability::Model,
            answer: CallAnswer::Ok { value, .. },
            ..
        } => Some(value),
        _ => None,
    });
    Bytes(answers.map(minted).chain(forms.into_values()).fold(0, u64::saturating_add))
}

/// The bytes of the references that an answer is: of pictures a list, of a `put` one.
fn minted(answer: &Document) -> u64 {
    // Most answers are words; those are not read.
    if !answer.text().is_some_and(|text| text.contains("\"$artifact\"")) {
        return 0;
    }
    let references = match answer.value() {
        Value::Array(references) => references,
        reference => vec![reference],
    };
    let references = references.into_iter().filter_map(|one| serde_json::from_value(one).ok());
    references.map(|artifact: Artifact| artifact.bytes.0).fold(0, u64::saturating_add)
}
