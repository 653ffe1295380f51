//! One frame of the live tree: text lines made of a run's state. Knows no terminal.

use std::time::Duration;

use bailiwick_core::RunState;
use console::{Alignment, Style, pad_str};

use super::tally::{self, Row, Word};
use crate::words;

/// Columns of the bar: coarse enough to be calm, fine enough to see progress.
const BAR: usize = 12;
/// The longest name that is shown whole; a longer one is cut.
const NAME_MAX: usize = 24;

/// How words are told apart.
pub(crate) struct Palette {
    colours: bool,
}

impl Palette {
    pub(crate) fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn of(&self, word: Word, text: &str) -> String {
        let style = Style::new().for_stderr().force_styling(self.colours);
        match word {
            Word::Failed | Word::Dropped => style.red(),
            Word::Waiting | Word::Parked | Word::Unfinished => style.yellow(),
            Word::Done => style.green(),
            Word::Running | Word::Skipped | Word::Reused => style,
        }
        .apply_to(text)
        .to_string()
    }

    fn dim(&self, text: &str) -> String {
        Style::new().for_stderr().force_styling(self.colours).dim().apply_to(text).to_string()
    }
}

/// The lines of a frame.
pub(crate) fn frame(state: &RunState, elapsed: Duration, palette: &Palette) -> Vec<String> {
    let rows = tally::rows(state);
    let names = state.steps.iter().map(|step| step.shape.name.as_str().len() + 2);
    let width = names.max().unwrap_or(0).clamp(8, NAME_MAX);
    let head = format!(
        "{} {}   {}   {}",
        state.pipeline,
        palette.dim(state.run.as_str()),
        words::elapsed(elapsed),
        words::cost(state.cost, state.currency())
    );
    let mut lines = vec![head];
    for row in &rows {
        lines.push(step(row, width, palette));
        lines.extend(judges(row, width, palette));
    }
    lines
}

fn step(row: &Row<'_>, width: usize, palette: &Palette) -> String {
    let name = pad_str(row.step.shape.name.as_str(), width, Alignment::Left, Some("…"));
    if !row.step.laid_out {
        return format!("  {name} {}", palette.dim("not yet known"));
    }
    let (ended, all) = (row.tally.ended(), row.tally.all());
    let count = format!("{ended}/{all}");
    let told: Vec<_> = row
        .tally
        .words()
        .into_iter()
        .map(|(word, count)| palette.of(word, &format!("{count} {}", word.as_str())))
        .collect();
    format!("  {name} {} {count:>9}  {}", bar(ended, all), told.join("  "))
}

/// A line for each judge that has something before it now.
fn judges(row: &Row<'_>, width: usize, palette: &Palette) -> Vec<String> {
    let busy = row.step.judges.iter().map(|judge| (judge, tally::at_judge(row.step, judge)));
    busy.filter(|(_, count)| *count > 0)
        .map(|(judge, count)| {
            let name = pad_str(judge.as_str(), width.saturating_sub(2), Alignment::Left, Some("…"));
            format!(
                "    {}",
                palette.dim(&format!("{name} has {} to judge", words::many(count, "candidate")))
            )
        })
        .collect()
}

/// Full blocks for what has ended.
fn bar(ended: usize, all: usize) -> String {
    let full = (ended * BAR).checked_div(all).unwrap_or(BAR);
    (0..BAR).map(|at| if at < full { '━' } else { '╌' }).collect()
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::{AgentPin, Fact, JudgeShape, StepBy, StepShape, Used};
    use bailiwick_core::{AttemptId, CellId, CellKey, Digest, Document, Name, RunId, Timestamp};
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn cell(step: &str, key: &str) -> CellId {
        CellId { step: name(step), key: CellKey::from_text(key) }
    }

    fn attempt(step: &str, key: &str) -> AttemptId {
        AttemptId::new(cell(step, key), 0, 1)
    }

    fn began() -> RunState {
        let step = |step: &str, judges: Option<&str>| StepShape {
            name: name(step),
            by: StepBy::Agent(name("note")),
            judges: judges.map(|subject| JudgeShape {
                subject: name(subject),
                rounds: 0,
                quorum: 1,
            }),
        };
        let fact = Fact::RunStarted {
            run: RunId::new("r1").unwrap(),
            pipeline: name("fan_out"),
            input: Document::of(&json!({})),
            shape: vec![
                step("topics", None),
                step("draft", None),
                step("check", Some("draft")),
                step("digest", None),
            ],
            agents: [(
                name("note"),
                AgentPin {
                    component: Digest::of(b""),
                    profile: "note 1".into(),
                    powers: Digest::of(b""),
                },
            )]
            .into(),
            imported: Vec::new(),
            by: "ana".into(),
            pin: None,
            forked: None,
            labels: None,
        };
        RunState::begin(&fact, Timestamp(0)).unwrap()
    }

    fn shown(facts: Vec<Fact>, expected: &Expect) {
        let mut state = began();
        for fact in facts {
            state.next(&fact, Timestamp(1)).unwrap();
        }
        let lines = frame(&state, Duration::from_secs(65), &Palette::new(false));
        let text: String = lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
        expected.assert_eq(&text);
    }

    #[test]
    fn nothing_is_known_at_first() {
        shown(
            Vec::new(),
            &expect![[r#"
            fan_out r1   1 min 05 s   no calls
              topics   not yet known
              draft    not yet known
              digest   not yet known
        "#]],
        );
    }

    #[test]
    fn cells_are_counted_by_where_they_stand() {
        let keys: Vec<_> = (0..4).map(|n| CellKey::from_text(&format!("topic={n}"))).collect();
        let started = |id: AttemptId| Fact::CellStarted {
            attempt: id,
            component: Digest::of(b""),
            powers: Digest::of(b""),
            input: Document::of(&json!({})),
            content: None,
        };
        let finished = |id: AttemptId| Fact::CellFinished {
            attempt: id,
            output: Document::of(&json!(1)),
            used: Used::default(),
        };
        let facts = vec![
            Fact::StepLaidOut { step: name("topics"), cells: vec![CellKey::single()] },
            started(attempt("topics", "-")),
            finished(attempt("topics", "-")),
            Fact::Released { cell: cell("topics", "-"), round: 0, output: Document::of(&json!(1)) },
            Fact::StepLaidOut { step: name("draft"), cells: keys },
            started(attempt("draft", "topic=0")),
            started(attempt("draft", "topic=1")),
            finished(attempt("draft", "topic=1")),
            Fact::Dropped { cell: cell("draft", "topic=2"), reason: "x".into() },
        ];
        shown(
            facts,
            &expect![[r#"
            fan_out r1   1 min 05 s   no calls
              topics   ━━━━━━━━━━━━       1/1  1 done
              draft    ━━━╌╌╌╌╌╌╌╌╌       1/4  2 running  1 dropped
                check  has 1 candidate to judge
              digest   not yet known
        "#]],
        );
    }
}
