//! What every journal and every store of blobs must do, as tests that run on any of them. Knows no implementation.

#![allow(
    clippy::unwrap_used,
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
use bailiwick_core::ports::{BlobError, Blobs, Journal, JournalError, Term};
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
            knows_no_run_that_nobody_made,
            keeps_documents_of_every_size,
            runs_do_not_see_each_other,
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
