//! What the attempts of a run did, as its facts say: what each was given, read, put, asked. Knows nothing of cells' ends.

use std::collections::{BTreeMap, HashMap};

use bailiwick_core::artifact::references;
use bailiwick_core::fact::{CallAnswer, Capability, Entry, Fact};
use bailiwick_core::{Artifact, AttemptId, CellId, Digest, Document, RunId};
use bailiwick_gate::call::Request;
use serde_json::Value;

/// One attempt.
pub(super) struct Attempt {
    pub(super) component: Digest,
    pub(super) input: Document,
    calls: BTreeMap<u32, Call>,
}

struct Call {
    capability: Capability,
    request: Digest,
    value: Document,
    via: Option<String>,
}

/// The call that made a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Maker {
    pub(super) attempt: AttemptId,
    /// Which gate call of the attempt it was.
    pub(super) index: u32,
}

/// Everything that attempts did.
#[derive(Default)]
pub(super) struct Record {
    attempts: HashMap<AttemptId, Attempt>,
    /// Those that were called for the attempt of a step.
    callees: HashMap<AttemptId, Vec<AttemptId>>,
    makers: BTreeMap<Artifact, Vec<Maker>>,
    /// Attempts that ended with output, by cell: rounds with their attempt.
    finished: HashMap<CellId, BTreeMap<u32, u32>>,
    /// Attempts that were made in another run.
    reused: HashMap<AttemptId, RunId>,
}

impl Record {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut record = Self::default();
        for fact in entries.iter().flat_map(|entry| &entry.facts) {
            record.note(fact);
        }
        record
    }

    fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::CellStarted { attempt, component, input, .. } => {
                let started =
                    Attempt { component: *component, input: input.clone(), calls: BTreeMap::new() };
                self.attempts.insert(attempt.clone(), started);
            }
            Fact::Delegated { attempt, index, component, input, .. } => {
                let started =
                    Attempt { component: *component, input: input.clone(), calls: BTreeMap::new() };
                let callee = attempt.callee(*index);
                self.callees.entry(attempt.of_step()).or_default().push(callee.clone());
                self.attempts.insert(callee, started);
            }
            Fact::CallAnswered {
                attempt,
                index,
                capability,
                request,
                answer: CallAnswer::Ok { value, via },
                ..
            } => {
                for artifact in minted(*capability, value) {
                    let maker = Maker { attempt: attempt.clone(), index: *index };
                    self.makers.entry(artifact).or_default().push(maker);
                }
                if let Some(known) = self.attempts.get_mut(attempt) {
                    let (request, value, via) = (*request, value.clone(), via.clone());
                    known
                        .calls
                        .insert(*index, Call { capability: *capability, request, value, via });
                }
            }
            // What the host put into another form was made by who made the first.
            Fact::Recast { was, is, .. } => {
                let makers = self.makers.get(was).cloned().unwrap_or_default();
                self.makers.entry(is.clone()).or_default().extend(makers);
            }
            Fact::CellFinished { attempt, .. } | Fact::CellReused { attempt, .. } => {
                if let Fact::CellReused { from, .. } = fact {
                    self.reused.insert(attempt.clone(), from.clone());
                }
                let rounds = self.finished.entry(attempt.cell.clone()).or_default();
                rounds.insert(attempt.round, attempt.attempt);
            }
            _ => {}
        }
    }

    /// How many attempts were made in this run.
    pub(super) fn len(&self) -> usize {
        let own = self.attempts.keys().filter(|id| id.path.is_empty());
        own.filter(|id| !self.reused.contains_key(*id)).count()
    }

    /// The run that an attempt was made in, where it was another one.
    pub(super) fn reused(&self, id: &AttemptId) -> Option<&RunId> {
        self.reused.get(id)
    }

    pub(super) fn attempt(&self, id: &AttemptId) -> Option<&Attempt> {
        self.attempts.get(id)
    }

    /// The attempt whose output a round is, or (where a person wrote the round) the
    /// one whose output the person had before them.
    pub(super) fn behind(&self, cell: &CellId, round: u32) -> Option<AttemptId> {
        let (round, attempt) = self.finished.get(cell)?.range(..=round).next_back()?;
        Some(AttemptId::new(cell.clone(), *round, *attempt))
    }

    /// Every call that made this very reference.
    pub(super) fn makers(&self, artifact: &Artifact) -> &[Maker] {
        self.makers.get(artifact).map(Vec::as_slice).unwrap_or_default()
    }

    /// The routes that answered an attempt, each once, in alphabetical order.
    pub(super) fn routes(&self, id: &AttemptId) -> Vec<String> {
        let called = self.callees.get(id).into_iter().flatten();
        let all = called.chain([id]).filter_map(|id| self.attempts.get(id));
        let calls = all.flat_map(|attempt| attempt.calls.values());
        let mut routes: Vec<String> = calls.filter_map(|call| call.via.clone()).collect();
        routes.sort();
        routes.dedup();
        routes
    }

    /// What the attempt had read by the time it made something, in the order of reading,
    /// as references; as `{ "$artifact": digest }` alone where the text of its input was erased.
    pub(super) fn parents(&self, maker: &Maker) -> Vec<Value> {
        let Some(attempt) = self.attempts.get(&maker.attempt) else { return Vec::new() };
        let mut known: HashMap<Digest, Artifact> = HashMap::new();
        let named = references(&attempt.input.value()).unwrap_or_default().into_values();
        let put = attempt.calls.values().flat_map(|call| minted(call.capability, &call.value));
        for artifact in named.chain(put) {
            known.insert(Request::Get(artifact.clone()).digest(), artifact);
        }
        let mut parents: Vec<Value> = Vec::new();
        for call in attempt.calls.range(..maker.index).map(|(_, call)| call) {
            let Some(bytes) = read(call) else { continue };
            let parent = match known.get(&call.request) {
                Some(artifact) => artifact.to_json(),
                None => serde_json::json!({ "$artifact": bytes }),
            };
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        parents
    }
}

/// The references that a call minted: one by `put`, a list by `generate-image`.
fn minted(capability: Capability, answer: &Document) -> Vec<Artifact> {
    let value = answer.value();
    let references = match (capability, &value) {
        (Capability::Artifacts, Value::Object(_)) => std::slice::from_ref(&value),
        (Capability::Model, Value::Array(items)) => items.as_slice(),
        _ => return Vec::new(),
    };
    references
        .iter()
        .filter_map(|reference| serde_json::from_value(reference.clone()).ok())
        .collect()
}

/// The digest of the bytes that a call read.
fn read(call: &Call) -> Option<String> {
    match call.capability {
        Capability::Artifacts => Some(call.value.value().get("bytes")?.as_str()?.to_owned()),
        _ => None,
    }
}
