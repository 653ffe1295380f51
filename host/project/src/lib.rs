//! The three files of a project, and its decisions: text in, a plan or all errors out.
//!
//! Invariant: no I/O, no async runtime, no clock, no randomness. The same input
//! gives the same output everywhere.

pub mod codes;
pub mod expr;
pub mod matrix;
mod nearest;
pub mod plan;
pub mod scope;
pub mod template;

pub use expr::{ExprError, ExprErrorKind};
pub use matrix::{Axis, Matrix, Point, Sample};
pub use plan::{Plan, Read, Retry, Step, Tolerance, WorstCase};
pub use scope::Scope;
pub use template::Template;
