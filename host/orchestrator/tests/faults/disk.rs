//! The disk of a host: syncs when the simulation says so, and fails with what was queued.

use std::sync::Arc;

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{
    Append, BlobError, Blobs, BoxFuture, Journal, JournalError, Term, Ticket,
};
use bailiwick_core::{Bytes, Digest, RunId};

use crate::outside::Outside;

pub(crate) struct Disk(pub(crate) Arc<Outside>);

impl Disk {
    /// The power goes, or a write fails: of what is queued, a prefix has made it.
    pub(crate) fn fail(&self) {
        let journal = &self.0.journal;
        for _ in 0..self.0.roll(journal.held() + 1) {
            journal.release_one();
        }
        journal.lose_power();
    }

    /// One turn of the disk.
    pub(crate) fn turn(&self) {
        let journal = &self.0.journal;
        if journal.held() == 0 || self.0.chance(self.0.faults().slow_sync) {
            return;
        }
        // A commit takes what is queued, or the first of it.
        let take = if self.0.chance(50) { journal.held() } else { 1 };
        (0..take).for_each(|_| journal.release_one());
    }
}

impl Journal for Disk {
    fn create<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        self.0.journal.create(run)
    }

    fn claim<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        // The second failure in a row ends the host.
        match self.0.chance(self.0.faults().append) {
            true => Box::pin(async { Err(lost()) }),
            false => self.0.journal.claim(run),
        }
    }

    fn append(&self, run: &RunId, term: Term, entry: Entry) -> Result<Ticket, JournalError> {
        if self.fails_now() {
            return Ok(Ticket::new(async { Err(lost()) }));
        }
        self.0.journal.append(run, term, entry)
    }

    fn append_all(&self, appends: Vec<Append>) -> Result<Vec<Ticket>, JournalError> {
        if self.fails_now() {
            return Ok(vec![Ticket::new(async { Err(lost()) }); appends.len()]);
        }
        self.0.journal.append_all(appends)
    }

    fn read<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Entry>, JournalError>> {
        self.0.journal.read(run)
    }
}

impl Blobs for Disk {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        Box::pin(async move {
            self.room(Bytes(bytes.len() as u64))?;
            self.0.blobs.put(bytes).await
        })
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.0.blobs.get(digest)
    }

    fn check_room(&self, bytes: Bytes) -> Result<(), BlobError> {
        self.room(bytes)
    }
}

fn lost() -> JournalError {
    JournalError::Storage("a write failed".into())
}

impl Disk {
    /// A write fails, and what is queued with it. Whatever is appended afterwards is
    /// refused until the run is claimed.
    fn fails_now(&self) -> bool {
        let begun = self.0.known().entries > 0;
        let fails = begun && self.0.chance(self.0.faults().append);
        if fails {
            self.fail();
            self.0.journal.hold();
        }
        fails
    }

    fn room(&self, wanted: Bytes) -> Result<(), BlobError> {
        match self.0.chance(self.0.faults().full) {
            true => Err(BlobError::Full { wanted, reason: "the simulation says so".into() }),
            false => Ok(()),
        }
    }
}
