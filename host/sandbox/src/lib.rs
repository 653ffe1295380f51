//! Runs components that nobody has to trust; the only crate that names wasmtime. Knows no pipeline and no provider.
//!
//! Invariant: exactly one function builds a store (`store.rs`), and it sets every
//! limit; guest code runs nowhere else. An unlimited store cannot be written.

pub mod admit;
mod bind;
mod cache;
mod child;
mod compile;
mod contracts;
mod cpu;
mod ended;
pub mod engine;
mod limiter;
pub mod limits;
mod loaded;
mod meter;
mod outline;
mod output;
pub mod profile;
mod room;
pub mod runner;
pub mod sandbox;
mod state;
mod store;
mod tree;
mod wasi;

pub use admit::{Refused, spoken};
pub use cache::CacheError;
pub use child::{Rejected, compile_child_main, compile_child_tries, validate};
pub use compile::{CompileError, Compiler};
pub use engine::Allocation;
pub use profile::Profile;
pub use runner::{Replayed, Runner};
pub use sandbox::{Sandbox, SandboxError};
