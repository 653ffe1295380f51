//! A journal that fails on purpose: it kills its process, loses appends, or is slow to sync.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bailiwick_core::RunId;
use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{Append, BoxFuture, Journal, JournalError, Term, Ticket};

use super::{Fault, Faults, die};

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

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The error of a write that is lost.
    fn loses(&self, progress: &mut Progress) -> Option<JournalError> {
        let number = progress.appends;
        progress.failed |= self
            .faults
            .list
            .iter()
            .any(|fault| matches!(fault, Fault::FailAppend(lost) if lost.contains(&number)));
        progress
            .failed
            .then(|| JournalError::Storage(format!("write {number} was made to fail by --inject")))
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

    /// After a lost append a claim is a write like any other: it can be lost, too.
    fn claim<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        let mut progress = self.progress();
        if std::mem::take(&mut progress.failed) {
            progress.appends += 1;
            if let Some(error) = self.loses(&mut progress) {
                return Box::pin(async { Err(error) });
            }
        }
        self.inner.claim(run)
    }

    fn append(&self, run: &RunId, term: Term, entry: Entry) -> Result<Ticket, JournalError> {
        let append = Append { run: run.clone(), term, entry };
        let ticket = self.append_all(vec![append])?.pop();
        ticket.ok_or_else(|| JournalError::Storage("an append without a ticket".into()))
    }

    fn append_all(&self, appends: Vec<Append>) -> Result<Vec<Ticket>, JournalError> {
        let mut progress = self.progress();
        let count = appends.len();
        if progress.dying {
            return Ok(vec![never(); count]);
        }
        // What comes after a lost one is lost with it, and no write of its own.
        if !progress.failed {
            progress.appends += 1;
            self.faults.appended(progress.appends);
        }
        if let Some(error) = self.loses(&mut progress) {
            let lost = Ticket::new(async { Err(error) });
            return Ok(vec![lost; count]);
        }
        let crashes = appends.iter().map(|append| self.crash(&mut progress, &append.entry));
        let until = match crashes.fold(None, Option::or) {
            None => {
                let tickets = self.inner.append_all(appends)?;
                let tickets: Vec<_> = tickets.into_iter().map(|ticket| self.late(ticket)).collect();
                progress.last = tickets.last().cloned();
                return Ok(tickets);
            }
            Some(Crash::Before) => progress.last.clone(),
            Some(Crash::After) => self.inner.append_all(appends)?.pop(),
        };
        progress.dying = true;
        tokio::spawn(async move {
            if let Some(ticket) = until {
                // Durable or refused, the process ends.
                let _ = ticket.durable().await;
            }
            die();
        });
        Ok(vec![never(); count])
    }

    fn read<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Entry>, JournalError>> {
        self.inner.read(run)
    }
}

/// Nobody hears of an append that a crash comes with.
fn never() -> Ticket {
    Ticket::new(std::future::pending())
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
    async fn a_claim_after_a_lost_append_can_be_lost_too() {
        let (_, journal) = faulty("fail-append=1..2");
        let run = RunId::new("r").unwrap();
        let term = journal.create(&run).await.unwrap();
        assert!(journal.append(&run, term, ended()).unwrap().durable().await.is_err());
        assert!(matches!(journal.claim(&run).await, Err(JournalError::Storage(_))));
        let term = journal.claim(&run).await.unwrap();
        assert!(journal.append(&run, term, ended()).unwrap().durable().await.is_ok());
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
