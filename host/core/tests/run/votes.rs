//! How many must approve: each person once, and who is against decides alone.

use bailiwick_core::fact::{AskId, Decision, Fact, JudgeShape, StepShape};
use bailiwick_core::run::{RunState, TIMEOUT};
use bailiwick_core::{RunId, Timestamp};

use crate::words::{beginning, cell, fact, name, stage};

/// The run of the other tests, asked, with an editor who is three people.
fn asked(quorum: u32) -> RunState {
    let mut begun = beginning();
    if let Fact::RunStarted { shape, .. } = &mut begun[0] {
        for StepShape { judges, .. } in shape.iter_mut().filter(|s| s.name == name("editor")) {
            *judges = Some(JudgeShape { subject: name("draft"), rounds: 1, quorum });
        }
    }
    let mut state = RunState::begin(&begun[0], Timestamp(1)).unwrap();
    let way = ["draft 0/1 starts", "draft 0/1 finishes", "check skips 0", "editor asks 0"];
    for fact in begun.into_iter().skip(1).chain(way.map(fact)) {
        state.next(&fact, Timestamp(1)).unwrap();
    }
    state
}

fn decided(decision: Decision, by: &str) -> Fact {
    let ask = AskId::of(&RunId::new("r").unwrap(), &name("editor"), &cell(), 0);
    Fact::Decided { ask, decision, by: by.into() }
}

fn approved(by: &str) -> Fact {
    decided(Decision::Approve { comment: None }, by)
}

#[test]
fn it_takes_as_many_people_as_the_quorum_says() {
    let mut state = asked(3);
    for by in ["ana", "bo"] {
        state.next(&approved(by), Timestamp(2)).unwrap();
        assert_eq!(stage(&state), "judging 0: editor asked");
        assert_eq!(state.open_asks().count(), 1);
        let before = state.clone();
        assert!(state.next(&approved(by), Timestamp(2)).is_err(), "{by} counts once");
        assert_eq!(state, before);
        assert!(state.next(&fact("release 0"), Timestamp(2)).is_err());
    }
    state.next(&approved("cy"), Timestamp(2)).unwrap();
    assert_eq!(stage(&state), "judging 0: nobody due");
    assert!(state.next(&approved("di"), Timestamp(2)).is_err(), "it is answered");
    let ask = state.asks.values().next().unwrap();
    assert_eq!(ask.votes, ["ana", "bo", "cy"]);
}

#[test]
fn one_rejection_outweighs_the_approvals_before_it() {
    let mut state = asked(2);
    state.next(&approved("ana"), Timestamp(2)).unwrap();
    let reject = decided(Decision::Reject { comment: None }, "bo");
    state.next(&reject, Timestamp(2)).unwrap();
    assert_eq!(stage(&state), "revising 1");
    assert!(state.next(&approved("cy"), Timestamp(2)).is_err());
}

#[test]
fn where_nobody_answered_in_time_one_word_is_enough() {
    let mut state = asked(3);
    state.next(&approved("ana"), Timestamp(2)).unwrap();
    state.next(&approved(TIMEOUT), Timestamp(2)).unwrap();
    assert_eq!(stage(&state), "judging 0: nobody due");
}

#[test]
fn votes_outlive_the_host() {
    let mut state = asked(2);
    state.next(&approved("ana"), Timestamp(2)).unwrap();
    state.next(&fact("run resumes"), Timestamp(3)).unwrap();
    assert!(state.next(&approved("ana"), Timestamp(3)).is_err());
    state.next(&approved("bo"), Timestamp(3)).unwrap();
    assert_eq!(stage(&state), "judging 0: nobody due");
}
