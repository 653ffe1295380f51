//! From axes to cells: fixes the values of axes and the points of steps. Starts nothing.

use bailiwick_core::fact::{Fact, Failure};
use bailiwick_core::{AxisValue, CellId, Name};
use bailiwick_project::matrix::{Axis, CELLS_MAX};
use bailiwick_project::{Point, Read, Step};

use crate::cells::nowhere;
use crate::graph::{Need, Waiter};
use crate::inbox::Message;
use crate::task::{RunError, Task};

impl Task {
    /// Evaluates the axes that read nothing, lets the others wait, lays out steps without axes.
    pub(crate) fn begin_axes(&mut self) {
        let plan = std::sync::Arc::clone(&self.plan);
        plan.axes.iter().for_each(|axis| self.await_axis(axis));
        for step in plan.steps.iter().filter(|step| step.over.is_empty()) {
            self.choose_points(step);
        }
    }

    /// An axis is evaluated when what it reads is there.
    pub(crate) fn await_axis(&mut self, axis: &Axis) {
        let needs = axis.reads.iter().map(|step| Need {
            step: step.clone(),
            shared: Vec::new(),
            point: nowhere(),
        });
        let waiter = Waiter::Axis(axis.name.clone());
        if !self.graph.wait(waiter.clone(), needs.collect()) {
            self.ready(waiter);
        }
    }

    pub(crate) fn resolve_axis(&mut self, name: &Name) {
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(axis) = plan.axis(name).cloned() else { return };
        let reads = axis.reads.iter().map(|step| Read {
            step: step.clone(),
            shared: Vec::new(),
            collected: Vec::new(),
        });
        let mut scope = self.scope(&nowhere());
        for read in reads {
            match self.values.read(&mut self.graph, &read, &nowhere(), 0) {
                Ok(value) => scope.steps.insert(read.step.clone(), value),
                Err(_) => {
                    self.fail(format!(
                        "the axis `{name}` reads `{}`, which was not released",
                        read.step
                    ));
                    return;
                }
            };
        }
        let (name, evaluator) = (name.clone(), self.evaluator.clone());
        self.promise(async move {
            let result = evaluator.run(move || axis.resolve(&scope)).await;
            Message::Axis { axis: name, result }
        });
    }

    pub(crate) fn axis_resolved(
        &mut self,
        axis: &Name,
        result: Result<Vec<AxisValue>, Failure>,
    ) -> Result<(), RunError> {
        self.promises -= 1;
        if self.state.finishing.is_some() {
            return Ok(());
        }
        match result {
            Err(failure) => self.fail(format!("the axis `{axis}` has no values: {failure}")),
            Ok(values) => {
                self.note(Fact::AxisFixed { axis: axis.clone(), values })?;
                let plan = std::sync::Arc::clone(&self.plan);
                let fixed = |name: &Name| self.state.axes.contains_key(name);
                let due = plan
                    .steps
                    .iter()
                    .filter(|step| step.over.contains(axis) && step.over.iter().all(fixed));
                for step in due.collect::<Vec<_>>() {
                    self.choose_points(step);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn choose_points(&mut self, step: &Step) {
        if step.judges.is_some() {
            return;
        }
        let values = step.over.iter().filter_map(|axis| {
            let values = self.state.axes.get(axis)?;
            Some((axis.clone(), values.as_ref().clone()))
        });
        let values = values.collect();
        let (plan, over) = (std::sync::Arc::clone(&self.plan), step.over.clone());
        let (name, scope, evaluator) =
            (step.name.clone(), self.scope(&nowhere()), self.evaluator.clone());
        self.promise(async move {
            let result = evaluator.run(move || plan.matrix.points(&over, &values, &scope)).await;
            Message::Points { step: name, result }
        });
    }

    pub(crate) fn points_chosen(
        &mut self,
        name: &Name,
        result: Result<Vec<Point>, Failure>,
    ) -> Result<(), RunError> {
        self.promises -= 1;
        if self.state.finishing.is_some() {
            return Ok(());
        }
        let points = match result {
            Ok(points) => points,
            Err(failure) => {
                self.fail(format!("the cells of `{name}` cannot be chosen: {failure}"));
                return Ok(());
            }
        };
        if self.graph.len() + points.len() > CELLS_MAX {
            self.fail(format!("the run would have more than {CELLS_MAX} cells"));
            return Ok(());
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(step) = plan.step(name) else { return Ok(()) };
        let cells = points.iter().map(|point| point.key.clone()).collect();
        self.note(Fact::StepLaidOut { step: name.clone(), cells })?;
        for waiter in self.graph.lay_out(name, points.clone()) {
            self.ready(waiter);
        }
        for point in points {
            let cell = CellId { step: name.clone(), key: point.key.clone() };
            let needs = self.needs(step, &point);
            if !self.graph.wait(Waiter::Cell(cell.clone()), needs) {
                self.ready(Waiter::Cell(cell));
            }
        }
        Ok(())
    }
}
