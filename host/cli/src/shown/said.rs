//! What judges and people said of a cell, in words and as JSON.

use bailiwick_core::RunId;
use bailiwick_core::fact::Judgement;
use bailiwick_core::run::{CellState, End, Said, Verdicts};
use bailiwick_core::text::{Lines, visible};
use serde_json::{Value, json};

use crate::live::tally::{self, Going};

/// How a cell ended, or where it stands in a run that goes so; with the reason where there
/// is one.
pub(crate) fn state(cell: &CellState, going: Going) -> (&'static str, Option<String>) {
    let word = tally::word(cell).map(|word| word.of(going));
    let word = word.map_or("not begun", tally::Word::as_str);
    let reason = match cell.end() {
        Some(End::Dropped { reason }) => Some(reason.clone()),
        Some(End::Failed { failure }) => Some(match &failure.hint {
            Some(hint) => format!("{failure} (hint: {hint})"),
            None => failure.to_string(),
        }),
        _ => None,
    };
    (word, reason)
}

/// `reused from r1: draft round 0, check round 0`: which outputs of a cell were made in another run.
pub(crate) fn reused(cell: &CellState) -> Option<String> {
    let mut runs: Vec<&RunId> = cell.reused.values().collect();
    runs.sort();
    runs.dedup();
    let steps: Vec<_> =
        cell.reused.keys().map(|(step, round)| format!("{step} round {round}")).collect();
    let runs: Vec<_> = runs.into_iter().map(ToString::to_string).collect();
    (!runs.is_empty()).then(|| format!("reused from {}: {}", runs.join(", "), steps.join(", ")))
}

/// One line for each verdict and each of its reasons.
pub(crate) fn lines(said: &Said) -> Vec<String> {
    let head = format!("round {} {}: ", said.round, said.judge);
    match &said.words {
        Verdicts::Skipped => vec![format!("{head}skipped")],
        Verdicts::Person { decision, by } => {
            let comment =
                decision.comment().map(|comment| format!(": {}", visible(comment, Lines::Escape)));
            vec![format!(
                "{head}{} by {}{}",
                decision.as_str(),
                visible(by, Lines::Escape),
                comment.unwrap_or_default()
            )]
        }
        Verdicts::Agent(judgement) => {
            let opinion = if judgement.opinion { ", an opinion" } else { "" };
            let verdict =
                format!("{head}{} ({:.2}{opinion})", judgement.verdict.as_str(), judgement.score);
            std::iter::once(verdict).chain(reasons(judgement)).collect()
        }
    }
}

/// `[{ rule, message, fix }]` as lines; whatever else a judge wrote as it is.
fn reasons(judgement: &Judgement) -> Vec<String> {
    let reasons = judgement.reasons.value();
    let one = |reason: &Value| {
        let member = |key: &str| reason.get(key).and_then(Value::as_str).unwrap_or_default();
        match (member("rule"), member("message"), member("fix")) {
            ("", "", _) => reason.to_string(),
            (rule, message, "") => format!("{rule}: {message}"),
            (rule, message, fix) => format!("{rule}: {message} → {fix}"),
        }
    };
    let lines = reasons.as_array().into_iter().flatten().map(one);
    lines.map(|line| format!("  {}", visible(&line, Lines::Escape))).collect()
}

/// The same as JSON.
pub(crate) fn as_json(said: &Said) -> Value {
    let mut value = match &said.words {
        Verdicts::Skipped => json!({"verdict": "skipped"}),
        Verdicts::Person { decision, by } => {
            json!({"decision": decision.as_str(), "by": by, "comment": decision.comment()})
        }
        Verdicts::Agent(judgement) => json!({
            "verdict": judgement.verdict,
            "score": judgement.score,
            "reasons": judgement.reasons.value(),
            "opinion": judgement.opinion,
        }),
    };
    if let Value::Object(map) = &mut value {
        map.insert("judge".into(), said.judge.to_string().into());
        map.insert("round".into(), said.round.into());
    }
    value
}
