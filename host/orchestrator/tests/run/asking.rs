//! How long people are asked, how many must agree, and what becomes of their answers when a run is left and resumed.

use std::time::Duration;

use bailiwick_core::fact::{AskId, Decision, Entry, Fact};
use bailiwick_core::ports::Journal as _;
use bailiwick_core::run::{RunStatus, TIMEOUT};
use bailiwick_core::{Digest, Document, RunState, Timestamp};
use bailiwick_orchestrator::{Answer, Fit, Refused, RunHandle, Taken, fit};
use serde_json::json;

use crate::house::{House, Table, at_once, run_id, until, verdict};

const HOUR: Duration = Duration::from_secs(3600);

/// `draft`, judged by people as `people` says.
fn pipeline(people: &str) -> String {
    format!(
        r#"
[step.draft]
agent = "picky"
input = {{ feedback = "${{feedback}}" }}

[step.editor]
judges = "draft"
people = {{ groups = ["editors"], {people} }}
rounds = 2

[output]
draft = "${{draft}}"
"#
    )
}

/// A house with people at the desk, a clock that stands, and drafts that are the same each time.
fn house(people: &str) -> House {
    let house = House::of(&pipeline(people)).desk(Table::attended());
    let house = house.agents(at_once(|_| Ok(json!({ "text": "a" }))));
    house.clock.freeze();
    house
}

fn ask(round: u32) -> AskId {
    AskId(format!("r/editor/-/{round}"))
}

fn approve() -> Decision {
    Decision::Approve { comment: None }
}

fn reject() -> Decision {
    Decision::Reject { comment: Some("no".into()) }
}

fn is_asked(fact: &Fact) -> bool {
    matches!(fact, Fact::Asked { .. })
}

async fn decide(
    handle: &RunHandle,
    round: u32,
    decision: Decision,
    by: &str,
) -> Result<Taken, Refused> {
    handle.decide(ask(round), decision, by.into()).await
}

/// Who decided what, in order.
fn decided(house: &House) -> Vec<String> {
    let told = |fact: Fact| match fact {
        Fact::Decided { ask, decision, by } => Some(format!("{ask} {} {by}", decision.as_str())),
        _ => None,
    };
    house.facts().into_iter().filter_map(told).collect()
}

#[tokio::test]
async fn a_quorum_is_different_people() {
    let house = house("quorum = 2");
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(1, is_asked).await;
        assert_eq!(decide(&handle, 0, approve(), "ana").await.unwrap().already, None);
        let before = house.facts();
        let again = decide(&handle, 0, approve(), "ana").await.unwrap();
        assert_eq!(again.already.as_deref(), Some("ana"), "it is said that she has");
        assert_eq!(house.facts(), before);
        assert_eq!(decide(&handle, 0, approve(), "bo").await.unwrap().already, None);
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.status(), RunStatus::Done);
    assert_eq!(decided(&house), ["r/editor/-/0 approve ana", "r/editor/-/0 approve bo"]);
}

#[tokio::test]
async fn one_rejection_or_edit_decides_at_once_whatever_the_quorum() {
    let house = house("quorum = 3");
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(1, is_asked).await;
        decide(&handle, 0, approve(), "ana").await.unwrap();
        decide(&handle, 0, reject(), "ana").await.unwrap();
        house.seen.until(2, is_asked).await;
        let value = Document::of(&json!({ "text": "by hand" }));
        let edit = Decision::Edit { value, comment: None };
        decide(&handle, 1, edit.clone(), "bo").await.unwrap();
        house.seen.until(3, is_asked).await;
        let same = decide(&handle, 1, edit, "cy").await.unwrap();
        assert_eq!(same.already.as_deref(), Some("bo"), "the same edit changes nothing");
        let other = Decision::Edit { value: Document::of(&json!({})), comment: None };
        let refused = decide(&handle, 1, other, "cy").await.unwrap_err();
        assert_eq!(refused.to_string(), "r/editor/-/1 is edited already, by bo");
        for by in ["ana", "bo", "cy"] {
            decide(&handle, 2, approve(), by).await.unwrap();
        }
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(ended.state.output.unwrap().value(), json!({ "draft": { "text": "by hand" } }));
}

/// Approvals are about bytes: the same candidate again has them, another one has not.
#[tokio::test]
async fn votes_carry_over_to_an_equal_candidate_only() {
    let house = House::of(&pipeline("quorum = 2")).desk(Table::attended());
    let house = house.agents(at_once(|job| {
        // Round 1 is as round 0, round 2 is not.
        Ok(json!({ "text": if job.attempt.round < 2 { "a" } else { "b" } }))
    }));
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(1, is_asked).await;
        decide(&handle, 0, approve(), "ana").await.unwrap();
        decide(&handle, 0, reject(), "bo").await.unwrap();
        house.seen.until(2, is_asked).await;
        assert_eq!(decide(&handle, 1, approve(), "ana").await.unwrap().already.unwrap(), "ana");
        decide(&handle, 1, reject(), "cy").await.unwrap();
        house.seen.until(3, is_asked).await;
        for by in ["ana", "bo"] {
            assert_eq!(decide(&handle, 2, approve(), by).await.unwrap().already, None);
        }
    };
    let (ended, ()) = tokio::join!(driven, person);
    house.hold_against(&ended.unwrap());
    let carried: Vec<_> = house
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Decided { decision, by, .. } => Some((by, decision.comment()?.to_owned())),
            _ => None,
        })
        .filter(|(_, comment)| comment.starts_with("carried"))
        .collect();
    let comment = "carried over from round 0: the candidate is the same".to_owned();
    assert_eq!(carried, [("ana".to_owned(), comment)]);
}

#[tokio::test]
async fn several_are_decided_together_or_not_at_all() {
    let house = House::of(&format!(
        "[axes]\ntopic = [\"a\", \"b\"]\n{}",
        pipeline("quorum = 1")
            .replace("agent = \"picky\"", "agent = \"picky\"\nover = [\"topic\"]")
    ));
    let house = house.agents(at_once(|_| Ok(json!({ "text": "a" })))).desk(Table::attended());
    let (handle, driven) = house.start();
    let answer = |topic: &str, subject| Answer {
        ask: AskId(format!("r/editor/topic={topic}/0")),
        decision: approve(),
        by: "ana".into(),
        subject,
    };
    let person = async {
        house.seen.until(2, is_asked).await;
        let before = house.facts();
        let other = Some(Digest::of(b"another candidate"));
        let refused =
            handle.decide_all(vec![answer("a", None), answer("b", other)]).await.unwrap_err();
        assert!(matches!(refused.as_slice(), [Refused::Changed { .. }]), "{refused:?}");
        let refused = handle.decide_all(vec![answer("a", None), answer("c", None)]).await;
        assert!(matches!(refused.unwrap_err().as_slice(), [Refused::NoSuchQuestion(_)]));
        assert_eq!(house.facts(), before);
        let shown = Some(Document::of(&json!({ "text": "a" })).digest());
        let both = vec![answer("a", shown), answer("b", None), answer("a", None)];
        let taken = handle.decide_all(both).await.unwrap();
        let already: Vec<_> = taken.iter().map(|taken| taken.already.is_some()).collect();
        assert_eq!(already, [false, false, true]);
    };
    let (ended, ()) = tokio::join!(driven, person);
    house.hold_against(&ended.unwrap());
    let together = house.entries().into_iter().map(|entry| {
        entry.facts.iter().filter(|fact| matches!(fact, Fact::Decided { .. })).count()
    });
    assert_eq!(together.max(), Some(2), "one append has both");
}

#[tokio::test]
async fn nobody_in_time_is_a_rejection_and_the_agent_reads_why() {
    let house = house("timeout = \"48 h\"");
    let (_handle, driven) = house.start();
    let time = async {
        for round in 1..=3 {
            house.seen.until(round, is_asked).await;
            until(|| house.clock.asleep() > 0).await;
            house.clock.advance(47 * HOUR);
            until(|| house.clock.asleep() > 0).await;
            assert_eq!(decided(&house).len(), round - 1, "an hour is left");
            house.clock.advance(HOUR);
        }
    };
    let (ended, ()) = tokio::join!(driven, time);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    let told: Vec<_> = (0..3).map(|n| format!("r/editor/-/{n} reject {TIMEOUT}")).collect();
    assert_eq!(decided(&house), told);
    let said = house.facts().into_iter().find_map(|fact| match fact {
        Fact::Decided { decision, .. } => decision.comment().map(str::to_owned),
        _ => None,
    });
    assert_eq!(said.as_deref(), Some("nobody answered in 48 h"));
    let dropped = house.facts().into_iter().any(
        |fact| matches!(fact, Fact::Dropped { reason, .. } if reason == "rejected by timeout"),
    );
    assert!(dropped, "after the last round it is dropped");
}

#[tokio::test]
async fn on_timeout_approve_needs_no_quorum() {
    let house = house("quorum = 3, timeout = \"1 h\", on-timeout = \"approve\"");
    let (handle, driven) = house.start();
    let time = async {
        house.seen.until(1, is_asked).await;
        decide(&handle, 0, approve(), "ana").await.unwrap();
        until(|| house.clock.asleep() > 0).await;
        house.clock.advance(HOUR);
    };
    let (ended, ()) = tokio::join!(driven, time);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    assert_eq!(decided(&house), ["r/editor/-/0 approve ana", "r/editor/-/0 approve timeout"]);
    assert_eq!(ended.state.status(), RunStatus::Done);
}

/// Only people release what a judge did not let pass.
#[tokio::test]
async fn a_timeout_never_approves_what_is_escalated() {
    let text = pipeline("timeout = \"1 h\", on-timeout = \"approve\"").replace(
        "[step.editor]",
        "[step.check]\nagent = \"judge\"\njudges = \"draft\"\n\n[step.editor]",
    );
    let house = House::of(&text.replace("rounds = 2", "rounds = 0")).desk(Table::attended());
    let house = house.agents(at_once(|job| {
        Ok(match job.attempt.cell.step.as_str() {
            "check" => verdict("revise", 0.5),
            _ => json!({ "text": "a" }),
        })
    }));
    let ended = house.run().await;
    assert!(house.facts().iter().any(|fact| matches!(fact, Fact::Escalated { .. })));
    assert_eq!(decided(&house), ["r/editor/-/0 reject timeout"]);
    assert_ne!(ended.state.status(), RunStatus::Done, "its only output was not released");
}

#[tokio::test]
async fn an_answer_in_time_leaves_no_timer() {
    let house = house("timeout = \"2 h\", on-timeout = \"approve\", remind = \"1 h\"");
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(1, is_asked).await;
        decide(&handle, 0, reject(), "ana").await.unwrap();
        house.seen.until(2, is_asked).await;
        // The times of the second question begin with it; those of the first are over.
        decide(&handle, 1, approve(), "ana").await.unwrap();
    };
    let (ended, ()) = tokio::join!(driven, person);
    house.hold_against(&ended.unwrap());
    assert_eq!(decided(&house), ["r/editor/-/0 reject ana", "r/editor/-/1 approve ana"]);
    assert!(!house.facts().iter().any(|fact| matches!(fact, Fact::Reminded { .. })));
}

#[tokio::test]
async fn reminders_come_until_somebody_answers() {
    let house = house("remind = \"4 h\"");
    let (handle, driven) = house.start();
    let person = async {
        house.seen.until(1, is_asked).await;
        for times in 1..=3 {
            until(|| house.clock.asleep() > 0).await;
            house.clock.advance(4 * HOUR);
            house.seen.until(times, |fact| matches!(fact, Fact::Reminded { .. })).await;
        }
        decide(&handle, 0, approve(), "ana").await.unwrap();
    };
    let (ended, ()) = tokio::join!(driven, person);
    let ended = ended.unwrap();
    house.hold_against(&ended);
    let ask = &ended.state.asks[&ask(0)];
    assert_eq!((ask.reminders, ask.told), (3, Timestamp(0).after(12 * HOUR)));
}

/// On a clock that leaps from one time to the next.
#[tokio::test]
async fn reminders_are_bounded() {
    let text =
        pipeline("remind = \"1 h\", timeout = \"8000 h\"").replace("rounds = 2", "rounds = 0");
    let house = House::of(&text).desk(Table::attended());
    let house = house.agents(at_once(|_| Ok(json!({ "text": "a" }))));
    house.run().await;
    let reminded =
        house.facts().iter().filter(|fact| matches!(fact, Fact::Reminded { .. })).count();
    assert_eq!(reminded, 100);
    assert_eq!(decided(&house), ["r/editor/-/0 reject timeout"]);
}

/// A house that was left waiting: nobody attends its desk.
async fn left(people: &str) -> House {
    let text = format!(
        "[axes]\ntopic = [\"a\", \"b\"]\n{}",
        pipeline(people).replace("agent = \"picky\"", "agent = \"picky\"\nover = [\"topic\"]")
    );
    let house = House::of(&text).agents(at_once(|_| Ok(json!({ "text": "a" }))));
    house.clock.freeze();
    let ended = house.run().await;
    assert_eq!(ended.state.status(), RunStatus::Waiting);
    house
}

fn about(topic: &str) -> AskId {
    AskId(format!("r/editor/topic={topic}/0"))
}

/// What a command writes while no host runs.
async fn write_down(house: &House, fact: Fact) {
    let term = house.journal.claim(&run_id()).await.unwrap();
    let entry = Entry { at: house.entries().last().unwrap().at, facts: vec![fact] };
    house.journal.append(&run_id(), term, entry).unwrap().durable().await.unwrap();
}

#[tokio::test]
async fn what_is_overdue_at_a_resume_times_out_after_what_was_decided() {
    let house = left("timeout = \"1 h\", on-timeout = \"approve\"").await;
    assert!(decided(&house).is_empty(), "nobody waits for a timer without a host");
    house.clock.advance(100 * HOUR);
    let by = "ana".to_owned();
    write_down(&house, Fact::Decided { ask: about("b"), decision: approve(), by }).await;
    let (_handle, driven) = house.resume().await;
    let ended = driven.await.unwrap();
    assert_eq!(
        decided(&house),
        ["r/editor/topic=b/0 approve ana", "r/editor/topic=a/0 approve timeout"]
    );
    assert_eq!(ended.state.status(), RunStatus::Done);
    let started = house.facts().iter().filter(|fact| fact.name() == "CellStarted").count();
    assert_eq!(started, 2, "nothing ran again");
    let asked = house.facts().iter().filter(|fact| is_asked(fact)).count();
    assert_eq!(asked, 2, "nobody was asked again");
}

/// What a desk knows already comes before a time that is over.
#[tokio::test]
async fn answers_at_hand_come_before_what_is_overdue() {
    let house = left("timeout = \"1 h\", on-timeout = \"reject\"").await;
    house.clock.advance(100 * HOUR);
    let house = house.desk(Table::of("[[decide]]\nstep = \"editor\"\ndecision = \"approve\"\n"));
    let (_handle, driven) = house.resume().await;
    let ended = driven.await.unwrap();
    assert_eq!(ended.state.status(), RunStatus::Done);
    assert!(
        decided(&house).iter().all(|told| told.ends_with("approve ana")),
        "{:?}",
        decided(&house)
    );
}

#[tokio::test]
async fn a_question_keeps_its_time_over_a_resume() {
    let house = left("timeout = \"3 h\", on-timeout = \"approve\", remind = \"2 h\"").await;
    house.clock.advance(HOUR);
    let house = house.desk(Table::attended());
    let (_handle, driven) = house.resume().await;
    let time = async {
        for (hours, reminded, times) in [(1, 2, 0), (1, 2, 2)] {
            until(|| house.clock.asleep() > 0).await;
            house.clock.advance(hours * HOUR);
            house.seen.until(reminded, |fact| matches!(fact, Fact::Reminded { .. })).await;
            house.seen.until(times, |fact| matches!(fact, Fact::Decided { .. })).await;
        }
    };
    let (ended, ()) = tokio::join!(driven, time);
    let ended = ended.unwrap();
    assert_eq!(ended.state.status(), RunStatus::Done);
    assert!(decided(&house).iter().all(|told| told.ends_with("approve timeout")));
}

/// Everything that an answer can meet, without a host.
#[tokio::test]
async fn an_answer_is_judged_the_same_without_a_host() {
    let house = left("quorum = 1").await;
    let mut state = RunState::replay(&house.entries()).unwrap().unwrap();
    let answer = |decision| Answer { ask: about("a"), decision, by: "ana".into(), subject: None };
    assert_eq!(fit(&state, None, &answer(approve())), Ok(Fit::New));
    let edit = Decision::Edit { value: Document::of(&json!({})), comment: None };
    let nobody = fit(&state, None, &answer(edit)).unwrap_err();
    assert!(matches!(nobody, Refused::Value(_)), "an edit is never taken unseen: {nobody}");

    let at = state.span.1;
    let cell = state.asks[&about("a")].cell.clone();
    let mut dropped = state.clone();
    dropped.next(&Fact::Dropped { cell, reason: "as the test says".into() }, at).unwrap();
    let withdrawn = fit(&dropped, None, &answer(approve())).unwrap_err();
    assert_eq!(
        withdrawn.to_string(),
        "r/editor/topic=a/0 was withdrawn: draft/topic=a was dropped: as the test says"
    );

    let by = "bo".to_owned();
    state.next(&Fact::Decided { ask: about("a"), decision: approve(), by }, at).unwrap();
    let already = Fit::Already { by: "bo".into() };
    assert_eq!(fit(&state, None, &answer(approve())), Ok(already));
    let refused = fit(&state, None, &answer(reject())).unwrap_err();
    assert_eq!(refused.to_string(), "r/editor/topic=a/0 is approved already, by bo");
}
