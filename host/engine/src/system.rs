//! Time and chance of this machine, behind their ports.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bailiwick_core::Timestamp;
use bailiwick_core::ports::{BoxFuture, Clock, Random};

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's implementation")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let wait = at.since(self.now());
        #[expect(clippy::disallowed_methods, reason = "this is the port's implementation")]
        let sleep = async move { tokio::time::sleep(wait).await };
        Box::pin(sleep)
    }
}

/// Chance from the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        // The kernel's generator fails only before it was seeded, early at boot: then
        // the process must not go on with guessable keys.
        if getrandom::fill(&mut bytes).is_err() {
            std::process::abort();
        }
        bytes
    }
}
