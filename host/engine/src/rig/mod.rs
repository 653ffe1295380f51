//! One component on a rig: attempts with every power that it wants, on answers that are handed in. Reaches nobody, keeps nothing, knows no project and no data folder.

mod answers;
mod colleagues;
mod kept;
mod namespace;
mod powers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_builder::Embedded;
use bailiwick_core::fact::{Capability, Fact, Failure, FailureKind, Used};
use bailiwick_core::schema::{Schema, SchemaRefused};
use bailiwick_core::{
    Artifact, AttemptId, Bytes, CellId, CellKey, Digest, Document, Name, RunId, Timestamp,
};
use bailiwick_gate::Gateway;
use bailiwick_gate::ledger::Ledger;
use bailiwick_policy::http::NotAHost;
use bailiwick_policy::ports::{Job, Left, Patience, StepRunner as _};
use bailiwick_policy::{Effective, Generation, Limits, Route};
use bailiwick_sandbox::{Refused, Runner, Sandbox};
use serde_json::Value;

pub(crate) use self::answers::Answers;
use self::colleagues::Colleagues;
use self::kept::{Facts, Memory};
use self::powers::{Without, wanted};
use crate::system::SystemClock;

/// When every attempt begins for its agent: the same each time, so that the same is done.
const STARTED: Timestamp = Timestamp(1_700_000_000_000);

/// One component, ready to be tried.
pub(crate) struct Rig {
    sandbox: Arc<Sandbox>,
    generation: Arc<Generation>,
    /// The aliases that it wants.
    aliases: Vec<Name>,
    blobs: Arc<Memory>,
}

/// Why a component cannot be put on a rig.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRigged {
    /// A schema that no host admits.
    #[error(transparent)]
    Schema(#[from] SchemaRefused),
    /// A host that no operator can grant, so that the agent is never with all that it wants.
    #[error("it wants http to {0}")]
    Host(#[from] NotAHost),
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ran {
    /// The output, valid against its schema; or why there is none.
    pub(crate) end: Result<Document, Failure>,
    /// What it used.
    pub(crate) used: Used,
    /// What it asked, in order: the power, and the digest of the request.
    pub(crate) calls: Vec<(Capability, Digest)>,
}

impl Rig {
    /// A rig for a component that the sandbox has ready.
    ///
    /// # Errors
    /// [`NotRigged`] where nobody could admit it, or grant what it wants.
    pub(crate) fn of(sandbox: Arc<Sandbox>, embedded: &Embedded) -> Result<Self, NotRigged> {
        let profile = &embedded.profile;
        let effective = Effective { grants: wanted(&embedded.wants)?, limits: Limits::DEFAULT };
        let generation = Generation {
            agent: here(),
            identity: format!("local/{}", profile.name),
            key: None,
            version: profile.version.clone(),
            component: embedded.outline.digest,
            powers: effective.digest(),
            effective,
            sources: Digest::of(b""),
            input: Schema::admit(profile.input_schema.clone())?,
            output: Schema::admit(profile.output_schema.clone())?,
        };
        let model = embedded.wants.model.as_ref();
        Ok(Self {
            sandbox,
            generation: Arc::new(generation),
            aliases: model.map(|want| want.names.clone()).unwrap_or_default(),
            blobs: Arc::default(),
        })
    }

    /// Whether what it imports is covered by what it wants.
    ///
    /// # Errors
    /// [`Refused`] with the import.
    pub(crate) fn admitted(&self) -> Result<(), Refused> {
        let Generation { component, agent, effective, .. } = self.generation.as_ref();
        self.sandbox.admit(component, agent, &effective.grants)
    }

    /// The component with everything that it wants.
    pub(crate) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation)
    }

    /// Where it is loaded.
    pub(crate) fn sandbox(&self) -> Arc<Sandbox> {
        Arc::clone(&self.sandbox)
    }

    /// What its inputs must be.
    pub(crate) fn input(&self) -> &Schema {
        &self.generation.input
    }

    /// Keeps bytes that inputs name.
    pub(crate) fn keep(&self, bytes: Vec<u8>) {
        self.blobs.keep(bytes);
    }

    /// Bytes that inputs may name.
    pub(crate) fn artifact(&self, bytes: &[u8], media_type: &str, name: &str) -> Artifact {
        Artifact {
            digest: self.blobs.keep(bytes.to_vec()),
            media_type: media_type.to_owned(),
            bytes: Bytes(bytes.len() as u64),
            name: Some(name.to_owned()),
        }
    }

    /// One attempt, within the limits that hold where nobody says anything. What is denied
    /// is denied from the beginning, at each call.
    pub(crate) async fn run(
        &self,
        input: &Value,
        answers: &Answers,
        denied: Option<Capability>,
    ) -> Ran {
        let mut runner = Runner::new(Arc::clone(&self.sandbox), self.gateway(answers, denied));
        if let Some((_, callees)) = &answers.callees {
            runner = runner.calling(Arc::clone(callees));
        }
        let facts = Arc::new(Facts::since(STARTED));
        let cell = CellId { step: here(), key: CellKey::single() };
        let outcome = runner
            .run(Job {
                run: run(),
                attempt: AttemptId::new(cell, 0, 1),
                generation: Arc::clone(&self.generation),
                input: Document::of(input),
                started: STARTED,
                record: Arc::default(),
                patience: Patience::Answer,
                recorder: Arc::clone(&facts) as _,
                called: None,
            })
            .await;
        let end = outcome.result.map_err(|left| match left {
            Left::Failed(failure) => failure,
            Left::Parked(park) => {
                Failure { kind: FailureKind::Host, message: park.detail, hint: None }
            }
        });
        let calls = facts.take().into_iter().filter_map(|fact| match fact {
            Fact::CallAnswered { attempt, capability, request, .. } if attempt.path.is_empty() => {
                Some((capability, request))
            }
            _ => None,
        });
        Ran { end, used: outcome.used, calls: calls.collect() }
    }

    fn gateway(&self, answers: &Answers, denied: Option<Capability>) -> Arc<Gateway> {
        let routes = self.aliases.iter().map(|alias| (alias.clone(), vec![Route::builtin()]));
        Arc::new(Gateway {
            models: routes.collect(),
            embedders: BTreeMap::new(),
            provider: Arc::clone(&answers.models),
            knowledge: Arc::clone(&answers.knowledge),
            http: Arc::clone(&answers.web),
            namespaces: Arc::clone(&answers.namespaces),
            agents: Arc::new(Colleagues::of(answers, self.generation.as_ref())),
            blobs: Arc::clone(&self.blobs) as _,
            clock: Arc::new(SystemClock),
            rules: Arc::new(Without(denied)),
            lowered: BTreeSet::new(),
            host_key: [0; 32],
            ledger: Ledger::default(),
        })
    }
}

/// What step and agent are called where there is no project to name them.
#[expect(clippy::expect_used, reason = "a constant of the right form")]
fn here() -> Name {
    Name::new("agent").expect("a name")
}

#[expect(clippy::expect_used, reason = "a constant of the right form")]
fn run() -> RunId {
    RunId::new("rig").expect("an id")
}
