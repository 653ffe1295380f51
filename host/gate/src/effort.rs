//! Work of the host's that is too long for the threads that serve: on a thread of its own, within the CPU that is left to the attempt, stopped when nobody waits for it. Knows no document.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::work::thread_cpu;

/// What such work may take of one attempt, and has taken.
#[derive(Debug)]
pub struct Effort {
    most: Duration,
    spent: AtomicU64,
    left: AtomicBool,
}

/// Nothing more is to be done: the CPU is spent, or nobody waits any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over;

impl Effort {
    /// An effort of so much CPU.
    #[must_use]
    pub fn of(most: Duration) -> Arc<Self> {
        Arc::new(Self { most, spent: AtomicU64::new(0), left: AtomicBool::new(false) })
    }

    /// The CPU that was used for it so far.
    #[must_use]
    pub fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }

    /// Has it end when this is dropped: with the future of whoever waits for it.
    pub(crate) fn while_awaited(self: &Arc<Self>) -> Awaited {
        Awaited(Arc::clone(self))
    }

    /// Does work on a thread of its own; nothing, where the host's code panicked there.
    pub(crate) async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Pace<'_>) -> T + Send + 'static,
    ) -> Option<T> {
        let effort = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&effort.pace())).await.ok()
    }

    /// The effort on this thread, from now on.
    pub(crate) fn pace(&self) -> Pace<'_> {
        Pace { effort: self, read: Cell::new(thread_cpu()) }
    }
}

/// Who waits for an effort.
pub(crate) struct Awaited(Arc<Effort>);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.left.store(true, Ordering::Relaxed);
    }
}

/// An effort on the thread where it is made. It does not leave that thread: its clock is
/// that of the thread.
pub(crate) struct Pace<'e> {
    effort: &'e Effort,
    read: Cell<Duration>,
}

impl Pace<'_> {
    /// Asked between pieces of work that take less than a millisecond each.
    ///
    /// # Errors
    /// [`Over`].
    pub(crate) fn go_on(&self) -> Result<(), Over> {
        let now = thread_cpu();
        let more = now.saturating_sub(self.read.replace(now));
        let more = u64::try_from(more.as_nanos()).unwrap_or(u64::MAX);
        self.effort.spent.fetch_add(more, Ordering::Relaxed);
        let over =
            self.effort.spent() >= self.effort.most || self.effort.left.load(Ordering::Relaxed);
        if over { Err(Over) } else { Ok(()) }
    }
}

impl Drop for Pace<'_> {
    fn drop(&mut self) {
        // What was done since it was asked last counts as well.
        let _ = self.go_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forever(pace: &Pace<'_>) {
        while pace.go_on().is_ok() {
            std::hint::black_box(
                (0..10_000u64).fold(0, |sum, next| std::hint::black_box(sum ^ next)),
            );
        }
    }

    #[tokio::test]
    async fn work_ends_with_its_cpu_and_with_who_waits_for_it() {
        let effort = Effort::of(Duration::from_millis(20));
        effort.aside(forever).await.unwrap();
        assert!(effort.spent() >= Duration::from_millis(20));

        let effort = Effort::of(Duration::from_secs(3_600));
        let awaited = effort.while_awaited();
        let work = tokio::spawn({
            let effort = Arc::clone(&effort);
            async move { effort.aside(forever).await }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(awaited);
        work.await.unwrap().unwrap();
    }
}
