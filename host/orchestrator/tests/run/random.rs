//! Random small pipelines with random agents and people: whatever happens, a run ends and its journal is legal.

use std::sync::Arc;

use bailiwick_core::Digest;
use bailiwick_core::fact::FailureKind;
use bailiwick_core::run::RunStatus;
use bailiwick_policy::ports::Job;
use serde_json::{Value, json};

use crate::house::{House, Table, failure, slowly, verdict};
use crate::plans::{Dice, decisions, pipeline};

/// How many runs: a few seconds of them.
const RUNS: u64 = 400;

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
