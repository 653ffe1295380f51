//! Components in registries, over the one `dial`: pulled, pushed, listed, each answer bounded and checked while it flows. Keeps no file and decides nothing about whose component is trusted.
//!
//! Only what a policy lists is asked ([`Providers::registry`] is the one way in). Sizes are
//! judged before bytes are read and again while they come; blobs are what their digest
//! says or nothing; a redirect or a realm leads where the policy's rule says and nowhere
//! else; a credential goes to the origin that it is bound to.

mod challenge;
mod error;
mod pull;
mod push;
mod session;
mod tags;
mod token;

use std::time::Duration;

use bailiwick_core::Bytes;
use bailiwick_policy::registry::{self, NotListed, Reference, RegistryRule};
use ring::digest::{SHA256, digest};

pub use error::{RegistryError, Retry};
pub use pull::Pulled;
pub use push::{Artifact, Existing, Pushed};
pub use tags::{TAGS_MAX, Tags};

use crate::providers::Providers;

/// What a registry may take. [`Bounds::USUAL`] unless a test says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The longest that any one answer may take, besides the time for its bytes.
    pub patience: Duration,
    /// The slowest that bytes of a blob may come or go, in bytes a second.
    pub rate: Bytes,
}

impl Bounds {
    /// 30 s for an answer: registries answer within one. 64 KiB/s for blobs: a component of
    /// 18 MB then has five minutes, on a line on which nobody would wait for it.
    pub const USUAL: Self = Self { patience: Duration::from_secs(30), rate: Bytes::kib(64) };

    /// How long so many bytes may take.
    fn time_for(&self, size: Bytes) -> Duration {
        self.patience + Duration::from_secs(size.0.div_ceil(self.rate.0.max(1)))
    }
}

/// One component in one registry that a policy lists.
pub struct Registry<'a> {
    providers: &'a Providers,
    rule: &'a RegistryRule,
    reference: &'a Reference,
    bounds: Bounds,
}

impl Providers {
    /// The registry of a reference, where a rule lists it. Connects to nothing yet.
    ///
    /// # Errors
    /// [`NotListed`] with the line that would list it.
    pub fn registry<'a>(
        &'a self,
        rules: &'a [RegistryRule],
        reference: &'a Reference,
        bounds: Bounds,
    ) -> Result<Registry<'a>, NotListed> {
        let rule = registry::admitting(rules, reference)?;
        Ok(Registry { providers: self, rule, reference, bounds })
    }
}

impl std::fmt::Debug for Registry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry").field(self.reference).finish()
    }
}

/// What a registry calls these bytes.
fn sha256(bytes: &[u8]) -> registry::Sha256 {
    of_hash(digest(&SHA256, bytes))
}

/// A finished hash as a digest.
fn of_hash(hash: ring::digest::Digest) -> registry::Sha256 {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    registry::Sha256::from_bytes(bytes)
}
