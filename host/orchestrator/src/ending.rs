//! How a run ends: what it tolerates, its output, its stop.

use std::sync::Arc;

use bailiwick_core::fact::{Fact, Failure, RunEnd};
use bailiwick_core::run::End;
use bailiwick_core::{CellKey, Document, Name};
use bailiwick_project::Point;
use serde_json::{Map, Value};

use crate::inbox::Message;
use crate::leash::Leash;
use crate::task::{RunError, Task};
use crate::values::Obstacle;

impl Task {
    /// Tests, after a failure, whether the step's `on-failure` still bears it.
    pub(crate) fn tolerate(&mut self, name: &Name) {
        let (Some(step), Some(plan)) = (self.state.step(name), self.plan.step(name)) else {
            return;
        };
        // A judge has the cells of its subject.
        let subject =
            step.shape.judges.as_ref().map_or(Some(step), |judge| self.state.step(&judge.subject));
        let cells = || subject.into_iter().flat_map(|subject| subject.cells.values());
        let of = cells().filter(|cell| !cell.is_skipped_by(name)).count() as u64;
        let failed = match step.shape.judges {
            Some(_) => step.judge_failures as u64,
            None => {
                cells().filter(|cell| matches!(cell.end(), Some(End::Failed { .. }))).count() as u64
            }
        };
        let most = plan.tolerate.most(of);
        if failed > most {
            let percent = plan.tolerate.percent;
            self.fail(format!(
                "{failed} of {of} cells of `{name}` failed; {percent}% are tolerated"
            ));
        }
    }

    /// Nothing new starts; the run fails when what runs has ended.
    pub(crate) fn fail(&mut self, reason: String) {
        self.queue.clear();
        self.stopping.get_or_insert((RunEnd::Failed, Some(reason)));
    }

    /// Somebody wants the run to stop. The second time there is no grace.
    pub(crate) fn stop(&mut self) {
        self.queue.clear();
        if matches!(self.stopping, Some((RunEnd::Interrupted, _))) {
            self.attempts.values().for_each(Leash::pull);
            return;
        }
        // Where it was to fail anyway, the reason is kept.
        let reason = self.stopping.take().and_then(|(_, reason)| reason);
        self.stopping = Some((RunEnd::Interrupted, reason));
        let inbox = self.handle.inbox.clone();
        let over = self.world.clock.sleep_until(self.world.clock.now().after(self.grace));
        // Not a promise: a run whose attempts end earlier does not wait for it.
        tokio::spawn(async move {
            over.await;
            let _ = inbox.send(Message::GraceOver).await;
        });
    }

    /// Ends the run where it can be ended; evaluates the output when all cells have ended.
    pub(crate) fn progress(&mut self) -> Result<(), RunError> {
        if self.state.end.is_some() {
            return Ok(());
        }
        let plan = Arc::clone(&self.plan);
        let cells = plan.steps.iter().filter(|step| step.judges.is_none()).map(|step| &step.name);
        // Every axis, also one that no step has: whether it has values is no race.
        let fixed = plan.axes.iter().all(|axis| self.state.axes.contains_key(&axis.name));
        if self.stopping.is_none() && !self.output_begun && fixed && self.graph.all_ended(cells) {
            self.output_begun = true;
            self.resolve_output();
        }
        if self.attempts.is_empty()
            && let Some((end, reason)) = self.stopping.clone()
        {
            self.note(Fact::RunEnded { end, output: None, reason })?;
        }
        Ok(())
    }

    fn resolve_output(&mut self) {
        let plan = Arc::clone(&self.plan);
        let nowhere = Point { key: CellKey::single(), values: Vec::new() };
        let mut scope = self.scope(&nowhere);
        for read in &plan.output_reads {
            match self.values.read(&mut self.graph, read, &nowhere, 1) {
                Ok(value) => scope.steps.insert(read.step.clone(), value),
                Err(Obstacle::Gone(cell)) => {
                    return self.fail(format!("[output] reads {cell}, which was not released"));
                }
                Err(Obstacle::Failed(failure)) => {
                    return self.fail(format!("[output]: {}", failure.message));
                }
            };
        }
        let evaluator = self.evaluator.clone();
        self.promise(async move {
            let result = evaluator.run(move || {
                let members = plan
                    .output
                    .iter()
                    .map(|(name, template)| Ok((name.to_string(), template.evaluate(&scope)?)));
                members.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            });
            Message::Output { result: result.await }
        });
    }

    pub(crate) fn output_resolved(
        &mut self,
        result: Result<Value, Failure>,
    ) -> Result<(), RunError> {
        self.promises -= 1;
        if self.stopping.is_some() {
            return Ok(());
        }
        let fact = match result {
            Ok(output) => Fact::RunEnded {
                end: RunEnd::Done,
                output: Some(Document::of(&output)),
                reason: None,
            },
            Err(failure) => {
                let reason = Some(format!("[output]: {failure}"));
                Fact::RunEnded { end: RunEnd::Failed, output: None, reason }
            }
        };
        Ok(self.note(fact)?)
    }
}
