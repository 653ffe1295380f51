//! Everything outside that answers a model call: OpenAI's and Anthropic's protocols, and a built-in composer without a network; with the one `dial` and the secrets.
//!
//! Invariants, each kept by a test: every outgoing connection is made by
//! `Dialler::dial`; names are resolved once and only admitted addresses pass; a secret
//! prints as `[redacted]`, goes to the origin that it is bound to and nowhere else, and
//! an answer that contains one is thrown away. Retries, routes, budgets and the check
//! of structured answers are the gate's.

mod anthropic;
pub mod builtin;
mod dial;
mod measure;
mod media;
mod network;
mod openai;
mod patience;
mod providers;
mod resolver;
mod secret;
mod server;
mod sse;
mod target;

pub use network::Network;
pub use providers::Providers;
pub use resolver::NotAdmitted;
pub use secret::{Keys, NotASecret, REDACTED, SECRET_MIN_BYTES, Secret};
