//! The facts of a run so far, as much of them as the derived tables depend on. Knows no table and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::fact::{
    AskId, Decision, Entry, Fact, FailureKind, RunEnd, RunLabels, StepLabel,
};
use bailiwick_core::run::TIMEOUT;
use bailiwick_core::{CellId, Cost, Name, Timestamp};

use crate::summary::{RunPhase, Summary};

/// Days since 1970 in UTC.
pub(crate) type Day = u64;

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// The day of a moment.
pub(crate) fn day_of(at: Timestamp) -> Day {
    at.0 / DAY_MILLIS
}

/// The facts of a run so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    summary: Summary,
    /// How many entries there were.
    appends: u64,
    /// How many there were when the summary changed last.
    summary_since: u64,
    /// Cells with an attempt under way, at rest or announced.
    busy: BTreeSet<CellId>,
    /// Cells that people were asked about.
    asked: BTreeMap<CellId, Asked>,
    spent: BTreeMap<Day, Cost>,
    paused: bool,
    end: Option<RunEnd>,
    /// Nothing for a run of an older host.
    labels: Option<Box<RunLabels>>,
}

/// A question that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    ask: AskId,
    /// The append that asked.
    append: u64,
    quorum: u32,
    approvals: u32,
}

/// What an entry changes in the derived tables.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Changes {
    pub(crate) summary: bool,
    /// Questions that were opened by this entry.
    pub(crate) opened: Vec<AskId>,
    /// Questions that nobody need answer any more.
    pub(crate) closed: Vec<AskId>,
    /// What was spent.
    pub(crate) spent: Cost,
}

impl Course {
    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// How many entries there were when the summary changed last.
    pub(crate) fn summary_since(&self) -> u64 {
        self.summary_since
    }

    /// What a step of the run may know.
    pub(crate) fn label_of(&self, step: &Name) -> Option<&StepLabel> {
        self.labels.as_ref()?.steps.get(step)
    }

    /// Open questions and the append that asked each.
    pub(crate) fn open_asks(&self) -> impl Iterator<Item = (&AskId, u64)> {
        let over = self.end.is_some_and(|end| end != RunEnd::Interrupted);
        self.asked.values().filter(move |_| !over).map(|asked| (&asked.ask, asked.append))
    }

    /// What was spent on each day.
    pub(crate) fn spent(&self) -> &BTreeMap<Day, Cost> {
        &self.spent
    }

    /// Takes the next entry of the run.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Changes {
        let mut changes = Changes::default();
        let before = self.summary.clone();
        let open: BTreeSet<AskId> = match entry.facts.iter().any(touches_asks) {
            true => self.open_asks().map(|(ask, _)| ask.clone()).collect(),
            false => BTreeSet::new(),
        };
        self.appends += 1;
        for fact in &entry.facts {
            self.apply_fact(entry.at, fact, &mut changes);
        }
        if entry.facts.iter().any(touches_asks) {
            let now: BTreeSet<AskId> = self.open_asks().map(|(ask, _)| ask.clone()).collect();
            changes.opened = now.difference(&open).cloned().collect();
            changes.closed = open.difference(&now).cloned().collect();
        }
        if changes.spent != Cost::ZERO {
            let day = self.spent.entry(day_of(entry.at)).or_default();
            *day = day.plus(changes.spent);
            self.summary.cost = self.summary.cost.plus(changes.spent);
        }
        self.summary.phase = self.phase();
        changes.summary = self.summary != before;
        if changes.summary {
            self.summary_since = self.appends;
        }
        changes
    }

    fn phase(&self) -> RunPhase {
        match self.end {
            Some(RunEnd::Done) => RunPhase::Done,
            Some(RunEnd::Failed) => RunPhase::Failed,
            Some(RunEnd::Cancelled) => RunPhase::Cancelled,
            Some(RunEnd::Interrupted) => RunPhase::Interrupted,
            None if self.paused => RunPhase::Paused,
            None if self.busy.is_empty() && !self.asked.is_empty() => RunPhase::Waiting,
            None => RunPhase::Running,
        }
    }

    fn apply_fact(&mut self, at: Timestamp, fact: &Fact, changes: &mut Changes) {
        match fact {
            Fact::RunStarted { pipeline, pin, labels, .. } => {
                self.labels.clone_from(labels);
                self.summary.pipeline = Some(pipeline.clone());
                self.summary.project =
                    pin.as_ref().map(|pin| pin.project.clone()).unwrap_or_default();
                self.summary.started = Some(at);
            }
            Fact::RunResumed { .. } => {
                (self.end, self.paused, self.summary.ended) = (None, false, None);
            }
            Fact::RunPaused { .. } => self.paused = true,
            Fact::CellStarted { attempt, .. } => {
                self.busy.insert(attempt.cell.clone());
            }
            Fact::AttemptFailed { attempt, failure, retry: None, .. }
                if failure.kind != FailureKind::Cancelled =>
            {
                self.busy.remove(&attempt.cell);
            }
            Fact::CellFinished { attempt, .. } | Fact::CellReused { attempt, .. } => {
                self.busy.remove(&attempt.cell);
            }
            Fact::CallAnswered { cost, .. }
            | Fact::CallLost { cost, .. }
            | Fact::Embedded { cost, .. } => changes.spent = changes.spent.plus(*cost),
            Fact::Asked { ask, cell, quorum, .. } => {
                let asked =
                    Asked { ask: ask.clone(), append: self.appends, quorum: *quorum, approvals: 0 };
                self.asked.insert(cell.clone(), asked);
            }
            Fact::Decided { ask, decision, by } => self.decide(ask, decision, by),
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

    /// One approval of several leaves the question open, unless the time is over.
    fn decide(&mut self, ask: &AskId, decision: &Decision, by: &str) {
        let counts = matches!(decision, Decision::Approve { .. }) && by != TIMEOUT;
        self.asked.retain(|_, asked| {
            asked.approvals += u32::from(counts && asked.ask == *ask);
            asked.ask != *ask || (counts && asked.approvals < asked.quorum)
        });
    }
}

/// Whether a fact can open or close a question.
fn touches_asks(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Asked { .. }
            | Fact::Decided { .. }
            | Fact::Released { .. }
            | Fact::Dropped { .. }
            | Fact::CellFailed { .. }
            | Fact::RunEnded { .. }
            | Fact::RunResumed { .. }
    )
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::{Failure, FailureKind, ParkReason, PauseReason, Used};
    use bailiwick_core::{AttemptId, CellKey, Digest, Document, Name, Tokens};
    use serde_json::json;

    use super::*;

    fn cell(step: &str) -> CellId {
        CellId { step: Name::new(step).unwrap(), key: CellKey::single() }
    }

    fn attempt(step: &str) -> AttemptId {
        AttemptId::new(cell(step), 0, 1)
    }

    fn started(step: &str) -> Fact {
        let any = Digest::of(b"");
        Fact::CellStarted {
            attempt: attempt(step),
            component: any,
            powers: any,
            input: document(),
            content: None,
        }
    }

    fn finished(step: &str) -> Fact {
        Fact::CellFinished { attempt: attempt(step), output: document(), used: Used::default() }
    }

    fn failed(step: &str, retry: Option<Timestamp>) -> Fact {
        let failure = Failure { kind: FailureKind::Trap, message: String::new(), hint: None };
        Fact::AttemptFailed { attempt: attempt(step), failure, retry, used: Used::default() }
    }

    fn asked(step: &str) -> Fact {
        asked_of(step, 1)
    }

    fn asked_of(step: &str, quorum: u32) -> Fact {
        Fact::Asked {
            ask: AskId(format!("r/editor/{step}")),
            cell: cell(step),
            round: 0,
            subject: Digest::of(b""),
            show: document(),
            groups: Vec::new(),
            quorum,
            until: None,
        }
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
    fn a_run_that_rests_is_paused_until_it_is_resumed() {
        use RunPhase::{Interrupted, Paused, Running, Waiting};
        let (reason, detail) = (ParkReason::Stopped, String::new());
        let parked =
            Fact::CellParked { attempt: attempt("b"), reason, detail: detail.clone(), until: None };
        let pause = Fact::RunPaused { reason: PauseReason::Operator, detail, by: None };
        let resumed = || Fact::RunResumed { by: "ana".into(), repinned: None, retry_failed: false };
        let facts = vec![
            asked("a"),
            started("b"),
            parked,
            pause,
            resumed(),
            Fact::AttemptContinued { attempt: attempt("b") },
            finished("b"),
            ended(RunEnd::Interrupted),
            resumed(),
        ];
        let want =
            [Waiting, Running, Running, Paused, Running, Running, Waiting, Interrupted, Waiting];
        assert_eq!(phases(facts), want);
    }

    #[test]
    fn a_resumed_run_has_not_ended() {
        let mut course = Course::default();
        let resumed = Fact::RunResumed { by: String::new(), repinned: None, retry_failed: true };
        for (at, fact) in [(1, ended(RunEnd::Failed)), (2, resumed)] {
            course.apply(&Entry { at: Timestamp(at), facts: vec![fact] });
        }
        assert_eq!((course.summary().phase, course.summary().ended), (RunPhase::Running, None));
        assert_eq!(course.summary_since(), 2);
    }

    #[test]
    fn a_stopped_attempt_of_the_first_format_is_under_way() {
        let failure = Failure { kind: FailureKind::Cancelled, message: String::new(), hint: None };
        let stopped = Fact::AttemptFailed {
            attempt: attempt("b"),
            failure,
            retry: None,
            used: Used::default(),
        };
        let want = [RunPhase::Waiting, RunPhase::Running, RunPhase::Running];
        assert_eq!(phases(vec![asked("a"), started("b"), stopped]), want);
    }

    #[test]
    fn a_question_stays_open_until_enough_approve_or_the_time_is_over() {
        let approve = |by: &str| {
            let decision = Decision::Approve { comment: None };
            Fact::Decided { ask: AskId("r/editor/a".into()), decision, by: by.into() }
        };
        let reject = Fact::Decided {
            ask: AskId("r/editor/a".into()),
            decision: Decision::Reject { comment: None },
            by: "ben".into(),
        };
        for (facts, open) in [
            (vec![approve("ana")], true),
            (vec![approve("ana"), approve("ben")], false),
            (vec![approve("ana"), reject], false),
            (vec![approve(TIMEOUT)], false),
        ] {
            let mut course = Course::default();
            let facts = std::iter::once(asked_of("a", 2)).chain(facts).collect::<Vec<_>>();
            course.apply(&Entry { at: Timestamp(1), facts: facts.clone() });
            assert_eq!(course.open_asks().count(), usize::from(open), "{facts:?}");
        }
    }

    #[test]
    fn tells_what_opened_what_closed_and_what_was_spent_on_which_day() {
        let mut course = Course::default();
        let lost = |tokens| {
            let cost = Cost { tokens: Tokens(tokens), ..Cost::ZERO };
            Fact::CallLost { attempt: attempt("a"), index: 0, cost }
        };
        let mut apply = |at, facts| course.apply(&Entry { at: Timestamp(at), facts });
        let (day, ask) = (DAY_MILLIS, AskId("r/editor/a".into()));
        let opened = apply(day - 1, vec![lost(1), asked("a"), lost(2)]);
        assert_eq!(opened.opened, std::slice::from_ref(&ask));
        assert_eq!((opened.closed, opened.spent.tokens), (vec![], Tokens(3)));
        let closed = apply(day, vec![lost(5), ended(RunEnd::Cancelled)]);
        assert_eq!((closed.opened, closed.closed), (vec![], vec![ask]));
        assert_eq!(apply(day, vec![]), Changes::default());
        let days: Vec<_> = course.spent().iter().map(|(day, cost)| (*day, cost.tokens.0)).collect();
        assert_eq!(days, [(0, 3), (1, 5)]);
    }
}
