//! Shows what happened, in order, when it is on stable storage: entries to the observer, questions to people.

use std::sync::Arc;

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::Ticket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::inbox::{Message, RunHandle};
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

pub(crate) struct Show {
    sender: mpsc::Sender<Appended>,
    task: JoinHandle<()>,
}

impl Show {
    pub(crate) fn start(observer: Arc<dyn Observer>, desk: Arc<dyn Desk>, run: RunHandle) -> Self {
        let (sender, mut waiting) = mpsc::channel::<Appended>(WAITING_MAX);
        let task = tokio::spawn(async move {
            while let Some(appended) = waiting.recv().await {
                // What is not durable was never there: nothing after it is shown either.
                let Ok(durable) = appended.ticket.durable().await else { return };
                observer.entry(&durable, &appended.entry);
                let asked = !appended.questions.is_empty();
                for question in appended.questions {
                    desk.ask(&durable, question, &run).await;
                }
                if asked {
                    // A run that has ended meanwhile does not need to know.
                    let _ = run.inbox.send(Message::Shown(appended.count)).await;
                }
            }
        });
        Self { sender, task }
    }

    pub(crate) async fn push(&self, appended: Appended) {
        // Closed only after storage failed, and then the run ends by itself.
        let _ = self.sender.send(appended).await;
    }

    /// Waits until everything was shown.
    pub(crate) async fn finish(self) {
        drop(self.sender);
        // The task ends by itself; that it panicked is not this run's failure.
        let _ = self.task.await;
    }
}
