//! Tasks that end with whoever started them. Knows nothing of what they do.

use tokio::task::AbortHandle;

/// Ends its task when it is dropped: whoever gives up a run, by an error or by dropping
/// its future, leaves nothing running behind.
pub(crate) struct Leash(pub(crate) AbortHandle);

impl Leash {
    /// Ends the task now.
    pub(crate) fn pull(&self) {
        self.0.abort();
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.abort();
    }
}
