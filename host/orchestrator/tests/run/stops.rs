//! How a run is stopped, and what it leaves behind when it cannot go on.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{Fact, FailureKind, ParkReason, RunEnd};
use bailiwick_core::run::{RunStatus, Stage};
use bailiwick_core::{CellId, CellKey};
use bailiwick_orchestrator::RunError;
use serde_json::json;
use tokio::sync::Notify;

use crate::house::{House, Table, at_once, failure, name, slowly, until, usual};

const THREE: &str = r#"
[axes]
topic = ["a", "b", "c"]

[step.draft]
agent = "work"
over  = ["topic"]

[step.check]
agent  = "judge"
judges = "draft"

[output]
drafts = "${draft}"
"#;

/// Nothing but the retries, judges and cells that a test stops.
fn endless(house: House) -> House {
    house.agents(slowly(|_| async {
        std::future::pending::<()>().await;
        Ok(json!(null))
    }))
}

fn started(fact: &Fact) -> bool {
    matches!(fact, Fact::CellStarted { .. })
}

#[tokio::test]
async fn a_stop_gives_a_grace_and_then_ends_what_runs() {
    let house = endless(House::of(THREE).at_a_time(2));
    house.clock.freeze();
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(2, started).await;
        handle.stop().await;
        until(|| house.clock.asleep() > 0).await;
        house.clock.advance(Duration::from_secs(9));
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(house.runner.gauge.now(), 2, "the grace is not over");
        house.clock.advance(Duration::from_secs(1));
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.end, Some(RunEnd::Interrupted));
    let parked =
        |fact: &&Fact| matches!(fact, Fact::CellParked { reason: ParkReason::Stopped, .. });
    assert_eq!(house.facts().iter().filter(parked).count(), 2);
    // What was let go has not failed: nothing says how it would have ended.
    assert!(
        !house
            .facts()
            .iter()
            .any(|fact| matches!(fact, Fact::CellFailed { .. } | Fact::Dropped { .. }))
    );
}

#[tokio::test]
async fn what_ends_within_the_grace_counts_and_nothing_new_starts() {
    let stop = Arc::new(Notify::new());
    let gate = Arc::clone(&stop);
    let house = House::of(THREE).at_a_time(2).agents(slowly(move |_| {
        let gate = Arc::clone(&gate);
        async move {
            gate.notified().await;
            Ok(json!("made"))
        }
    }));
    house.clock.freeze();
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(2, started).await;
        handle.stop().await;
        until(|| house.clock.asleep() > 0).await;
        stop.notify_waiters();
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    let counts = |of: &str| house.facts().iter().filter(|fact| fact.name() == of).count();
    assert_eq!((counts("CellStarted"), counts("CellFinished")), (2, 2));
    assert_eq!(ended.state.status(), RunStatus::Interrupted);
}

#[tokio::test]
async fn the_second_stop_has_no_grace() {
    let house = endless(House::of(THREE));
    house.clock.freeze();
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(3, started).await;
        handle.stop().await;
        handle.stop().await;
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.end, Some(RunEnd::Interrupted));
}

#[tokio::test]
async fn a_cancelled_judge_has_not_vetoed() {
    let house = House::of(THREE).at_a_time(1).agents(slowly(|job| async move {
        if job.attempt.cell.step.as_str() == "check" {
            std::future::pending::<()>().await;
        }
        Ok(json!("made"))
    }));
    let (handle, driven) = house.start();
    let person = async {
        house
            .seen
            .until(1, |fact| {
                matches!(fact, Fact::CellStarted { attempt, .. }
            if attempt.cell.step.as_str() == "check")
            })
            .await;
        handle.stop().await;
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert!(
        !house
            .facts()
            .iter()
            .any(|fact| matches!(fact, Fact::Judged { .. } | Fact::Dropped { .. }))
    );
    assert_eq!(ended.state.step(&name("check")).unwrap().judge_failures, 0);
}

#[tokio::test]
async fn a_stop_ends_a_run_that_waits_for_attended_people_or_for_a_retry() {
    let editor = format!(
        "{THREE}\n[step.editor]\njudges = \"draft\"\npeople = {{ groups = [\"editors\"] }}\n"
    );
    let house = House::of(&editor).desk(Table::attended());
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(3, |fact| matches!(fact, Fact::Asked { .. })).await;
        handle.stop().await;
    };
    let (ended, ()) = tokio::join!(driven, person);
    house.hold_against(&ended.unwrap());

    let retry = "[step.draft]\nagent = \"work\"\nretry = { attempts = 2, backoff = \"1 h\" }\n";
    let house = House::of(retry).agents(at_once(|_| Err(failure(FailureKind::Retryable))));
    house.clock.freeze();
    let (handle, driven) = house.start();
    let person = async {
        house
            .seen
            .until(1, |fact| matches!(fact, Fact::AttemptFailed { retry: Some(_), .. }))
            .await;
        handle.stop().await;
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    let draft = CellId { step: name("draft"), key: CellKey::single() };
    assert!(matches!(ended.state.cell(&draft).unwrap().stage, Stage::Resting { .. }));
}

#[tokio::test]
async fn a_run_that_fails_lets_what_runs_end() {
    let may_end = Arc::new(Notify::new());
    let gate = Arc::clone(&may_end);
    let house = House::of(THREE).at_a_time(2);
    let seen = Arc::clone(&house.seen);
    let house = house.agents(slowly(move |job| {
        let (gate, seen) = (Arc::clone(&gate), Arc::clone(&seen));
        async move {
            if job.attempt.cell.key.as_str() == "topic=a" {
                seen.until(2, started).await;
                return Err(failure(FailureKind::Fatal));
            }
            gate.notified().await;
            Ok(json!("made"))
        }
    }));
    let (_handle, driven) = house.start();
    let wait = async {
        house.seen.until(1, |fact| matches!(fact, Fact::CellFailed { .. })).await;
        may_end.notify_one();
    };
    let (ended, ()) = tokio::join!(driven, wait);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.status(), RunStatus::Failed);
    assert!(ended.state.reason.unwrap().contains("1 of 3 cells of `draft` failed"));
    let counts = |of: &str| house.facts().iter().filter(|fact| fact.name() == of).count();
    assert_eq!((counts("CellStarted"), counts("CellFinished")), (2, 1));
}

#[tokio::test]
async fn a_panic_of_the_host_fails_the_cell_and_the_run_ends() {
    let house = House::of(THREE).agents(at_once(|job| {
        assert!(job.attempt.cell.key.as_str() != "topic=b", "a defect of the host");
        Ok(json!({ "verdict": "pass", "score": 1, "reasons": [] }))
    }));
    let ended = house.run().await;
    assert_eq!(ended.state.status(), RunStatus::Failed);
    let host = |fact: &Fact| matches!(fact, Fact::CellFailed { failure, .. } if failure.kind == FailureKind::Host);
    assert!(house.facts().iter().any(host));
}

#[tokio::test]
async fn storage_that_fails_ends_the_run_and_what_runs() {
    let house = endless(House::of(THREE));
    let (handle, driven) = house.start();
    let cut = async {
        house.seen.until(3, started).await;
        house.journal.lose_power();
        // Nothing was lost yet: whoever writes next finds out.
        handle.stop().await;
    };
    let (ended, ()) = tokio::join!(driven, cut);
    assert!(matches!(ended, Err(RunError::Journal(_))), "{ended:?}");
    until(|| house.runner.gauge.now() == 0).await;
}

/// The run has nothing to write any more; it must learn that what it wrote is lost, and
/// is made anew from what is on disk.
#[tokio::test]
async fn storage_that_fails_is_noticed_by_a_run_that_waits() {
    let editor = "[step.draft]\nagent = \"work\"\n[step.editor]\njudges = \"draft\"\npeople = { groups = [\"e\"] }\n";
    for desk in [Table::default(), Table::attended()] {
        let house = House::of(editor).desk(desk);
        let (handle, driven) = house.start();
        let cut = async {
            house.seen.until(1, started).await;
            house.journal.hold();
            until(|| house.journal.held() > 0).await;
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            assert!(house.desk.questions.lock().unwrap().is_empty(), "it is not on disk");
            house.journal.lose_power();
            house.seen.until(1, |fact| matches!(fact, Fact::Asked { .. })).await;
            handle.stop().await;
        };
        let (ended, ()) = tokio::join!(driven, cut);
        house.hold_against(&ended.unwrap());
        let count = |name: &str| house.facts().iter().filter(|fact| fact.name() == name).count();
        assert_eq!((count("RunStarted"), count("RunResumed"), count("Asked")), (1, 1, 1));
    }
}

#[tokio::test]
async fn a_run_that_exists_is_not_begun_again() {
    let house = House::of("[step.draft]\nagent = \"work\"\n");
    house.run().await;
    let (_handle, driven) = house.start();
    assert!(matches!(driven.await, Err(RunError::Journal(_))));
}

#[tokio::test]
async fn a_run_that_is_let_go_leaves_nothing_running() {
    let house = endless(House::of(THREE));
    let (_handle, driven) = house.start();
    let running = tokio::spawn(driven);
    house.seen.until(3, started).await;
    running.abort();
    until(|| house.runner.gauge.now() == 0).await;
}

/// A run that was failing anyway has failed; the stop only gives what runs a grace.
#[tokio::test]
async fn a_stop_does_not_hide_that_the_run_was_failing() {
    let house = House::of(THREE);
    let seen = Arc::clone(&house.seen);
    let house = house.agents(slowly(move |job| {
        let seen = Arc::clone(&seen);
        async move {
            if job.attempt.cell.key.as_str() != "topic=a" {
                std::future::pending::<()>().await;
            }
            seen.until(3, started).await;
            Err(failure(FailureKind::Fatal))
        }
    }));
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(1, |fact| matches!(fact, Fact::CellFailed { .. })).await;
        handle.stop().await;
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.end, Some(RunEnd::Failed));
    assert!(ended.state.reason.unwrap().contains("1 of 3"));
}

#[tokio::test]
async fn an_attempt_may_write_only_while_it_runs() {
    let house = House::of(
        "[step.draft]\nagent = \"work\"\n[step.seo]\nagent = \"work\"\nneeds = [\"draft\"]\n",
    );
    let plan = Arc::clone(&house.plan);
    let kept = Arc::new(std::sync::Mutex::new(None));
    let house = house.agents(slowly(move |job| {
        let (plan, kept) = (Arc::clone(&plan), Arc::clone(&kept));
        async move {
            let output = usual(&plan, &job);
            let own = crate::holds::logged(&job.attempt);
            job.recorder.record(own.clone()).await.unwrap();
            let before = kept.lock().unwrap().replace(own);
            if let Some(late) = before {
                job.recorder.record(late).await.unwrap_err();
            }
            Ok(output)
        }
    }));
    let ended = house.run().await;
    assert_eq!(ended.state.status(), RunStatus::Done);
    assert_eq!(house.facts().iter().filter(|fact| fact.name() == "Logged").count(), 2);
}
