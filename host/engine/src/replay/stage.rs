//! Attempts execute again on their records, without any power, and are compared with what they were. Replay and the rehearsal of swaps are this one function; knows no run and no folder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_core::fact::{Capability, Fact, Failure, FailureKind};
use bailiwick_core::ports::{Blobs, BoxFuture, Durable, JournalError, Recorder, Ticket};
use bailiwick_core::recorded::{AttemptEnd, RecordedAttempt};
use bailiwick_core::{AttemptId, Digest, Document, Name, Record, RunId, Timestamp};
use bailiwick_gate::knowledge::{KnowledgeError, SearchRequest};
use bailiwick_gate::ledger::Ledger;
use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, ImageRequest, Images,
};
use bailiwick_gate::{
    Divergence, Gateway, KnowledgeIndex, ModelProvider, Passage, ProviderCall, ProviderError,
    Until, Witness,
};
use bailiwick_orchestrator::read_verdict;
use bailiwick_policy::ports::{Job, Left, NoSlots, Patience};
use bailiwick_policy::{Clearances, Generation, Unchanging};
use bailiwick_sandbox::{Replayed, Runner, Sandbox};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::difference::{Difference, differences, shown};
use crate::system::SystemClock;

/// Attempts at a time: they wait for nothing but the cores, and each may hold 128 MiB.
const AT_ONCE: usize = 8;

/// How much longer than then an attempt may take on the wall: nothing of it waits, but
/// the machine may be a slower one, or busy.
const WALL_FACTOR: u32 = 10;

/// An attempt that is to execute again.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// Its run.
    pub run: RunId,
    /// The attempt with its record.
    pub attempt: RecordedAttempt,
    /// What it ran on then.
    pub own: Arc<Generation>,
    /// Whether its step is a judge: then its output has to be a verdict.
    pub judges: bool,
}

/// One attempt, compared with its record.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Which one.
    pub attempt: AttemptId,
    /// What it ran on now.
    pub component: Digest,
    /// What came of it.
    pub comparison: Comparison,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// Every call was the same, and so was the end. `until` says why there was nothing
    /// to compare after the last call.
    Equal {
        /// What ended the attempt then: a limit, or the host.
        until: Option<Failure>,
    },
    /// Every call was the same; it ended otherwise.
    Different(Vec<Difference>),
    /// A call was another one.
    Diverged(Box<Diverged>),
    /// It could not be executed.
    Impossible(String),
}

/// The first call that was another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Diverged {
    /// Its number, from 0.
    pub call: u32,
    /// What was asked then; nothing where nothing was.
    pub was: Option<Asked>,
    /// What is asked now; nothing where the agent ended before.
    pub is: Option<Asked>,
    /// Where the two requests differ, as far as both are known.
    pub differences: Vec<Difference>,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The power.
    pub capability: Capability,
    /// The request as `{ KIND: REQUEST }`, where it is known: records have its digest only.
    pub request: Option<Value>,
}

/// A place without any power: a sandbox, and the bytes that records name.
#[derive(Clone)]
pub struct Stage {
    runner: Arc<Runner>,
    witness: Option<Arc<dyn Witness>>,
}

impl Stage {
    /// `embedders` are the embedding models of collections: a search there is two calls.
    /// The outputs of `lowered` were kept in canonical form.
    #[must_use]
    pub fn new(
        sandbox: Arc<Sandbox>,
        embedders: BTreeMap<Name, Name>,
        blobs: Arc<dyn Blobs>,
        lowered: BTreeSet<Name>,
    ) -> Self {
        let gateway = Gateway {
            models: BTreeMap::new(),
            embedders,
            provider: Arc::new(Nobody),
            knowledge: Arc::new(Nobody),
            http: Arc::new(bailiwick_gate::Unconnected),
            namespaces: Arc::new(bailiwick_gate::kv::NoNamespaces),
            agents: Arc::new(NoSlots),
            blobs,
            clock: Arc::new(SystemClock),
            rules: Arc::new(Unchanging(Clearances::unlabelled())),
            lowered,
            host_key: [0; 32],
            ledger: Ledger::default(),
        };
        Self { runner: Arc::new(Runner::new(sandbox, Arc::new(gateway))), witness: None }
    }

    /// The same, where somebody is shown each call.
    #[must_use]
    pub fn before(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }
}

/// Executes attempts again and compares them with their records; on another generation
/// where one is given, else each on its own. What comes back is in the same order. The
/// components are those that the sandbox has ready.
pub async fn replay(
    stage: &Stage,
    attempts: Vec<Rehearsal>,
    generation: Option<&Arc<Generation>>,
) -> Vec<Compared> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut begun = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        let (stage, places) = (stage.clone(), Arc::clone(&places));
        let on = Arc::clone(generation.unwrap_or(&attempt.own));
        let (id, component) = (attempt.attempt.id.clone(), on.component);
        let task = tokio::spawn(async move {
            // It is never closed.
            let _place = places.acquire_owned().await.ok();
            stage.compare(&attempt, on).await
        });
        begun.push((id, component, task));
    }
    let mut compared = Vec::with_capacity(begun.len());
    for (attempt, component, task) in begun {
        let comparison = task
            .await
            .unwrap_or_else(|_| Comparison::Impossible("the host's own code panicked".to_owned()));
        compared.push(Compared { attempt, component, comparison });
    }
    compared
}

impl Stage {
    async fn compare(&self, one: &Rehearsal, on: Arc<Generation>) -> Comparison {
        let RecordedAttempt { input, record, end, .. } = &one.attempt;
        let Some(end) = end else {
            return Comparison::Impossible("it has not ended".into());
        };
        let until = until(end);
        if let (Until::LastCall, AttemptEnd::Failed(failure), true) =
            (until, end, record.calls.is_empty())
        {
            return Comparison::Equal { until: Some(failure.clone()) };
        }
        if input.text().is_none() {
            return Comparison::Impossible("its input was erased".into());
        }
        let replayed = self.execute(one, Arc::clone(&on), record.clone(), until).await;
        if let Some(divergence) = replayed.divergence {
            return Comparison::Diverged(Box::new(self.explain(one, &on, divergence).await));
        }
        if replayed.over {
            let AttemptEnd::Failed(failure) = end else {
                return Comparison::Impossible("its record has a call without an answer".into());
            };
            return Comparison::Equal { until: Some(failure.clone()) };
        }
        ends(end, until, verdict(one.judges, replayed.result))
    }

    async fn execute(
        &self,
        one: &Rehearsal,
        on: Arc<Generation>,
        record: Record,
        until: Until,
    ) -> Replayed {
        let mut generation = Generation::clone(&on);
        let limits = &mut generation.effective.limits;
        limits.wall = limits.wall.saturating_mul(WALL_FACTOR);
        let job = Job {
            run: one.run.clone(),
            attempt: one.attempt.id.clone(),
            generation: Arc::new(generation),
            input: one.attempt.input.clone(),
            started: one.attempt.started,
            record: Arc::new(record),
            patience: Patience::Answer,
            recorder: Arc::new(Nobody),
            called: None,
        };
        self.runner.replay(job, until, self.witness.clone()).await
    }

    /// Both requests, so that they can be compared. A record has only the digest of the
    /// one of then; the agent of then says it again, up to that call.
    async fn explain(&self, one: &Rehearsal, on: &Generation, divergence: Divergence) -> Diverged {
        let Divergence { index, was, is } = divergence;
        let mut then = None;
        if was.is_some() && on.component != one.own.component {
            let mut record = one.attempt.record.clone();
            record.calls.truncate(index as usize);
            let own = self.execute(one, Arc::clone(&one.own), record, Until::Output).await;
            then = own.divergence.filter(|own| own.index == index).and_then(|own| own.is);
        }
        let request = then.map(|(_, request)| request);
        let differences = match (&request, &is) {
            (Some(was), Some((_, is))) => differences(was, is),
            _ => Vec::new(),
        };
        Diverged {
            call: index,
            was: was.map(|(capability, _)| Asked { capability, request }),
            is: is.map(|(capability, request)| Asked { capability, request: Some(request) }),
            differences,
        }
    }
}

/// What a guest does by itself can be compared to its end. What a limit, the machine or
/// somebody did to it says nothing about it.
fn until(end: &AttemptEnd) -> Until {
    match end {
        AttemptEnd::Failed(failure) if !failure.kind.is_of_guest() => Until::LastCall,
        AttemptEnd::Failed(_) | AttemptEnd::Finished(_) => Until::Output,
    }
}

/// What a judge puts out must be a verdict; the orchestrator asked the same then.
fn verdict(judges: bool, result: Result<Document, Left>) -> Result<Document, Left> {
    let output = result?;
    if judges {
        read_verdict(&output, false)?;
    }
    Ok(output)
}

fn ends(was: &AttemptEnd, until: Until, is: Result<Document, Left>) -> Comparison {
    let failure = match is {
        Err(Left::Parked(park)) => return Comparison::Impossible(park.detail),
        Err(Left::Failed(failure))
            if matches!(failure.kind, FailureKind::Host | FailureKind::Component) =>
        {
            return Comparison::Impossible(failure.message);
        }
        Err(Left::Failed(failure)) => Err(failure),
        Ok(output) => Ok(output),
    };
    if let (Until::LastCall, AttemptEnd::Failed(failure)) = (until, was) {
        return Comparison::Equal { until: Some(failure.clone()) };
    }
    match (was, failure) {
        (AttemptEnd::Finished(was), Ok(is)) if *was == is => Comparison::Equal { until: None },
        (AttemptEnd::Failed(was), Err(is))
            if (was.kind, &was.message) == (is.kind, &is.message) =>
        {
            Comparison::Equal { until: None }
        }
        (AttemptEnd::Finished(was), Ok(is)) if was.text().is_some() => {
            Comparison::Different(differences(&was.value(), &is.value()))
        }
        (was, is) => {
            let then = match was {
                AttemptEnd::Failed(failure) => Some(shown(&failure.to_string())),
                AttemptEnd::Finished(output) => output.text().map(|text| shown(text)),
            };
            let now = match is {
                Ok(output) => output.text().map(|text| shown(text)),
                Err(failure) => Some(shown(&failure.to_string())),
            };
            Comparison::Different(vec![Difference { at: String::new(), was: then, is: now }])
        }
    }
}

/// What stands where a world would be: no gate on a record asks any of it.
struct Nobody;

const REPLAYS: &str = "this is a replay";

fn nobody<T: Send + 'static>() -> BoxFuture<'static, Result<T, ProviderError>> {
    Box::pin(async { Err(ProviderError::Unsupported { detail: REPLAYS.into() }) })
}

impl ModelProvider for Nobody {
    fn complete<'a>(
        &'a self,
        _: &'a Durable,
        _: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        nobody()
    }

    fn embed<'a>(
        &'a self,
        _: &'a Durable,
        _: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>> {
        nobody()
    }

    fn generate_image<'a>(
        &'a self,
        _: &'a Durable,
        _: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>> {
        nobody()
    }
}

impl KnowledgeIndex for Nobody {
    fn search<'a>(
        &'a self,
        _: &'a Name,
        _: &'a SearchRequest,
    ) -> BoxFuture<'a, Result<Vec<Passage>, KnowledgeError>> {
        Box::pin(async { Err(KnowledgeError::Storage(REPLAYS.into())) })
    }
}

impl Recorder for Nobody {
    fn record(&self, _: Fact) -> BoxFuture<'_, Result<(Ticket, Timestamp), JournalError>> {
        Box::pin(async { Err(JournalError::Storage(REPLAYS.into())) })
    }
}
