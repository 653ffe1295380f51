//! Write Bailiwick agents in Rust: one typed function becomes a WebAssembly component.
//! Knows the contract and nothing of the host behind it.

// The expansion names this crate; so do its own tests and examples.
extern crate self as bailiwick;

#[doc(hidden)]
pub mod agent;
pub mod artifact;
pub mod artifacts;
mod failure;
#[cfg(not(target_family = "wasm"))]
pub mod fake;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;
mod host;
pub mod knowledge;
mod limits;
pub mod log;
pub mod model;
mod powers;
mod schema;

pub use artifact::Artifact;
pub use bailiwick_macros::agent;
pub use failure::{Failure, HostError, Limit};
pub use host::{Host, Task};
