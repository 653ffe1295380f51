//! What follows for a candidate: the next judge, a revision, a question to people, its release or its end.

use std::sync::Arc;

use bailiwick_core::fact::{Fact, Failure, StepBy};
use bailiwick_core::run::{CellState, JudgeStage, Stage};
use bailiwick_core::{CellId, Document, Name};

use crate::evaluate::Prepared;
use crate::graph::Waiter;
use crate::queue::Work;
use crate::task::{RunError, Task};
use crate::values::Obstacle;
use crate::verdict::{read, veto_of};

impl Task {
    /// Goes on with a cell as far as its state alone says: everything up to the next
    /// attempt, question or end is one append.
    pub(crate) fn advance(&mut self, cell: &CellId) -> Result<(), RunError> {
        loop {
            let Some(state) = self.state.cell(cell) else { return Ok(()) };
            let fact = match &state.stage {
                Stage::Judging { round, at, now: JudgeStage::Over { result } } => {
                    let (round, at, result) = (*round, *at, result.clone());
                    let Some(judge) = self.judge_at(cell, at) else { return Ok(()) };
                    self.judged(&judge, cell, round, result)?;
                    continue;
                }
                Stage::Judging { round, at, now: JudgeStage::Due } => {
                    let (round, at) = (*round, *at);
                    match self.judge_at(cell, at) {
                        Some(judge) => return self.turn(judge, cell.clone(), round),
                        None => after_last(cell, state, round),
                    }
                }
                Stage::Spent { at } => self.spent(cell, state, *at),
                Stage::Refused { reason } => {
                    Fact::Dropped { cell: cell.clone(), reason: reason.clone() }
                }
                Stage::Failing { failure } => {
                    Fact::CellFailed { cell: cell.clone(), failure: failure.clone() }
                }
                Stage::Revising { round } => {
                    let round = *round;
                    self.push(Work::Cell { cell: cell.clone(), round });
                    return Ok(());
                }
                Stage::Ended(_) => return self.cell_ended(cell),
                Stage::Idle
                | Stage::Running { .. }
                | Stage::Resting { .. }
                | Stage::Parked { .. }
                | Stage::Judging { .. } => {
                    return Ok(());
                }
            };
            self.note(fact)?;
        }
    }

    pub(crate) fn judge_at(&self, cell: &CellId, at: usize) -> Option<Name> {
        self.state.step(&cell.step)?.judges.get(at).cloned()
    }

    /// What a judge comes to: its verdict, or the veto of one that failed.
    fn judged(
        &mut self,
        judge: &Name,
        cell: &CellId,
        round: u32,
        result: Result<Document, Failure>,
    ) -> Result<(), RunError> {
        let candidate = self.state.cell(cell).and_then(|state| state.candidate(round));
        let opinion = candidate.is_some_and(|candidate| candidate.edited_by.is_some());
        let verdict = result.and_then(|output| read(&output, opinion));
        let failed = verdict.is_err();
        let judgement = verdict.unwrap_or_else(|failure| veto_of(&failure, opinion));
        self.note(Fact::Judged { judge: judge.clone(), cell: cell.clone(), round, judgement })?;
        if failed {
            self.tolerate(judge);
        }
        Ok(())
    }

    /// It is this judge's turn: at once, or when what it reads besides is there.
    fn turn(&mut self, judge: Name, cell: CellId, round: u32) -> Result<(), RunError> {
        let plan = Arc::clone(&self.plan);
        let (Some(step), Some(point)) = (plan.step(&judge), self.graph.point(&cell).cloned())
        else {
            return Ok(());
        };
        let needs = self.needs(step, &point);
        let waiter = Waiter::Judge { judge: judge.clone(), cell: cell.clone() };
        if !self.graph.wait(waiter, needs) {
            self.push(Work::Judge { judge, cell, round });
        }
        Ok(())
    }

    /// An allowance is spent: the best candidate goes on to people, if any come after.
    fn spent(&self, cell: &CellId, state: &CellState, at: usize) -> Fact {
        let judges =
            self.state.step(&cell.step).map(|step| step.judges.as_slice()).unwrap_or_default();
        let (judge, later) = (judges.get(at), judges.get(at + 1..).unwrap_or_default());
        let people = later.iter().any(|name| {
            self.state.step(name).is_some_and(|step| matches!(step.shape.by, StepBy::People(_)))
        });
        match judge.and_then(|judge| Some((judge, state.best_for(judge, later)?))) {
            Some((judge, round)) if people => {
                Fact::Escalated { judge: judge.clone(), cell: cell.clone(), round }
            }
            _ => {
                let judge = judge.map_or("a judge", Name::as_str);
                let reason = format!(
                    "{judge} asked for one more revision than its `rounds` allow, and no people judge after it"
                );
                Fact::Dropped { cell: cell.clone(), reason }
            }
        }
    }

    pub(crate) fn judge_prepared(
        &mut self,
        judge: &Name,
        cell: CellId,
        round: u32,
        result: Result<Prepared, Obstacle>,
    ) -> Result<(), RunError> {
        let plan = Arc::clone(&self.plan);
        let Some(step) = plan.step(judge) else { return Ok(()) };
        match result {
            Ok(Prepared::Input(input)) if step.agent().is_some() => {
                let id = CellId { step: judge.clone(), key: cell.key };
                return self.make_or_reuse(self.next_attempt(id, round), Document::of(&input));
            }
            Ok(Prepared::Input(show)) => self.put_question(judge, &cell, round, &show)?,
            Ok(Prepared::Skip) => {
                self.note(Fact::JudgeSkipped { judge: judge.clone(), cell: cell.clone(), round })?;
            }
            Err(Obstacle::Gone(source)) => {
                let reason = format!("{judge} reads {source}, which was not released");
                self.note(Fact::Dropped { cell: cell.clone(), reason })?;
            }
            Err(Obstacle::Failed(failure)) => self.judged(judge, &cell, round, Err(failure))?,
        }
        self.queue.free(judge);
        self.advance(&cell)
    }
}

/// Every judge has let it pass: released, unless only people could have.
fn after_last(cell: &CellId, state: &CellState, round: u32) -> Fact {
    match state.candidate(round) {
        Some(candidate) if !candidate.escalated => {
            Fact::Released { cell: cell.clone(), round, output: candidate.output.clone() }
        }
        _ => Fact::Dropped {
            cell: cell.clone(),
            reason: "a judge's `rounds` are spent, and no people released it".into(),
        },
    }
}
