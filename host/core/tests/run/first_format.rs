//! Journals of the first format, as the release before wrote them: they are read, and their runs go on.

use bailiwick_core::fact::{Entry, Fact, FailureKind, RunEnd};
use bailiwick_core::run::{RunState, RunStatus};
use bailiwick_core::{Cost, Document, Timestamp, Tokens};
use serde_json::{Value, json};

use crate::words::{fact, stage};

fn document(value: &Value) -> Value {
    serde_json::to_value(Document::of(value)).unwrap()
}

fn digest(text: &str) -> Value {
    serde_json::to_value(bailiwick_core::Digest::of(text.as_bytes())).unwrap()
}

fn attempt(step: &str) -> Value {
    json!({ "cell": { "step": step, "key": "-" }, "round": 0, "attempt": 1 })
}

fn started(step: &str) -> Value {
    json!({
        "fact": "CellStarted", "attempt": attempt(step), "component": digest("component"),
        "powers": digest("powers"), "input": document(&json!({})),
    })
}

fn intended() -> Value {
    json!({
        "fact": "CallIntended", "attempt": attempt("draft"), "index": 0, "capability": "model",
        "request": digest("request"), "key": digest("key"), "reserved": { "tokens": 7, "calls": 1 },
    })
}

fn begun() -> Vec<Value> {
    let judge = |name: &str, by: Value| json!({ "name": name, "by": by, "judges": { "subject": "draft", "rounds": 1 } });
    vec![
        json!({
            "fact": "RunStarted", "run": "r", "pipeline": "p", "input": document(&json!({})),
            "shape": [
                { "name": "draft", "by": { "agent": "draft" }, "judges": null },
                judge("check", json!({ "agent": "check" })),
                judge("editor", json!({ "people": ["editors"] })),
            ],
            "agents": {}, "imported": [], "by": "ana",
        }),
        json!({ "fact": "StepLaidOut", "step": "draft", "cells": ["-"] }),
    ]
}

/// What a stop left behind in the first format.
fn stopped(step: &str) -> Vec<Value> {
    let failure = json!({ "kind": "cancelled", "message": "the run was stopped" });
    vec![
        json!({
            "fact": "AttemptFailed", "attempt": attempt(step), "failure": failure, "retry": null,
            "used": { "cpu_millis": 1, "memory_bytes": 2, "gate_calls": 1 },
        }),
        json!({ "fact": "RunEnded", "end": "interrupted", "output": null, "reason": null }),
    ]
}

fn replayed(facts: Vec<Value>) -> RunState {
    let facts: Vec<Fact> =
        facts.into_iter().map(|fact| serde_json::from_value(fact).unwrap()).collect();
    RunState::replay([&Entry { at: Timestamp(1), facts }]).unwrap().unwrap()
}

#[test]
fn a_stopped_run_is_interrupted_and_its_attempt_continues() {
    let mut state =
        replayed([begun(), vec![started("draft"), intended()], stopped("draft")].concat());
    assert_eq!(state.status(), RunStatus::Interrupted);
    assert_eq!(stage(&state), "parked 0/1; run interrupted");
    let open = state.open_attempts().next().unwrap();
    assert_eq!(open.record.open_calls().map(|open| open.index).collect::<Vec<_>>(), [0]);
    // Only what a host of today may do with it.
    assert!(state.next(&fact("draft 0/1 continues"), Timestamp(2)).is_err());
    for words in ["run resumes", "draft 0/1 loses", "draft 0/1 continues", "draft 0/1 finishes"] {
        state.next(&fact(words), Timestamp(2)).unwrap();
    }
    assert_eq!(stage(&state), "judging 0: check due");
    assert_eq!(
        state.lost,
        Cost { tokens: Tokens(3), calls: bailiwick_core::Calls(1), ..Cost::ZERO }
    );
}

#[test]
fn a_judge_that_was_stopped_continues_too() {
    let finished = serde_json::to_value(fact("draft 0/1 finishes")).unwrap();
    let way = vec![started("draft"), finished, started("check")];
    let mut state = replayed([begun(), way, stopped("check")].concat());
    assert_eq!(stage(&state), "judging 0: check parked 1; run interrupted");
    for words in ["run resumes", "check 0/1 continues", "check 0/1 finishes", "check passes 0"] {
        state.next(&fact(words), Timestamp(2)).unwrap();
    }
    assert_eq!(stage(&state), "judging 0: editor due");
}

#[test]
fn a_question_of_the_first_format_has_a_quorum_of_one() {
    let way = ["draft 0/1 starts", "draft 0/1 finishes", "check skips 0"];
    let way: Vec<Value> = way.map(|words| serde_json::to_value(fact(words)).unwrap()).into();
    let asked = json!({
        "fact": "Asked", "ask": "r/editor/-/0", "cell": { "step": "draft", "key": "-" }, "round": 0,
        "subject": crate::words::output(0).digest(), "show": document(&json!({})),
    });
    let mut state = replayed([begun(), way, vec![asked]].concat());
    state.next(&fact("run resumes"), Timestamp(2)).unwrap();
    state.next(&fact("editor approves 0"), Timestamp(2)).unwrap();
    assert_eq!(stage(&state), "judging 0: nobody due");
}

/// A host killed in the middle leaves nothing but what it had written.
#[test]
fn a_run_whose_host_was_killed_is_resumed() {
    let mut state = replayed([begun(), vec![started("draft"), intended()]].concat());
    assert_eq!((state.status(), state.end), (RunStatus::Running, None));
    state.next(&fact("run resumes"), Timestamp(2)).unwrap();
    assert_eq!(stage(&state), "lost 0/1");
    assert_eq!(state.running(), 0);
}

/// What a host of today would not write, one of the first format did: the attempt failed
/// at its wall clock while a call was under way. The call is charged all the same.
#[test]
fn a_call_that_outlived_its_attempt_is_written_off() {
    let failure = json!({ "kind": "limit", "message": "limit:wall used 2 min of 2 min" });
    let rests = json!({
        "fact": "AttemptFailed", "attempt": attempt("draft"), "failure": failure, "retry": 9,
        "used": { "cpu_millis": 1, "memory_bytes": 2, "gate_calls": 1 },
    });
    let mut state = replayed([begun(), vec![started("draft"), intended(), rests]].concat());
    state.next(&fact("run resumes"), Timestamp(2)).unwrap();
    state.next(&fact("draft 0/1 loses"), Timestamp(2)).unwrap();
    assert_eq!(state.lost.tokens, Tokens(3));
    state.next(&fact("draft 0/2 starts"), Timestamp(2)).unwrap();
    assert_eq!(stage(&state), "running 0/2");
}

#[test]
fn old_facts_keep_their_bytes() {
    for written in [begun(), vec![started("draft"), intended()], stopped("draft")].concat() {
        let fact: Fact = serde_json::from_value(written.clone()).unwrap();
        let again = serde_json::to_value(&fact).unwrap();
        // The chain covers what was written, so reading and writing must not change it.
        assert_eq!(again, written);
        if let Fact::AttemptFailed { failure, .. } = &fact {
            assert_eq!(failure.kind, FailureKind::Cancelled);
        }
        if let Fact::RunEnded { end, .. } = &fact {
            assert_eq!(*end, RunEnd::Interrupted);
        }
    }
}
