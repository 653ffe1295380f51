//! Components of others in a project: taken in, changed, thrown out, and held to bailiwick.lock. Runs none of their code but to ask who it is.

mod add;
mod candidate;
mod change;
mod fetch;
mod kept;
mod newer;
mod outdated;
pub(crate) mod pin;
mod remove;
mod restore;
mod site;
pub(crate) mod source;
mod stub;
mod update;

pub use add::{Added, add};
pub use candidate::Candidate;
pub use fetch::{fetch, meant};
pub use newer::look_for_newer;
pub use outdated::{Seen, Standing, outdated, source};
pub use pin::LOCK_FILE;
pub use remove::remove;
pub use restore::restore;
pub use source::Pulled;
pub use update::{Updated, update};

/// Where a component is taken from.
#[derive(Clone, Copy, Debug)]
pub enum Offer<'a> {
    /// A file or a built folder, as typed in a folder.
    Typed(&'a str, &'a std::path::Path),
    /// From a registry, which has been asked already.
    Pulled(&'a Pulled),
    /// The same, in the place of what an agent was when the registry was asked. Where it is
    /// another one by now, somebody else has changed it meanwhile, and that stays.
    Instead {
        /// The source that the agent had.
        of: &'a str,
        /// What it is to be.
        pulled: &'a Pulled,
    },
}

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was so already.
    Same,
    /// It was so already; what had been fetched was lost or is signed anew, and is kept again.
    Kept,
    /// It was so already; bailiwick.lock says more of it than before.
    Told,
    /// It was another one, or not there.
    Changed,
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
