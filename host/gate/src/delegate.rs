//! Calls of other agents: who may be called stands in `authorize`, how one runs behind a port; here is what the call means for its caller. Lends no power.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Fact, Failure, FailureKind};
use bailiwick_core::ports::BoxFuture;
use bailiwick_core::record::{Callee, Tally};
use bailiwick_core::{Digest, Document, Name, Record, Timestamp};
use bailiwick_policy::grants::ModelGrant;
use bailiwick_policy::ports::{Called, Job, Left, Outcome};
use bailiwick_policy::{Budget, Generation, Limits, Rules, Standing};
use serde_json::{Value, json};

use crate::call::{Answer, CallError, Request};
use crate::gate::Gate;
use crate::kv::AllStaged;
use crate::ledger::Allowance;
use crate::unanswered::{Unanswered, gone};

/// The longest name of an agent that is looked up, in bytes: that of the longest name.
const AGENT_MAX_BYTES: usize = 64;

/// What an agent keeps of its wall clock when it calls another one: an eighth, so that it
/// is still there to be told that the other one took too long.
const OWN_SHARE: u32 = 8;

/// A call of another agent.
#[derive(Clone, Debug, PartialEq)]
pub struct DelegateRequest {
    /// The operator's name for it.
    pub agent: String,
    /// Its input.
    pub input: Document,
}

impl DelegateRequest {
    /// Checks the documented maxima; the size of the input was measured when it was read.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        match self.agent.len() {
            1..=AGENT_MAX_BYTES => Ok(()),
            _ => Err(format!("the name of an agent has 1 to {AGENT_MAX_BYTES} bytes")),
        }
    }

    /// The input by its digest: its text stands in the fact that begins the call.
    pub(crate) fn form(&self) -> Value {
        json!([self.agent, self.input.digest().to_string()])
    }
}

/// Who runs agents that are called by others.
pub trait Callees: Send + Sync {
    /// Runs an attempt to its end, as the attempt of a step is run; what it changes in
    /// namespaces is handed to its caller. Dropping the future ends it.
    fn call(&self, job: Job, tree: Arc<Tree>) -> BoxFuture<'static, (Outcome, AllStaged)>;
}

/// What an attempt of a step and all that are called below it may do together: the calls
/// and the lines of its own limits. Else one that calls a thousand others would have a
/// thousand times its limits.
pub struct Tree {
    calls: AtomicU32,
    lines: AtomicU32,
    most: Tally,
}

impl Tree {
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = Tally { calls: limits.gate_calls, lines: limits.log_lines };
        Self { calls: AtomicU32::new(0), lines: AtomicU32::new(0), most }
    }

    /// One more call.
    ///
    /// # Errors
    /// Used and allowed, where that was one too many.
    pub(crate) fn call(&self) -> Result<(), (u32, u32)> {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        let most = self.most.calls;
        if before < most { Ok(()) } else { Err((before.saturating_add(1), most)) }
    }

    /// One more line, where there is room for it.
    pub(crate) fn line(&self) -> bool {
        self.lines.fetch_add(1, Ordering::Relaxed) < self.most.lines
    }

    /// What was done below a call that is served from the record.
    pub(crate) fn add(&self, below: Tally) {
        self.calls.fetch_add(below.calls, Ordering::Relaxed);
        self.lines.fetch_add(below.lines, Ordering::Relaxed);
    }
}

impl Gate {
    /// Calls another agent.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn delegate(&self, request: DelegateRequest) -> Result<Document, CallError> {
        match self.call(Request::Delegate(request)).await? {
            Answer::Delegated(output) => Ok(output),
            _ => Err(CallError::Unavailable),
        }
    }

    /// Whether this agent is the one that works here, or one that waits for it.
    pub(crate) fn works_above(&self, agent: &str) -> bool {
        let callers = self.callers.iter().chain([&self.generation]);
        callers.map(|one| one.agent.as_str()).any(|name| name == agent)
    }

    /// Runs the agent that is called, from its beginning or from where it was left.
    pub(crate) async fn run_callee(
        &self,
        (index, digest): (u32, Digest),
        name: &Name,
        request: DelegateRequest,
    ) -> Result<Answer, Unanswered> {
        let Some(callees) = &self.callees else {
            let detail = "no agents are called here".to_owned();
            return Err(CallAnswer::Unavailable { detail }.into());
        };
        let left = self.record.calls.get(index as usize).and_then(|call| call.callee.as_deref());
        let (generation, started, record) = match left {
            Some(callee) => self.as_left(callee)?,
            None => {
                let current = self.gateway.agents.current(name).ok_or_else(|| missing(name))?;
                let started = self.begin((index, digest), &current, &request.input).await?;
                (current, started, Arc::default())
            }
        };
        let name = generation.agent.clone();
        let own = self.remaining();
        let job = Job {
            run: self.run.clone(),
            attempt: self.attempt.callee(index),
            generation,
            input: request.input,
            started,
            record,
            patience: self.patience,
            recorder: Arc::clone(&self.recorder),
            called: Some(self.called(own.saturating_sub(own / OWN_SHARE))),
        };
        let (outcome, staged) = callees.call(job, Arc::clone(&self.tree)).await;
        match outcome.result {
            Ok(output) => {
                self.absorb(&staged).map_err(|failure| over(&name, failure))?;
                self.let_read(Some(&output.value()));
                Ok(Answer::Delegated(output))
            }
            Err(Left::Parked(park)) => Err(Unanswered::NotNow(park)),
            Err(Left::Failed(failure)) if ends_the_caller(failure.kind) => {
                Err(over(&name, failure))
            }
            Err(Left::Failed(failure)) => Err(CallAnswer::Failed { failure }.into()),
        }
    }

    /// Writes down who is called, with what: the call is open from now on.
    async fn begin(
        &self,
        (index, request): (u32, Digest),
        generation: &Generation,
        input: &Document,
    ) -> Result<Timestamp, Unanswered> {
        let fact = Fact::Delegated {
            attempt: self.attempt.clone(),
            index,
            request,
            agent: generation.agent.clone(),
            component: generation.component,
            powers: generation.powers,
            input: input.clone(),
        };
        // What it asks waits for this to be durable: it is written down after it.
        let recorded = self.recorder.record(fact).await;
        recorded.map(|(_, at)| at).map_err(|error| Unanswered::Over(gone(error)))
    }

    /// The agent that was called before this attempt was left, on its own component.
    fn as_left(
        &self,
        callee: &Callee,
    ) -> Result<(Arc<Generation>, Timestamp, Arc<Record>), Unanswered> {
        let Callee { agent, component, started, record, .. } = callee;
        match self.gateway.agents.pinned(agent, component) {
            Some(generation) => Ok((generation, *started, Arc::new(record.clone()))),
            None => {
                let message =
                    format!("the component {} that it began with is not here", component.short());
                let failure = Failure { kind: FailureKind::Component, message, hint: None };
                Err(over(agent, failure))
            }
        }
    }

    fn called(&self, wall: Duration) -> Called {
        let callers = self.callers.iter().chain([&self.generation]);
        Called { callers: callers.map(Arc::clone).collect(), wall }
    }

    /// Takes in what an agent did that was called before this attempt was left.
    pub(crate) fn called_before(&self, index: u32) -> Result<(), CallError> {
        let Some(call) = self.record.calls.get(index as usize) else { return Ok(()) };
        self.tree.add(call.below);
        self.absorb(&call.staged).map_err(CallError::Ended)
    }
}

/// What an agent may spend by what it was granted and by what holds now.
pub(crate) fn allowance(generation: &Generation, standing: &Standing) -> Allowance {
    let model = generation.effective.grants.model.as_ref();
    let granted = model.map(ModelGrant::budget).unwrap_or_default();
    // Who has no model spends of its callees' ceilings.
    let ceiling = if model.is_some() { standing.ceiling } else { Budget::NONE };
    Allowance { granted, most: standing.most, ceiling }
}

/// The agents that wait for this one, with what they may spend.
pub(crate) fn purses(callers: &[Arc<Generation>], rules: &dyn Rules) -> Vec<(Name, Allowance)> {
    let allowed = |one: &Arc<Generation>| (one.agent.clone(), allowance(one, &rules.standing(one)));
    callers.iter().map(allowed).collect()
}

/// Whether the end of an agent that was called is no answer: it says nothing about that
/// agent, or its caller rests on what is not so any more.
fn ends_the_caller(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Diverged
        | FailureKind::Revoked
        | FailureKind::Cancelled
        | FailureKind::HostCrash
        | FailureKind::Host => true,
        FailureKind::InvalidInput
        | FailureKind::Refused
        | FailureKind::Retryable
        | FailureKind::Fatal
        | FailureKind::Limit
        | FailureKind::Trap
        | FailureKind::OutOfSchema
        | FailureKind::ForeignArtifact
        | FailureKind::Component
        | FailureKind::Expression
        | FailureKind::TooFew
        | FailureKind::EffectsDone
        | FailureKind::Conflict => false,
    }
}

fn missing(agent: &Name) -> CallAnswer {
    let reason = format!("there is no agent {agent} in this run");
    let hint = Some(format!("declare [agents.{agent}] in bailiwick.toml"));
    CallAnswer::Denied { reason, hint }
}

fn over(agent: &Name, failure: Failure) -> Unanswered {
    let message = format!("`{agent}`, which it called: {}", failure.message);
    Unanswered::Over(CallError::Ended(Failure { message, ..failure }))
}
