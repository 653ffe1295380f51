//! What the facts between two hosts change: a run that rests, is resumed, is asked to try again. Knows no attempt from inside.

use super::cell::{CellState, End, JudgeStage, Rest, Stage};
use super::state::{Legal, RunState};
use crate::fact::{PauseReason, Repin, RunEnd};
use crate::{AttemptId, CellId, CellKey, Name};

/// Why a run rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What kind of thing it waits for.
    pub reason: PauseReason,
    /// In words.
    pub detail: String,
    /// Who asked for it.
    pub by: Option<String>,
}

impl RunState {
    pub(super) fn pause(&mut self, pause: Pause) -> Legal {
        if self.running > 0 {
            return Err("attempts run");
        }
        self.pause = Some(pause);
        Ok(())
    }

    pub(super) fn resume(&mut self, repinned: Option<&Repin>, retry_failed: bool) -> Legal {
        match self.end {
            None | Some(RunEnd::Interrupted) => {}
            Some(RunEnd::Failed) if retry_failed => {}
            Some(RunEnd::Failed) => {
                return Err("the run has failed, and nothing is to be tried again");
            }
            Some(RunEnd::Done | RunEnd::Cancelled) => return Err("the run has ended"),
        }
        (self.end, self.output, self.reason, self.pause) = (None, None, None, None);
        for cell in self.steps.iter_mut().flat_map(|step| step.cells.values_mut()) {
            if cell.rest(Rest::Lost) {
                cell.crashes += 1;
            }
        }
        self.running = 0;
        if retry_failed {
            self.retry_failed();
        }
        if let Some(repin) = repinned {
            // With other budgets it may go on; where it may not, it is told so again.
            self.finishing = None;
            self.agents.extend(repin.agents.clone());
            self.repins.push(repin.clone());
        }
        Ok(())
    }

    /// Cells that failed are due again, and so are those that never began because of
    /// them; of a candidate that a failed judge has vetoed, the judge is. An attempt that
    /// was given up with its hosts is taken up again.
    fn retry_failed(&mut self) {
        let (mut again, mut taken_up) = (Vec::new(), Vec::new());
        for step in &mut self.steps {
            for (key, cell) in &mut step.cells {
                let given_up = |of: &Name| {
                    let of = CellId { step: of.clone(), key: key.clone() };
                    self.given_up.get(&of).map(|open| &open.id)
                };
                again.extend(cell.try_again(&step.shape.name, &step.judges, given_up));
                taken_up.extend(cell.given_up(&step.shape.name, &step.judges, key));
            }
        }
        for cell in taken_up {
            self.open.extend(self.given_up.remove_entry(&cell));
        }
        for judge in again {
            if let Ok(step) = self.step_mut(&judge) {
                step.judge_failures = step.judge_failures.saturating_sub(1);
            }
        }
    }
}

impl CellState {
    /// Gives the judge that is asked again, where it was one that failed. `given_up`
    /// knows the attempt of a step here that was given up with its hosts.
    fn try_again<'a>(
        &mut self,
        own: &Name,
        judges: &[Name],
        given_up: impl Fn(&Name) -> Option<&'a AttemptId>,
    ) -> Option<Name> {
        let never_begun = self.candidates.is_empty() && self.tries.is_empty();
        match &self.stage {
            Stage::Ended(End::Failed { .. }) | Stage::Failing { .. } => {
                let round = self.round;
                self.stage = match self.last_if(given_up(own), own, round) {
                    Some(attempt) => Stage::Parked { round, attempt, rest: Rest::GivenUp },
                    None if round == 0 => Stage::Idle,
                    None => Stage::Revising { round },
                };
                self.tried_before.clone_from(&self.tries);
                None
            }
            Stage::Ended(End::Dropped { .. }) if never_begun => {
                self.stage = Stage::Idle;
                None
            }
            Stage::Ended(End::Dropped { .. }) | Stage::Refused { .. } => {
                if let Some((at, round)) = self.unasked_judge.take() {
                    self.stage = Stage::Judging { round, at, now: JudgeStage::Due };
                    return None;
                }
                let (at, round) = self.failed_judge.take()?;
                let judge = judges.get(at)?.clone();
                self.said.retain(|said| (&said.judge, said.round) != (&judge, round));
                self.tried_before.clone_from(&self.tries);
                let now = match self.last_if(given_up(&judge), &judge, round) {
                    Some(attempt) => JudgeStage::Parked { attempt, rest: Rest::GivenUp },
                    None => JudgeStage::Due,
                };
                self.stage = Stage::Judging { round, at, now };
                Some(judge)
            }
            _ => None,
        }
    }

    /// The attempt that was given up, where it was the last of its step at that round. It
    /// has one crash less to its name: with the next one it is given up again.
    fn last_if(&mut self, given_up: Option<&AttemptId>, step: &Name, round: u32) -> Option<u32> {
        let last = (round, self.last_attempt(step, round));
        let id = given_up.filter(|id| (id.round, id.attempt) == last)?;
        self.crashes = self.crashes.saturating_sub(1);
        Some(id.attempt)
    }

    /// The step (itself or a judge) whose attempt was given up and is to be tried again.
    fn given_up(&self, own: &Name, judges: &[Name], key: &CellKey) -> Option<CellId> {
        let step = match &self.stage {
            Stage::Parked { rest: Rest::GivenUp, .. } => own,
            Stage::Judging { at, now: JudgeStage::Parked { rest: Rest::GivenUp, .. }, .. } => {
                judges.get(*at)?
            }
            _ => return None,
        };
        Some(CellId { step: step.clone(), key: key.clone() })
    }
}
