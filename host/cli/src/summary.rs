//! What is said when a run has ended: how, what was lost and why, what was denied, and how to go on.

use std::path::Path;
use std::time::Duration;

use bailiwick_core::fact::PauseReason;
use bailiwick_core::run::{Ask, End, RunStatus};
use bailiwick_core::text::{Lines, visible};
use bailiwick_core::{Cost, RunState};
use bailiwick_engine::history::RunPhase;

use crate::arguments::ProjectPlace;
use crate::denials::Denials;
use crate::live::tally::{self, Going};
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
        words::cost(state.cost, state.currency())
    )];
    if state.lost != Cost::ZERO {
        let lost = words::cost(state.lost, state.currency());
        lines.push(format!("  charged besides, for answers that never came: {lost}"));
    }
    let paused = state.pause.as_ref().map(|pause| &pause.detail);
    if let Some(reason) = state.reason.as_ref().or(paused) {
        lines.push(format!("  {}", visible(reason, Lines::Escape)));
    }
    let phase = RunPhase::from_word(state.status().as_str()).unwrap_or_default();
    let counts: Vec<_> = tally::total(state)
        .left(Going::of(phase))
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

/// What the command that goes on takes over from the one before.
pub(crate) struct GoOn<'a> {
    /// The words that name project, policy and data folder.
    pub(crate) place: &'a str,
    pub(crate) out: Option<&'a Path>,
    pub(crate) decisions: Option<&'a Path>,
    pub(crate) json: bool,
}

/// Where a run can go on: the command for it, and what it takes.
pub(crate) fn how_to_go_on(state: &RunState, go_on: &GoOn<'_>) -> Option<String> {
    let resume = go_on.resume(state, go_on.decisions, "");
    Some(match state.status() {
        RunStatus::Waiting => waiting(state, go_on),
        RunStatus::Interrupted => format!("to go on where it was:\n  {resume}"),
        RunStatus::Paused => match state.pause.as_ref().map(|pause| pause.reason) {
            Some(PauseReason::Budget) => format!(
                "to go on with the budgets of bailiwick.toml and the pipeline as they are by then:\n  {}",
                go_on.resume(state, go_on.decisions, " --repin budgets")
            ),
            Some(PauseReason::Day) => format!(
                "at midnight UTC there is a new budget, and a raised `per-day` holds at once; then:\n  {resume}"
            ),
            Some(PauseReason::Disk) => format!("make room, then:\n  {resume}"),
            _ => format!("to go on:\n  {resume}"),
        },
        RunStatus::Failed => format!(
            "to do again what failed, and nothing that was finished:\n  {}",
            go_on.resume(state, go_on.decisions, " --retry-failed")
        ),
        RunStatus::Done | RunStatus::Running | RunStatus::Cancelled => return None,
    })
}

fn waiting(state: &RunState, go_on: &GoOn<'_>) -> String {
    let file = go_on.decisions.unwrap_or(Path::new(DECISIONS));
    let mut lines =
        vec![format!("it waits for people: bailiwick approvals {}{}", state.run, go_on.place)];
    lines.push(format!("or rules for {}, to be changed as you decide:", file.display()));
    let open: Vec<_> = state.open_asks().map(|(_, ask)| rule(ask)).collect();
    lines.extend(open.iter().take(OPEN_MAX).cloned());
    if open.len() > OPEN_MAX {
        let more = open.len() - OPEN_MAX;
        lines.push(format!("and {more} more: bailiwick show {}{}", state.run, go_on.place));
    }
    lines.push("then type this; nothing that is done is done again:".into());
    lines.push(format!("  {}", go_on.resume(state, Some(file), "")));
    lines.join("\n")
}

impl GoOn<'_> {
    fn resume(&self, state: &RunState, decisions: Option<&Path>, besides: &str) -> String {
        let mut words = format!("bailiwick resume {}{}{besides}", state.run, self.place);
        for (name, path) in [("decisions", decisions), ("out", self.out)] {
            if let Some(path) = path {
                words.push_str(&format!(" --{name} {}", quoted(&path.display().to_string())));
            }
        }
        if self.json {
            words.push_str(" --json");
        }
        words
    }
}

/// The words that name project, policy and data folder of a run to other commands that
/// take them all.
pub(crate) fn place(place: &ProjectPlace, data: Option<&Path>, project: &Path) -> String {
    let project = place.project.as_deref().unwrap_or(project);
    let mut words = format!(" --project {}", quoted(&project.display().to_string()));
    for (name, path) in [("policy", place.policy.as_deref()), ("data", data)] {
        if let Some(path) = path {
            words.push_str(&format!(" --{name} {}", quoted(&path.display().to_string())));
        }
    }
    words
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

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_toml_reads_them() {
        assert_eq!(text("a \"b\" \\ ü\u{202e}\n"), r#""a \"b\" \\ ü\U0000202e\U0000000a""#);
    }

    #[test]
    fn the_place_of_a_run_is_named_for_the_next_command() {
        let named = ProjectPlace { project: None, policy: Some("p.toml".into()) };
        let said = place(&named, Some(Path::new("a b")), Path::new("/p"));
        assert_eq!(said, " --project /p --policy p.toml --data 'a b'");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b.toml"), "a/b.toml");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
