//! What the orchestrator needs of the people around a run: somebody who watches, and somebody who puts questions to people.

use std::sync::Arc;

use bailiwick_core::fact::{AskId, Entry, Fact};
use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::{CellId, Digest, Document, Name, RunId, RunState};
use bailiwick_project::Step;

use serde_json::Value;

use crate::inbox::RunHandle;

/// What has to leave the host before the first cell, such as passages to be embedded.
/// Called when `RunStarted` is on stable storage; once more where the journal failed
/// before what it did was written down.
pub type Preparation = Arc<dyn Fn(Durable) -> BoxFuture<'static, Readiness> + Send + Sync>;

/// What came of a preparation.
#[derive(Debug, Default, PartialEq)]
pub struct Readiness {
    /// The facts of what it did, also where it did not come to its end: they say what it cost.
    pub facts: Vec<Fact>,
    /// Why the run cannot begin.
    pub lacks: Option<Lack>,
}

/// Why a run cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It fails, for this reason.
    Fails(String),
    /// It rests until there is more of the budget that is spent.
    Budget(String),
    /// It rests until the project's next day.
    Day(String),
}

/// Watches a run. Every entry comes once, in order, after it is on stable storage.
pub trait Observer: Send + Sync {
    /// The next entry.
    fn entry(&self, durable: &Durable, entry: &Entry);

    /// What happened before this host went on with a run; comes first, if at all.
    fn before(&self, _entries: &[Entry]) {}
}

/// The accounts of a run, kept outside of it.
pub trait Books: Send + Sync {
    /// The run was made anew from its journal, and nothing of it goes on yet: what it has
    /// spent is what its facts say, with what its open calls may have.
    fn set(&self, state: &RunState);
}

/// Nothing is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBooks;

impl Books for NoBooks {
    fn set(&self, _: &RunState) {}
}

/// A question to people, with everything that they are to see.
#[derive(Clone, Debug)]
pub struct Question {
    /// Its id.
    pub ask: AskId,
    /// The judge that asks.
    pub step: Name,
    /// Who may answer.
    pub groups: Vec<String>,
    /// What about.
    pub cell: CellId,
    /// Which round of it.
    pub round: u32,
    /// The whole candidate.
    pub subject: Document,
    /// What the step's `show` shows besides.
    pub show: Document,
    /// What agent judges say of it, where it is a person's edit:
    /// `[{ by, verdict, score, reasons }]`.
    pub opinions: Vec<Value>,
    /// Whether a judge's allowance was spent on the candidate.
    pub escalated: bool,
    /// Revisions that this judge may still cause for this cell; without one, a
    /// rejection drops the cell and an edit is refused.
    pub rounds_left: u32,
}

/// The output of an equal attempt in another run.
#[derive(Clone, Debug)]
pub struct Reusable {
    /// That run.
    pub from: RunId,
    /// The output.
    pub output: Document,
}

/// Outputs that need not be made again.
pub trait Reuse: Send + Sync {
    /// Whether this step's outputs may be taken from elsewhere at all.
    fn applies(&self, step: &Step) -> bool;

    /// What an attempt with this content key has put out.
    fn find<'a>(&'a self, cell: &'a CellId, content: Digest) -> BoxFuture<'a, Option<Reusable>>;
}

/// Everything is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoReuse;

impl Reuse for NoReuse {
    fn applies(&self, _: &Step) -> bool {
        false
    }

    fn find<'a>(&'a self, _: &'a CellId, _: Digest) -> BoxFuture<'a, Option<Reusable>> {
        Box::pin(async { None })
    }
}

/// Puts questions to people.
pub trait Desk: Send + Sync {
    /// Asks. The answer comes through the handle, now or ever; a desk that knows it
    /// already hands it in before this future ends, so that nobody waits for it.
    fn ask<'a>(
        &'a self,
        durable: &'a Durable,
        question: Question,
        run: &'a RunHandle,
    ) -> BoxFuture<'a, ()>;

    /// Whether answers may still come while the host runs: a terminal, a daemon. Else
    /// a run in which everything waits for people is left waiting.
    fn is_attended(&self) -> bool;
}
