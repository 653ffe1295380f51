//! The host's own work for a guest (checking schemas, scanning documents): metered by the thread's CPU time, so that a busy machine is not held against the guest.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The most host work that one gate call may cause: a schema of the largest size
/// against a document of the largest size takes about a fifth of it.
pub const HOST_WORK_MAX: Duration = Duration::from_millis(50);

/// The most host work that one answer from the web may cause: the largest one takes a tenth
/// of it in pieces of any usual size; in four million pieces of one byte each it is more.
pub const ANSWER_WORK_MAX: Duration = Duration::from_secs(1);

/// Goes on with `work` until it is done, or has taken more CPU of its threads than `most`:
/// then it is dropped, and this says so, with what it took. Looked at between its polls.
pub async fn metered_while<F: Future>(most: Duration, work: F) -> Result<F::Output, Duration> {
    let mut work = pin!(work);
    let mut took = Duration::ZERO;
    poll_fn(|context| {
        let before = thread_cpu();
        let polled = work.as_mut().poll(context);
        took += thread_cpu().saturating_sub(before);
        match polled {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending if took > most => Poll::Ready(Err(took)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

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

    /// Waits again and again, and has a thousandth of a second to do each time.
    async fn bit_by_bit(bits: u32, done: &std::cell::Cell<u32>) {
        for _ in 0..bits {
            let until = thread_cpu() + Duration::from_millis(1);
            while thread_cpu() < until {}
            done.set(done.get() + 1);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_takes_too_much_is_ended_between_two_polls() {
        let done = std::cell::Cell::new(0);
        let within = metered_while(Duration::from_secs(60), bit_by_bit(20, &done)).await;
        assert_eq!((within, done.get()), (Ok(()), 20));
        let most = Duration::from_millis(5);
        let over = metered_while(most, bit_by_bit(1_000, &done)).await.unwrap_err();
        assert!(over > most && done.get() < 20 + 10, "{over:?} {}", done.get());
        let waits = metered_while(Duration::ZERO, std::future::ready(())).await;
        assert_eq!(waits, Ok(()), "what is done is done");
    }

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
