//! The runs that this process drives now, so that an answer from outside goes to the task that owns the run. Drives none.

use std::collections::BTreeMap;

use bailiwick_core::RunId;
use bailiwick_orchestrator::RunHandle;
use tokio::sync::{Mutex, MutexGuard};

/// Handles of the runs that go. Who holds the guard knows that none begins or is taken
/// up meanwhile, so that he may append to the others.
#[derive(Default)]
pub(crate) struct LiveRuns(Mutex<BTreeMap<RunId, RunHandle>>);

impl LiveRuns {
    /// The handles, and nobody else changes them meanwhile.
    pub(crate) async fn lock(&self) -> MutexGuard<'_, BTreeMap<RunId, RunHandle>> {
        self.0.lock().await
    }

    /// A run goes from now on. Called before it is claimed.
    pub(crate) async fn goes(&self, handle: RunHandle) {
        self.lock().await.insert(handle.run().clone(), handle);
    }

    /// A run was left: it has ended, or waits for people.
    pub(crate) async fn left(&self, run: &RunId) {
        self.lock().await.remove(run);
    }
}
