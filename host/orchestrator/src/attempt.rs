//! Attempts: how one is started or continued, and what its end means. Knows nothing of verdicts.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{AgentPin, Capability, Fact, Failure, FailureKind, ParkReason, Used};
use bailiwick_core::ports::{Durable, JournalError};
use bailiwick_core::run::{IllegalFact, OpenAttempt};
use bailiwick_core::{AttemptId, CellId, Digest, Document, Record, Timestamp};
use bailiwick_policy::Generation;
use bailiwick_policy::ports::{Job, Left, Outcome, Park, Patience, Staged};
use tokio::sync::oneshot;

use crate::inbox::{InboxRecorder, Message};
use crate::leash::Leash;
use crate::ports::Reusable;
use crate::queue::{Again, Work};
use crate::task::{RunError, Task};
use crate::verdict::read;

/// The longest pause before a retry, however often it is doubled.
const BACKOFF_MAX: Duration = Duration::from_secs(3600);

/// What an attempt begins with: nothing, or what it was told before.
struct Beginning {
    input: Document,
    started: Timestamp,
    record: Arc<Record>,
}

impl Task {
    /// An attempt whose place is taken: where its step allows it, an equal one of
    /// another run is looked for first.
    pub(crate) fn make_or_reuse(&mut self, id: AttemptId, input: Document) -> Result<(), RunError> {
        let plan = Arc::clone(&self.plan);
        let step = plan.step(&id.cell.step).filter(|step| self.world.reuse.applies(step));
        let Some(generation) = step.and_then(|step| self.world.slots.current(step.agent()?)) else {
            return self.start_attempt(id, input);
        };
        let (reuse, content) = (Arc::clone(&self.world.reuse), content(&generation, &id, &input));
        self.promise(async move {
            let found = reuse.find(&id.cell, content).await;
            Message::Found { id, input, content, found }
        });
        Ok(())
    }

    pub(crate) fn found(
        &mut self,
        id: AttemptId,
        input: Document,
        found: Option<Reusable>,
        content: Digest,
    ) -> Result<(), RunError> {
        self.promises -= 1;
        if self.stopping.is_some() || self.state.finishing.is_some() {
            self.queue.free(&id.cell.step);
            return Ok(());
        }
        let Some(Reusable { from, output }) = found else { return self.start_attempt(id, input) };
        self.queue.free(&id.cell.step);
        // Under the key that it was found by, whatever serves by now.
        let subject = self.subject_of(&id);
        self.note(Fact::CellReused { attempt: id, content, from, output })?;
        self.advance(&subject)
    }

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
            content: Some(content(&generation, &id, &input)),
        })?;
        let beginning = Beginning { input, started: self.now(), record: Arc::default() };
        self.spawn(id, generation, beginning);
        Ok(())
    }

    /// The attempt that comes next at a round: after those before somebody wanted it
    /// tried again, where there were any.
    pub(crate) fn next_attempt(&self, of_step: CellId, round: u32) -> AttemptId {
        let id = AttemptId::new(of_step, round, 0);
        let cell = self.state.cell(&self.subject_of(&id));
        let last = cell.map_or(0, |cell| cell.last_attempt(&id.cell.step, round));
        AttemptId { attempt: last + 1, ..id }
    }

    /// Another attempt with the input of the one that failed.
    pub(crate) fn start_again(&mut self, id: AttemptId) -> Result<(), RunError> {
        match self.state.open_attempt(&id.cell).map(|open| open.input.clone()) {
            Some(input) => self.start_attempt(id, input),
            // Its cell has ended meanwhile.
            None => {
                self.queue.free(&id.cell.step);
                Ok(())
            }
        }
    }

    /// The same attempt executes again, with its record, on the component that it began with.
    pub(crate) fn continue_attempt(&mut self, id: AttemptId) -> Result<(), RunError> {
        let plan = Arc::clone(&self.plan);
        let agent = plan.step(&id.cell.step).and_then(|step| step.agent());
        let Some(open) = self.state.open_attempt(&id.cell).filter(|open| open.id == id).cloned()
        else {
            self.queue.free(&id.cell.step);
            return Ok(());
        };
        let pinned = agent.and_then(|agent| self.world.slots.pinned(agent, &open.component));
        let Some(generation) = pinned else {
            self.queue.free(&id.cell.step);
            let component = open.component.short();
            self.fail(format!("the component {component} that {id} began with is not here"));
            return Ok(());
        };
        // By the journal it must have run, and who comes next must not run before the
        // journal says that it has ended.
        self.wary |= self.is_suspected(&id);
        self.note(Fact::AttemptContinued { attempt: id.clone() })?;
        let beginning =
            Beginning { input: open.input, started: open.started, record: Arc::new(open.record) };
        self.spawn(id, generation, beginning);
        Ok(())
    }

    /// The guest runs ahead of the fact that it started: what it computes can be
    /// computed again. What it sends out waits, in the gate. Only a wary host waits here.
    fn spawn(&mut self, id: AttemptId, generation: Arc<Generation>, beginning: Beginning) {
        let Beginning { input, started, record } = beginning;
        let job = Job {
            run: self.handle.run.clone(),
            attempt: id.clone(),
            generation,
            input,
            started,
            record,
            patience: self.patience(&id),
            recorder: Arc::new(InboxRecorder(self.handle.clone())),
            called: None,
        };
        let runner = Arc::clone(&self.world.runner);
        let begun = self.wary.then(|| self.written());
        let attempt = tokio::spawn(async move {
            if let Some(begun) = begun
                && let Err(error) = begun.await
            {
                let message = error.to_string();
                return left(Failure { kind: FailureKind::Host, message, hint: None }.into());
            }
            runner.run(job).await
        });
        self.attempts.insert(id.clone(), Leash(attempt.abort_handle()));
        let inbox = self.handle.inbox.clone();
        tokio::spawn(async move {
            let outcome = match attempt.await {
                Ok(outcome) => outcome,
                Err(error) if error.is_cancelled() => {
                    let detail = "the run was stopped".to_owned();
                    left(Left::Parked(Park { reason: ParkReason::Stopped, detail }))
                }
                Err(_) => {
                    let message = "the host's own code panicked".to_owned();
                    left(Failure { kind: FailureKind::Host, message, hint: None }.into())
                }
            };
            // A run that has ended does not ask any more.
            let _ = inbox.send(Message::Ended { attempt: id, outcome }).await;
        });
    }

    /// Ends when everything that is known so far is on stable storage.
    fn written(&mut self) -> impl Future<Output = Result<Durable, JournalError>> + use<> {
        let (tell, told) = oneshot::channel();
        self.reply_when_written(move |ticket| {
            // Who asked may be gone.
            let _ = tell.send(ticket);
        });
        async move {
            let gone = |_| JournalError::Storage("the run has ended".into());
            told.await.map_err(gone)?.durable().await
        }
    }

    pub(crate) fn attempt_ended(
        &mut self,
        id: AttemptId,
        outcome: Outcome,
    ) -> Result<(), RunError> {
        self.attempts.remove(&id);
        self.queue.free(&id.cell.step);
        let subject = self.subject_of(&id);
        self.write_off_calls(&id)?;
        self.end_attempt(id, outcome, &subject)?;
        self.let_older_go();
        Ok(())
    }

    /// What served before a swap goes with the last attempt on it.
    fn let_older_go(&self) {
        if self.world.slots.has_older() {
            let open = self.state.open_attempts().flat_map(OpenAttempt::components);
            self.world.slots.keep(&open.map(|(_, component)| component).collect());
        }
    }

    fn end_attempt(
        &mut self,
        id: AttemptId,
        outcome: Outcome,
        subject: &CellId,
    ) -> Result<(), RunError> {
        let failure = match outcome.result {
            Err(Left::Parked(park)) => return self.park(id, park),
            Err(Left::Failed(failure)) => Some(failure),
            Ok(output) => match self.verdict_of(&id, &output) {
                Err(failure) => Some(failure),
                Ok(()) => {
                    self.write(&id, outcome.writes)?;
                    let (attempt, used) = (id.clone(), outcome.used);
                    self.note(Fact::CellFinished { attempt, output, used })?;
                    None
                }
            },
        };
        if let Some(failure) = failure {
            // What ends without output because it was told that a budget is spent is not
            // failed but dropped, with all else that has not ended.
            let finishes = self.state.finishing.is_some();
            let failure = self.or_effects_done(&id, failure);
            let pause = self.pause_before_retry(&id, &failure).filter(|_| !finishes);
            let retry = pause.map(|pause| self.now().after(pause));
            let (attempt, used) = (id.clone(), outcome.used);
            self.note(Fact::AttemptFailed { attempt, failure, retry, used })?;
            if let Some(until) = retry {
                let again = AttemptId { attempt: id.attempt + 1, ..id };
                self.wake_at(until, Work::Again(Again { id: again }));
                return Ok(());
            }
            if finishes {
                return Ok(());
            }
        }
        self.advance(subject)
    }

    /// What an attempt changes in a namespace goes into the append that says that it ended.
    /// Nobody else reads or ends there until that is durable, or lost.
    fn write(&mut self, id: &AttemptId, staged: Vec<Staged>) -> Result<(), RunError> {
        if staged.is_empty() {
            return Ok(());
        }
        let mut turns = Vec::with_capacity(staged.len());
        for Staged { namespace, writes, turn } in staged {
            self.note(Fact::KvWritten { attempt: id.clone(), namespace, writes })?;
            turns.push(turn);
        }
        let written = self.written();
        tokio::spawn(async move {
            // Lost or not: what is there then is what the next one finds.
            let _ = written.await;
            drop(turns);
        });
        Ok(())
    }

    /// A call that has no answer when its attempt ends will never have one.
    fn write_off_calls(&mut self, id: &AttemptId) -> Result<(), RunError> {
        let lost = self.state.open_attempt(&id.cell).map(OpenAttempt::losses);
        lost.into_iter().flatten().try_for_each(|fact| Ok(self.note(fact)?))
    }

    /// The same of an agent that was called, when its end is told: whatever ended it may
    /// have left a call of it, or of one that it called, without an answer.
    pub(crate) fn write_off_callee(&mut self, told: &Fact) -> Result<(), IllegalFact> {
        let Fact::CallAnswered { attempt, index, capability: Capability::Delegate, .. } = told
        else {
            return Ok(());
        };
        let open = self.state.open_attempt(&attempt.cell).filter(|o| o.id == attempt.of_step());
        let lost = open.map(|open| open.losses_below(&attempt.callee(*index).path));
        lost.into_iter().flatten().try_for_each(|fact| self.note(fact))
    }

    /// An attempt is let go: it continues by itself where nobody answered, else when
    /// somebody has acted.
    fn park(&mut self, id: AttemptId, park: Park) -> Result<(), RunError> {
        let Park { reason, detail } = park.clone();
        let until = match reason {
            ParkReason::Unavailable => {
                let pause = self.backoff(&id, self.tries(&id));
                Some(self.now().after(pause))
            }
            _ => None,
        };
        self.note(Fact::CellParked { attempt: id.clone(), reason, detail, until })?;
        match until {
            Some(until) => self.wake_at(until, Work::Continue(id)),
            // What another day changes is not held up by what it does not.
            None if self.parked.as_ref().is_some_and(|park| park.reason == ParkReason::Day) => {}
            None if reason != ParkReason::Stopped => self.parked = Some(park),
            None => {}
        }
        Ok(())
    }

    /// What a judge puts out must be a verdict; any other output is let through.
    fn verdict_of(&self, id: &AttemptId, output: &Document) -> Result<(), Failure> {
        let judges = self.plan.step(&id.cell.step).is_some_and(|step| step.judges.is_some());
        if judges {
            read(output, false)?;
        }
        Ok(())
    }

    /// The tries so far, this one included: fresh attempts, and those that continued
    /// because nobody had answered.
    fn tries(&self, id: &AttemptId) -> u32 {
        let unanswered = self.state.open_attempt(&id.cell).map_or(0, |open| open.unanswered);
        let before = self.state.cell(&self.subject_of(id));
        let before = before.map_or(0, |cell| cell.tried_before(&id.cell.step, id.round));
        id.attempt.saturating_sub(before).saturating_add(unanswered)
    }

    fn patience(&self, id: &AttemptId) -> Patience {
        let most = self.plan.step(&id.cell.step).map_or(1, |step| step.retry.attempts);
        if self.tries(id) < most { Patience::Park } else { Patience::Answer }
    }

    /// What would be tried again is not where a request of it may have changed something
    /// outside, unless its step says that this may happen twice.
    fn or_effects_done(&self, id: &AttemptId, failure: Failure) -> Failure {
        let step = self.plan.step(&id.cell.step);
        let effects =
            self.state.open_attempt(&id.cell).is_some_and(|open| open.record.has_effects());
        let repeats = step.is_some_and(|step| step.repeat_effects);
        if !effects || repeats || self.pause_before_retry(id, &failure).is_none() {
            return failure;
        }
        let message = format!("after a request that may have changed something: {failure}");
        let hint = format!(
            "look at what was changed; `bailiwick resume --retry-failed` does it again, and so would every retry with repeat-effects = true under [step.{}]",
            id.cell.step
        );
        Failure { kind: FailureKind::EffectsDone, message, hint: Some(hint) }
    }

    /// The pause before the next attempt, where there is one.
    fn pause_before_retry(&self, id: &AttemptId, failure: &Failure) -> Option<Duration> {
        let retry = self.plan.step(&id.cell.step)?.retry;
        let tries = self.tries(id);
        // Also when the run is to be left: whoever goes on with it tries again.
        let again = failure.kind.may_pass() && tries < retry.attempts;
        again.then(|| self.backoff(id, tries))
    }

    /// Doubled with each try.
    fn backoff(&self, id: &AttemptId, tries: u32) -> Duration {
        let first = self.plan.step(&id.cell.step).map_or(Duration::ZERO, |s| s.retry.backoff);
        let doubled = 2u32.saturating_pow(tries.saturating_sub(1));
        first.saturating_mul(doubled).min(BACKOFF_MAX)
    }
}

fn left(left: Left) -> Outcome {
    Outcome { result: Err(left), used: Used::default(), writes: Vec::new() }
}

/// What an attempt's output depends on, in one digest. Grants and limits are not in it:
/// they can only refuse.
fn content(generation: &Generation, id: &AttemptId, input: &Document) -> Digest {
    Digest::of_parts(&[
        b"bailiwick content 1",
        generation.component.as_bytes(),
        generation.sources.as_bytes(),
        id.cell.step.as_str().as_bytes(),
        id.cell.key.as_str().as_bytes(),
        &id.round.to_le_bytes(),
        input.digest().as_bytes(),
    ])
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
