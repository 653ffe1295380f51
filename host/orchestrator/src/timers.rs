//! When an open question is told of again, and when it is decided without people. Knows the times, and of the run only which questions are open.

use std::collections::BTreeSet;

use bailiwick_core::fact::{AskId, Decision, Fact};
use bailiwick_core::run::TIMEOUT;
use bailiwick_core::units::show_duration;
use bailiwick_core::{CellId, Timestamp};
use bailiwick_project::{Asking, OnTimeout, Timeout};

use crate::inbox::Message;
use crate::leash::Leash;
use crate::task::{RunError, Task};

/// Reminders of one question: who was told of it a hundred times does not need one
/// more, and each is a fact that stays.
pub const REMINDERS_MAX: u32 = 100;

/// The times of all open questions.
#[derive(Default)]
pub(crate) struct Timers {
    times: BTreeSet<(Timestamp, Due, AskId)>,
    /// What will wake the run, and when.
    alarm: Option<(Timestamp, Leash)>,
}

/// What is due at a time. A timeout comes before a reminder of the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Timeout,
    Reminder,
}

impl Timers {
    /// Whether one of the times is over.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.times.first().is_some_and(|(at, ..)| *at <= now)
    }

    /// The first of the times that are over; it is not one of them any more.
    fn over(&mut self, now: Timestamp) -> Option<(Due, AskId)> {
        let first = self.times.first().filter(|(at, ..)| *at <= now)?.clone();
        self.times.remove(&first);
        Some((first.1, first.2))
    }
}

impl Task {
    /// The times of a question begin: when it is put, and again when the run is resumed.
    pub(crate) fn set_timers(&mut self, id: &AskId) {
        let Some(ask) = self.state.asks.get(id) else { return };
        if let Some(until) = ask.until {
            self.timers.times.insert((until, Due::Timeout, id.clone()));
        }
        if let Some(remind) = self.asking(id).and_then(|asking| asking.remind) {
            self.timers.times.insert((ask.told.after(remind), Due::Reminder, id.clone()));
        }
    }

    /// Sees to it that the run is woken at the next of the times. Answers that are at
    /// hand come first: no time is looked at before every question was put.
    pub(crate) fn arm(&mut self) {
        let ready = self.stopping.is_none() && self.shown >= self.asked;
        let next = self.timers.times.first().map(|(at, ..)| *at).filter(|_| ready);
        if next == self.timers.alarm.as_ref().map(|(at, _)| *at) {
            return;
        }
        self.timers.alarm = next.map(|at| {
            let (over, inbox) = (self.world.clock.sleep_until(at), self.handle.inbox.clone());
            // Not a promise: a run that nobody attends does not wait for it.
            let alarm = tokio::spawn(async move {
                over.await;
                // A run that has ended needs no alarm.
                let _ = inbox.send(Message::Alarm).await;
            });
            (at, Leash(alarm.abort_handle()))
        });
    }

    /// The alarm went off.
    pub(crate) fn alarm(&mut self) -> Result<(), RunError> {
        self.timers.alarm = None;
        if self.stopping.is_some() {
            return Ok(());
        }
        let now = self.world.clock.now();
        while let Some((due, id)) = self.timers.over(now) {
            let Some(ask) = self.state.asks.get(&id).filter(|_| self.is_open(&id)) else {
                continue;
            };
            let (cell, round, reminders) = (ask.cell.clone(), ask.round, ask.reminders);
            let Some(asking) = self.asking(&id) else { continue };
            match (due, asking) {
                (Due::Timeout, Asking { timeout: Some(timeout), .. }) => {
                    let decision = self.without_people(&cell, round, timeout);
                    self.note(Fact::Decided { ask: id, decision, by: TIMEOUT.to_owned() })?;
                    self.advance(&cell)?;
                }
                (Due::Reminder, Asking { remind: Some(remind), .. })
                    if reminders < REMINDERS_MAX =>
                {
                    self.note(Fact::Reminded { ask: id.clone() })?;
                    self.timers.times.insert((now.after(remind), Due::Reminder, id));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What nobody's answer comes to.
    fn without_people(&self, cell: &CellId, round: u32, timeout: Timeout) -> Decision {
        let escalated = self
            .state
            .cell(cell)
            .and_then(|state| state.candidate(round))
            .is_some_and(|candidate| candidate.escalated);
        let waited =
            |more: &str| Some(format!("nobody answered in {}{more}", show_duration(timeout.after)));
        match timeout.then {
            OnTimeout::Approve if escalated => Decision::Reject {
                comment: waited("; a judge did not let it pass, and only people release such"),
            },
            OnTimeout::Approve => Decision::Approve { comment: waited("") },
            OnTimeout::Reject => Decision::Reject { comment: waited("") },
        }
    }

    fn asking(&self, id: &AskId) -> Option<Asking> {
        let judge = &self.state.asks.get(id)?.judge;
        self.plan.step(judge)?.asking
    }
}
