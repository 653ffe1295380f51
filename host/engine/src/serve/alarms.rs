//! When runs are to be looked at again though nobody acts: those that wait for people, and those that wait for the next day. Keeps a time for each, and no run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bailiwick_core::ports::Clock;
use bailiwick_core::{Day, RunId, RunState, Timestamp};
use bailiwick_orchestrator::REMINDERS_MAX;
use bailiwick_project::Plan;
use tokio::sync::Notify;

/// A timer stands still while its machine is asleep, and knows nothing of a clock that was
/// set: once a minute is soon enough for both, and costs nothing.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The times.
#[derive(Default)]
pub(crate) struct Alarms {
    times: Mutex<BinaryHeap<Reverse<(Timestamp, RunId)>>>,
    earlier: Notify,
}

impl Alarms {
    pub(crate) fn set(&self, at: Timestamp, run: RunId) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(Reverse((at, run)));
        self.earlier.notify_one();
    }

    /// Ends when the next time has come, with the run.
    pub(crate) async fn next(&self, clock: &dyn Clock) -> RunId {
        loop {
            let first = {
                let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
                match times.peek() {
                    Some(Reverse((at, _))) if *at <= clock.now() => {
                        if let Some(Reverse((_, run))) = times.pop() {
                            return run;
                        }
                        None
                    }
                    Some(Reverse((at, _))) => Some(*at),
                    None => None,
                }
            };
            match first {
                Some(at) => tokio::select! {
                    () = clock.sleep_until(at.min(clock.now().after(LOOK_EVERY))) => {}
                    () = self.earlier.notified() => {}
                },
                None => self.earlier.notified().await,
            }
        }
    }
}

/// When a run that was left waiting has something to do by itself: a question times out,
/// or people are reminded of it.
pub(crate) fn due(state: &RunState, plan: &Plan) -> Option<Timestamp> {
    let times = state.open_asks().flat_map(|(_, ask)| {
        let asking = plan.step(&ask.judge).and_then(|step| step.asking);
        let remind = asking.and_then(|asking| asking.remind);
        let remind = remind.filter(|_| ask.reminders < REMINDERS_MAX);
        [ask.until, remind.map(|remind| ask.told.after(remind))]
    });
    times.flatten().min()
}

/// When the day after this one begins (UTC), and with it a new budget of the project.
pub(crate) fn midnight_after(at: Timestamp) -> Timestamp {
    Day::of(at).next().begins()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemClock;

    #[tokio::test]
    async fn the_earliest_comes_first_whenever_it_was_set() {
        let alarms = Alarms::default();
        let run = |name: &str| RunId::new(name).unwrap();
        let far = Timestamp(u64::MAX / 2);
        alarms.set(far, run("far"));
        alarms.set(Timestamp(2), run("b"));
        alarms.set(Timestamp(1), run("a"));
        assert_eq!(alarms.next(&SystemClock).await, run("a"));
        assert_eq!(alarms.next(&SystemClock).await, run("b"));
        let (next, ()) = tokio::join!(alarms.next(&SystemClock), async {
            tokio::task::yield_now().await;
            alarms.set(Timestamp(3), run("c"));
        });
        assert_eq!(next, run("c"));
    }
}
