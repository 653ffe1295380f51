//! A journal read back gives the state that wrote it.

use bailiwick_core::fact::{Decision, Entry};
use bailiwick_core::run::{RunState, RunStatus};
use bailiwick_core::{Cost, Document, Fact, Timestamp, Tokens};

use crate::words::{after, beginning, cell, fact, name, output};

/// A run with a retry, a revision, an escalation, an edit, a release.
const WAY: &[&str] = &[
    "draft 0/1 starts",
    "draft 0/1 intends",
    "draft 0/1 answered",
    "draft 0/1 rests",
    "draft 0/2 starts",
    "draft 0/2 finishes",
    "check 0/1 starts",
    "check 0/1 answered",
    "check 0/1 finishes",
    "check revises 0",
    "draft 1/1 starts",
    "draft 1/1 finishes",
    "check 1/1 starts",
    "check 1/1 finishes",
    "check revises 1",
    "check escalates 1",
    "editor asks 1",
    "editor edits 1",
    "check 2/1 starts",
    "check 2/1 fails",
    "check vetoes 2 as opinion",
    "editor asks 2",
    "editor approves 2",
    "release 2",
    "run done",
];

fn entries() -> Vec<Entry> {
    let mut facts = beginning();
    facts.extend(WAY.iter().map(|words| fact(words)));
    // Two facts an entry, each entry a millisecond later.
    let chunks = facts.chunks(2).enumerate();
    chunks
        .map(|(at, facts)| Entry { at: Timestamp(10 + at as u64), facts: facts.to_vec() })
        .collect()
}

#[test]
fn a_replayed_journal_is_the_live_state_at_every_fact() {
    let entries = entries();
    let mut live: Option<RunState> = None;
    let mut written: Vec<Entry> = Vec::new();
    for entry in &entries {
        written.push(Entry { at: entry.at, facts: Vec::new() });
        for fact in &entry.facts {
            match &mut live {
                None => live = Some(RunState::begin(fact, entry.at).unwrap()),
                Some(state) => state.next(fact, entry.at).unwrap(),
            }
            written.last_mut().unwrap().facts.push(fact.clone());
            assert_eq!(RunState::replay(&written).unwrap(), live);
        }
    }
    let state = live.unwrap();
    assert_eq!(state.status(), RunStatus::Done);
    assert_eq!(state.span, (Timestamp(10), entries.last().unwrap().at));
    assert_eq!(state.running(), 0);
}

#[test]
fn what_is_read_from_text_replays_too() {
    let written = serde_json::to_string(&entries()).unwrap();
    let read: Vec<Entry> = serde_json::from_str(&written).unwrap();
    assert_eq!(RunState::replay(&read), RunState::replay(&entries()));
}

#[test]
fn a_journal_with_a_hole_is_refused() {
    let whole: Vec<Fact> = entries().into_iter().flat_map(|entry| entry.facts).collect();
    let replay = |facts: Vec<Fact>| RunState::replay([&Entry { at: Timestamp(1), facts }]);
    for lost in 0..whole.len() - 1 {
        // What calls cost and which axes there are carries nothing else.
        let name = whole[lost].name();
        if ["CallIntended", "CallAnswered", "AxisFixed"].contains(&name) {
            continue;
        }
        let mut damaged = whole.clone();
        damaged.remove(lost);
        assert!(replay(damaged).is_err(), "without {name}, fact {lost}");
    }
    assert_eq!(RunState::replay([]), Ok(None));
}

#[test]
fn costs_count_for_the_cell_and_for_the_run() {
    let state = after(&WAY[..9]);
    assert_eq!(state.cost.tokens, Tokens(6));
    assert_eq!(state.cell(&cell()).unwrap().cost, state.cost);
    assert_ne!(state.cost, Cost::ZERO);
}

/// A host that goes on counts from here: a call that left may have been worked on.
#[test]
fn calls_without_an_answer_are_committed_and_not_spent() {
    let (step, agent) = (name("draft"), name("draft"));
    let open = after(&["draft 0/1 starts", "draft 0/1 intends"]);
    assert_eq!(open.spent.by_step.get(&step), None);
    let committed = open.committed();
    assert_eq!(committed.by_step[&step].tokens, Tokens(3));
    assert_eq!(committed.by_agent[&agent].tokens, Tokens(3));
    let lost = after(&["draft 0/1 starts", "draft 0/1 intends", "run resumes", "draft 0/1 loses"]);
    assert_eq!(lost.committed(), lost.spent);
    assert_eq!(lost.committed(), committed);
}

#[test]
fn a_run_waits_while_somebody_is_asked_and_nothing_runs() {
    let mut state = after(&["draft 0/1 starts", "draft 0/1 finishes", "check skips 0"]);
    assert_eq!(state.status(), RunStatus::Running);
    state.next(&fact("editor asks 0"), Timestamp(2)).unwrap();
    assert_eq!((state.status(), state.open_asks().count()), (RunStatus::Waiting, 1));
    let mut answered = state.clone();
    answered.next(&fact("editor approves 0"), Timestamp(3)).unwrap();
    assert_eq!((answered.status(), answered.open_asks().count()), (RunStatus::Running, 0));
    // Nobody is asked about a cell that has ended otherwise.
    state.next(&fact("drop"), Timestamp(3)).unwrap();
    assert_eq!((state.status(), state.open_asks().count()), (RunStatus::Running, 0));
}

#[test]
fn people_are_asked_about_the_candidate_as_it_is() {
    let before = after(&["draft 0/1 starts", "draft 0/1 finishes", "check skips 0"]);
    let Fact::Asked { ask, cell, round, show, .. } = fact("editor asks 0") else { unreachable!() };
    let mut state = before.clone();
    let other = Fact::Asked {
        ask,
        cell,
        round,
        subject: output(9).digest(),
        show,
        groups: Vec::new(),
        quorum: 1,
        until: None,
    };
    assert!(state.next(&other, Timestamp(2)).is_err());
    assert_eq!(state, before);
}

#[test]
fn the_best_candidate_is_one_that_nobody_later_turned_down() {
    let mut state = after(&[
        "draft 0/1 starts",
        "draft 0/1 finishes",
        "check 0/1 starts",
        "check 0/1 finishes",
    ]);
    let mut praised = fact("check passes 0");
    if let Fact::Judged { judgement, .. } = &mut praised {
        judgement.score = 0.9;
    }
    state.next(&praised, Timestamp(2)).unwrap();
    let way = ["editor asks 0", "editor rejects 0", "draft 1/1 starts", "draft 1/1 finishes"];
    for words in
        way.into_iter().chain(["check 1/1 starts", "check 1/1 finishes", "check revises 1"])
    {
        state.next(&fact(words), Timestamp(2)).unwrap();
    }
    let cell = state.cell(&cell()).unwrap();
    assert_eq!(cell.best_for(&name("check"), &[]), Some(0));
    assert_eq!(cell.best_for(&name("check"), &[name("editor")]), Some(1));
    assert_eq!(cell.best_for(&name("editor"), &[]), None);
}

#[test]
fn failures_of_a_judge_are_counted_where_it_has_vetoed() {
    let judged = |way: &[&str]| {
        let mut state = after(&["draft 0/1 starts", "draft 0/1 finishes"]);
        for words in way {
            state.next(&fact(words), Timestamp(2)).unwrap();
        }
        state.step(&name("check")).unwrap().judge_failures
    };
    assert_eq!(judged(&["check 0/1 starts", "check 0/1 fails"]), 0);
    assert_eq!(judged(&["check 0/1 starts", "check 0/1 fails", "check vetoes 0"]), 1);
    assert_eq!(judged(&["check 0/1 starts", "check 0/1 finishes", "check vetoes 0"]), 0);
    assert_eq!(judged(&["check vetoes 0"]), 1);
}

/// What an attempt was told before it was given up with its hosts is not asked again.
#[test]
fn who_is_given_up_and_tried_again_keeps_its_record_and_is_suspected() {
    let way = [
        "draft 0/1 starts",
        "draft 0/1 intends",
        "draft 0/1 answered",
        "run resumes",
        "draft 0/1 continues",
        "run resumes",
        "draft 0/1 continues",
        "run resumes",
        "draft 0/1 crashes",
        "fail",
        "run failed",
    ];
    let mut state = after(&way);
    let crashes = |state: &RunState| state.cell(&cell()).unwrap().crashes;
    assert_eq!((crashes(&state), state.open_attempts().count()), (3, 0));
    state.next(&fact("run retries"), Timestamp(2)).unwrap();
    assert_eq!(crashes(&state), 2);
    let open = state.open_attempt(&cell()).unwrap();
    assert_eq!((open.id.attempt, open.record.calls.len()), (1, 1));
    assert!(open.record.calls[0].answer.is_some());
    // Another in its place has a record and a name of its own.
    let mut fresh = state.clone();
    fresh.next(&fact("draft 0/2 starts"), Timestamp(3)).unwrap();
    let open = fresh.open_attempt(&cell()).unwrap();
    assert_eq!((crashes(&fresh), open.id.attempt, open.record.calls.len()), (0, 2, 0));
    // What fails afterwards by itself is begun anew, and so is who failed without a crash.
    for words in ["draft 0/1 continues", "draft 0/1 fails", "fail", "run failed", "run retries"] {
        state.next(&fact(words), Timestamp(3)).unwrap();
    }
    assert_eq!(state.open_attempts().count(), 0);
    state.next(&fact("draft 0/2 starts"), Timestamp(4)).unwrap();
}

#[test]
fn an_edit_is_the_next_candidate_and_its_author_is_known() {
    let mut state =
        after(&["draft 0/1 starts", "draft 0/1 finishes", "check skips 0", "editor asks 0"]);
    let Fact::Decided { ask, .. } = fact("editor edits 0") else { unreachable!() };
    let value = Document::of(&serde_json::json!("mine"));
    let decision = Decision::Edit { value: value.clone(), comment: None };
    state.next(&Fact::Decided { ask, decision, by: "bo".into() }, Timestamp(2)).unwrap();
    let cell = state.cell(&cell()).unwrap();
    let candidate = cell.candidate(1).unwrap();
    assert_eq!((&candidate.output, candidate.edited_by.as_deref()), (&value, Some("bo")));
    assert_eq!((cell.round, cell.revisions_of(&name("editor"))), (1, 1));
}
