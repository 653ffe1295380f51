//! The CPU time of a thread, for spans most of which are too short to be worth a system call. Knows no attempt.

use std::cell::Cell;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bailiwick_gate::work::thread_cpu;

/// A span shorter than this is charged by the wall: reading a thread's CPU time is a system
/// call (0.4 µs; two of them were a twentieth of the shortest attempt), reading the wall
/// clock is none. Preemption takes milliseconds: it falls into a span of this length next
/// to never, and then this is the most that is charged too much.
const GRAIN: Duration = Duration::from_micros(100);

/// A moment on a thread. What is counted from it on is never less than what the thread
/// ran since, and never more than that by over [`GRAIN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Nanoseconds of the wall since [`ORIGIN`].
    pub(crate) wall: u64,
    /// Nanoseconds that the thread had run then, or a little before.
    pub(crate) cpu: u64,
}

/// Where this process counts from.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

thread_local! {
    /// The last reading of this thread's clock.
    static LAST: Cell<Option<Moment>> = const { Cell::new(None) };
}

impl Moment {
    /// Now, on this thread.
    pub(crate) fn now() -> Self {
        let wall = wall();
        match LAST.get() {
            Some(last) if wall.saturating_sub(last.wall) <= nanos(GRAIN) => {
                Self { wall, cpu: last.cpu }
            }
            _ => Self { wall, ..read() },
        }
    }

    /// Nanoseconds that this thread ran since a moment on it.
    pub(crate) fn spent(self) -> u64 {
        let wall = wall().saturating_sub(self.wall);
        if wall <= nanos(GRAIN) {
            return wall;
        }
        wall.min(read().cpu.saturating_sub(self.cpu))
    }
}

/// The wall first: then the reading is not older than it says.
fn read() -> Moment {
    let moment = Moment { wall: wall(), cpu: nanos(thread_cpu()) };
    LAST.set(Some(moment));
    moment
}

fn wall() -> u64 {
    nanos(ORIGIN.elapsed())
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> u64 {
        (0..2_000_000u64).fold(0, |sum, next| std::hint::black_box(sum ^ next))
    }

    #[test]
    fn counts_at_least_what_ran_and_no_sleep() {
        for _ in 0..20 {
            let outside = thread_cpu();
            let moment = Moment::now();
            let inside = thread_cpu();
            work();
            let inside = nanos(thread_cpu().saturating_sub(inside));
            let spent = moment.spent();
            let outside = nanos(thread_cpu().saturating_sub(outside));
            // Two clocks: they agree to a percent or so.
            assert!(spent + spent / 20 >= inside, "{spent} of {inside}");
            assert!(spent <= outside + nanos(GRAIN), "{spent} of {outside}");
            let moment = Moment::now();
            std::thread::sleep(Duration::from_millis(20));
            assert!(moment.spent() < nanos(Duration::from_millis(15)));
        }
    }

    #[test]
    fn many_short_spans_are_not_nothing() {
        let exact = thread_cpu();
        let mut spent = 0;
        for _ in 0..20_000 {
            let moment = Moment::now();
            std::hint::black_box(
                (0..1_000u64).fold(0, |sum, next| std::hint::black_box(sum ^ next)),
            );
            spent += moment.spent();
        }
        let exact = nanos(thread_cpu().saturating_sub(exact));
        // What lies between the spans is readings of clocks and little else.
        assert!(spent * 4 > exact, "{spent} of {exact}");
    }
}
