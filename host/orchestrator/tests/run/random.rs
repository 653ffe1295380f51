//! Random small pipelines with random agents and people: whatever happens, a run ends and its journal is legal.

use std::fmt::Write as _;
use std::sync::Arc;

use bailiwick_core::Digest;
use bailiwick_core::fact::FailureKind;
use bailiwick_core::run::RunStatus;
use bailiwick_policy::ports::Job;
use serde_json::{Value, json};

use crate::house::{House, Table, failure, slowly, verdict};

/// How many runs: a few seconds of them.
const RUNS: u64 = 400;

/// Knuth's generator: good enough to choose, the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % sides as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const AXES: [&str; 3] = ["x", "y", "z"];

/// A pipeline that every check passes.
fn pipeline(dice: &mut Dice) -> String {
    let mut text = String::from("[axes]\n");
    let lengths: Vec<usize> = AXES.iter().map(|_| 1 + dice.below(3)).collect();
    for (axis, length) in AXES.iter().zip(lengths) {
        let values: Vec<_> = (0..length).map(|n| format!("\"{axis}{n}\"")).collect();
        writeln!(text, "{axis} = [{}]", values.join(", ")).unwrap();
    }
    if dice.chance(30) {
        text.push_str("\n[matrix]\nexclude = [{ x = \"x0\", y = \"y0\" }]\n");
    }
    let mut steps: Vec<Vec<&str>> = Vec::new();
    for at in 0..1 + dice.below(4) {
        let over: Vec<&str> = AXES.into_iter().filter(|_| dice.chance(40)).collect();
        let judged = step(&mut text, at, &over, &steps, dice);
        if judged {
            judges(&mut text, at, dice);
        }
        steps.push(over);
    }
    text
}

/// Writes a step; says whether it may be revised.
fn step(
    text: &mut String,
    at: usize,
    over: &[&str],
    earlier: &[Vec<&str>],
    dice: &mut Dice,
) -> bool {
    let read: Vec<usize> = (0..earlier.len()).filter(|_| dice.chance(50)).collect();
    let mut collect: Vec<&str> = AXES.into_iter().filter(|axis| !over.contains(axis)).collect();
    collect.retain(|axis| read.iter().any(|other| earlier[*other].contains(axis)));
    let mut inputs: Vec<String> =
        read.iter().map(|other| format!("s{other} = \"${{s{other}}}\"")).collect();
    inputs.push("feedback = \"${feedback}\"".into());
    writeln!(
        text,
        "\n[step.s{at}]\nagent = \"work\"\nover = {over:?}\ninput = {{ {} }}",
        inputs.join(", ")
    )
    .unwrap();
    if !collect.is_empty() {
        writeln!(text, "collect = {collect:?}\nmin = {}", dice.below(3)).unwrap();
    }
    if let Some(axis) = over.first().filter(|_| dice.chance(25)) {
        writeln!(text, "when = '${{axis.{axis} != \"{axis}0\"}}'").unwrap();
    }
    writeln!(text, "retry = {{ attempts = {}, backoff = \"10 ms\" }}", 1 + dice.below(3)).unwrap();
    writeln!(text, "on-failure = {{ tolerate = \"{}%\" }}", [0, 34, 100, 100][dice.below(4)])
        .unwrap();
    if dice.chance(40) {
        writeln!(text, "concurrency = {}", 1 + dice.below(2)).unwrap();
    }
    let unread: Vec<String> = (0..earlier.len())
        .filter(|o| !read.contains(o) && o % 2 == 0)
        .map(|o| format!("s{o}"))
        .collect();
    if dice.chance(30) && !unread.is_empty() {
        writeln!(text, "needs = {unread:?}").unwrap();
    }
    dice.chance(70)
}

fn judges(text: &mut String, of: usize, dice: &mut Dice) {
    for at in 0..1 + dice.below(3) {
        writeln!(text, "\n[step.s{of}_j{at}]\njudges = \"s{of}\"\nrounds = {}", dice.below(3))
            .unwrap();
        if dice.chance(35) {
            text.push_str("people = { groups = [\"editors\"] }\n");
        } else {
            writeln!(
                text,
                "agent = \"judge\"\non-failure = {{ tolerate = \"{}%\" }}",
                [50, 100][dice.below(2)]
            )
            .unwrap();
            writeln!(text, "retry = {{ attempts = {}, backoff = \"10 ms\" }}", 1 + dice.below(2))
                .unwrap();
        }
        // The first earlier judge, by name.
        if at > 0 && dice.chance(30) {
            writeln!(text, "when = '${{s{of}_j0 == null || round < 2}}'").unwrap();
        }
    }
}

/// What an attempt does depends on the seed and on which it is, not on when it runs.
fn fate(seed: u64, job: &Job) -> Dice {
    let digest = Digest::of(format!("{seed} {}", job.attempt).as_bytes()).to_string();
    Dice(digest.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))))
}

async fn act(seed: u64, job: Job, judge: bool) -> Result<Value, bailiwick_core::fact::Failure> {
    let mut dice = fate(seed, &job);
    for _ in 0..dice.below(20) {
        tokio::task::yield_now().await;
    }
    let kinds = [FailureKind::Retryable, FailureKind::Trap, FailureKind::Fatal, FailureKind::Limit];
    match dice.below(100) {
        0..12 => Err(failure(kinds[dice.below(4)])),
        12..14 => Ok(json!({ "verdict": "none of the three" })),
        _ if judge => {
            let word = ["pass", "pass", "revise", "revise", "veto"][dice.below(5)];
            Ok(verdict(word, [0.1, 0.5, 0.5, 0.9][dice.below(4)]))
        }
        _ => Ok(json!({ "of": job.attempt.to_string() })),
    }
}

/// The answers of people: by round, so that every kind comes up; some questions stay open.
fn decisions(dice: &mut Dice) -> String {
    let mut text = String::new();
    let words = ["approve", "reject", "edit", "reject"];
    for judge in ["j0", "j1", "j2"] {
        for of in 0..4 {
            for round in 0..4 {
                if dice.chance(8) {
                    continue;
                }
                let word = words[dice.below(4)];
                let value = if word == "edit" { "value = { mine = true }\n" } else { "" };
                writeln!(text, "[[decide]]\nstep = \"s{of}_{judge}\"\nround = {round}\ndecision = \"{word}\"\n{value}").unwrap();
            }
        }
    }
    text
}

#[tokio::test]
async fn every_run_ends_and_its_journal_is_legal() {
    let only = std::env::var("SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let mut ends = std::collections::BTreeMap::new();
    for seed in only.map_or(0..RUNS, |seed| seed..seed + 1) {
        // What repeats a failure; shown only where there is one.
        println!("SEED={seed}");
        let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = pipeline(&mut dice);
        let house =
            House::of(&text).desk(Table::of(&decisions(&mut dice))).at_a_time(1 + dice.below(8));
        let judging: Vec<_> = house
            .plan
            .steps
            .iter()
            .filter(|s| s.judges.is_some())
            .map(|s| s.name.clone())
            .collect();
        let judging = Arc::new(judging);
        let house = house.agents(slowly(move |job| {
            let judge = judging.contains(&job.attempt.cell.step);
            act(seed, job, judge)
        }));
        let (handle, driven) = house.start();
        let stop = dice.chance(15).then(|| dice.below(300));
        let stopper = async {
            if let Some(turns) = stop {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
                handle.stop().await;
            }
        };
        let (ended, ()) = tokio::join!(driven, stopper);
        let ended = ended.unwrap_or_else(|error| panic!("SEED={seed}: {error}\n{text}"));
        house.hold_against(&ended);
        *ends.entry(ended.state.status().as_str()).or_insert(0) += 1;
        if ended.state.status() == RunStatus::Waiting {
            assert!(ended.state.open_asks().next().is_some());
        }
    }
    if only.is_none() {
        // Dice that never lead somewhere prove nothing about it.
        for end in ["done", "failed", "waiting", "interrupted"] {
            assert!(ends.get(end).is_some_and(|runs| *runs >= 10), "{ends:?}");
        }
    }
}
