//! A generation: what an agent name points at now, as plain data.

use bailiwick_core::schema::Schema;
use bailiwick_core::{Digest, Name};

use crate::intersect::Effective;
use crate::publishers::SignedWith;

/// Component, effective powers and schemas of one agent name. A swap makes a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// The operator's name for it.
    pub agent: Name,
    /// `publisher/name` of the component; `local/…` where it is unsigned.
    pub identity: String,
    /// What it is signed with, and when; nothing where it is unsigned.
    pub key: Option<SignedWith>,
    /// The version of the profile.
    pub version: String,
    /// The component's bytes.
    pub component: Digest,
    /// Grants ∩ ceiling.
    pub effective: Effective,
    /// Digest of `effective`: what facts name.
    pub powers: Digest,
    /// Digest of what its answers depend on besides its input: the routes of its models,
    /// the content of its collections and assets.
    pub sources: Digest,
    /// What its input must be.
    pub input: Schema,
    /// What its output must be.
    pub output: Schema,
}
