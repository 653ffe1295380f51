//! The one way out of a guest: every power is asked for, counted and written down here.
//!
//! Invariant: no effect without *look up record → authorize → reserve → intend →
//! call → settle → record*, in that order, in one function (`Gate::call`). There is
//! no record to look up before durable resume is built: each attempt starts fresh.

pub mod artifacts;
mod authorize;
pub mod call;
pub mod contract;
pub mod gate;
pub mod knowledge;
pub mod ledger;
pub mod logbook;
pub mod model;
pub mod provider;
mod routes;
pub mod work;

pub use call::{Answer, CallError, Request};
pub use gate::{Gate, Gateway, Opened};
pub use knowledge::{KnowledgeIndex, Passage};
pub use provider::{ModelProvider, ProviderCall, ProviderError};
