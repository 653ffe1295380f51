//! How a turn begins: a run that was submitted, or one that goes on, with the decisions that came with it. Drives none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bailiwick_core::ports::Durable;
use bailiwick_core::{Diagnostic, RunId};
use bailiwick_orchestrator::{Question, RunHandle};
use tokio::sync::oneshot;

use crate::desk::Prompter;
use crate::labels::Audience;
use crate::load::Opened;
use crate::problems::Problems;
use crate::resume::{ResumeRequest, resume};
use crate::run::{RunRequest, Running, run};
use crate::serve::feed::Feed;
use crate::serve::operations::renamed;
use crate::serve::orders::Order;
use crate::serve::resident::{GoOn, Inner, What, storage};
use crate::{codes, pinned};

/// Keeps a run whose questions are open, while there is room for it and nobody wants it
/// let go.
struct Attending {
    full: Arc<AtomicBool>,
    feed: Arc<Feed>,
}

impl Prompter for Attending {
    // Who answers finds the question in the journal.
    fn prompt(&self, _: &Durable, _: Question, _: &str, _: &RunHandle) {}

    fn is_attending(&self) -> bool {
        !self.full.load(Ordering::Relaxed) && !self.feed.let_go.load(Ordering::Relaxed)
    }
}

impl Inner {
    pub(crate) async fn begin(
        &self,
        run: &RunId,
        what: What,
        feed: &Arc<Feed>,
    ) -> (Result<Running, Problems>, Option<oneshot::Sender<Result<(), Problems>>>) {
        // The semaphore is never closed.
        let _start = self.starts.acquire().await;
        match what {
            What::Begin(order) => (self.begin_new(run, &order, feed).await, None),
            What::GoOn(mut go_on) => {
                let reply = go_on.reply.take();
                (self.go_on(run, go_on, feed).await, reply)
            }
        }
    }

    async fn begin_new(
        &self,
        run_id: &RunId,
        order: &Order,
        feed: &Arc<Feed>,
    ) -> Result<Running, Problems> {
        let opened = self.pinned(&order.project)?;
        let place = self.orders.place(run_id);
        let request = RunRequest {
            pipeline: Some(order.pipeline.clone()),
            input: order.input.then(|| place.input()),
            decisions: order.decisions.then(|| place.decisions()),
            out: None,
            run: Some(run_id.clone()),
            label: order.label.clone(),
            uid: order.uid,
            audience: Audience::WhoAsks,
            observer: Arc::clone(feed) as _,
            prompter: Some(self.attending(feed)),
            complain: Arc::clone(&self.complain),
        };
        let _reading = self.reading.acquire().await;
        run(&self.host, &opened, request).await
    }

    async fn go_on(&self, run: &RunId, go_on: GoOn, feed: &Arc<Feed>) -> Result<Running, Problems> {
        let listed = self.held.store.archive().run(run.clone()).await.map_err(storage)?;
        let opened = match listed.pipeline {
            Some(pipeline) if listed.project.is_empty() => self.projects().only_with(&pipeline),
            _ => None,
        };
        let opened = match opened {
            Some(opened) => opened,
            None => self.pinned(&listed.project)?,
        };
        let order = self.orders.order(run);
        let by = go_on.by.unwrap_or(self.uid);
        let before = order.as_ref().filter(|order| order.decisions);
        let before = before.map(|order| (self.orders.place(run).decisions(), order.uid));
        let offered = match go_on.decisions {
            Some(text) => Some((self.orders.offer(run, &text).map_err(storage)?, by)),
            None => None,
        };
        let (decisions, decides) = offered.clone().or(before).unzip();
        let request = ResumeRequest {
            run: Some(run.clone()),
            decisions,
            out: None,
            retry_failed: go_on.retry_failed,
            repin: go_on.repin,
            uid: by,
            decides: decides.unwrap_or(self.uid),
            audience: Audience::WhoAsks,
            observer: Arc::clone(feed) as _,
            prompter: Some(self.attending(feed)),
            complain: Arc::clone(&self.complain),
        };
        let resumed = resume(&self.host, &opened, request).await;
        match (resumed, offered) {
            (Ok(running), Some(_)) => {
                let order = Order {
                    project: pinned::project(&opened.root),
                    pipeline: running.plan.pipeline.clone(),
                    uid: by,
                    label: order.as_ref().and_then(|order| order.label.clone()),
                    input: order.is_some_and(|order| order.input),
                    decisions: true,
                };
                self.keep_decisions(run, &order);
                Ok(running)
            }
            (Err(problems), Some((path, _))) => {
                self.orders.refuse(run);
                Err(renamed(problems, &path, "the decisions"))
            }
            (resumed, None) => resumed,
        }
    }

    fn attending(&self, feed: &Arc<Feed>) -> Arc<dyn Prompter> {
        feed.let_go.store(false, Ordering::Relaxed);
        Arc::new(Attending { full: Arc::clone(&self.full), feed: Arc::clone(feed) })
    }

    fn keep_decisions(&self, run: &RunId, order: &Order) {
        if let Err(error) = self.orders.keep(run, order) {
            (self.complain)(format!("run {run}: its decisions hold until a restart: {error}"));
        }
    }

    fn pinned(&self, project: &str) -> Result<Arc<Opened>, Problems> {
        self.projects().pinned(project).ok_or_else(|| {
            let message = format!("its project {project:?} is not one of this host");
            let hint = "start the host with --project for it too";
            Problems::one(Diagnostic::error(codes::SERVED, message).hint(hint))
        })
    }
}
