//! What holds for a store as for every journal, beyond the suite of `bailiwick_store::contract`: reopening.

use std::collections::BTreeSet;
use std::time::Duration;

use bailiwick_core::ports::{Blobs as _, Journal as _, JournalError};
use bailiwick_store::{OpenError, Store};
use rusqlite::Connection;

use super::{Scratch, open, options, run, saying, wait};

#[test]
fn what_was_written_is_there_after_reopening() {
    let scratch = Scratch::new();
    let (small, large) = (vec![1; 1_000], vec![2; 1_000_000]);
    let (term, digests) = wait(async {
        let term = scratch.create(&run("r")).await.unwrap();
        scratch.append(&run("r"), term, saying("first")).unwrap();
        scratch.append(&run("r"), term, saying("second")).unwrap().durable().await.unwrap();
        let digests = [small.clone(), large.clone()].map(|bytes| wait_put(&scratch, bytes));
        (term, digests)
    });
    let folder = scratch.close();
    let store = open(folder.path());
    wait(async {
        // Not claimed yet: the term of the process that is gone is over.
        let late = store.append(&run("r"), term, saying("late")).unwrap().durable().await;
        assert_eq!(late, Err(JournalError::Fenced { run: run("r"), held: term.0 }));
        let term = store.claim(&run("r")).await.unwrap();
        let third = store.append(&run("r"), term, saying("third")).unwrap();
        assert_eq!(third.durable().await.unwrap().position(), 3);
        let read = store.read(&run("r")).await.unwrap();
        assert_eq!(read, ["first", "second", "third"].map(saying));
        assert_eq!(store.get(digests[0]).await.unwrap(), small);
        assert_eq!(store.get(digests[1]).await.unwrap(), large);
    });
}

fn wait_put(store: &Store, bytes: Vec<u8>) -> bailiwick_core::Digest {
    std::thread::scope(|scope| scope.spawn(|| wait(store.put(bytes))).join().unwrap().unwrap())
}

#[test]
fn closing_writes_what_stands_in_line() {
    let scratch = Scratch::new();
    let term = wait(scratch.create(&run("r"))).unwrap();
    for number in 0..500 {
        scratch.append(&run("r"), term, saying(&number.to_string())).unwrap();
    }
    let folder = scratch.close();
    assert_eq!(wait(open(folder.path()).read(&run("r"))).unwrap().len(), 500);
}

#[test]
fn what_stands_in_line_is_one_commit() {
    let scratch = Scratch::new();
    let term = wait(scratch.create(&run("r"))).unwrap();
    let observer = Connection::open(scratch.folder.path().join("store.db")).unwrap();
    let count = |observer: &Connection| -> i64 {
        observer.query_row("SELECT count(*) FROM entry", [], |row| row.get(0)).unwrap()
    };
    // The writer takes the first and waits; the others come while it does.
    let stranger = Connection::open(scratch.folder.path().join("store.db")).unwrap();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let append =
        |number: usize| scratch.append(&run("r"), term, saying(&number.to_string())).unwrap();
    append(0);
    std::thread::sleep(Duration::from_millis(50));
    (1..=200).for_each(|number| drop(append(number)));
    stranger.execute_batch("COMMIT").unwrap();
    let mut seen = BTreeSet::new();
    while !seen.contains(&201) {
        seen.insert(count(&observer));
    }
    assert!(seen.len() <= 3, "{seen:?}");
}

#[test]
fn owners_on_many_threads_keep_their_own_order() {
    let scratch = Scratch::new();
    std::thread::scope(|scope| {
        for owner in 0..16 {
            let store = &scratch.store;
            scope.spawn(move || {
                wait(async {
                    let run = run(&format!("r{owner}"));
                    let term = store.create(&run).await.unwrap();
                    let mut last = None;
                    for number in 0..50 {
                        let ticket = store.append(&run, term, saying(&number.to_string())).unwrap();
                        if number % 7 == owner % 7 {
                            ticket.durable().await.unwrap();
                        }
                        last = Some(ticket);
                    }
                    assert_eq!(last.unwrap().durable().await.unwrap().position(), 50);
                    let want: Vec<_> = (0..50).map(|number| saying(&number.to_string())).collect();
                    assert_eq!(store.read(&run).await.unwrap(), want);
                });
            });
        }
    });
}

#[test]
fn a_second_opener_is_told_who_is_first_and_may_read() {
    let scratch = Scratch::new();
    wait(async {
        let term = scratch.create(&run("r")).await.unwrap();
        scratch.append(&run("r"), term, saying("here")).unwrap().durable().await.unwrap();
    });
    let error = Store::open(scratch.folder.path(), options()).err().unwrap();
    assert!(matches!(&error, OpenError::Held { holder: Some(holder), .. }
        if holder.pid == std::process::id() && holder.since == options().now));
    assert!(error.to_string().ends_with("(bailiwick test)"), "{error}");
    let archive = Store::open_read_only(scratch.folder.path()).unwrap();
    assert_eq!(wait(archive.read(&run("r"))).unwrap(), [saying("here")]);
}

#[test]
fn reading_makes_nothing() {
    let empty = tempfile::tempdir().unwrap();
    let missing = empty.path().join("data");
    assert!(matches!(Store::open_read_only(&missing), Err(OpenError::Missing(_))));
    assert!(!missing.exists());
    std::fs::write(&missing, "a file").unwrap();
    assert!(matches!(Store::open_read_only(&missing), Err(OpenError::Folder { .. })));
}

#[test]
fn equal_bytes_are_kept_once() {
    let scratch = Scratch::new();
    let bytes = vec![7; 1 << 20];
    for _ in 0..3 {
        wait_put(&scratch, bytes.clone());
    }
    let files: Vec<_> = walk(&scratch.folder.path().join("blobs"));
    assert_eq!(files, [bytes.len() as u64]);
}

/// The sizes of all files under a folder.
fn walk(folder: &std::path::Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .flat_map(|entry| match entry.metadata().unwrap() {
            meta if meta.is_dir() => walk(&entry.path()),
            meta => vec![meta.len()],
        })
        .collect()
}

#[test]
fn the_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("new/data");
    let _store = open(&data);
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}
