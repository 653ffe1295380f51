//! Everything outside that answers: OpenAI's and Anthropic's protocols, a built-in composer without a network, the web, and registries of components; with the one `dial` and the secrets.
//!
//! Invariants, each kept by a test: every outgoing connection is made by
//! `Dialler::dial`; names are resolved once and only admitted addresses pass; a secret
//! prints as `[redacted]`, goes to the origin that it is bound to and nowhere else, and
//! an answer that contains one is thrown away. Retries, routes, budgets and the check
//! of structured answers are the gate's.

mod anthropic;
pub mod builtin;
mod dial;
mod finder;
mod keys;
mod measure;
mod media;
mod memory;
mod openai;
mod patience;
mod providers;
pub mod registry;
mod resolver;
mod secret;
mod server;
mod signature;
mod source;
mod sse;
mod target;
mod web;

pub use keys::Keys;
pub use providers::{NotACertificate, Providers};
pub use resolver::{Names, NotAdmitted, SystemNames};
pub use secret::{NotASecret, REDACTED, SECRET_MIN_BYTES, Secret, WEAK_MIN_BYTES};
