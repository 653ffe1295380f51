//! A host of fakes and guests written in WAT: what the tests of the sandbox stand on.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

pub mod guest;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bailiwick_core::fact::{Fact, Failure};
use bailiwick_core::ports::{
    BlobError, Blobs, BoxFuture, Clock, Durable, JournalError, Random, Recorder, Ticket,
};
use bailiwick_core::schema::Schema;
use bailiwick_core::{
    AttemptId, CellId, CellKey, Digest, Document, Name, Record, RunId, Timestamp,
};
use bailiwick_gate::knowledge::{KnowledgeError, SearchRequest};
use bailiwick_gate::ledger::Ledger;
use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, ImageRequest, Images,
};
use bailiwick_gate::{
    Gateway, KnowledgeIndex, ModelProvider, Passage, ProviderCall, ProviderError,
};
use bailiwick_policy::grants::{ArtifactsGrant, DelegateGrant, KvGrant, ModelGrant};
use bailiwick_policy::ports::{Job, Left, Outcome, Patience, Slots, StepRunner as _};
use bailiwick_policy::{Effective, Generation, Grants, Limits};
use bailiwick_sandbox::{Compiler, Refused, Runner, Sandbox};
use serde_json::{Value, json};

/// Time of the first fact of every attempt here.
pub const STARTED: Timestamp = Timestamp(1_700_000_000_000);

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// Distinct bytes each time; nothing here needs secrets.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl Random for Counting {
    fn bytes(&self) -> [u8; 32] {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        *Digest::of(format!("{count} {now} {}", std::process::id()).as_bytes()).as_bytes()
    }
}

/// Accepts every fact and keeps it.
#[derive(Default)]
pub struct Facts(Mutex<Vec<Fact>>);

impl Facts {
    /// What is there already.
    pub fn after(facts: &[Fact]) -> Self {
        Self(Mutex::new(facts.to_vec()))
    }

    /// What the attempt was told so far.
    pub fn record(&self) -> Record {
        let mut record = Record::default();
        for (fact, count) in self.all().iter().zip(1..) {
            record.take(fact, at(count)).unwrap();
        }
        record
    }

    pub fn all(&self) -> Vec<Fact> {
        self.0.lock().unwrap().clone()
    }

    pub fn logged(&self) -> Vec<String> {
        let words = self.all().into_iter().filter_map(|fact| match fact {
            Fact::Logged { entry, .. } => Some(entry.message),
            _ => None,
        });
        words.collect()
    }
}

impl Recorder for Facts {
    fn record(&self, fact: Fact) -> BoxFuture<'_, Result<(Ticket, Timestamp), JournalError>> {
        let mut facts = self.0.lock().unwrap();
        facts.push(fact);
        let count = facts.len() as u64;
        let ticket = Ticket::new(std::future::ready(Ok(Durable::attest(count))));
        Box::pin(std::future::ready(Ok((ticket, at(count)))))
    }
}

/// Seconds apart, so that a clock that moves at facts is seen to move.
fn at(count: u64) -> Timestamp {
    STARTED.after(Duration::from_secs(count))
}

#[derive(Default)]
pub struct Memory(Mutex<HashMap<Digest, Vec<u8>>>);

impl Blobs for Memory {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        let digest = Digest::of(&bytes);
        self.0.lock().unwrap().insert(digest, bytes);
        Box::pin(std::future::ready(Ok(digest)))
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        let found = self.0.lock().unwrap().get(&digest).cloned();
        Box::pin(std::future::ready(found.ok_or(BlobError::Missing(digest))))
    }
}

pub struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp(u64::try_from(now.as_millis()).unwrap())
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(at.since(self.now())))
    }
}

/// Nobody answers.
pub struct Nobody;

pub fn nobody<T: Send + 'static>() -> BoxFuture<'static, Result<T, ProviderError>> {
    Box::pin(std::future::ready(Err(ProviderError::Unsupported {
        detail: "nobody is here".into(),
    })))
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
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// A sandbox with its cache in a folder of its own.
/// Method and URL, headers, body.
pub type Asked = (String, Vec<(String, String)>, Vec<u8>);

/// A web that answers every request with the same, and keeps what it was asked.
#[derive(Default)]
pub struct Web {
    pub asked: Mutex<Vec<Asked>>,
}

/// What it answers.
pub const ANSWER: &str = r#"{"from":"the web"}"#;

impl bailiwick_gate::HttpProvider for Web {
    fn exchange<'a>(
        &'a self,
        _: &'a bailiwick_core::ports::Durable,
        asked: bailiwick_gate::http::Exchange<'a>,
    ) -> BoxFuture<'a, Result<bailiwick_gate::http::Exchanged, bailiwick_gate::HttpError>> {
        let what = format!("{} {}", asked.method, asked.url);
        self.asked.lock().unwrap().push((what, asked.headers.to_vec(), asked.body.to_vec()));
        let headers = vec![("x-came".to_owned(), "back".to_owned())];
        let body = ANSWER.as_bytes().to_vec();
        let response = bailiwick_gate::FetchResponse { status: 201, headers, body };
        Box::pin(async { Ok(bailiwick_gate::http::Exchanged { response, location: None }) })
    }
}

pub struct Host {
    pub web: Arc<Web>,
    pub sandbox: Arc<Sandbox>,
    pub cast: Arc<Cast>,
    pub runner: Runner,
    pub facts: Arc<Facts>,
    pub limits: Limits,
    pub grants: Grants,
    pub input: Value,
    pub input_schema: Value,
    pub output_schema: Value,
    pub attempt: u32,
    _folder: Option<tempfile::TempDir>,
}

pub fn compiler() -> Compiler {
    Compiler { executable: env!("CARGO_BIN_EXE_bailiwick-compile").into(), arguments: Vec::new() }
}

pub fn sandbox(cache: &Path) -> Sandbox {
    Sandbox::new(cache, compiler(), Arc::new(Counting::default())).unwrap()
}

impl Host {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut host = Self::over(Arc::new(sandbox(&folder.path().join("code"))));
        host._folder = Some(folder);
        host
    }

    pub fn over(sandbox: Arc<Sandbox>) -> Self {
        Self::lowering(sandbox, &[], Memory::default())
    }

    /// Where people lower the label of what these steps put out, and these bytes are kept.
    pub fn lowering(sandbox: Arc<Sandbox>, steps: &[&str], blobs: Memory) -> Self {
        let web = Arc::<Web>::default();
        let cast = Arc::<Cast>::default();
        let gateway = Gateway {
            models: BTreeMap::new(),
            embedders: BTreeMap::new(),
            provider: Arc::new(Nobody),
            knowledge: Arc::new(Nobody),
            http: Arc::clone(&web) as _,
            namespaces: Arc::new(bailiwick_gate::kv::NoNamespaces),
            agents: Arc::clone(&cast) as _,
            blobs: Arc::new(blobs),
            clock: Arc::new(Now),
            rules: Arc::new(bailiwick_policy::Unchanging(
                bailiwick_policy::Clearances::unlabelled(),
            )),
            lowered: steps.iter().map(|step| name(step)).collect(),
            host_key: [7; 32],
            ledger: Ledger::default(),
        };
        let limits = Limits {
            cpu: Duration::from_secs(5),
            wall: Duration::from_secs(60),
            ..Limits::DEFAULT
        };
        Self {
            runner: Runner::new(Arc::clone(&sandbox), Arc::new(gateway)),
            web,
            cast,
            sandbox,
            facts: Arc::default(),
            limits,
            grants: everything(),
            input: json!({}),
            input_schema: json!(true),
            output_schema: json!(true),
            attempt: 1,
            _folder: None,
        }
    }

    /// Lets an agent be called by this name, with these grants and limits.
    pub async fn casts(&self, agent: &str, guest: &[u8], grants: Grants, limits: Limits) {
        let component = self.load(guest).await;
        let one = generation(
            agent,
            component,
            Effective { grants, limits },
            (&json!(true), &json!(true)),
        );
        self.cast.0.lock().unwrap().insert(name(agent), Arc::new(one));
    }

    pub async fn load(&self, component: &[u8]) -> Digest {
        self.sandbox.prepare(component).await.unwrap().digest
    }

    pub async fn refused(&self, component: &[u8]) -> Refused {
        self.sandbox.prepare(component).await.unwrap_err()
    }

    pub fn job(&self, component: Digest) -> Job {
        let effective = Effective { grants: self.grants.clone(), limits: self.limits };
        let schemas = (&self.input_schema, &self.output_schema);
        let generation = generation("fixture", component, effective, schemas);
        let cell = CellId { step: name("step"), key: CellKey::single() };
        Job {
            run: RunId::new("run-1").unwrap(),
            attempt: AttemptId::new(cell, 0, self.attempt),
            generation: Arc::new(generation),
            input: Document::of(&self.input),
            started: STARTED,
            record: Arc::default(),
            patience: Patience::Answer,
            recorder: Arc::clone(&self.facts) as Arc<dyn Recorder>,
            called: None,
        }
    }

    pub async fn run(&self, component: Digest) -> Outcome {
        self.runner.run(self.job(component)).await
    }

    /// Loads and runs; what it answered.
    pub async fn answer(&self, component: &[u8]) -> Value {
        let digest = self.load(component).await;
        self.run(digest).await.result.unwrap().value()
    }

    /// Runs; how it failed.
    pub async fn failure_of(&self, component: Digest) -> Failure {
        match self.run(component).await.result.unwrap_err() {
            Left::Failed(failure) => failure,
            Left::Parked(park) => panic!("{park:?}"),
        }
    }

    /// Loads and runs; how it failed.
    pub async fn failure(&self, component: &[u8]) -> Failure {
        let digest = self.load(component).await;
        self.failure_of(digest).await
    }
}

/// The agents that may be called.
#[derive(Default)]
pub struct Cast(pub Mutex<BTreeMap<Name, Arc<Generation>>>);

impl Slots for Cast {
    fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
        self.0.lock().unwrap().get(agent).cloned()
    }
}

fn generation(
    agent: &str,
    component: Digest,
    effective: Effective,
    (input, output): (&Value, &Value),
) -> Generation {
    Generation {
        key: None,
        agent: name(agent),
        identity: format!("local/{agent}"),
        version: "1.0.0".into(),
        component,
        powers: effective.digest(),
        effective,
        sources: Digest::of(b""),
        input: Schema::admit(input.clone()).unwrap(),
        output: Schema::admit(output.clone()).unwrap(),
    }
}

/// The power to call these agents, and no other.
pub fn may_call(agents: &[&str]) -> Grants {
    let agents = agents.iter().map(|agent| name(agent)).collect();
    let delegate = Some(DelegateGrant { agents, even_if_outside: false });
    Grants { delegate, ..Grants::none() }
}

pub fn everything() -> Grants {
    Grants {
        model: Some(ModelGrant {
            aliases: [name("writer")].into(),
            calls: None,
            tokens: None,
            money: None,
        }),
        knowledge: [name("brand")].into(),
        assets: [].into(),
        http: bailiwick_policy::HttpPower {
            rules: bailiwick_policy::HttpRule::public(),
            ..bailiwick_policy::HttpPower::none()
        },
        artifacts: Some(ArtifactsGrant { put: Some(Limits::DEFAULT.artifacts) }),
        kv: Some(KvGrant {
            namespace: name("notes"),
            write: true,
            quota: KvGrant::QUOTA,
            even_if_outside: false,
        }),
        delegate: may_call(&["other"]).delegate,
    }
}
