//! From cells to attempts: starts what is ready, with what is in scope, and says what follows from the end of a cell.

use bailiwick_core::fact::Fact;
use bailiwick_core::run::{CellState, End, Stage};
use bailiwick_core::{AttemptId, CellId, CellKey, Document, Name};
use bailiwick_project::{Point, Scope, Step};
use serde_json::Value;

use crate::evaluate::Prepared;
use crate::graph::{Need, Waiter};
use crate::inbox::Message;
use crate::queue::{Again, Work};
use crate::resume::reading;
use crate::task::{RunError, Task};
use crate::values::Obstacle;
use crate::verdict::{feedback, said};

impl Task {
    /// What waited can go on.
    pub(crate) fn ready(&mut self, waiter: Waiter) {
        match waiter {
            Waiter::Cell(cell) => self.push(Work::Cell { cell, round: 0 }),
            Waiter::Judge { judge, cell } => {
                let round = self.state.cell(&cell).map_or(0, judged_round);
                self.push(Work::Judge { judge, cell, round });
            }
            Waiter::Axis(axis) => self.resolve_axis(&axis),
        }
    }

    /// Queues work, unless the run is stopping or finishes early.
    pub(crate) fn push(&mut self, work: Work) {
        if !self.may_begin(&work) {
            return;
        }
        match &work {
            Work::Continue(id) if self.is_suspected(id) => self.queue.push_alone(work),
            _ => self.queue.push(work),
        }
    }

    /// What a cell of a step waits for: what it reads, and what it `needs`. Judges of
    /// the same subject are no cells; whoever reads them comes after them anyway.
    pub(crate) fn needs(&self, step: &Step, point: &Point) -> Vec<Need> {
        let is_cell = |name: &Name| self.plan.step(name).is_some_and(|step| step.judges.is_none());
        let read = step.reads.iter().filter(|read| is_cell(&read.step));
        let read = read.map(|read| (read.step.clone(), read.shared.clone()));
        let needed = step.needs.iter().map(|name| {
            let other = self.plan.step(name).map(|other| other.over.as_slice()).unwrap_or_default();
            (name.clone(), step.over.iter().filter(|axis| other.contains(axis)).cloned().collect())
        });
        read.chain(needed)
            .map(|(step, shared)| Need { step, shared, point: point.clone() })
            .collect()
    }

    /// Starts what has a place.
    pub(crate) fn start_ready(&mut self) -> Result<(), RunError> {
        while self.stopping.is_none() {
            let Some(work) = self.queue.take(&self.handle) else { break };
            if !self.may_begin(&work) {
                self.queue.free(work.step());
                continue;
            }
            match work {
                Work::Again(again) => self.start_again(again.id)?,
                Work::Continue(id) => self.continue_attempt(id)?,
                work => self.start(work),
            }
        }
        Ok(())
    }

    fn start(&mut self, work: Work) {
        let plan = std::sync::Arc::clone(&self.plan);
        let (Some(step), Some(cell)) = (plan.step(work.step()), self.cell_of(&work)) else {
            return;
        };
        let Some(point) = self.graph.point(&cell).cloned() else { return };
        match self.scope_of(step, &cell, &point) {
            Ok(scope) => {
                let mut step = step.clone();
                if matches!(work, Work::Cell { round: 1.., .. }) {
                    // Whether the cell is done at all was decided in round 0.
                    step.when = None;
                }
                let evaluator = self.evaluator.clone();
                self.promise(async move {
                    let result = evaluator.prepare(step, scope).await.map_err(Obstacle::Failed);
                    Message::Prepared { work, result }
                });
            }
            Err(obstacle) => {
                self.promise(async move { Message::Prepared { work, result: Err(obstacle) } })
            }
        }
    }

    /// The cell that some work is about: for a judge's the judged one.
    pub(crate) fn cell_of(&self, work: &Work) -> Option<CellId> {
        match work {
            Work::Cell { cell, .. } | Work::Judge { cell, .. } => Some(cell.clone()),
            Work::Again(Again { id }) | Work::Continue(id) => Some(self.subject_of(id)),
        }
    }

    /// The cell that an attempt is about: for a judge's the judged one.
    pub(crate) fn subject_of(&self, id: &AttemptId) -> CellId {
        let judges = self.plan.step(&id.cell.step).and_then(|step| step.judges.as_ref());
        match judges {
            Some(judge) => CellId { step: judge.subject.clone(), key: id.cell.key.clone() },
            None => id.cell.clone(),
        }
    }

    pub(crate) fn prepared(
        &mut self,
        work: Work,
        result: Result<Prepared, Obstacle>,
    ) -> Result<(), RunError> {
        self.promises -= 1;
        if !self.may_begin(&work) {
            self.queue.free(work.step());
            return Ok(());
        }
        match work {
            Work::Cell { cell, round } => match result {
                Ok(Prepared::Input(input)) => {
                    let id = self.next_attempt(cell, round);
                    self.make_or_reuse(id, Document::of(&input))
                }
                Ok(Prepared::Skip) => {
                    self.queue.free(&cell.step);
                    self.note(Fact::CellSkipped { cell: cell.clone() })?;
                    self.cell_ended(&cell)
                }
                Err(obstacle) => {
                    self.queue.free(&cell.step);
                    self.note(match obstacle {
                        Obstacle::Gone(source) => {
                            let reason = format!("it reads {source}, which was not released");
                            Fact::Dropped { cell: cell.clone(), reason }
                        }
                        Obstacle::Failed(failure) => {
                            Fact::CellFailed { cell: cell.clone(), failure }
                        }
                    })?;
                    self.cell_ended(&cell)
                }
            },
            Work::Judge { judge, cell, round } => self.judge_prepared(&judge, cell, round, result),
            // These need no expression.
            Work::Again(_) | Work::Continue(_) => Ok(()),
        }
    }

    /// What follows from the end of a cell: its value is there, its readers count down.
    pub(crate) fn cell_ended(&mut self, cell: &CellId) -> Result<(), RunError> {
        let state = self.state.cell(cell);
        let failed = matches!(state.and_then(|s| s.end()), Some(End::Failed { .. }));
        let Some(reading) = state.and_then(reading) else { return Ok(()) };
        self.values.put(cell.clone(), reading);
        if failed {
            self.tolerate(&cell.step);
        }
        // A step that had nothing to do here has fewer cells to fail a share of. Looked at
        // with each such end, so that it does not matter which comes first.
        let judges = self.state.step(&cell.step).map(|step| step.judges.as_slice());
        let steps = judges.unwrap_or_default().iter().chain([&cell.step]);
        let ended = self.state.cell(cell);
        let fewer = |step: &&Name| ended.is_some_and(|cell| cell.is_skipped_by(step));
        let fewer = steps.filter(|step| self.failing.contains(*step)).filter(fewer);
        let fewer: Vec<Name> = fewer.cloned().collect();
        fewer.iter().for_each(|step| self.tolerate(step));
        for waiter in self.graph.ended(cell) {
            self.ready(waiter);
        }
        Ok(())
    }

    /// What is in scope everywhere, seen from a point.
    pub(crate) fn scope(&self, point: &Point) -> Scope {
        Scope { input: self.input.clone(), assets: self.assets.clone(), ..self.bare_scope(point) }
    }

    /// The same without what may be large: cells are many, and few read it.
    pub(crate) fn bare_scope(&self, point: &Point) -> Scope {
        Scope {
            axis: point
                .values
                .iter()
                .map(|(name, value)| (name.clone(), value.value().clone()))
                .collect(),
            feedback: Value::Array(Vec::new()),
            run_id: self.handle.run.to_string(),
            ..Scope::default()
        }
    }

    /// What is in scope for a step at a cell (for a judge: the judged one).
    fn scope_of(&mut self, step: &Step, cell: &CellId, point: &Point) -> Result<Scope, Obstacle> {
        let mut scope = self.bare_scope(point);
        if reads_name(step, "input") {
            scope.input = self.input.clone();
        }
        if reads_name(step, "assets") {
            scope.assets = self.assets.clone();
        }
        for read in &step.reads {
            let judge = self.plan.step(&read.step).is_some_and(|other| other.judges.is_some());
            if !judge {
                let value = self.values.read(&mut self.graph, read, point, step.min)?;
                scope.steps.insert(read.step.clone(), value);
            }
        }
        let Some(state) = self.state.cell(cell) else { return Ok(scope) };
        scope.round = match (&step.judges, &state.stage) {
            (None, Stage::Revising { round }) => *round,
            _ => state.round,
        };
        scope.feedback = feedback(state);
        if step.judges.is_some() {
            let judged = judged_round(state);
            scope.round = judged;
            scope.subject = state.candidate(judged).map(|candidate| candidate.output.value());
            for read in step
                .reads
                .iter()
                .filter(|read| self.plan.step(&read.step).is_some_and(|s| s.judges.is_some()))
            {
                scope.steps.insert(read.step.clone(), said(state, &read.step, judged));
            }
        }
        Ok(scope)
    }

    /// Does something aside that ends in a message.
    pub(crate) fn promise(&mut self, work: impl Future<Output = Message> + Send + 'static) {
        self.promises += 1;
        let inbox = self.handle.inbox.clone();
        tokio::spawn(async move {
            // A run that has ended needs no answer.
            let _ = inbox.send(work.await).await;
        });
    }
}

/// The round that judges look at now.
pub(crate) fn judged_round(state: &CellState) -> u32 {
    match &state.stage {
        Stage::Judging { round, .. } => *round,
        _ => state.round,
    }
}

/// Whether an expression of a step reads this name.
fn reads_name(step: &Step, name: &str) -> bool {
    let templates = [Some(&step.input), step.show.as_ref(), step.when.as_ref()];
    templates.into_iter().flatten().any(|template| template.reads_name(name))
}

/// The point of what has no axes.
pub(crate) fn nowhere() -> Point {
    Point { key: CellKey::single(), values: Vec::new() }
}
