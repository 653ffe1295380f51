//! Time that passes only because somebody waits for it, after a while of everybody else's work.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::Timestamp;
use bailiwick_core::ports::{BoxFuture, Clock};

use crate::outside::Outside;

pub(crate) struct Simulated(pub(crate) Arc<Outside>);

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        *self.0.time.lock().unwrap()
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let outside = Arc::clone(&self.0);
        Box::pin(async move {
            outside.turns(20).await;
            let mut time = outside.time.lock().unwrap();
            *time = (*time).max(at);
        })
    }
}

impl Outside {
    /// Lets everybody else work for up to so many turns; time passes a little.
    pub(crate) async fn turns(&self, most: usize) {
        for _ in 0..self.roll(most) {
            tokio::task::yield_now().await;
        }
        let mut time = self.time.lock().unwrap();
        *time = time.after(Duration::from_millis(1));
    }
}
