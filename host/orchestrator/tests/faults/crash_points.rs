//! Every point at which a host can die: a small pipeline that has every feature, cut after each of its entries, and cut again.

use std::sync::Arc;

use bailiwick_core::fact::{Entry, Failure, FailureKind, PauseReason, Repin};
use bailiwick_core::ports::Blobs;
use bailiwick_core::run::RunStatus;
use bailiwick_core::{AttemptId, Calls, RunState};
use bailiwick_policy::{Budget, Budgets};
use bailiwick_project::Plan;
use bailiwick_store::{MemoryJournal, MemoryValues};
use serde_json::json;

use crate::guest::{Do, Ends, Part, Script};
use crate::known::ends;
use crate::life::{Death, Plot, decide_meanwhile, live};
use crate::outside::{Faults, Outside, name, plan, run_id};

const PIPELINE: &str = r#"
[axes]
topic  = "${topics.list}"
locale = ["de", "en"]

[matrix]
exclude = [{ topic = "b", locale = "en" }]

[step.topics]
agent = "work"

[step.draft]
agent = "work"
over  = ["topic", "locale"]
input = { topic = "${axis.topic}", feedback = "${feedback}" }
retry = { attempts = 3, backoff = "10 ms" }

[step.check]
agent  = "judge"
judges = "draft"
rounds = 1
retry  = { attempts = 2, backoff = "10 ms" }

[step.sense]
agent  = "judge"
judges = "draft"
when   = '${axis.locale == "de"}'
on-failure = { tolerate = "100%" }

[step.editor]
judges = "draft"
people = { groups = ["editors"] }
rounds = 1

[step.image]
agent = "work"
over  = ["topic"]
when  = '${axis.topic != "c"}'

[step.known]
agent = "work"
over  = ["topic"]

[step.frail]
agent = "work"
over  = ["locale"]
on-failure = { tolerate = "100%" }

[step.digest]
agent   = "work"
over    = ["locale"]
collect = ["topic"]
needs   = ["frail"]
input   = { items = "${draft}" }

[step.late]
agent = "work"
over  = ["locale"]
input = { of = "${frail}" }

[output]
digest = "${digest}"
images = "${image}"
known  = "${known}"
"#;

const DECISIONS: &str = r#"
[[decide]]
step = "editor"
where = { topic = "a", locale = "de" }
round = 0
decision = "reject"
comment = "shorter"

[[decide]]
step = "editor"
where = { topic = "a", locale = "en" }
round = 0
decision = "edit"
value = { mine = true }

[[decide]]
step = "editor"
decision = "approve"
"#;

/// Facts that the whole run has: else a feature is missing here.
const FEATURES: &[&str] = &[
    "AxisFixed",
    "StepLaidOut",
    "CellSkipped",
    "CellStarted",
    "CellReused",
    "AttemptContinued",
    "CellParked",
    "CallIntended",
    "CallAnswered",
    "CallLost",
    "Delegated",
    "KvStaged",
    "Logged",
    "AttemptFailed",
    "KvWritten",
    "CellFinished",
    "Judged",
    "JudgeSkipped",
    "Escalated",
    "Asked",
    "Decided",
    "Released",
    "Dropped",
    "CellFailed",
    "RunPaused",
    "RunResumed",
    "RunEnded",
];

fn fails(kind: FailureKind) -> Result<Ends, Failure> {
    Err(Failure { kind, message: "as the script says".into(), hint: None })
}

fn says(verdict: &str) -> Result<Ends, Failure> {
    let reasons = json!([{ "rule": "r", "message": verdict, "fix": "" }]);
    Ok(Ends::Says(json!({ "verdict": verdict, "score": 0.5, "reasons": reasons })))
}

fn script() -> Script {
    Arc::new(|id: &AttemptId| {
        let (step, key) = (id.cell.step.as_str(), id.cell.key.as_str());
        let ends = match (step, key, id.round, id.attempt) {
            ("topics", ..) => Ok(Ends::Says(json!({ "list": ["a", "b", "c"] }))),
            ("draft", "topic=b,locale=de", 0, 1) => fails(FailureKind::Retryable),
            ("check", "topic=a,locale=de", 0, 1) => fails(FailureKind::Trap),
            // Once too often: it goes to the editor as it is.
            ("check", "topic=b,locale=de", ..) => says("revise"),
            ("sense", "topic=c,locale=de", ..) => fails(FailureKind::Fatal),
            ("check" | "sense", ..) => says("pass"),
            ("frail", "locale=en", ..) => fails(FailureKind::Fatal),
            _ => Ok(Ends::Words),
        };
        if !id.path.is_empty() {
            return callee(id);
        }
        let does = match step {
            "draft" if key.starts_with("topic=c") => vec![Do::Ask, Do::Note, Do::Delegate, Do::Ask],
            "draft" => vec![Do::Log, Do::Ask, Do::Search, Do::Note, Do::Ask],
            "check" => vec![Do::Ask],
            "image" => {
                vec![Do::Paint, Do::Put, Do::Delegate, Do::Get, Do::Log, Do::Delegate, Do::Ask]
            }
            _ => vec![Do::Log],
        };
        Part { does, ends }
    })
}

/// What agents do that are called: of drafts they fail, after they have asked and noted.
fn callee(id: &AttemptId) -> Part {
    let does = match id.path.depth() {
        1 => vec![Do::Log, Do::Ask, Do::Note, Do::Delegate, Do::Log, Do::Ask],
        _ => vec![Do::Ask, Do::Log, Do::Put, Do::Note, Do::Search],
    };
    let drafts = id.cell.step.as_str() == "draft" && id.path.depth() == 1;
    Part { does, ends: if drafts { fails(FailureKind::Fatal) } else { Ok(Ends::Words) } }
}

fn outside(plan: &Arc<Plan>, seed: u64) -> Outside {
    let mut outside = Outside::new(Arc::clone(plan), script(), DECISIONS, seed);
    outside.embeds = true;
    outside.reused = Some(name("known"));
    outside
}

fn calls(most: u64) -> Budgets {
    let budget = Budget { calls: Some(Calls(most)), ..Budget::NONE };
    Budgets { agents: [(name("work"), budget)].into(), ..Budgets::default() }
}

/// One host after the other, until the run has ended. A budget that is spent is raised.
fn to_the_end(outside: &Arc<Outside>, mut next: Plot) -> RunState {
    for _ in 0..20 {
        let death = live(outside, &next);
        next = Plot::default();
        let state = outside.known().state.clone().unwrap();
        match state.status() {
            RunStatus::Done | RunStatus::Failed | RunStatus::Cancelled => return state,
            RunStatus::Waiting if matches!(death, Death::Left(_)) => {
                assert!(decide_meanwhile(outside) > 0, "nobody knows an answer");
            }
            RunStatus::Paused => {
                assert_eq!(state.pause.unwrap().reason, PauseReason::Budget);
                *outside.budgets.lock().unwrap() = calls(100);
                let what = vec!["budgets".into()];
                next.repinned = Some(Repin { what, ..Repin::default() });
            }
            _ => {}
        }
    }
    panic!("after 20 hosts it has not ended: {:?}", outside.complaints());
}

/// A run that was not cut, and what it left.
struct Whole {
    entries: Vec<Entry>,
    state: RunState,
    blobs: Arc<dyn Blobs>,
    values: MemoryValues,
}

/// The run as it goes without a cut: provider out of reach once, budget spent once.
fn uncut(plan: &Arc<Plan>) -> Whole {
    let outside = Arc::new(outside(plan, 1));
    *outside.budgets.lock().unwrap() = calls(9);
    // Four tries of each of two routes.
    *outside.outage.lock().unwrap() = Some((name("draft"), None, 8));
    let state = to_the_end(&outside, Plot::default());
    assert_eq!(outside.complaints(), Vec::<String>::new());
    assert_eq!(state.status(), RunStatus::Done, "{:?}", state.reason);
    let names = outside.known().names.clone();
    let missing: Vec<_> = FEATURES.iter().filter(|name| !names.contains_key(**name)).collect();
    assert!(missing.is_empty(), "{missing:?} of {names:?}");
    let (entries, blobs) = (outside.journal.entries(&run_id()), Arc::clone(&outside.blobs));
    let values = outside.journal.values();
    // Each draft has noted its round, and of two pictures two agents at each of two depths;
    // who failed below a draft has noted nothing.
    assert_eq!(values.len(), 5 + 2 * 2 * 2, "{values:?}");
    Whole { entries, state, blobs, values }
}

/// Goes on from a prefix, and holds what comes out against the uncut run.
fn go_on(plan: &Arc<Plan>, whole: &Whole, length: usize, seed: u64, cut: Option<usize>) {
    let prefix = &whole.entries[..length];
    let mut outside = outside(plan, seed);
    // Bytes are there before the fact that names them.
    outside.blobs = Arc::clone(&whole.blobs);
    if !prefix.is_empty() {
        outside.journal = MemoryJournal::left_with(run_id(), prefix.to_vec());
    }
    *outside.budgets.lock().unwrap() = calls(if seed.is_multiple_of(2) { 9 } else { 100 });
    *outside.faults.lock().unwrap() = Faults { slow_sync: 40, ..Faults::default() };
    *outside.time.lock().unwrap() = whole.state.span.1;
    let outside = Arc::new(outside);
    let finished = outside.known().finished.len();
    let cut_again = Plot { cut, ..Plot::default() };
    let state = to_the_end(&outside, cut_again);
    let place = format!("after {length} entries, SEED={seed}, cut again at {cut:?}");
    assert_eq!(outside.complaints(), Vec::<String>::new(), "{place}");
    assert_eq!(state.status(), RunStatus::Done, "{place}: {:?}", state.reason);
    assert_eq!(ends(&state), ends(&whole.state), "{place}");
    assert_eq!(state.output, whole.state.output, "{place}");
    assert_eq!(outside.journal.values(), whole.values, "{place}");
    assert!(outside.known().finished.len() >= finished, "{place}");
}

#[test]
fn a_run_that_is_cut_anywhere_comes_out_as_if_it_had_not() {
    let plan = plan(PIPELINE);
    let whole = uncut(&plan);
    assert!(whole.entries.len() > 100, "{} entries", whole.entries.len());
    for length in 0..whole.entries.len() {
        go_on(&plan, &whole, length, length as u64, None);
    }
}

#[test]
fn a_run_that_is_cut_anywhere_twice_comes_out_as_if_it_had_not() {
    let plan = plan(PIPELINE);
    let whole = uncut(&plan);
    for length in 0..whole.entries.len() {
        for seed in 0..4 {
            let seed = (length * 4 + seed) as u64;
            let turns = 1 + (seed as usize).wrapping_mul(7_919) % 400;
            go_on(&plan, &whole, length, seed, Some(turns));
        }
    }
}
