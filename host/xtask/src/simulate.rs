//! The simulation of runs under faults, as long as wanted. Knows where it is and nothing of what it does.

use anyhow::{Context as _, Result, bail};

use crate::command::cargo;

/// How many runs without being asked: a minute or two.
const RUNS: u64 = 50_000;

/// Runs `--runs N` seeds from `--seed S` on; a seed that fails is printed with the
/// command that repeats it.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    let (mut runs, mut seed) = (RUNS, 0);
    for option in options.chunks(2) {
        let number = |text: &str| text.parse::<u64>().with_context(|| format!("{text:?}"));
        match option {
            ["--runs", text] => runs = number(text)?,
            ["--seed", text] => seed = number(text)?,
            other => bail!("simulate [--runs N] [--seed S], not {}", other.join(" ")),
        }
    }
    // Not nextest: it ends a test that takes minutes.
    cargo()
        .args(["test", "--release", "-p", "bailiwick-orchestrator", "--test", "faults"])
        .args(["simulation::whatever", "--", "--nocapture"])
        .env("SIMULATE_RUNS", runs.to_string())
        .env("SIMULATE_SEED", seed.to_string())
        .run()
}
