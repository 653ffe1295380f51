//! The state of a run and the only way in which it changes: [`RunState::next`]. It applies facts and judges whether they are legal; it never decides.
//!
//! The states of a cell and the facts that move it (a test walks this table):
//!
//! | from | fact | to |
//! |---|---|---|
//! | idle | `CellSkipped` | ended: skipped |
//! | idle, resting, revising, given up | `CellStarted` | running |
//! | idle, revising, given up | `CellReused` | judging, at the first judge |
//! | running | `CellParked`; `RunResumed`, where a host ended without a word | parked |
//! | parked, given up | `AttemptContinued` | running |
//! | running | `AttemptFailed` with a retry | resting |
//! | running, parked | `AttemptFailed` without | failing |
//! | running | `KvWritten` | running |
//! | running | `CellFinished` | judging, at the first judge |
//! | judging | `CellStarted` of the judge | judging, the judge runs |
//! | judging | `CellReused` of the judge | judging, the judge has ended |
//! | judging | `Judged` pass, or an opinion; `JudgeSkipped`; `Decided` approve | judging, at the next judge |
//! | judging | `Judged` revise, `Decided` reject, allowance left | revising |
//! | judging | `Judged` revise, allowance spent | spent |
//! | judging | `Judged` veto, also of a judge that could not begin; `Decided` reject, allowance spent | refused |
//! | judging | `Decided` edit | judging the edit, at the first judge |
//! | spent | `Escalated`, of a candidate that no later judge has turned down | judging, at the next judge, escalated |
//! | judging, after the last judge, not escalated | `Released` | ended: released |
//! | any but ended, while none of its attempts runs | `Dropped`, `CellFailed` | ended |
//! | ended: failed, or dropped before it began | `RunResumed` that tries again | idle, revising; given up (as parked), where its hosts had crashed |
//! | ended: dropped by a judge that failed, or could not be asked | `RunResumed` that tries again | judging, at that judge |
//!
//! A run that rests or was interrupted takes `RunResumed`, `Decided`, and its end for good.

mod attempts;
mod cell;
mod judgements;
mod pauses;
mod state;

pub use attempts::OpenAttempt;
pub use cell::{Candidate, CellState, End, JudgeStage, Rest, Said, Stage, Verdicts};
pub use judgements::TIMEOUT;
pub use pauses::Pause;
pub use state::{Ask, RunState, RunStatus, Spent, StepState};

/// A fact that cannot have happened now. Live it is a bug; in recovery the journal is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fact} is not legal now: {why}")]
pub struct IllegalFact {
    /// The name of the fact.
    pub fact: &'static str,
    /// The rule that it breaks.
    pub why: String,
}
