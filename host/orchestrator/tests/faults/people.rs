//! Those who watch a run and those who are asked: whatever reaches them is held against what is on stable storage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_core::{CellId, Digest, Document, RunId};
use bailiwick_orchestrator::{Desk, Observer, Question, Reusable, Reuse, RunHandle};
use bailiwick_project::Step;
use serde_json::json;

use crate::outside::{Outside, run_id};

/// Watches one host.
pub(crate) struct Watcher {
    pub(crate) outside: Arc<Outside>,
    /// How many entries were shown, those before this host included.
    pub(crate) shown: AtomicUsize,
}

impl Observer for Watcher {
    fn entry(&self, durable: &Durable, entry: &Entry) {
        let at = self.shown.fetch_add(1, Ordering::Relaxed);
        let on_disk = self.outside.journal.entries_after(&run_id(), at);
        if on_disk.first() != Some(entry) {
            self.outside.wrong(format!("entry {at} was shown before it was durable"));
        }
        if durable.position() != at as u64 + 1 {
            self.outside.wrong(format!("entry {at} was shown with the proof of another"));
        }
    }
}

/// Answers from the table of decisions, now or later.
pub(crate) struct Office {
    pub(crate) outside: Arc<Outside>,
    pub(crate) attended: bool,
}

impl Desk for Office {
    fn ask<'a>(
        &'a self,
        _: &'a Durable,
        question: Question,
        run: &'a RunHandle,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let outside = &self.outside;
            {
                let known = outside.known();
                if !known.asked.contains(&question.ask) {
                    outside.wrong(format!("{} was put before it was durable", question.ask));
                }
                if known.decided.contains(&question.ask) {
                    outside.wrong(format!("{} was put again after it was decided", question.ask));
                }
            }
            let decision =
                outside.decisions.decide(&question.step, &question.cell.key, question.round);
            outside.turns(10).await;
            let Some(decision) = decision.filter(|_| !outside.chance(outside.faults().silent))
            else {
                return;
            };
            let ask = question.ask.clone();
            if let Ok(taken) = run.decide(question.ask, decision, "ana".into()).await
                && taken.ticket.durable().await.is_ok()
                && !outside.known().decided.contains(&ask)
            {
                outside.wrong(format!("{ask} was acknowledged before it was durable"));
            }
        })
    }

    fn is_attended(&self) -> bool {
        self.attended
    }
}

/// Another run that had the outputs of one step already.
pub(crate) struct OtherRun(pub(crate) Arc<Outside>);

impl Reuse for OtherRun {
    fn applies(&self, step: &Step) -> bool {
        self.0.reused.as_ref() == Some(&step.name)
    }

    fn find<'a>(&'a self, cell: &'a CellId, content: Digest) -> BoxFuture<'a, Option<Reusable>> {
        Box::pin(async move {
            self.0.turns(5).await;
            let from = RunId::new("older").unwrap();
            // By the content alone, as a cache does it.
            let output = Document::of(&json!({ "kept": content.short() }));
            Some(Reusable { from, output }).filter(|_| cell.key.as_str() != "topic=b")
        })
    }
}
