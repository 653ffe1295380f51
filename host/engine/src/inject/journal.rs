//! A journal that fails on purpose: it kills its process, loses appends, or is slow to sync.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::RunId;
use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{BoxFuture, Journal, JournalError, Term, Ticket};

use super::{Fault, Faults};

/// A journal with faults in it.
pub(super) struct Faulty {
    inner: Arc<dyn Journal>,
    faults: Arc<Faults>,
    progress: Mutex<Progress>,
}

/// What was appended so far in this process.
#[derive(Default)]
struct Progress {
    appends: u64,
    facts: BTreeMap<&'static str, u64>,
    last: Option<Ticket>,
    /// The process is about to be killed: nothing is written any more.
    dying: bool,
    /// An append was lost: nothing is taken until a run is claimed.
    failed: bool,
}

/// How an append ends the process.
enum Crash {
    Before,
    After,
}

impl Faulty {
    pub(super) fn new(inner: Arc<dyn Journal>, faults: Arc<Faults>) -> Self {
        Self { inner, faults, progress: Mutex::default() }
    }

    fn crash(&self, progress: &mut Progress, entry: &Entry) -> Option<Crash> {
        let mut crash = None;
        for fact in &entry.facts {
            let count = progress.facts.entry(fact.name()).or_default();
            *count += 1;
            for fault in &self.faults.list {
                match fault {
                    Fault::CrashAfter { fact: name, number }
                        if (*name, *number) == (fact.name(), *count) =>
                    {
                        crash = Some(Crash::After);
                    }
                    Fault::CrashBefore { fact: name, number }
                        if (*name, *number) == (fact.name(), *count) =>
                    {
                        return Some(Crash::Before);
                    }
                    _ => {}
                }
            }
        }
        crash
    }

    fn is_lost(&self, progress: &Progress) -> bool {
        progress.failed || self.faults.list.contains(&Fault::FailAppend(progress.appends))
    }

    /// The ticket of an append that was made, redeemed as late as the faults say.
    fn late(&self, ticket: Ticket) -> Ticket {
        let delay = self.faults.sync_delay();
        if delay.is_zero() {
            return ticket;
        }
        // A task of its own, so that the delays of appends that wait together overlap
        // as the syncs of one disk would.
        let slow = tokio::spawn(async move {
            let durable = ticket.durable().await;
            tokio::time::sleep(delay).await;
            durable
        });
        Ticket::new(async move {
            slow.await.unwrap_or_else(|gone| Err(JournalError::Storage(gone.to_string())))
        })
    }
}

impl Journal for Faulty {
    fn create<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        self.inner.create(run)
    }

    fn claim<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).failed = false;
        self.inner.claim(run)
    }

    fn append(&self, run: &RunId, term: Term, entry: Entry) -> Result<Ticket, JournalError> {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.dying {
            return Ok(never());
        }
        progress.appends += 1;
        self.faults.appended(progress.appends);
        if self.is_lost(&progress) {
            progress.failed = true;
            let reason = format!("append {} was made to fail by --inject", progress.appends);
            return Ok(Ticket::new(async { Err(JournalError::Storage(reason)) }));
        }
        let until = match self.crash(&mut progress, &entry) {
            None => {
                let ticket = self.late(self.inner.append(run, term, entry)?);
                progress.last = Some(ticket.clone());
                return Ok(ticket);
            }
            Some(Crash::Before) => progress.last.clone(),
            Some(Crash::After) => Some(self.inner.append(run, term, entry)?),
        };
        progress.dying = true;
        tokio::spawn(async move {
            if let Some(ticket) = until {
                // Durable or refused, the process ends.
                let _ = ticket.durable().await;
            }
            die();
        });
        Ok(never())
    }

    fn read<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Entry>, JournalError>> {
        self.inner.read(run)
    }
}

/// Nobody hears of an append that a crash comes with.
fn never() -> Ticket {
    Ticket::new(std::future::pending())
}

/// Ends the process as a power cut would: no destructor runs, nothing is flushed.
#[expect(clippy::disallowed_methods, reason = "ending the process is what was asked for")]
fn die() {
    use rustix::process::{Signal, getpid, kill_process};
    if kill_process(getpid(), Signal::KILL).is_err() {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Timestamp;
    use bailiwick_core::fact::{Fact, RunEnd};
    use bailiwick_store::MemoryJournal;

    use super::*;

    fn ended() -> Entry {
        let fact = Fact::RunEnded { end: RunEnd::Failed, output: None, reason: None };
        Entry { at: Timestamp(0), facts: vec![fact] }
    }

    fn faulty(word: &str) -> (Arc<Faults>, Faulty) {
        let faults = Arc::new(Faults::parse(&[word.to_owned()]).unwrap());
        (Arc::clone(&faults), Faulty::new(Arc::new(MemoryJournal::default()), faults))
    }

    #[tokio::test]
    async fn a_lost_append_takes_all_after_it_along_until_the_run_is_claimed() {
        let (_, journal) = faulty("fail-append=2");
        let run = RunId::new("r").unwrap();
        let term = journal.create(&run).await.unwrap();
        let append = |term| journal.append(&run, term, ended()).unwrap();
        let tickets = [append(term), append(term), append(term)];
        assert!(tickets[0].durable().await.is_ok());
        assert!(matches!(tickets[1].durable().await, Err(JournalError::Storage(_))));
        assert!(tickets[2].durable().await.is_err());
        assert_eq!(journal.read(&run).await.unwrap().len(), 1);
        let term = journal.claim(&run).await.unwrap();
        assert!(append(term).durable().await.is_ok());
        assert_eq!(journal.read(&run).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_disk_is_full_from_that_append_on() {
        let (faults, journal) = faulty("full-disk-at=2");
        let run = RunId::new("r").unwrap();
        let term = journal.create(&run).await.unwrap();
        journal.append(&run, term, ended()).unwrap();
        assert!(!faults.is_full());
        assert!(journal.append(&run, term, ended()).unwrap().durable().await.is_ok());
        assert!(faults.is_full());
    }

    #[tokio::test]
    async fn what_is_durable_is_said_as_late_as_wanted() {
        let (_, journal) = faulty("slow-sync=30");
        let run = RunId::new("r").unwrap();
        let term = journal.create(&run).await.unwrap();
        let began = tokio::time::Instant::now();
        let ticket = journal.append(&run, term, ended()).unwrap();
        assert_eq!(ticket.durable().await.unwrap().position(), 1);
        assert!(began.elapsed().as_millis() >= 30);
    }
}
