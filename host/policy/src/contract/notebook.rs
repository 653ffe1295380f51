//! The facts of one attempt, taken down as the task of a run would: in order, legal, durable when the test says so. Stands in for a journal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bailiwick_core::fact::Fact;
use bailiwick_core::ports::{BoxFuture, Durable, JournalError, Recorder, Ticket};
use bailiwick_core::{AttemptId, Record, Timestamp};

use super::bell::Bell;

/// When every attempt of the suite started.
pub(super) const STARTED: Timestamp = Timestamp(1_700_000_000_000);

/// The facts of one attempt.
#[derive(Default)]
pub struct Notebook {
    pages: Arc<Pages>,
}

#[derive(Default)]
struct Pages {
    written: Mutex<Written>,
    bell: Bell,
}

#[derive(Default)]
struct Written {
    entries: Vec<(Fact, Timestamp)>,
    /// How many of them were there before this execution.
    past: usize,
    record: Record,
    wrong: Vec<String>,
    withheld: bool,
    gone: bool,
}

impl Notebook {
    /// The first `facts` of this one, as what another execution finds. Who hands a record
    /// over has charged what was open in it: that is a part of the port.
    pub(super) fn cut(&self, facts: usize) -> Self {
        let cut = Self::default();
        for (fact, at) in self.written().entries.iter().take(facts) {
            cut.take(fact.clone(), *at).unwrap();
        }
        cut.charge_open();
        cut
    }

    /// All of it, as what another execution finds.
    pub(super) fn kept(&self) -> Self {
        let all = self.written().entries.len();
        self.cut(all)
    }

    /// One more fact that another execution finds.
    pub(super) fn with(self, fact: Fact) -> Self {
        self.take(fact, self.next()).unwrap();
        self.charge_open();
        self
    }

    fn charge_open(&self) {
        let last = self.written().entries.last().map(|(fact, _)| fact.clone());
        if let Some(Fact::CallIntended { attempt, index, reserved, .. }) = last {
            self.take(Fact::CallLost { attempt, index, cost: reserved }, self.next()).unwrap();
        }
        let mut written = self.written();
        written.past = written.entries.len();
    }

    /// What is taken down from now on is not durable before [`Notebook::flush`].
    pub(super) fn withhold(&self) {
        self.written().withheld = true;
    }

    pub(super) fn flush(&self) {
        self.written().withheld = false;
        self.pages.bell.ring();
    }

    /// Nothing is taken down any more.
    pub(super) fn lose(&self) {
        self.written().gone = true;
    }

    /// What an execution finds.
    pub(super) fn record(&self) -> Record {
        self.written().record.clone()
    }

    /// What this execution wrote, but for the host's asides.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let written = self.written();
        let new = written.entries.iter().skip(written.past).map(|(fact, _)| fact);
        new.filter(|fact| !is_aside(fact)).cloned().collect()
    }

    /// How often it was written in at all, past included.
    pub(super) fn entries(&self) -> usize {
        self.written().entries.len()
    }

    /// Waits until this execution has written so many facts.
    pub(super) async fn has(&self, facts: usize) {
        self.pages.bell.until(|| (self.facts().len() >= facts).then_some(())).await;
    }

    /// Fails where something was handed over that is no fact of this attempt, or not legal then.
    pub(super) fn expect_legal(&self, attempt: &AttemptId) {
        let written = self.written();
        assert_eq!(written.wrong, [""; 0], "illegal facts");
        for (fact, _) in &written.entries {
            assert_eq!(of(fact), Some(attempt), "{fact:?}");
        }
    }

    fn take(&self, fact: Fact, at: Timestamp) -> Result<u64, JournalError> {
        let mut written = self.written();
        if written.gone {
            return Err(JournalError::Storage("the disk is gone".into()));
        }
        if let Err(rule) = written.record.take(&fact, at) {
            written.wrong.push(format!("{rule}: {fact:?}"));
            return Err(JournalError::Storage(rule.into()));
        }
        written.entries.push((fact, at));
        Ok(written.entries.len() as u64)
    }

    /// Seconds apart, so that a clock that stands at another fact is seen to.
    fn next(&self) -> Timestamp {
        STARTED.after(Duration::from_secs(self.written().entries.len() as u64 + 1))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.pages.written()
    }
}

impl Pages {
    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for Notebook {
    fn record(&self, fact: Fact) -> BoxFuture<'_, Result<(Ticket, Timestamp), JournalError>> {
        let at = self.next();
        let taken = self.take(fact, at).map(|position| {
            let pages = Arc::clone(&self.pages);
            let ticket = Ticket::new(async move {
                pages.bell.until(|| (!pages.written().withheld).then_some(())).await;
                Ok(Durable::attest(position))
            });
            (ticket, at)
        });
        self.pages.bell.ring();
        Box::pin(std::future::ready(taken))
    }
}

fn is_aside(fact: &Fact) -> bool {
    matches!(fact, Fact::Logged { entry, .. } if entry.aside)
}

/// Whose fact it is; nothing for what no attempt may say.
fn of(fact: &Fact) -> Option<&AttemptId> {
    match fact {
        Fact::CallIntended { attempt, .. }
        | Fact::CallAnswered { attempt, .. }
        | Fact::CallLost { attempt, .. }
        | Fact::Logged { attempt, .. } => Some(attempt),
        _ => None,
    }
}
