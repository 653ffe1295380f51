//! Whether a run that nobody drives waits for people alone: then it needs no host until one of them answers. Reads a state and a plan, and starts nothing.

use bailiwick_core::run::{JudgeStage, Stage};
use bailiwick_core::{CellKey, Name, RunState};
use bailiwick_project::{Plan, Step};

/// Whether only people can go on with a run. Where that is not certain, the answer is no:
/// taking up a run for nothing costs a moment, leaving one that could go on costs the run.
#[must_use]
pub fn waits_for_people(state: &RunState, plan: &Plan) -> bool {
    let look = Look { state, plan };
    let mut asks = false;
    for axis in plan.axes.iter().filter(|axis| !state.axes.contains_key(&axis.name)) {
        if axis.reads.iter().all(|step| !look.has_open(step, None)) {
            return false;
        }
    }
    for step in plan.steps.iter().filter(|step| step.judges.is_none()) {
        let Some(known) = state.step(&step.name) else { return false };
        if !known.laid_out {
            if step.over.iter().all(|axis| state.axes.contains_key(axis)) {
                return false;
            }
            continue;
        }
        for (key, cell) in known.cells.iter().filter(|(_, cell)| cell.end().is_none()) {
            match &cell.stage {
                Stage::Judging { now: JudgeStage::Asked { .. }, .. } => asks = true,
                Stage::Idle if look.is_blocked(step, key) => {}
                Stage::Judging { at, now: JudgeStage::Due, .. } => {
                    let judge = known.judges.get(*at).and_then(|judge| plan.step(judge));
                    if !judge.is_some_and(|judge| look.is_blocked(judge, key)) {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }
    asks
}

struct Look<'a> {
    state: &'a RunState,
    plan: &'a Plan,
}

impl Look<'_> {
    /// Whether a cell reads or needs one that has not ended.
    fn is_blocked(&self, step: &Step, key: &CellKey) -> bool {
        let own: Vec<_> = key.pairs().collect();
        let along = |shared: &[Name]| -> Vec<(String, String)> {
            let own =
                own.iter().filter(|(axis, _)| shared.iter().any(|name| name.as_str() == *axis));
            own.map(|(axis, id)| ((*axis).to_owned(), id.clone())).collect()
        };
        let read = step.reads.iter().map(|read| (&read.step, along(&read.shared)));
        let needed = step.needs.iter().map(|name| {
            let over = self.plan.step(name).map(|other| other.over.as_slice()).unwrap_or_default();
            let shared: Vec<_> =
                step.over.iter().filter(|axis| over.contains(axis)).cloned().collect();
            (name, along(&shared))
        });
        read.chain(needed).any(|(other, along)| self.has_open(other, Some(&along)))
    }

    /// Whether a step has cells that have not ended, or will have some; of those with
    /// these values, where they are given. A judge has none of its own.
    fn has_open(&self, step: &Name, along: Option<&[(String, String)]>) -> bool {
        if self.plan.step(step).is_none_or(|step| step.judges.is_some()) {
            return false;
        }
        let Some(known) = self.state.step(step) else { return true };
        let fits = |key: &CellKey| {
            let Some(along) = along else { return true };
            let of: Vec<_> = key.pairs().collect();
            along
                .iter()
                .all(|(axis, id)| of.iter().any(|(other, value)| other == axis && value == id))
        };
        !known.laid_out || known.cells.iter().any(|(key, cell)| cell.end().is_none() && fits(key))
    }
}
