//! The gate of one attempt: the one function through which every call of a guest goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Capability, Fact, Failure, FailureKind, Limit, ParkReason};
use bailiwick_core::ports::{Blobs, Clock, Durable, Recorder};
use bailiwick_core::{
    Artifact, AttemptId, Bytes, Calls, Cost, Digest, Name, Record, RunId, Timestamp,
};
use bailiwick_policy::ports::{Job, Park, Patience, Slots};
use bailiwick_policy::{Generation, Route, Rules, Standing};
use serde_json::Value;

use crate::artifacts::{ForeignArtifact, PutRequest, Readable};
use crate::call::{Answer, CallError, Request};
use crate::decide::Permit;
use crate::delegate::{Callees, Tree, allowance, purses};
use crate::http::HttpProvider;
use crate::knowledge::KnowledgeIndex;
use crate::kv::{Buffers, Namespaces};
use crate::ledger::{Allowance, Hold, Ledger, Payer, RUN_BLOBS_MAX};
use crate::logbook::Logbook;
use crate::provider::ModelProvider;
use crate::replay::OnRecord;
use crate::routes::Tries;
use crate::unanswered::{Unanswered, exhausted, gone, limit, no_room};
use crate::work::{HOST_WORK_MAX, metered};

/// What the gates of one project share: where answers come from.
pub struct Gateway {
    /// The routes of each model alias, in order.
    pub models: BTreeMap<Name, Vec<Route>>,
    /// The embedding model of each collection that has one.
    pub embedders: BTreeMap<Name, Name>,
    /// Who speaks to models.
    pub provider: Arc<dyn ModelProvider>,
    /// What holds at each moment: powers, and what may be sent where.
    pub rules: Arc<dyn Rules>,
    /// The steps whose output people lower: it is kept in the form that they are shown.
    pub lowered: BTreeSet<Name>,
    /// Who searches.
    pub knowledge: Arc<dyn KnowledgeIndex>,
    /// Who asks the web.
    pub http: Arc<dyn HttpProvider>,
    /// Who keeps values from run to run.
    pub namespaces: Arc<dyn Namespaces>,
    /// Which agents there are to be called.
    pub agents: Arc<dyn Slots>,
    /// Who keeps bytes.
    pub blobs: Arc<dyn Blobs>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The key of this host: idempotency keys are made with it.
    pub host_key: [u8; 32],
    /// What every agent has used in every run.
    pub ledger: Ledger,
}

/// Room that must be free before a request leaves, besides the disk's reserve: the
/// pictures of the largest answer.
const ANSWER_MAX: Bytes = Bytes::mib(64);

/// What a request to the web costs: itself.
pub(crate) const ONE_REQUEST: Cost = Cost { calls: Calls(1), ..Cost::ZERO };

/// The gate of one attempt.
pub struct Gate {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) generation: Arc<Generation>,
    pub(crate) run: RunId,
    pub(crate) attempt: AttemptId,
    pub(crate) recorder: Arc<dyn Recorder>,
    /// What held when the attempt began: what is gone since, it had.
    pub(crate) began: Arc<Standing>,
    /// What held at the last look.
    pub(crate) seen: Mutex<Arc<Standing>>,
    pub(crate) readable: Mutex<Readable>,
    /// What it, and those that it called, have changed in namespaces.
    pub(crate) buffers: Mutex<Buffers>,
    pub(crate) record: Arc<Record>,
    pub(crate) lines: AtomicU32,
    /// For an attempt that executes again on its record alone.
    pub(crate) replay: Option<OnRecord>,
    /// Who waits for it, from the attempt of the step down.
    pub(crate) callers: Vec<Arc<Generation>>,
    /// What the agents that wait for it may spend.
    pub(crate) above: Vec<(Name, Allowance)>,
    pub(crate) tree: Arc<Tree>,
    /// Who runs the agents that it calls.
    pub(crate) callees: Option<Arc<dyn Callees>>,
    pub(crate) patience: Patience,
    pub(crate) logbook: Logbook,
    /// The host's own words about calls on their way: bounded like the agent's, but not with them.
    pub(crate) asides: Logbook,
    deadline: Timestamp,
    pub(crate) clock: AtomicU64,
    calls: AtomicU32,
    denials: AtomicU32,
    pub(crate) put: AtomicU64,
    host_work_nanos: AtomicU64,
}

/// A gate that was opened, or why the input cannot be worked on.
pub type Opened = Result<Gate, Failure>;

impl Gate {
    /// Opens the gate of an attempt. What its input names, it may read; `input` is the
    /// value of `job.input`, which the caller has parsed already.
    ///
    /// # Errors
    /// The failure of the attempt, where the input holds half a reference, or the component
    /// is admitted no more.
    pub fn open(gateway: Arc<Gateway>, job: &Job, input: &Value) -> Opened {
        let readable = Readable::of(input).map_err(|error| Failure {
            kind: FailureKind::ForeignArtifact,
            message: error.to_string(),
            hint: None,
        })?;
        let limits = job.limits();
        let began = gateway.rules.standing(&job.generation);
        if let Some(gone) = began.withdrawn() {
            let (message, hint) = (format!("it does not begin: {gone}"), Some(gone.line()));
            return Err(Failure { kind: FailureKind::Revoked, message, hint });
        }
        let callers = job.called.as_ref().map(|called| called.callers.clone()).unwrap_or_default();
        let above = purses(&callers, gateway.rules.as_ref());
        Ok(Self {
            seen: Mutex::new(Arc::clone(&began)),
            began,
            deadline: gateway.clock.now().after(limits.wall),
            gateway,
            generation: Arc::clone(&job.generation),
            run: job.run.clone(),
            attempt: job.attempt.clone(),
            recorder: Arc::clone(&job.recorder),
            readable: Mutex::new(readable),
            buffers: Mutex::default(),
            record: Arc::clone(&job.record),
            lines: AtomicU32::new(0),
            replay: None,
            above,
            callers,
            tree: Arc::new(Tree::new(&limits)),
            callees: None,
            patience: job.patience,
            logbook: Logbook::new(limits.log_lines),
            asides: Logbook::new(limits.log_lines),
            clock: AtomicU64::new(job.started.0),
            calls: AtomicU32::new(0),
            denials: AtomicU32::new(0),
            put: AtomicU64::new(0),
            host_work_nanos: AtomicU64::new(0),
        })
    }

    /// Lets the attempt call others, which are run by `callees`.
    #[must_use]
    pub fn calling(self, callees: Arc<dyn Callees>) -> Self {
        Self { callees: Some(callees), ..self }
    }

    /// For one that was called: it counts with its caller, and all above.
    #[must_use]
    pub fn below(self, tree: Arc<Tree>) -> Self {
        Self { tree, ..self }
    }

    /// The way out. The order of its steps is the invariant of this crate.
    pub(crate) async fn call(&self, mut request: Request) -> Result<Answer, CallError> {
        let (index, capability) = (self.count()?, request.capability());
        let digest = self.work(|| request.digest())?;
        if let Some(recorded) = self.recorded(index, &request, digest).await {
            return recorded;
        }
        let standing = self.standing();
        if let Some(gone) = self.withdrawn(&standing) {
            return self.revoked((index, capability, digest), gone, Cost::ZERO).await;
        }
        let (result, cost, via) = match self.authorize(&request, &standing) {
            Err(answer) => {
                if self.had(&request, &answer) {
                    return self.revoked((index, capability, digest), answer, Cost::ZERO).await;
                }
                (Err(answer.into()), Cost::ZERO, None)
            }
            Ok(permit) => match self.reserve(&permit, &request, &standing).await {
                Err(unanswered) => (Err(unanswered), Cost::ZERO, None),
                Ok(None) => {
                    let call = (index, digest);
                    (self.local(call, permit, &mut request).await, Cost::ZERO, None)
                }
                Ok(Some(hold)) => {
                    // It may have waited for room as long as somebody's lunch.
                    if let Some(gone) = self.gone(&request, &standing) {
                        hold.settle(Cost::ZERO);
                        return self.revoked((index, capability, digest), gone, Cost::ZERO).await;
                    }
                    let key = self.idempotency_key(index, digest);
                    let changes = request.changes();
                    let call = Outgoing { index, capability, request: digest, key, changes };
                    let durable = self.intend(call, hold.reserved()).await?;
                    let told =
                        self.outward((durable, call, &standing), permit, &request, hold).await;
                    match self.out_of_reach(&told) {
                        Some(park) => return self.lose(index, told.1, park).await,
                        None => told,
                    }
                }
            },
        };
        if let Some(gone) = self.gone(&request, &standing) {
            return self.revoked((index, capability, digest), gone, cost).await;
        }
        let result = match result {
            Err(Unanswered::NotNow(park)) => return Err(CallError::Parked(park)),
            Err(Unanswered::Over(error)) => return Err(error),
            Err(Unanswered::Told(answer)) => Err(answer),
            Ok(answer) => Ok(answer),
        };
        self.note(index, capability, digest, result, cost, via).await
    }

    /// Whether a call that left is to be asked again later instead of being answered now.
    fn out_of_reach(&self, told: &Told) -> Option<Park> {
        match &told.0 {
            Err(Unanswered::NotNow(park)) => Some(park.clone()),
            Err(Unanswered::Told(CallAnswer::Unavailable { detail }))
                if self.patience == Patience::Park =>
            {
                Some(Park { reason: ParkReason::Unavailable, detail: detail.clone() })
            }
            _ => None,
        }
    }

    /// The call stays open; what its requests cost is written down.
    async fn lose(&self, index: u32, cost: Cost, park: Park) -> Result<Answer, CallError> {
        self.charge(index, cost).await?;
        Err(CallError::Parked(park))
    }

    /// Writes down what a request cost that will have no answer.
    pub(crate) async fn charge(&self, index: u32, cost: Cost) -> Result<(), CallError> {
        let fact = Fact::CallLost { attempt: self.attempt.clone(), index, cost };
        self.recorder.record(fact).await.map(|_| ()).map_err(gone)
    }

    /// Who pays: the agent and the step of this attempt, with what they were granted.
    pub(crate) fn payer(&self, capability: Capability, standing: &Standing) -> Payer<'_> {
        // The grant of models bounds models; a step bounds whatever leaves.
        let agent = (capability != Capability::Http).then_some(&self.generation.agent);
        let mut own = allowance(&self.generation, standing);
        if capability == Capability::Knowledge {
            // The model of a collection needs no grant: the ceiling bounds it by itself.
            own.ceiling = standing.ceiling;
        }
        Payer {
            run: &self.run,
            by: Some((agent, &self.attempt.cell.step)),
            own,
            day: standing.day,
            above: &self.above,
        }
    }

    /// Takes a worst case from all accounts of the payer.
    pub(crate) async fn hold(&self, worst: Cost, power: Capability) -> Result<Hold, Unanswered> {
        let payer = self.payer(power, &self.standing());
        let held = self.gateway.ledger.reserve(payer, worst, self.gateway.clock.as_ref());
        Ok(held.await?)
    }

    fn count(&self) -> Result<u32, CallError> {
        let index = self.calls.fetch_add(1, Ordering::Relaxed);
        let most = self.standing().effective().limits.gate_calls;
        if index >= most {
            return Err(CallError::Ended(limit("gate-calls", index.saturating_add(1), most)));
        }
        let all = self.tree.call();
        all.map_err(|(used, most)| CallError::Ended(limit("gate-calls", used, most)))?;
        Ok(index)
    }

    async fn reserve(
        &self,
        permit: &Permit,
        request: &Request,
        standing: &Standing,
    ) -> Result<Option<Hold>, Unanswered> {
        let worst = match (permit, request.worst()) {
            (Permit::Routes(routes), Some(worst)) => worst.along(routes),
            (Permit::Web(_), _) => ONE_REQUEST,
            _ => return Ok(None),
        };
        // What was paid for must find a place.
        self.gateway.blobs.check_room(ANSWER_MAX).map_err(no_room)?;
        let payer = self.payer(request.capability(), standing);
        let held = self.gateway.ledger.reserve(payer, worst, self.gateway.clock.as_ref());
        Ok(Some(held.await?))
    }

    /// Waits until it is written down that a request leaves.
    pub(crate) async fn intend(
        &self,
        call: Outgoing,
        reserved: Cost,
    ) -> Result<Durable, CallError> {
        let Outgoing { index, capability, request, key, changes } = call;
        let attempt = self.attempt.clone();
        let fact =
            Fact::CallIntended { attempt, index, capability, request, key, reserved, changes };
        let (ticket, at) = self.recorder.record(fact).await.map_err(gone)?;
        self.clock.store(at.0, Ordering::Relaxed);
        ticket.durable().await.map_err(gone)
    }

    /// What leaves the host: models, and requests to the web.
    async fn outward(
        &self,
        (durable, call, before): (Durable, Outgoing, &Standing),
        permit: Permit,
        request: &Request,
        hold: Hold,
    ) -> Told {
        match (permit, request.worst()) {
            (Permit::Routes(routes), Some(worst)) => {
                let tries = Tries { gate: self, call, worst, routes: &routes, before };
                tries.first_answer(durable, request, hold).await
            }
            (Permit::Web(way), _) => {
                self.fetched((durable, call, before), request, *way, hold).await
            }
            // `reserve` gives a hold for these two only.
            _ => {
                let answer = CallAnswer::Unavailable { detail: "no route".into() };
                (Err(answer.into()), Cost::ZERO, None)
            }
        }
    }

    /// What stays on the host: the index, the blobs, and other agents.
    async fn local(
        &self,
        call: (u32, Digest),
        permit: Permit,
        request: &mut Request,
    ) -> Result<Answer, Unanswered> {
        let unavailable = |detail: String| CallAnswer::Unavailable { detail }.into();
        match (permit, request) {
            (Permit::Collection(name), Request::Search(search)) => {
                let found = self.gateway.knowledge.search(&name, search).await;
                found.map(Answer::Passages).map_err(|error| unavailable(error.to_string()))
            }
            (Permit::Put, Request::Put(put)) => {
                // Megabytes are not copied to be looked at again.
                let PutRequest { bytes, media_type, name } = put;
                let (bytes, name) = (std::mem::take(bytes), name.clone());
                let kept = self.keep(bytes, media_type.clone(), name).await;
                kept.map(Answer::Reference)
            }
            (Permit::Get, Request::Get(artifact)) => {
                let bytes = self.gateway.blobs.get(artifact.digest).await;
                bytes.map(Answer::Bytes).map_err(|error| unavailable(error.to_string()))
            }
            (Permit::Kv(grant), Request::Kv(request)) => {
                self.in_namespace(&grant, request.clone()).await
            }
            (Permit::Delegate(name), Request::Delegate(request)) => {
                self.run_callee(call, &name, request.clone()).await
            }
            _ => Err(unavailable("no such effect".into())),
        }
    }

    /// Keeps bytes and mints the reference. The one place where a reference is made for a guest.
    pub(crate) async fn keep(
        &self,
        bytes: Vec<u8>,
        media_type: String,
        name: Option<String>,
    ) -> Result<Artifact, Unanswered> {
        let size = Bytes(bytes.len() as u64);
        let (kept, most) =
            (self.put.load(Ordering::Relaxed), self.standing().effective().limits.artifacts);
        if kept.saturating_add(size.0) > most.0 {
            let detail = format!("{} are kept, {size} more do not fit into {most}", Bytes(kept));
            return Err(exhausted(Limit::Bytes, detail));
        }
        self.gateway.ledger.shelf(&self.run).take(size).map_err(|used| {
            exhausted(Limit::Storage, format!("this run has put {used} of {RUN_BLOBS_MAX}"))
        })?;
        let digest = self.gateway.blobs.put(bytes).await.map_err(no_room)?;
        let artifact = Artifact { digest, media_type, bytes: size, name };
        self.put.fetch_add(size.0, Ordering::Relaxed);
        self.readable.lock().unwrap_or_else(PoisonError::into_inner).add(artifact.clone());
        Ok(artifact)
    }

    /// Writes the answer down and hands it over.
    pub(crate) async fn note(
        &self,
        index: u32,
        capability: Capability,
        request: Digest,
        result: Result<Answer, CallAnswer>,
        cost: Cost,
        via: Option<String>,
    ) -> Result<Answer, CallError> {
        let (answer, value) = match result {
            Ok(value) => (CallAnswer::Ok { value: value.document(), via }, Ok(value)),
            Err(answer) => (answer.clone(), Err(answer)),
        };
        let attempt = self.attempt.clone();
        let fact = Fact::CallAnswered { attempt, index, capability, request, answer, cost };
        let (_, at) = self.recorder.record(fact).await.map_err(gone)?;
        self.clock.store(at.0, Ordering::Relaxed);
        value.map_err(|answer| self.refused(&answer, capability))
    }

    /// What the guest is told by an answer that is none; too many denials end the attempt.
    pub(crate) fn refused(&self, answer: &CallAnswer, capability: Capability) -> CallError {
        if matches!(answer, CallAnswer::Denied { .. }) {
            let denials = self.denials.fetch_add(1, Ordering::Relaxed) + 1;
            let most = self.standing().effective().limits.denials;
            if denials > most {
                return CallError::Ended(limit("denials", denials, most));
            }
        }
        CallError::of(answer, capability).unwrap_or(CallError::Unavailable)
    }

    /// Equal over attempts, crashes and grant changes; different for two calls of one
    /// step and for next month's identical run.
    fn idempotency_key(&self, index: u32, request: Digest) -> Digest {
        let way = self.attempt.path.to_string();
        let parts: [&[u8]; 7] = [
            self.run.as_str().as_bytes(),
            self.attempt.cell.step.as_str().as_bytes(),
            self.attempt.cell.key.as_str().as_bytes(),
            &self.attempt.round.to_le_bytes(),
            &index.to_le_bytes(),
            request.as_bytes(),
            way.as_bytes(),
        ];
        // Without a way the key is the one of always.
        let parts = if way.is_empty() {
            parts.split_last().map_or(&[][..], |(_, of_step)| of_step)
        } else {
            &parts
        };
        Digest::keyed(&self.gateway.host_key, parts)
    }

    /// Does work of the host for the guest, within [`HOST_WORK_MAX`].
    pub(crate) fn work<T>(&self, work: impl Fn() -> T) -> Result<T, CallError> {
        let (done, took) = metered(HOST_WORK_MAX, work);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.host_work_nanos.fetch_add(nanos, Ordering::Relaxed);
        if took > HOST_WORK_MAX {
            let most = HOST_WORK_MAX.as_millis();
            let message =
                format!("limit:host-work used {} ms of {most} ms for one call", took.as_millis());
            return Err(CallError::Ended(Failure {
                kind: FailureKind::Limit,
                message,
                hint: None,
            }));
        }
        Ok(done)
    }

    /// Checks a document that this attempt sends across a border.
    ///
    /// # Errors
    /// [`ForeignArtifact`] with the first reference that is none of its own.
    pub fn check_references(&self, document: &Value) -> Result<(), ForeignArtifact> {
        self.readable.lock().unwrap_or_else(PoisonError::into_inner).check(document)
    }

    /// Where the guest's clock stands: the time of the attempt's last fact.
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Relaxed))
    }

    /// What is left of the attempt's wall clock.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.since(self.gateway.clock.now())
    }

    /// CPU that the host spent for the guest: it counts as the guest's.
    #[must_use]
    pub fn host_work(&self) -> Duration {
        Duration::from_nanos(self.host_work_nanos.load(Ordering::Relaxed))
    }

    /// Calls so far.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// A call that leaves, as its facts name it.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing {
    pub(crate) index: u32,
    pub(crate) capability: Capability,
    request: Digest,
    pub(crate) key: Digest,
    /// Whether it may change something outside.
    changes: bool,
}

/// What came of a call that left, what its requests cost, and the route that answered.
pub(crate) type Told = (Result<Answer, Unanswered>, Cost, Option<String>);
