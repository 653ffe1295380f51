//! Folders of older formats: brought up to date whole or not at all, with nothing lost.

use std::path::Path;

use bailiwick_core::fact::{AskId, Entry, Fact, RunEnd};
use bailiwick_core::ports::Journal as _;
use bailiwick_core::{Digest, Document, RunState, Timestamp};
use bailiwick_store::{Archive, HostFact, OpenError, RunPhase, Store};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use super::{Scratch, open, options, run, wait};

/// A copy of what the first released format wrote.
fn format_1() -> TempDir {
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/fixtures/format-1/data/store.db");
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::copy(fixture, folder.path().join("store.db")).unwrap();
    folder
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("store.db")).unwrap()
}

fn format(folder: &Path) -> i64 {
    let sql = "SELECT value FROM meta WHERE key = 'format'";
    database(folder).query_row(sql, [], |row| row.get(0)).unwrap()
}

/// What the database is made of, in words.
fn tables(folder: &Path) -> Vec<String> {
    let database = database(folder);
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
               ORDER BY name";
    let mut query = database.prepare(sql).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn check(archive: &Archive) {
    let listed = wait(archive.runs(10, None)).unwrap();
    let phases: Vec<_> = listed.iter().map(|run| (run.run.as_str(), run.phase)).collect();
    let want = [
        ("waiting", RunPhase::Waiting),
        ("killed", RunPhase::Interrupted),
        ("finished", RunPhase::Done),
    ];
    assert_eq!(phases, want);
    for (name, entries) in [("waiting", 11), ("killed", 66), ("finished", 126)] {
        assert_eq!(wait(archive.read(&run(name))).unwrap().len(), entries);
    }
    let asks = wait(archive.open_asks(10, None)).unwrap();
    let asks: Vec<_> = asks.into_iter().map(|open| open.ask).collect();
    assert_eq!(asks, [AskId("waiting/editor/locale=fr/0".into())]);
}

#[test]
fn a_folder_of_the_first_format_is_brought_up_to_date_by_who_writes() {
    let folder = format_1();
    let store = open(folder.path());
    check(store.archive());
    wait(store.claim(&run("killed"))).unwrap();
    drop(store);
    check(open(folder.path()).archive());
}

/// Format 2 kept all texts plain; nothing else about it was different.
#[test]
fn texts_that_were_written_plain_are_read_beside_packed_ones() {
    let scratch = Scratch::new();
    let output = |words: &str| {
        let output = Some(Document::of(&json!({ "words": words.repeat(200) })));
        let fact = Fact::RunEnded { end: RunEnd::Done, output, reason: None };
        Entry { at: Timestamp(1), facts: vec![fact] }
    };
    let append = |store: &Store, entry| {
        let term = wait(store.claim(&run("r"))).unwrap();
        wait(store.append(&run("r"), term, entry).unwrap().durable()).unwrap();
    };
    wait(scratch.create(&run("r"))).unwrap();
    let plain = Document::of(&json!("short"));
    let fact = Fact::RunEnded { end: RunEnd::Done, output: Some(plain), reason: None };
    let plain = Entry { at: Timestamp(1), facts: vec![fact] };
    append(&scratch, plain.clone());
    let folder = scratch.close();
    let back = "DROP TABLE kv; DROP TABLE standing; ALTER TABLE entry DROP COLUMN packed; UPDATE meta SET value = 2 WHERE key = 'format'";
    database(folder.path()).execute_batch(back).unwrap();

    let store = open(folder.path());
    append(&store, output("words "));
    let entries = wait(store.read(&run("r"))).unwrap();
    assert_eq!(entries, [plain, output("words ")]);
    assert!(entries.iter().all(|entry| entry.facts[0].documents()[0].text().is_some()));
    drop(store);
    let sql = "SELECT count(*) FROM entry WHERE (texts IS NULL) != (packed IS NULL)";
    let each: i64 = database(folder.path()).query_row(sql, [], |row| row.get(0)).unwrap();
    let packed = "SELECT length(packed) FROM entry WHERE texts IS NULL";
    let packed: i64 = database(folder.path()).query_row(packed, [], |row| row.get(0)).unwrap();
    assert_eq!(each, 2);
    assert!(packed < 300, "{packed}");
}

#[test]
fn and_by_who_only_reads() {
    let folder = format_1();
    check(&Store::open_read_only(folder.path()).unwrap());
    check(&Store::open_read_only(folder.path()).unwrap());
}

#[test]
fn comes_out_as_a_new_folder_is_made() {
    let (old, new) = (format_1(), Scratch::new().close());
    drop(open(old.path()));
    assert_eq!(tables(old.path()), tables(new.path()));
    assert_eq!(format(old.path()), format(new.path()));
}

#[test]
fn what_cannot_be_finished_is_not_begun() {
    let folder = format_1();
    // In the way of the last table of the step.
    database(folder.path()).execute_batch("CREATE TABLE host (a)").unwrap();
    let before = tables(folder.path());
    for error in [
        Store::open(folder.path(), options()).err().unwrap(),
        Store::open_read_only(folder.path()).err().unwrap(),
    ] {
        assert!(matches!(&error, OpenError::Database(why) if why.contains("host")), "{error}");
    }
    assert_eq!((format(folder.path()), tables(folder.path())), (1, before));
    database(folder.path()).execute_batch("DROP TABLE host").unwrap();
    check(open(folder.path()).archive());
}

#[test]
fn a_damaged_run_does_not_keep_the_others_from_it() {
    let folder = format_1();
    let sql = "UPDATE entry SET at = at + 1 WHERE id = (SELECT id << 32 FROM run WHERE name = 'killed') + 5";
    assert_eq!(database(folder.path()).execute(sql, []).unwrap(), 1);
    let store = open(folder.path());
    let listed = wait(store.archive().runs(10, None)).unwrap();
    assert_eq!(listed.len(), 3);
    let error = wait(store.read(&run("killed"))).unwrap_err().to_string();
    assert!(error.contains("run killed, append 5"), "{error}");
    assert_eq!(wait(store.read(&run("finished"))).unwrap().len(), 126);
}

/// What stood by the host's stream had a table for each kind, and rules and signatures none.
#[test]
fn what_was_taken_away_stays_so_also_where_the_stream_cannot_be_read() {
    let signed = Digest::of(b"signed");
    let facts = vec![
        HostFact::PowerRevoked { holder: "draft".into(), power: "all".into(), by: "ana".into() },
        HostFact::RulesTaken {
            file: "/p/bailiwick.toml".into(),
            digest: signed,
            above: Vec::new(),
            start: false,
        },
        crate::slots::committed(signed, Digest::of(b"was"), Some("its signature")),
    ];
    let folder = Scratch::new();
    wait(folder.note(Timestamp(7), facts)).unwrap();
    let folder = folder.close();
    let back = "
        CREATE TABLE revoked (holder TEXT, power TEXT, taken_by TEXT, at INTEGER, seal INTEGER);
        CREATE TABLE slot (project TEXT, agent TEXT, said TEXT, seal INTEGER);
        INSERT INTO revoked VALUES ('draft', 'all', 'ana', 7, 1);
        INSERT INTO slot SELECT whose, which, said, 1 FROM standing WHERE kind = 'slot';
        DROP TABLE standing;
        UPDATE meta SET value = 6 WHERE key = 'format'";
    database(folder.path()).execute_batch(back).unwrap();
    let damaged = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::copy(folder.path().join("store.db"), damaged.path().join("store.db")).unwrap();
    database(damaged.path()).execute("UPDATE host SET at = at + 1", []).unwrap();
    for (data, kept) in [(&folder, 1), (&damaged, 0)] {
        let store = open(data.path());
        let archive = store.archive();
        let revoked = wait(archive.revoked()).unwrap();
        assert_eq!((revoked[0].0.holder.as_str(), revoked[0].1.at), ("draft", Timestamp(7)));
        let slots = wait(archive.slots()).unwrap();
        assert_eq!(slots[0].1.serves.as_ref().unwrap().component, signed);
        assert_eq!(wait(archive.rules()).unwrap().len(), kept);
        let signatures = wait(archive.signatures("p".into())).unwrap();
        assert_eq!(
            signatures.get(&signed).map(String::as_str),
            (kept == 1).then_some("its signature")
        );
    }
}

#[test]
fn while_an_older_host_holds_it_a_reader_is_told_so() {
    let folder = format_1();
    let lock = std::fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let error = Store::open_read_only(folder.path()).err().unwrap().to_string();
    assert!(error.contains("older version (format 1; this one writes 7)"), "{error}");
    assert_eq!(format(folder.path()), 1);
}

#[test]
fn the_listing_says_of_each_prefix_what_the_state_of_the_run_is() {
    let old = Store::open_read_only(format_1().path()).unwrap();
    let scratch = Scratch::new();
    for name in ["waiting", "killed", "finished"] {
        let entries = wait(old.read(&run(name))).unwrap();
        let term = wait(scratch.create(&run(name))).unwrap();
        for end in 1..=entries.len() {
            let ticket = scratch.append(&run(name), term, entries[end - 1].clone()).unwrap();
            wait(ticket.durable()).unwrap();
            let state = RunState::replay(&entries[..end]).unwrap().unwrap();
            let listed = wait(scratch.archive().run(run(name))).unwrap();
            assert_eq!(listed.phase.as_str(), state.status().as_str(), "{name}, append {end}");
            assert_eq!(listed.cost, state.cost);
            let asks = wait(scratch.archive().open_asks(10, None)).unwrap();
            let asks = asks.iter().filter(|open| open.run == run(name)).map(|open| &open.ask);
            assert!(asks.eq(state.open_asks().map(|(ask, _)| ask)), "{name}, append {end}");
        }
    }
}
