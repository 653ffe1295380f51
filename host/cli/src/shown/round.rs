//! A round of an author, for people and for scripts: what was taken, what its cases say, what the run came to and where that is another thing than before.

use bailiwick_core::Bytes;
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::dev::{How, Since, Taken};
use serde_json::{Map, Value, json};

use super::compared::places;
use super::{swapped, tested};
use crate::stdout;
use crate::words;
use crate::workbench::{Ran, Round};

/// What is said of a component that serves now, as talk.
pub(crate) fn taken((taken, took): &(Taken, std::time::Duration)) -> String {
    let Taken { built, how, swaps } = taken;
    let size = Bytes(built.size_bytes as u64);
    let (path, took) = (built.path.display(), words::elapsed(*took));
    let mut text = format!("built {path} ({size}) in {took}");
    match how {
        How::First => text.push_str("\nnothing served before"),
        How::Same => text.push_str("\nit is the same component as before"),
        How::ByFile => text.push_str(
            "\npolicy.toml admits unsigned components by their folder: it serves by its file, and was not compared",
        ),
        How::Swapped => {}
    }
    for report in swaps {
        text.push('\n');
        text.push_str(swapped::as_text(report).trim_end());
        if report.changes.iter().any(|change| change.accept.is_some()) {
            text.push_str("\n  what is marked with ! is accepted here, because its author is you; elsewhere its operator does");
        }
    }
    text
}

/// What a run came to, as a result.
pub(crate) fn ran(ran: &Ran) -> String {
    match (&ran.since, &ran.came.output) {
        (Some(since), output) => changed(since, output.is_some()),
        (None, Some(output)) => format!("{}\n", stdout::pretty(output)),
        (None, None) => format!("no output: {}\n", shown(&ran.came.ended())),
    }
}

fn changed(since: &Since, has_output: bool) -> String {
    if since.is_same() {
        return match has_output {
            true => "the output is the same\n".to_owned(),
            false => "no output, and the end is the same\n".to_owned(),
        };
    }
    let mut text = String::new();
    if let Some((was, is)) = &since.ended {
        let (was, is) = (shown(was), shown(is));
        text.push_str(&format!("it ends otherwise:\n    then {was}\n    now  {is}\n"));
    }
    if !since.differences.is_empty() {
        text.push_str("the output is another one:\n");
        text.push_str(&places(&since.differences, ("then", "now")));
    }
    text
}

/// One document for each round.
pub(crate) fn as_json(number: u32, changed: &[String], round: &Round) -> Value {
    let Round { taken, tested, ran, problems } = round;
    let mut value = Map::new();
    value.insert("round".into(), number.into());
    value.insert("changed".into(), json!(changed));
    if let Some((taken, took)) = taken {
        let Taken { built, how, swaps } = taken;
        let how = match how {
            How::First => "first",
            How::Same => "same",
            How::Swapped => "swapped",
            How::ByFile => "by-file",
        };
        value.insert(
            "built".into(),
            json!({
                "path": built.path.display().to_string(),
                "bytes": built.size_bytes,
                "milliseconds": millis(*took),
                "taken": how,
                "swaps": swaps,
            }),
        );
    }
    if let Some(cases) = tested {
        value.insert("cases".into(), cases.iter().map(tested::as_json).collect());
    }
    if let Some(ran) = ran {
        value.insert("run".into(), of_run(ran));
    }
    if let Some(problems) = problems {
        value.insert("problems".into(), json!(problems.diagnostics));
    }
    Value::Object(value)
}

fn of_run(ran: &Ran) -> Value {
    let Ran { run, came, cost, took, since } = ran;
    let ended = |since: &Since| {
        since.ended.as_ref().map(|(was, is)| json!({ "was": was, "is": is })).unwrap_or_default()
    };
    json!({
        "run": run,
        "state": came.status.as_str(),
        "output": came.output,
        "lost": came.lost,
        "cost": cost,
        "milliseconds": millis(*took),
        "since": since.as_ref().map(|since| json!({
            "same": since.is_same(),
            "ended": ended(since),
            "differences": since.differences,
        })),
    })
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn shown(text: &str) -> String {
    visible(text, Lines::Escape)
}
