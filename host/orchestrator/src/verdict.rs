//! What judges say, read from documents and written into them. Decides nothing about a cell.

use bailiwick_core::fact::{Decision, Failure, FailureKind, Judgement, Verdict};
use bailiwick_core::run::{CellState, Verdicts};
use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_core::{Document, Name};
use serde_json::{Value, json};

/// The most reasons of one verdict that are kept: a list that nobody reads to the end.
const REASONS_MAX: usize = 100;
/// The longest text of a reason, in bytes.
const TEXT_MAX_BYTES: usize = 2_000;

/// Reads `{ verdict, score, reasons: [{ rule, message, fix }] }`.
///
/// # Errors
/// The failure of the judge where the document has another form: it has vetoed.
pub fn read(output: &Document, opinion: bool) -> Result<Judgement, Failure> {
    let wrong = |what: &str| Failure {
        kind: FailureKind::OutOfSchema,
        message: format!("a judge answers {{ verdict, score, reasons }}: {what}"),
        hint: None,
    };
    let value = output.value();
    let verdict = match value.get("verdict").and_then(Value::as_str) {
        Some("pass") => Verdict::Pass,
        Some("revise") => Verdict::Revise,
        Some("veto") => Verdict::Veto,
        _ => return Err(wrong("`verdict` must be \"pass\", \"revise\" or \"veto\"")),
    };
    let score = value.get("score").and_then(Value::as_f64);
    let score =
        score.filter(|s| (0.0..=1.0).contains(s)).ok_or_else(|| wrong("`score` must be 0 to 1"))?;
    let reasons = value.get("reasons").and_then(Value::as_array);
    let reasons = reasons.ok_or_else(|| wrong("`reasons` must be a list"))?;
    if reasons.len() > REASONS_MAX {
        return Err(wrong(&format!("`reasons` has at most {REASONS_MAX} items")));
    }
    let reasons = reasons
        .iter()
        .map(|r| reason(r).ok_or_else(|| wrong("a reason is { rule, message, fix }")));
    let reasons = Value::Array(reasons.collect::<Result<_, _>>()?);
    Ok(Judgement { verdict, score, reasons: Document::of(&reasons), opinion })
}

fn reason(value: &Value) -> Option<Value> {
    let text = |key: &str| match value.get(key) {
        None | Some(Value::Null) => Some(String::new()),
        Some(Value::String(text)) => Some(visible(clip(text, TEXT_MAX_BYTES), Lines::Keep)),
        Some(_) => None,
    };
    let (rule, message, fix) = (text("rule")?, text("message")?, text("fix")?);
    (value.is_object() && !(rule.is_empty() && message.is_empty()))
        .then(|| json!({ "rule": rule, "message": message, "fix": fix }))
}

/// The veto of a judge that failed.
pub(crate) fn veto_of(failure: &Failure, opinion: bool) -> Judgement {
    let reasons = json!([{ "rule": "judge-failed", "message": failure.to_string(), "fix": "" }]);
    Judgement { verdict: Verdict::Veto, score: 0.0, reasons: Document::of(&reasons), opinion }
}

/// What `${feedback}` reads as: all reasons so far, `[{ by, round, reasons }]`.
pub(crate) fn feedback(cell: &CellState) -> Value {
    let said = cell.said.iter().filter_map(|said| {
        let reasons = match &said.words {
            Verdicts::Agent(words) if words.verdict != Verdict::Pass => words.reasons.value(),
            Verdicts::Person { decision: Decision::Reject { comment }, .. } => {
                json!([{ "rule": "people", "message": comment.as_deref().unwrap_or("rejected"), "fix": "" }])
            }
            _ => return None,
        };
        Some(json!({ "by": said.judge.as_str(), "round": said.round, "reasons": reasons }))
    });
    said.collect()
}

/// What the name of an earlier judge reads as, about one round: `null` where it said nothing.
pub(crate) fn said(cell: &CellState, judge: &Name, round: u32) -> Value {
    match cell
        .said
        .iter()
        .rev()
        .find(|said| said.judge == *judge && said.round == round)
        .map(|s| &s.words)
    {
        Some(Verdicts::Agent(words)) => json!({
            "verdict": words.verdict.as_str(), "score": words.score, "reasons": words.reasons.value(),
        }),
        Some(Verdicts::Person { decision, by }) => json!({
            "decision": decision.as_str(), "comment": decision.comment(), "by": by,
        }),
        Some(Verdicts::Skipped) | None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_judge_may_say() {
        let said = json!({"verdict": "revise", "score": 0.5, "reasons": [{"rule": "r", "message": "m", "fix": "f"}]});
        let judgement = read(&Document::of(&said), false).unwrap();
        assert_eq!((judgement.verdict, judgement.score), (Verdict::Revise, 0.5));
    }

    #[test]
    fn anything_else_is_a_failure() {
        for bad in [
            json!({}),
            json!({"verdict": "PASS", "score": 1, "reasons": []}),
            json!({"verdict": "pass", "score": 1.1, "reasons": []}),
            json!({"verdict": "pass", "score": 1, "reasons": {}}),
            json!({"verdict": "pass", "score": 1, "reasons": ["no"]}),
            json!({"verdict": "pass", "score": 1, "reasons": [{}]}),
            json!({"verdict": "pass", "score": 1, "reasons": vec![json!({"rule": "x"}); 101]}),
        ] {
            assert!(read(&Document::of(&bad), false).is_err(), "{bad}");
        }
    }
}
