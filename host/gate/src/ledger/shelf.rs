//! What the attempts of one run have put together, in bytes. Knows no artifact.

use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_core::Bytes;

/// The most that all attempts of one run may put together: a thousand campaigns of
/// pictures, and a share of a small disk that can be missed.
pub const RUN_BLOBS_MAX: Bytes = Bytes::mib(4096);

/// What the attempts of one run have put together.
#[derive(Default)]
pub struct Shelf(AtomicU64);

impl Shelf {
    /// Takes room for these bytes.
    ///
    /// # Errors
    /// What is used already, where they do not fit below [`RUN_BLOBS_MAX`].
    pub fn take(&self, bytes: Bytes) -> Result<(), Bytes> {
        let fits = |used: u64| used.checked_add(bytes.0).filter(|sum| *sum <= RUN_BLOBS_MAX.0);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(|_| ()).map_err(Bytes)
    }
}
