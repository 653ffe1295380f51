//! What is said when a run has ended: how, what was lost and why, what was denied, and how to go on.

use std::path::Path;
use std::time::Duration;

use bailiwick_core::RunState;
use bailiwick_core::run::{Ask, End, RunStatus};
use bailiwick_core::text::{Lines, visible};

use crate::commands::run::Arguments;
use crate::denials::Denials;
use crate::live::tally;
use crate::words;

/// Lost cells that are listed; who wants the others asks for them.
const LOST_MAX: usize = 20;
/// Open questions for which a rule is written out.
const OPEN_MAX: usize = 5;
/// The file of decisions that is proposed where none was named.
const DECISIONS: &str = "decisions.toml";

/// The summary, without a line break at its end.
///
/// `place` are the words that name the data folder on a command line.
pub(crate) fn summary(
    state: &RunState,
    denials: &Denials,
    elapsed: Duration,
    place: &str,
) -> String {
    let mut lines = vec![format!(
        "run {} is {} after {}: {}",
        state.run,
        state.status().as_str(),
        words::elapsed(elapsed),
        words::cost(state.cost)
    )];
    if let Some(reason) = &state.reason {
        lines.push(format!("  {}", visible(reason, Lines::Escape)));
    }
    let counts: Vec<_> = tally::total(state)
        .words()
        .into_iter()
        .map(|(word, count)| format!("{count} {}", word.as_str()))
        .collect();
    if !counts.is_empty() {
        lines.push(format!("  cells: {}", counts.join(", ")));
    }
    lines.extend(lost(state, place));
    lines.extend(denials.lines());
    lines.join("\n")
}

fn lost(state: &RunState, place: &str) -> Vec<String> {
    let cells = state.steps.iter().flat_map(|step| {
        step.order.iter().filter_map(move |key| Some((step, key, step.cells.get(key)?.end()?)))
    });
    let mut lines: Vec<_> = cells
        .filter_map(|(step, key, end)| {
            let id = format!("{}/{key}", step.shape.name);
            match end {
                End::Dropped { reason } => {
                    Some(format!("  {id} dropped: {}", visible(reason, Lines::Escape)))
                }
                End::Failed { failure } => {
                    let hint = failure
                        .hint
                        .as_ref()
                        .map(|hint| format!("\n    hint: {}", visible(hint, Lines::Escape)));
                    let failed = visible(&failure.to_string(), Lines::Escape);
                    Some(format!("  {id} failed: {failed}{}", hint.unwrap_or_default()))
                }
                End::Released { .. } | End::Skipped => None,
            }
        })
        .collect();
    let more = lines.len().saturating_sub(LOST_MAX);
    if more > 0 {
        lines.truncate(LOST_MAX);
        lines.push(format!("  and {more} more: bailiwick show {}{place}", state.run));
    }
    lines
}

/// After a stop, or where people are waited for: the command that goes on, and what it does.
pub(crate) fn how_to_go_on(
    state: &RunState,
    arguments: &Arguments,
    project: &Path,
) -> Option<String> {
    let status = state.status();
    let command = again(arguments, project, status == RunStatus::Waiting);
    match status {
        RunStatus::Waiting => {
            let file = arguments.decisions.as_deref().unwrap_or(Path::new(DECISIONS)).display();
            let mut lines = vec![format!(
                "it waits for people. Rules for {file}, to be changed as you decide:"
            )];
            let open: Vec<_> = state.open_asks().map(|(_, ask)| rule(ask)).collect();
            lines.extend(open.iter().take(OPEN_MAX).cloned());
            if open.len() > OPEN_MAX {
                lines.push(format!(
                    "and {} more: bailiwick show {}{}",
                    open.len() - OPEN_MAX,
                    state.run,
                    place(arguments, project)
                ));
            }
            lines.push("then type this; the run starts over:".into());
            lines.push(format!("  {command}"));
            Some(lines.join("\n"))
        }
        RunStatus::Interrupted => {
            Some(format!("to run it again, from the beginning:\n  {command}"))
        }
        RunStatus::Done | RunStatus::Failed | RunStatus::Running => None,
    }
}

/// The words that name the data folder of a run to other commands.
pub(crate) fn place(arguments: &Arguments, project: &Path) -> String {
    match &arguments.data {
        Some(data) => format!(" --data {}", quoted(&data.display().to_string())),
        None => {
            let project = arguments.place.project.as_deref().unwrap_or(project);
            format!(" --project {}", quoted(&project.display().to_string()))
        }
    }
}

/// A rule of `decisions.toml` that answers a question.
fn rule(ask: &Ask) -> String {
    let pairs: Vec<_> =
        ask.cell.key.pairs().map(|(axis, id)| format!("{axis} = {}", text(&id))).collect();
    let place = if pairs.is_empty() {
        String::new()
    } else {
        format!("where = {{ {} }}\n", pairs.join(", "))
    };
    format!(
        "[[decide]]\nstep = \"{}\"\n{place}round = {}\ndecision = \"approve\"\n",
        ask.judge, ask.round
    )
}

/// A basic string of TOML.
fn text(text: &str) -> String {
    let mut written = String::from("\"");
    for character in text.chars() {
        let alone = character.to_string();
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            _ if visible(&alone, Lines::Escape) == alone => written.push(character),
            _ => written.push_str(&format!("\\U{:08x}", u32::from(character))),
        }
    }
    written.push('"');
    written
}

/// The command as it can be typed anywhere, with a file of decisions and without the
/// id, which is taken.
fn again(arguments: &Arguments, project: &Path, waits: bool) -> String {
    let mut words = vec!["bailiwick".to_owned(), "run".to_owned()];
    words.extend(arguments.pipeline.clone());
    let mut option =
        |name: &str, value: String| words.extend([format!("--{name}"), quoted(&value)]);
    let path = |path: &Path| path.display().to_string();
    option("project", path(arguments.place.project.as_deref().unwrap_or(project)));
    let paths = [
        ("policy", &arguments.place.policy),
        ("input", &arguments.input),
        ("data", &arguments.data),
        ("out", &arguments.out),
    ];
    for (name, value) in paths {
        if let Some(value) = value {
            option(name, path(value));
        }
    }
    arguments.models.iter().for_each(|model| option("model", model.clone()));
    // A run that waits is to have the file that its rules were shown for.
    let rules = waits.then(|| Path::new(DECISIONS));
    if let Some(file) = arguments.decisions.as_deref().or(rules) {
        option("decisions", path(file));
    }
    if arguments.json {
        words.push("--json".into());
    }
    words.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn texts_are_written_as_toml_reads_them() {
        assert_eq!(text("a \"b\" \\ ü\u{202e}\n"), r#""a \"b\" \\ ü\U0000202e\U0000000a""#);
    }

    #[test]
    fn only_a_run_that_waits_is_told_of_decisions_that_nobody_gave() {
        let arguments = |words: &[&str]| {
            let words = ["bailiwick", "run", "--input", "a b.json"].iter().chain(words);
            match crate::arguments::Arguments::try_parse_from(words).unwrap().command {
                crate::arguments::Command::Run(arguments) => arguments,
                _ => unreachable!("it is `run`"),
            }
        };
        let said = |words: &[&str], waits| again(&arguments(words), Path::new("/p"), waits);
        let run = "bailiwick run --project /p --input 'a b.json'";
        assert_eq!(said(&[], false), run);
        assert_eq!(said(&[], true), format!("{run} --decisions decisions.toml"));
        assert_eq!(said(&["--decisions", "x"], false), format!("{run} --decisions x"));
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b.toml"), "a/b.toml");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
