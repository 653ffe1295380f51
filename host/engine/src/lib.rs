//! Composition: every operation of the product over the crates below, and what its powers are made of.
//!
//! Invariant: no printing, no reading of the environment or the home folder: what a
//! front end knows of them it hands down. A front end holds no logic that another
//! would need.

mod admission;
pub mod approvals;
mod aside;
mod asks;
pub mod audit;
pub mod backup;
pub mod build;
mod cache;
pub mod cases;
pub mod check;
pub mod codes;
pub mod components;
pub mod conform;
pub mod costs;
mod decisions;
pub mod delivery;
pub mod desk;
pub mod dev;
pub mod doctor;
mod embed;
pub mod export;
mod files;
mod folders;
mod follows;
pub mod fork;
pub mod gc;
mod generations;
pub mod history;
pub mod host;
pub mod init;
pub mod inject;
mod input;
pub mod inspect;
mod kept;
pub mod labels;
mod ledgers;
mod live;
pub mod load;
pub mod lockdown;
pub mod new;
mod origins;
pub mod pack;
mod pinned;
pub mod plugins;
pub mod powers;
pub mod problems;
mod provenance;
pub mod reasons;
pub mod registry;
pub mod replay;
pub mod resume;
mod rig;
pub mod rules;
pub mod run;
pub mod serve;
pub mod signing;
mod slots;
pub mod suggest;
pub mod swap;
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
