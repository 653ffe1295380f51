//! Serves an attempt from its record: what was answered before is answered again, at no cost and without asking anybody. Decides nothing but whether the record still fits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

use bailiwick_core::fact::{CallAnswer, Capability, Failure, FailureKind};
use bailiwick_core::record::RecordedCall;
use bailiwick_core::{Artifact, AttemptId, Bytes, Digest, Document, Name, Timestamp};
use bailiwick_policy::ports::{Job, Left};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{Answer, CallError, Request};
use crate::gate::{Gate, Gateway, Opened};
use crate::http::FetchResponse;
use crate::kv::KvRequest;

/// Where the comparison of an attempt with its record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// With what the guest puts out, or how it fails.
    Output,
    /// With the last call of the record: what ended the attempt then was not the guest.
    LastCall,
}

/// The first call that is another one than in the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// Its number, counted from 0.
    pub index: u32,
    /// What was asked then; nothing where the record ends before it.
    pub was: Option<(Capability, Digest)>,
    /// What is asked now, as `{ KIND: REQUEST }`; nothing where the guest ended before it.
    pub is: Option<(Capability, Value)>,
}

/// Who looks on while an attempt executes again on its record. It changes nothing.
pub trait Witness: Send + Sync {
    /// The attempt asks what it asked then; it is about to be answered as it was.
    fn saw(&self, seen: Seen<'_>);
}

/// One call of an attempt that executes again: the request itself, of which the record has
/// the digest only.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// The attempt.
    pub attempt: &'a AttemptId,
    /// The operator's name for its agent.
    pub agent: &'a Name,
    /// The number of the call, counted from 0.
    pub index: u32,
    /// What is asked.
    pub request: &'a Request,
    /// What it was told then.
    pub call: &'a RecordedCall,
    /// What it has put so far.
    pub put: Bytes,
}

/// A gate that has nothing but a record.
pub(crate) struct OnRecord {
    until: Until,
    witness: Option<Arc<dyn Witness>>,
    divergence: OnceLock<Divergence>,
    over: AtomicBool,
}

impl Gate {
    /// Opens the gate of an attempt that executes again on its record alone: every call
    /// is answered from there, or ends it. Nothing is asked, paid or written down, and no
    /// power is looked at: what was told then is compared, not granted.
    ///
    /// # Errors
    /// As [`Gate::open`].
    pub fn on_record(
        gateway: Arc<Gateway>,
        job: &Job,
        input: &Value,
        (until, witness): (Until, Option<Arc<dyn Witness>>),
    ) -> Opened {
        let (divergence, over) = (OnceLock::new(), AtomicBool::new(false));
        let replay = OnRecord { until, witness, divergence, over };
        let mut gate = Self::open(gateway, job, input)?;
        gate.replay = Some(replay);
        Ok(gate)
    }

    /// Where the guest first asked something else than the record says, if it did. A guest
    /// that has ended before it asked everything did so, too.
    #[must_use]
    pub fn divergence(&self) -> Option<Divergence> {
        let replay = self.replay.as_ref()?;
        if let Some(found) = replay.divergence.get() {
            return Some(found.clone());
        }
        let index = self.calls();
        let missing = self.record.calls.get(index as usize).filter(|_| !self.is_over())?;
        Some(Divergence { index, was: Some((missing.capability, missing.request)), is: None })
    }

    /// What became of a guest that went on with its record and has ended, with an output
    /// or a failure of its own: one that leaves out a call that it once made is another
    /// one than it was, and what it says now is not what it would have said. A limit, a
    /// park or a power that is gone is not its doing, and neither is the end of a replay.
    ///
    /// # Errors
    /// How it ended; as `diverged`, with the first call that it left out, where it did.
    pub fn ended<T>(&self, end: Result<T, Left>) -> Result<T, Left> {
        let index = self.calls();
        let left_out = self.record.calls.get(index as usize).filter(|_| self.replay.is_none());
        let by_itself = match &end {
            Ok(_) => true,
            Err(Left::Failed(failure)) => failure.kind.is_of_guest(),
            Err(Left::Parked(_)) => false,
        };
        match left_out.filter(|_| by_itself) {
            Some(was) => Err(Left::Failed(differs(format!(
                "call {index} was {} {}, now the agent has ended without it",
                was.capability,
                was.request.short()
            )))),
            None => end,
        }
    }

    /// Whether a replay ended where its record says nothing more, before the guest did.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.replay.as_ref().is_some_and(|replay| replay.over.load(Ordering::Relaxed))
    }

    /// The recorded answer to a call, where there is one. A call that was open when its
    /// host ended has none: it is asked again.
    pub(crate) async fn recorded(
        &self,
        index: u32,
        request: &Request,
        digest: Digest,
    ) -> Option<Result<Answer, CallError>> {
        let capability = request.capability();
        let call = self.record.calls.get(index as usize);
        let was = call.map(|call| (call.capability, call.request));
        if let (Some(replay), true) = (&self.replay, was != Some((capability, digest))) {
            let is = Some((capability, request.to_json()));
            let _ = replay.divergence.set(Divergence { index, was, is });
            return Some(Err(diverged(index, was, (capability, digest))));
        }
        let call = call?;
        if was != Some((capability, digest)) {
            return Some(Err(diverged(index, was, (capability, digest))));
        }
        if let Some(witness) = self.replay.as_ref().and_then(|replay| replay.witness.as_ref()) {
            let put = Bytes(self.put.load(Ordering::Relaxed));
            let (attempt, agent) = (&self.attempt, &self.generation.agent);
            witness.saw(Seen { attempt, agent, index, request, call, put });
        }
        if let Some(replay) = &self.replay {
            let last = index as usize + 1 == self.record.calls.len();
            if call.answer.is_none() || (last && replay.until == Until::LastCall) {
                replay.over.store(true, Ordering::Relaxed);
                return Some(Err(over()));
            }
        }
        let (answer, at) = call.answer.as_ref()?;
        self.clock.store(at.0, Ordering::Relaxed);
        let served = self.serve(request, capability, answer).await;
        Some(self.called_before(index).and(served))
    }

    async fn serve(
        &self,
        request: &Request,
        capability: Capability,
        answer: &CallAnswer,
    ) -> Result<Answer, CallError> {
        let CallAnswer::Ok { value, .. } = answer else {
            return Err(self.refused(answer, capability));
        };
        // The only thing that is asked of today: whether the power is still there.
        if self.replay.is_none()
            && let Err(CallAnswer::Denied { reason, hint }) =
                self.authorize(request, &self.standing())
        {
            let message = format!("its record holds an answer of a power that is gone: {reason}");
            return Err(CallError::Ended(Failure { kind: FailureKind::Revoked, message, hint }));
        }
        self.answer_of(request, value).await
    }

    /// The answer as it was given, with everything that it made readable then.
    async fn answer_of(&self, request: &Request, document: &Document) -> Result<Answer, CallError> {
        if document.text().is_none() {
            return Err(lost("its text was erased".into()));
        }
        let value = document.value();
        match request {
            Request::Complete(_) => parse(value).map(Answer::Completion),
            Request::Embed(_) | Request::EmbedQuery { .. } => parse(value).map(Answer::Embedding),
            Request::Search(_) => parse(value).map(Answer::Passages),
            Request::GenerateImage(_) => {
                let Value::Array(images) = value else { return Err(lost("no list".into())) };
                let images: Result<_, _> = images.iter().map(|image| self.minted(image)).collect();
                images.map(Answer::Images)
            }
            Request::Fetch(_) => FetchResponse::from_json(&value)
                .map(Answer::Response)
                .ok_or_else(|| lost("no response".into())),
            Request::Kv(request) => {
                let answer = answered(request, value)?;
                if let Answer::Value(value) = &answer {
                    self.let_read(value.as_ref());
                }
                self.redo(request, &answer);
                Ok(answer)
            }
            Request::Delegate(_) => {
                self.let_read(Some(&value));
                Ok(Answer::Delegated(document.clone()))
            }
            Request::Put(_) => self.minted(&value).map(Answer::Reference),
            Request::Get(artifact) => {
                let bytes = self.gateway.blobs.get(artifact.digest).await;
                bytes.map(Answer::Bytes).map_err(|error| lost(error.to_string()))
            }
        }
    }

    /// A reference that was minted for this attempt before: it is readable again, and counts.
    fn minted(&self, value: &Value) -> Result<Artifact, CallError> {
        let artifact: Artifact = parse(value.clone())?;
        self.put.fetch_add(artifact.bytes.0, Ordering::Relaxed);
        self.readable.lock().unwrap_or_else(PoisonError::into_inner).add(artifact.clone());
        Ok(artifact)
    }

    /// When the next line that the agent logs was written down before.
    pub(crate) fn recorded_line(&self) -> Option<Timestamp> {
        let number = self.lines.fetch_add(1, Ordering::Relaxed);
        self.record.lines.get(number as usize).copied()
    }

    /// Whether the attempt is still on its way to the point where it was left. What it
    /// does meanwhile was paid for before: sleeps do not wait, and its CPU time is not
    /// its own budget's.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        if self.replay.is_some() {
            return true;
        }
        // A call that was open when its host ended had begun: what came before it was there.
        (self.calls() as usize) < self.record.calls.len()
            || (self.lines.load(Ordering::Relaxed) as usize) < self.record.lines.len()
    }
}

/// The answer of a namespace, in the form of the journal.
fn answered(request: &KvRequest, value: Value) -> Result<Answer, CallError> {
    match request {
        KvRequest::Get { .. } => {
            let kept: Vec<Value> = parse(value)?;
            Ok(Answer::Value(kept.into_iter().next()))
        }
        KvRequest::List { .. } => parse(value).map(Answer::Keys),
        KvRequest::CompareAndSet { .. } => parse(value).map(Answer::Swapped),
        KvRequest::Set { .. } | KvRequest::Delete { .. } => Ok(Answer::Done),
    }
}

fn parse<T: DeserializeOwned>(value: Value) -> Result<T, CallError> {
    serde_json::from_value(value).map_err(|error| lost(error.to_string()))
}

fn lost(why: String) -> CallError {
    let message = format!("a recorded answer cannot be served: {why}");
    CallError::Ended(Failure { kind: FailureKind::Host, message, hint: None })
}

fn over() -> CallError {
    let message = "its record says nothing more".to_owned();
    CallError::Ended(Failure { kind: FailureKind::Cancelled, message, hint: None })
}

fn diverged(index: u32, was: Option<(Capability, Digest)>, is: (Capability, Digest)) -> CallError {
    let was = was.map_or_else(
        || "is not in the record".to_owned(),
        |was| format!("was {} {}", was.0, was.1.short()),
    );
    CallError::Ended(differs(format!("call {index} {was}, now it is {} {}", is.0, is.1.short())))
}

fn differs(message: String) -> Failure {
    let hint = "an attempt goes on with the component and the input that it began with; \
                `bailiwick replay RUN` compares";
    let hint = Some(hint.to_owned());
    Failure { kind: FailureKind::Diverged, message, hint }
}
