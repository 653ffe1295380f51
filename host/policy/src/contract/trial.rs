//! Makes jobs for a workshop and runs them. Decides nothing about what is right.

use std::sync::Arc;

use bailiwick_core::fact::{Fact, Failure};
use bailiwick_core::ports::{BoxFuture, Recorder};
use bailiwick_core::schema::Schema;
use bailiwick_core::{AttemptId, Bytes, CellId, CellKey, Digest, Document, Name, RunId};
use serde_json::{Value, json};

use super::model::Model;
use super::notebook::{Notebook, STARTED};
use super::{Deed, Workshop};
use crate::grants::{ArtifactsGrant, ModelGrant};
use crate::ports::{Job, Left, Outcome, Park, Patience};
use crate::{Effective, Generation, Grants, Limits};

/// A workshop under test, and the model that it speaks to.
pub struct Trial<'a> {
    pub(super) workshop: &'a dyn Workshop,
    pub(super) model: Arc<Model>,
}

/// One execution that is asked for.
pub struct Errand {
    pub(super) component: Option<Digest>,
    pub(super) deed: Deed,
    pub(super) run: RunId,
    pub(super) attempt: AttemptId,
    pub(super) input: Value,
    pub(super) alias: Name,
    pub(super) limits: Limits,
    pub(super) patience: Patience,
    pub(super) notebook: Arc<Notebook>,
}

impl Errand {
    /// The first attempt of the only cell, with every power and the usual limits.
    pub(super) fn of(deed: Deed) -> Self {
        let cell = CellId { step: name("step"), key: CellKey::single() };
        Self {
            component: None,
            deed,
            run: RunId::new("run-1").unwrap(),
            attempt: AttemptId::new(cell, 0, 1),
            input: json!({ "topic": "bees" }),
            alias: name("writer"),
            limits: Limits::DEFAULT,
            patience: Patience::Answer,
            notebook: Arc::default(),
        }
    }

    /// The same attempt, executed again with this behind it.
    pub(super) fn after(deed: Deed, past: Notebook) -> Self {
        Self { notebook: Arc::new(past), ..Self::of(deed) }
    }
}

/// An execution that is over.
pub struct Done {
    pub(super) outcome: Outcome,
    pub(super) notebook: Arc<Notebook>,
}

impl Done {
    pub(super) fn facts(&self) -> Vec<Fact> {
        self.notebook.facts()
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.facts().iter().map(Fact::name).collect()
    }

    #[track_caller]
    pub(super) fn output(&self) -> Value {
        match &self.outcome.result {
            Ok(output) => output.value(),
            Err(left) => panic!("{left:?}"),
        }
    }

    #[track_caller]
    pub(super) fn failure(&self) -> Failure {
        match &self.outcome.result {
            Err(Left::Failed(failure)) => failure.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn park(&self) -> Park {
        match &self.outcome.result {
            Err(Left::Parked(park)) => park.clone(),
            other => panic!("{other:?}"),
        }
    }
}

impl<'a> Trial<'a> {
    pub(super) fn new(workshop: &'a dyn Workshop, model: Arc<Model>) -> Self {
        Self { workshop, model }
    }

    /// Runs it to its end.
    pub(super) async fn run(&self, errand: Errand) -> Done {
        let holders = Arc::strong_count(&errand.notebook);
        let (notebook, attempt) = (Arc::clone(&errand.notebook), errand.attempt.clone());
        let outcome = self.begin(errand).await.await;
        notebook.expect_legal(&attempt);
        assert!(Arc::strong_count(&notebook) <= holders, "its recorder outlived the attempt");
        Done { outcome, notebook }
    }

    /// Everything is made ready for it; it runs as it is polled.
    pub(super) async fn begin(&self, errand: Errand) -> BoxFuture<'a, Outcome> {
        let component = match errand.component {
            Some(component) => component,
            None => self.workshop.component(errand.deed).await,
        };
        self.workshop.runner().run(job(component, errand))
    }

    /// Nothing is held, and an honest agent is served: whatever happened before.
    pub(super) async fn expect_well(&self) {
        assert_eq!(self.workshop.held().await, 0, "something is still held");
        assert_eq!(self.run(Errand::of(Deed::Say)).await.output(), json!({ "said": "hello" }));
    }
}

fn job(component: Digest, errand: Errand) -> Job {
    let model =
        ModelGrant { aliases: [errand.alias].into(), calls: None, tokens: None, money: None };
    let grants = Grants {
        model: Some(model),
        artifacts: Some(ArtifactsGrant { put: Some(Bytes::mib(1)) }),
        ..Grants::none()
    };
    let effective = Effective { grants, limits: errand.limits };
    let input = json!({ "type": "object", "required": ["topic"] });
    let generation = Generation {
        agent: name("agent"),
        identity: "local/agent".into(),
        key: None,
        version: "1.0.0".into(),
        component,
        powers: effective.digest(),
        effective,
        sources: Digest::of(b""),
        input: Schema::admit(input).unwrap(),
        output: Schema::admit(json!({ "type": ["object", "string"] })).unwrap(),
    };
    Job {
        run: errand.run,
        attempt: errand.attempt,
        generation: Arc::new(generation),
        input: Document::of(&errand.input),
        started: STARTED,
        record: Arc::new(errand.notebook.record()),
        patience: errand.patience,
        recorder: errand.notebook as Arc<dyn Recorder>,
        called: None,
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}
