//! The one way out of a guest: every power is asked for, counted and written down here.
//!
//! Invariant: no effect without *look up record → authorize → reserve → intend →
//! call → settle → record*, in that order, in one function (`Gate::call`). A recorded
//! answer is served without authorizing, reserving or calling; only a power that was
//! revoked since ends the attempt.

pub mod artifacts;
mod authorize;
pub mod call;
mod canonical;
pub mod contract;
pub mod decide;
pub mod delegate;
mod effort;
mod fetch;
pub mod gate;
pub mod http;
pub mod knowledge;
pub mod kv;
pub mod ledger;
mod lines;
pub mod logbook;
pub mod model;
mod now;
mod picture;
pub mod provider;

mod replay;
mod routes;
mod unanswered;
pub mod work;
pub mod worst;

pub use call::{Answer, CallError, Request};
pub use canonical::Formless;
pub use decide::{Case, Money, Permit};
pub use delegate::{Callees, Tree};
pub use effort::Effort;
pub use gate::{Gate, Gateway, Opened};
pub use http::{FetchRequest, FetchResponse, HttpError, HttpProvider, Unconnected};
pub use knowledge::{KnowledgeIndex, Passage};
pub use provider::{ModelProvider, ProviderCall, ProviderError};
pub use replay::{Divergence, Seen, Until, Witness};
