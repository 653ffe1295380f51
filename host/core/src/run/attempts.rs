//! What the facts of attempts change: their starts, what they spend, their ends. Knows no verdict.

use super::cell::{Candidate, CellState, JudgeStage, Stage};
use super::state::{Legal, RunState};
use crate::fact::{Failure, StepBy};
use crate::{AttemptId, CellId, Cost, Document, Name, Timestamp};

impl RunState {
    pub(super) fn start(&mut self, id: &AttemptId) -> Legal {
        if self.step(&id.cell.step).is_some_and(|step| matches!(step.shape.by, StepBy::People(_))) {
            return Err("people are asked, not started");
        }
        let judge = self.judge(&id.cell.step).is_some();
        let turn = if judge { Some(self.turn(id)?) } else { None };
        let cell = self.cell_mut(&self.subject_of(id))?;
        match (&mut cell.stage, turn) {
            (Stage::Judging { now, .. }, Some(())) => {
                let expected = match now {
                    JudgeStage::Due => 1,
                    JudgeStage::Resting { attempt, .. } => *attempt + 1,
                    _ => return Err("the judge runs already, or has ended"),
                };
                if id.attempt != expected {
                    return Err("attempts are counted from 1, without gaps");
                }
                *now = JudgeStage::Running { attempt: id.attempt };
            }
            (stage, None) => {
                let expected = match stage {
                    Stage::Idle => (0, 1),
                    Stage::Revising { round } => (*round, 1),
                    Stage::Resting { round, attempt, .. } => (*round, *attempt + 1),
                    _ => return Err("the cell is neither idle nor resting nor to be revised"),
                };
                if (id.round, id.attempt) != expected {
                    return Err("rounds and attempts are counted without gaps");
                }
                *stage = Stage::Running { round: id.round, attempt: id.attempt };
                cell.round = id.round;
            }
            _ => return Err("the candidate is not being judged"),
        }
        self.running += 1;
        Ok(())
    }

    /// Whether it is this judge's turn at this round.
    pub(super) fn turn(&self, id: &AttemptId) -> Legal {
        self.turn_of(&id.cell.step, &self.subject_of(id), id.round)
    }

    pub(super) fn turn_of(&self, judge: &Name, cell: &CellId, round: u32) -> Legal {
        let judges = &self.step(&cell.step).ok_or("there is no such step")?.judges;
        match self.cell(cell).map(|cell| &cell.stage) {
            Some(Stage::Judging { round: judged, at, .. }) => {
                if *judged != round || judges.get(*at) != Some(judge) {
                    return Err("it is not this judge's turn at this round");
                }
                Ok(())
            }
            _ => Err("the candidate is not being judged"),
        }
    }

    pub(super) fn running_attempt(
        &mut self,
        id: &AttemptId,
    ) -> Result<&mut CellState, &'static str> {
        let judge = self.judge(&id.cell.step).is_some();
        if judge {
            self.turn(id)?;
        }
        let cell = self.cell_mut(&self.subject_of(id))?;
        let running = match &cell.stage {
            Stage::Running { round, attempt } => {
                !judge && (*round, *attempt) == (id.round, id.attempt)
            }
            Stage::Judging { now: JudgeStage::Running { attempt }, .. } => {
                judge && *attempt == id.attempt
            }
            _ => false,
        };
        if running { Ok(cell) } else { Err("this attempt does not run") }
    }

    pub(super) fn spend(&mut self, attempt: &AttemptId, cost: Cost) -> Legal {
        let cell = self.running_attempt(attempt)?;
        cell.cost = cell.cost.plus(cost);
        self.cost = self.cost.plus(cost);
        Ok(())
    }

    pub(super) fn fail_attempt(
        &mut self,
        id: &AttemptId,
        failure: &Failure,
        retry: Option<Timestamp>,
    ) -> Legal {
        let (round, attempt) = (id.round, id.attempt);
        let cell = self.running_attempt(id)?;
        match (&mut cell.stage, retry) {
            (Stage::Judging { now, .. }, Some(until)) => {
                *now = JudgeStage::Resting { attempt, until }
            }
            (Stage::Judging { now, .. }, None) => {
                *now = JudgeStage::Over { result: Err(failure.clone()) }
            }
            (stage, Some(until)) => *stage = Stage::Resting { round, attempt, until },
            (stage, None) => *stage = Stage::Failing { failure: failure.clone() },
        }
        self.running -= 1;
        Ok(())
    }

    pub(super) fn finish(&mut self, id: &AttemptId, output: &Document) -> Legal {
        let round = id.round;
        let cell = self.running_attempt(id)?;
        if let Stage::Judging { now, .. } = &mut cell.stage {
            *now = JudgeStage::Over { result: Ok(output.clone()) };
        } else {
            cell.stage = Stage::Judging { round, at: 0, now: JudgeStage::Due };
            cell.candidates.push(Candidate {
                round,
                output: output.clone(),
                edited_by: None,
                escalated: false,
            });
        }
        self.running -= 1;
        Ok(())
    }
}
