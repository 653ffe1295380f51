//! A budget that is spent and says `finish`: the run ends with what was released, whatever had begun.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bailiwick_core::fact::{CallAnswer, Capability, Fact, FailureKind, Limit, RunEnd};
use bailiwick_core::ports::Recorder;
use bailiwick_core::run::End;
use bailiwick_core::{AttemptId, CellId, CellKey, Cost, Digest};
use bailiwick_policy::ports::Job;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::house::{House, failure, name, slowly};

const FOUR: &str = r#"
[axes]
topic = ["a", "b", "c", "d"]

[step.draft]
agent = "work"
over  = ["topic"]
retry = { attempts = 3 }

[step.digest]
agent   = "work"
collect = ["topic"]
input   = { items = "${draft}" }

[output]
drafts = "${draft}"
digest = "${digest}"
fixed  = "as it is"
"#;

/// What the gate writes down when the budget is spent.
async fn is_told(recorder: &Arc<dyn Recorder>, attempt: &AttemptId) {
    let answer =
        CallAnswer::Exhausted { limit: Limit::Calls, detail: "2 of 2".into(), finish: true };
    let fact = Fact::CallAnswered {
        attempt: attempt.clone(),
        index: 0,
        capability: Capability::Model,
        request: Digest::of(b""),
        answer,
        cost: Cost::ZERO,
    };
    let (ticket, _) = recorder.record(fact).await.unwrap();
    ticket.durable().await.unwrap();
}

fn key(job: &Job) -> String {
    job.attempt.cell.key.to_string()
}

/// Who is in `spent` is told that nothing is left, and gives up.
fn spent(house: House, spent: &'static [&'static str]) -> House {
    house.agents(slowly(move |job: Job| async move {
        if spent.contains(&key(&job).as_str()) || spent.contains(&job.attempt.cell.step.as_str()) {
            is_told(&job.recorder, &job.attempt).await;
            return Err(failure(FailureKind::Retryable));
        }
        Ok(json!(key(&job)))
    }))
}

fn end_of(house: &House, step: &str, key: &str) -> End {
    let state = bailiwick_core::RunState::replay(&house.entries()).unwrap().unwrap();
    let keys = &state.step(&name(step)).unwrap().order;
    let key = keys.iter().find(|own| own.to_string() == key).cloned();
    let cell = CellId { step: name(step), key: key.unwrap_or_else(CellKey::single) };
    state.cell(&cell).unwrap().end().unwrap().clone()
}

fn output(ended: &bailiwick_orchestrator::Ended) -> Value {
    ended.state.output.as_ref().unwrap().value()
}

#[tokio::test]
async fn the_run_ends_with_what_was_released() {
    let house = spent(House::of(FOUR).at_a_time(1), &["topic=b"]);
    let ended = house.run().await;
    assert_eq!(ended.state.end, Some(RunEnd::Done));
    let reason = "finished early, because a budget is spent: 2 of 2";
    assert_eq!(ended.state.reason.as_deref(), Some(reason));
    let a = json!({ "axis": { "topic": "a" }, "value": "topic=a" });
    assert_eq!(output(&ended), json!({ "drafts": [a], "digest": null, "fixed": "as it is" }));
    for (step, key) in [("draft", "topic=b"), ("draft", "topic=d"), ("digest", "-")] {
        let End::Dropped { reason: why } = end_of(&house, step, key) else {
            panic!("{step} {key}")
        };
        assert_eq!(why, "the run finished early: a budget is spent", "{step} {key}");
    }
    let starts = house.facts().into_iter().filter(|f| matches!(f, Fact::CellStarted { .. }));
    assert_eq!(starts.count(), 2, "nothing new begins, not even another try");
}

#[tokio::test]
async fn what_runs_may_end_and_counts() {
    let all = Arc::new(Barrier::new(4));
    let act = move |job: Job, all: Arc<Barrier>| async move {
        all.wait().await;
        if key(&job) == "topic=a" {
            is_told(&job.recorder, &job.attempt).await;
            // It does what it can.
            return Ok(json!("less"));
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        Ok(json!(key(&job)))
    };
    let house = House::of(FOUR).at_a_time(4).agents(slowly(move |job| act(job, Arc::clone(&all))));
    let ended = house.run().await;
    assert_eq!(output(&ended)["drafts"].as_array().unwrap().len(), 4);
    assert_eq!(output(&ended)["drafts"][0]["value"], "less");
    assert_eq!(output(&ended)["digest"], Value::Null);
}

#[tokio::test]
async fn a_candidate_that_nobody_can_judge_any_more_is_dropped() {
    const JUDGED: &str = r#"
[axes]
topic = ["a", "b"]
[step.draft]
agent = "work"
over  = ["topic"]
[step.check]
agent  = "judge"
judges = "draft"
[output]
drafts = "${draft}"
"#;
    let house = spent(House::of(JUDGED).at_a_time(1), &["check"]);
    let ended = house.run().await;
    assert_eq!((ended.state.end, output(&ended)), (Some(RunEnd::Done), json!({ "drafts": [] })));
    assert!(matches!(end_of(&house, "draft", "topic=a"), End::Dropped { .. }));
}

#[tokio::test]
async fn axes_that_were_not_reached_have_no_values() {
    const REACHED: &str = r#"
[axes]
topic = "${topics}"
[step.topics]
agent = "work"
[step.draft]
agent = "work"
over  = ["topic"]
[output]
drafts = "${draft}"
topics = "${topics}"
"#;
    let house = spent(House::of(REACHED), &["topics"]);
    let ended = house.run().await;
    assert_eq!(ended.state.end, Some(RunEnd::Done));
    assert_eq!(output(&ended), json!({ "drafts": [], "topics": null }));
}

#[tokio::test]
async fn a_host_that_ends_meanwhile_changes_nothing() {
    static SECOND: AtomicBool = AtomicBool::new(false);
    let house = House::of(FOUR).at_a_time(2).agents(slowly(|job: Job| async move {
        match key(&job).as_str() {
            "topic=a" => {
                is_told(&job.recorder, &job.attempt).await;
                Err(failure(FailureKind::Fatal))
            }
            // It runs when its host ends, and goes on with the next.
            "topic=b" if !SECOND.load(Ordering::SeqCst) => std::future::pending().await,
            _ => Ok(json!(key(&job))),
        }
    }));
    let (_handle, driven) = house.start();
    let cut = async {
        let failed = |fact: &Fact| matches!(fact, Fact::AttemptFailed { .. });
        house.seen.until(1, failed).await;
    };
    tokio::select! {
        _ = driven => panic!("it waits for b"),
        () = cut => {}
    }
    SECOND.store(true, Ordering::SeqCst);
    let (_handle, driven) = house.resume().await;
    let ended = driven.await.unwrap();
    assert_eq!(ended.state.end, Some(RunEnd::Done));
    let b = json!({ "axis": { "topic": "b" }, "value": "topic=b" });
    assert_eq!(output(&ended)["drafts"], json!([b]));
    let starts = house.facts().into_iter().filter(|f| matches!(f, Fact::CellStarted { .. }));
    assert_eq!(starts.count(), 2, "neither c nor d nor the digest begins");
}
