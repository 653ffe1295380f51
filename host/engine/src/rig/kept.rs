//! What an attempt on the rig leaves: facts and bytes, in memory. Durable is nothing of it; nobody asks for it again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bailiwick_core::fact::Fact;
use bailiwick_core::ports::{BlobError, Blobs, BoxFuture, Durable, JournalError, Recorder, Ticket};
use bailiwick_core::{Digest, Timestamp};

/// Between two facts of an attempt, for its clock: it is seen to move, the same each time.
const STEP: Duration = Duration::from_millis(1);

/// Facts in order, at times of their own.
pub(super) struct Facts {
    since: Timestamp,
    facts: Mutex<Vec<Fact>>,
}

impl Facts {
    pub(super) fn since(since: Timestamp) -> Self {
        Self { since, facts: Mutex::default() }
    }

    /// All of them; none are left.
    pub(super) fn take(&self) -> Vec<Fact> {
        std::mem::take(&mut *self.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Recorder for Facts {
    fn record(&self, fact: Fact) -> BoxFuture<'_, Result<(Ticket, Timestamp), JournalError>> {
        let count = {
            let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
            facts.push(fact);
            u32::try_from(facts.len()).unwrap_or(u32::MAX)
        };
        let durable = Durable::attest(u64::from(count));
        let ticket = Ticket::new(std::future::ready(Ok(durable)));
        let at = self.since.after(STEP.saturating_mul(count));
        Box::pin(std::future::ready(Ok((ticket, at))))
    }
}

/// Bytes by content, as long as the rig stands.
#[derive(Default)]
pub(super) struct Memory(Mutex<HashMap<Digest, Vec<u8>>>);

impl Memory {
    pub(super) fn keep(&self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, bytes);
        digest
    }
}

impl Blobs for Memory {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        Box::pin(std::future::ready(Ok(self.keep(bytes))))
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        Box::pin(std::future::ready(found.ok_or(BlobError::Missing(digest))))
    }
}
