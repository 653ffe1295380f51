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
        Box::pin(tokio::time::sleep(wait))
    }
}

/// Chance from the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        #[expect(
            clippy::expect_used,
            reason = "the kernel's generator fails only before it was seeded, early at boot; \
                      then nothing may go on with guessable keys"
        )]
        getrandom::fill(&mut bytes).expect("the kernel has random bytes");
        bytes
    }
}
