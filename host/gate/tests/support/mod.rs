//! A gate over fakes: a recorder that keeps every fact, a provider that answers from a script, a clock that jumps.
#![allow(dead_code, reason = "each test uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bailiwick_core::fact::{CallAnswer, Fact};
use bailiwick_core::ports::{
    BlobError, Blobs, BoxFuture, Clock, Durable, JournalError, Recorder, Ticket,
};
use bailiwick_core::schema::Schema;
use bailiwick_core::{
    AttemptId, CellId, CellKey, Digest, Document, Name, Record, RunId, Timestamp,
};
use bailiwick_gate::http::{Exchange, Exchanged, FetchResponse, HttpError, HttpProvider};
use bailiwick_gate::knowledge::{KnowledgeError, KnowledgeIndex, Passage, SearchRequest};
use bailiwick_gate::ledger::Ledger;
use bailiwick_gate::model::*;
use bailiwick_gate::work::thread_cpu;
use bailiwick_gate::{Gate, Gateway, ModelProvider, ProviderCall, ProviderError};
use bailiwick_policy::ports::{Job, Patience};
use bailiwick_policy::{Budgets, Effective, Generation, Grants, Limits, Route, WhenSpent};
use serde_json::{Value, json};

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Keeps every fact; durable only while it is not held.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) facts: Mutex<Vec<Fact>>,
    pub(crate) held: AtomicBool,
    pub(crate) released: tokio::sync::Notify,
}

impl Facts {
    pub(crate) fn answers(&self) -> Vec<CallAnswer> {
        let facts = self.facts.lock().unwrap();
        facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::CallAnswered { answer, .. } => Some(answer.clone()),
                _ => None,
            })
            .collect()
    }

    /// What the attempt was told so far.
    pub(crate) fn record(&self) -> Record {
        let mut record = Record::default();
        // At the times that the recorder gave them.
        for (at, fact) in (1..).zip(self.facts.lock().unwrap().iter()) {
            record.take(fact, Timestamp(at)).unwrap();
        }
        record
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.facts.lock().unwrap().iter().map(Fact::name).collect()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        let facts = self.facts.lock().unwrap();
        facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Logged { entry, .. } => Some(entry.message.clone()),
                _ => None,
            })
            .collect()
    }
}

pub(crate) struct FactsRecorder(pub(crate) Arc<Facts>);

impl Recorder for FactsRecorder {
    fn record(&self, fact: Fact) -> BoxFuture<'_, Result<(Ticket, Timestamp), JournalError>> {
        Box::pin(async move {
            let mut facts = self.0.facts.lock().unwrap();
            facts.push(fact);
            let (position, shared) = (facts.len() as u64, Arc::clone(&self.0));
            let ticket = Ticket::new(async move {
                while shared.held.load(Ordering::SeqCst) {
                    shared.released.notified().await;
                }
                Ok(Durable::attest(position))
            });
            Ok((ticket, Timestamp(position)))
        })
    }
}

/// Time that passes only by sleeping.
#[derive(Default)]
pub(crate) struct Jumping(pub(crate) Arc<AtomicU64>);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        let time = Arc::clone(&self.0);
        Box::pin(async move {
            time.fetch_max(at.0, Ordering::SeqCst);
        })
    }
}

/// Answers in turn; remembers what it was asked, by which route.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) answers: Mutex<VecDeque<Result<&'static str, ProviderError>>>,
    pub(crate) asked: Mutex<Vec<(String, CompleteRequest, Digest)>>,
}

impl ModelProvider for Script {
    fn complete<'a>(
        &'a self,
        _: &'a Durable,
        call: ProviderCall<'a, CompleteRequest>,
    ) -> BoxFuture<'a, Result<Completion, ProviderError>> {
        Box::pin(async move {
            let asked = (call.route.to_string(), call.request.clone(), *call.idempotency_key);
            self.asked.lock().unwrap().push(asked);
            let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok("ok"))?;
            Ok(Completion {
                text: answer.into(),
                tool_calls: Vec::new(),
                finish: Finish::Stop,
                usage: ModelUsage { input_tokens: 7, output_tokens: 3 },
                model: "scripted".into(),
                streamed: true,
            })
        })
    }

    fn embed<'a>(
        &'a self,
        _: &'a Durable,
        call: ProviderCall<'a, EmbedRequest>,
    ) -> BoxFuture<'a, Result<Embedding, ProviderError>> {
        let vectors = call.request.texts.iter().map(|_| vec![1.0, 0.0]).collect();
        let embedding =
            Embedding { vectors, usage: ModelUsage::default(), model: "scripted".into() };
        Box::pin(async { Ok(embedding) })
    }

    fn generate_image<'a>(
        &'a self,
        _: &'a Durable,
        _: ProviderCall<'a, ImageRequest>,
    ) -> BoxFuture<'a, Result<Images, ProviderError>> {
        let images = vec![(b"png".to_vec(), "image/png".to_owned())];
        Box::pin(async {
            Ok(Images { images, usage: ModelUsage::default(), model: "scripted".into() })
        })
    }
}

/// One passage for everything; remembers whether it was given a vector.
#[derive(Default)]
pub(crate) struct OnePassage(pub(crate) Mutex<Vec<SearchRequest>>);

impl KnowledgeIndex for OnePassage {
    fn search<'a>(
        &'a self,
        _: &'a Name,
        request: &'a SearchRequest,
    ) -> BoxFuture<'a, Result<Vec<Passage>, KnowledgeError>> {
        self.0.lock().unwrap().push(request.clone());
        let passage = Passage {
            document: "a.md".into(),
            text: "words".into(),
            score: 1.0,
            metadata: json!({}),
        };
        Box::pin(async { Ok(vec![passage]) })
    }
}

#[derive(Default)]
pub(crate) struct InMemory(Mutex<HashMap<Digest, Vec<u8>>>);

impl Blobs for InMemory {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        let digest = Digest::of(&bytes);
        self.0.lock().unwrap().insert(digest, bytes);
        Box::pin(async move { Ok(digest) })
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        let found = self.0.lock().unwrap().get(&digest).cloned();
        Box::pin(async move { found.ok_or(BlobError::Missing(digest)) })
    }
}

pub(crate) struct World {
    pub(crate) facts: Arc<Facts>,
    pub(crate) script: Arc<Script>,
    pub(crate) index: Arc<OnePassage>,
    pub(crate) web: Arc<Web>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) time: Arc<AtomicU64>,
}

/// One request as the provider was handed it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) lane: String,
    pub(crate) what: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) network: String,
    pub(crate) credential: Option<String>,
    pub(crate) stripped: bool,
    pub(crate) response_max: u64,
    pub(crate) key: Digest,
}

/// A web that answers by script; without one, 200 and nothing.
#[derive(Default)]
pub(crate) struct Web {
    pub(crate) answers: Mutex<VecDeque<Result<Exchanged, HttpError>>>,
    pub(crate) sent: Mutex<Vec<Sent>>,
    /// Milliseconds of CPU that the host has with an answer, one at a time.
    pub(crate) works_ms: AtomicU64,
}

impl HttpProvider for Web {
    fn exchange<'a>(
        &'a self,
        _: &'a Durable,
        asked: Exchange<'a>,
    ) -> BoxFuture<'a, Result<Exchanged, HttpError>> {
        self.sent.lock().unwrap().push(Sent {
            lane: asked.lane.into(),
            what: format!("{} {}", asked.method, asked.url),
            headers: asked.headers.to_vec(),
            body: asked.body.to_vec(),
            network: asked.network.to_string(),
            credential: asked.credential.map(ToString::to_string),
            stripped: asked.stripped,
            response_max: asked.response_max.0,
            key: *asked.idempotency_key,
        });
        let answer = self.answers.lock().unwrap().pop_front();
        let works = self.works_ms.load(Ordering::SeqCst);
        Box::pin(async move {
            for _ in 0..works {
                let until = thread_cpu() + std::time::Duration::from_millis(1);
                while thread_cpu() < until {}
                tokio::task::yield_now().await;
            }
            answer.unwrap_or_else(|| Ok(came(200, None, "")))
        })
    }
}

/// An answer with this status, this `location` and this body.
pub(crate) fn came(status: u16, location: Option<&str>, body: &str) -> Exchanged {
    let response = FetchResponse { status, headers: Vec::new(), body: body.into() };
    Exchanged { response, location: location.map(Into::into) }
}

impl World {
    /// Two routes for `writer`, and a collection `brand`, with an embedding model where asked.
    pub(crate) fn new(embedder: bool) -> Self {
        let (facts, script, index) =
            (Arc::default(), Arc::<Script>::default(), Arc::<OnePassage>::default());
        let (time, web) = (Arc::<AtomicU64>::default(), Arc::<Web>::default());
        let second = Route { model: "second".into(), ..Route::builtin() };
        let models = BTreeMap::from([
            (name("writer"), vec![Route::builtin(), second]),
            (name("embedder"), vec![Route::builtin()]),
        ]);
        let gateway = Gateway {
            models,
            embedders: if embedder {
                [(name("brand"), name("embedder"))].into()
            } else {
                BTreeMap::new()
            },
            provider: Arc::clone(&script) as _,
            knowledge: Arc::clone(&index) as _,
            http: Arc::clone(&web) as _,
            namespaces: Arc::new(bailiwick_gate::kv::NoNamespaces),
            agents: Arc::new(bailiwick_policy::ports::NoSlots),
            blobs: Arc::<InMemory>::default(),
            clock: Arc::new(Jumping(Arc::clone(&time))),
            rules: Arc::new(bailiwick_policy::Unchanging(
                bailiwick_policy::Clearances::unlabelled(),
            )),
            lowered: std::collections::BTreeSet::new(),
            host_key: [1; 32],
            ledger: Ledger::default(),
        };
        let told = Budgets { when: WhenSpent::Fail, ..Budgets::default() };
        gateway.ledger.open(&RunId::new("r1").unwrap(), Arc::new(told));
        Self { facts, script, index, web, gateway: Arc::new(gateway), time }
    }

    pub(crate) fn gate(&self, grants: Grants, limits: Limits) -> Gate {
        self.gate_for(grants, limits, &json!({}))
    }

    /// The same attempt, executed again.
    pub(crate) fn continued(&self, grants: Grants, record: Record) -> Gate {
        self.open(grants, Limits::DEFAULT, &json!({}), record, Patience::Answer)
    }

    pub(crate) fn gate_for(&self, grants: Grants, limits: Limits, input: &Value) -> Gate {
        self.open(grants, limits, input, Record::default(), Patience::Answer)
    }

    pub(crate) fn open(
        &self,
        grants: Grants,
        limits: Limits,
        input: &Value,
        record: Record,
        patience: Patience,
    ) -> Gate {
        let effective = Effective { grants, limits };
        let generation = Generation {
            key: None,
            agent: name("draft"),
            identity: "local/draft".into(),
            version: "1".into(),
            component: Digest::of(b""),
            powers: effective.digest(),
            effective,
            sources: Digest::of(b""),
            input: Schema::admit(json!(true)).unwrap(),
            output: Schema::admit(json!(true)).unwrap(),
        };
        let cell = CellId { step: name("draft"), key: CellKey::single() };
        let job = Job {
            run: RunId::new("r1").unwrap(),
            attempt: AttemptId::new(cell, 0, 1),
            generation: Arc::new(generation),
            input: Document::of(input),
            started: Timestamp(0),
            record: Arc::new(record),
            patience,
            recorder: Arc::new(FactsRecorder(Arc::clone(&self.facts))),
            called: None,
        };
        Gate::open(Arc::clone(&self.gateway), &job, input).unwrap()
    }

    pub(crate) fn answers(
        &self,
        answers: impl IntoIterator<Item = Result<&'static str, ProviderError>>,
    ) {
        self.script.answers.lock().unwrap().extend(answers);
    }
}

pub(crate) fn ask(text: &str) -> CompleteRequest {
    CompleteRequest {
        alias: "writer".into(),
        messages: vec![Message::text(Role::User, text)],
        max_tokens: Some(10),
        temperature: None,
        seed: None,
        stop: Vec::new(),
        output_schema: None,
        tools: Vec::new(),
    }
}
