//! What a record takes: calls in order, each asked and answered once, only open ones lost.

use bailiwick_core::fact::{CallAnswer, Capability, Level, LogEntry};
use bailiwick_core::{Calls, Cost, Digest, Fact, Record, Timestamp, Tokens};

use crate::words::attempt;

const COST: Cost = Cost { tokens: Tokens(3), calls: Calls(1), ..Cost::ZERO };

fn request(index: u32) -> Digest {
    Digest::of(&index.to_le_bytes())
}

fn intended(index: u32, request: Digest) -> Fact {
    let (attempt, key) = (attempt("draft", 0, 1), Digest::of(b"key"));
    let capability = Capability::Model;
    Fact::CallIntended { attempt, index, capability, request, key, reserved: COST, changes: false }
}

fn answered(index: u32, capability: Capability, request: Digest) -> Fact {
    let answer = CallAnswer::Invalid { detail: index.to_string() };
    let attempt = attempt("draft", 0, 1);
    Fact::CallAnswered { attempt, index, capability, request, answer, cost: COST }
}

fn lost(index: u32) -> Fact {
    Fact::CallLost { attempt: attempt("draft", 0, 1), index, cost: COST }
}

/// A record that took all of these, and what it says to the last one.
fn record(facts: &[Fact]) -> (Record, Result<(), &'static str>) {
    let (mut record, mut said) = (Record::default(), Ok(()));
    for fact in facts {
        said = record.take(fact, Timestamp(1));
    }
    (record, said)
}

#[test]
fn an_answered_call_is_never_asked_or_answered_or_lost_again() {
    let answer = answered(0, Capability::Model, request(0));
    let before = [intended(0, request(0)), answer.clone()];
    for again in [intended(0, request(0)), answer, lost(0)] {
        let (kept, _) = record(&before);
        let (after, said) = record(&[before[0].clone(), before[1].clone(), again.clone()]);
        assert!(said.is_err(), "{again:?}");
        assert_eq!(after, kept, "{again:?} was refused and changed something");
    }
}

#[test]
fn calls_come_in_order() {
    assert!(record(&[intended(1, request(1))]).1.is_err(), "the first is 0");
    assert!(record(&[answered(1, Capability::Model, request(1))]).1.is_err());
    let two = [answered(0, Capability::Model, request(0)), intended(1, request(1))];
    assert!(record(&two).1.is_ok());
    let gap = [two[0].clone(), intended(2, request(2))];
    assert!(record(&gap).1.is_err(), "1 was left out");
    // Behind an open call there is nothing.
    let open = [intended(0, request(0)), intended(1, request(1))];
    let (after, said) = record(&open);
    assert!(said.is_err(), "{after:?}");
    assert_eq!(after.calls.len(), 1);
}

#[test]
fn an_open_call_is_answered_as_it_was_asked() {
    let other = [
        answered(0, Capability::Model, request(7)),
        answered(0, Capability::Knowledge, request(0)),
    ];
    for other in other {
        assert!(record(&[intended(0, request(0)), other]).1.is_err());
    }
}

#[test]
fn only_open_calls_are_lost_and_what_is_lost_is_asked_again() {
    assert!(record(&[lost(0)]).1.is_err());
    let mut facts = vec![intended(0, request(0)), lost(0)];
    assert_eq!(record(&facts).1, Ok(()));
    assert!(record(&[facts.clone(), vec![lost(0)]].concat()).1.is_err(), "lost twice");
    let other = [facts.clone(), vec![intended(0, request(7))]].concat();
    assert!(record(&other).1.is_err(), "what is asked again is the same");
    facts.push(intended(0, request(0)));
    let (after, said) = record(&facts);
    assert_eq!(
        (said, after.open_calls().map(|open| (open.index, open.reserved)).collect::<Vec<_>>()),
        (Ok(()), vec![(0, COST)])
    );
    facts.push(answered(0, Capability::Model, request(0)));
    let (after, said) = record(&facts);
    assert_eq!((said, after.open_calls().count()), (Ok(()), 0));
}

#[test]
fn a_call_that_was_lost_may_be_refused_when_it_is_asked_again() {
    let facts = [intended(0, request(0)), lost(0), answered(0, Capability::Model, request(0))];
    assert_eq!(record(&facts).1, Ok(()));
}

#[test]
fn the_agents_lines_are_kept_and_the_hosts_are_not() {
    let line = |aside| {
        let entry = LogEntry { level: Level::Info, message: "so".into(), fraction: None, aside };
        Fact::Logged { attempt: attempt("draft", 0, 1), entry }
    };
    let (kept, _) = record(&[line(false), line(true), line(false)]);
    assert_eq!(kept.lines.len(), 2);
}
