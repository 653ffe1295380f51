//! Agents that follow a script, each deterministic but for what its gate tells it; behind a real gate.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bailiwick_core::fact::{Failure, Level, Used};
use bailiwick_core::ports::BoxFuture;
use bailiwick_core::schema::Schema;
use bailiwick_core::{Artifact, AttemptId, CellId, Digest, Document, Name};
use bailiwick_gate::artifacts::PutRequest;
use bailiwick_gate::delegate::DelegateRequest;
use bailiwick_gate::knowledge::SearchRequest;
use bailiwick_gate::kv::{AllStaged, KvRequest};
use bailiwick_gate::model::{CompleteRequest, ImageRequest, Message, Role};
use bailiwick_gate::{CallError, Callees, Gate, Gateway, Tree};
use bailiwick_policy::grants::{ArtifactsGrant, DelegateGrant, KvGrant, ModelGrant};
use bailiwick_policy::ports::{Job, Left, Outcome, Slots, StepRunner};
use bailiwick_policy::{Effective, Generation, Grants, Limits};
use serde_json::{Value, json};

use crate::outside::{Outside, name};

/// What an agent does, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Do {
    Log,
    Ask,
    Paint,
    Put,
    Get,
    Search,
    /// Reads what its cell has noted, and notes its round.
    Note,
    /// Has another agent do something: a `helper` the `aide`, anybody else the `helper`.
    Delegate,
    /// Takes the host down, where that is so.
    Burst,
}

/// What an attempt does, and how it ends: with words of its own, or a verdict, or not at all.
pub(crate) struct Part {
    pub(crate) does: Vec<Do>,
    pub(crate) ends: Result<Ends, Failure>,
}

pub(crate) enum Ends {
    /// With everything that it heard.
    Words,
    /// With a document as it is.
    Says(Value),
}

/// What each attempt does.
pub(crate) type Script = Arc<dyn Fn(&AttemptId) -> Part + Send + Sync>;

/// The agents of a host: what is served now, and what is kept for attempts that began on it.
pub(crate) struct Agents(pub(crate) Arc<Outside>);

impl Slots for Agents {
    fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
        let serves = self.0.serves.load(Ordering::SeqCst);
        Some(Arc::new(generation(agent, serves.min(1))))
    }

    fn pinned(&self, agent: &Name, component: &Digest) -> Option<Arc<Generation>> {
        let serves = self.0.serves.load(Ordering::SeqCst);
        let kept = [&[0][..], &[0, 1], &[1]][serves];
        let mut kept = kept.iter().map(|number| generation(agent, *number));
        kept.find(|kept| kept.component == *component).map(Arc::new)
    }
}

/// Whom an agent calls.
fn callee(agent: &Name) -> Option<&'static str> {
    match agent.as_str() {
        "aide" => None,
        "helper" => Some("aide"),
        _ => Some("helper"),
    }
}

/// A version of an agent, with every power.
pub(crate) fn generation(agent: &Name, number: usize) -> Generation {
    let (calls, tokens, money) = (None, None, None);
    let model = ModelGrant { aliases: [name("writer")].into(), calls, tokens, money };
    let grants = Grants {
        model: Some(model),
        knowledge: [name("brand")].into(),
        artifacts: Some(ArtifactsGrant { put: Some(bailiwick_core::Bytes::mib(1)) }),
        kv: Some(KvGrant {
            namespace: name("notes"),
            write: true,
            quota: KvGrant::QUOTA,
            even_if_outside: false,
        }),
        delegate: callee(agent)
            .map(|callee| DelegateGrant { agents: [name(callee)].into(), even_if_outside: false }),
        ..Grants::none()
    };
    let effective = Effective { grants, limits: Limits::DEFAULT };
    Generation {
        key: None,
        agent: agent.clone(),
        identity: format!("local/{agent}"),
        version: "1.0.0".into(),
        component: Digest::of(format!("{agent} {number}").as_bytes()),
        powers: effective.digest(),
        effective,
        sources: Digest::of(b""),
        input: Schema::admit(json!(true)).unwrap(),
        output: Schema::admit(json!(true)).unwrap(),
    }
}

#[derive(Clone)]
pub(crate) struct Guests {
    pub(crate) outside: Arc<Outside>,
    pub(crate) gateway: Arc<Gateway>,
}

impl StepRunner for Guests {
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            if self.outside.known().ended.contains(&job.attempt) {
                self.outside.wrong(format!("{} has ended, and runs again", job.attempt));
            }
            let _there = There::beside(&self.outside, &job.attempt);
            if self.outside.bomb.lock().unwrap().as_ref() == Some(&job.attempt.cell.step) {
                self.explode().await;
            }
            let result = self.perform(&job, None).await;
            if job.generation.agent.as_str() == "work" {
                self.outside.ran.lock().unwrap().push(job.generation.component);
            }
            let (result, writes) = match result {
                Ok((output, gate)) => match gate.settle().await {
                    Ok(writes) => (Ok(Document::of(&output)), writes),
                    Err(left) => (Err(left), Vec::new()),
                },
                Err(left) => (Err(left), Vec::new()),
            };
            Outcome { result, used: Used::default(), writes }
        })
    }
}

impl Callees for Guests {
    fn call(&self, job: Job, tree: Arc<Tree>) -> BoxFuture<'static, (Outcome, AllStaged)> {
        let guests = self.clone();
        Box::pin(async move {
            let (result, staged) = match guests.perform(&job, Some(tree)).await {
                Ok((output, gate)) => match gate.stage().await {
                    Ok(staged) => (Ok(Document::of(&output)), staged),
                    Err(left) => (Err(left), AllStaged::new()),
                },
                Err(left) => (Err(left), AllStaged::new()),
            };
            (Outcome { result, used: Used::default(), writes: Vec::new() }, staged)
        })
    }
}

impl Guests {
    /// Takes the host down, or hangs.
    async fn explode(&self) {
        let fuse = *self.outside.fuse.lock().unwrap();
        self.outside.exploded.store(fuse, Ordering::Relaxed);
        std::future::pending().await
    }

    async fn perform(&self, job: &Job, tree: Option<Arc<Tree>>) -> Result<(Value, Gate), Left> {
        let input = job.input.value();
        let gate = Gate::open(Arc::clone(&self.gateway), job, &input).map_err(Left::from)?;
        let gate = gate.calling(Arc::new(self.clone()));
        let gate = match tree {
            Some(tree) => gate.below(tree),
            None => gate,
        };
        let Part { does, ends } = (self.outside.script)(&job.attempt);
        let (id, heard) = (job.attempt.clone(), Digest::of(input.to_string().as_bytes()));
        let callee = callee(&job.generation.agent);
        let mut guest = Guest { gate, id, callee, heard, own: None };
        for what in does {
            self.outside.turns(6).await;
            if matches!(what, Do::Burst) && self.outside.bursts.load(Ordering::SeqCst) {
                self.explode().await;
            }
            match guest.act(what).await {
                Ok(heard) => guest.hear(&heard),
                Err(CallError::Ended(failure)) => return Err(failure.into()),
                Err(CallError::Parked(park)) => return Err(Left::Parked(park)),
                Err(told) => guest.hear(&told.to_string()),
            }
        }
        self.outside.turns(6).await;
        let end = ends.map(|ends| match ends {
            Ends::Words => {
                let (of, round) = (job.attempt.cell.to_string(), job.attempt.round);
                json!({ "of": of, "round": round, "heard": guest.heard.short() })
            }
            Ends::Says(value) => value,
        });
        let end = guest.gate.ended(end.map_err(Left::from))?;
        Ok((end, guest.gate))
    }
}

/// An attempt that runs. Who was there when two hosts in a row ended without a word has
/// nobody beside it.
struct There<'a> {
    outside: &'a Outside,
    suspected: bool,
}

impl<'a> There<'a> {
    fn beside(outside: &'a Outside, id: &AttemptId) -> Self {
        let judged = outside.plan.step(&id.cell.step).and_then(|step| step.judges.as_ref());
        let step = judged.map_or(&id.cell.step, |judge| &judge.subject).clone();
        let cell = CellId { step, key: id.cell.key.clone() };
        let known = outside.known();
        let cell = known.state.as_ref().and_then(|state| state.cell(&cell));
        let suspected = cell.is_some_and(|cell| cell.crashes >= 2);
        drop(known);
        let mut company = outside.company.lock().unwrap();
        (company.0, company.1) = (company.0 + 1, company.1 + usize::from(suspected));
        if company.1 > 0 && company.0 > 1 {
            outside.wrong(format!("{id} and others run, and one is suspected: {company:?}"));
        }
        drop(company);
        Self { outside, suspected }
    }
}

impl Drop for There<'_> {
    fn drop(&mut self) {
        let mut company = self.outside.company.lock().unwrap();
        (company.0, company.1) = (company.0 - 1, company.1 - usize::from(self.suspected));
    }
}

/// The key under which an attempt notes something.
fn note(id: &AttemptId) -> String {
    match id.path.is_empty() {
        true => id.cell.to_string(),
        false => format!("{}#{}", id.cell, id.path),
    }
}

struct Guest {
    gate: Gate,
    id: AttemptId,
    callee: Option<&'static str>,
    /// Everything that it was told so far.
    heard: Digest,
    /// What it put last.
    own: Option<Artifact>,
}

impl Guest {
    fn hear(&mut self, words: &str) {
        self.heard = Digest::of_parts(&[self.heard.as_bytes(), words.as_bytes()]);
    }

    async fn act(&mut self, what: Do) -> Result<String, CallError> {
        let heard = self.heard.short();
        match what {
            Do::Burst => Ok(String::new()),
            Do::Log => {
                self.gate.log(Level::Info, &heard, None).await?;
                Ok(String::new())
            }
            Do::Ask => {
                // With where its clock stands: another time is another request.
                let request = CompleteRequest {
                    alias: "writer".into(),
                    messages: vec![Message::text(Role::User, heard)],
                    max_tokens: Some(8),
                    temperature: None,
                    seed: Some(self.gate.clock().0),
                    stop: Vec::new(),
                    output_schema: None,
                    tools: Vec::new(),
                };
                Ok(self.gate.complete(request).await?.text)
            }
            Do::Paint => {
                let (alias, prompt) = ("writer".into(), heard);
                let (width, height, count, seed) = (64, 64, 1, None);
                let request = ImageRequest { alias, prompt, width, height, count, seed };
                let images = self.gate.generate_image(request).await?;
                self.own = images.first().cloned();
                Ok(images.iter().map(|image| image.digest.short()).collect())
            }
            Do::Put => {
                let (bytes, media_type) = (heard.into_bytes(), "text/plain".into());
                let put = PutRequest { bytes, media_type, name: None };
                let artifact = self.gate.put(put).await?;
                self.own = Some(artifact.clone());
                Ok(artifact.digest.short())
            }
            Do::Get => match self.own.clone() {
                Some(artifact) => {
                    let bytes = self.gate.get(artifact).await?;
                    Ok(String::from_utf8_lossy(&bytes).into_owned())
                }
                None => Ok("nothing".into()),
            },
            Do::Note => {
                let (key, round) = (note(&self.id), json!(self.id.round));
                let before = self.gate.kv_get(key.clone()).await?;
                let (expected, value) = (before.clone(), Some(round));
                let swap = KvRequest::CompareAndSet { key, expected, value };
                let swapped = self.gate.kv_swap(swap).await?;
                Ok(format!("{before:?} {swapped}"))
            }
            Do::Delegate => {
                let Some(agent) = self.callee else { return Ok("nobody".into()) };
                let input = Document::of(&json!({ "heard": heard }));
                let request = DelegateRequest { agent: agent.into(), input };
                let output = self.gate.delegate(request).await?;
                Ok(output.digest().short())
            }
            Do::Search => {
                let (collection, query, vector) = ("brand".into(), heard, None);
                let request = SearchRequest { collection, query, limit: 3, vector };
                let found = self.gate.search(request).await?;
                Ok(found.into_iter().map(|passage| passage.text).collect())
            }
        }
    }
}
