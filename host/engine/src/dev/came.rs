//! What the run of a round came to, and how that differs from the round before. Runs nothing.

use std::fmt::Write as _;

use bailiwick_core::RunState;
use bailiwick_core::run::{End, RunStatus};
use serde_json::Value;

use crate::replay::{Difference, differences};

/// The most cells of one run that are told of in its end: who sees more reads none.
const CELLS_MAX: usize = 5;

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Came {
    /// How it stands.
    pub status: RunStatus,
    /// The pipeline's output, where it has one.
    pub output: Option<Value>,
    /// What was lost on the way: `greet: invalid-input: name: must not be blank`.
    pub lost: Vec<String>,
}

/// How what a run came to differs from what the one before came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// How it ended then and now, where that is another end.
    pub ended: Option<(String, String)>,
    /// Where the outputs differ, where both have one.
    pub differences: Vec<Difference>,
}

impl Came {
    /// What a run came to.
    #[must_use]
    pub fn of(state: &RunState) -> Self {
        let cells = state.steps.iter().flat_map(|step| {
            step.order.iter().filter_map(move |key| Some((step, key, step.cells.get(key)?.end()?)))
        });
        let lost = cells.filter_map(|(step, key, end)| {
            let what = match end {
                End::Failed { failure } => failure.to_string(),
                End::Dropped { reason } => format!("dropped: {reason}"),
                End::Released { .. } | End::Skipped => return None,
            };
            // A step without axes has one cell, which needs no name.
            let cell = if key.pairs().next().is_some() { format!("/{key}") } else { String::new() };
            Some(format!("{}{cell}: {what}", step.shape.name))
        });
        Self {
            status: state.status(),
            output: state.output.as_ref().map(|output| output.value().clone()),
            lost: lost.collect(),
        }
    }

    /// How it ended, in one line.
    #[must_use]
    pub fn ended(&self) -> String {
        let mut text = self.status.as_str().to_owned();
        for (index, lost) in self.lost.iter().take(CELLS_MAX).enumerate() {
            let before = if index == 0 { ": " } else { "; " };
            // A String takes whatever is written into it.
            let _ = write!(text, "{before}{lost}");
        }
        match self.lost.len().saturating_sub(CELLS_MAX) {
            0 => text,
            more => format!("{text}; and {more} more"),
        }
    }

    /// How it differs from the one before.
    #[must_use]
    pub fn since(&self, before: &Self) -> Since {
        let ends = (before.ended(), self.ended());
        let differences = match (&before.output, &self.output) {
            (Some(was), Some(is)) => differences(was, is),
            _ => Vec::new(),
        };
        Since { ended: (ends.0 != ends.1).then_some(ends), differences }
    }
}

impl Since {
    /// Whether it came to the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.ended.is_none() && self.differences.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn done(output: Value) -> Came {
        Came { status: RunStatus::Done, output: Some(output), lost: Vec::new() }
    }

    fn failed(lost: &[&str]) -> Came {
        let lost = lost.iter().map(|one| (*one).to_owned()).collect();
        Came { status: RunStatus::Failed, output: None, lost }
    }

    #[test]
    fn the_same_is_the_same_and_another_output_is_told_by_its_places() {
        let was = done(json!({ "greeting": "Hello", "of": ["a"] }));
        assert!(was.since(&was).is_same());
        let since = done(json!({ "greeting": "Hi", "of": ["a"] })).since(&was);
        assert_eq!((since.ended.clone(), since.differences.len()), (None, 1));
        assert_eq!(since.differences[0].at, "/greeting");
        assert!(!since.is_same());
    }

    #[test]
    fn another_end_is_told_also_where_both_failed() {
        let was = done(json!(1));
        let is = failed(&["greet: invalid-input: blank"]);
        let ends = ("done".to_owned(), "failed: greet: invalid-input: blank".to_owned());
        assert_eq!(is.since(&was).ended, Some(ends));
        assert!(is.since(&is).is_same());
        assert!(!failed(&["greet: fatal: blank"]).since(&is).is_same());
        assert_eq!(failed(&["x"; 7]).ended(), "failed: x; x; x; x; x; and 2 more");
    }
}
