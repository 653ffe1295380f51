//! Drives a plan over ports: which cell may start, what a verdict means, when a run has ended.
//!
//! Invariant: every decision is a fact, applied through `RunState::next` by the one
//! task that owns the run; nothing leaves or is shown before the facts it rests on
//! are durable. Knows no WebAssembly, no HTTP, no TOML, no SQL.

mod answers;
mod attempt;
mod cells;
mod ending;
mod evaluate;
mod finish;
mod graph;
mod hold;
mod inbox;
mod judges;
mod layout;
mod leash;
mod lives;
mod people;
pub mod ports;
mod queue;
mod resume;
mod room;
mod settled;
mod show;
mod task;
mod timers;
mod values;
mod verdict;

pub use answers::{Answer, Fit, Refused, fit, in_form, past, rounds_left};
pub use attempt::pin;
pub use inbox::{HeldRun, RunHandle, Taken};
pub use ports::{
    Books, Desk, Lack, NoBooks, NoReuse, Observer, Preparation, Question, Readiness, Reusable,
    Reuse,
};
pub use settled::waits_for_people;
pub use task::{Ended, Resume, RunError, Start, World, resume, run};
pub use timers::REMINDERS_MAX;
pub use verdict::read as read_verdict;
