//! What the orchestrator needs from the world that names a generation: slots and the runner of attempts.

use std::sync::Arc;

use bailiwick_core::fact::{Failure, Used};
use bailiwick_core::ports::{BoxFuture, Recorder};
use bailiwick_core::{AttemptId, Document, Name, RunId, Timestamp};

use crate::generation::Generation;

/// Where an agent name points now.
pub trait Slots: Send + Sync {
    /// The generation of an agent name; nothing where there is none.
    fn current(&self, agent: &Name) -> Option<Arc<Generation>>;
}

/// One attempt to run: everything that the outcome may depend on.
pub struct Job {
    /// The run.
    pub run: RunId,
    /// Which attempt.
    pub attempt: AttemptId,
    /// What to run, with which powers.
    pub generation: Arc<Generation>,
    /// Its input, checked against the agent's input schema by the runner.
    pub input: Document,
    /// The time of `CellStarted`: where the guest's clock stands at first.
    pub started: Timestamp,
    /// The way of its facts into the run.
    pub recorder: Arc<dyn Recorder>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The output, valid against the agent's output schema; or why there is none.
    pub result: Result<Document, Failure>,
    /// What it used.
    pub used: Used,
}

/// Runs attempts. Dropping the future ends the attempt and frees what it held.
pub trait StepRunner: Send + Sync {
    /// Runs one attempt to its end. Never panics, never fails but through the outcome.
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome>;
}
