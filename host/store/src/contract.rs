//! What every journal and every store of blobs must do, as tests that run on any of them. Knows no implementation.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests"
)]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use bailiwick_core::fact::{Entry, Fact, RunEnd};
use bailiwick_core::ports::{Append, BlobError, Blobs, Journal, JournalError, TakenOver, Term};
use bailiwick_core::{Digest, Document, RunId, Timestamp};
use serde_json::json;

/// Makes one test of each case; the expression gives a fresh, empty journal.
#[macro_export]
macro_rules! journal_contract {
    ($fresh:expr) => {
        $crate::contract_tests!($fresh;
            keeps_order_and_reads_back_what_was_written,
            positions_count_the_appends_of_a_run,
            what_is_durable_is_a_prefix,
            creates_a_run_once,
            refuses_a_term_that_is_over,
            one_of_two_claimants_owns_it,
            claimants_that_race_leave_one_owner_and_no_gap,
            what_was_in_line_before_a_claim_stays_before_it,
            a_claim_after_a_failure_goes_on_behind_what_is_durable,
            a_claim_that_fails_changes_no_owner,
            knows_no_run_that_nobody_made,
            keeps_documents_of_every_size,
            runs_do_not_see_each_other,
            several_appends_are_made_together_and_in_line,
            of_several_appends_all_are_made_or_none,
            who_takes_a_run_over_has_all_of_it,
        );
    };
}

/// Makes one test of each case; the expression gives fresh, empty blobs.
#[macro_export]
macro_rules! blobs_contract {
    ($fresh:expr) => {
        $crate::contract_tests!($fresh; gives_back_bytes_of_every_size, misses_what_nobody_put,);
    };
}

/// The tests themselves; for the two above.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($fresh:expr; $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::block_on($crate::contract::$case(&$fresh));
            }
        )*
    };
}

/// Runs a future on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// An entry that can be told from others by its number.
#[must_use]
pub fn numbered(number: u64) -> Entry {
    holding(number, &Document::of(&json!({ "number": number })))
}

fn holding(at: u64, document: &Document) -> Entry {
    let output = Some(document.clone());
    let fact = Fact::RunEnded { end: RunEnd::Done, output, reason: None };
    Entry { at: Timestamp(at), facts: vec![fact] }
}

fn run(name: &str) -> RunId {
    RunId::new(name).unwrap()
}

async fn created(journal: &dyn Journal, run: &RunId) -> Term {
    journal.create(run).await.unwrap()
}

/// Everything comes back, in order, with the texts of its documents.
pub async fn keeps_order_and_reads_back_what_was_written(journal: &dyn Journal) {
    let run = run("r");
    let term = created(journal, &run).await;
    let entries: Vec<Entry> = (1..=50).map(numbered).collect();
    let tickets: Vec<_> =
        entries.iter().map(|entry| journal.append(&run, term, entry.clone()).unwrap()).collect();
    for ticket in tickets {
        ticket.durable().await.unwrap();
    }
    let read = journal.read(&run).await.unwrap();
    assert_eq!(read, entries);
    for (read, written) in read.iter().zip(&entries) {
        let text = |entry: &Entry| entry.facts[0].documents()[0].text().cloned();
        assert!(text(read).is_some());
        assert_eq!(text(read), text(written));
    }
}

/// Tickets say which append of the run they are, and can be asked twice.
pub async fn positions_count_the_appends_of_a_run(journal: &dyn Journal) {
    let run = run("r");
    let term = created(journal, &run).await;
    for position in 1..=3 {
        let ticket = journal.append(&run, term, numbered(position)).unwrap();
        for _ in 0..2 {
            assert_eq!(ticket.durable().await.unwrap().position(), position);
        }
    }
}

/// Who waits for the last append has waited for all before it.
pub async fn what_is_durable_is_a_prefix(journal: &dyn Journal) {
    let run = run("r");
    let term = created(journal, &run).await;
    let tickets: Vec<_> =
        (1..=20).map(|number| journal.append(&run, term, numbered(number)).unwrap()).collect();
    tickets.last().unwrap().durable().await.unwrap();
    assert_eq!(journal.read(&run).await.unwrap().len(), 20);
}

/// The second to make a run is told so, and the first keeps it.
pub async fn creates_a_run_once(journal: &dyn Journal) {
    let run = run("r");
    let term = created(journal, &run).await;
    assert_eq!(journal.create(&run).await, Err(JournalError::RunExists(run.clone())));
    journal.append(&run, term, numbered(1)).unwrap().durable().await.unwrap();
}

/// A claim ends every earlier term; the appends of the old owner leave no trace.
pub async fn refuses_a_term_that_is_over(journal: &dyn Journal) {
    let run = run("r");
    let old = created(journal, &run).await;
    journal.append(&run, old, numbered(1)).unwrap().durable().await.unwrap();
    let new = journal.claim(&run).await.unwrap();
    assert!(new > old);
    let late = async { journal.append(&run, old, numbered(2))?.durable().await };
    assert_eq!(late.await, Err(JournalError::Fenced { run: run.clone(), held: old.0 }));
    let position = journal.append(&run, new, numbered(3)).unwrap().durable().await.unwrap();
    assert_eq!(position.position(), 2);
    assert_eq!(journal.read(&run).await.unwrap(), [numbered(1), numbered(3)]);
}

/// Two claim one after the other: the first is refused from then on, also where it had
/// appended before and appends again and again.
pub async fn one_of_two_claimants_owns_it(journal: &dyn Journal) {
    let run = run("r");
    created(journal, &run).await;
    let first = journal.claim(&run).await.unwrap();
    journal.append(&run, first, numbered(1)).unwrap().durable().await.unwrap();
    let second = journal.claim(&run).await.unwrap();
    assert!(second > first);
    for number in 2..5 {
        let late = async { journal.append(&run, first, numbered(number))?.durable().await };
        assert_eq!(late.await, Err(JournalError::Fenced { run: run.clone(), held: first.0 }));
    }
    journal.append(&run, second, numbered(2)).unwrap().durable().await.unwrap();
    assert_eq!(journal.read(&run).await.unwrap(), [numbered(1), numbered(2)]);
}

/// How many race, and how often each claims and appends.
const CLAIMANTS: u64 = 4;
const CLAIMS: u64 = 25;

/// Many claim and append at the same time, each for itself. Terms are given once; what an
/// owner appended stands in its order, without gaps between positions; who was refused
/// left nothing.
pub async fn claimants_that_race_leave_one_owner_and_no_gap(journal: &dyn Journal) {
    let run = run("r");
    created(journal, &run).await;
    let told = std::sync::Mutex::new((Vec::new(), Vec::new()));
    std::thread::scope(|scope| {
        for claimant in 0..CLAIMANTS {
            let (run, told) = (&run, &told);
            scope.spawn(move || {
                block_on(async {
                    for claim in 0..CLAIMS {
                        let term = journal.claim(run).await.unwrap();
                        told.lock().unwrap().0.push(term);
                        for part in 0..3 {
                            let number = (claimant * CLAIMS + claim) * 10 + part;
                            let asked = journal.append(run, term, numbered(number));
                            match async { asked?.durable().await }.await {
                                Ok(durable) => {
                                    told.lock().unwrap().1.push((durable.position(), number));
                                }
                                Err(JournalError::Fenced { held, .. }) => assert_eq!(held, term.0),
                                Err(other) => panic!("{other}"),
                            }
                        }
                    }
                });
            });
        }
    });
    let (mut terms, mut durable) = told.into_inner().unwrap();
    let all = terms.len();
    terms.sort_unstable();
    terms.dedup();
    assert_eq!(terms.len(), all, "a term was given twice");
    durable.sort_unstable();
    let read: Vec<u64> = journal.read(&run).await.unwrap().iter().map(|entry| entry.at.0).collect();
    let want: Vec<(u64, u64)> = (1..).zip(read.iter().copied()).collect();
    assert_eq!(durable, want, "what was acknowledged is what is there");
    // Within one term the order is the owner's.
    for pair in read.windows(2) {
        assert!(pair[0] / 10 != pair[1] / 10 || pair[0] < pair[1], "{read:?}");
    }
}

/// Appends that were asked for before a claim, and not waited for, stand before what the
/// new owner appends, or are refused: never behind.
pub async fn what_was_in_line_before_a_claim_stays_before_it(journal: &dyn Journal) {
    let run = run("r");
    let old = created(journal, &run).await;
    let tickets: Vec<_> =
        (1..=20).map(|number| journal.append(&run, old, numbered(number)).unwrap()).collect();
    let new = journal.claim(&run).await.unwrap();
    journal.append(&run, new, numbered(100)).unwrap().durable().await.unwrap();
    let mut durable = 0;
    for ticket in tickets {
        match ticket.durable().await {
            Ok(position) => durable = durable.max(position.position()),
            Err(JournalError::Fenced { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    let read: Vec<u64> = journal.read(&run).await.unwrap().iter().map(|entry| entry.at.0).collect();
    let want: Vec<u64> = (1..=durable).chain([100]).collect();
    assert_eq!(read, want);
}

/// An owner that was refused claims again, reads, and goes on behind what is durable.
pub async fn a_claim_after_a_failure_goes_on_behind_what_is_durable(journal: &dyn Journal) {
    let run = run("r");
    let mut term = created(journal, &run).await;
    for number in 1..=5 {
        journal.append(&run, term, numbered(number)).unwrap().durable().await.unwrap();
        let stranger = journal.claim(&run).await.unwrap();
        let late = async { journal.append(&run, term, numbered(99))?.durable().await };
        assert!(matches!(late.await, Err(JournalError::Fenced { .. })));
        term = journal.claim(&run).await.unwrap();
        assert!(term > stranger);
        assert_eq!(journal.read(&run).await.unwrap().len() as u64, number);
    }
    let next = journal.append(&run, term, numbered(6)).unwrap().durable().await.unwrap();
    assert_eq!(next.position(), 6);
}

/// A claim on a run that is not there, or a second making of one that is, ends no term.
pub async fn a_claim_that_fails_changes_no_owner(journal: &dyn Journal) {
    let run = run("r");
    let term = created(journal, &run).await;
    let other = RunId::new("other").unwrap();
    assert_eq!(journal.claim(&other).await, Err(JournalError::NoSuchRun(other)));
    assert_eq!(journal.create(&run).await, Err(JournalError::RunExists(run.clone())));
    journal.append(&run, term, numbered(1)).unwrap().durable().await.unwrap();
    for wrong in [Term(0), Term(term.0 + 1), Term(u64::MAX)] {
        let refused = async { journal.append(&run, wrong, numbered(2))?.durable().await };
        assert_eq!(refused.await, Err(JournalError::Fenced { run: run.clone(), held: wrong.0 }));
    }
    assert_eq!(journal.read(&run).await.unwrap(), [numbered(1)]);
}

/// Nothing is made by reading, claiming or appending.
pub async fn knows_no_run_that_nobody_made(journal: &dyn Journal) {
    let run = run("r");
    let none = JournalError::NoSuchRun(run.clone());
    assert_eq!(journal.read(&run).await, Err(none.clone()));
    assert_eq!(journal.claim(&run).await, Err(none.clone()));
    let append = async { journal.append(&run, Term(1), numbered(1))?.durable().await };
    assert_eq!(append.await, Err(none));
    journal.create(&run).await.unwrap();
    assert_eq!(journal.read(&run).await.unwrap(), []);
}

/// Small documents, large ones, and the same one twice.
pub async fn keeps_documents_of_every_size(journal: &dyn Journal) {
    let run = run("r");
    let term = created(journal, &run).await;
    // The quotes count; both sides of 16 KiB and of 256 KiB, and the largest.
    let sizes = [0, 16_382, 16_383, 262_142, 262_143, 4 * 1024 * 1024 - 2];
    let mut written = Vec::new();
    for size in sizes.into_iter().chain(sizes) {
        let document = Document::of(&json!("x".repeat(size)));
        journal.append(&run, term, holding(1, &document)).unwrap().durable().await.unwrap();
        written.push(document);
    }
    let read = journal.read(&run).await.unwrap();
    let texts: Vec<_> = read.iter().map(|entry| entry.facts[0].documents()[0].text()).collect();
    assert!(texts.iter().eq(written.iter().map(Document::text).collect::<Vec<_>>().iter()));
}

/// Each run has its own entries, positions and terms.
pub async fn runs_do_not_see_each_other(journal: &dyn Journal) {
    let (a, b) = (run("a"), run("b"));
    let (term_a, term_b) = (created(journal, &a).await, created(journal, &b).await);
    for number in 1..=5 {
        let _ = journal.append(&a, term_a, numbered(number)).unwrap();
        let ticket = journal.append(&b, term_b, numbered(100 + number)).unwrap();
        assert_eq!(ticket.durable().await.unwrap().position(), number);
    }
    journal.claim(&a).await.unwrap();
    journal.append(&b, term_b, numbered(200)).unwrap().durable().await.unwrap();
    assert_eq!(journal.read(&a).await.unwrap().len(), 5);
    assert_eq!(journal.read(&b).await.unwrap().len(), 6);
}

fn append(run: &RunId, term: Term, number: u64) -> Append {
    Append { run: run.clone(), term, entry: numbered(number) }
}

/// Appends to several runs stand behind what was in line before, in front of what comes
/// after, and in their own order; one run may be among them twice.
pub async fn several_appends_are_made_together_and_in_line(journal: &dyn Journal) {
    let (a, b) = (run("a"), run("b"));
    let (term_a, term_b) = (created(journal, &a).await, created(journal, &b).await);
    let before = journal.append(&a, term_a, numbered(1)).unwrap();
    let appends = vec![append(&a, term_a, 2), append(&b, term_b, 3), append(&a, term_a, 4)];
    let together = journal.append_all(appends).unwrap();
    let after = journal.append(&b, term_b, numbered(5)).unwrap();
    let tickets = [before].into_iter().chain(together).chain([after]);
    let mut positions = Vec::new();
    for ticket in tickets {
        positions.push(ticket.durable().await.unwrap().position());
    }
    assert_eq!(positions, [1, 2, 1, 3, 2]);
    assert_eq!(journal.read(&a).await.unwrap(), [numbered(1), numbered(2), numbered(4)]);
    assert_eq!(journal.read(&b).await.unwrap(), [numbered(3), numbered(5)]);
    assert!(journal.append_all(Vec::new()).unwrap().is_empty());
}

/// Where the term of one is over, or its run is not there, nothing of the others is
/// written either, and they go on once they have claimed and read.
pub async fn of_several_appends_all_are_made_or_none(journal: &dyn Journal) {
    let (a, b) = (run("a"), run("b"));
    let (term_a, old) = (created(journal, &a).await, created(journal, &b).await);
    let term_b = journal.claim(&b).await.unwrap();
    let nobody = run("nobody");
    let fenced = JournalError::Fenced { run: b.clone(), held: old.0 };
    for (wrong, why) in [
        (append(&b, old, 2), fenced),
        (append(&nobody, Term(1), 2), JournalError::NoSuchRun(nobody.clone())),
    ] {
        for appends in
            [vec![append(&a, term_a, 1), wrong.clone()], vec![wrong.clone(), append(&a, term_a, 1)]]
        {
            let own = |one: &Append| one.run == wrong.run;
            let which: Vec<bool> = appends.iter().map(own).collect();
            let tickets = journal.append_all(appends).unwrap();
            for (ticket, own) in tickets.iter().zip(which) {
                match (ticket.durable().await, own) {
                    (Err(error), true) => assert_eq!(error, why),
                    (Err(JournalError::Storage(what)), false) => {
                        assert!(what.contains("was not made"), "{what}");
                    }
                    (other, _) => panic!("{other:?}"),
                }
            }
        }
    }
    assert!(journal.read(&a).await.unwrap().is_empty());
    assert!(journal.read(&b).await.unwrap().is_empty());
    let term_a = journal.claim(&a).await.unwrap();
    let both = vec![append(&a, term_a, 1), append(&b, term_b, 2)];
    for ticket in journal.append_all(both).unwrap() {
        assert_eq!(ticket.durable().await.unwrap().position(), 1);
    }
}

/// A claim, everything that is there, and the proof that it stays.
pub async fn who_takes_a_run_over_has_all_of_it(journal: &dyn Journal) {
    let run = run("r");
    let old = created(journal, &run).await;
    let all: Vec<Entry> = (1..=3).map(numbered).collect();
    for entry in &all {
        let _ = journal.append(&run, old, entry.clone()).unwrap();
    }
    let TakenOver { term, entries, durable } = journal.take_over(&run).await.unwrap();
    assert!(term > old);
    assert_eq!((&entries, durable.position()), (&all, 3));
    assert_eq!(durable.of_earlier(2).position(), 2);
    assert_eq!(durable.of_earlier(9).position(), 3, "a proof of more than there is proves nothing");
    journal.append(&run, term, numbered(4)).unwrap().durable().await.unwrap();
}

/// What was put comes back under its digest, however often it was put.
pub async fn gives_back_bytes_of_every_size(blobs: &dyn Blobs) {
    for size in [0, 1, 256 * 1024, 256 * 1024 + 1, 3 * 1024 * 1024] {
        let bytes: Vec<u8> = (0..size).map(|n: usize| (n % 251) as u8).collect();
        for _ in 0..2 {
            let digest = blobs.put(bytes.clone()).await.unwrap();
            assert_eq!(digest, Digest::of(&bytes));
            assert_eq!(blobs.get(digest).await.unwrap(), bytes);
        }
    }
}

/// A digest that nobody put is missing.
pub async fn misses_what_nobody_put(blobs: &dyn Blobs) {
    let digest = Digest::of(b"nobody");
    assert_eq!(blobs.get(digest).await, Err(BlobError::Missing(digest)));
}
