//! Commits that fail, here because a stranger holds the database's write lock.

use bailiwick_core::Document;
use bailiwick_core::fact::{Entry, Fact, RunEnd};
use bailiwick_core::ports::{BlobError, Blobs as _, Journal as _, JournalError};
use rusqlite::Connection;
use serde_json::json;

use super::{Scratch, open, run, saying, wait};

/// Holds the write lock until it is dropped. The store waits a second for it.
fn stranger(scratch: &Scratch) -> Connection {
    let stranger = Connection::open(scratch.folder.path().join("store.db")).unwrap();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    stranger
}

#[test]
fn after_a_failed_commit_the_run_must_be_claimed_and_goes_on_from_the_disk() {
    let scratch = Scratch::new();
    wait(async {
        let [r, other] = ["r", "other"].map(run);
        let term = scratch.create(&r).await.unwrap();
        let others = scratch.create(&other).await.unwrap();
        scratch.append(&r, term, saying("kept")).unwrap().durable().await.unwrap();

        let stranger = stranger(&scratch);
        let lost = scratch.append(&r, term, saying("lost")).unwrap().durable().await;
        assert!(
            matches!(&lost, Err(JournalError::Storage(why)) if why.contains("unknown")),
            "{lost:?}"
        );
        drop(stranger);

        let early = scratch.append(&r, term, saying("early")).unwrap().durable().await;
        assert!(
            matches!(&early, Err(JournalError::Storage(why)) if why.contains("claim")),
            "{early:?}"
        );
        scratch.append(&other, others, saying("fine")).unwrap().durable().await.unwrap();

        let term = scratch.claim(&r).await.unwrap();
        let next = scratch.append(&r, term, saying("next")).unwrap().durable().await.unwrap();
        assert_eq!(next.position(), 2);
        assert_eq!(scratch.read(&r).await.unwrap(), [saying("kept"), saying("next")]);
    });
}

#[test]
fn two_failures_in_a_row_end_it_with_the_reason_and_lose_nothing() {
    let scratch = Scratch::new();
    let r = run("r");
    let term = wait(async {
        let term = scratch.create(&r).await.unwrap();
        scratch.append(&r, term, saying("kept")).unwrap().durable().await.unwrap();
        let stranger = stranger(&scratch);
        for _ in 0..2 {
            assert!(scratch.claim(&r).await.is_err());
        }
        drop(stranger);
        term
    });
    let late = scratch.append(&r, term, saying("late")).unwrap_err();
    let text = late.to_string();
    assert!(text.contains("nothing is written any more"), "{text}");
    assert!(text.contains("database is locked"), "{text}");
    assert!(matches!(wait(scratch.put(vec![1])), Err(BlobError::Storage(_))));
    assert_eq!(wait(scratch.read(&r)).unwrap(), [saying("kept")]);
    let folder = scratch.close();
    assert_eq!(wait(open(folder.path()).read(&r)).unwrap(), [saying("kept")]);
}

#[test]
fn appending_never_waits_and_the_line_has_an_end() {
    let scratch = Scratch::new();
    let r = run("r");
    let term = wait(scratch.create(&r)).unwrap();
    let stranger = stranger(&scratch);
    let output = Some(Document::of(&json!("x".repeat(4_000_000))));
    let fact = Fact::RunEnded { end: RunEnd::Done, output, reason: None };
    let entry = Entry { at: bailiwick_core::Timestamp(1), facts: vec![fact] };
    let refused = (0..100).find_map(|_| scratch.append(&r, term, entry.clone()).err());
    drop(stranger);
    let text = refused.unwrap().to_string();
    assert!(text.contains("too much waits to be written"), "{text}");
}
