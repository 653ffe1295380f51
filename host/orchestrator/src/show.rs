//! Shows what happened, in order, when it is on stable storage: entries to the observer, questions to people.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{Durable, Ticket};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::inbox::{Message, RunHandle};
use crate::leash::Leash;
use crate::ports::{Desk, Observer, Question};

/// Entries that wait to be shown. Above it the run waits for its observer: a
/// terminal that nobody reads must not fill the memory.
const WAITING_MAX: usize = 16_384;

pub(crate) struct Appended {
    pub(crate) ticket: Ticket,
    pub(crate) entry: Arc<Entry>,
    pub(crate) questions: Vec<Question>,
    /// How many appends there were, this one included.
    pub(crate) count: u64,
}

/// Questions whose entry was shown.
struct Put {
    durable: Durable,
    questions: Vec<Question>,
    count: u64,
}

pub(crate) struct Show {
    sender: mpsc::Sender<Appended>,
    entries: JoinHandle<()>,
    /// Ends with the show: a run that has ended asks nobody any more.
    _questions: Leash,
}

impl Show {
    /// `shown` counts the entries of the run that were shown, also those of earlier lives.
    pub(crate) fn start(
        observer: Arc<dyn Observer>,
        desk: Arc<dyn Desk>,
        run: RunHandle,
        shown: Arc<AtomicU64>,
    ) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        // Bounded all the same: a cell has at most one open question. The desk has a
        // task of its own because it may hand in answers, which the run takes only
        // while it does not wait for its observer.
        let (put, asked) = mpsc::unbounded_channel();
        let questions = tokio::spawn(ask(desk, run.clone(), asked));
        let entries = tokio::spawn(show((observer, shown), run, waiting, put));
        Self { sender, entries, _questions: Leash(questions.abort_handle()) }
    }

    pub(crate) async fn push(&self, appended: Appended) {
        // Closed only after storage failed, and then the run ends by itself.
        let _ = self.sender.send(appended).await;
    }

    /// Waits until every entry was shown.
    pub(crate) async fn finish(self) {
        drop(self.sender);
        // The task ends by itself; that it panicked is not this run's failure.
        let _ = self.entries.await;
    }
}

async fn show(
    (observer, shown): (Arc<dyn Observer>, Arc<AtomicU64>),
    run: RunHandle,
    mut waiting: mpsc::Receiver<Appended>,
    put: mpsc::UnboundedSender<Put>,
) {
    while let Some(Appended { ticket, entry, questions, count }) = waiting.recv().await {
        let durable = match ticket.durable().await {
            Ok(durable) => durable,
            Err(error) => {
                // What is not durable was never there: nothing after it is shown either.
                // Closed first, since the run may be waiting for room in here.
                drop(waiting);
                let _ = run.inbox.send(Message::Lost(error)).await;
                return;
            }
        };
        observer.entry(&durable, &entry);
        shown.store(durable.position(), Ordering::Relaxed);
        if !questions.is_empty() {
            // The desk's task ends only with the show, or by a panic of the desk.
            let _ = put.send(Put { durable, questions, count });
        }
    }
}

async fn ask(desk: Arc<dyn Desk>, run: RunHandle, mut asked: mpsc::UnboundedReceiver<Put>) {
    let people = run.of_all_lives();
    while let Some(Put { durable, questions, count }) = asked.recv().await {
        for question in questions {
            // Somebody may have answered since it was written down.
            let (reply, answer) = oneshot::channel();
            let is_open = Message::IsOpen { ask: question.ask.clone(), reply };
            if run.inbox.send(is_open).await.is_err() || !answer.await.unwrap_or(false) {
                continue;
            }
            desk.ask(&durable, question, &people).await;
        }
        // A run that has ended meanwhile does not need to know.
        let _ = run.inbox.send(Message::Shown(count)).await;
    }
}
