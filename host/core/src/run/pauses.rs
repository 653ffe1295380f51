//! What the facts between two hosts change: a run that rests, is resumed, is asked to try again. Knows no attempt from inside.

use super::cell::{CellState, End, JudgeStage, Rest, Stage};
use super::state::{Legal, RunState};
use crate::Name;
use crate::fact::{PauseReason, Repin, RunEnd};

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
    /// them; of a candidate that a failed judge has vetoed, the judge is.
    fn retry_failed(&mut self) {
        let mut again: Vec<Name> = Vec::new();
        for step in &mut self.steps {
            again.extend(step.cells.values_mut().filter_map(|cell| cell.try_again(&step.judges)));
        }
        for judge in again {
            if let Ok(step) = self.step_mut(&judge) {
                step.judge_failures = step.judge_failures.saturating_sub(1);
            }
        }
    }
}

impl CellState {
    /// Gives the judge that is asked again, where it was one that failed.
    fn try_again(&mut self, judges: &[Name]) -> Option<Name> {
        let never_begun = self.candidates.is_empty() && self.tries.is_empty();
        match &self.stage {
            Stage::Ended(End::Failed { .. }) | Stage::Failing { .. } => {
                self.stage = match self.round {
                    0 => Stage::Idle,
                    round => Stage::Revising { round },
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
                self.stage = Stage::Judging { round, at, now: JudgeStage::Due };
                Some(judge)
            }
            _ => None,
        }
    }
}
