//! What the orchestrator needs from the world that names a generation: slots and the runner of attempts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{Failure, ParkReason, Used};
use bailiwick_core::ports::{BoxFuture, Recorder};
use bailiwick_core::{AttemptId, Digest, Document, Name, Record, RunId, Timestamp};

use crate::generation::Generation;
use crate::limits::Limits;

/// Where an agent name points now.
pub trait Slots: Send + Sync {
    /// The generation of an agent name; nothing where there is none.
    fn current(&self, agent: &Name) -> Option<Arc<Generation>>;

    /// The generation of an agent name with this very component: an attempt that has a
    /// record continues on its own code, whatever serves by now.
    fn pinned(&self, agent: &Name, component: &Digest) -> Option<Arc<Generation>> {
        self.current(agent).filter(|generation| generation.component == *component)
    }

    /// Whether there are generations that serve nobody new, and wait for their last attempt.
    fn has_older(&self) -> bool {
        false
    }

    /// These are the components of all attempts that have not ended: an older generation
    /// on any other one goes.
    fn keep(&self, _in_use: &BTreeSet<Digest>) {}
}

/// No agents: for hosts in which nobody calls another one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSlots;

impl Slots for NoSlots {
    fn current(&self, _: &Name) -> Option<Arc<Generation>> {
        None
    }
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
    /// What the attempt was told before, where it continues. A call of it that has no
    /// answer is charged (`CallLost`) before the record is handed over, and asked again.
    pub record: Arc<Record>,
    /// What happens to a call that nobody answers.
    pub patience: Patience,
    /// The way of its facts into the run.
    pub recorder: Arc<dyn Recorder>,
    /// For one that another attempt calls: who waits for it.
    pub called: Option<Called>,
}

impl Job {
    /// The limits that hold for it: nobody works longer than his caller waits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let own = self.generation.effective.limits;
        let wall = self.called.as_ref().map_or(own.wall, |called| own.wall.min(called.wall));
        Limits { wall, ..own }
    }
}

/// Who waits for an attempt, and how long.
#[derive(Clone, Debug)]
pub struct Called {
    /// What calls it, from the attempt of the step down.
    pub callers: Vec<Arc<Generation>>,
    /// The wall clock that its caller leaves it.
    pub wall: Duration,
}

/// What happens to a call that no provider answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// The attempt is let go, and asks again when it continues.
    Park,
    /// The guest is told: it is the last try.
    Answer,
}

/// Why an attempt was let go without an end: a call cannot be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Park {
    /// What it waits for.
    pub reason: ParkReason,
    /// In words, for the operator.
    pub detail: String,
}

/// How an attempt was left that has no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// It ended.
    Failed(Failure),
    /// It continues later.
    Parked(Park),
}

impl Left {
    /// The failure, where it is one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Parked(_) => None,
        }
    }
}

impl From<Failure> for Left {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How an attempt was left.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The output, valid against the agent's output schema; or why there is none.
    pub result: Result<Document, Left>,
    /// What it used.
    pub used: Used,
    /// What it changes in each namespace, with those that it called, where it has an output.
    pub writes: Vec<Staged>,
}

/// What an attempt changes in a namespace, once it is written down with its end.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Where.
    pub namespace: Name,
    /// What, as a fact says it.
    pub writes: Document,
    /// Held until it is durable: nobody reads or ends there meanwhile.
    pub turn: Turn,
}

/// A turn that is taken; dropping the last clone gives it back.
#[derive(Clone)]
pub struct Turn(#[expect(dead_code, reason = "what counts is when it is dropped")] Arc<dyn Held>);

impl Turn {
    /// A turn that is given back when `guard` is dropped.
    #[must_use]
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Arc::new(guard))
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Turn")
    }
}

/// Runs attempts. Dropping the future ends the attempt and frees what it held.
pub trait StepRunner: Send + Sync {
    /// Runs one attempt to its end. Never panics, never fails but through the outcome.
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome>;

    /// The places that this run shares with others; nothing where it has as many as it
    /// wants. An attempt begins only with one, so that what waits for its turn has not begun.
    fn places(&self) -> Option<Arc<dyn Places>> {
        None
    }
}

/// Places for attempts, shared by many runs. Given in a fair order to those who wait.
pub trait Places: Send + Sync {
    /// A place, where one is free and nobody waits for it.
    fn try_take(&self) -> Option<Place>;

    /// A place, when it is this run's turn. Dropping the future gives the turn up.
    fn take(&self) -> BoxFuture<'static, Place>;

    /// The only place that is taken: nobody has another when it is given, and nobody gets
    /// one while it is held. It goes before everything that waits. Dropping the future
    /// gives the turn up.
    fn take_alone(&self) -> BoxFuture<'static, Place>;
}

/// A place that is taken; dropping it gives it back.
pub struct Place(#[expect(dead_code, reason = "what counts is when it is dropped")] Box<dyn Held>);

trait Held: Send + Sync {}

impl<T: Send + Sync> Held for T {}

impl Place {
    /// A place that is given back when `guard` is dropped.
    #[must_use]
    pub fn new(guard: impl Send + Sync + 'static) -> Self {
        Self(Box::new(guard))
    }
}
