//! How a run ends: what it tolerates, its output, its stop.

use std::sync::Arc;

use bailiwick_core::fact::{Fact, Failure, ParkReason, PauseReason, RunEnd};
use bailiwick_core::run::{End, Pause};
use bailiwick_core::{CellKey, Document, Name};
use bailiwick_project::{ExprError, Point, Scope};
use serde_json::{Map, Value};

use crate::finish;
use crate::inbox::Message;
use crate::leash::Leash;
use crate::task::{RunError, Task};
use crate::values::Obstacle;

/// How a run is to be left when what runs has ended.
#[derive(Clone, Debug)]
pub(crate) enum Stopping {
    Ends(RunEnd, Option<String>),
    Rests(Pause),
}

impl Stopping {
    pub(crate) fn interrupted() -> Self {
        Self::Ends(RunEnd::Interrupted, None)
    }

    /// Nobody asked for it.
    pub(crate) fn lacks(reason: PauseReason, detail: String) -> Self {
        Self::Rests(Pause { reason, detail, by: None })
    }

    pub(crate) fn paused(reason: PauseReason, by: Option<String>) -> Self {
        let detail = match reason {
            PauseReason::Drain => "the host shuts down".to_owned(),
            _ => "somebody wants it to rest".to_owned(),
        };
        Self::Rests(Pause { reason, detail, by })
    }
}

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
        if failed > 0 {
            self.failing.insert(name.clone());
        }
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
        self.stopping.get_or_insert(Stopping::Ends(RunEnd::Failed, Some(reason)));
    }

    /// Somebody wants the run to stop or to rest. The second time there is no grace.
    /// A run that is about to fail fails.
    pub(crate) fn leave(&mut self, how: Stopping) {
        self.queue.clear();
        match &self.stopping {
            Some(Stopping::Ends(RunEnd::Interrupted, _) | Stopping::Rests(_)) => {
                return self.attempts.values().for_each(Leash::pull);
            }
            Some(Stopping::Ends(..)) => {}
            None => self.stopping = Some(how),
        }
        let inbox = self.handle.inbox.clone();
        let over = self.world.clock.sleep_until(self.world.clock.now().after(self.grace));
        // Not a promise: a run whose attempts end earlier does not wait for it.
        tokio::spawn(async move {
            over.await;
            let _ = inbox.send(Message::GraceOver).await;
        });
    }

    /// Somebody ends the run for good.
    pub(crate) fn cancel(&mut self, by: &str) {
        self.queue.clear();
        let reason = Some(format!("cancelled by {by}"));
        self.stopping = Some(Stopping::Ends(RunEnd::Cancelled, reason));
        self.attempts.values().for_each(Leash::pull);
    }

    /// Ends the run where it can be ended; evaluates the output when all cells have ended.
    pub(crate) fn progress(&mut self) -> Result<(), RunError> {
        if self.state.end.is_some() || self.state.pause.is_some() {
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
        self.finish_early()?;
        if self.attempts.is_empty()
            && let Some(stopping) = self.stopping.clone()
        {
            self.note(match stopping {
                Stopping::Ends(end, reason) => Fact::RunEnded { end, output: None, reason },
                Stopping::Rests(Pause { reason, detail, by }) => {
                    Fact::RunPaused { reason, detail, by }
                }
            })?;
        }
        self.rest_if_parked()
    }

    /// What was let go until somebody acts holds the run up when nothing else goes on.
    fn rest_if_parked(&mut self) -> Result<(), RunError> {
        let asks = self.world.desk.is_attended() && self.state.open_asks().next().is_some();
        if self.stopping.is_some() || !self.is_quiet() || asks {
            return Ok(());
        }
        let Some(park) = self.parked.take() else { return Ok(()) };
        let reason = match park.reason {
            ParkReason::Disk => PauseReason::Disk,
            ParkReason::Day => PauseReason::Day,
            _ => PauseReason::Budget,
        };
        Ok(self.note(Fact::RunPaused { reason, detail: park.detail, by: None })?)
    }

    fn resolve_output(&mut self) {
        let plan = Arc::clone(&self.plan);
        let nowhere = Point { key: CellKey::single(), values: Vec::new() };
        let mut scope = self.scope(&nowhere);
        for read in &plan.output_reads {
            // An empty list is an output where nothing was to be done, and none where it was
            // lost: `[output]` has no `min` to say so.
            let skipped = self.values.all_skipped(&mut self.graph, read, &nowhere);
            match self.values.read(&mut self.graph, read, &nowhere, u32::from(!skipped)) {
                Ok(value) => scope.steps.insert(read.step.clone(), value),
                Err(Obstacle::Gone(cell)) => {
                    return self.fail(format!("[output] reads {cell}, which was not released"));
                }
                Err(Obstacle::Failed(failure)) => {
                    return self.fail(format!("[output]: {}", failure.message));
                }
            };
        }
        self.evaluate_output(scope, Err);
    }

    /// Evaluates `[output]`; `amiss` says what stands for a key that cannot be.
    pub(crate) fn evaluate_output(
        &mut self,
        scope: Scope,
        amiss: impl Fn(ExprError) -> Result<Value, ExprError> + Send + 'static,
    ) {
        let (plan, evaluator) = (Arc::clone(&self.plan), self.evaluator.clone());
        self.promise(async move {
            let result = evaluator.run(move || {
                let members = plan.output.iter().map(|(name, template)| {
                    Ok((name.to_string(), template.evaluate(&scope).or_else(&amiss)?))
                });
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
                reason: self.state.finishing.as_deref().map(finish::reason),
            },
            Err(failure) => {
                let reason = Some(format!("[output]: {failure}"));
                Fact::RunEnded { end: RunEnd::Failed, output: None, reason }
            }
        };
        Ok(self.note(fact)?)
    }
}
