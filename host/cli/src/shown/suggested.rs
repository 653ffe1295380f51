//! A suggestion of smaller grants: what each agent used, is granted and is proposed, what it rests on, and the patch.

use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::suggest::{Line, Suggested, Suggestion};
use serde_json::{Value, json};

use crate::words::many;

/// What a lint can say, and what it cannot.
const LINT: &str = "This is a lint: what was not used so far may be needed tomorrow.";

/// What is left to do where a proposal could not be written.
const BY_HAND: &str =
    "The lines above say what is proposed; write it by hand. Nothing was done again under it.";

/// For people: each agent, the runs, and the patch at the end, as `patch -p1` takes it.
pub(crate) fn as_text(suggestion: &Suggestion) -> String {
    let mut text: String = suggestion.agents.iter().map(agent).collect();
    text.push_str(&runs(suggestion));
    text.push_str(LINT);
    text.push('\n');
    match &suggestion.unwritten {
        Some(why) => text.push_str(&format!("There is no patch: {}.\n{BY_HAND}\n", shown(why))),
        None if suggestion.patch.is_empty() => text.push_str("Nothing smaller is suggested.\n"),
        None => {
            text.push('\n');
            text.push_str(&suggestion.patch);
        }
    }
    text
}

fn agent(one: &Suggested) -> String {
    let (attempts, runs) = (many(one.attempts, "attempt"), many(one.runs, "run"));
    let mut text = match one.attempts {
        0 => format!("{}\n", one.agent),
        _ => format!("{}  {attempts} in {runs}\n", one.agent),
    };
    for note in &one.notes {
        text.push_str(&format!("  {}\n", shown(note)));
    }
    for line in &one.lines {
        let Line { power, used, granted, proposed, why, changes } = line;
        text.push_str(&format!("  {power:10} used      {}\n", shown(used)));
        let mut row = |key: &str, value: &str| {
            text.push_str(&format!("  {:10} {key:9} {}\n", "", shown(value)));
        };
        row("granted", granted);
        match changes {
            true => row("proposed", proposed),
            false => row("proposed", "the same"),
        }
        row("because", why);
    }
    text.push('\n');
    text
}

fn runs(suggestion: &Suggestion) -> String {
    let mut text = String::new();
    if !suggestion.replayed.is_empty() {
        let under = match suggestion.patch.is_empty() {
            true => "Done again under the grants of today",
            false => "Done again under what is proposed",
        };
        let each = suggestion.replayed.iter();
        let each = each.map(|(run, equal)| format!("  {run}: {} equal\n", many(*equal, "attempt")));
        text.push_str(&format!("{under}, and equal:\n{}", each.collect::<String>()));
    }
    if !suggestion.left_out.is_empty() {
        text.push_str("Left out:\n");
        for (run, why) in &suggestion.left_out {
            text.push_str(&format!("  {run}: {}\n", shown(why)));
        }
    }
    if suggestion.hidden > 0 {
        let hidden = many(suggestion.hidden, "run");
        text.push_str(&format!("Not gone by: {hidden} that you are not cleared to see.\n"));
    }
    if suggestion.older {
        text.push_str("Not gone by: older runs; name them to include them.\n");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// A text on one line, without anything that deceives: paths and hosts are a guest's words.
fn shown(text: &str) -> String {
    visible(text, Lines::Escape).to_string()
}

/// For scripts.
pub(crate) fn as_json(suggestion: &Suggestion) -> Value {
    let run = |(run, equal): &(_, usize)| json!({ "run": run, "equal": equal });
    let left = |(run, why): &(_, String)| json!({ "run": run, "reason": shown(why) });
    json!({
        "lint": LINT,
        "agents": suggestion.agents.iter().map(agent_json).collect::<Vec<_>>(),
        "replayed": suggestion.replayed.iter().map(run).collect::<Vec<_>>(),
        "left_out": suggestion.left_out.iter().map(left).collect::<Vec<_>>(),
        "hidden": suggestion.hidden,
        "older": suggestion.older,
        "patch": suggestion.patch,
        "unwritten": suggestion.unwritten.as_deref().map(shown),
    })
}

fn agent_json(one: &Suggested) -> Value {
    let line = |line: &Line| {
        json!({
            "power": line.power,
            "used": shown(&line.used),
            "granted": shown(&line.granted),
            "proposed": shown(&line.proposed),
            "because": shown(&line.why),
            "changes": line.changes,
        })
    };
    json!({
        "agent": one.agent.as_str(),
        "runs": one.runs,
        "attempts": one.attempts,
        "notes": one.notes,
        "powers": one.lines.iter().map(line).collect::<Vec<_>>(),
    })
}
