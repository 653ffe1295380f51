//! Lets futures wait for something that others change, without a runtime. Knows not what for.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Rung at each change.
#[derive(Default)]
pub(super) struct Bell(Mutex<Vec<Waker>>);

impl Bell {
    /// Waits until `there` says so; it is asked at each ring.
    pub(super) async fn until<T>(&self, mut there: impl FnMut() -> Option<T>) -> T {
        poll_fn(|context| {
            // Registered before the look, so that a ring in between is not missed.
            self.wakers().push(context.waker().clone());
            there().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Something changed.
    pub(super) fn ring(&self) {
        let wakers = std::mem::take(&mut *self.wakers());
        wakers.into_iter().for_each(Waker::wake);
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
