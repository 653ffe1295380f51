//! A run that another process drives, as it was told: its facts, what they come to, and its delivery at this side. Knows no socket.

use std::path::Path;

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{Blobs, Durable, Journal as _, Term};
use bailiwick_core::{Diagnostic, RunId, RunState};
use bailiwick_store::MemoryJournal;

use crate::codes;
use crate::delivery::{self, Outline, Written};
use crate::pinned::storage;
use crate::problems::Problems;

/// What was told of a run. A host tells only what is durable, so what is copied here is:
/// its copy can prove what the original does.
pub struct Away {
    run: RunId,
    copy: MemoryJournal,
    term: Term,
    entries: Vec<Entry>,
    state: Option<RunState>,
    last: Option<Durable>,
}

impl Away {
    /// A run of which nothing was told yet.
    ///
    /// # Errors
    /// None: the copy is in memory.
    pub async fn new(run: RunId) -> Result<Self, Problems> {
        let copy = MemoryJournal::new();
        let term = copy.create(&run).await.map_err(storage)?;
        Ok(Self { run, copy, term, entries: Vec::new(), state: None, last: None })
    }

    /// The next entry.
    ///
    /// # Errors
    /// [`Problems`] where it cannot follow what was told before.
    pub async fn told(&mut self, entry: Entry) -> Result<Durable, Problems> {
        for fact in &entry.facts {
            match &mut self.state {
                Some(state) => state.next(fact, entry.at).map_err(storage)?,
                none => *none = Some(RunState::begin(fact, entry.at).map_err(storage)?),
            }
        }
        let ticket = self.copy.append(&self.run, self.term, entry.clone()).map_err(storage)?;
        let durable = ticket.durable().await.map_err(storage)?;
        self.entries.push(entry);
        self.last = Some(durable);
        Ok(durable)
    }

    /// What is known of it; nothing before its first entry.
    #[must_use]
    pub fn state(&self) -> Option<&RunState> {
        self.state.as_ref()
    }

    /// Everything that was told.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes what came out into a folder at this side.
    ///
    /// # Errors
    /// [`Problems`] where the folder cannot be written, or bytes are missing.
    pub async fn deliver(
        &self,
        out: &Path,
        outline: &Outline,
        blobs: &dyn Blobs,
    ) -> Result<Written, Problems> {
        let (Some(durable), Some(state)) = (&self.last, &self.state) else {
            let message = format!("nothing is known of run {}", self.run);
            return Err(Problems::one(Diagnostic::error(codes::NO_RUN, message)));
        };
        let written = delivery::deliver(durable, out, outline, (state, &self.entries), blobs);
        written
            .await
            .map_err(|error| Problems::one(Diagnostic::error(codes::OUT, error.to_string())))
    }
}
