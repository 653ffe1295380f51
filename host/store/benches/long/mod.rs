//! A data folder with a long history: as many finished runs as page 80 of the design asks for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench")]

use std::path::Path;

use bailiwick_core::fact::{Entry, Fact, Pin, RunEnd};
use bailiwick_core::ports::Journal as _;
use bailiwick_core::{AttemptId, CellId, CellKey, Cost, Document, Name, RunId, Timestamp, Tokens};
use bailiwick_store::{Store, StoreOptions};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// How many there are.
pub(crate) const RUNS: usize = 100_000;

/// How many are made with one wait: fewer than a host may own at once.
const RUNS_AT_ONCE: usize = 2_000;

/// Makes them.
pub(crate) fn fill(folder: &Path) {
    let store = open(folder);
    for batch in 0..RUNS / RUNS_AT_ONCE {
        let runs: Vec<RunId> = (0..RUNS_AT_ONCE)
            .map(|number| RunId::new(&format!("{:06}", batch * RUNS_AT_ONCE + number)).unwrap())
            .collect();
        let created: Vec<_> = runs.iter().map(|run| store.create(run)).collect();
        let mut tickets = Vec::new();
        for (run, created) in runs.iter().zip(created) {
            let term = wait(created).unwrap();
            for facts in [started_fact(run), cost(), ended()] {
                let entry = Entry { at: Timestamp(batch as u64), facts };
                tickets.push(store.append(run, term, entry).unwrap());
            }
        }
        for ticket in tickets {
            wait(ticket.durable()).unwrap();
        }
    }
}

pub(crate) fn started_fact(run: &RunId) -> Vec<Fact> {
    let assets = Document::of(&json!({}));
    let pin = Pin {
        project: "/srv/project".into(),
        files: Default::default(),
        models: Vec::new(),
        assets,
        currency: None,
    };
    vec![Fact::RunStarted {
        run: run.clone(),
        pipeline: Name::new("campaign").unwrap(),
        input: Document::of(&json!({ "subject": "a brief of usual size", "run": run.as_str() })),
        shape: Vec::new(),
        agents: Default::default(),
        imported: Vec::new(),
        by: "ana".into(),
        pin: Some(pin),
        forked: None,
        labels: None,
    }]
}

pub(crate) fn cost() -> Vec<Fact> {
    let cost = Cost { tokens: Tokens(7), ..Cost::ZERO };
    vec![Fact::CallLost { attempt: attempt("draft"), index: 0, cost }]
}

pub(crate) fn ended() -> Vec<Fact> {
    vec![Fact::RunEnded { end: RunEnd::Done, output: None, reason: None }]
}

pub(crate) fn attempt(step: &str) -> AttemptId {
    let cell = CellId { step: Name::new(step).unwrap(), key: CellKey::single() };
    AttemptId::new(cell, 0, 1)
}

pub(crate) fn open(folder: &Path) -> Store {
    let options = StoreOptions { command: "bench".into(), now: Timestamp(0) };
    Store::open(folder, options).unwrap()
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
