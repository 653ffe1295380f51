//! Blobs on a disk that is full on purpose.

use std::sync::Arc;

use bailiwick_core::ports::{BlobError, Blobs, BoxFuture};
use bailiwick_core::{Bytes, Digest};

use super::Faults;

/// Blobs with faults in them.
pub(super) struct Faulty {
    inner: Arc<dyn Blobs>,
    faults: Arc<Faults>,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn Blobs>, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    fn room(&self, wanted: Bytes) -> Result<(), BlobError> {
        match self.faults.is_full() {
            true => {
                Err(BlobError::Full { wanted, reason: "made to be full by --inject".to_owned() })
            }
            false => Ok(()),
        }
    }
}

impl Blobs for Faulty {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        match self.room(Bytes(bytes.len() as u64)) {
            Ok(()) => self.inner.put(bytes),
            Err(full) => Box::pin(async { Err(full) }),
        }
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.inner.get(digest)
    }

    fn check_room(&self, bytes: Bytes) -> Result<(), BlobError> {
        self.room(bytes)?;
        self.inner.check_room(bytes)
    }
}
