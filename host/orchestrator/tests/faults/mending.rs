//! What a resume mends: cells that failed are tried again, a cell that takes its hosts down is not, and budgets and components change under a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bailiwick_core::fact::{Fact, Failure, FailureKind, Repin};
use bailiwick_core::run::{End, RunStatus};
use bailiwick_core::{AttemptId, CellId, CellKey, RunState};
use bailiwick_orchestrator::pin;
use serde_json::json;

use crate::guest::{Do, Ends, Part, Script, generation};
use crate::life::{Death, Plot, live};
use crate::outside::{Outside, name, plan, run_id};

const DRAFTS: &str = r#"
[axes]
topic = ["a", "b"]

[step.draft]
agent = "work"
over  = ["topic"]
retry = { attempts = 2, backoff = "10 ms" }

[step.check]
agent  = "judge"
judges = "draft"

[step.tail]
agent = "work"
over  = ["topic"]
input = { of = "${draft}" }

[output]
tails = "${tail}"
"#;

fn passes() -> Result<Ends, Failure> {
    Ok(Ends::Says(json!({ "verdict": "pass", "score": 1, "reasons": [] })))
}

fn fails(kind: FailureKind) -> Result<Ends, Failure> {
    Err(Failure { kind, message: "as the script says".into(), hint: None })
}

/// Everything goes well, but for what `amiss` says while it is asked.
fn script(amiss: impl Fn(&AttemptId) -> Option<FailureKind> + Send + Sync + 'static) -> Script {
    Arc::new(move |id| {
        let ends = match (amiss(id), id.cell.step.as_str()) {
            (Some(kind), _) => fails(kind),
            (None, "check") => passes(),
            (None, _) => Ok(Ends::Words),
        };
        Part { does: vec![Do::Ask, Do::Log], ends }
    })
}

fn outside(pipeline: &str, script: Script) -> Arc<Outside> {
    Arc::new(Outside::new(plan(pipeline), script, "", 1))
}

fn left(outside: &Arc<Outside>, plot: &Plot) -> RunState {
    let death = live(outside, plot);
    assert_eq!(outside.complaints(), Vec::<String>::new());
    match death {
        Death::Left(ended) => ended.state,
        other => panic!("{other:?}"),
    }
}

fn again() -> Plot {
    Plot { retry_failed: true, ..Plot::default() }
}

fn facts(outside: &Outside) -> Vec<Fact> {
    outside.journal.entries(&run_id()).into_iter().flat_map(|entry| entry.facts).collect()
}

/// The attempts that were started, by step and key.
fn started(facts: &[Fact]) -> BTreeMap<String, Vec<u32>> {
    let mut started: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for fact in facts {
        if let Fact::CellStarted { attempt, .. } = fact {
            started.entry(attempt.cell.to_string()).or_default().push(attempt.attempt);
        }
    }
    started
}

fn cell(step: &str, key: &str) -> CellId {
    CellId { step: name(step), key: CellKey::from_text(key) }
}

/// Fails until somebody mends it.
fn broken(of: &'static str, kind: FailureKind) -> (Script, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&mended);
    let amiss = move |id: &AttemptId| {
        let is = id.cell.to_string() == of && !now.load(Ordering::SeqCst);
        is.then_some(kind)
    };
    (script(amiss), mended)
}

#[test]
fn a_failed_cell_is_tried_again_with_all_its_tries_and_no_finished_one() {
    let (script, mended) = broken("draft/topic=b", FailureKind::Retryable);
    let outside = outside(DRAFTS, script);
    let state = left(&outside, &Plot::default());
    assert_eq!(state.status(), RunStatus::Failed);
    // Still broken: two tries more.
    let state = left(&outside, &again());
    assert_eq!(state.status(), RunStatus::Failed);
    mended.store(true, Ordering::SeqCst);
    let state = left(&outside, &again());
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    let started = started(&facts(&outside));
    assert_eq!(started["draft/topic=b"], [1, 2, 3, 4, 5]);
    assert_eq!(started["draft/topic=a"], [1]);
    assert!(
        started.values().filter(|numbers| numbers.as_slice() == [1]).count() >= 4,
        "{started:?}"
    );
}

#[test]
fn a_run_that_failed_goes_on_only_where_something_is_tried_again() {
    let (script, _) = broken("draft/topic=b", FailureKind::Fatal);
    let outside = outside(DRAFTS, script);
    left(&outside, &Plot::default());
    let before = facts(&outside).len();
    assert!(matches!(live(&outside, &Plot::default()), Death::Broken));
    assert!(outside.complaints()[0].contains("the run has failed"));
    assert_eq!(facts(&outside).len(), before);
}

#[test]
fn a_candidate_that_a_failed_judge_vetoed_is_judged_again_and_not_made_again() {
    let (script, mended) = broken("check/topic=b", FailureKind::Fatal);
    let outside = outside(DRAFTS, script);
    let state = left(&outside, &Plot::default());
    assert_eq!(state.status(), RunStatus::Failed);
    mended.store(true, Ordering::SeqCst);
    let state = left(&outside, &again());
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    assert_eq!(state.step(&name("check")).unwrap().judge_failures, 0);
    let started = started(&facts(&outside));
    assert_eq!(started["draft/topic=b"], [1]);
    assert_eq!(started["check/topic=b"], [1, 2]);
}

#[test]
fn what_was_dropped_because_of_a_failed_cell_is_done_and_what_was_judged_out_is_not() {
    let tolerant = DRAFTS.replace("retry = {", "on-failure = { tolerate = \"100%\" }\nretry = {");
    let (script, mended) = broken("draft/topic=b", FailureKind::Fatal);
    let inner = Arc::clone(&script);
    let script: Script = Arc::new(move |id| match id.cell.to_string().as_str() {
        "check/topic=a" => {
            let said = json!({ "verdict": "veto", "score": 0, "reasons": [] });
            Part { does: Vec::new(), ends: Ok(Ends::Says(said)) }
        }
        _ => inner(id),
    });
    let outside = outside(&tolerant, script);
    let state = left(&outside, &Plot::default());
    // Nothing was released, so there is no output.
    assert_eq!(state.status(), RunStatus::Failed, "{:?}", state.reason);
    let gone = |state: &RunState, key| {
        matches!(state.cell(&cell("tail", key)).unwrap().end(), Some(End::Dropped { .. }))
    };
    assert!(gone(&state, "topic=a") && gone(&state, "topic=b"));
    mended.store(true, Ordering::SeqCst);
    let state = left(&outside, &again());
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    assert!(gone(&state, "topic=a"), "its draft was vetoed, and stays so");
    assert!(!gone(&state, "topic=b"));
    let started = started(&facts(&outside));
    assert_eq!((started["check/topic=a"].len(), started["draft/topic=a"].len()), (1, 1));
    assert!(!started.contains_key("tail/topic=a"));
}

/// A judge that reads a failed step could not be asked.
#[test]
fn a_judge_that_could_not_be_asked_is_asked() {
    let pipeline = r#"
[step.facts]
agent = "work"
on-failure = { tolerate = "100%" }

[step.draft]
agent = "work"

[step.check]
agent  = "judge"
judges = "draft"
input  = { draft = "${subject}", facts = "${facts}" }

[output]
draft = "${draft}"
"#;
    let (script, mended) = broken("facts/-", FailureKind::Fatal);
    let outside = outside(pipeline, script);
    let state = left(&outside, &Plot::default());
    assert_eq!(state.status(), RunStatus::Failed, "{:?}", state.reason);
    mended.store(true, Ordering::SeqCst);
    let state = left(&outside, &again());
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    let started = started(&facts(&outside));
    assert_eq!((started["draft/-"].len(), started["check/-"].len()), (1, 1));
}

const POISON: &str = r#"
[step.bomb]
agent = "work"
on-failure = { tolerate = "100%" }

[step.calm]
agent = "work"

[step.check]
agent  = "judge"
judges = "calm"
on-failure = { tolerate = "100%" }

[output]
calm = "${calm}"
"#;

#[test]
fn a_cell_that_takes_three_hosts_down_in_a_row_fails_and_the_run_goes_on() {
    for of in ["bomb", "check"] {
        let outside = outside(POISON, script(|_| None));
        *outside.bomb.lock().unwrap() = Some(name(of));
        let mut deaths = 0;
        let state = loop {
            match live(&outside, &Plot { concurrency: 1, ..Plot::default() }) {
                Death::Cut => deaths += 1,
                Death::Left(ended) => break ended.state,
                Death::Broken => panic!("{of}: {:?}", outside.complaints()),
            }
            assert!(deaths < 20, "{of} is never given up");
        };
        assert_eq!(outside.complaints(), Vec::<String>::new());
        // The first host may have died before it was on disk that the attempt had begun.
        assert!((3..=4).contains(&deaths), "{of} took {deaths} hosts down");
        let crashed = facts(&outside).iter().any(|fact| {
            matches!(fact, Fact::AttemptFailed { attempt, failure, .. }
                if failure.kind == FailureKind::HostCrash && attempt.cell.step.as_str() == of)
        });
        assert!(crashed, "{of}");
        let calm = state.cell(&cell("calm", "-")).unwrap().end().unwrap();
        match of {
            "bomb" => {
                assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
                assert!(matches!(calm, End::Released { .. }));
            }
            _ => {
                assert_eq!(state.status(), RunStatus::Failed);
                assert!(matches!(calm, End::Dropped { .. }));
                // Somebody who knows better has it tried again.
                *outside.bomb.lock().unwrap() = None;
                let state = left(&outside, &again());
                assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
                assert_eq!(started(&facts(&outside))["check/-"], [1], "it goes on");
            }
        }
    }
}

const NEIGHBOURS: &str = r#"
[axes]
topic = ["a", "b", "c", "d"]
fuse  = ["x", "y"]

[step.work]
agent = "work"
over  = ["topic"]

[step.check]
agent  = "judge"
judges = "work"

[step.bomb]
agent = "work"
over  = ["fuse"]
on-failure = { tolerate = "100%" }

[output]
work = "${work}"
"#;

#[test]
fn who_only_ran_beside_a_cell_that_takes_hosts_down_is_not_given_up() {
    let outside = outside(NEIGHBOURS, script(|_| None));
    *outside.bomb.lock().unwrap() = Some(name("bomb"));
    let mut deaths = 0;
    let state = loop {
        match live(&outside, &Plot { concurrency: 8, ..Plot::default() }) {
            Death::Cut => deaths += 1,
            Death::Left(ended) => break ended.state,
            Death::Broken => panic!("{:?}", outside.complaints()),
        }
        assert!(deaths < 20, "nobody is given up");
    };
    assert_eq!(outside.complaints(), Vec::<String>::new());
    // Three for the first of them, or four where the first host died before it was on disk
    // that anything had begun; one more for the other.
    assert!((4..=5).contains(&deaths), "{deaths} hosts went down");
    let facts = facts(&outside);
    let mut crashed: Vec<String> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::AttemptFailed { attempt, failure, .. }
                if failure.kind == FailureKind::HostCrash =>
            {
                Some(attempt.cell.to_string())
            }
            _ => None,
        })
        .collect();
    crashed.sort();
    assert_eq!(crashed, ["bomb/fuse=x", "bomb/fuse=y"]);
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    for topic in ["a", "b", "c", "d"] {
        let cell = cell("work", &format!("topic={topic}"));
        assert!(matches!(state.cell(&cell).unwrap().end(), Some(End::Released { .. })));
    }
    // They did run beside it, or this shows nothing.
    let continued = |of: &str| {
        let of = |fact: &&Fact| matches!(fact, Fact::AttemptContinued { attempt } if attempt.cell.step.as_str() == of);
        facts.iter().filter(of).count()
    };
    assert!(continued("work") >= 4 && continued("bomb") >= 3, "{}", continued("work"));
}

const LATE: &str = r#"
[step.late]
agent = "work"

[step.tail]
agent = "work"
input = { of = "${late}" }

[output]
tail = "${tail}"
"#;

/// Asks twice and has the answers before it takes its host down.
fn late() -> Script {
    Arc::new(|id| {
        let does = match id.cell.step.as_str() {
            "late" => vec![Do::Ask, Do::Log, Do::Ask, Do::Put, Do::Burst, Do::Ask],
            _ => Vec::new(),
        };
        Part { does, ends: Ok(Ends::Words) }
    })
}

/// The run in which a cell was given up, after so many requests.
fn given_up() -> (Arc<Outside>, usize) {
    let outside = outside(LATE, late());
    outside.bursts.store(true, Ordering::SeqCst);
    let state = loop {
        match live(&outside, &Plot::default()) {
            Death::Cut => {}
            Death::Left(ended) => break ended.state,
            Death::Broken => panic!("{:?}", outside.complaints()),
        }
    };
    assert_eq!(state.status(), RunStatus::Failed);
    let requests = outside.worked.lock().unwrap().requests;
    assert_eq!(requests, 2);
    (outside, requests)
}

#[test]
fn who_was_given_up_and_is_tried_again_pays_for_no_answer_twice() {
    let (outside, paid) = given_up();
    // Still so: one host is enough to know it.
    assert!(matches!(live(&outside, &again()), Death::Cut));
    let state = left(&outside, &Plot::default());
    assert_eq!(state.status(), RunStatus::Failed);
    assert_eq!(outside.worked.lock().unwrap().requests, paid);
    outside.bursts.store(false, Ordering::SeqCst);
    let state = left(&outside, &again());
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    assert_eq!(outside.worked.lock().unwrap().requests, paid + 1, "the last question alone");
    assert_eq!(started(&facts(&outside))["late/-"], [1]);
}

#[test]
fn who_was_given_up_begins_anew_on_another_component() {
    let (outside, paid) = given_up();
    outside.serves.store(1, Ordering::SeqCst);
    let new = generation(&name("work"), 1);
    let agents = [(name("work"), pin(&new))].into();
    let repinned = Some(Repin { what: vec!["components".into()], agents, pin: None });
    outside.bursts.store(false, Ordering::SeqCst);
    let state = left(&outside, &Plot { repinned, ..again() });
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    assert_eq!(started(&facts(&outside))["late/-"], [1, 2]);
    assert_eq!(outside.worked.lock().unwrap().requests, paid + 3);
    assert_eq!(outside.ran.lock().unwrap().as_slice(), [new.component, new.component]);
}

#[test]
fn a_host_that_ended_as_it_should_is_not_counted() {
    let outside = outside(POISON, script(|_| None));
    let bomb = |on: bool| *outside.bomb.lock().unwrap() = on.then(|| name("bomb"));
    for _ in 0..2 {
        bomb(true);
        for _ in 0..2 {
            assert!(matches!(live(&outside, &Plot::default()), Death::Cut));
        }
        // It is let go, not lost.
        *outside.fuse.lock().unwrap() = false;
        left(&outside, &Plot { stop: Some(30), ..Plot::default() });
        *outside.fuse.lock().unwrap() = true;
    }
    bomb(false);
    let state = left(&outside, &Plot::default());
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    assert_eq!(started(&facts(&outside))["bomb/-"], [1]);
    let bomb = state.cell(&cell("bomb", "-")).unwrap().end().unwrap();
    assert!(matches!(bomb, End::Released { .. }));
}

/// Two hosts that die of a step: by the second it is on disk that its attempt has begun.
fn die_of(outside: &Arc<Outside>, step: &str) {
    *outside.bomb.lock().unwrap() = Some(name(step));
    for _ in 0..2 {
        assert!(matches!(live(outside, &Plot { concurrency: 1, ..Plot::default() }), Death::Cut));
    }
    *outside.bomb.lock().unwrap() = None;
}

#[test]
fn an_attempt_continues_on_its_own_component_and_later_ones_have_the_new() {
    let outside = outside(DRAFTS, script(|_| None));
    die_of(&outside, "draft");
    let old = generation(&name("work"), 0);
    let new = generation(&name("work"), 1);
    outside.serves.store(1, Ordering::SeqCst);
    let repinned = Repin {
        what: vec!["components".into()],
        agents: [(name("work"), pin(&new))].into(),
        pin: None,
    };
    let plot = Plot { repinned: Some(repinned), concurrency: 1, ..Plot::default() };
    let state = left(&outside, &plot);
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    assert_eq!(state.agents[&name("work")].component, new.component);
    let facts = facts(&outside);
    let continued = facts.iter().filter(|fact| fact.name() == "AttemptContinued").count();
    assert!(continued >= 1);
    let components: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::CellStarted { attempt, component, .. }
                if attempt.cell.step.as_str() != "check" =>
            {
                Some(*component)
            }
            _ => None,
        })
        .collect();
    assert_eq!(components[0], old.component);
    assert!(components.len() == 4 && components[1..].iter().all(|c| *c == new.component));
    assert_eq!(*outside.ran.lock().unwrap(), components, "what was said is what ran");
}

/// Without the component that it began with, an attempt does not go on: never a guess.
#[test]
fn an_attempt_whose_component_is_gone_fails_the_run_and_waits_for_it() {
    let outside = outside(DRAFTS, script(|_| None));
    die_of(&outside, "draft");
    outside.serves.store(2, Ordering::SeqCst);
    let state = left(&outside, &Plot::default());
    assert_eq!(state.status(), RunStatus::Failed);
    assert!(state.reason.unwrap().contains("is not here"));
    outside.serves.store(0, Ordering::SeqCst);
    let state = left(&outside, &again());
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    assert_eq!(started(&facts(&outside)).values().flatten().max(), Some(&1), "nothing began twice");
}
