//! What the listing shows of a run, derived from its facts alone. Knows no table and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::fact::{AskId, Entry, Fact, RunEnd};
use bailiwick_core::{CellId, Cost, Name, Timestamp};

/// Where a run stands, as far as its facts say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RunPhase {
    /// Something is done or about to be.
    #[default]
    Running,
    /// Only people can go on.
    Waiting,
    /// It ended and has its output.
    Done,
    /// A step failed beyond what it tolerates.
    Failed,
    /// Somebody stopped it, or its process ended before it did.
    Interrupted,
}

impl RunPhase {
    /// The word that people and scripts read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// The phase of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Running, Self::Waiting, Self::Done, Self::Failed, Self::Interrupted]
            .into_iter()
            .find(|phase| phase.as_str() == word)
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Interrupted)
    }
}

impl std::fmt::Display for RunPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The derived columns of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) pipeline: Option<Name>,
    pub(crate) phase: RunPhase,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) cost: Cost,
}

/// The facts of a run so far, as much of them as the next [`Summary`] depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    summary: Summary,
    /// Cells with an attempt under way or announced.
    busy: BTreeSet<CellId>,
    /// Cells that people were asked about.
    asked: BTreeMap<CellId, AskId>,
    end: Option<RunEnd>,
}

impl Course {
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(crate) fn apply(&mut self, entry: &Entry) {
        for fact in &entry.facts {
            self.apply_fact(entry.at, fact);
        }
        self.summary.phase = match self.end {
            Some(RunEnd::Done) => RunPhase::Done,
            Some(RunEnd::Failed) => RunPhase::Failed,
            Some(RunEnd::Interrupted) => RunPhase::Interrupted,
            None if self.busy.is_empty() && !self.asked.is_empty() => RunPhase::Waiting,
            None => RunPhase::Running,
        };
    }

    fn apply_fact(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::RunStarted { pipeline, .. } => {
                self.summary.pipeline = Some(pipeline.clone());
                self.summary.started = Some(at);
            }
            Fact::CellStarted { attempt, .. } => {
                self.busy.insert(attempt.cell.clone());
            }
            Fact::AttemptFailed { attempt, retry: None, .. }
            | Fact::CellFinished { attempt, .. } => {
                self.busy.remove(&attempt.cell);
            }
            Fact::CallAnswered { cost, .. } | Fact::Embedded { cost, .. } => {
                self.summary.cost = self.summary.cost.plus(*cost)
            }
            Fact::Asked { ask, cell, .. } => {
                self.asked.insert(cell.clone(), ask.clone());
            }
            Fact::Decided { ask, .. } => self.asked.retain(|_, open| open != ask),
            Fact::Released { cell, .. }
            | Fact::Dropped { cell, .. }
            | Fact::CellFailed { cell, .. } => {
                self.busy.remove(cell);
                self.asked.remove(cell);
            }
            Fact::RunEnded { end, .. } => {
                self.end = Some(*end);
                self.summary.ended = Some(at);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::{Decision, Failure, FailureKind, Used};
    use bailiwick_core::{AttemptId, CellKey, Digest, Document};
    use serde_json::json;

    use super::*;

    fn cell(step: &str) -> CellId {
        CellId { step: Name::new(step).unwrap(), key: CellKey::single() }
    }

    fn attempt(step: &str) -> AttemptId {
        AttemptId { cell: cell(step), round: 0, attempt: 1 }
    }

    fn started(step: &str) -> Fact {
        let any = Digest::of(b"");
        Fact::CellStarted { attempt: attempt(step), component: any, powers: any, input: document() }
    }

    fn finished(step: &str) -> Fact {
        Fact::CellFinished { attempt: attempt(step), output: document(), used: Used::default() }
    }

    fn failed(step: &str, retry: Option<Timestamp>) -> Fact {
        let failure = Failure { kind: FailureKind::Trap, message: String::new(), hint: None };
        Fact::AttemptFailed { attempt: attempt(step), failure, retry, used: Used::default() }
    }

    fn asked(step: &str) -> Fact {
        let ask = AskId(format!("r/editor/{step}"));
        Fact::Asked { ask, cell: cell(step), round: 0, subject: Digest::of(b""), show: document() }
    }

    fn decided(step: &str) -> Fact {
        let decision = Decision::Approve { comment: None };
        Fact::Decided { ask: AskId(format!("r/editor/{step}")), decision, by: "ana".into() }
    }

    fn document() -> Document {
        Document::of(&json!(null))
    }

    fn ended(end: RunEnd) -> Fact {
        Fact::RunEnded { end, output: None, reason: None }
    }

    #[track_caller]
    fn phases(facts: Vec<Fact>) -> Vec<RunPhase> {
        let mut course = Course::default();
        facts
            .into_iter()
            .map(|fact| {
                course.apply(&Entry { at: Timestamp(1), facts: vec![fact] });
                course.summary().phase
            })
            .collect()
    }

    #[test]
    fn waits_only_while_nothing_else_is_under_way() {
        use RunPhase::{Done, Running, Waiting};
        let facts = vec![
            started("a"),
            started("b"),
            finished("a"),
            asked("a"),
            finished("b"),
            decided("a"),
            ended(RunEnd::Done),
        ];
        let want = [Running, Running, Running, Running, Waiting, Running, Done];
        assert_eq!(phases(facts), want);
    }

    #[test]
    fn an_announced_retry_is_under_way() {
        use RunPhase::{Running, Waiting};
        let facts =
            vec![asked("a"), started("b"), failed("b", Some(Timestamp(9))), failed("b", None)];
        assert_eq!(phases(facts), [Waiting, Running, Running, Waiting]);
    }

    #[test]
    fn a_cell_that_ended_asks_nobody_any_more() {
        let dropped = Fact::Dropped { cell: cell("a"), reason: String::new() };
        assert_eq!(phases(vec![asked("a"), dropped]), [RunPhase::Waiting, RunPhase::Running]);
    }

    #[test]
    fn words_and_phases_correspond() {
        for phase in [RunPhase::Running, RunPhase::Waiting, RunPhase::Done, RunPhase::Failed] {
            assert_eq!(RunPhase::from_word(phase.as_str()), Some(phase));
        }
        assert_eq!(RunPhase::from_word("paused"), None);
    }
}
