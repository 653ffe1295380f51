//! Write Bailiwick agents in Rust: one typed function becomes a WebAssembly component.
//! Knows the contract, and nothing of the host behind it.
//!
//! An agent is a function from one document to another. It reaches the world through
//! [`Host`] alone, and each accessor of it is one power that the operator grants or not:
//!
//! ```
//! use bailiwick::{Failure, Host};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! /// What to write about.
//! #[derive(Deserialize, JsonSchema)]
//! struct Brief {
//!     /// The product's name.
//!     product: String,
//! }
//!
//! /// What was written.
//! #[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
//! struct Draft {
//!     /// At most eight words.
//!     headline: String,
//! }
//!
//! /// Writes a headline in the brand's tone.
//! #[bailiwick::agent]
//! fn draft(brief: Brief, host: &Host) -> Result<Draft, Failure> {
//!     let mut writer = host.model("writer");
//!     for passage in host.knowledge("brand").search("tone of voice", 3)? {
//!         writer = writer.system(passage.text);
//!     }
//!     let answered = writer.user(brief.product).max_tokens(200).answer::<Draft>()?;
//!     host.log().info("written");
//!     Ok(answered.value)
//! }
//!
//! // Outside of the sandbox the function is a function, and the host is a fake.
//! let fake = Host::fake()
//!     .knowledge("brand", ["Our tone is calm."])
//!     .answer("writer", serde_json::json!({ "headline": "Tea, now." }));
//! let brief = Brief { product: "kettle".into() };
//! assert_eq!(draft(brief, &fake.host())?.headline, "Tea, now.");
//! assert_eq!(fake.requests()[0].text(), "Our tone is calm.\nkettle");
//! # Ok::<(), Failure>(())
//! ```
//!
//! On wasm the attribute adds the exports of `wit/v0.1`. Their profile has the crate's name
//! and version, the first paragraph of the function's documentation as the summary, and
//! JSON Schemas of both types: what their doc comments say is read by operators, by the
//! host's checks, and by models. A panic is written to the log, with its place, before
//! the sandbox ends the attempt.

// The expansion names this crate; here it is to be found too.
extern crate self as bailiwick;

#[doc(hidden)]
pub mod agent;
mod artifact;
pub mod artifacts;
pub mod delegate;
mod failure;
#[cfg(not(target_family = "wasm"))]
pub mod fake;
mod finite;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;
mod host;
pub mod http;
pub mod knowledge;
pub mod kv;
mod limits;
pub mod log;
pub mod model;
mod powers;
mod schema;

pub use artifact::Artifact;
pub use bailiwick_macros::agent;
pub use delegate::{DelegateError, Fault};
pub use failure::{Failure, HostError, Limit};
pub use host::{Host, Task};

/// What the README shows compiles and holds.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
