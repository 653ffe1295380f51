//! Every function at which bytes of somebody else enter, each with what must hold of its answer whatever the bytes are; for tests and fuzzers, no part of the product.
//!
//! An entry panics where something does not hold, and says how far the bytes came, so
//! that whoever feeds it sees that not all of them are refused at the door. To add
//! one: a function `fn(&[u8]) -> Reached` and a line in [`ALL`]; `tests/mutations.rs`
//! and `fuzz/` find it there.

#![allow(clippy::panic, clippy::unwrap_used, reason = "what does not hold is a finding")]

mod component;
mod contract;
mod documents;
mod examples;
mod facts;
mod files;
mod mutation;
mod registries;
mod shipped;
mod texts;
mod web;

pub use examples::{SMALL_MAX_BYTES, examples};
pub use mutation::Mutator;

/// How far bytes came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Refused before anything was looked at that has a structure.
    Nothing,
    /// They have the form, and something in them is wrong.
    Form,
    /// Taken as they are.
    Taken,
}

/// One entry: its name, which is the name of its folder of examples too, and itself.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `[a-z_]*`.
    pub name: &'static str,
    /// Takes any bytes, and panics where something does not hold.
    pub run: fn(&[u8]) -> Reached,
}

/// All of them.
pub const ALL: &[Entry] = &[
    Entry { name: "project_file", run: files::project },
    Entry { name: "policy_file", run: files::policy },
    Entry { name: "pipeline_file", run: files::pipeline },
    Entry { name: "decisions_file", run: files::decisions },
    Entry { name: "agent_file", run: files::agent },
    Entry { name: "lock_file", run: shipped::lock },
    Entry { name: "statement", run: shipped::statement },
    Entry { name: "signature_file", run: shipped::signature },
    Entry { name: "expression", run: files::expression },
    Entry { name: "document", run: documents::document },
    Entry { name: "schema", run: documents::schema },
    Entry { name: "facts", run: facts::facts },
    Entry { name: "component", run: component::component },
    Entry { name: "contract", run: contract::contract },
    Entry { name: "visible", run: texts::visible },
    Entry { name: "quantity", run: texts::quantity },
    Entry { name: "url", run: web::url },
    Entry { name: "host", run: web::host },
    Entry { name: "values", run: web::values },
    Entry { name: "manifest", run: registries::manifest },
    Entry { name: "reference", run: registries::reference },
];

/// The entry of this name.
#[must_use]
pub fn entry(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}
