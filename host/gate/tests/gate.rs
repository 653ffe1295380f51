//! What the gate lets through, in which order, and what it writes down.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod money;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Capability, Fact, FailureKind, Level, Limit};
use bailiwick_core::{Artifact, Bytes, Calls, Cost, Digest, Tokens};
use bailiwick_gate::artifacts::PutRequest;
use bailiwick_gate::knowledge::SearchRequest;
use bailiwick_gate::model::ImageRequest;
use bailiwick_gate::{CallError, Effort, Formless, ProviderError};
use bailiwick_policy::grants::{ArtifactsGrant, ModelGrant};
use bailiwick_policy::{Grants, Limits};
use serde_json::json;

use support::{World, ask, name};

fn writer(calls: Option<u64>, tokens: Option<u64>) -> Grants {
    let model = ModelGrant {
        aliases: [name("writer")].into(),
        calls: calls.map(Calls),
        tokens: tokens.map(Tokens),
        money: None,
    };
    Grants { model: Some(model), ..Grants::none() }
}

fn busy(retry_after: Option<u64>) -> ProviderError {
    ProviderError::Busy { detail: "429".into(), retry_after: retry_after.map(Duration::from_secs) }
}

#[tokio::test]
async fn a_granted_call_is_intended_before_it_leaves_and_answered_after() {
    let world = World::new(false);
    let completion =
        world.gate(writer(None, None), Limits::DEFAULT).complete(ask("hi")).await.unwrap();
    assert_eq!(completion.text, "ok");
    assert_eq!(world.facts.names(), ["CallIntended", "CallAnswered"]);
    let facts = world.facts.facts.lock().unwrap();
    let Fact::CallAnswered { cost, answer: CallAnswer::Ok { via, .. }, .. } = &facts[1] else {
        panic!()
    };
    assert_eq!(*cost, Cost { tokens: Tokens(10), calls: Calls(1), ..Cost::ZERO });
    assert_eq!(via.as_deref(), Some("builtin"));
}

#[tokio::test]
async fn nothing_leaves_before_its_intent_is_durable() {
    let world = World::new(false);
    let gate = Arc::new(world.gate(writer(None, None), Limits::DEFAULT));
    world.facts.held.store(true, Ordering::SeqCst);
    let call = tokio::spawn({
        let gate = Arc::clone(&gate);
        async move { gate.complete(ask("hi")).await }
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.facts.names(), ["CallIntended"]);
    assert!(world.script.asked.lock().unwrap().is_empty(), "the request waits for its fact");
    world.facts.held.store(false, Ordering::SeqCst);
    world.facts.released.notify_waiters();
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn what_is_not_granted_is_denied_with_a_line_for_the_operator() {
    let world = World::new(false);
    let gate = world.gate(Grants::none(), Limits::DEFAULT);
    assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Denied(Capability::Model)));
    let search =
        SearchRequest { collection: "brand".into(), query: "x".into(), limit: 3, vector: None };
    assert_eq!(gate.search(search).await, Err(CallError::Denied(Capability::Knowledge)));
    let put = PutRequest { bytes: vec![1], media_type: "a/b".into(), name: None };
    assert_eq!(gate.put(put).await, Err(CallError::Denied(Capability::Artifacts)));
    let hints: Vec<_> = world
        .facts
        .answers()
        .into_iter()
        .map(|answer| match answer {
            CallAnswer::Denied { hint, .. } => hint.unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        hints,
        [
            "in bailiwick.toml, under [agents.draft]: grants.model = { use = [\"writer\"] }",
            "in bailiwick.toml, under [agents.draft]: grants.knowledge = [\"brand\"]",
            "in bailiwick.toml, under [agents.draft]: grants.artifacts = { put = \"64 MiB\" }",
        ]
    );
    assert!(world.script.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_line_for_the_operator_takes_nothing_away() {
    let world = World::new(false);
    let model = ModelGrant {
        aliases: [name("critic")].into(),
        calls: Some(Calls(7)),
        tokens: None,
        money: None,
    };
    let grants = Grants {
        model: Some(model),
        knowledge: [name("brand"), name("sales")].into(),
        ..Grants::none()
    };
    let gate = world.gate(grants, Limits::DEFAULT);
    assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Denied(Capability::Model)));
    let search =
        SearchRequest { collection: "events".into(), query: "x".into(), limit: 3, vector: None };
    assert_eq!(gate.search(search).await, Err(CallError::Denied(Capability::Knowledge)));
    let answers = world.facts.answers();
    let hints: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            CallAnswer::Denied { hint: Some(hint), .. } => hint.split_once("]: ").unwrap().1,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        hints,
        [
            "grants.model = { use = [\"critic\", \"writer\"], calls = 7 }",
            "grants.knowledge = [\"brand\", \"events\", \"sales\"]",
        ]
    );
}

#[tokio::test]
async fn another_alias_is_not_covered_by_the_grant() {
    let world = World::new(false);
    let gate = world.gate(writer(None, None), Limits::DEFAULT);
    for alias in ["embedder", "Writer", "writer ", "", "nobody"] {
        let request = bailiwick_gate::model::CompleteRequest { alias: alias.into(), ..ask("hi") };
        assert_eq!(
            gate.complete(request).await,
            Err(CallError::Denied(Capability::Model)),
            "{alias:?}"
        );
    }
}

#[tokio::test]
async fn spent_counters_answer_exhausted() {
    let world = World::new(false);
    let gate = world.gate(writer(Some(1), None), Limits::DEFAULT);
    assert!(gate.complete(ask("hi")).await.is_ok());
    assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Exhausted(Limit::Calls)));
    let world = World::new(false);
    let gate = world.gate(writer(None, Some(20)), Limits::DEFAULT);
    assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Exhausted(Limit::Tokens)));
    assert!(world.script.asked.lock().unwrap().is_empty(), "10 + 16 + 2 tokens do not fit into 20");
}

#[tokio::test]
async fn an_answer_out_of_schema_is_repaired_once_and_both_calls_are_counted() {
    let world = World::new(false);
    world.answers([Ok("no json"), Ok("```json\n{\"a\": 1}\n```")]);
    let gate = world.gate(writer(None, None), Limits::DEFAULT);
    let schema = json!({"type": "object", "required": ["a"]});
    let request =
        bailiwick_gate::model::CompleteRequest { output_schema: Some(schema), ..ask("hi") };
    let completion = gate.complete(request.clone()).await.unwrap();
    assert_eq!((completion.text.as_str(), completion.usage.tokens()), ("{\"a\":1}", Tokens(20)));
    let expected = ["CallIntended", "CallAnswered", "Logged", "CallIntended", "CallAnswered"];
    assert_eq!(world.facts.names(), expected);

    world.answers([Ok("no"), Ok("{\"b\": 2}")]);
    let refused = gate.complete(request).await.unwrap_err();
    let CallError::Invalid(sentence) = refused else { panic!("{refused:?}") };
    assert_eq!(
        sentence,
        "the model's answer is out of its schema after one repair: at the root: `a` is missing"
    );
}

#[tokio::test]
async fn a_busy_route_is_asked_again_when_it_says_so_with_the_same_key_and_no_charge() {
    let world = World::new(false);
    world.answers([Err(busy(Some(3))), Err(busy(None)), Ok("at last")]);
    let gate = world.gate(writer(Some(1), None), Limits::DEFAULT);
    assert_eq!(gate.complete(ask("hi")).await.unwrap().text, "at last");
    assert_eq!(world.time.load(Ordering::SeqCst), 4_000, "3 s as asked, then 1 s of our own");
    let asked = world.script.asked.lock().unwrap();
    assert!(asked.iter().all(|(_, _, key)| *key == asked[0].2));
    assert_eq!(world.facts.log()[0], "builtin: 429; again in 3000 ms");
}

#[tokio::test]
async fn a_route_that_rejects_is_left_for_the_next() {
    let world = World::new(false);
    world.answers([Err(ProviderError::Rejected { detail: "401: no key".into() }), Ok("second")]);
    let gate = world.gate(writer(None, None), Limits::DEFAULT);
    assert_eq!(gate.complete(ask("hi")).await.unwrap().text, "second");
    let routes: Vec<_> =
        world.script.asked.lock().unwrap().iter().map(|(r, ..)| r.clone()).collect();
    assert_eq!(routes, ["builtin", "builtin:second"]);
}

#[tokio::test]
async fn when_nobody_answers_it_says_so_and_charges_what_may_have_been_worked_on() {
    let world = World::new(false);
    let lost =
        || ProviderError::Unavailable { detail: "reset".into(), retry_after: None, left: true };
    world.answers((0..8).map(|_| Err(lost())));
    let gate = world.gate(writer(None, None), Limits::DEFAULT);
    assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Unavailable));
    let facts = world.facts.facts.lock().unwrap();
    let charged = facts.iter().fold(Cost::ZERO, |sum, fact| match fact {
        Fact::CallAnswered { cost, .. } | Fact::CallLost { cost, .. } => sum.plus(*cost),
        _ => sum,
    });
    assert_eq!(charged, Cost { tokens: Tokens(8 * 28), calls: Calls(8), ..Cost::ZERO });
}

#[tokio::test]
async fn what_was_put_can_be_read_and_nothing_else() {
    let world = World::new(false);
    let grants =
        Grants { artifacts: Some(ArtifactsGrant { put: Some(Bytes(10)) }), ..Grants::none() };
    let gate = world.gate(grants, Limits::DEFAULT);
    let put = |bytes: Vec<u8>| PutRequest {
        bytes,
        media_type: "text/plain".into(),
        name: Some("a.txt".into()),
    };
    let artifact = gate.put(put(vec![1, 2, 3])).await.unwrap();
    assert_eq!(gate.get(artifact.clone()).await.unwrap(), [1, 2, 3]);
    let renamed = Artifact { name: Some("b.txt".into()), ..artifact.clone() };
    let stranger = Artifact { digest: Digest::of(b"stranger"), ..artifact.clone() };
    for other in [renamed, stranger] {
        assert_eq!(gate.get(other.clone()).await, Err(CallError::Denied(Capability::Artifacts)));
        assert!(gate.check_references(&json!([other.to_json()])).is_err());
    }
    assert!(gate.check_references(&json!([artifact.to_json()])).is_ok());
    assert_eq!(
        gate.put(put(vec![0; 8])).await,
        Err(CallError::Exhausted(Limit::Bytes)),
        "3 + 8 > 10"
    );
}

#[tokio::test]
async fn a_prompt_shows_only_what_the_agent_may_read() {
    let world = World::new(false);
    let gate = world.gate(writer(None, None), Limits::DEFAULT);
    let stranger = Artifact {
        digest: Digest::of(b"x"),
        media_type: "image/png".into(),
        bytes: Bytes(1),
        name: None,
    };
    let mut request = ask("look");
    request.messages[0].parts.push(bailiwick_gate::model::Part::Artifact(stranger));
    assert_eq!(gate.complete(request).await, Err(CallError::Denied(Capability::Model)));
}

#[tokio::test]
async fn generated_images_are_kept_and_readable() {
    let world = World::new(false);
    let mut grants = writer(None, None);
    grants.artifacts = Some(ArtifactsGrant { put: None });
    let gate = world.gate(grants, Limits::DEFAULT);
    let request = ImageRequest {
        alias: "writer".into(),
        prompt: "a hill".into(),
        width: 64,
        height: 64,
        count: 1,
        seed: None,
    };
    let images = gate.generate_image(request).await.unwrap();
    assert_eq!(gate.get(images[0].clone()).await.unwrap(), b"png");
}

#[tokio::test]
async fn generated_images_count_as_artifacts_of_the_attempt() {
    let world = World::new(false);
    let limits = Limits { artifacts: Bytes(5), ..Limits::DEFAULT };
    let gate = world.gate(writer(None, None), limits);
    let request = || ImageRequest {
        alias: "writer".into(),
        prompt: "a hill".into(),
        width: 64,
        height: 64,
        count: 1,
        seed: None,
    };
    assert_eq!(gate.generate_image(request()).await.unwrap().len(), 1, "3 of 5 bytes");
    let refused = gate.generate_image(request()).await;
    assert_eq!(refused, Err(CallError::Exhausted(Limit::Bytes)));
}

#[tokio::test]
async fn a_collection_with_an_embedding_model_is_searched_by_meaning_too() {
    let world = World::new(true);
    let grants = Grants { knowledge: [name("brand")].into(), ..Grants::none() };
    let gate = world.gate(grants, Limits::DEFAULT);
    let search =
        SearchRequest { collection: "brand".into(), query: "x".into(), limit: 3, vector: None };
    assert_eq!(gate.search(search).await.unwrap().len(), 1);
    assert_eq!(world.index.0.lock().unwrap()[0].vector, Some(vec![1.0, 0.0]));
    assert_eq!(world.facts.names(), ["CallIntended", "CallAnswered", "CallAnswered"]);
}

#[tokio::test]
async fn when_the_counters_are_spent_a_search_goes_on_with_words() {
    let world = World::new(true);
    let mut grants = writer(Some(0), None);
    grants.knowledge = [name("brand")].into();
    let gate = world.gate(grants, Limits::DEFAULT);
    let search =
        SearchRequest { collection: "brand".into(), query: "x".into(), limit: 3, vector: None };
    assert_eq!(gate.search(search).await.unwrap().len(), 1);
    assert_eq!(world.index.0.lock().unwrap()[0].vector, None);
    assert!(matches!(world.facts.answers()[0], CallAnswer::Exhausted { limit: Limit::Calls, .. }));
}

#[tokio::test]
async fn floods_of_calls_and_of_denials_end_the_attempt() {
    let world = World::new(false);
    let limits = Limits { gate_calls: 3, ..Limits::DEFAULT };
    let gate = world.gate(writer(None, None), limits);
    for _ in 0..3 {
        assert!(gate.complete(ask("hi")).await.is_ok());
    }
    let ended = gate.complete(ask("hi")).await.unwrap_err();
    assert_eq!(ended.to_string(), "limit:gate-calls used 4 of 3");

    let gate = world.gate(Grants::none(), Limits { denials: 2, ..Limits::DEFAULT });
    for _ in 0..2 {
        assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Denied(Capability::Model)));
    }
    let ended = gate.complete(ask("hi")).await.unwrap_err();
    assert_eq!(ended.to_string(), "limit:denials used 3 of 2");
}

#[tokio::test]
async fn the_guests_clock_moves_with_its_facts_only() {
    let world = World::new(false);
    let gate = world.gate(writer(None, None), Limits::DEFAULT);
    assert_eq!(gate.clock().0, 0);
    gate.complete(ask("hi")).await.unwrap();
    assert_eq!(gate.clock().0, 2, "the time of the answer");
    gate.log(Level::Info, "word", None).await.unwrap();
    assert_eq!(gate.clock().0, 3);
}

/// A world whose one model of `writer` is at an origin with this clearance, and whose step
/// has the highest label; by its second route it could ask the host itself.
fn world_of_labels(clearance: &str, second: bool) -> World {
    use bailiwick_policy::{Clearances, LabelRules, Origin, OriginRule, Route};
    let mut world = World::new(false);
    let mut rules = LabelRules::strict();
    let origin = Origin("https://models.example".into());
    let clearance = rules.order.find(clearance);
    rules.origins.insert(origin.clone(), OriginRule { clearance, label: None });
    let labels = [(name("draft"), rules.order.highest())].into();
    let outside = Route {
        base: Some("https://models.example/v1".into()),
        origin: Some(origin),
        model: "m".into(),
        ..Route::builtin()
    };
    let routes = [Some(outside), second.then(Route::builtin)].into_iter().flatten().collect();
    let gateway = Arc::get_mut(&mut world.gateway).unwrap();
    gateway.models.insert(name("writer"), routes);
    gateway.rules = Arc::new(bailiwick_policy::Unchanging(Clearances::of(rules, labels)));
    world
}

#[tokio::test]
async fn what_a_step_may_know_goes_nowhere_that_is_not_cleared_for_it() {
    let world = world_of_labels("internal", false);
    let refused = world.gate(writer(None, None), Limits::DEFAULT).complete(ask("hi")).await;
    assert!(matches!(refused, Err(CallError::Denied(_))), "{refused:?}");
    assert_eq!(world.facts.names(), ["CallAnswered"], "nothing was about to leave");
    let facts = world.facts.facts.lock().unwrap();
    let Fact::CallAnswered { answer: CallAnswer::Denied { reason, hint }, cost, .. } = &facts[0]
    else {
        panic!()
    };
    assert_eq!(
        reason,
        "draft may know what is confidential, and builtin:m@https://models.example/v1 is cleared for internal"
    );
    assert_eq!(
        hint.as_deref(),
        Some(
            "in policy.toml: origins.\"https://models.example\" = { clearance = \"confidential\" }"
        )
    );
    assert_eq!(*cost, Cost::ZERO);
}

#[tokio::test]
async fn a_route_that_is_cleared_is_asked_and_one_that_is_not_is_passed_over() {
    let world = world_of_labels("confidential", false);
    world.gate(writer(None, None), Limits::DEFAULT).complete(ask("hi")).await.unwrap();
    let world = world_of_labels("public", true);
    world.gate(writer(None, None), Limits::DEFAULT).complete(ask("hi")).await.unwrap();
    let facts = world.facts.facts.lock().unwrap();
    let Some(Fact::CallAnswered { answer: CallAnswer::Ok { via, .. }, .. }) = facts.last() else {
        panic!()
    };
    assert_eq!(via.as_deref(), Some("builtin"));
}

#[tokio::test]
async fn what_people_lower_leaves_its_attempt_in_the_form_that_they_see() {
    let grants =
        Grants { artifacts: Some(ArtifactsGrant { put: Some(Bytes::mib(1)) }), ..Grants::none() };
    let mut world = World::new(false);
    let lowered = [name("draft")].into();
    Arc::get_mut(&mut world.gateway).unwrap().lowered = lowered;
    let gate = world.gate(grants.clone(), Limits::DEFAULT);
    let put = |bytes: &str| PutRequest {
        bytes: bytes.as_bytes().to_vec(),
        media_type: "text/plain".into(),
        name: Some("no\u{200b}te".into()),
    };
    let note = gate.put(put("e\u{301}\u{e0041}")).await.unwrap();
    let said =
        bailiwick_core::Document::of(&json!({ "note": note.to_json(), "text": "a\u{200d}b" }));
    let form = gate.in_form(said, &long()).await.unwrap().value();
    let kept = Artifact {
        digest: Digest::of("\u{e9}".as_bytes()),
        media_type: "text/plain".into(),
        bytes: Bytes(2),
        name: Some("note".into()),
    };
    assert_eq!(form, json!({ "note": kept.to_json(), "text": "ab" }));
    assert_eq!(world.gateway.blobs.get(kept.digest).await.unwrap(), "\u{e9}".as_bytes());
    assert_eq!(world.facts.names().last().copied(), Some("Recast"));

    let PutRequest { bytes, .. } = put("%PDF");
    let secret = PutRequest { bytes, media_type: "application/pdf".into(), name: None };
    let secret = gate.put(secret).await.unwrap();
    let said = bailiwick_core::Document::of(&secret.to_json());
    let refused = gate.in_form(said.clone(), &long()).await.unwrap_err();
    let Formless::Failed(failure) = &refused else { panic!("{refused:?}") };
    assert!(failure.message.contains("application/pdf"), "{failure:?}");
    // Where nobody lowers anything, everything stays as it is.
    let plain = World::new(false);
    let gate = plain.gate(grants, Limits::DEFAULT);
    assert_eq!(gate.in_form(said.clone(), &long()).await.unwrap().digest(), said.digest());
}

fn long() -> Arc<Effort> {
    Effort::of(Duration::from_secs(3_600))
}

/// 64 MB of pixels, packed.
fn wide_picture() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 4_000, 4_000);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![255; 64_000_000]).unwrap();
    writer.finish().unwrap();
    bytes
}

#[tokio::test]
async fn what_is_put_into_its_form_is_within_the_limits_of_its_attempt() {
    let grants =
        Grants { artifacts: Some(ArtifactsGrant { put: Some(Bytes::mib(8)) }), ..Grants::none() };
    let mut world = World::new(false);
    Arc::get_mut(&mut world.gateway).unwrap().lowered = [name("draft")].into();
    let gate = world.gate(grants, Limits::DEFAULT);
    let mut picture = wide_picture();
    let (mut twelve, mut other) = (Vec::new(), Vec::new());
    for number in 0..12 {
        let put = |bytes: &[u8]| PutRequest {
            bytes: bytes.to_vec(),
            media_type: "image/png".into(),
            name: Some(format!("{number}.png")),
        };
        twelve.push(gate.put(put(&picture)).await.unwrap().to_json());
        if number < 5 {
            // Another file each time: what follows its end is other bytes.
            picture.push(number);
            other.push(gate.put(put(&picture)).await.unwrap().to_json());
            picture.pop();
        }
    }
    // Twelve names of the same bytes are three times what may be looked at, if it is done
    // for each of them; five other pictures are as much, and are too many.
    let said = bailiwick_core::Document::of(&json!(twelve));
    let form = gate.in_form(said.clone(), &long()).await.unwrap().value();
    let digests: std::collections::BTreeSet<_> =
        form.as_array().unwrap().iter().map(|one| one["$artifact"].as_str().unwrap()).collect();
    assert_eq!(digests.len(), 1);
    let refused = gate.in_form(bailiwick_core::Document::of(&json!(other)), &long()).await;
    let Err(Formless::Failed(failure)) = refused else { panic!("{refused:?}") };
    assert_eq!(failure.kind, FailureKind::Limit);
    assert!(failure.message.starts_with("limit:form used more than 256 MiB of 256 MiB"));
    // Neither more CPU nor more time than the attempt has left.
    let short = Effort::of(Duration::from_millis(2));
    assert_eq!(gate.in_form(said.clone(), &short).await, Err(Formless::Cpu));
    assert!(short.spent() >= Duration::from_millis(2));
    world.time.fetch_add(3_600_000, Ordering::Relaxed);
    assert_eq!(gate.in_form(said, &long()).await, Err(Formless::Wall));
}
