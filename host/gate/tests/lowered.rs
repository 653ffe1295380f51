//! A clearance that is lowered while a model call is on its way along its routes: what is confidential goes along none that is not cleared at that moment.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, FailureKind};
use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_gate::call::CallError;
use bailiwick_gate::model::*;
use bailiwick_gate::{ModelProvider, ProviderCall, ProviderError};
use bailiwick_policy::flow::{LabelRules, OriginRule};
use bailiwick_policy::grants::ModelGrant;
use bailiwick_policy::{
    Clearances, Generation, Grants, Limits, Origin, ProviderKind, Route, Rules, Standing,
};
use support::{World, ask, name};

const A: &str = "https://a.example";
const B: &str = "https://b.example";

/// What the origins are cleared for at this moment, by the name of a label.
struct Labels {
    version: AtomicU64,
    cleared: Mutex<Vec<(&'static str, &'static str)>>,
}

impl Labels {
    fn clear(&self, cleared: &[(&'static str, &'static str)]) {
        *self.cleared.lock().unwrap() = cleared.to_vec();
        self.version.fetch_add(1, Ordering::SeqCst);
    }
}

impl Rules for Labels {
    fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    fn standing(&self, generation: &Generation) -> Arc<Standing> {
        let mut rules = LabelRules::strict();
        for (origin, label) in self.cleared.lock().unwrap().iter() {
            let clearance = Some(rules.order.find(label).unwrap());
            let rule = OriginRule { clearance, label: None };
            rules.origins.insert(Origin((*origin).into()), rule);
        }
        let label = rules.order.find("confidential").unwrap();
        let clearances = Clearances::of(rules, [(name("draft"), label)].into());
        let mut standing = Standing::unnarrowed(&generation.effective, clearances);
        standing.version = self.version();
        Arc::new(standing)
    }
}

type Then = Box<dyn Fn(&Labels) + Send + Sync>;

/// Servers of which the first is busy; while it says so, the rules change.
struct Servers {
    rules: Arc<Labels>,
    then: Then,
    asked: Mutex<Vec<String>>,
}

impl ModelProvider for Servers {
    fn complete<'a>(
        &'a self,
        _: &'a Durable,
        call: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        let at = call.route.origin.as_ref().unwrap().0.clone();
        let first = self.asked.lock().unwrap().is_empty();
        self.asked.lock().unwrap().push(at.clone());
        if first {
            (self.then)(&self.rules);
        }
        Box::pin(async move {
            if at == A {
                let retry_after = Some(Duration::from_secs(4));
                return Err(ProviderError::Busy { detail: "503".into(), retry_after });
            }
            Ok(Completion {
                text: "told".into(),
                tool_calls: Vec::new(),
                finish: Finish::Stop,
                usage: ModelUsage::default(),
                model: "scripted".into(),
                streamed: true,
            })
        })
    }

    fn embed<'a>(
        &'a self,
        _: &'a Durable,
        _: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>> {
        panic!("nobody asks for a vector")
    }

    fn generate_image<'a>(
        &'a self,
        _: &'a Durable,
        _: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>> {
        panic!("nobody asks for a picture")
    }
}

/// One call of an agent with the routes A and B, both cleared; who was asked, in the end.
async fn call(then: Then) -> (Result<Completion, CallError>, Vec<String>, World) {
    let rules = Arc::new(Labels { version: AtomicU64::new(1), cleared: Mutex::default() });
    rules.clear(&[(A, "confidential"), (B, "confidential")]);
    let servers = Arc::new(Servers { rules: Arc::clone(&rules), then, asked: Mutex::default() });
    let mut world = World::new(false);
    let gateway = Arc::get_mut(&mut world.gateway).unwrap();
    let route = |origin: &str| Route {
        provider: ProviderKind::Openai,
        base: Some(format!("{origin}/v1")),
        origin: Some(Origin(origin.into())),
        model: "m".into(),
        price: None,
    };
    gateway.models = [(name("writer"), vec![route(A), route(B)])].into();
    (gateway.rules, gateway.provider) = (rules, Arc::clone(&servers) as _);
    let aliases = [name("writer")].into();
    let model = ModelGrant { aliases, calls: None, tokens: None, money: None };
    let gate = world.gate(Grants { model: Some(model), ..Grants::none() }, Limits::DEFAULT);
    let told = gate.complete(ask("confidential")).await;
    let asked = servers.asked.lock().unwrap().clone();
    (told, asked, world)
}

#[tokio::test]
async fn a_route_that_is_lowered_between_two_tries_is_not_asked() {
    let (told, asked, world) =
        call(Box::new(|rules| rules.clear(&[(A, "confidential"), (B, "public")]))).await;
    assert_eq!(told, Err(CallError::Unavailable));
    assert!(asked.len() > 1 && asked.iter().all(|at| at == A), "{asked:?}");
    let log = world.facts.log().join("\n");
    assert!(log.contains("passed over: draft may know what is confidential"), "{log}");
    assert!(log.contains("is cleared for public"), "{log}");
}

#[tokio::test]
async fn the_route_that_was_asked_is_not_asked_again_once_it_is_lowered() {
    let (told, asked, _) =
        call(Box::new(|rules| rules.clear(&[(A, "public"), (B, "confidential")]))).await;
    assert_eq!(told.unwrap().text, "told");
    assert_eq!(asked, [A, B]);
}

#[tokio::test]
async fn where_no_route_is_left_the_attempt_ends_and_says_which_line_it_was() {
    let (told, asked, world) = call(Box::new(|rules| rules.clear(&[]))).await;
    let Err(CallError::Ended(failure)) = told else { panic!("{told:?}") };
    assert_eq!(failure.kind, FailureKind::Revoked, "{failure}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("origins.\"https://b.example\"")));
    assert_eq!(asked, [A]);
    let answers = world.facts.answers();
    assert!(matches!(&answers[..], [CallAnswer::Denied { .. }]), "{answers:?}");
}
