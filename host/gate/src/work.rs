//! The host's own work for a guest (checking schemas, scanning documents): metered by the thread's CPU time, so that a busy machine is not held against the guest.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The most host work that one gate call may cause: a schema of the largest size
/// against a document of the largest size takes about a fifth of it.
pub const HOST_WORK_MAX: Duration = Duration::from_millis(50);

/// Runs `work` on this thread and says how much of its CPU it took. What took longer than
/// `most` is done once more, and the shorter time counts: a virtual machine counts the
/// time in which it did not run as its threads' own.
pub fn metered<T>(most: Duration, work: impl Fn() -> T) -> (T, Duration) {
    let timed = || {
        let before = thread_cpu();
        let done = work();
        (done, thread_cpu().saturating_sub(before))
    };
    let (first, took) = timed();
    if took <= most {
        return (first, took);
    }
    let (second, again) = timed();
    (second, took.min(again))
}

/// The CPU time of the calling thread.
#[must_use]
pub fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_work_and_not_waiting() {
        let ((), asleep) = metered(HOST_WORK_MAX, || std::thread::sleep(Duration::from_millis(20)));
        assert!(asleep < Duration::from_millis(15), "{asleep:?}");
        let (sum, busy) = metered(HOST_WORK_MAX, || {
            (0..2_000_000u64).fold(0u64, |a, b| std::hint::black_box(a ^ b))
        });
        assert!(busy > Duration::ZERO, "{sum}");
    }
}
