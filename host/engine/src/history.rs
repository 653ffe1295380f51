//! What a data folder remembers: runs, one run, its facts. Reads only, whether or not a host holds the folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::{BlobError, Blobs, BoxFuture};
use bailiwick_core::{CellId, Diagnostic, Digest, RunId, RunState};
use bailiwick_store::{Archive, OpenError, Store};
pub use bailiwick_store::{ListedRun, Rests, RunPhase};
use tokio::sync::Mutex;

use crate::codes;
use crate::problems::Problems;
use crate::viewing::Viewer;

/// A data folder, open for reading.
pub struct History {
    archive: Archive,
    viewer: Viewer,
    /// By project, read once: a rehearsal asks for each of hundreds of runs.
    signatures: Mutex<BTreeMap<String, Arc<BTreeMap<Digest, String>>>>,
}

/// The newest runs that somebody may see.
pub struct Listing {
    /// Newest first.
    pub runs: Vec<ListedRun>,
    /// How many more there are that he may not see.
    pub hidden: usize,
}

/// One run with everything that happened.
pub struct Record {
    /// In order.
    pub entries: Vec<Entry>,
    /// What they come to.
    pub state: RunState,
    /// Where it stands, as a listing says it: the facts alone do not know that the
    /// process which drove the run is gone.
    pub phase: RunPhase,
}

impl History {
    /// Opens a data folder for somebody to look at. Nothing where no run was ever made there.
    ///
    /// # Errors
    /// [`Problems`] where it cannot be read.
    pub fn open(data: &Path, viewer: Viewer) -> Result<Option<Self>, Problems> {
        match Store::open_read_only(data) {
            Ok(archive) => Ok(Some(Self { archive, viewer, signatures: Mutex::default() })),
            Err(OpenError::Missing(_)) => Ok(None),
            Err(error) => Err(storage(&error)),
        }
    }

    /// What was written.
    pub(crate) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The signatures of what was ever swapped in for a project, by component.
    pub(crate) async fn signatures(
        &self,
        project: &str,
    ) -> Result<Arc<BTreeMap<Digest, String>>, Problems> {
        let mut known = self.signatures.lock().await;
        if let Some(known) = known.get(project) {
            return Ok(Arc::clone(known));
        }
        let read = self.archive.signatures(project.to_owned()).await;
        let read = Arc::new(read.map_err(|error| storage(&error))?);
        known.insert(project.to_owned(), Arc::clone(&read));
        Ok(read)
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// [`Problems`] where storage failed.
    pub async fn runs(&self, limit: u32) -> Result<Listing, Problems> {
        let all = self.archive.runs(limit, None).await.map_err(|error| storage(&error))?;
        if self.viewer.sees_all() {
            return Ok(Listing { runs: all, hidden: 0 });
        }
        let (mut runs, mut hidden) = (Vec::new(), 0);
        for listed in all {
            // One that has not begun says nothing yet.
            let state = match listed.started {
                Some(_) => match self.state(&listed.run).await {
                    Ok(state) => Some(state),
                    // It was old, and went since it was listed.
                    Err(problems) if problems.are_all(codes::NO_RUN) => continue,
                    Err(problems) => return Err(problems),
                },
                None => None,
            };
            match state.is_none_or(|state| self.viewer.may_see(&state).is_ok()) {
                true => runs.push(listed),
                false => hidden += 1,
            }
        }
        Ok(Listing { runs, hidden })
    }

    /// One run, read and replayed through the one transition function.
    ///
    /// # Errors
    /// [`Problems`] where there is none, who looks is not cleared for it, or the journal is damaged.
    pub async fn record(&self, run: &RunId) -> Result<Record, Problems> {
        let (entries, state) = self.read(run).await?;
        self.viewer.may_see(&state)?;
        let listed = self.archive.run(run.clone()).await.map_err(|error| storage(&error))?;
        Ok(Record { entries, state, phase: listed.phase })
    }
}

impl History {
    /// Who looks.
    pub(crate) fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// What a run has come to, for who then looks at a part of it that he may see.
    pub(crate) async fn state(&self, run: &RunId) -> Result<RunState, Problems> {
        Ok(self.read(run).await?.1)
    }

    async fn read(&self, run: &RunId) -> Result<(Vec<Entry>, RunState), Problems> {
        let entries = self.archive.read(run).await.map_err(|error| {
            let hint = "`bailiwick runs` lists the runs of this data folder";
            Problems::one(Diagnostic::error(codes::NO_RUN, error.to_string()).hint(hint))
        })?;
        let state = RunState::replay(&entries).map_err(|error| storage(&error))?;
        let state = state.ok_or_else(|| storage(&format!("{run} has no facts")))?;
        Ok((entries, state))
    }

    /// Attaches the texts of the documents of one cell that are kept apart because of
    /// their size. What was erased stays without.
    pub async fn load(&self, record: &mut Record, cell: &CellId) {
        let facts = record.entries.iter_mut().flat_map(|entry| &mut entry.facts);
        let of_cell = facts.filter(|fact| is_of(fact, cell));
        for document in
            of_cell.flat_map(Fact::documents_mut).filter(|document| document.text().is_none())
        {
            if let Ok(bytes) = self.archive.get(document.digest()).await
                && let Ok(text) = String::from_utf8(bytes)
            {
                document.load(text.into());
            }
        }
    }
}

fn is_of(fact: &Fact, wanted: &CellId) -> bool {
    match fact {
        Fact::CellStarted { attempt, .. }
        | Fact::CellFinished { attempt, .. }
        | Fact::CallAnswered { attempt, .. } => attempt.cell == *wanted,
        Fact::Released { cell, .. } | Fact::Asked { cell, .. } | Fact::Judged { cell, .. } => {
            cell == wanted
        }
        _ => false,
    }
}

impl Blobs for History {
    fn put(&self, _: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        Box::pin(async { Err(BlobError::Storage("this folder is open for reading only".into())) })
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.archive.get(digest)
    }
}

fn storage(error: &impl std::fmt::Display) -> Problems {
    Problems::one(Diagnostic::error(codes::STORAGE, error.to_string()))
}
