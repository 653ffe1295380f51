//! Components of others in a project: taken in, changed, thrown out, and held to bailiwick.lock. Runs none of their code.

mod add;
mod asks;
mod candidate;
mod change;
mod fetch;
mod kept;
mod outdated;
pub(crate) mod pin;
mod remove;
mod site;
pub(crate) mod source;
mod stub;
mod update;

pub use add::{Added, add};
pub use candidate::Candidate;
pub use fetch::{fetch, in_registry, look_for_newer, meant};
pub use outdated::{Seen, Standing, outdated};
pub use pin::LOCK_FILE;
pub use remove::remove;
pub use source::Pulled;
pub use update::{Updated, update};

/// Where a component is taken from.
#[derive(Clone, Copy, Debug)]
pub enum Offer<'a> {
    /// A file or a built folder, as typed in a folder.
    Typed(&'a str, &'a std::path::Path),
    /// From a registry, which has been asked already.
    Pulled(&'a Pulled),
}

/// What somebody takes on purpose, and who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// More powers than before, or another publisher.
    pub accept: bool,
    /// A lower version than there ever was.
    pub downgrade: bool,
    /// Who, for bailiwick.lock.
    pub by: String,
}
