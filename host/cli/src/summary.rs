//! What is said when a run has ended: how, what was lost and why, what was denied, and how to go on.

use std::path::Path;
use std::time::Duration;

use bailiwick_core::RunState;
use bailiwick_core::run::{Ask, End, RunStatus};
use bailiwick_core::text::{Lines, visible};

use crate::commands::run::Arguments;
use crate::live::tally;
use crate::live::watcher::Denial;
use crate::words;

/// Lost cells that are listed; who wants the others asks for them.
const LOST_MAX: usize = 20;
/// Open questions for which a rule is written out.
const OPEN_MAX: usize = 5;
/// Kinds of denials that are listed.
const DENIALS_MAX: usize = 20;

/// The summary, without a line break at its end.
///
/// `place` are the words that name the data folder on a command line.
pub(crate) fn summary(
    state: &RunState,
    denials: &[Denial],
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
    lines.extend(denied(denials));
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

fn denied(denials: &[Denial]) -> Vec<String> {
    let mut lines: Vec<_> = denials
        .iter()
        .take(DENIALS_MAX)
        .map(|denial| {
            let times =
                if denial.times > 1 { format!(" ({} times)", denial.times) } else { String::new() };
            let reason = visible(&denial.reason, Lines::Escape);
            let line =
                format!("  denied to {}: {}{times}: {reason}", denial.step, denial.capability);
            match &denial.hint {
                Some(hint) => format!("{line}\n    hint: {}", visible(hint, Lines::Escape)),
                None => line,
            }
        })
        .collect();
    if denials.len() > DENIALS_MAX {
        let more = denials.len() - DENIALS_MAX;
        lines.push(format!("  and {more} more kinds of denials"));
    }
    lines
}

/// After a stop, or where people are waited for: the command that goes on, and what it does.
pub(crate) fn how_to_go_on(
    state: &RunState,
    arguments: &Arguments,
    project: &Path,
) -> Option<String> {
    let command = again(arguments, project);
    match state.status() {
        RunStatus::Waiting => {
            let file =
                arguments.decisions.as_deref().unwrap_or(Path::new("decisions.toml")).display();
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
fn again(arguments: &Arguments, project: &Path) -> String {
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
    option(
        "decisions",
        arguments.decisions.as_deref().map_or_else(|| "decisions.toml".into(), path),
    );
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
    use bailiwick_core::Name;
    use bailiwick_core::fact::Capability;
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_denial_is_told_with_the_line_that_would_allow_it() {
        let denial = |step: &str, reason: &str, hint: Option<&str>, times| Denial {
            step: Name::new(step).unwrap(),
            capability: Capability::Model,
            reason: reason.into(),
            hint: hint.map(Into::into),
            times,
        };
        let hint = "under [agents.draft]: grants.model = { use = [\"writer\", \"painter\"] }";
        let denials = [
            denial("draft", "`painter` is not among its models", Some(hint), 3),
            denial("tone", "a\u{1b}[2J\nb", None, 1),
        ];
        // The first line stands at the margin, so that the others keep their indentation.
        expect![[r#"
            denials
              denied to draft: model (3 times): `painter` is not among its models
                hint: under [agents.draft]: grants.model = { use = ["writer", "painter"] }
              denied to tone: model: a\u{1b}[2J\u{a}b"#]]
        .assert_eq(&format!("denials\n{}", denied(&denials).join("\n")));
        let many: Vec<_> = (0..30).map(|n| denial("draft", &n.to_string(), None, 1)).collect();
        assert_eq!(denied(&many).len(), DENIALS_MAX + 1);
    }

    #[test]
    fn texts_are_written_as_toml_reads_them() {
        assert_eq!(text("a \"b\" \\ ü\u{202e}\n"), r#""a \"b\" \\ ü\U0000202e\U0000000a""#);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a/b.toml"), "a/b.toml");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
