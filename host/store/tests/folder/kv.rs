//! Values of namespaces: written with the end of an attempt or not at all, kept apart by project, rebuilt from the host's stream.

use std::sync::Arc;

use bailiwick_core::fact::{Entry, Fact, Failure, FailureKind, RunEnd, RunLabels, StepLabel, Used};
use bailiwick_core::kv::KvWrites;
use bailiwick_core::ports::{Blobs as _, Journal as _, Term};
use bailiwick_core::{Artifact, Bytes, Digest, Document, Name, RunId, Timestamp};
use bailiwick_gate::kv::{Exclusive, Held, Namespaces as _};
use bailiwick_store::{AuditScope, HostFact, Reach, Shelves, Stood, Store, SweepRequest};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{attempt, open, run, wait};
use crate::sweep::started;

fn scratch() -> (Arc<Store>, TempDir) {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    (Arc::new(open(folder.path())), folder)
}

fn notes() -> Name {
    Name::new("notes").unwrap()
}

fn written(writes: Value) -> Fact {
    let writes: KvWrites = serde_json::from_value(writes).unwrap();
    Fact::KvWritten { attempt: attempt("draft"), namespace: notes(), writes: writes.document() }
}

fn finished() -> Fact {
    let output = Document::of(&json!({}));
    Fact::CellFinished { attempt: attempt("draft"), output, used: Used::default() }
}

fn append(store: &Store, run: &RunId, term: Term, facts: Vec<Fact>) {
    let entry = Entry { at: Timestamp(1), facts };
    wait(store.append(run, term, entry).unwrap().durable()).unwrap();
}

/// A run of a project that ends with these facts.
fn ran(store: &Store, name: &str, project: &str, facts: Vec<Fact>) {
    let run = run(name);
    let term = wait(store.create(&run)).unwrap();
    append(store, &run, term, vec![started(&run, project)]);
    append(store, &run, term, facts);
    let end = Fact::RunEnded { end: RunEnd::Done, output: None, reason: None };
    append(store, &run, term, vec![end]);
}

fn values(store: &Arc<Store>, project: &str) -> Value {
    let shelves = Shelves::new(Arc::clone(store), project.into());
    let keys = wait(shelves.keys(&notes(), "", None, 100)).unwrap();
    let value = |key: &String| wait(shelves.get(&notes(), key)).unwrap().unwrap().value();
    keys.iter().map(|key| (key.clone(), value(key))).collect::<serde_json::Map<_, _>>().into()
}

fn damages(store: &Store) -> Vec<String> {
    let audit = wait(store.archive().audit(AuditScope::All)).unwrap();
    audit.damages.iter().map(ToString::to_string).collect()
}

#[test]
fn values_are_there_with_the_end_of_their_attempt_and_stay() {
    let (store, folder) = scratch();
    let facts = vec![written(json!({"set": {"a": 1, "b": [2]}, "delete": []})), finished()];
    ran(&store, "one", "p", facts);
    assert_eq!(values(&store, "p"), json!({"a": 1, "b": [2]}));
    let facts = vec![written(json!({"set": {"a": "new"}, "delete": ["b", "none"]})), finished()];
    ran(&store, "two", "p", facts);
    drop(store);
    let store = Arc::new(open(folder.path()));
    assert_eq!(values(&store, "p"), json!({"a": "new"}));
    let shelves = Shelves::new(Arc::clone(&store), "p".into());
    let bytes = Bytes(("a".len() + "\"new\"".len()) as u64);
    assert_eq!(wait(shelves.held(&notes())).unwrap(), Held { keys: 1, bytes });
    assert_eq!(damages(&store), [""; 0]);
    let facts = wait(store.archive().host_facts()).unwrap();
    let by: Vec<_> = facts
        .iter()
        .map(|(_, fact)| match fact {
            HostFact::KvWritten { by, .. } => by.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(by, ["one/draft/-/0/1", "two/draft/-/0/1"]);
}

#[test]
fn an_attempt_without_an_end_has_written_nothing() {
    let (store, _folder) = scratch();
    ran(&store, "alone", "p", vec![written(json!({"set": {"a": 1}, "delete": []}))]);
    let failure = Failure { kind: FailureKind::Fatal, message: "no".into(), hint: None };
    let failed = Fact::AttemptFailed {
        attempt: attempt("draft"),
        failure,
        retry: None,
        used: Used::default(),
    };
    ran(&store, "failed", "p", vec![written(json!({"set": {"a": 1}, "delete": []})), failed]);
    let mut other = finished();
    if let Fact::CellFinished { attempt, .. } = &mut other {
        attempt.attempt = 2;
    }
    ran(&store, "another", "p", vec![written(json!({"set": {"a": 1}, "delete": []})), other]);
    assert_eq!(values(&store, "p"), json!({}));
    assert_eq!(damages(&store), [""; 0]);
}

#[test]
fn projects_and_prefixes_do_not_see_each_other() {
    let (store, _folder) = scratch();
    let write = |name: &str, project: &str, key: &str| {
        let facts = vec![written(json!({"set": {key: project}, "delete": []})), finished()];
        ran(&store, name, project, facts);
    };
    write("one", "p", "k");
    write("two", "q", "k");
    // A key is a text, whatever it looks like.
    write("three", "p", "../q/notes/k");
    write("four", "p", "k%_*");
    assert_eq!(values(&store, "q"), json!({"k": "q"}));
    let shelves = Shelves::new(Arc::clone(&store), "p".into());
    let keys = |prefix: &str, after| wait(shelves.keys(&notes(), prefix, after, 10)).unwrap();
    assert_eq!(keys("", None), ["../q/notes/k", "k", "k%_*"]);
    assert_eq!(keys("k", None), ["k", "k%_*"]);
    assert_eq!(keys("k%", None), ["k%_*"]);
    assert_eq!(keys("k", Some("k")), ["k%_*"]);
    assert_eq!(keys("%", None), [""; 0]);
    let other = Name::new("other").unwrap();
    assert_eq!(wait(shelves.get(&other, "k")).unwrap(), None);
}

#[test]
fn damaged_rows_are_named_never_told_and_made_anew_from_the_facts() {
    let (store, folder) = scratch();
    let writes = written(json!({"set": {"a": 1, "b": 2, "c": 3}, "delete": []}));
    ran(&store, "one", "p", vec![writes, finished()]);
    let database = Connection::open(folder.path().join("store.db")).unwrap();
    for (sql, said) in [
        ("DELETE FROM kv WHERE key = 'a'", "is not that of the facts"),
        ("UPDATE kv SET bytes = bytes + 1 WHERE key = 'b'", "is not what was written"),
        ("UPDATE kv SET key = 'z' WHERE key = 'c'", "is not what was written"),
    ] {
        assert_eq!(database.execute(sql, []).unwrap(), 1);
        let damages = damages(&store);
        assert!(damages.iter().any(|damage| damage.contains(said)), "{sql}: {damages:?}");
        if !sql.starts_with("DELETE") {
            let shelves = Shelves::new(Arc::clone(&store), "p".into());
            let look = ["a", "b", "c", "z"].map(String::from).to_vec();
            assert!(wait(shelves.look(&notes(), look)).is_err());
        }
        wait(store.rebuild()).unwrap();
        assert_eq!(values(&store, "p"), json!({"a": 1, "b": 2, "c": 3}));
        assert_eq!(self::damages(&store), [""; 0]);
    }
}

#[test]
fn what_a_namespace_holds_outlives_the_runs_that_wrote_it() {
    let (store, _folder) = scratch();
    let named = wait(store.put(vec![7; 300_000])).unwrap();
    let gone = wait(store.put(vec![8; 300_000])).unwrap();
    let reference = |digest: Digest| {
        let media_type = "image/png".into();
        Artifact { digest, media_type, bytes: Bytes(300_000), name: None }.to_json()
    };
    let first = json!({"set": {"file": reference(gone), "n": 1}, "delete": []});
    ran(&store, "one", "p", vec![written(first), finished()]);
    let second = json!({"set": {"file": reference(named)}, "delete": []});
    ran(&store, "two", "p", vec![written(second), finished()]);
    let request = SweepRequest {
        project: "p".into(),
        delete_before: Some(Timestamp(100)),
        erase_before: None,
        now: Timestamp(100),
        by: "ana".into(),
        reach: Reach::All,
    };
    let swept = wait(store.sweep(request)).unwrap();
    assert_eq!(swept.deleted.len(), 2);
    wait(store.get(named)).unwrap();
    assert!(wait(store.get(gone)).is_err(), "nobody names it any more");
    assert_eq!(values(&store, "p"), json!({"file": reference(named), "n": 1}));
    assert_eq!(damages(&store), [""; 0]);
    wait(store.rebuild()).unwrap();
    assert_eq!(values(&store, "p"), json!({"file": reference(named), "n": 1}));
}

#[test]
fn who_wants_a_turn_alone_waits_for_those_who_share_and_they_for_him() {
    let (store, _folder) = scratch();
    let shelves = Shelves::new(Arc::clone(&store), "p".into());
    let same = Shelves::new(Arc::clone(&store), "p".into());
    let notes = notes();
    wait(async {
        let [one, two] = [shelves.turn(&notes, Exclusive::No), same.turn(&notes, Exclusive::No)];
        let (one, two) = (one.await, two.await);
        let waiting = same.turn(&notes, Exclusive::Yes);
        tokio::pin!(waiting);
        assert!(
            std::future::poll_fn(|cx| {
                std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())
            })
            .await
        );
        drop((one, two));
        let alone = waiting.await;
        let reader = shelves.turn(&notes, Exclusive::No);
        tokio::pin!(reader);
        assert!(
            std::future::poll_fn(|cx| {
                std::task::Poll::Ready(reader.as_mut().poll(cx).is_pending())
            })
            .await
        );
        // Others do not wait.
        let elsewhere = Shelves::new(Arc::clone(&store), "q".into());
        drop(elsewhere.turn(&notes, Exclusive::Yes).await);
        drop(alone);
        drop(reader.await);
    });
}

/// A run whose step has this label, and what it does.
fn labelled(store: &Store, name: &str, label: &str, outside: bool, facts: Vec<Fact>) {
    let run = run(name);
    let term = wait(store.create(&run)).unwrap();
    let mut begun = started(&run, "p");
    let Fact::RunStarted { labels, .. } = &mut begun else { panic!("{begun:?}") };
    let step = StepLabel { label: label.into(), lowers: None, outside };
    let (input, output, whole) = (label.to_owned(), label.to_owned(), label.to_owned());
    let steps = [(attempt("draft").cell.step, step)].into();
    *labels = Some(Box::new(RunLabels { input, output, whole, steps }));
    append(store, &run, term, vec![begun]);
    append(store, &run, term, facts);
}

#[test]
fn what_a_namespace_holds_keeps_its_label_until_it_is_empty() {
    let (store, _folder) = scratch();
    let stood = || wait(store.archive().namespaces("p".into())).unwrap().remove(&notes());
    let of = |labels: &[&str], outside| {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Some(Stood { labels, outside })
    };
    // One of an older host says nothing.
    ran(&store, "a", "p", vec![written(json!({"set": {"k": 1}, "delete": []})), finished()]);
    assert_eq!(stood(), None);
    let sets = |key: &str| vec![written(json!({"set": {key: 1}, "delete": []})), finished()];
    labelled(&store, "b", "confidential", true, sets("x"));
    assert_eq!(stood(), of(&["confidential"], true));
    // Called something else, it is what it was, and what comes to it counts besides.
    labelled(&store, "c", "public", false, sets("y"));
    assert_eq!(stood(), of(&["confidential", "public"], true));
    let deletes = |keys: &[&str]| vec![written(json!({"set": {}, "delete": keys})), finished()];
    labelled(&store, "d", "public", false, deletes(&["k", "x"]));
    assert_eq!(stood(), of(&["confidential", "public"], true), "one is left");
    assert!(damages(&store).is_empty());
    labelled(&store, "e", "public", false, deletes(&["y"]));
    assert_eq!(stood(), None);
    labelled(&store, "f", "public", false, sets("z"));
    assert_eq!(stood(), of(&["public"], false));
    assert!(damages(&store).is_empty());
    assert_eq!(wait(store.archive().namespaces("q".into())).unwrap(), [].into(), "of another one");
}

#[test]
fn whoever_takes_a_namespace_for_less_than_it_holds_reads_nothing_of_it() {
    let (store, _folder) = scratch();
    let sets = vec![written(json!({"set": {"k": 1}, "delete": []})), finished()];
    labelled(&store, "a", "confidential", true, sets);
    let reads = |labels: &[&str], outside| {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let assumed = [(notes(), Stood { labels, outside })].into();
        let shelves = Shelves::new(Arc::clone(&store), "p".into()).taken_for(assumed);
        let value = wait(shelves.get(&notes(), "k")).map(|value| value.unwrap().value());
        let keys = wait(shelves.keys(&notes(), "", None, 9));
        assert_eq!(value.is_ok(), keys.is_ok());
        value.map_err(|error| error.to_string())
    };
    assert_eq!(reads(&["public", "confidential"], true), Ok(json!(1)));
    let more = reads(&["public"], true).unwrap_err();
    assert!(more.contains("notes holds what is confidential since"), "{more}");
    let outside = reads(&["public", "confidential"], false).unwrap_err();
    assert!(outside.contains("notes holds what is from outside since"), "{outside}");
}
