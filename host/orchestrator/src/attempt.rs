//! Attempts: how one is started, and what its end means. Knows nothing of verdicts.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{AgentPin, Fact, Failure, FailureKind, Used};
use bailiwick_core::{AttemptId, Document};
use bailiwick_policy::Generation;
use bailiwick_policy::ports::{Job, Outcome};

use crate::inbox::{InboxRecorder, Message};
use crate::leash::Leash;
use crate::queue::{Again, Work};
use crate::task::{RunError, Task};
use crate::verdict::read;

/// The longest pause before a retry, however often it is doubled.
const BACKOFF_MAX: Duration = Duration::from_secs(3600);

impl Task {
    /// Starts an attempt whose place is taken.
    pub(crate) fn start_attempt(&mut self, id: AttemptId, input: Document) -> Result<(), RunError> {
        let plan = Arc::clone(&self.plan);
        let agent = plan.step(&id.cell.step).and_then(|step| step.agent());
        let Some(generation) = agent.and_then(|agent| self.world.slots.current(agent)) else {
            self.queue.free(&id.cell.step);
            self.fail(format!("the agent of `{}` is gone", id.cell.step));
            return Ok(());
        };
        self.note(Fact::CellStarted {
            attempt: id.clone(),
            component: generation.component,
            powers: generation.powers,
            input: input.clone(),
        })?;
        self.inputs.insert((id.cell.clone(), id.round), input.clone());
        self.spawn(id, generation, input);
        Ok(())
    }

    /// The guest runs ahead of the fact that it started: what it computes can be
    /// computed again. What it sends out waits, in the gate.
    fn spawn(&mut self, id: AttemptId, generation: Arc<Generation>, input: Document) {
        let job = Job {
            run: self.handle.run.clone(),
            attempt: id.clone(),
            generation,
            input,
            started: self.now(),
            recorder: Arc::new(InboxRecorder(self.handle.clone())),
        };
        let runner = Arc::clone(&self.world.runner);
        let attempt = tokio::spawn(async move { runner.run(job).await });
        self.attempts.insert(id.clone(), Leash(attempt.abort_handle()));
        let inbox = self.handle.inbox.clone();
        tokio::spawn(async move {
            let outcome = match attempt.await {
                Ok(outcome) => outcome,
                Err(error) if error.is_cancelled() => {
                    lost(FailureKind::Cancelled, "the run was stopped")
                }
                Err(_) => lost(FailureKind::Host, "the host's own code panicked"),
            };
            // A run that has ended does not ask any more.
            let _ = inbox.send(Message::Ended { attempt: id, outcome }).await;
        });
    }

    pub(crate) fn attempt_ended(
        &mut self,
        id: AttemptId,
        outcome: Outcome,
    ) -> Result<(), RunError> {
        self.attempts.remove(&id);
        self.queue.free(&id.cell.step);
        let subject = self.subject_of(&id);
        match outcome.result.and_then(|output| self.verdict_of(&id, output)) {
            Ok(output) => {
                self.note(Fact::CellFinished { attempt: id, output, used: outcome.used })?;
            }
            Err(failure) => {
                let cancelled = failure.kind == FailureKind::Cancelled;
                let pause = self.pause_before_retry(&id, &failure);
                let retry = pause.map(|pause| self.now().after(pause));
                self.note(Fact::AttemptFailed {
                    attempt: id.clone(),
                    failure,
                    retry,
                    used: outcome.used,
                })?;
                if cancelled {
                    // It ended with the run, not by itself: what it means is left open.
                    return Ok(());
                }
                if let Some(until) = retry {
                    let work =
                        Work::Again(Again { id: AttemptId { attempt: id.attempt + 1, ..id } });
                    let sleep = self.world.clock.sleep_until(until);
                    self.promise(async move {
                        sleep.await;
                        Message::Wake(work)
                    });
                    return Ok(());
                }
            }
        }
        self.advance(&subject)
    }

    /// What a judge puts out must be a verdict; any other output is let through.
    fn verdict_of(&self, id: &AttemptId, output: Document) -> Result<Document, Failure> {
        let judges = self.plan.step(&id.cell.step).is_some_and(|step| step.judges.is_some());
        if judges {
            read(&output, false)?;
        }
        Ok(output)
    }

    /// The pause before the next attempt, where there is one: doubled each time.
    fn pause_before_retry(&self, id: &AttemptId, failure: &Failure) -> Option<Duration> {
        let retry = self.plan.step(&id.cell.step)?.retry;
        let again =
            self.stopping.is_none() && failure.kind.may_pass() && id.attempt < retry.attempts;
        let doubled = 2u32.saturating_pow(id.attempt.saturating_sub(1));
        again.then(|| retry.backoff.saturating_mul(doubled).min(BACKOFF_MAX))
    }
}

fn lost(kind: FailureKind, message: &str) -> Outcome {
    Outcome {
        result: Err(Failure { kind, message: message.into(), hint: None }),
        used: Used::default(),
    }
}

/// What the journal names of a generation.
#[must_use]
pub fn pin(generation: &Generation) -> AgentPin {
    AgentPin {
        component: generation.component,
        profile: format!("{} {}", generation.identity, generation.version),
        powers: generation.powers,
    }
}
