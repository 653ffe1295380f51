//! An attempt that continues: what was answered is answered again, at no cost; what was open is asked again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    reason = "tests; each uses a part of the support"
)]

mod support;

use std::sync::Arc;

use bailiwick_core::fact::{
    CallAnswer, Capability, Entry, Fact, FailureKind, Level, Limit, ParkReason,
};
use bailiwick_core::ports::{BlobError, Blobs, BoxFuture};
use bailiwick_core::{Bytes, Calls, Cost, Digest, Record, RunId, Timestamp};
use bailiwick_gate::artifacts::PutRequest;
use bailiwick_gate::knowledge::SearchRequest;
use bailiwick_gate::ledger::{Ledger, RUN_BLOBS_MAX, put_in};
use bailiwick_gate::model::ImageRequest;
use bailiwick_gate::{CallError, Gate, ProviderError};
use bailiwick_policy::grants::{ArtifactsGrant, ModelGrant};
use bailiwick_policy::ports::Patience;
use bailiwick_policy::{Budget, Budgets, Grants, Limits, WhenSpent};
use serde_json::json;

use support::{World, ask, name};

fn everything() -> Grants {
    let (calls, tokens, money) = (None, None, None);
    Grants {
        model: Some(ModelGrant { aliases: [name("writer")].into(), calls, tokens, money }),
        knowledge: [name("brand")].into(),
        artifacts: Some(ArtifactsGrant { put: Some(Bytes(100)) }),
        ..Grants::none()
    }
}

fn put(bytes: &[u8]) -> PutRequest {
    PutRequest { bytes: bytes.to_vec(), media_type: "text/plain".into(), name: None }
}

fn image() -> ImageRequest {
    let (alias, prompt) = ("writer".into(), "a hill".into());
    ImageRequest { alias, prompt, width: 64, height: 64, count: 1, seed: None }
}

fn search(query: &str) -> SearchRequest {
    let (collection, query) = ("brand".into(), query.into());
    SearchRequest { collection, query, limit: 3, vector: None }
}

/// A guest that uses every power, and all that it is told, with where its clock stands.
async fn guest(gate: &Gate) -> Vec<String> {
    let mut told = vec![gate.clock().0.to_string()];
    let mut hear = |words: String| told.push(format!("{words} at {}", gate.clock().0));
    hear(format!("{:?}", gate.complete(ask("hi")).await));
    gate.log(Level::Info, "a line", None).await.unwrap();
    hear("logged".into());
    let artifact = gate.put(put(b"mine")).await.unwrap();
    hear(format!("{artifact:?}"));
    hear(format!("{:?}", gate.get(artifact).await));
    hear(format!("{:?}", gate.search(search("hills")).await));
    let images = gate.generate_image(image()).await.unwrap();
    hear(format!("{images:?}"));
    hear(format!("{:?}", gate.get(images[0].clone()).await));
    let stranger = bailiwick_gate::model::CompleteRequest { alias: "other".into(), ..ask("hi") };
    hear(format!("{:?}", gate.complete(stranger).await));
    hear(format!("{:?}", gate.put(put(&[0; 200])).await));
    gate.log(Level::Warn, "another line", Some(0.5)).await.unwrap();
    hear("logged".into());
    told
}

/// What the attempt was told so far; what it writes from now on is looked at alone.
fn taken(world: &World) -> Record {
    let record = world.facts.record();
    world.facts.facts.lock().unwrap().clear();
    record
}

fn asked(world: &World) -> usize {
    world.script.asked.lock().unwrap().len()
}

fn budget(world: &World, calls: u64, when: WhenSpent) {
    let most = Budget { calls: Some(Calls(calls)), ..Budget::NONE };
    let agents = [(name("draft"), most)].into();
    let budgets = Budgets { agents, when, ..Budgets::default() };
    world.gateway.ledger.open(&RunId::new("r1").unwrap(), Arc::new(budgets));
}

fn unavailable(left: bool) -> ProviderError {
    ProviderError::Unavailable { detail: "reset".into(), retry_after: None, left }
}

fn failure(error: CallError) -> (FailureKind, String) {
    match error {
        CallError::Ended(failure) => (failure.kind, failure.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn everything_is_served_as_it_was_at_no_cost_and_written_down_once() {
    for embedder in [false, true] {
        let world = World::new(embedder);
        let first = guest(&world.gate(everything(), Limits::DEFAULT)).await;
        let (record, before) = (taken(&world), asked(&world));
        let run = RunId::new("r1").unwrap();
        let spent = world.gateway.ledger.spent_by(&run, &name("draft"));
        let searched = world.index.0.lock().unwrap().len();
        // Neither budget nor provider nor index would give any of it again.
        budget(&world, 0, WhenSpent::Fail);
        world.answers((0..20).map(|_| Err(unavailable(true))));
        let gate = world.continued(everything(), record);
        assert!(gate.is_replaying());
        assert_eq!(guest(&gate).await, first);
        assert!(!gate.is_replaying());
        assert_eq!(world.facts.names(), Vec::<&str>::new(), "nothing is written down twice");
        assert_eq!((asked(&world), world.index.0.lock().unwrap().len()), (before, searched));
        assert_eq!(world.gateway.ledger.spent_by(&run, &name("draft")), spent);
    }
}

#[tokio::test]
async fn what_a_run_has_put_together_is_known_from_its_journal() {
    let world = World::new(false);
    guest(&world.gate(everything(), Limits::DEFAULT)).await;
    let facts = world.facts.facts.lock().unwrap().clone();
    let pictures: u64 = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::CallAnswered {
                capability: Capability::Model,
                answer: CallAnswer::Ok { value, .. },
                ..
            } => value.value()[0]["bytes"].as_u64(),
            _ => None,
        })
        .sum();
    assert!(pictures > 0);
    let entry = Entry { at: Timestamp(1), facts };
    // What was only read does not count, and what did not fit was not put.
    assert_eq!(put_in(&[entry]), Bytes(4 + pictures));
    let run = RunId::new("r1").unwrap();
    let shelf = world.gateway.ledger.shelf(&run);
    assert_eq!(shelf.take(Bytes(u64::MAX)), Err(Bytes(4 + pictures)), "as it was counted live");
    // Another host counts on from there.
    let ledger = Ledger::default();
    ledger.shelf(&run).seed(RUN_BLOBS_MAX);
    assert_eq!(ledger.shelf(&run).take(Bytes(1)), Err(RUN_BLOBS_MAX));
}

#[tokio::test]
async fn behind_its_record_the_attempt_goes_live() {
    let world = World::new(false);
    let gate = world.gate(everything(), Limits::DEFAULT);
    gate.complete(ask("one")).await.unwrap();
    let record = taken(&world);
    let gate = world.continued(everything(), record);
    gate.complete(ask("one")).await.unwrap();
    assert_eq!(world.facts.names(), Vec::<&str>::new());
    gate.complete(ask("two")).await.unwrap();
    assert_eq!(world.facts.names(), ["CallIntended", "CallAnswered"]);
    let facts = world.facts.facts.lock().unwrap();
    assert!(matches!(facts[0], Fact::CallIntended { index: 1, .. }));
}

#[tokio::test]
async fn an_open_call_is_asked_again_with_the_same_key_and_a_new_intent() {
    let world = World::new(false);
    let gate = world.gate(everything(), Limits::DEFAULT);
    gate.complete(ask("one")).await.unwrap();
    gate.complete(ask("two")).await.unwrap();
    // The answer to the second never reached the disk; whoever goes on has written it off.
    let (attempt, key) = {
        let mut facts = world.facts.facts.lock().unwrap();
        facts.pop().unwrap();
        match facts.last().unwrap().clone() {
            Fact::CallIntended { attempt, key, index: 1, .. } => (attempt, key),
            other => panic!("{other:?}"),
        }
    };
    let lost = Fact::CallLost { attempt, index: 1, cost: Cost::ZERO };
    world.facts.facts.lock().unwrap().push(lost);
    let gate = world.continued(everything(), taken(&world));
    gate.complete(ask("one")).await.unwrap();
    gate.complete(ask("two")).await.unwrap();
    assert_eq!(world.facts.names(), ["CallIntended", "CallAnswered"]);
    let facts = world.facts.facts.lock().unwrap();
    assert!(matches!(facts[0], Fact::CallIntended { index: 1, key: again, .. } if again == key));
    let asked = world.script.asked.lock().unwrap();
    let keys: Vec<Digest> = asked.iter().map(|(_, _, key)| *key).collect();
    assert_eq!((keys.len(), keys[1], keys[2]), (3, key, key));
    assert_ne!(keys[0], key);
}

#[tokio::test]
async fn another_request_than_recorded_has_diverged_and_is_not_guessed_at() {
    let world = World::new(false);
    let gate = world.gate(everything(), Limits::DEFAULT);
    gate.complete(ask("one")).await.unwrap();
    gate.complete(ask("two")).await.unwrap();
    let (record, before) = (taken(&world), asked(&world));
    let gate = world.continued(everything(), record.clone());
    gate.complete(ask("one")).await.unwrap();
    let (kind, message) = failure(gate.complete(ask("three")).await.unwrap_err());
    assert_eq!(kind, FailureKind::Diverged);
    assert!(message.starts_with("call 1 was model "), "{message}");
    assert!(message.contains(&record.calls[1].request.short()), "{message}");
    // Also where another power is asked for.
    let gate = world.continued(everything(), record);
    let (kind, message) = failure(gate.put(put(b"x")).await.unwrap_err());
    assert_eq!(kind, FailureKind::Diverged);
    assert!(message.starts_with("call 0 was model ") && message.contains("now it is artifacts "));
    assert_eq!((world.facts.names().len(), asked(&world)), (0, before));
}

#[tokio::test]
async fn an_answer_of_a_power_that_is_gone_ends_the_attempt_as_revoked() {
    let without: [fn(&mut Grants); 3] = [
        |grants| grants.model = None,
        |grants| grants.knowledge.clear(),
        |grants| grants.artifacts = None,
    ];
    for take_away in without {
        let world = World::new(false);
        guest(&world.gate(everything(), Limits::DEFAULT)).await;
        let (record, before) = (taken(&world), asked(&world));
        let mut grants = everything();
        take_away(&mut grants);
        let gate = world.continued(grants.clone(), record);
        // The first call of that power is where it ends.
        let error = match (&grants.model, &grants.artifacts) {
            (None, _) => gate.complete(ask("hi")).await.unwrap_err(),
            (_, None) => {
                gate.complete(ask("hi")).await.unwrap();
                gate.put(put(b"mine")).await.unwrap_err()
            }
            _ => {
                gate.complete(ask("hi")).await.unwrap();
                let artifact = gate.put(put(b"mine")).await.unwrap();
                gate.get(artifact).await.unwrap();
                gate.search(search("hills")).await.unwrap_err()
            }
        };
        let (kind, message) = failure(error);
        assert_eq!(kind, FailureKind::Revoked);
        assert!(message.contains("a power that is gone"), "{message}");
        assert_eq!((world.facts.names().len(), asked(&world)), (0, before));
    }
}

#[tokio::test]
async fn what_was_denied_stays_denied_although_it_is_granted_by_now() {
    let world = World::new(false);
    let gate = world.gate(Grants::none(), Limits::DEFAULT);
    let denied = gate.complete(ask("hi")).await;
    assert_eq!(denied, Err(CallError::Denied(Capability::Model)));
    let gate = world.continued(everything(), taken(&world));
    assert_eq!(gate.complete(ask("hi")).await, denied);
    assert_eq!((world.facts.names().len(), asked(&world)), (0, 0));
}

#[tokio::test]
async fn what_was_exhausted_stays_so_although_there_is_more_by_now() {
    let world = World::new(false);
    budget(&world, 0, WhenSpent::Fail);
    let gate = world.gate(everything(), Limits::DEFAULT);
    let exhausted = gate.complete(ask("hi")).await;
    assert_eq!(exhausted, Err(CallError::Exhausted(Limit::Calls)));
    budget(&world, 10, WhenSpent::Fail);
    let gate = world.continued(everything(), taken(&world));
    assert_eq!(gate.complete(ask("hi")).await, exhausted);
    assert!(gate.complete(ask("again")).await.is_ok(), "the next is asked live");
}

#[tokio::test]
async fn calls_denials_lines_and_bytes_of_the_record_count() {
    let world = World::new(false);
    let gate = world.gate(everything(), Limits::DEFAULT);
    let other = || bailiwick_gate::model::CompleteRequest { alias: "other".into(), ..ask("hi") };
    gate.put(put(&[1; 6])).await.unwrap();
    gate.generate_image(image()).await.unwrap();
    gate.complete(other()).await.unwrap_err();
    gate.log(Level::Info, "one", None).await.unwrap();
    let record = taken(&world);
    let continued = |limits: Limits| {
        world.open(everything(), limits, &json!({}), record.clone(), Patience::Answer)
    };
    let again = async |gate: &Gate| {
        gate.put(put(&[1; 6])).await.unwrap();
        gate.generate_image(image()).await.unwrap();
        gate.complete(other()).await.unwrap_err();
        gate.log(Level::Info, "one", None).await.unwrap();
    };
    // 6 of the put and 3 of the picture are there: 2 more do not fit into 10.
    let gate = continued(Limits { artifacts: Bytes(10), ..Limits::DEFAULT });
    again(&gate).await;
    assert_eq!(gate.put(put(&[1; 2])).await, Err(CallError::Exhausted(Limit::Bytes)));
    let gate = continued(Limits { gate_calls: 3, ..Limits::DEFAULT });
    again(&gate).await;
    let (kind, message) = failure(gate.complete(ask("hi")).await.unwrap_err());
    assert_eq!((kind, message.as_str()), (FailureKind::Limit, "limit:gate-calls used 4 of 3"));
    let gate = continued(Limits { denials: 1, ..Limits::DEFAULT });
    again(&gate).await;
    let (_, message) = failure(gate.complete(other()).await.unwrap_err());
    assert_eq!(message, "limit:denials used 2 of 1");
    let gate = continued(Limits { log_lines: 1, ..Limits::DEFAULT });
    again(&gate).await;
    world.facts.facts.lock().unwrap().clear();
    gate.log(Level::Info, "two", None).await.unwrap();
    assert_eq!(world.facts.log(), Vec::<String>::new());
}

#[tokio::test]
async fn only_what_the_record_minted_is_readable_again() {
    let world = World::new(false);
    let gate = world.gate(everything(), Limits::DEFAULT);
    let artifact = gate.put(put(b"mine")).await.unwrap();
    let gate = world.continued(everything(), taken(&world));
    let document = json!([artifact.to_json()]);
    assert!(gate.check_references(&document).is_err(), "it has not put it yet");
    assert_eq!(gate.put(put(b"mine")).await.unwrap(), artifact);
    assert!(gate.check_references(&document).is_ok());
    assert_eq!(gate.get(artifact).await.unwrap(), b"mine");
}

#[tokio::test]
async fn where_nobody_answers_a_patient_attempt_is_let_go_and_asks_again() {
    let world = World::new(false);
    let patient =
        |record| world.open(everything(), Limits::DEFAULT, &json!({}), record, Patience::Park);
    let gate = patient(Record::default());
    gate.complete(ask("one")).await.unwrap();
    world.answers((0..8).map(|_| Err(unavailable(false))));
    let Err(CallError::Parked(park)) = gate.complete(ask("two")).await else { panic!() };
    assert_eq!(park.reason, ParkReason::Unavailable);
    let names = world.facts.names();
    assert_eq!(names.iter().filter(|name| **name == "CallAnswered").count(), 1, "{names:?}");
    assert_eq!(names.last(), Some(&"CallLost"));
    let record = taken(&world);
    assert_eq!(record.open_calls().count(), 0);
    let gate = patient(record);
    gate.complete(ask("one")).await.unwrap();
    assert_eq!(gate.complete(ask("two")).await.unwrap().text, "ok");
    assert_eq!(world.facts.names(), ["CallIntended", "CallAnswered"]);
    let asked = world.script.asked.lock().unwrap();
    assert!(asked[1..].iter().all(|(_, _, key)| *key == asked[1].2), "always the same key");
    assert_eq!(asked.len(), 1 + 8 + 1);
}

#[tokio::test]
async fn a_patient_attempt_is_charged_for_what_may_have_been_worked_on() {
    let world = World::new(false);
    let gate =
        world.open(everything(), Limits::DEFAULT, &json!({}), Record::default(), Patience::Park);
    world.answers((0..8).map(|_| Err(unavailable(true))));
    assert!(matches!(gate.complete(ask("hi")).await, Err(CallError::Parked(_))));
    let lost: Vec<Cost> = world
        .facts
        .facts
        .lock()
        .unwrap()
        .iter()
        .filter_map(|fact| match fact {
            Fact::CallLost { cost, .. } => Some(*cost),
            _ => None,
        })
        .collect();
    let sum = lost.into_iter().fold(Cost::ZERO, Cost::plus);
    let run = RunId::new("r1").unwrap();
    assert_eq!((sum.calls, sum), (Calls(8), world.gateway.ledger.spent_by(&run, &name("draft"))));
}

#[tokio::test]
async fn on_the_last_try_the_guest_is_told_and_told_the_same_again() {
    let world = World::new(false);
    let gate = world.gate(everything(), Limits::DEFAULT);
    world.answers((0..8).map(|_| Err(unavailable(false))));
    assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Unavailable));
    assert!(matches!(world.facts.answers()[..], [CallAnswer::Unavailable { .. }]));
    let gate = world.continued(everything(), taken(&world));
    assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Unavailable));
    assert_eq!(asked(&world), 8);
}

/// A disk without room.
struct Full(Arc<dyn Blobs>);

impl Blobs for Full {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        let wanted = Bytes(bytes.len() as u64);
        Box::pin(async move { Err(BlobError::Full { wanted, reason: "5 % are kept".into() }) })
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.0.get(digest)
    }

    fn check_room(&self, wanted: Bytes) -> Result<(), BlobError> {
        Err(BlobError::Full { wanted, reason: "5 % are kept".into() })
    }
}

#[tokio::test]
async fn without_room_on_disk_nothing_leaves_and_the_attempt_is_let_go() {
    let mut world = World::new(false);
    guest(&world.gate(everything(), Limits::DEFAULT)).await;
    let (record, before) = (taken(&world), asked(&world));
    let gateway = Arc::get_mut(&mut world.gateway).unwrap();
    gateway.blobs = Arc::new(Full(Arc::clone(&gateway.blobs)));
    let gate = world.gate(everything(), Limits::DEFAULT);
    let parked = |error: CallError| match error {
        CallError::Parked(park) => park.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(parked(gate.complete(ask("hi")).await.unwrap_err()), ParkReason::Disk);
    let gate = world.gate(everything(), Limits::DEFAULT);
    assert_eq!(parked(gate.put(put(b"mine")).await.unwrap_err()), ParkReason::Disk);
    assert_eq!((world.facts.names().len(), asked(&world)), (0, before));
    // What is there already needs no room.
    guest(&world.continued(everything(), record)).await;
    assert_eq!((world.facts.names().len(), asked(&world)), (0, before));
}

#[tokio::test]
async fn a_call_that_waits_for_a_budget_is_not_answered_and_leaves_when_there_is_one() {
    let world = World::new(false);
    budget(&world, 1, WhenSpent::Pause);
    let gate = world.gate(everything(), Limits::DEFAULT);
    gate.complete(ask("one")).await.unwrap();
    let Err(CallError::Parked(park)) = gate.complete(ask("two")).await else { panic!() };
    assert_eq!(park.reason, ParkReason::Budget);
    assert_eq!(world.facts.names(), ["CallIntended", "CallAnswered"], "of the first");
    budget(&world, 2, WhenSpent::Pause);
    let gate = world.continued(everything(), taken(&world));
    gate.complete(ask("one")).await.unwrap();
    gate.complete(ask("two")).await.unwrap();
    assert_eq!(asked(&world), 2, "nothing is paid twice");
    let Err(CallError::Parked(_)) = gate.complete(ask("three")).await else { panic!() };
}
