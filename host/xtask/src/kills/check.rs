//! What has to hold for a run that was killed: its journal against what the server saw.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, bail};
use serde_json::Value;

use super::process::Ended;
use crate::counter::Asked;

/// What was found over all runs.
#[derive(Default)]
pub(super) struct Counts {
    runs: u64,
    cells: u64,
    calls: u64,
    /// Cells that were started or continued after they had finished.
    finished_again: u64,
    /// Requests beyond the first of a call.
    repeated: u64,
    /// Those of them for which no intent without answer stood in the journal.
    repeated_wrongly: u64,
    /// Requests that no durable intent stands for.
    unfounded: u64,
    /// One question, several keys.
    other_key: u64,
    /// Cells without a value at the end.
    lost: u64,
    /// Cells that a host gave up after three unclean ends, and that were tried again.
    given_up: u64,
    resumes: u64,
}

/// One gate call of one attempt.
type Call = (String, String);

/// Compares the journal of a finished run with what was asked outside.
pub(super) fn check(ended: &Ended, asked: &[Asked], cells: usize) -> Result<Counts> {
    let mut counts = Counts { runs: 1, ..Counts::default() };
    let mut finished = BTreeSet::new();
    let mut released = BTreeSet::new();
    // By key: how often it was intended; by call: its key, whether it was answered.
    let mut intents: BTreeMap<String, u64> = BTreeMap::new();
    let mut answered: BTreeSet<Call> = BTreeSet::new();
    for fact in &ended.facts {
        let text = |place: &str| fact.pointer(place).map(Value::to_string).unwrap_or_default();
        let (cell, call) = (text("/attempt/cell"), (text("/attempt"), text("/index")));
        match fact.get("fact").and_then(Value::as_str).unwrap_or_default() {
            "RunResumed" => counts.resumes += 1,
            "CellStarted" | "AttemptContinued" => {
                counts.finished_again += u64::from(finished.contains(&cell));
            }
            "CellFinished" => drop(finished.insert(cell)),
            "Released" => drop(released.insert(text("/cell"))),
            "CallIntended" => {
                *intents.entry(text("/key")).or_default() += 1;
                counts.repeated_wrongly += u64::from(answered.contains(&call));
            }
            "CallAnswered" => drop(answered.insert(call)),
            "AttemptFailed" => {
                counts.given_up += u64::from(text("/failure/kind").contains("host-crash"));
            }
            _ => {}
        }
    }
    let mut requests: BTreeMap<String, u64> = BTreeMap::new();
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for ask in asked {
        *requests.entry(format!("\"blake3:{}\"", ask.key)).or_default() += 1;
        keys.entry(&ask.body).or_default().insert(&ask.key);
    }
    for (key, times) in &requests {
        let intended = intents.get(key).copied().unwrap_or(0);
        counts.unfounded += u64::from(intended == 0);
        counts.repeated += times - 1;
        counts.repeated_wrongly += times.saturating_sub(intended.max(1));
    }
    counts.other_key = keys.values().map(|keys| keys.len() as u64 - 1).sum();
    counts.calls = asked.len() as u64;
    counts.cells = released.len() as u64;
    counts.lost = (cells - released.len().min(cells)) as u64;
    if requests.len() != cells || keys.len() != cells {
        bail!("{cells} cells, {} keys, {} questions", requests.len(), keys.len());
    }
    Ok(counts)
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.cells += other.cells;
        self.calls += other.calls;
        self.finished_again += other.finished_again;
        self.repeated += other.repeated;
        self.repeated_wrongly += other.repeated_wrongly;
        self.unfounded += other.unfounded;
        self.other_key += other.other_key;
        self.lost += other.lost;
        self.given_up += other.given_up;
        self.resumes += other.resumes;
    }

    pub(super) fn gave_up(&self) -> bool {
        self.given_up > 0
    }

    /// An error where something happened that must not.
    pub(super) fn verdict(&self) -> Result<()> {
        let broken =
            [self.finished_again, self.repeated_wrongly, self.unfounded, self.other_key, self.lost];
        match broken.iter().sum::<u64>() {
            0 => Ok(()),
            _ => bail!("what must not happen has happened:\n{self}"),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cells released {}, resumes {}", self.cells, self.resumes)?;
        writeln!(f, "finished cells run again {}", self.finished_again)?;
        writeln!(f, "requests at the server {}, of them repeated {}", self.calls, self.repeated)?;
        writeln!(f, "repeated although an answer was durable {}", self.repeated_wrongly)?;
        writeln!(f, "without a durable intent {}", self.unfounded)?;
        writeln!(f, "repeated under another key {}", self.other_key)?;
        writeln!(f, "cells lost {}", self.lost)?;
        write!(f, "cells given up after three unclean ends, then retried {}", self.given_up)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::time::Instant;

    use serde_json::json;

    use super::*;

    /// A run of one cell with one call, and what else happened.
    fn counts(more: &[Value], keys: &[&str]) -> Counts {
        let attempt = json!({ "cell": { "step": "s", "key": "-" }, "round": 0, "attempt": 1 });
        let of =
            |name: &str| json!({ "fact": name, "attempt": attempt, "index": 0, "key": "blake3:k" });
        let mut facts = vec![of("CellStarted"), of("CallIntended"), of("CallAnswered")];
        facts.push(of("CellFinished"));
        facts.extend(more.iter().cloned());
        facts.push(json!({ "fact": "Released", "cell": attempt["cell"] }));
        for fact in &mut facts {
            if fact.get("attempt").is_some_and(Value::is_null) {
                fact["attempt"] = attempt.clone();
            }
        }
        let ended = Ended { facts, delivered: BTreeMap::new(), kills: 0, restarts: Vec::new() };
        let ask = |key: &&str| Asked { key: (*key).into(), body: "q".into(), at: Instant::now() };
        let asked: Vec<Asked> = keys.iter().map(ask).collect();
        check(&ended, &asked, 1).unwrap()
    }

    #[test]
    fn what_must_not_happen_is_seen() {
        assert!(counts(&[], &["k"]).verdict().is_ok());
        // Asked twice, intended once.
        assert_eq!(counts(&[], &["k", "k"]).repeated_wrongly, 1);
        // Intended again after its answer.
        let again =
            json!({ "fact": "CallIntended", "attempt": null, "index": 0, "key": "blake3:k" });
        assert_eq!(counts(&[again], &["k", "k"]).repeated_wrongly, 1);
        // Continued after its end.
        let continued = json!({ "fact": "AttemptContinued", "attempt": null });
        assert_eq!(counts(&[continued], &["k"]).finished_again, 1);
        // At the server, but not in the journal.
        assert_eq!(counts(&[], &["other"]).unfounded, 1);
    }

    #[test]
    fn a_key_of_its_own_for_a_repeated_question_is_seen() {
        let ended =
            Ended { facts: Vec::new(), delivered: BTreeMap::new(), kills: 0, restarts: Vec::new() };
        let ask = |key: &str| Asked { key: key.into(), body: "q".into(), at: Instant::now() };
        assert!(check(&ended, &[ask("k"), ask("l")], 1).is_err());
    }
}
