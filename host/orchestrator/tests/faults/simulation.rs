//! Seeded lives and deaths: random plans, random faults, several hosts for each run; whatever happens, the run comes out as if nothing had.
//!
//! `SEED=17 cargo nextest run --release -p bailiwick-orchestrator --test faults` repeats
//! one; `cargo xtask simulate --runs N --seed S` runs as many as wanted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bailiwick_core::fact::{Failure, FailureKind, PauseReason, Repin};
use bailiwick_core::run::RunStatus;
use bailiwick_core::{AttemptId, Calls, Digest, RunState, Tokens};
use bailiwick_policy::{Budget, Budgets, StepBudget, WhenSpent};
use bailiwick_project::Plan;
use serde_json::json;

use crate::guest::{Do, Ends, Part, Script};
use crate::known::ends;
use crate::life::{Death, Plot, decide_meanwhile, live};
use crate::outside::{Faults, Outside, name, plan};
use crate::plans::{Dice, decisions, pipeline};

/// How many runs without being asked: about fifteen seconds of CPU.
const RUNS: u64 = 5_000;

/// What repeats a seed.
const REPEAT: &str = "cargo nextest run --release -p bailiwick-orchestrator --test faults";

/// Seeds that fail before nobody reads on.
const FAILURES_MAX: usize = 5;

/// What has to have happened, or the simulation proves nothing about it.
const EXERCISED: [&str; 9] = [
    "CallLost",
    "Delegated",
    "KvStaged",
    "AttemptContinued",
    "CellParked",
    "RunPaused",
    "RunResumed",
    "Decided",
    "Escalated",
];

/// Hosts that may go on with one run: more than any needs.
const LIVES_MAX: usize = 60;

fn failure(kind: FailureKind) -> Failure {
    Failure { kind, message: "as the dice say".into(), hint: None }
}

/// What an attempt does depends on the seed and on which it is, not on when it runs.
fn fate(seed: u64, id: &AttemptId) -> Dice {
    let digest = Digest::of(format!("{seed} {id}").as_bytes()).to_string();
    Dice(digest.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))))
}

fn script(seed: u64, plan: &Plan) -> Script {
    let judges = plan.steps.iter().filter(|step| step.judges.is_some());
    let judges: Vec<_> = judges.map(|step| step.name.clone()).collect();
    Arc::new(move |id| {
        let mut dice = fate(seed, id);
        let acts = [
            Do::Log,
            Do::Ask,
            Do::Ask,
            Do::Ask,
            Do::Paint,
            Do::Put,
            Do::Get,
            Do::Search,
            Do::Note,
            Do::Delegate,
        ];
        // Who is called does less, and less often calls others.
        let most = if id.path.is_empty() { 5 } else { 4 };
        let does = (0..dice.below(most)).map(|_| acts[dice.below(acts.len())]).collect();
        let kinds =
            [FailureKind::Retryable, FailureKind::Trap, FailureKind::Fatal, FailureKind::Limit];
        let ends = match dice.below(100) {
            0..9 => Err(failure(kinds[dice.below(4)])),
            9..11 => Ok(Ends::Says(json!({ "verdict": "none of the three" }))),
            _ if judges.contains(&id.cell.step) => {
                let word = ["pass", "pass", "revise", "revise", "veto"][dice.below(5)];
                let score = [0.1, 0.5, 0.5, 0.9][dice.below(4)];
                let reasons = json!([{ "rule": "r", "message": word, "fix": "" }]);
                Ok(Ends::Says(json!({ "verdict": word, "score": score, "reasons": reasons })))
            }
            _ => Ok(Ends::Words),
        };
        Part { does, ends }
    })
}

/// A run that was lived through, and what must be said of it.
struct Lived {
    outside: Arc<Outside>,
    state: RunState,
    lives: usize,
}

struct Case {
    seed: u64,
    text: String,
    plan: Arc<Plan>,
    decisions: String,
    dice: Dice,
}

impl Case {
    fn of(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = pipeline(&mut dice);
        let decisions = decisions(&mut dice);
        Self { seed, plan: plan(&text), text, decisions, dice }
    }

    fn outside(&self, embeds: bool) -> Outside {
        let script = script(self.seed, &self.plan);
        let mut outside = Outside::new(Arc::clone(&self.plan), script, &self.decisions, self.seed);
        outside.embeds = embeds;
        outside
    }

    /// The run as it goes where nothing fails.
    fn in_peace(&mut self, embeds: bool) -> Lived {
        let outside = Arc::new(self.outside(embeds));
        match live(&outside, &Plot::default()) {
            Death::Left(ended) => Lived { outside, state: ended.state, lives: 1 },
            other => panic!("in peace: {other:?}: {:?}", outside.complaints()),
        }
    }

    fn budgets(&mut self) -> Budgets {
        let mut budgets = Budgets::default();
        if !self.dice.chance(50) {
            return budgets;
        }
        budgets.when = [WhenSpent::Pause, WhenSpent::Pause, WhenSpent::Pause, WhenSpent::Fail]
            [self.dice.below(4)];
        for agent in ["work", "judge"] {
            let calls = self.dice.chance(50).then(|| Calls(1 + self.dice.below(20) as u64));
            let tokens = self.dice.chance(50).then(|| Tokens(60 + self.dice.below(400) as u64));
            budgets.agents.insert(name(agent), Budget { money: None, tokens, calls });
        }
        if self.dice.chance(40) {
            let when = [WhenSpent::Pause, WhenSpent::Fail, WhenSpent::Finish][self.dice.below(3)];
            let calls = Some(Calls(1 + self.dice.below(6) as u64));
            let most = Budget { calls, ..Budget::NONE };
            budgets.steps.insert(name("s0"), StepBudget { most, when });
        }
        budgets
    }

    fn faults(&mut self) -> Faults {
        let mut most = |most: usize| if self.dice.chance(60) { self.dice.below(most) } else { 0 };
        Faults {
            append: most(4),
            slow_sync: most(95),
            provider: most(50),
            full: most(8),
            silent: most(80),
        }
    }

    /// The same run, through one host after the other.
    fn in_trouble(&mut self, embeds: bool, turns: usize) -> Lived {
        let outside = Arc::new(self.outside(embeds));
        *outside.budgets.lock().unwrap() = self.budgets();
        let (faults, troubled) = (self.faults(), 1 + self.dice.below(6));
        let mut next = Plot { concurrency: 1 + self.dice.below(6), ..Plot::default() };
        let mut retries = usize::from(self.dice.chance(30));
        for life in 0..LIVES_MAX {
            let troubled = life < troubled;
            *outside.faults.lock().unwrap() = if troubled { faults } else { Faults::default() };
            let turn = |dice: &mut Dice| dice.below(turns.max(2));
            next.cut = (troubled && self.dice.chance(60)).then(|| turn(&mut self.dice));
            next.stop = (troubled && self.dice.chance(15)).then(|| turn(&mut self.dice));
            next.attended = (next.cut.is_some() || next.stop.is_some()) && self.dice.chance(40);
            let death = live(&outside, &next);
            (next.retry_failed, next.repinned) = (false, None);
            let state = outside.known().state.clone().unwrap();
            if !matches!(death, Death::Left(_)) && self.dice.chance(30) {
                decide_meanwhile(&outside);
            }
            let goes_on = match state.status() {
                RunStatus::Done | RunStatus::Cancelled => false,
                RunStatus::Running | RunStatus::Waiting if !matches!(death, Death::Left(_)) => true,
                RunStatus::Running => {
                    outside.wrong("left while it runs");
                    false
                }
                RunStatus::Failed => {
                    next.retry_failed = retries > 0;
                    std::mem::take(&mut retries) > 0
                }
                RunStatus::Waiting => decide_meanwhile(&outside) > 0 || troubled,
                RunStatus::Interrupted => true,
                RunStatus::Paused => {
                    if state.pause.as_ref().map(|p| p.reason) == Some(PauseReason::Budget) {
                        next.repinned = Some(raise(&outside));
                    }
                    true
                }
            };
            if !goes_on {
                return Lived { outside, state, lives: life + 1 };
            }
        }
        outside.wrong(format!("after {LIVES_MAX} hosts it has not ended"));
        let state = outside.known().state.clone().unwrap();
        Lived { outside, state, lives: LIVES_MAX }
    }
}

/// Somebody raises what the run may spend.
fn raise(outside: &Outside) -> Repin {
    let mut budgets = outside.budgets.lock().unwrap();
    let Budgets { agents, steps, .. } = &mut *budgets;
    for budget in agents.values_mut().chain(steps.values_mut().map(|step| &mut step.most)) {
        budget.calls = budget.calls.map(|calls| Calls(calls.0 * 2));
        budget.tokens = budget.tokens.map(|tokens| Tokens(tokens.0 * 2));
    }
    Repin { what: vec!["budgets".into()], ..Repin::default() }
}

/// What is counted over all runs: dice that never lead somewhere prove nothing about it.
#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    lives: usize,
    requests: usize,
    compared: usize,
    facts: BTreeMap<&'static str, usize>,
    ends: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.lives += other.lives;
        self.requests += other.requests;
        self.compared += other.compared;
        for (sums, more) in [(&mut self.facts, other.facts), (&mut self.ends, other.ends)] {
            more.into_iter().for_each(|(name, count)| *sums.entry(name).or_default() += count);
        }
    }
}

/// One run; what is wrong with it.
fn simulate(seed: u64, tally: &mut Tally) -> Result<(), String> {
    let mut case = Case::of(seed);
    let embeds = case.dice.chance(30);
    let peace = case.in_peace(embeds);
    let turns = peace.outside.turns.load(Ordering::Relaxed);
    let trouble = case.in_trouble(embeds, turns);
    trouble.outside.nothing_is_forgotten();
    let mut wrong = [peace.outside.complaints(), trouble.outside.complaints()].concat();
    let known = trouble.outside.known();
    let (expected, actual) = (peace.state.status(), trouble.state.status());
    if known.blurred.is_none() && expected != actual {
        wrong.push(format!("{}, and after trouble {}", expected.as_str(), actual.as_str()));
    }
    // A run that fails lets what runs end, and how much that is depends on its hosts.
    if known.blurred.is_none() && expected != RunStatus::Failed {
        tally.compared += 1;
        let (expected, actual) = (ends(&peace.state), ends(&trouble.state));
        for (cell, end) in expected.iter().filter(|(cell, end)| actual.get(cell) != Some(end)) {
            wrong.push(format!("{cell}: {end}, and after trouble {:?}", actual.get(cell)));
        }
        if peace.state.output != trouble.state.output {
            wrong.push("another output".into());
        }
    }
    tally.runs += 1;
    tally.lives += trouble.lives;
    tally.requests += trouble.outside.worked.lock().unwrap().requests;
    *tally.ends.entry(trouble.state.status().as_str()).or_default() += 1;
    for (name, count) in &known.names {
        *tally.facts.entry(name).or_default() += count;
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\n{}", wrong.join("\n"), case.text)),
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Every so many-th seed of these; what is wrong is printed with what repeats it.
fn simulate_all(seeds: impl Iterator<Item = u64>) -> (Tally, usize) {
    let (mut tally, mut failed) = (Tally::default(), 0);
    for seed in seeds {
        if let Err(wrong) = simulate(seed, &mut tally) {
            failed += 1;
            eprintln!("SEED={seed} {REPEAT}\n{wrong}\n");
            if failed >= FAILURES_MAX {
                break;
            }
        }
    }
    (tally, failed)
}

#[test]
fn whatever_fails_a_run_comes_out_as_if_nothing_had() {
    let (first, runs) = match number("SEED") {
        Some(seed) => (seed, 1),
        None => (number("SIMULATE_SEED").unwrap_or(0), number("SIMULATE_RUNS").unwrap_or(RUNS)),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<_> = (0..threads)
        .map(|part| {
            let seeds = (first..first + runs).skip(part).step_by(threads);
            std::thread::spawn(move || simulate_all(seeds))
        })
        .collect();
    let (mut tally, mut failed) = (Tally::default(), 0);
    for part in parts {
        let (of_part, failed_there) = part.join().expect("a simulation panicked");
        tally.add(of_part);
        failed += failed_there;
    }
    println!("{tally:?}");
    assert_eq!(failed, 0);
    if runs >= RUNS {
        for fact in EXERCISED {
            assert!(tally.facts.get(fact).is_some_and(|count| *count > 100), "{fact}: {tally:?}");
        }
        assert!(tally.compared as u64 * 2 > tally.runs, "{tally:?}");
    }
}

/// Without this, a seed would not be worth printing.
#[test]
fn a_seed_repeats_to_the_last_fact() {
    let journal = |seed| {
        let mut case = Case::of(seed);
        let lived = case.in_trouble(true, 200);
        lived.outside.journal.entries(&crate::outside::run_id())
    };
    for seed in 0..20 {
        assert_eq!(journal(seed), journal(seed), "SEED={seed}");
    }
}
