//! Agents that call agents: each works under its own grants and limits, whatever its caller holds; and none takes its caller down.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Capability, Fact, FailureKind};
use bailiwick_core::{AttemptId, Digest};
use bailiwick_policy::ports::{Job, StepRunner as _};
use bailiwick_policy::{Grants, Limits};
use serde_json::{Value, json};
use support::guest::{Guest, answer, performs};
use support::{Facts, Host, everything, may_call, name};

/// Longer than anything here takes on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(120);

const CALL: &str = r#"(import "bailiwick:agent/delegate@0.1.0" "call"
    (func $delegate (param i32 i32 i32 i32 i32)))"#;

const PUT: &str = r#"(import "bailiwick:agent/artifacts@0.1.0" "put"
    (func $artifacts_put (param i32 i32 i32 i32 i32 i32 i32 i32)))"#;

const PUTS: &str =
    "(call $artifacts_put (i32.const 9100) (i32.const 4) (i32.const 9104) (i32.const 10)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 11104))
    (if (i32.load8_u (i32.const 11104)) (then (unreachable)))";

const SET: &str = r#"(import "bailiwick:agent/kv@0.1.0" "set"
    (func $set (param i32 i32 i32 i32 i32)))"#;

/// Answers what another agent answered; `[0,ERROR]` where it was not called and
/// `[1,FAILURE]` where it failed.
fn calls(agent: &str, input: &str) -> String {
    let length = agent.len();
    format!(
        "(call $delegate (i32.const 9000) (i32.const {length}) {input} (i32.const 1200))
         (if (i32.eqz (i32.load8_u (i32.const 1200)))
           (then (return (call $ok (i32.load (i32.const 1204)) (i32.load (i32.const 1208))))))
         (i32.store (i32.const 9500) (i32.const 0x002c005b))
         (i32.store8 (i32.const 9501) (i32.add (i32.const 48) (i32.load8_u (i32.const 1204))))
         (i32.store8 (i32.const 9503) (i32.add (i32.const 48) (i32.load8_u (i32.const 1208))))
         (i32.store8 (i32.const 9504) (i32.const 93))
         (return (call $ok (i32.const 9500) (i32.const 5)))"
    )
}

const OWN_INPUT: &str = "(local.get $input) (local.get $input_length)";

/// Hands its own input on.
fn caller_of(agent: &str) -> Guest {
    let extra = format!("(data (i32.const 9000) \"{agent}\")");
    Guest { imports: CALL.into(), extra, ..performs(&calls(agent, OWN_INPUT)) }
}

/// Puts a text so many times, then answers.
fn putter(times: usize) -> Guest {
    let extra = "(data (i32.const 9100) \"kepttext/plain\")".to_owned();
    let body = format!("{}{}", PUTS.repeat(times), answer("\"put\""));
    Guest { imports: PUT.into(), extra, ..performs(&body) }
}

fn puts() -> Grants {
    Grants { artifacts: everything().artifacts, ..Grants::none() }
}

/// A host whose fixture calls `other`, which is this.
async fn beside(other: Guest, grants: Grants, limits: Limits) -> (Host, Digest) {
    let host = Host::new();
    host.casts("other", &other.component(), grants, limits).await;
    let caller = host.load(&caller_of("other").component()).await;
    (host, caller)
}

async fn told(other: Guest, grants: Grants, limits: Limits) -> Value {
    let (host, caller) = beside(other, grants, limits).await;
    host.run(caller).await.result.unwrap().value()
}

fn answers(host: &Host) -> Vec<CallAnswer> {
    let all = host.facts.all().into_iter().filter_map(|fact| match fact {
        Fact::CallAnswered { capability: Capability::Delegate, answer, .. } => Some(answer),
        _ => None,
    });
    all.collect()
}

#[tokio::test]
async fn an_agent_calls_another_and_gets_its_output() {
    let (mut host, caller) = beside(putter(1), puts(), Limits::DEFAULT).await;
    host.input = json!({"x": 1});
    assert_eq!(host.run(caller).await.result.unwrap().value(), json!("put"));
    let facts = host.facts.all();
    let [
        Fact::Delegated { attempt, index: 0, agent, input, .. },
        Fact::CallAnswered { attempt: of_put, index: 0, capability: Capability::Artifacts, .. },
        Fact::CallAnswered { attempt: of_call, index: 0, capability: Capability::Delegate, .. },
    ] = &facts[..]
    else {
        panic!("{facts:?}")
    };
    assert_eq!((agent, input.value()), (&name("other"), json!({"x": 1})));
    assert_eq!((of_call, of_put), (attempt, &attempt.callee(0)));
}

#[tokio::test]
async fn what_is_not_granted_is_not_called() {
    let (mut host, caller) = beside(putter(1), puts(), Limits::DEFAULT).await;
    host.grants = may_call(&["somebody"]);
    assert_eq!(host.run(caller).await.result.unwrap().value(), json!([0, 0]));
    let answers = answers(&host);
    let [CallAnswer::Denied { reason, hint: Some(hint) }] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert!(reason.contains("the agent \"other\" is not granted"), "{reason}");
    assert!(hint.contains("grants.delegate = [\"other\", \"somebody\"]"), "{hint}");
}

#[tokio::test]
async fn nobody_calls_itself_or_back() {
    let mut host = Host::new();
    let own = host.load(&caller_of("fixture").component()).await;
    host.casts("fixture", &putter(0).component(), Grants::none(), Limits::DEFAULT).await;
    host.grants = may_call(&["fixture"]);
    assert_eq!(host.run(own).await.result.unwrap().value(), json!([0, 0]));
    let back = caller_of("fixture").component();
    host.casts("other", &back, may_call(&["fixture"]), Limits::DEFAULT).await;
    host.grants = may_call(&["other"]);
    let caller = host.load(&caller_of("other").component()).await;
    // The other one was denied, and says so.
    assert_eq!(host.run(caller).await.result.unwrap().value(), json!([0, 0]));
    assert!(
        !host.facts.all().iter().any(
            |fact| matches!(fact, Fact::Delegated { agent, .. } if agent.as_str() == "fixture")
        )
    );
}

#[tokio::test]
async fn calls_go_four_deep_and_no_deeper() {
    let mut host = Host::new();
    for depth in 1..=4 {
        let next = format!("deep{}", depth + 1);
        let guest = caller_of(&next).component();
        host.casts(&format!("deep{depth}"), &guest, may_call(&[&next]), Limits::DEFAULT).await;
    }
    host.casts("deep5", &putter(0).component(), Grants::none(), Limits::DEFAULT).await;
    let caller = host.load(&caller_of("deep1").component()).await;
    host.grants = may_call(&["deep1"]);
    assert_eq!(host.run(caller).await.result.unwrap().value(), json!([0, 0]));
    let called = host.facts.all().into_iter().filter(|fact| matches!(fact, Fact::Delegated { .. }));
    assert_eq!(called.count(), 4);
    // One less, and it is there.
    let caller = host.load(&caller_of("deep2").component()).await;
    host.casts("deep5", &performs(&answer("\"deep\"")).component(), puts(), Limits::DEFAULT).await;
    host.grants = may_call(&["deep2"]);
    assert_eq!(host.run(caller).await.result.unwrap().value(), json!("deep"));
}

/// Sets a key, or traps where the answer is another one than `error`.
fn sets(error: Option<u8>) -> Guest {
    let (is_error, case) = (u8::from(error.is_some()), error.unwrap_or(0));
    let body = format!(
        "(call $set (i32.const 8900) (i32.const 1) (i32.const 8910) (i32.const 3) (i32.const 1200))
         (if (i32.ne (i32.load8_u (i32.const 1200)) (i32.const {is_error})) (then (unreachable)))
         (if (i32.and (i32.const {is_error}) (i32.ne (i32.load8_u (i32.const 1204)) (i32.const {case})))
             (then (unreachable)))
         {}",
        answer("\"set\"")
    );
    let extra = "(data (i32.const 8900) \"k\") (data (i32.const 8910) \"[1]\")".to_owned();
    Guest { imports: SET.into(), extra, ..performs(&body) }
}

fn notes(write: bool) -> Grants {
    let kv = everything().kv.map(|kv| bailiwick_policy::grants::KvGrant { write, ..kv });
    Grants { kv, ..Grants::none() }
}

#[tokio::test]
async fn no_power_is_lent_down_or_up() {
    // The caller may put and write; whom it calls may not: refused before any of its code
    // runs where it has no such grant at all, denied where it has a smaller one.
    assert_eq!(told(putter(1), Grants::none(), Limits::DEFAULT).await, json!([1, 5]));
    assert_eq!(told(sets(Some(0)), notes(false), Limits::DEFAULT).await, json!("set"));
    // And the other way round: the caller may do nothing but call.
    let (mut host, caller) = beside(putter(1), puts(), Limits::DEFAULT).await;
    host.grants = may_call(&["other"]);
    assert_eq!(host.run(caller).await.result.unwrap().value(), json!("put"));
}

#[tokio::test]
async fn what_a_callee_sets_happens_with_the_end_of_the_step_or_not_at_all() {
    let (mut host, caller) = beside(sets(None), notes(true), Limits::DEFAULT).await;
    host.grants = may_call(&["other"]);
    let outcome = host.run(caller).await;
    let [staged] = &outcome.writes[..] else { panic!("{outcome:?}") };
    assert_eq!(staged.writes.value(), json!({"set": {"k": [1]}, "delete": []}));
    let failing = Guest {
        perform: sets(None).perform.replace("(return", "(unreachable) (return"),
        ..sets(None)
    };
    let (host, caller) = beside(failing, notes(true), Limits::DEFAULT).await;
    let outcome = host.run(caller).await;
    assert_eq!(outcome.result.unwrap().value(), json!([1, 5]));
    assert!(outcome.writes.is_empty(), "{:?}", outcome.writes);
}

#[tokio::test]
async fn a_callee_that_loops_ends_and_its_caller_is_told() {
    let forever = || performs("(loop $again (br $again))");
    let short = Limits { cpu: Duration::from_millis(50), ..Limits::DEFAULT };
    assert_eq!(told(forever(), Grants::none(), short).await, json!([1, 4]));
    // Nobody works longer than his caller waits.
    let (mut host, caller) = beside(forever(), Grants::none(), Limits::MAXIMUM).await;
    host.limits.wall = Duration::from_secs(6);
    assert_eq!(host.run(caller).await.result.unwrap().value(), json!([1, 4]));
    assert_eq!(host.sandbox.held(), 0);
}

#[tokio::test]
async fn a_callee_that_panics_or_answers_nonsense_is_broken_and_its_caller_is_not() {
    for body in ["(unreachable)".to_owned(), answer("no json")] {
        assert_eq!(told(performs(&body), Grants::none(), Limits::DEFAULT).await, json!([1, 5]));
    }
}

#[tokio::test]
async fn huge_inputs_and_outputs_are_refused() {
    let small = Limits { output: bailiwick_core::Bytes(8), ..Limits::DEFAULT };
    let large = performs(&answer("\"more than eight\""));
    assert_eq!(told(large, Grants::none(), small).await, json!([1, 4]));
    // More than 4 MiB of input: measured before it is read.
    let input = "(i32.const 16384) (i32.const 4194305)";
    let mut body = calls("other", input);
    body.insert_str(0, "(drop (memory.grow (i32.const 80)))");
    let extra = "(data (i32.const 9000) \"other\")".to_owned();
    let huge = Guest { imports: CALL.into(), extra, ..performs(&body) };
    let (host, _) = beside(putter(0), Grants::none(), Limits::DEFAULT).await;
    assert_eq!(host.answer(&huge.component()).await, json!([0, 3]));
    assert!(host.facts.all().is_empty(), "nobody was called");
}

#[tokio::test]
async fn forged_references_pass_neither_into_a_callee_nor_out_of_it() {
    let reference =
        json!({"$artifact": Digest::of(b"x").to_string(), "media_type": "image/png", "bytes": 1});
    let text = reference.to_string();
    let bytes: String = text.bytes().map(|b| format!("\\{b:02x}")).collect();
    let input = format!("(i32.const 9700) (i32.const {})", text.len());
    let extra = format!("(data (i32.const 9000) \"other\") (data (i32.const 9700) \"{bytes}\")");
    let forger = Guest { imports: CALL.into(), extra, ..performs(&calls("other", &input)) };
    let (host, _) = beside(putter(0), Grants::none(), Limits::DEFAULT).await;
    assert_eq!(host.answer(&forger.component()).await, json!([0, 0]));
    let told_the_operator = answers(&host);
    assert!(
        matches!(&told_the_operator[..], [CallAnswer::Denied { reason, .. }] if reason.starts_with("foreign-artifact")),
        "{told_the_operator:?}"
    );
    let forges = performs(&answer(&text));
    assert_eq!(told(forges, Grants::none(), Limits::DEFAULT).await, json!([1, 5]));
}

#[tokio::test]
async fn a_flood_of_calls_ends_at_the_limits_of_the_step() {
    let body = format!(
        "(loop $again
           (call $delegate (i32.const 9000) (i32.const 5) {OWN_INPUT} (i32.const 1200))
           (br $again))"
    );
    let extra = "(data (i32.const 9000) \"other\")".to_owned();
    let flood = Guest { imports: CALL.into(), extra, ..performs(&body) };
    let (mut host, _) = beside(putter(3), puts(), Limits::DEFAULT).await;
    host.limits.gate_calls = 20;
    let failure = host.failure(&flood.component()).await;
    assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
    assert!(failure.message.starts_with("limit:gate-calls"), "{failure}");
    let made =
        host.facts.all().into_iter().filter(|fact| matches!(fact, Fact::CallAnswered { .. }));
    assert!(made.count() <= 20, "those that are called count, too");
}

/// The same attempt, executed again after the first `count` of these facts.
fn after(host: &Host, component: Digest, facts: &[Fact], count: usize) -> (Job, Arc<Facts>) {
    let past = Arc::new(Facts::after(&facts[..count]));
    let record = Arc::new(past.record());
    (Job { record, recorder: Arc::clone(&past) as _, ..host.job(component) }, past)
}

#[tokio::test]
async fn a_callee_goes_on_where_it_was_cut() {
    let host = Host::new();
    host.casts("last", &putter(2).component(), puts(), Limits::DEFAULT).await;
    host.casts("other", &caller_of("last").component(), may_call(&["last"]), Limits::DEFAULT).await;
    let caller = host.load(&caller_of("other").component()).await;
    let whole = host.run(caller).await.result.unwrap();
    let facts = host.facts.all();
    assert_eq!(facts.len(), 6, "{facts:?}");
    for count in 0..=facts.len() {
        let (job, past) = after(&host, caller, &facts, count);
        assert_eq!(host.runner.run(job).await.result.unwrap(), whole, "after {count}");
        assert_eq!(past.all(), facts, "after {count}: nothing twice, nothing else");
    }
    let deepest: Vec<AttemptId> = facts.iter().filter_map(|fact| fact.attempt().cloned()).collect();
    assert_eq!(deepest.iter().map(|id| id.path.depth()).max(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_hold_every_place_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = support::sandbox(&folder.path().join("code")).with_places(4, 1);
    let host = Arc::new(Host::over(Arc::new(tiny)));
    host.casts("last", &performs(&answer("\"deep\"")).component(), Grants::none(), Limits::MAXIMUM)
        .await;
    host.casts("other", &caller_of("last").component(), may_call(&["last"]), Limits::MAXIMUM).await;
    let caller = host.load(&caller_of("other").component()).await;
    let all: Vec<_> = (0..64)
        .map(|_| {
            let host = Arc::clone(&host);
            tokio::spawn(async move { host.run(caller).await.result.unwrap().value() })
        })
        .collect();
    let all = tokio::time::timeout(TIMEOUT, async {
        for one in all {
            assert_eq!(one.await.unwrap(), json!("deep"));
        }
    });
    all.await.expect("64 callers and one place for whom they call");
    assert_eq!(host.sandbox.held(), 0);
}
