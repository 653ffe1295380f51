//! The ideas of Bailiwick as plain values: ids, units, documents, diagnostics, facts, the state of a run, and the ports that name only these.
//!
//! Invariant: no I/O, no async runtime, no clock, no randomness. The same input
//! gives the same output everywhere. `clippy.toml` beside this crate bans the
//! functions that would break it.

pub mod artifact;
pub mod calendar;
pub mod call_path;
pub mod canonical;
pub mod cell;
pub mod contract;
pub mod cost;
pub mod diagnostic;
pub mod digest;
pub mod document;
pub mod fact;
pub mod kv;
pub mod money;
pub mod name;
pub mod ports;
pub mod record;
pub mod recorded;
pub mod run;
pub mod schema;
pub mod text;
pub mod units;

pub use artifact::Artifact;
pub use call_path::{CallPath, DELEGATE_DEPTH_MAX};
pub use cell::{AttemptId, AxisValue, CellId, CellKey};
pub use cost::Cost;
pub use diagnostic::{Diagnostic, Place, Severity};
pub use digest::Digest;
pub use document::Document;
pub use fact::Fact;
pub use money::{Currency, Money};
pub use name::{Name, RunId};
pub use record::Record;
pub use run::RunState;
pub use units::{Bytes, Calls, Day, Timestamp, Tokens};
