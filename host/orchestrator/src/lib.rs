//! Drives a plan over ports: which cell may start, what a verdict means, when a run has ended.
//!
//! Invariant: every decision is a fact, applied through `RunState::next` by the one
//! task that owns the run; nothing leaves or is shown before the facts it rests on
//! are durable. Knows no WebAssembly, no HTTP, no TOML, no SQL.

mod attempt;
mod cells;
mod ending;
mod evaluate;
mod graph;
mod inbox;
mod judges;
mod layout;
mod leash;
pub mod ports;
mod queue;
mod resume;
mod show;
mod task;
mod values;
mod verdict;

pub use attempt::pin;
pub use inbox::{Refused, RunHandle};
pub use ports::{Desk, NoReuse, Observer, Preparation, Question, Reusable, Reuse};
pub use task::{Ended, Resume, RunError, Start, World, resume, run};
