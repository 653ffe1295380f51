//! Retention: what is old enough goes, whole; what anybody still needs stays.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;

use bailiwick_core::fact::{Entry, Fact, Pin, RunEnd};
use bailiwick_core::ports::{BlobError, Blobs as _, Journal as _, Term};
use bailiwick_core::{Artifact, Bytes, Cost, Digest, Document, Name, RunId, Timestamp, Tokens};
use bailiwick_store::{
    AuditScope, HostFact, Reach, ReadError, RunPhase, Store, SweepRequest, Swept,
};
use serde_json::json;

use super::{Scratch, attempt, open, run, wait};

const DAY: u64 = 24 * 60 * 60 * 1_000;

pub(crate) fn started(run: &RunId, project: &str) -> Fact {
    let assets = Document::of(&json!({}));
    let pin = Pin {
        project: project.into(),
        files: Default::default(),
        models: Vec::new(),
        assets,
        currency: None,
    };
    Fact::RunStarted {
        run: run.clone(),
        pipeline: Name::new("campaign").unwrap(),
        input: Document::of(&json!({ "secret": format!("marked-{run}") })),
        shape: Vec::new(),
        agents: Default::default(),
        imported: Vec::new(),
        by: "ana".into(),
        pin: Some(pin),
        forked: None,
        labels: None,
    }
}

fn write(store: &Store, run: &RunId, term: Term, at: u64, facts: Vec<Fact>) {
    let entry = Entry { at: Timestamp(at), facts };
    wait(store.append(run, term, entry).unwrap().durable()).unwrap();
}

fn reference(digest: Digest) -> serde_json::Value {
    let media_type = "image/png".into();
    Artifact { digest, media_type, bytes: Bytes(1), name: None }.to_json()
}

/// A run of a project whose output names these blobs, in a text of its own length.
fn make(
    store: &Store,
    name: &str,
    project: &str,
    end: Option<(u64, RunEnd)>,
    blobs: &[Digest],
    pad: usize,
) {
    let run = run(name);
    let term = wait(store.create(&run)).unwrap();
    write(store, &run, term, 1, vec![started(&run, project)]);
    let references: Vec<_> = blobs.iter().map(|digest| reference(*digest)).collect();
    let output = Document::of(&json!({ "pictures": references, "pad": "p".repeat(pad) }));
    let cost = Cost { tokens: Tokens(10), ..Cost::ZERO };
    let lost = Fact::CallLost { attempt: attempt("draft"), index: 0, cost };
    let finished =
        Fact::CellFinished { attempt: attempt("draft"), output, used: Default::default() };
    write(store, &run, term, end.map_or(DAY, |(at, _)| at), vec![lost, finished]);
    if let Some((at, end)) = end {
        write(store, &run, term, at, vec![Fact::RunEnded { end, output: None, reason: None }]);
    }
}

fn put(store: &Store, number: u8, size: usize) -> Digest {
    wait(store.put(vec![number; size])).unwrap()
}

fn request(delete: Option<u64>, erase: Option<u64>) -> SweepRequest {
    SweepRequest {
        project: "p".into(),
        delete_before: delete.map(Timestamp),
        erase_before: erase.map(Timestamp),
        now: Timestamp(100 * DAY),
        by: "ana".into(),
        reach: Reach::All,
    }
}

fn names(runs: &[RunId]) -> BTreeSet<&str> {
    runs.iter().map(RunId::as_str).collect()
}

fn listed(store: &Store) -> BTreeSet<String> {
    let runs = wait(store.archive().runs(100, None)).unwrap();
    runs.into_iter().map(|run| run.run.to_string()).collect()
}

fn damages(store: &Store) -> Vec<String> {
    let audit = wait(store.archive().audit(AuditScope::All)).unwrap();
    audit.damages.iter().map(ToString::to_string).collect()
}

fn files(folder: &Path) -> usize {
    let shelves =
        std::fs::read_dir(folder.join("blobs")).unwrap().map(|shelf| shelf.unwrap().path());
    shelves.map(|shelf| std::fs::read_dir(shelf).unwrap().count()).sum()
}

const LARGE: usize = 300_000;

#[test]
fn one_turn_takes_so_many_runs_and_another_the_blobs() {
    let scratch = Scratch::new();
    let only_old = put(&scratch, 1, LARGE);
    let done = |day: u64| Some((day * DAY, RunEnd::Done));
    for (name, day) in [("a", 10), ("b", 11), ("c", 12), ("values", 50)] {
        make(&scratch, name, "p", done(day), &[only_old], 0);
    }
    let two = Reach::Runs(NonZeroUsize::new(2).unwrap());
    let turn = || {
        let asked = SweepRequest { reach: two, ..request(Some(40 * DAY), Some(60 * DAY)) };
        wait(scratch.sweep(asked)).unwrap()
    };
    let first = turn();
    assert_eq!(names(&first.deleted), ["a", "b"].into(), "the oldest first");
    assert_eq!((first.erased.len(), first.blobs), (0, 0));
    let second = turn();
    assert_eq!((names(&second.deleted), names(&second.erased)), (["c"].into(), ["values"].into()));
    assert_eq!(turn(), Swept::default());
    wait(scratch.get(only_old)).unwrap();
    let blobs = SweepRequest { reach: Reach::Blobs, ..request(Some(90 * DAY), None) };
    let last = wait(scratch.sweep(blobs)).unwrap();
    assert_eq!((last.deleted.len(), last.blobs), (0, 1), "what is kept names it no more");
    assert_eq!(damages(&scratch), [""; 0]);
}

#[test]
fn old_runs_go_with_what_only_they_name() {
    let scratch = Scratch::new();
    let [only_old, shared, kept] = [1, 2, 3].map(|number| put(&scratch, number, LARGE));
    let small = put(&scratch, 4, 10);
    let done = |day: u64| Some((day * DAY, RunEnd::Done));
    make(&scratch, "old", "p", done(10), &[only_old, shared, small], 0);
    make(&scratch, "old_and_large", "p", done(10), &[only_old], 50_000);
    make(&scratch, "failed", "p", Some((10 * DAY, RunEnd::Failed)), &[], 0);
    make(&scratch, "cancelled", "p", Some((10 * DAY, RunEnd::Cancelled)), &[], 0);
    make(&scratch, "young", "p", done(50), &[shared], 0);
    make(&scratch, "interrupted", "p", Some((10 * DAY, RunEnd::Interrupted)), &[kept], 0);
    make(&scratch, "going", "p", None, &[kept], 50_000);
    make(&scratch, "another", "q", done(10), &[], 0);
    let would = wait(scratch.archive().sweepable(request(Some(40 * DAY), None))).unwrap();
    assert_eq!(listed(&scratch).len(), 8, "a look changes nothing");

    let swept = wait(scratch.sweep(request(Some(40 * DAY), None))).unwrap();
    assert_eq!(names(&swept.deleted), ["cancelled", "failed", "old", "old_and_large"].into());
    // Two blobs, and the large output itself.
    assert_eq!((swept.blobs, &swept.left), (3, &vec![]));
    assert_eq!(swept, would);
    let want = ["another", "going", "interrupted", "young"].map(String::from);
    assert_eq!(listed(&scratch), want.into());
    for digest in [only_old, small] {
        assert_eq!(wait(scratch.get(digest)), Err(BlobError::Missing(digest)));
    }
    for digest in [shared, kept] {
        wait(scratch.get(digest)).unwrap();
    }
    assert_eq!(files(scratch.folder.path()), 2);
    assert_eq!(damages(&scratch), [""; 0]);
    let spent =
        |day: u64| wait(scratch.archive().spent_on("p".into(), Timestamp(day * DAY))).unwrap();
    assert_eq!((spent(10).tokens, spent(50).tokens), (Tokens(10), Tokens(10)), "of `interrupted`");
    let gone = wait(scratch.archive().host_facts()).unwrap();
    let gone: BTreeSet<_> = gone
        .iter()
        .map(|(_, fact)| match fact {
            HostFact::RunDeleted { run, appends: 3, by, .. } if by == "ana" => run.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(gone, names(&swept.deleted));
    let again = wait(scratch.sweep(request(Some(40 * DAY), None))).unwrap();
    assert_eq!(again, Swept::default());
}

#[test]
fn values_go_and_the_chain_still_holds() {
    let scratch = Scratch::new();
    let [picture, other] = [1, 2].map(|number| put(&scratch, number, LARGE));
    make(&scratch, "old", "p", Some((10 * DAY, RunEnd::Done)), &[picture], 50_000);
    make(&scratch, "young", "p", Some((50 * DAY, RunEnd::Done)), &[other], 50_000);
    let before = wait(scratch.archive().heads()).unwrap();
    let swept = wait(scratch.sweep(request(None, Some(40 * DAY)))).unwrap();
    assert_eq!((names(&swept.erased), swept.deleted.len(), swept.blobs), (["old"].into(), 0, 2));
    assert_eq!(damages(&scratch), [""; 0]);
    assert_eq!(wait(scratch.archive().heads()).unwrap()[..2], before);

    let texts = |name: &str| -> Vec<bool> {
        let entries = wait(scratch.read(&run(name))).unwrap();
        let facts = entries.iter().flat_map(|entry| &entry.facts);
        facts.flat_map(Fact::documents).map(|document| document.text().is_some()).collect()
    };
    assert!(texts("old").iter().all(|there| !there) && texts("young").iter().all(|there| *there));
    let run = wait(scratch.archive().run(run("old"))).unwrap();
    assert_eq!((run.phase, run.cost.tokens), (RunPhase::Done, Tokens(10)));
    let again = wait(scratch.sweep(request(None, Some(40 * DAY)))).unwrap();
    assert_eq!(again, Swept::default());

    // Gone means gone, not only from sight.
    let folder = scratch.close();
    let database = std::fs::read(folder.path().join("store.db")).unwrap();
    let holds = |word: &str| database.windows(word.len()).any(|bytes| bytes == word.as_bytes());
    assert!(!holds("marked-old") && holds("marked-young"));
}

#[test]
fn what_was_put_and_not_yet_named_stays_in_this_process_and_goes_in_the_next() {
    let scratch = Scratch::new();
    let waiting = put(&scratch, 1, LARGE);
    let named = put(&scratch, 2, LARGE);
    make(&scratch, "going", "p", None, &[named], 0);
    assert_eq!(wait(scratch.sweep(request(None, None))).unwrap().blobs, 0);
    wait(scratch.get(waiting)).unwrap();
    let folder = scratch.close();
    let store = open(folder.path());
    let swept = wait(store.sweep(request(None, None))).unwrap();
    assert_eq!((swept.blobs, swept.bytes), (1, Bytes(LARGE as u64)));
    assert_eq!(wait(store.get(waiting)), Err(BlobError::Missing(waiting)));
    wait(store.get(named)).unwrap();
}

#[test]
fn files_without_a_row_go() {
    let scratch = Scratch::new();
    let folder = scratch.folder.path().join("blobs");
    let digest = Digest::of(b"left by a crash");
    std::fs::create_dir_all(folder.join(&digest.hex()[..2])).unwrap();
    std::fs::write(folder.join(&digest.hex()[..2]).join(&digest.hex()[2..]), "x").unwrap();
    std::fs::write(folder.join("README"), "of a person").unwrap();
    let swept = wait(scratch.sweep(request(None, None))).unwrap();
    assert_eq!((swept.blobs, swept.bytes), (1, Bytes(1)));
    assert!(folder.join("README").exists());
    assert_eq!(files_below(&folder), 1);
}

fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[test]
fn a_put_that_races_with_a_sweep_wins() {
    let scratch = Scratch::new();
    let store = &scratch.store;
    let r = run("going");
    let term = wait(store.create(&r)).unwrap();
    // Litter of an earlier process, which somebody wants again and again while it is swept.
    let litter: Vec<Vec<u8>> =
        (0..40_u8).map(|number| vec![number; LARGE - usize::from(number % 2) * 299_000]).collect();
    for bytes in &litter {
        wait(store.put(bytes.clone())).unwrap();
    }
    let folder = scratch.close();
    let store = open(folder.path());
    let term = {
        let _ = term;
        wait(store.claim(&r)).unwrap()
    };
    std::thread::scope(|scope| {
        let sweeper = scope.spawn(|| {
            let mut blobs = 0;
            for _ in 0..20 {
                blobs += wait(store.sweep(request(None, None))).unwrap().blobs;
            }
            blobs
        });
        for bytes in litter.iter().rev() {
            let digest = wait(store.put(bytes.clone())).unwrap();
            wait(store.get(digest)).unwrap();
            let output = Document::of(&reference(digest));
            let fact =
                Fact::CellFinished { attempt: attempt("draft"), output, used: Default::default() };
            write(&store, &r, term, 1, vec![fact]);
        }
        sweeper.join().unwrap();
    });
    for bytes in &litter {
        assert_eq!(wait(store.get(Digest::of(bytes))).unwrap(), *bytes);
    }
    assert_eq!(damages(&store), [""; 0]);
}

#[test]
fn a_run_that_somebody_resumes_stays() {
    let scratch = Scratch::new();
    make(&scratch, "failed", "p", Some((10 * DAY, RunEnd::Failed)), &[], 0);
    let r = run("failed");
    let term = wait(scratch.claim(&r)).unwrap();
    let resumed = Fact::RunResumed { by: "ana".into(), repinned: None, retry_failed: true };
    write(&scratch, &r, term, 20 * DAY, vec![resumed]);
    assert_eq!(wait(scratch.sweep(request(Some(40 * DAY), None))).unwrap(), Swept::default());
    assert_eq!(listed(&scratch).len(), 1);
}

#[test]
fn a_damaged_run_is_left_and_no_blob_is_deleted_beside_it() {
    let scratch = Scratch::new();
    make(&scratch, "old", "p", Some((10 * DAY, RunEnd::Done)), &[], 0);
    put(&scratch, 9, LARGE);
    let folder = scratch.close();
    let database = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    database.execute("UPDATE entry SET at = at + 1 WHERE id = (1 << 32) + 2", []).unwrap();
    drop(database);
    let store = open(folder.path());
    let swept = wait(store.sweep(request(Some(40 * DAY), None)));
    assert!(
        matches!(&swept, Err(ReadError::Damaged(what)) if what.contains("run old, append 2")),
        "{swept:?}"
    );
    assert_eq!((listed(&store).len(), files(folder.path())), (1, 1));
    // And the next one can begin.
    assert!(matches!(wait(store.sweep(request(None, None))), Err(ReadError::Damaged(_))));
}

#[test]
fn derived_rows_can_be_made_anew() {
    let scratch = Scratch::new();
    make(&scratch, "a", "p", Some((10 * DAY, RunEnd::Done)), &[], 0);
    make(&scratch, "b", "p", None, &[], 0);
    let folder = scratch.close();
    let database = rusqlite::Connection::open(folder.path().join("store.db")).unwrap();
    database
        .execute_batch("UPDATE run SET tokens = 5, state = 'waiting'; DELETE FROM spend")
        .unwrap();
    drop(database);
    let store = open(folder.path());
    assert!(!damages(&store).is_empty());
    wait(store.rebuild()).unwrap();
    assert_eq!(damages(&store), [""; 0]);
}
