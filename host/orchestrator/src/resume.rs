//! A run that was left goes on: its state is there, the work that follows from it is found again. Evaluates no decision a second time: what an expression once said is a fact.

use std::collections::HashMap;
use std::sync::Arc;

use bailiwick_core::fact::{Fact, Failure, FailureKind};
use bailiwick_core::run::{CellState, End, JudgeStage, OpenAttempt, Rest, Stage};
use bailiwick_core::{AttemptId, AxisValue, CellId, CellKey, Name, Timestamp};
use bailiwick_project::{Point, Step};

use crate::graph::Waiter;
use crate::inbox::Message;
use crate::queue::{Again, Work};
use crate::task::{RunError, Task};
use crate::values::Reading;

/// After so many unclean ends of a host in a row while it ran, a cell is not tried
/// again: the third time, it is the cell.
const CRASHES_MAX: u32 = 3;

/// After so many it is suspected, with all that ran beside it, and goes on alone: the
/// next time it is known who it was.
const SUSPECTED_FROM: u32 = CRASHES_MAX - 1;

impl Task {
    /// Everything that follows from the state of a resumed run.
    pub(crate) fn rebuild(&mut self) -> Result<(), RunError> {
        self.write_off()?;
        self.lay_out_again();
        self.wait_again();
        let cells: Vec<CellId> = self.open_cells().collect();
        for cell in cells {
            self.take_up(&cell)?;
        }
        // What was to fail the run had not been written down yet.
        let steps: Vec<Name> = self.plan.steps.iter().map(|step| step.name.clone()).collect();
        steps.iter().for_each(|step| self.tolerate(step));
        Ok(())
    }

    /// Requests that left and will not be answered any more are charged; a cell that
    /// took its host down too often is not tried again.
    fn write_off(&mut self) -> Result<(), RunError> {
        let lost: Vec<Fact> = self.state.open_attempts().flat_map(OpenAttempt::losses).collect();
        for fact in lost {
            self.note(fact)?;
        }
        let poisoned: Vec<AttemptId> = self
            .state
            .open_attempts()
            .filter(|open| {
                let cell = self.state.cell(&self.subject_of(&open.id));
                cell.is_some_and(|cell| cell.crashes >= CRASHES_MAX && is_lost(cell))
            })
            .map(|open| open.id.clone())
            .collect();
        for attempt in poisoned {
            let message = format!("the host ended without a word {CRASHES_MAX} times while it ran");
            let hint = Some("`bailiwick resume --retry-failed` tries it again".to_owned());
            let failure = Failure { kind: FailureKind::HostCrash, message, hint };
            self.note(Fact::AttemptFailed {
                attempt,
                failure,
                retry: None,
                used: bailiwick_core::fact::Used::default(),
            })?;
        }
        Ok(())
    }

    /// The cells that are fixed, and what those that ended read as.
    fn lay_out_again(&mut self) {
        let plan = Arc::clone(&self.plan);
        for step in plan.steps.iter().filter(|step| step.judges.is_none()) {
            let Some(state) = self.state.step(&step.name).filter(|state| state.laid_out) else {
                continue;
            };
            let values = ValuesById::of(step, &self.state.axes);
            let points = state.order.iter().map(|key| values.point(key)).collect();
            let ended: Vec<_> = state
                .cells
                .iter()
                .filter_map(|(key, cell)| Some((key.clone(), reading(cell)?)))
                .collect();
            // Nobody waits yet.
            self.graph.lay_out(&step.name, points);
            for (key, reading) in ended {
                let cell = CellId { step: step.name.clone(), key };
                self.graph.ended(&cell);
                self.values.put(cell, reading);
            }
        }
    }

    /// Axes without values and steps without cells wait as they did.
    fn wait_again(&mut self) {
        let plan = Arc::clone(&self.plan);
        for axis in &plan.axes {
            if !self.state.axes.contains_key(&axis.name) {
                self.await_axis(axis);
            }
        }
        for step in &plan.steps {
            let laid_out = self.state.step(&step.name).is_some_and(|state| state.laid_out);
            if !laid_out && step.over.iter().all(|axis| self.state.axes.contains_key(axis)) {
                self.choose_points(step);
            }
        }
    }

    pub(crate) fn open_cells(&self) -> impl Iterator<Item = CellId> {
        let steps = self.state.steps.iter();
        steps.flat_map(|step| {
            let open = step
                .order
                .iter()
                .filter(|key| step.cells.get(*key).is_some_and(|cell| cell.end().is_none()));
            open.map(|key| CellId { step: step.shape.name.clone(), key: key.clone() })
        })
    }

    /// One cell goes on where it was.
    fn take_up(&mut self, cell: &CellId) -> Result<(), RunError> {
        let Some(state) = self.state.cell(cell) else { return Ok(()) };
        if self.is_left_to_drop(&state.stage) {
            return Ok(());
        }
        match state.stage.clone() {
            Stage::Idle => {
                let plan = Arc::clone(&self.plan);
                let point = self.graph.point(cell).cloned();
                if let (Some(step), Some(point)) = (plan.step(&cell.step), point) {
                    let needs = self.needs(step, &point);
                    if !self.graph.wait(Waiter::Cell(cell.clone()), needs) {
                        self.ready(Waiter::Cell(cell.clone()));
                    }
                }
                Ok(())
            }
            Stage::Parked { round, attempt, rest } => {
                self.continue_at(AttemptId::new(cell.clone(), round, attempt), rest);
                Ok(())
            }
            Stage::Resting { round, attempt, until } => {
                let id = AttemptId::new(cell.clone(), round, attempt + 1);
                self.wake_at(until, Work::Again(Again { id }));
                Ok(())
            }
            Stage::Judging { round, at, now } => self.take_up_judge(cell, round, at, now),
            _ => self.advance(cell),
        }
    }

    fn take_up_judge(
        &mut self,
        cell: &CellId,
        round: u32,
        at: usize,
        now: JudgeStage,
    ) -> Result<(), RunError> {
        let Some(judge) = self.judge_at(cell, at) else { return self.advance(cell) };
        let of_judge = CellId { step: judge.clone(), key: cell.key.clone() };
        match now {
            JudgeStage::Parked { attempt, rest } => {
                self.continue_at(AttemptId::new(of_judge, round, attempt), rest);
                Ok(())
            }
            JudgeStage::Resting { attempt, until } => {
                let id = AttemptId::new(of_judge, round, attempt + 1);
                self.wake_at(until, Work::Again(Again { id }));
                Ok(())
            }
            JudgeStage::Asked { ask } => {
                self.ask_again(&ask);
                Ok(())
            }
            JudgeStage::Due | JudgeStage::Over { .. } | JudgeStage::Running { .. } => {
                self.advance(cell)
            }
        }
    }

    /// Whether an attempt may be what ends its hosts.
    pub(crate) fn is_suspected(&self, id: &AttemptId) -> bool {
        self.state.cell(&self.subject_of(id)).is_some_and(|cell| cell.crashes >= SUSPECTED_FROM)
    }

    /// An attempt that was let go continues: now, or when its time has come.
    fn continue_at(&mut self, id: AttemptId, rest: Rest) {
        if !self.goes_on(&rest) {
            return;
        }
        match rest {
            Rest::Parked { until: Some(until), .. } => self.wake_at(until, Work::Continue(id)),
            Rest::GivenUp if !self.can_go_on(&id) => {
                self.push(Work::Again(Again { id: AttemptId { attempt: id.attempt + 1, ..id } }));
            }
            Rest::Parked { until: None, .. } | Rest::Lost | Rest::GivenUp => {
                self.push(Work::Continue(id));
            }
        }
    }

    /// Whether an attempt that was given up with its hosts can go on where it was: what it
    /// was told is still there, and nobody has put another component in the place of the
    /// one that may have done it.
    fn can_go_on(&self, id: &AttemptId) -> bool {
        let agent = self.plan.step(&id.cell.step).and_then(|step| step.agent());
        let serves = agent.and_then(|agent| self.world.slots.current(agent));
        let open = self.state.open_attempt(&id.cell);
        open.zip(serves).is_some_and(|(open, serves)| {
            open.component == serves.component && open.record.is_whole()
        })
    }

    /// Queues work at a time.
    pub(crate) fn wake_at(&mut self, until: Timestamp, work: Work) {
        let sleep = self.world.clock.sleep_until(until);
        self.promise(async move {
            sleep.await;
            Message::Wake(work)
        });
    }
}

fn is_lost(cell: &CellState) -> bool {
    matches!(
        cell.stage,
        Stage::Parked { rest: Rest::Lost, .. }
            | Stage::Judging { now: JudgeStage::Parked { rest: Rest::Lost, .. }, .. }
    )
}

/// What an ended cell reads as.
pub(crate) fn reading(cell: &CellState) -> Option<Reading> {
    Some(match cell.end()? {
        End::Released { output, .. } => Reading::Value(output.value()),
        End::Skipped => Reading::Null,
        End::Dropped { .. } | End::Failed { .. } => Reading::Gone,
    })
}

/// The values of a step's axes, by the ids that keys have.
struct ValuesById<'a> {
    axes: Vec<(&'a Name, HashMap<&'a str, &'a AxisValue>)>,
}

impl<'a> ValuesById<'a> {
    fn of(
        step: &'a Step,
        fixed: &'a std::collections::BTreeMap<Name, Arc<Vec<AxisValue>>>,
    ) -> Self {
        let axes = step.over.iter().filter_map(|axis| {
            let values = fixed.get(axis)?.iter().map(|value| (value.id(), value));
            Some((axis, values.collect()))
        });
        Self { axes: axes.collect() }
    }

    fn point(&self, key: &CellKey) -> Point {
        let ids: HashMap<&str, String> = key.pairs().collect();
        let values = self.axes.iter().filter_map(|(axis, values)| {
            let value = values.get(ids.get(axis.as_str())?.as_str())?;
            Some(((*axis).clone(), (*value).clone()))
        });
        Point { key: key.clone(), values: values.collect() }
    }
}
