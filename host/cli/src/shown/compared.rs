//! A replay: which attempts came to the same, and where the others did not.

use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_engine::replay::{Asked, Compared, Comparison, Difference, Diverged, Replay, Worst};
use serde_json::{Value, json};

use crate::words::many;

/// The longest text of a request that is shown, in bytes: a few lines of a terminal.
/// `--json` has all of it.
const REQUEST_MAX_BYTES: usize = 600;

/// For people: a summary, and each attempt that is not equal.
pub(crate) fn as_text(replay: &Replay) -> String {
    let mut text = String::new();
    for one in &replay.compared {
        match &one.comparison {
            Comparison::Equal { .. } => {}
            other => text.push_str(&format!("{} {}\n{}", word(other), one.attempt, detail(other))),
        }
    }
    let counts = [Worst::Equal, Worst::Different, Worst::Diverged, Worst::Impossible]
        .map(|of| (of, replay.count(of)));
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(of, count)| *of == Worst::Equal || *count > 0)
        .map(|(of, count)| format!("{count} {}", word_of(of)))
        .collect();
    let attempts = many(replay.compared.len(), "attempt");
    text.push_str(&format!("{attempts} of run {} replayed: {}", replay.run, counts.join(", ")));
    if replay.open > 0 {
        text.push_str(&format!("; {} not ended, left out", replay.open));
    }
    text.push('\n');
    text
}

fn word(comparison: &Comparison) -> &'static str {
    word_of(comparison.worst())
}

fn word_of(kind: Worst) -> &'static str {
    match kind {
        Worst::Equal => "equal",
        Worst::Impossible => "not comparable",
        Worst::Different => "different",
        Worst::Diverged => "diverged",
    }
}

/// What is another thing, in lines.
pub(crate) fn detail(comparison: &Comparison) -> String {
    match comparison {
        Comparison::Equal { .. } => String::new(),
        Comparison::Impossible(why) => format!("  {}\n", visible(why, Lines::Escape)),
        Comparison::Different(differences) => places(differences, REPLAYED),
        Comparison::Diverged(diverged) => calls(diverged),
    }
}

/// What both sides of a replay are called.
const REPLAYED: (&str, &str) = ("then", "now");

/// Where two documents differ, each place with both sides under these names.
pub(crate) fn places(differences: &[Difference], (was, is): (&str, &str)) -> String {
    let width = was.len().max(is.len());
    let line = |difference: &Difference| {
        let at = if difference.at.is_empty() { "(the whole)" } else { &difference.at };
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".into());
        let (then, now) = (side(&difference.was), side(&difference.is));
        format!("  {at}\n    {was:width$} {then}\n    {is:width$} {now}\n")
    };
    differences.iter().map(line).collect()
}

fn calls(diverged: &Diverged) -> String {
    let mut text = format!("  call {}: ", diverged.call);
    match (&diverged.was, &diverged.is) {
        (Some(was), None) => {
            text.push_str(&format!("asked {} then, ended without it now\n", was.capability));
        }
        (was, is) => {
            let power = |asked: &Option<Asked>| {
                asked.as_ref().map_or("nothing".to_owned(), |asked| asked.capability.to_string())
            };
            text.push_str(&format!("asked {} then, {} now\n", power(was), power(is)));
        }
    }
    if !diverged.differences.is_empty() {
        text.push_str(&places(&diverged.differences, REPLAYED));
        return text;
    }
    for (when, asked) in [("then", &diverged.was), ("now ", &diverged.is)] {
        if let Some(request) = asked.as_ref().and_then(|asked| asked.request.as_ref()) {
            let request = request.to_string();
            let shown = visible(clip(&request, REQUEST_MAX_BYTES), Lines::Escape);
            let more = if request.len() > REQUEST_MAX_BYTES { "…" } else { "" };
            text.push_str(&format!("    {when} {shown}{more}\n"));
        }
    }
    text
}

/// For scripts.
pub(crate) fn as_json(replay: &Replay) -> Value {
    json!({
        "run": replay.run,
        "equal": replay.count(Worst::Equal),
        "different": replay.count(Worst::Different),
        "diverged": replay.count(Worst::Diverged),
        "not_comparable": replay.count(Worst::Impossible),
        "not_ended": replay.open,
        "attempts": replay.compared.iter().map(one).collect::<Vec<_>>(),
    })
}

fn one(compared: &Compared) -> Value {
    let mut value = json!({
        "attempt": compared.attempt.to_string(),
        "component": compared.component,
        "comparison": match compared.comparison.worst() {
            Worst::Impossible => "not_comparable",
            kind => word_of(kind),
        },
    });
    let (key, more) = match &compared.comparison {
        Comparison::Equal { until: None } => return value,
        Comparison::Equal { until: Some(failure) } => ("until", json!(failure.to_string())),
        Comparison::Impossible(why) => ("reason", json!(why)),
        Comparison::Different(differences) => ("differences", json!(differences)),
        Comparison::Diverged(diverged) => (
            "call",
            json!({
                "index": diverged.call,
                "was": diverged.was.as_ref().map(asked),
                "is": diverged.is.as_ref().map(asked),
                "differences": diverged.differences,
            }),
        ),
    };
    if let Some(members) = value.as_object_mut() {
        members.insert(key.to_owned(), more);
    }
    value
}

fn asked(asked: &Asked) -> Value {
    json!({ "capability": asked.capability.as_str(), "request": asked.request })
}
