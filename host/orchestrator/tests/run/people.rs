//! Decisions that come while the run goes on, through its handle.

use std::sync::Arc;

use bailiwick_core::artifact::Artifact;
use bailiwick_core::fact::{AskId, Decision, Fact};
use bailiwick_core::ports::Journal as _;
use bailiwick_core::run::RunStatus;
use bailiwick_core::{Bytes, Digest, Document};
use bailiwick_orchestrator::{Answer, Refused};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::house::{House, Table, at_once, slowly, verdict};

const EDITED: &str = r#"
[step.draft]
agent = "picky"
input = { feedback = "${feedback}" }

[step.editor]
judges = "draft"
people = { groups = ["editors"] }
rounds = 1

[output]
draft = "${draft}"
"#;

fn ask(round: u32) -> AskId {
    AskId(format!("r/editor/-/{round}"))
}

fn edit(value: &Value) -> Decision {
    Decision::Edit { value: Document::of(value), comment: None }
}

#[tokio::test]
async fn what_cannot_be_decided_is_refused_and_changes_nothing() {
    let picture = |bytes: &[u8]| {
        let (digest, media_type) = (Digest::of(bytes), "image/png".into());
        Artifact { digest, media_type, bytes: Bytes(bytes.len() as u64), name: None }.to_json()
    };
    let own = picture(b"own");
    let output = json!({ "picture": own.clone() });
    let house =
        House::of(EDITED).agents(at_once(move |_| Ok(output.clone()))).desk(Table::attended());
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(1, |fact| matches!(fact, Fact::Asked { .. })).await;
        let before = house.facts();
        let decide = |id: AskId, decision| handle.decide(id, decision, "bo".into());
        let approve = || Decision::Approve { comment: None };
        let unknown = decide(ask(7), approve()).await.unwrap_err();
        assert_eq!(unknown, Refused::NoSuchQuestion(ask(7)));
        for value in [
            json!("no object"),
            json!({ "picture": picture(b"foreign") }),
            json!({ "$artifact": 1 }),
        ] {
            let refused = decide(ask(0), edit(&value)).await.unwrap_err();
            assert!(matches!(refused, Refused::Value(_)), "{value}: {refused}");
        }
        assert_eq!(house.facts(), before);
        // What the candidate holds may stay and move.
        decide(ask(0), edit(&json!({ "moved": [own] }))).await.unwrap();
        house.seen.until(2, |fact| matches!(fact, Fact::Asked { .. })).await;
        assert_eq!(
            decide(ask(0), approve()).await.unwrap_err(),
            Refused::Answered { ask: ask(0), was: "edited", by: "bo".into() }
        );
        assert_eq!(decide(ask(1), edit(&json!({}))).await.unwrap_err(), Refused::NoRoundLeft);
        decide(ask(1), approve()).await.unwrap();
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.status(), RunStatus::Done);
    let late = handle.decide(ask(1), Decision::Approve { comment: None }, "bo".into()).await;
    assert_eq!(late.unwrap_err(), Refused::RunEnded);
    // An edit runs no agent.
    assert_eq!(house.facts().iter().filter(|fact| fact.name() == "CellStarted").count(), 1);
}

/// A decision on one cell moves nothing else.
#[tokio::test]
async fn nothing_runs_again_because_of_a_decision_on_another() {
    let house = House::of(
        r#"
[axes]
topic = ["a", "b", "c"]

[step.draft]
agent = "work"
over  = ["topic"]
input = { feedback = "${feedback}" }

[step.editor]
judges = "draft"
people = { groups = ["editors"] }
rounds = 1
"#,
    );
    let house = house.desk(Table::attended());
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(3, |fact| matches!(fact, Fact::Asked { .. })).await;
        let id = |topic: &str, round| AskId(format!("r/editor/topic={topic}/{round}"));
        let decide = |id: AskId, decision| handle.decide(id, decision, "bo".into());
        decide(id("a", 0), Decision::Reject { comment: None }).await.unwrap();
        house.seen.until(4, |fact| matches!(fact, Fact::Asked { .. })).await;
        assert_eq!(house.facts().iter().filter(|fact| fact.name() == "CellStarted").count(), 4);
        for (topic, round) in [("c", 0), ("a", 1), ("b", 0)] {
            decide(id(topic, round), Decision::Approve { comment: None }).await.unwrap();
        }
    };
    let (ended, ()) = tokio::join!(driven, person);
    house.hold_against(&ended.unwrap());
}

/// The desk asks for the judge's turn with what other steps gave; the candidate that
/// waits there may be an earlier one than the last.
#[tokio::test]
async fn an_escalated_candidate_waits_for_what_the_next_judge_reads() {
    let facts_may_end = Arc::new(Notify::new());
    let gate = Arc::clone(&facts_may_end);
    let house = House::of(
        r#"
[step.facts]
agent = "work"

[step.draft]
agent = "work"
input = { feedback = "${feedback}" }

[step.check]
agent  = "judge"
judges = "draft"
rounds = 1

[step.tone]
agent  = "judge"
judges = "draft"
input  = { subject = "${subject}", facts = "${facts}", round = "${round}" }

[step.editor]
judges = "draft"
people = { groups = ["editors"] }

[output]
draft = "${draft}"
"#,
    );
    let house = house.desk(Table::of("[[decide]]\nstep = \"editor\"\ndecision = \"approve\"\n"));
    let house = house.agents(slowly(move |job| {
        let gate = Arc::clone(&gate);
        async move {
            Ok(match (job.attempt.cell.step.as_str(), job.attempt.round) {
                ("facts", _) => {
                    gate.notified().await;
                    json!("facts")
                }
                ("check", 0) => verdict("revise", 0.9),
                ("check", _) => verdict("revise", 0.1),
                ("tone", _) => verdict("pass", 1.0),
                (_, round) => json!(format!("draft {round}")),
            })
        }
    }));
    let (_handle, driven) = house.start();
    let release = async {
        house.seen.until(1, |fact| matches!(fact, Fact::Escalated { round: 0, .. })).await;
        facts_may_end.notify_one();
    };
    let (ended, ()) = tokio::join!(driven, release);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.output.unwrap().value(), json!({ "draft": "draft 0" }));
}

#[tokio::test]
async fn readers_of_a_judged_step_see_released_cells_only() {
    let may_judge = Arc::new(Notify::new());
    let gate = Arc::clone(&may_judge);
    let house = House::of(
        r#"
[axes]
topic = ["a", "b"]

[step.draft]
agent = "work"
over  = ["topic"]

[step.check]
agent  = "judge"
judges = "draft"

[step.seo]
agent = "work"
over  = ["topic"]
input = { draft = "${draft}" }
"#,
    );
    let house = house.agents(slowly(move |job| {
        let gate = Arc::clone(&gate);
        async move {
            match (job.attempt.cell.step.as_str(), job.attempt.cell.key.as_str()) {
                ("check", "topic=a") => {
                    gate.notified().await;
                    Ok(verdict("pass", 1.0))
                }
                ("check", _) => Ok(verdict("pass", 1.0)),
                _ => Ok(json!("made")),
            }
        }
    }));
    let (_handle, driven) = house.start();
    let judge = async {
        let of = |step: &'static str, key: &'static str| {
            move |fact: &Fact| {
                matches!(fact, Fact::CellFinished { attempt, .. }
                if attempt.cell.step.as_str() == step && attempt.cell.key.as_str() == key)
            }
        };
        // The neighbour went all the way: its reader waited for nobody else.
        house.seen.until(1, of("seo", "topic=b")).await;
        house.seen.until(1, of("draft", "topic=a")).await;
        let started = |fact: &Fact| {
            matches!(fact, Fact::CellStarted { attempt, .. }
            if attempt.cell.step.as_str() == "seo" && attempt.cell.key.as_str() == "topic=a")
        };
        assert!(!house.facts().iter().any(started), "a reader started before the release");
        may_judge.notify_one();
    };
    let (ended, ()) = tokio::join!(driven, judge);
    house.hold_against(&ended.unwrap());
}

/// The append is made for it, with those of other runs, by who asked.
#[tokio::test]
async fn a_run_that_is_held_goes_on_with_the_append_that_was_made_or_as_if_nothing_was_said() {
    let house =
        House::of(EDITED).agents(at_once(|_| Ok(json!({ "text": 1 })))).desk(Table::attended());
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(1, |fact| matches!(fact, Fact::Asked { .. })).await;
        let before = house.facts();
        let answers = |round: u32| {
            let decision = Decision::Approve { comment: None };
            vec![Answer { ask: ask(round), decision, by: "bo".into(), subject: None }]
        };
        let refused = handle.hold(answers(7)).await.unwrap_err();
        assert_eq!(refused, [Refused::NoSuchQuestion(ask(7))]);
        let mut held = handle.hold(answers(0)).await.unwrap();
        assert!(held.append().is_some());
        drop(held);
        let mut held = handle.hold(answers(0)).await.unwrap();
        assert_eq!(house.facts(), before, "nobody has made what was said before");
        let append = held.append().unwrap();
        assert!(matches!(append.entry.facts.as_slice(), [Fact::Decided { .. }]));
        let tickets = house.journal.append_all(vec![append]).unwrap();
        held.go(tickets[0].clone());
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.status(), RunStatus::Done);
    let decided = house.facts().iter().filter(|fact| matches!(fact, Fact::Decided { .. })).count();
    assert_eq!(decided, 1);
}
