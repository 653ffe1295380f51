//! The three files of a project, and its decisions: text in, a plan or all errors out.
//!
//! Invariant: no I/O, no async runtime, no clock, no randomness. The same input
//! gives the same output everywhere.
//!
//! The way of a file: text → `findings` (TOML with spans) → `keys` (form, by the
//! one table of keys) → authored values → judged against each other → [`Plan`],
//! [`Project`], [`Policy`](bailiwick_policy::Policy) or [`Decisions`].

pub mod codes;
mod compile;
mod credentials;
mod decisions;
mod delegates;
mod entries;
pub mod expr;
mod extent;
mod fields;
mod findings;
mod folders;
mod keys;
mod kv;
mod label_rules;
pub mod labels;
mod limits;
pub mod lock;
pub mod matrix;
mod nearest;
mod pipeline;
mod places;
pub mod plan;
mod policy_file;
mod prices;
mod profiles;
pub mod project;
mod publishers;
mod registries;
mod retention;
mod routes;
mod run_pin;
pub mod scope;
pub mod template;
mod web;

pub use decisions::Decisions;
pub use expr::{ExprError, ExprErrorKind};
pub use extent::Extent;
pub use keys::{FileKind, key_paths, schema};
pub use kv::Namespace;
pub use labels::Flow;
pub use lock::{Lock, LockPin};
pub use matrix::{Axis, Matrix, Point, Sample};
pub use pipeline::Surroundings;
pub use plan::{Asking, OnTimeout, Plan, Read, Retry, Step, Timeout, Tolerance, WorstCase};
pub use policy_file::read_policy;
pub use profiles::Profile;
pub use project::{Agent, Folder, Project, grant_line};
pub use retention::Retention;
pub use routes::{NotARoute, parse_route, route_of};
pub use run_pin::RunPin;
pub use scope::Scope;
pub use template::Template;
