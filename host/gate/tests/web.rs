//! Requests to the web: only what a rule lets through leaves, redirects are judged like requests, and each is written down before it leaves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;

use bailiwick_core::fact::{CallAnswer, Capability, Fact, Limit};
use bailiwick_core::{Bytes, Calls, RunId};
use bailiwick_gate::http::{FetchRequest, HttpError};
use bailiwick_gate::{CallError, Gate};
use bailiwick_policy::http::{Headers, HostPattern, Method, PathPattern, Scheme};
use bailiwick_policy::{
    Budget, Budgets, Grants, HttpPower, HttpRule, Limits, Network, StepBudget, WhenSpent,
};
use serde_json::json;
use support::{Sent, World, came, name};

fn rule(host: &str, methods: &[Method], paths: &[&str]) -> HttpRule {
    HttpRule {
        scheme: Scheme::Https,
        host: HostPattern::parse(host).unwrap(),
        port: Some(443),
        methods: methods.iter().copied().collect(),
        paths: paths.iter().map(|path| PathPattern::parse(path).unwrap()).collect(),
        headers: Headers::usual(),
        request: Some(Bytes(1000)),
        response: Some(Bytes(2000)),
        credential: None,
        network: Network::Public,
        even_if_outside: false,
    }
}

fn granted(rules: Vec<HttpRule>) -> Grants {
    Grants { http: HttpPower { rules, ..HttpPower::none() }, ..Grants::none() }
}

fn usual() -> Grants {
    granted(vec![
        rule("api.example.com", &[Method::Get, Method::Head], &["/v1/*"]),
        HttpRule {
            credential: Some(name("hook")),
            ..rule("hooks.example.com", &[Method::Post, Method::Get], &["/campaign", "/next"])
        },
    ])
}

fn get(url: &str) -> FetchRequest {
    FetchRequest { method: "GET".into(), url: url.into(), headers: vec![], body: vec![] }
}

fn post(url: &str, body: &str) -> FetchRequest {
    FetchRequest { method: "POST".into(), body: body.into(), ..get(url) }
}

const DENIED: CallError = CallError::Denied(Capability::Http);

fn gate(world: &World) -> Gate {
    world.gate(usual(), Limits::DEFAULT)
}

fn sent(world: &World) -> Vec<Sent> {
    world.web.sent.lock().unwrap().clone()
}

fn denials(world: &World) -> Vec<(String, String)> {
    let answers = world.facts.answers().into_iter();
    answers
        .filter_map(|answer| match answer {
            CallAnswer::Denied { reason, hint } => Some((reason, hint.unwrap_or_default())),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_granted_request_is_intended_sent_and_answered() {
    let world = World::new(false);
    world.web.answers.lock().unwrap().push_back(Ok(came(404, None, "none")));
    let response = gate(&world).fetch(get("https://api.example.com/v1/x?q=1#f")).await.unwrap();
    assert_eq!((response.status, response.body), (404, b"none".to_vec()));
    let [one] = &sent(&world)[..] else { panic!() };
    assert_eq!(one.what, "GET https://api.example.com/v1/x?q=1");
    assert_eq!((one.lane.as_str(), one.network.as_str()), ("draft 0", "public"));
    assert_eq!((&one.credential, one.stripped, one.response_max), (&None, false, 2000));
    let facts = world.facts.facts.lock().unwrap().clone();
    let [
        Fact::CallIntended { reserved, changes: false, .. },
        Fact::CallAnswered { cost, answer, .. },
    ] = &facts[..]
    else {
        panic!("{facts:?}")
    };
    assert_eq!((reserved.calls, cost.calls), (Calls(1), Calls(1)));
    let CallAnswer::Ok { via, .. } = answer else { panic!() };
    assert_eq!(via.as_deref(), Some("GET https://api.example.com/v1/x"), "without the query");
}

#[tokio::test]
async fn nothing_that_no_rule_lets_through_leaves() {
    let world = World::new(false);
    let gate = gate(&world);
    for url in [
        "https://evil.example/v1/x",
        "http://api.example.com/v1/x",
        "https://api.example.com:8443/v1/x",
        "https://api.example.com./v1/x",
        "https://sub.api.example.com/v1/x",
        "https://API.example.com.evil.net/v1/x",
        "https://аpi.example.com/v1/x",
        "https://127.0.0.1/v1/x",
        "https://2130706433/v1/x",
        "https://0177.0.0.1/v1/x",
        "https://[::ffff:127.0.0.1]/v1/x",
        "https://api.example.com/admin",
        "https://api.example.com/v1/a/b",
        "https://api.example.com/v1/../admin",
        "https://api.example.com/v1/%2e%2e/admin",
        "https://api.example.com/v1/..%2f..%2fadmin",
        "https://api.example.com/v1/x;a=b",
        "https://api.example.com/v1/\\..\\admin",
        "https://api.example.com//v1/x",
        "https://api.example.com/v1/%00",
        "https://api.example.com/https://api.example.com/v1/x",
    ] {
        assert_eq!(gate.fetch(get(url)).await, Err(DENIED), "{url}");
    }
    for (request, why) in [
        (post("https://api.example.com/v1/x", ""), "method"),
        (
            FetchRequest {
                headers: vec![("x-own".into(), "1".into())],
                ..get("https://api.example.com/v1/x")
            },
            "header",
        ),
        (post("https://hooks.example.com/campaign", &"x".repeat(1001)), "body"),
    ] {
        assert_eq!(gate.fetch(request).await, Err(DENIED), "{why}");
    }
    for url in ["https://u:p@api.example.com/v1/x", "https:api.example.com/v1/x", "ftp://x/"] {
        assert!(matches!(gate.fetch(get(url)).await, Err(CallError::Invalid(_))), "{url}");
    }
    let smuggled = FetchRequest {
        headers: vec![("accept".into(), "a\r\nhost: evil".into())],
        ..get("https://api.example.com/v1/x")
    };
    assert!(matches!(gate.fetch(smuggled).await, Err(CallError::Invalid(_))));
    assert_eq!(sent(&world), []);
    assert!(!world.facts.names().contains(&"CallIntended"));
}

#[tokio::test]
async fn a_denial_names_the_line_that_allows_it() {
    let world = World::new(false);
    let grants = granted(vec![rule("api.example.com", &[Method::Get], &["/v1/*"])]);
    let gate = world.gate(grants, Limits::DEFAULT);
    let _ = gate.fetch(get("https://evil.example/x")).await;
    let _ = gate.fetch(post("https://api.example.com/v1/x", "")).await;
    let _ = gate.fetch(get("https://api.example.com/v2/x")).await;
    let old = r#"host = "api.example.com""#;
    let lines = [
        format!(
            r#"[{{ {old}, methods = ["GET"], paths = ["/v1/*"], request = "1000 B", response = "2000 B" }}, {{ host = "evil.example", methods = ["GET"], paths = ["/x"] }}]"#
        ),
        format!(
            r#"[{{ {old}, methods = ["GET", "POST"], paths = ["/v1/*"], request = "1000 B", response = "2000 B" }}]"#
        ),
        format!(
            r#"[{{ {old}, methods = ["GET"], paths = ["/v1/*", "/v2/x"], request = "1000 B", response = "2000 B" }}]"#
        ),
    ];
    for ((reason, hint), line) in denials(&world).iter().zip(lines) {
        assert!(reason.contains("is not granted to draft"), "{reason}");
        assert_eq!(*hint, format!("in bailiwick.toml, under [agents.draft]: grants.http = {line}"));
    }
}

#[tokio::test]
async fn the_ceiling_of_the_generation_holds_at_the_gate() {
    let world = World::new(false);
    let mut grants = usual();
    grants.http = grants.http.within(&[rule("api.example.com", &[Method::Get], &["/v1/public"])]);
    let gate = world.gate(grants, Limits::DEFAULT);
    gate.fetch(get("https://api.example.com/v1/public")).await.unwrap();
    assert_eq!(gate.fetch(get("https://api.example.com/v1/other")).await, Err(DENIED));
    let (reason, hint) = denials(&world).pop().unwrap();
    assert!(reason.ends_with("the ceiling does not allow what is granted"), "{reason}");
    assert!(
        hint.starts_with("in policy.toml, under [ceiling.\"local/draft\"]: http = ["),
        "{hint}"
    );
}

#[tokio::test]
async fn a_redirect_is_judged_like_a_request() {
    let world = World::new(false);
    world.web.answers.lock().unwrap().extend([
        Ok(came(302, Some("/v1/there?x=1"), "")),
        Ok(came(301, Some("https://api.example.com/v1/final"), "")),
        Ok(came(200, None, "here")),
    ]);
    let gate = gate(&world);
    let response = gate.fetch(get("https://api.example.com/v1/x")).await.unwrap();
    assert_eq!(response.body, b"here");
    let what: Vec<_> = sent(&world).into_iter().map(|sent| sent.what).collect();
    assert_eq!(
        what,
        [
            "GET https://api.example.com/v1/x",
            "GET https://api.example.com/v1/there?x=1",
            "GET https://api.example.com/v1/final"
        ]
    );
    // Each was reserved and intended by itself, and what the ones before cost is written down.
    let (intended, lost) = ("CallIntended", "CallLost");
    assert_eq!(world.facts.names(), [intended, lost, intended, lost, intended, "CallAnswered"]);
    for location in [
        "https://evil.example/",
        "http://api.example.com/v1/x",
        "/admin",
        "/v1/..%2fadmin",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
    ] {
        world.web.answers.lock().unwrap().push_back(Ok(came(302, Some(location), "")));
        let before = sent(&world).len();
        let told = gate.fetch(get("https://api.example.com/v1/x")).await;
        assert_eq!(told, Err(DENIED), "{location}");
        assert_eq!(sent(&world).len(), before + 1, "{location}");
        assert!(denials(&world).pop().unwrap().0.starts_with("a redirect: GET "));
    }
    for location in ["//evil.example/", "\\\\evil.example\\", "javascript:x"] {
        world.web.answers.lock().unwrap().push_back(Ok(came(302, Some(location), "")));
        let before = sent(&world).len();
        assert!(gate.fetch(get("https://api.example.com/v1/x")).await.is_err(), "{location}");
        assert_eq!(sent(&world).len(), before + 1, "{location}");
    }
}

#[tokio::test]
async fn redirects_end_and_what_changes_something_is_not_redirected() {
    let world = World::new(false);
    let again = || Ok(came(307, Some("/v1/x"), ""));
    world.web.answers.lock().unwrap().extend((0..10).map(|_| again()));
    let gate = gate(&world);
    let told = gate.fetch(get("https://api.example.com/v1/x")).await;
    assert!(matches!(told, Err(CallError::Invalid(_))), "{told:?}");
    assert_eq!(sent(&world).len(), 6);
    world.web.answers.lock().unwrap().clear();
    for status in [301, 302, 303, 307, 308] {
        let to = "https://hooks.example.com/next";
        world.web.answers.lock().unwrap().push_back(Ok(came(status, Some(to), "")));
        let answer = gate.fetch(post("https://hooks.example.com/campaign", "{}")).await.unwrap();
        assert_eq!(answer.status, status, "it is the agent's matter");
    }
    assert_eq!(sent(&world).len(), 6 + 5);
}

#[tokio::test]
async fn a_credential_goes_along_to_the_very_same_origin_only() {
    let world = World::new(false);
    let mut grants = usual();
    grants.http.rules.push(HttpRule {
        credential: Some(name("other")),
        ..rule("elsewhere.example", &[Method::Get], &["/**"])
    });
    world.web.answers.lock().unwrap().extend([
        Ok(came(302, Some("/next"), "")),
        Ok(came(302, Some("https://elsewhere.example/x"), "")),
        Ok(came(200, None, "")),
    ]);
    let gate = world.gate(grants, Limits::DEFAULT);
    gate.fetch(get("https://hooks.example.com/campaign")).await.unwrap();
    let went: Vec<_> =
        sent(&world).into_iter().map(|sent| (sent.credential, sent.stripped)).collect();
    let hook = Some("hook".to_owned());
    assert_eq!(went, [(hook.clone(), true), (hook, true), (None, true)]);
}

#[tokio::test]
async fn a_changing_request_says_so_in_its_intent_and_keeps_its_key() {
    let world = World::new(false);
    let ask = || post("https://hooks.example.com/campaign", r#"{"n":1}"#);
    gate(&world).fetch(ask()).await.unwrap();
    assert!(world.facts.record().has_effects());
    let facts = world.facts.facts.lock().unwrap().clone();
    assert!(matches!(&facts[0], Fact::CallIntended { changes: true, .. }));
    // Its host ended before the answer was written down: it is sent again with the same key.
    let mut record = bailiwick_core::Record::default();
    record.take(&facts[0], bailiwick_core::Timestamp(1)).unwrap();
    let Fact::CallIntended { attempt, reserved, .. } = facts[0].clone() else { panic!() };
    let lost = Fact::CallLost { attempt, index: 0, cost: reserved };
    record.take(&lost, bailiwick_core::Timestamp(2)).unwrap();
    assert!(record.has_effects(), "nobody knows that it was not worked on");
    world.continued(usual(), record).fetch(ask()).await.unwrap();
    let keys: Vec<_> = sent(&world).iter().map(|sent| sent.key).collect();
    assert_eq!((keys.len(), keys[0]), (2, keys[1]));
}

#[tokio::test]
async fn what_was_answered_is_not_asked_again_and_a_power_that_is_gone_ends_it() {
    let world = World::new(false);
    world.web.answers.lock().unwrap().push_back(Ok(came(200, None, "once")));
    let ask = || get("https://api.example.com/v1/x");
    let first = gate(&world).fetch(ask()).await.unwrap();
    let record = world.facts.record();
    assert_eq!(world.continued(usual(), record.clone()).fetch(ask()).await.unwrap(), first);
    assert_eq!(sent(&world).len(), 1);
    let other = granted(vec![rule("api.example.com", &[Method::Get], &["/v2/*"])]);
    let ended = world.continued(other, record).fetch(ask()).await.unwrap_err();
    assert!(ended.to_string().contains("a power that is gone"), "{ended}");
}

#[tokio::test]
async fn failures_are_told_in_the_words_of_the_contract() {
    let world = World::new(false);
    let gate = gate(&world);
    let refused = HttpError::Refused { detail: "inner".into(), hint: None };
    let away = |left| HttpError::Unavailable { detail: "reset".into(), left };
    for (error, told, calls) in [
        (refused, DENIED, 0),
        (away(false), CallError::Unavailable, 0),
        (away(true), CallError::Unavailable, 1),
        (HttpError::TooLarge(Bytes(2000)), CallError::Exhausted(Limit::Bytes), 1),
        (HttpError::Withheld("no".into()), CallError::Invalid("no".into()), 1),
    ] {
        world.web.answers.lock().unwrap().push_back(Err(error));
        assert_eq!(gate.fetch(get("https://api.example.com/v1/x")).await, Err(told));
        let facts = world.facts.facts.lock().unwrap();
        let Some(Fact::CallAnswered { cost, .. }) = facts.last() else { panic!() };
        assert_eq!(cost.calls, Calls(calls));
    }
}

#[tokio::test]
async fn a_reference_in_a_body_must_be_the_senders_own() {
    let world = World::new(false);
    let forged = json!({"x": [{"$artifact": format!("blake3:{}", "0".repeat(64)),
        "media_type": "image/png", "bytes": 1}]});
    let escaped = forged.to_string().replace('$', "\\u0024");
    let gate = gate(&world);
    for body in [forged.to_string(), escaped, format!(" \n{forged}")] {
        let told = gate.fetch(post("https://hooks.example.com/campaign", &body)).await;
        assert_eq!(told, Err(DENIED), "{body}");
        assert!(denials(&world).pop().unwrap().0.starts_with("foreign-artifact: "));
    }
    for body in ["{\"a\": 1}", "[not json", "plain \"$artifact\""] {
        gate.fetch(post("https://hooks.example.com/campaign", body)).await.unwrap();
    }
    assert_eq!(sent(&world).len(), 3);
}

#[tokio::test]
async fn the_budget_of_a_step_counts_requests_and_the_grant_of_models_does_not() {
    let world = World::new(false);
    let most = |calls| Budget { calls: Some(Calls(calls)), ..Budget::NONE };
    let step = StepBudget { most: most(2), when: WhenSpent::Fail };
    let budgets = Budgets {
        agents: [(name("draft"), most(0))].into(),
        steps: [(name("draft"), step)].into(),
        when: WhenSpent::Fail,
        ..Budgets::default()
    };
    world.gateway.ledger.open(&RunId::new("r1").unwrap(), Arc::new(budgets));
    let gate = gate(&world);
    for _ in 0..2 {
        gate.fetch(get("https://api.example.com/v1/x")).await.unwrap();
    }
    let third = gate.fetch(get("https://api.example.com/v1/x")).await;
    assert_eq!(third, Err(CallError::Exhausted(Limit::Calls)));
    assert_eq!(sent(&world).len(), 2);
}

/// A world whose step has the highest label, and where only these origins are cleared for it.
fn world_of_labels(cleared: &[&str]) -> World {
    use bailiwick_policy::{Clearances, LabelRules, Origin, OriginRule};
    let mut world = World::new(false);
    let mut rules = LabelRules::strict();
    let highest = rules.order.highest();
    for origin in cleared {
        let rule = OriginRule { clearance: Some(highest), label: None };
        rules.origins.insert(Origin((*origin).to_owned()), rule);
    }
    let clearances = Clearances::of(rules, [(name("draft"), highest)].into());
    Arc::get_mut(&mut world.gateway).unwrap().rules =
        Arc::new(bailiwick_policy::Unchanging(clearances));
    world
}

#[tokio::test]
async fn what_a_step_may_know_goes_to_no_host_that_is_not_cleared_for_it() {
    let world = world_of_labels(&["https://hooks.example.com"]);
    let gate = gate(&world);
    assert_eq!(gate.fetch(get("https://api.example.com/v1/x")).await, Err(DENIED));
    assert!(sent(&world).is_empty());
    assert_eq!(
        denials(&world),
        [(
            "draft may know what is confidential, and https://api.example.com is cleared for public"
                .to_owned(),
            "in policy.toml: origins.\"https://api.example.com\" = { clearance = \"confidential\" }"
                .to_owned()
        )]
    );
    gate.fetch(post("https://hooks.example.com/campaign", "{}")).await.unwrap();
    assert_eq!(sent(&world).len(), 1);
}

#[tokio::test]
async fn a_redirect_leads_to_no_host_that_is_not_cleared() {
    let world = world_of_labels(&["https://hooks.example.com"]);
    let to = Ok(came(302, Some("https://api.example.com/v1/x"), ""));
    world.web.answers.lock().unwrap().push_back(to);
    let refused = gate(&world).fetch(get("https://hooks.example.com/campaign")).await;
    assert_eq!(refused, Err(DENIED));
    assert_eq!(sent(&world).len(), 1, "what it was sent on to was not asked");
    let [(reason, _)] = &denials(&world)[..] else { panic!() };
    assert!(reason.starts_with("a redirect: draft may know what is confidential"), "{reason}");
}

/// Four million pieces of one byte: none of them takes long.
#[tokio::test]
async fn an_answer_that_makes_the_host_work_without_end_ends_the_attempt() {
    let world = World::new(false);
    world.web.works_ms.store(60_000, std::sync::atomic::Ordering::SeqCst);
    let over = gate(&world).fetch(get("https://api.example.com/v1/x")).await;
    let Err(CallError::Ended(failure)) = over else { panic!("{over:?}") };
    assert!(failure.message.starts_with("limit:host-work used "), "{failure}");
    // What it cost is kept: it left.
    let facts = world.facts.facts.lock().unwrap();
    let lost = facts.iter().find_map(|fact| match fact {
        Fact::CallLost { cost, .. } => Some(cost.calls),
        _ => None,
    });
    assert_eq!(lost, Some(Calls(1)));
}
