//! A namespace at the gate: who may read and write it, what is buffered, what is compared again at the end, what a record does.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "tests; each uses a part of the support"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bailiwick_core::fact::{CallAnswer, Capability, FailureKind, Limit};
use bailiwick_core::kv::{KvWrites, WRITES_MAX};
use bailiwick_core::ports::BoxFuture;
use bailiwick_core::{Bytes, Digest, Document, Name, Record};
use bailiwick_gate::artifacts::PutRequest;
use bailiwick_gate::kv::{Exclusive, Held, Kept, KvError, KvRequest, Namespaces, Turn};
use bailiwick_gate::{CallError, Gate};
use bailiwick_policy::grants::{ArtifactsGrant, KvGrant};
use bailiwick_policy::ports::{Left, Staged};
use bailiwick_policy::{Grants, Limits};
use serde_json::{Value, json};

use support::{World, name};

/// Namespaces in a map; what is staged is put there by the test.
#[derive(Default)]
struct Table(Mutex<BTreeMap<(Name, String), Document>>);

impl Table {
    fn put(&self, key: &str, value: &Value) {
        self.0.lock().unwrap().insert((name("notes"), key.into()), Document::of(value));
    }

    fn write(&self, staged: &Staged) {
        let writes = KvWrites::read(&staged.writes).unwrap();
        writes.set.iter().for_each(|(key, value)| self.put(key, value));
        let mut table = self.0.lock().unwrap();
        writes.delete.iter().for_each(|key| drop(table.remove(&(name("notes"), key.clone()))));
    }
}

impl Namespaces for Table {
    fn turn<'a>(&'a self, _: &'a Name, _: Exclusive) -> BoxFuture<'a, Turn> {
        Box::pin(async { Turn::new(()) })
    }

    fn get<'a>(
        &'a self,
        namespace: &'a Name,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Document>, KvError>> {
        let found = self.0.lock().unwrap().get(&(namespace.clone(), key.into())).cloned();
        Box::pin(async { Ok(found) })
    }

    fn look<'a>(
        &'a self,
        namespace: &'a Name,
        keys: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, KvError>> {
        let table = self.0.lock().unwrap();
        let found = keys.into_iter().map(|key| {
            let value = table.get(&(namespace.clone(), key))?;
            Some((value.digest(), Bytes(value.bytes())))
        });
        let found = found.collect();
        Box::pin(async { Ok(found) })
    }

    fn keys<'a>(
        &'a self,
        namespace: &'a Name,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        let table = self.0.lock().unwrap();
        let inside = table.keys().filter(|(of, key)| {
            of == namespace && key.starts_with(prefix) && after.is_none_or(|after| &**key > after)
        });
        let found = inside.map(|(_, key)| key.clone()).take(limit as usize).collect();
        Box::pin(async { Ok(found) })
    }

    fn held<'a>(&'a self, namespace: &'a Name) -> BoxFuture<'a, Result<Held, KvError>> {
        let table = self.0.lock().unwrap();
        let own = table.iter().filter(|((of, _), _)| of == namespace);
        let held = own.fold(Held::default(), |sum, ((_, key), value)| Held {
            keys: sum.keys + 1,
            bytes: Bytes(sum.bytes.0 + key.len() as u64 + value.bytes()),
        });
        Box::pin(async move { Ok(held) })
    }
}

fn world() -> (World, Arc<Table>) {
    let (mut world, table) = (World::new(false), Arc::<Table>::default());
    Arc::get_mut(&mut world.gateway).unwrap().namespaces = Arc::clone(&table) as _;
    (world, table)
}

fn notes(write: bool, quota: u64) -> Grants {
    let (namespace, quota) = (name("notes"), Bytes(quota));
    let kv = KvGrant { namespace, write, quota, even_if_outside: false };
    let artifacts = Some(ArtifactsGrant { put: Some(Bytes(100)) });
    Grants { kv: Some(kv), artifacts, ..Grants::none() }
}

async fn set(gate: &Gate, key: &str, value: Value) -> Result<(), CallError> {
    gate.kv_change(KvRequest::Set { key: key.into(), value }).await
}

async fn swap(
    gate: &Gate,
    key: &str,
    expected: Option<Value>,
    value: Option<Value>,
) -> Result<bool, CallError> {
    gate.kv_swap(KvRequest::CompareAndSet { key: key.into(), expected, value }).await
}

fn failed(left: Result<Vec<Staged>, Left>) -> (FailureKind, String) {
    let Err(Left::Failed(failure)) = left else { panic!("{left:?}") };
    (failure.kind, failure.message)
}

#[tokio::test]
async fn without_a_grant_everything_is_denied_and_a_reader_writes_nothing() {
    let (world, table) = world();
    table.put("a", &json!(1));
    let denied = Err(CallError::Denied(Capability::Kv));
    let gate = world.gate(Grants::none(), Limits::DEFAULT);
    assert_eq!(gate.kv_get("a".into()).await, denied.clone().map(|(): ()| None));
    let gate = world.gate(notes(false, 1000), Limits::DEFAULT);
    assert_eq!(gate.kv_get("a".into()).await, Ok(Some(json!(1))));
    assert_eq!(set(&gate, "a", json!(2)).await, denied);
    assert_eq!(gate.kv_change(KvRequest::Delete { key: "a".into() }).await, denied);
    assert_eq!(
        swap(&gate, "a", Some(json!(1)), None).await.unwrap_err().to_string(),
        "kv is not granted"
    );
    assert!(gate.settle().await.unwrap().is_empty());
    let CallAnswer::Denied { hint: Some(hint), .. } = world.facts.answers().pop().unwrap() else {
        panic!()
    };
    assert_eq!(hint, "in bailiwick.toml, under [kv.notes]: writers = [\"draft\"]");
}

#[tokio::test]
async fn an_attempt_sees_its_own_changes_and_nobody_else_does_before_it_ends() {
    let (world, table) = world();
    for key in ["b", "c", "x/1"] {
        table.put(key, &json!(key));
    }
    let gate = world.gate(notes(true, 10_000), Limits::DEFAULT);
    set(&gate, "a", json!({"n": null})).await.unwrap();
    set(&gate, "c", json!("mine")).await.unwrap();
    gate.kv_change(KvRequest::Delete { key: "b".into() }).await.unwrap();
    let list = |prefix: &str, after: Option<&str>, limit| {
        gate.kv_list(prefix.into(), after.map(Into::into), limit)
    };
    assert_eq!(list("", None, 10).await.unwrap(), ["a", "c", "x/1"]);
    assert_eq!(list("", None, 1).await.unwrap(), ["a"]);
    assert_eq!(list("", Some("a"), 1).await.unwrap(), ["c"], "what is deleted takes no place");
    assert_eq!(list("x/", None, 10).await.unwrap(), ["x/1"]);
    assert_eq!(gate.kv_get("b".into()).await, Ok(None));
    assert_eq!(gate.kv_get("c".into()).await, Ok(Some(json!("mine"))));
    let other = world.gate(notes(false, 10_000), Limits::DEFAULT);
    assert_eq!(other.kv_get("c".into()).await, Ok(Some(json!("c"))));
    let staged = gate.settle().await.unwrap().pop().unwrap();
    assert_eq!(
        staged.writes.value(),
        json!({"set": {"a": {"n": null}, "c": "mine"}, "delete": ["b"]})
    );
    table.write(&staged);
    assert_eq!(other.kv_get("b".into()).await, Ok(None));
    // Everything is in the record; nothing left the host.
    assert!(world.facts.names().iter().all(|name| *name == "CallAnswered"));
}

#[tokio::test]
async fn what_was_compared_must_still_be_so_at_the_end() {
    let (world, table) = world();
    table.put("turn", &json!("ana"));
    let gate = || world.gate(notes(true, 10_000), Limits::DEFAULT);
    let [first, second] = [gate(), gate()];
    for gate in [&first, &second] {
        assert_eq!(swap(gate, "turn", Some(json!("ben")), None).await, Ok(false));
        assert_eq!(swap(gate, "turn", Some(json!("ana")), Some(json!("ben"))).await, Ok(true));
        // Compared with what the attempt itself has made of it.
        assert_eq!(swap(gate, "turn", Some(json!("ben")), Some(json!("eve"))).await, Ok(true));
    }
    table.write(&first.settle().await.unwrap().pop().unwrap());
    let (kind, message) = failed(second.settle().await);
    assert_eq!(kind, FailureKind::Conflict);
    assert_eq!(
        message,
        "the key \"turn\" of notes was changed by somebody else after it was compared"
    );
    // A fresh attempt finds what is there now.
    let fresh = gate();
    assert_eq!(swap(&fresh, "turn", Some(json!("ana")), None).await, Ok(false));
    assert_eq!(swap(&fresh, "turn", Some(json!("eve")), None).await, Ok(true));
    assert_eq!(
        fresh.settle().await.unwrap().pop().unwrap().writes.value()["delete"],
        json!(["turn"])
    );
    // The same for a key that was not there.
    let [first, second] = [gate(), gate()];
    assert_eq!(swap(&first, "new", None, Some(json!(1))).await, Ok(true));
    assert_eq!(swap(&second, "new", None, Some(json!(2))).await, Ok(true));
    table.write(&second.settle().await.unwrap().pop().unwrap());
    assert_eq!(failed(first.settle().await).0, FailureKind::Conflict);
}

#[tokio::test]
async fn a_blind_write_conflicts_with_nobody() {
    let (world, table) = world();
    let gate = world.gate(notes(true, 10_000), Limits::DEFAULT);
    set(&gate, "k", json!(1)).await.unwrap();
    table.put("k", &json!("somebody"));
    assert!(gate.settle().await.unwrap().len() == 1);
}

#[tokio::test]
async fn a_namespace_that_is_full_takes_nothing_more() {
    let (world, table) = world();
    table.put("old", &json!("x".repeat(45)));
    let gate = world.gate(notes(true, 100), Limits::DEFAULT);
    let full = Err(CallError::Exhausted(Limit::Storage));
    assert_eq!(set(&gate, "new", json!("y".repeat(60))).await, full);
    assert_eq!(set(&gate, "new", json!("y".repeat(41))).await, Ok(()));
    assert_eq!(set(&gate, "more", json!(1)).await, full);
    // What is replaced or deleted makes room.
    assert_eq!(set(&gate, "old", json!("")).await, Ok(()));
    assert_eq!(set(&gate, "more", json!(1)).await, Ok(()));
    // Others have filled it meanwhile: then the end of the attempt is refused.
    table.put("theirs", &json!("z".repeat(90)));
    let (kind, message) = failed(gate.settle().await);
    assert_eq!(kind, FailureKind::Limit);
    assert!(
        message.starts_with("limit:kv used") && message.ends_with("of 100 B in notes"),
        "{message}"
    );
}

#[tokio::test]
async fn sizes_are_checked_before_anything_is_kept() {
    let (world, _) = world();
    let gate = world.gate(notes(true, 1 << 30), Limits::DEFAULT);
    let invalid = |answer: Result<(), CallError>| matches!(answer, Err(CallError::Invalid(_)));
    assert!(invalid(set(&gate, "", json!(1)).await));
    assert!(invalid(set(&gate, &"k".repeat(257), json!(1)).await));
    assert!(invalid(set(&gate, "a\u{0}b", json!(1)).await));
    assert!(invalid(set(&gate, "k", json!("v".repeat(256 << 10))).await));
    assert!(gate.kv_list(String::new(), None, 0).await.is_err());
    assert!(gate.kv_list(String::new(), None, 1001).await.is_err());
    assert!(gate.kv_list("p".repeat(257), None, 1).await.is_err());
    for number in 0..WRITES_MAX {
        set(&gate, &number.to_string(), json!(1)).await.unwrap();
    }
    let full = Err(CallError::Exhausted(Limit::Storage));
    assert_eq!(set(&gate, "one more", json!(1)).await, full);
    assert_eq!(set(&gate, "0", json!(2)).await, Ok(()), "a key that it has changed already");
    let gate = world.gate(notes(true, 1 << 30), Limits::DEFAULT);
    for number in 0..8 {
        set(&gate, &number.to_string(), json!("v".repeat(255 << 10))).await.unwrap();
    }
    assert_eq!(set(&gate, "8", json!("v".repeat(255 << 10))).await, full);
}

#[tokio::test]
async fn a_value_names_only_what_its_writer_may_read_and_its_reader_may_read_it_then() {
    let (world, table) = world();
    let gate = world.gate(notes(true, 10_000), Limits::DEFAULT);
    let forged =
        json!({"$artifact": Digest::of(b"x").to_string(), "media_type": "a/b", "bytes": 1});
    let Err(CallError::Invalid(words)) = set(&gate, "k", json!([forged.clone()])).await else {
        panic!()
    };
    assert!(words.starts_with("foreign-artifact: at /0"), "{words}");
    assert!(swap(&gate, "k", None, Some(forged)).await.is_err());
    let put = PutRequest { bytes: b"mine".to_vec(), media_type: "a/b".into(), name: None };
    let artifact = gate.put(put).await.unwrap();
    set(&gate, "k", json!({"file": artifact.to_json()})).await.unwrap();
    table.write(&gate.settle().await.unwrap().pop().unwrap());
    let reader = world.gate(notes(false, 10_000), Limits::DEFAULT);
    assert!(reader.get(artifact.clone()).await.is_err(), "it has not read the value yet");
    let value = reader.kv_get("k".into()).await.unwrap().unwrap();
    assert!(reader.check_references(&value).is_ok());
    assert_eq!(reader.get(artifact).await.unwrap(), b"mine");
}

/// Reads and writes; gives what it was told.
async fn guest(gate: &Gate) -> Vec<String> {
    let mut told = Vec::new();
    told.push(format!("{:?}", gate.kv_get("a".into()).await));
    told.push(format!("{:?}", gate.kv_get("none".into()).await));
    told.push(format!("{:?}", set(gate, "b", json!(2)).await));
    told.push(format!("{:?}", swap(gate, "a", Some(json!(null)), Some(json!(3))).await));
    told.push(format!("{:?}", swap(gate, "c", Some(json!(9)), None).await));
    told.push(format!("{:?}", gate.kv_list(String::new(), None, 9).await));
    told.push(format!("{:?}", gate.kv_get("a".into()).await));
    told
}

#[tokio::test]
async fn an_attempt_that_continues_is_told_the_same_and_has_the_same_changes() {
    let (world, table) = world();
    table.put("a", &json!(null));
    let gate = world.gate(notes(true, 1000), Limits::DEFAULT);
    let told = guest(&gate).await;
    let staged = gate.settle().await.unwrap().pop().unwrap();
    let record = world.facts.record();
    for asked in 0..=record.calls.len() {
        let calls = record.calls[..asked].to_vec();
        let gate = world.continued(notes(true, 1000), Record { calls, ..Record::default() });
        assert_eq!(guest(&gate).await, told, "cut after {asked}");
        assert_eq!(gate.settle().await.unwrap().pop().unwrap().writes, staged.writes, "{asked}");
    }
    // What others do meanwhile does not change what it was told.
    table.put("b", &json!("theirs"));
    let gate = world.continued(notes(true, 1000), record.clone());
    assert_eq!(guest(&gate).await, told);
    // A power that is gone loses its answers.
    let gate = world.continued(notes(false, 1000), record);
    gate.kv_get("a".into()).await.unwrap();
    gate.kv_get("none".into()).await.unwrap();
    let Err(CallError::Ended(failure)) = set(&gate, "b", json!(2)).await else { panic!() };
    assert_eq!(failure.kind, FailureKind::Revoked);
}

#[tokio::test]
async fn an_attempt_that_continues_counts_what_it_replaced_before() {
    let (world, table) = world();
    table.put("old", &json!("x".repeat(80)));
    let gate = world.gate(notes(true, 100), Limits::DEFAULT);
    set(&gate, "old", json!("y".repeat(80))).await.unwrap();
    let gate = world.continued(notes(true, 100), world.facts.record());
    set(&gate, "old", json!("y".repeat(80))).await.unwrap();
    assert_eq!(set(&gate, "n", json!(1)).await, Ok(()), "the old value is not counted twice");
}
