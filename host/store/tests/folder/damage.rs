//! Whatever is changed behind the store's back is found and named.

use std::path::Path;

use bailiwick_core::fact::{Entry, Fact, PauseReason, RunEnd};
use bailiwick_core::ports::{BlobError, Blobs as _, Journal as _, JournalError};
use bailiwick_core::{Digest, Document, Timestamp};
use bailiwick_store::Store;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::{Scratch, open, run, saying, wait};

/// A closed folder with a run of three entries and a second one of one.
fn folder() -> TempDir {
    let scratch = Scratch::new();
    wait(async {
        for (name, words) in [("r", &["one", "two", "three"][..]), ("s", &["four"][..])] {
            let term = scratch.create(&run(name)).await.unwrap();
            for word in words {
                let entry = saying(&format!("marked-{word}"));
                scratch.append(&run(name), term, entry).unwrap().durable().await.unwrap();
            }
        }
    });
    scratch.close()
}

/// Reads the run and tells the damage that is found.
fn found(folder: &Path) -> String {
    let store = open(folder);
    let damage = match wait(store.read(&run("r"))) {
        Err(JournalError::Damaged(what)) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(store.claim(&run("r"))), Err(JournalError::Damaged(damage.clone())));
    damage
}

fn change(folder: &Path, sql: &str) {
    let changed = Connection::open(folder.join("store.db")).unwrap().execute(sql, []).unwrap();
    assert_eq!(changed, 1);
}

#[test]
fn every_flipped_bit_of_a_fact_is_found() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let whole = std::fs::read(&path).unwrap();
    let at = whole.windows(10).position(|bytes| bytes == b"marked-two").unwrap();
    for bit in [0, 37, 79] {
        let mut flipped = whole.clone();
        flipped[at + bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, flipped).unwrap();
        let damage = found(folder.path());
        assert!(damage.starts_with("run r, append 2: it is not what was written"), "{damage}");
        std::fs::write(&path, &whole).unwrap();
    }
    assert_eq!(wait(open(folder.path()).read(&run("r"))).unwrap().len(), 3);
}

#[test]
fn removed_and_moved_entries_are_found() {
    let first = 1_i64 << 32;
    let cases = [
        (format!("DELETE FROM entry WHERE id = {}", first + 2), "append 2: it is missing"),
        (format!("DELETE FROM entry WHERE id = {}", first + 1), "append 1: it is missing"),
        (format!("UPDATE entry SET at = at + 1 WHERE id = {}", first + 3), "append 3: it is not"),
        (
            // A whole, consistent entry of another run.
            format!(
                "UPDATE entry SET (facts, hash) = (SELECT facts, hash FROM entry WHERE id = {})
                 WHERE id = {}",
                (2_i64 << 32) + 1,
                first + 1
            ),
            "append 1: it is not",
        ),
    ];
    for (sql, want) in cases {
        let folder = folder();
        change(folder.path(), &sql);
        let damage = found(folder.path());
        assert!(damage.contains(want), "{sql}: {damage}");
        assert!(wait(open(folder.path()).read(&run("s"))).is_ok());
    }
}

#[test]
fn a_torn_page_is_damage_and_no_panic() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|bytes| bytes == b"marked-two").unwrap() / 4096 * 4096;
    bytes[at..at + 64].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let read = wait(open(folder.path()).read(&run("r")));
    assert!(matches!(read, Err(JournalError::Damaged(_))), "{read:?}");
}

#[test]
fn changed_texts_and_blobs_are_found_and_erased_ones_are_not() {
    let scratch = Scratch::new();
    let [small, middle, large] =
        [10, 100_000, 1_000_000].map(|size| Document::of(&json!("x".repeat(size))));
    let put = wait(scratch.put(vec![9; 500_000])).unwrap();
    wait(async {
        let term = scratch.create(&run("r")).await.unwrap();
        for document in [&small, &middle, &large] {
            let output = Some(document.clone());
            let fact = Fact::RunEnded { end: RunEnd::Done, output, reason: None };
            let entry = Entry { at: Timestamp(1), facts: vec![fact] };
            scratch.append(&run("r"), term, entry).unwrap().durable().await.unwrap();
        }
    });
    let folder = scratch.close();
    let file = |digest: &Digest| {
        let hex = digest.hex();
        folder.path().join("blobs").join(&hex[..2]).join(&hex[2..])
    };
    let blob = |digest: Digest| wait(open(folder.path()).get(digest));

    std::fs::write(file(&put), vec![8; 500_000]).unwrap();
    assert_eq!(blob(put), Err(BlobError::Damaged(put)));
    std::fs::remove_file(file(&put)).unwrap();
    assert_eq!(blob(put), Err(BlobError::Damaged(put)));

    let whole = std::fs::read(file(&large.digest())).unwrap();
    std::fs::write(file(&large.digest()), &whole[1..]).unwrap();
    let damage = wait(open(folder.path()).read(&run("r"))).unwrap_err().to_string();
    assert!(damage.contains("run r, append 3"), "{damage}");
    std::fs::write(file(&large.digest()), &whole).unwrap();

    change(
        folder.path(),
        "UPDATE entry SET texts = replace(texts, 'xxx', 'xyx') WHERE texts LIKE '%xxx%'",
    );
    let damage = wait(open(folder.path()).read(&run("r"))).unwrap_err().to_string();
    assert!(damage.contains("run r, append 1: the text of"), "{damage}");

    // Retention will do this; the chain does not mind.
    change(folder.path(), "UPDATE entry SET texts = NULL WHERE texts IS NOT NULL");
    change(folder.path(), "DELETE FROM blob WHERE size = 100002");
    let read = wait(open(folder.path()).read(&run("r"))).unwrap();
    let loaded: Vec<_> =
        read.iter().map(|entry| entry.facts[0].documents()[0].text().is_some()).collect();
    assert_eq!(loaded, [false, false, true]);
}

/// Its row says that it rests; why is read from the facts alone, so they are checked.
#[test]
fn a_flipped_bit_in_why_a_run_rests_is_named_and_not_acted_upon() {
    let scratch = Scratch::new();
    for name in ["rests", "rests-too"] {
        let detail = format!("marked-{name}");
        let pause = Fact::RunPaused { reason: PauseReason::Operator, detail, by: None };
        let entry = Entry { at: Timestamp(1), facts: vec![pause] };
        wait(async {
            let term = scratch.create(&run(name)).await.unwrap();
            scratch.append(&run(name), term, saying("before")).unwrap();
            scratch.append(&run(name), term, entry).unwrap().durable().await.unwrap();
        });
    }
    let folder = scratch.close();
    // The word that a host acts upon: `operator` waits for somebody, `drain` does not.
    let sql =
        "UPDATE entry SET facts = CAST(replace(CAST(facts AS TEXT), 'operator', 'drain') AS BLOB)
               WHERE id = (1 << 32) + 2";
    change(folder.path(), sql);
    let archive = Store::open_read_only(folder.path()).unwrap();
    let page = wait(archive.unfinished(10, 0)).unwrap();
    let runs: Vec<_> = page.runs.iter().map(|left| left.run.as_str()).collect();
    assert_eq!(runs, ["rests-too"], "the others are not held up by it");
    let damaged: Vec<_> = page.damaged.iter().map(ToString::to_string).collect();
    assert_eq!(damaged.len(), 1);
    assert!(damaged[0].contains("run rests, append 2: it is not what was written"), "{damaged:?}");
    assert_eq!(page.last, Some(2));
    drop(archive);

    // What is gone is missed, as far as its row knows.
    change(folder.path(), "DELETE FROM entry WHERE id = (2 << 32) + 2");
    let page = wait(Store::open_read_only(folder.path()).unwrap().unfinished(10, 0)).unwrap();
    assert!(page.runs.is_empty());
    let why = page.damaged[1].to_string();
    assert!(why.contains("run rests-too: its row speaks of more facts than there are"), "{why}");
}

#[test]
fn a_flipped_bit_in_packed_texts_is_found_and_never_served() {
    let scratch = Scratch::new();
    let prose: String = (0..500).map(|number| format!("sentence {number} of many; ")).collect();
    let output = Some(Document::of(&json!({ "prose": prose })));
    let fact = Fact::RunEnded { end: RunEnd::Done, output, reason: None };
    let entry = Entry { at: Timestamp(1), facts: vec![fact] };
    wait(async {
        let term = scratch.create(&run("r")).await.unwrap();
        scratch.append(&run("r"), term, entry.clone()).unwrap().durable().await.unwrap();
    });
    let folder = scratch.close();
    let database = Connection::open(folder.path().join("store.db")).unwrap();
    let whole: Vec<u8> =
        database.query_row("SELECT packed FROM entry", [], |row| row.get(0)).unwrap();
    assert!(whole.len() < prose.len() / 2);
    let write = |packed: &[u8]| database.execute("UPDATE entry SET packed = ?1", [packed]).unwrap();
    for at in (0..whole.len()).step_by(97) {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        write(&flipped);
        let archive = Store::open_read_only(folder.path()).unwrap();
        match wait(archive.read(&run("r"))) {
            Err(JournalError::Damaged(what)) => assert!(what.contains("run r, append 1"), "{what}"),
            // A bit that says nothing of what comes out: the text is still checked.
            Ok(read) => assert_eq!(read, std::slice::from_ref(&entry)),
            Err(other) => panic!("{other}"),
        }
    }
    write(&whole);
    let read = wait(Store::open_read_only(folder.path()).unwrap().read(&run("r"))).unwrap();
    assert_eq!(
        read[0].facts[0].documents()[0].text().map(|text| text.len()),
        Some(prose.len() + 12)
    );
}
