//! A run that finishes early: a budget is spent that says `finish`, so nothing new begins, and the run ends with what was released. Knows no figure.

use std::sync::Arc;

use bailiwick_core::CellId;
use bailiwick_core::fact::{Fact, ParkReason};
use bailiwick_core::run::{JudgeStage, Rest, Stage};
use bailiwick_project::Plan;
use serde_json::Value;

use crate::cells::nowhere;
use crate::queue::Work;
use crate::task::{RunError, Task};
use crate::values::Reading;

impl Task {
    /// Whether work may begin: nothing does when the run is to be left, and when it
    /// finishes early only what ran before its host ended goes on.
    pub(crate) fn may_begin(&self, work: &Work) -> bool {
        self.stopping.is_none()
            && (self.state.finishing.is_none() || matches!(work, Work::Continue(_)))
    }

    /// Whether an attempt that rests is to go on with a run that finishes early: it was
    /// at work when its host ended, and did not wait for anything.
    pub(crate) fn goes_on(&self, rest: &Rest) -> bool {
        let was_at_work =
            matches!(rest, Rest::Lost | Rest::Parked { reason: ParkReason::Stopped, .. });
        self.state.finishing.is_none() || was_at_work
    }

    /// Whether nothing follows from the failure of an attempt: with all else that has not
    /// ended its cell is dropped when the run finishes early.
    pub(crate) fn is_left_to_drop(&self, stage: &Stage) -> bool {
        let failed = matches!(
            stage,
            Stage::Failing { .. } | Stage::Judging { now: JudgeStage::Over { result: Err(_) }, .. }
        );
        failed && self.state.finishing.is_some()
    }

    /// When nothing runs any more, drops what has not ended, and makes the output of
    /// what there is.
    pub(crate) fn finish_early(&mut self) -> Result<(), RunError> {
        let idle = self.attempts.is_empty() && self.queue.is_idle();
        if self.state.finishing.is_none() || self.stopping.is_some() || self.output_begun || !idle {
            return Ok(());
        }
        self.output_begun = true;
        let plan = Arc::clone(&self.plan);
        self.lay_out_the_rest(&plan)?;
        let open: Vec<CellId> = self.open_cells().collect();
        for cell in open {
            self.note(Fact::Dropped { cell: cell.clone(), reason: UNFINISHED.to_owned() })?;
            self.values.put(cell.clone(), Reading::Gone);
            // Whoever waited for it is dropped as well.
            let _ = self.graph.ended(&cell);
        }
        let mut scope = self.scope(&nowhere());
        for read in &plan.output_reads {
            // Lists leave out what was dropped; a value that was dropped is null.
            let value = self.values.read(&mut self.graph, read, &nowhere(), 0);
            scope.steps.insert(read.step.clone(), value.unwrap_or(Value::Null));
        }
        self.evaluate_output(scope, |_| Ok(Value::Null));
        Ok(())
    }

    /// Axes that were not reached have no values, and steps along them no cells.
    fn lay_out_the_rest(&mut self, plan: &Plan) -> Result<(), RunError> {
        for axis in &plan.axes {
            if !self.state.axes.contains_key(&axis.name) {
                self.note(Fact::AxisFixed { axis: axis.name.clone(), values: Vec::new() })?;
            }
        }
        for step in plan.steps.iter().filter(|step| step.judges.is_none()) {
            if self.state.step(&step.name).is_some_and(|state| !state.laid_out) {
                self.note(Fact::StepLaidOut { step: step.name.clone(), cells: Vec::new() })?;
                let _ = self.graph.lay_out(&step.name, Vec::new());
            }
        }
        Ok(())
    }
}

/// Why a cell ended before its time.
const UNFINISHED: &str = "the run finished early: a budget is spent";

/// Why a run did: once, because it is long.
pub(crate) fn reason(spent: &str) -> String {
    format!("finished early, because a budget is spent: {spent}")
}
