//! Composition: every operation of the product over the crates below, and what its powers are made of.
//!
//! Invariant: no printing, no reading of the environment or the home folder: what a
//! front end knows of them it hands down. A front end holds no logic that another
//! would need.

mod admission;
pub mod approvals;
pub mod audit;
pub mod backup;
pub mod build;
mod cache;
pub mod check;
pub mod codes;
pub mod components;
pub mod costs;
mod decisions;
pub mod delivery;
pub mod desk;
pub mod doctor;
mod embed;
pub mod export;
mod files;
mod folders;
pub mod fork;
pub mod gc;
pub mod history;
pub mod host;
pub mod init;
pub mod inject;
mod input;
pub mod inspect;
pub mod labels;
mod ledgers;
mod live;
pub mod load;
pub mod lockdown;
mod origins;
mod pinned;
pub mod powers;
pub mod problems;
pub mod reasons;
pub mod registry;
pub mod replay;
pub mod resume;
pub mod rules;
pub mod run;
pub mod serve;
mod slots;
mod system;
pub mod trial;
pub mod viewing;
mod wire;

pub use bailiwick_orchestrator::{Observer, Question, Refused, RunHandle, past};
pub use bailiwick_policy::Caller;
pub use bailiwick_project::{FileKind, schema};
pub use bailiwick_provider::Keys;
pub use bailiwick_sandbox::{compile_child_main, compile_child_tries};
pub use problems::Problems;
