//! Rules that change under a running attempt: what is gone is gone at the next call, an answer that comes too late is lost, and what it cost is kept.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bailiwick_core::fact::{CallAnswer, Capability, Fact, FailureKind};
use bailiwick_core::{Calls, Cost, Tokens};
use bailiwick_gate::call::CallError;
use bailiwick_gate::knowledge::SearchRequest;
use bailiwick_policy::ceiling::{Ceiling, ModelCeiling, Pattern, Policy};
use bailiwick_policy::grants::ModelGrant;
use bailiwick_policy::intersect::{RequestedLimits, Resources};
use bailiwick_policy::origins::Origins;
use bailiwick_policy::{
    Clearances, Generation, Grants, Holder, Limits, Narrowing, Origin, PowerKey, ProviderKind,
    Revocation, Route, Rules, Standing,
};
use support::{World, ask, name};

/// Rules that a test changes: grants of today, a policy, what was revoked.
struct Changing {
    version: AtomicU64,
    today: Mutex<(Grants, Policy, Vec<Revocation>)>,
    /// The number of the look after which everything is revoked.
    revokes_at: AtomicU64,
    looks: AtomicU64,
}

impl Changing {
    fn new(granted: &Grants) -> Arc<Self> {
        Arc::new(Self {
            version: AtomicU64::new(1),
            today: Mutex::new((granted.clone(), Policy::built_in(), Vec::new())),
            revokes_at: AtomicU64::new(u64::MAX),
            looks: AtomicU64::new(0),
        })
    }

    fn change(&self, change: impl FnOnce(&mut (Grants, Policy, Vec<Revocation>))) {
        change(&mut self.today.lock().unwrap());
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    fn revoke(&self, power: &str) {
        let holder = Holder::parse("draft").unwrap();
        let gone = Revocation { holder, power: PowerKey::parse(power).unwrap() };
        self.change(|today| today.2.push(gone));
    }
}

impl Rules for Changing {
    fn version(&self) -> u64 {
        if self.looks.fetch_add(1, Ordering::SeqCst) == self.revokes_at.load(Ordering::SeqCst) {
            self.revoke("all");
        }
        self.version.load(Ordering::SeqCst)
    }

    fn standing(&self, generation: &Generation) -> Arc<Standing> {
        let today = self.today.lock().unwrap();
        let (granted, policy, revoked) = &*today;
        let models = [(name("writer"), vec![Route::builtin()]), (name("embedder"), vec![away()])];
        let knowledge = [(name("brand"), "/brand".to_owned())].into();
        let narrowing = Narrowing {
            component: bailiwick_core::Digest::of(b""),
            key: None,
            agent: &generation.agent,
            identity: &generation.identity,
            granted,
            limits: &RequestedLimits::default(),
            resources: &Resources {
                models: models.into(),
                knowledge,
                embedders: [(name("brand"), name("embedder"))].into(),
                ..Resources::default()
            },
            policy,
            revoked,
        };
        let version = self.version.load(Ordering::SeqCst);
        let clearances = Clearances::unlabelled();
        Arc::new(Standing::of(&generation.effective, &narrowing, clearances, version))
    }
}

/// Where passages and queries of `brand` are sent for their vectors.
fn away() -> Route {
    Route {
        provider: ProviderKind::Openai,
        base: Some("http://127.0.0.1:9/v1".into()),
        origin: Some(Origin("http://127.0.0.1:9".into())),
        model: "vec".into(),
        price: None,
    }
}

fn granted() -> Grants {
    let aliases = [name("writer")].into();
    let model = ModelGrant { aliases, calls: None, tokens: None, money: None };
    Grants { model: Some(model), knowledge: [name("brand")].into(), ..Grants::none() }
}

fn world(granted: &Grants) -> (World, Arc<Changing>) {
    let mut world = World::new(false);
    let rules = Changing::new(granted);
    Arc::get_mut(&mut world.gateway).unwrap().rules = Arc::clone(&rules) as _;
    (world, rules)
}

/// The failure of an attempt that lost a power, with what would give it back.
fn revoked(ended: Result<impl std::fmt::Debug, CallError>) -> (String, Option<String>) {
    let Err(CallError::Ended(failure)) = ended else { panic!("{ended:?}") };
    assert_eq!(failure.kind, FailureKind::Revoked, "{failure}");
    assert!(!failure.kind.may_pass(), "never tried again");
    (failure.message, failure.hint)
}

/// The last call of the record: what it was told, and what it cost.
fn last_call(world: &World) -> (CallAnswer, Cost) {
    let facts = world.facts.facts.lock().unwrap();
    let last = facts.iter().rev().find_map(|fact| match fact {
        Fact::CallAnswered { answer, cost, .. } => Some((answer.clone(), *cost)),
        _ => None,
    });
    last.unwrap()
}

#[tokio::test]
async fn a_power_that_is_taken_away_ends_the_attempt_at_its_next_call() {
    type Change = fn(&Changing);
    let cases: [(Change, &str, &str); 4] = [
        (|rules| rules.revoke("model"), "it was revoked", "bailiwick revoke --undo draft model"),
        (
            |rules| rules.revoke("model.writer"),
            "it was revoked",
            "bailiwick revoke --undo draft model.writer",
        ),
        (
            |rules| rules.change(|today| today.0.model = None),
            "the model \"writer\" is not granted to draft",
            "in bailiwick.toml, under [agents.draft]: grants.model = { use = [\"writer\"] }",
        ),
        (
            |rules| {
                rules.change(|today| {
                    let most = Ceiling { model: None, ..Ceiling::built_in() };
                    today.1.ceilings = vec![(Pattern::parse("local/*").unwrap(), most)];
                });
            },
            "[ceiling.\"local/*\"] in policy.toml does not allow it",
            "in policy.toml, under [ceiling.\"local/*\"]: model must allow granted",
        ),
    ];
    for (change, reason, hint) in cases {
        let (world, rules) = world(&granted());
        world.answers([Ok("one"), Ok("two")]);
        let gate = world.gate(granted(), Limits::DEFAULT);
        assert_eq!(gate.complete(ask("hi")).await.unwrap().text, "one");
        change(&rules);
        let (told, line) = revoked(gate.complete(ask("hi")).await);
        assert!(told.contains(reason), "{told}");
        assert!(line.as_deref().is_some_and(|line| line.contains(hint)), "{line:?}");
        assert_eq!(world.script.asked.lock().unwrap().len(), 1, "nothing more left the host");
        let (answer, cost) = last_call(&world);
        assert!(matches!(answer, CallAnswer::Denied { .. }), "it stands in the run: {answer:?}");
        assert_eq!(cost, Cost::ZERO);
    }
}

#[tokio::test]
async fn what_it_keeps_it_goes_on_with() {
    let (world, rules) = world(&granted());
    let gate = world.gate(granted(), Limits::DEFAULT);
    rules.revoke("model");
    let request =
        || SearchRequest { collection: "brand".into(), query: "x".into(), limit: 1, vector: None };
    gate.search(request()).await.unwrap();
    rules.revoke("knowledge.brand");
    revoked(gate.search(request()).await);
}

/// Whatever it asks for, granted or not, with an answer on its way or not.
#[tokio::test]
async fn a_component_that_is_withdrawn_ends_at_its_next_call() {
    let withdraw = |rules: &Changing| {
        rules.change(|today| {
            let digests = [bailiwick_core::Digest::of(b"")].into();
            let revoked = bailiwick_policy::publishers::Revoked { keys: [].into(), digests };
            let publishers = bailiwick_policy::Publishers { revoked, ..Default::default() };
            today.1.publishers = Some(publishers);
        });
    };
    let (world, rules) = world(&granted());
    world.answers([Ok("one"), Ok("two")]);
    let gate = world.gate(granted(), Limits::DEFAULT);
    gate.complete(ask("hi")).await.unwrap();
    let other = world.gate(granted(), Limits::DEFAULT);
    withdraw(&rules);
    let (told, line) = revoked(gate.complete(ask("hi")).await);
    assert!(told.contains("the component blake3:") && told.contains("is revoked"), "{told}");
    assert!(line.unwrap().starts_with("in policy.toml, under [revoked]: digests has blake3:"));
    let never =
        || SearchRequest { collection: "x".into(), query: "x".into(), limit: 1, vector: None };
    revoked(other.search(never()).await);
    assert_eq!(world.script.asked.lock().unwrap().len(), 1, "nothing more left the host");
    // It is back where the admin takes the line out.
    rules.change(|today| today.1.publishers = None);
    assert_eq!(
        world.gate(granted(), Limits::DEFAULT).complete(ask("hi")).await.unwrap().text,
        "two"
    );
}

#[tokio::test]
async fn what_it_never_had_is_denied_and_does_not_end_it() {
    let (world, rules) = world(&granted());
    rules.revoke("model");
    let gate = world.gate(granted(), Limits::DEFAULT);
    assert_eq!(gate.complete(ask("hi")).await, Err(CallError::Denied(Capability::Model)));
    let (CallAnswer::Denied { hint, .. }, _) = last_call(&world) else { panic!() };
    assert_eq!(hint.as_deref(), Some("type: bailiwick revoke --undo draft model"));
    rules.change(|today| today.2.clear());
    world.answers([Ok("again")]);
    assert_eq!(gate.complete(ask("hi")).await.unwrap().text, "again", "what came back is back");
}

/// Whenever in a call the power goes: the answer is not given, and no request is free.
#[tokio::test]
async fn an_answer_that_arrives_after_its_power_went_is_lost_and_its_cost_is_kept() {
    let (mut lost, mut before) = (0, 0);
    for look in 1..20 {
        let (world, rules) = world(&granted());
        world.answers([Ok("too late")]);
        let gate = world.gate(granted(), Limits::DEFAULT);
        rules.looks.store(0, Ordering::SeqCst);
        rules.revokes_at.store(look, Ordering::SeqCst);
        let told = gate.complete(ask("hi")).await;
        if told.is_ok() {
            assert!(look > 3, "it was not looked at after the answer");
            break;
        }
        revoked(told);
        let (answer, cost) = last_call(&world);
        assert!(matches!(answer, CallAnswer::Denied { .. }));
        let asked = world.script.asked.lock().unwrap().len() as u64;
        assert_eq!(cost.calls, Calls(asked), "what left is charged, and nothing else");
        assert_eq!(cost.tokens != Tokens(0), asked == 1);
        (lost, before) = (lost + asked, before + 1 - asked);
    }
    assert!(lost > 0, "no answer was lost");
    assert!(before > 0, "no call was stopped before it left");
}

#[tokio::test]
async fn a_number_that_is_lowered_holds_at_the_next_call() {
    let (world, rules) = world(&granted());
    world.answers([Ok("one"), Ok("two")]);
    let gate = world.gate(granted(), Limits::DEFAULT);
    gate.complete(ask("hi")).await.unwrap();
    rules.change(|today| today.0.model.as_mut().unwrap().calls = Some(Calls(1)));
    let told = gate.complete(ask("hi")).await;
    assert!(matches!(told, Err(CallError::Exhausted(_))), "{told:?}");
    assert_eq!(world.script.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_day_of_a_project_is_that_of_the_policy_of_now() {
    let (world, rules) = world(&granted());
    world.answers([Ok("one"), Ok("two")]);
    let gate = world.gate(granted(), Limits::DEFAULT);
    gate.complete(ask("hi")).await.unwrap();
    rules.change(|today| today.1.per_day.calls = Some(Calls(1)));
    let told = gate.complete(ask("hi")).await;
    assert!(matches!(told, Err(CallError::Exhausted(_))), "{told:?}");
}

/// The power went, and came back before it was asked for: nobody was stopped.
#[tokio::test]
async fn what_is_back_in_time_was_never_missed() {
    let (world, rules) = world(&granted());
    world.answers([Ok("one")]);
    let gate = world.gate(granted(), Limits::DEFAULT);
    rules.revoke("all");
    rules.change(|today| today.2.clear());
    assert_eq!(gate.complete(ask("hi")).await.unwrap().text, "one");
}

/// A search of `brand`, whose queries are embedded, by an agent that is granted no model.
fn searching() -> (World, Arc<Changing>, Grants) {
    let only = Grants { knowledge: [name("brand")].into(), ..Grants::none() };
    let mut world = World::new(true);
    let rules = Changing::new(&only);
    let gateway = Arc::get_mut(&mut world.gateway).unwrap();
    gateway.rules = Arc::clone(&rules) as _;
    gateway.models.insert(name("embedder"), vec![away()]);
    (world, rules, only)
}

fn search() -> SearchRequest {
    SearchRequest { collection: "brand".into(), query: "x".into(), limit: 1, vector: None }
}

fn models(rules: &Changing, change: impl FnOnce(&mut ModelCeiling)) {
    rules.change(|today| {
        let mut most = ModelCeiling {
            calls: None,
            tokens: None,
            money: None,
            origins: Origins::PublicHttpsOrLoopback,
        };
        change(&mut most);
        let ceiling = Ceiling { model: Some(most), ..Ceiling::built_in() };
        today.1.ceilings = vec![(Pattern::parse("local/*").unwrap(), ceiling)];
    });
}

/// How many requests left, and how many searches had a vector.
fn embedded(world: &World) -> (usize, usize) {
    let left = world.facts.names().iter().filter(|name| **name == "CallIntended").count();
    let searches = world.index.0.lock().unwrap();
    (left, searches.iter().filter(|search| search.vector.is_some()).count())
}

#[tokio::test]
async fn the_model_of_a_collection_is_held_to_the_ceilings_origins_at_each_search() {
    let (world, rules, only) = searching();
    let gate = world.gate(only.clone(), Limits::DEFAULT);
    gate.search(search()).await.unwrap();
    assert_eq!(embedded(&world), (1, 1));
    models(&rules, |most| most.origins = Origins::Listed(Vec::new()));
    let (told, line) = revoked(gate.search(search()).await);
    assert!(told.contains("[ceiling.\"local/*\"] in policy.toml does not allow it"), "{told}");
    let line = line.unwrap();
    assert!(
        line.contains("embedded by the model `embedder`, openai:vec@http://127.0.0.1:9"),
        "{line}"
    );
    // One that begins under it never had the collection.
    let late = world.gate(only, Limits::DEFAULT);
    assert_eq!(late.search(search()).await, Err(CallError::Denied(Capability::Knowledge)));
    assert_eq!(embedded(&world), (1, 1), "nothing more left the host");
}

#[tokio::test]
async fn a_model_that_is_revoked_makes_no_vectors_of_queries_either() {
    for power in ["model", "model.embedder"] {
        let (world, rules, only) = searching();
        let gate = world.gate(only, Limits::DEFAULT);
        gate.search(search()).await.unwrap();
        rules.revoke("model.writer");
        gate.search(search()).await.unwrap();
        rules.revoke(power);
        let (told, line) = revoked(gate.search(search()).await);
        assert!(told.contains("\"embedder\" for draft: it was revoked"), "{told}");
        assert_eq!(line.unwrap(), format!("type: bailiwick revoke --undo draft {power}"));
        assert_eq!(embedded(&world), (2, 2));
    }
}

#[tokio::test]
async fn the_ceilings_numbers_count_what_is_embedded_for_who_has_no_model() {
    let (world, rules, only) = searching();
    models(&rules, |most| most.calls = Some(Calls(1)));
    let gate = world.gate(only.clone(), Limits::DEFAULT);
    gate.search(search()).await.unwrap();
    // Words alone still find something.
    gate.search(search()).await.unwrap();
    assert_eq!(embedded(&world), (1, 1));
    let told = world.facts.answers();
    let spent = told.iter().find_map(|answer| match answer {
        CallAnswer::Exhausted { detail, .. } => Some(detail.clone()),
        _ => None,
    });
    let spent = spent.unwrap();
    assert!(
        spent.contains("raise `calls` of `model` under [ceiling] in policy.toml to 2"),
        "{spent}"
    );
    // Without a price, what money bounds is not asked.
    let (world, rules, only) = searching();
    models(&rules, |most| most.money = Some(bailiwick_core::Money(5)));
    let route = Route { origin: Some(Origin("https://vec.example".into())), ..away() };
    let mut world = world;
    let gateway = Arc::get_mut(&mut world.gateway).unwrap();
    gateway.models.insert(name("embedder"), vec![route]);
    let gate = world.gate(only, Limits::DEFAULT);
    assert_eq!(gate.search(search()).await, Err(CallError::Denied(Capability::Knowledge)));
    assert_eq!(embedded(&world), (0, 0));
}
