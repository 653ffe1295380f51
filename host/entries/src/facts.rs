//! Facts of a journal, of this format and of older ones, and the state that they make.

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::recorded::recorded_attempts;
use bailiwick_core::{RunState, Timestamp};

use crate::Reached;

pub(crate) fn facts(bytes: &[u8]) -> Reached {
    let Ok(facts) = serde_json::from_slice::<Vec<Fact>>(bytes) else { return Reached::Nothing };
    let written = serde_json::to_vec(&facts).unwrap();
    let mut read: Vec<Fact> = serde_json::from_slice(&written).unwrap();
    assert_eq!(read, facts, "written down, another fact is read");
    let many = facts.iter().map(|fact| fact.documents().len()).sum::<usize>();
    let same = read.iter_mut().map(|fact| fact.documents_mut().len()).sum::<usize>();
    assert_eq!(many, same, "a document is seen on one way only");
    let entry = |at, facts| Entry { at: Timestamp(at), facts };
    let whole = [entry(1, facts.clone())];
    let state = RunState::replay(&whole);
    assert_eq!(state, RunState::replay(&[entry(1, read)]), "one journal, two states");
    let _ = recorded_attempts(&whole);
    if let Ok(Some(state)) = &state {
        let _ = (state.status(), state.running(), state.is_resting(), state.currency());
        assert!(state.open_asks().count() <= facts.len());
        return Reached::Taken;
    }
    one_by_one(&facts);
    Reached::Form
}

/// What is not legal has changed nothing.
fn one_by_one(facts: &[Fact]) {
    let mut states = facts.iter().filter_map(|fact| RunState::begin(fact, Timestamp(1)).ok());
    let Some(mut state) = states.next() else { return };
    for fact in facts {
        let before = state.clone();
        if state.next(fact, Timestamp(2)).is_err() {
            assert_eq!(state, before, "{} was refused and changed something", fact.name());
        }
    }
}
