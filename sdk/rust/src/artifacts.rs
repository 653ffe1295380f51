//! Putting and getting the bytes behind references; knows not where they are kept.

use crate::artifact::Artifact;
use crate::failure::HostError;
use crate::host::Host;
use crate::powers::Powers;

/// Files that travel beside the JSON.
#[derive(Debug, Clone, Copy)]
pub struct Artifacts<'h> {
    host: &'h Host,
}

impl<'h> Artifacts<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host }
    }

    /// Keeps bytes and returns the reference to put into the output. `media_type` has at
    /// most 127 bytes; `name` is for people: at most 255 bytes, no `/`.
    ///
    /// ```
    /// # use bailiwick::{Failure, Host};
    /// # let fake = Host::fake();
    /// # let host = fake.host();
    /// let note = host.artifacts().put(b"three words here", "text/plain", "note.txt")?;
    /// assert_eq!(host.artifacts().get(&note)?, b"three words here");
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    /// `Denied` where the grant has no `put`, `Exhausted` where it is used up, `Invalid`
    /// where media type or name are out of their bounds.
    pub fn put<'n>(
        &self,
        bytes: impl AsRef<[u8]>,
        media_type: &str,
        name: impl Into<Option<&'n str>>,
    ) -> Result<Artifact, HostError> {
        self.host.reach().put(bytes.as_ref(), media_type, name.into())
    }

    /// The bytes of a reference that the input named, or that this attempt was given by
    /// a capability.
    ///
    /// # Errors
    /// `Denied` for any other reference.
    pub fn get(&self, artifact: &Artifact) -> Result<Vec<u8>, HostError> {
        self.host.reach().get(artifact)
    }
}
