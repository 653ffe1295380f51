//! People at the terminal: one question at a time, on a thread of its own that waits for the keyboard.

mod answer;
mod editor;
mod question;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use bailiwick_core::ports::Durable;
use bailiwick_engine::desk::Prompter;
use bailiwick_engine::{Question, RunHandle};

use crate::live::watcher::Watcher;
use crate::talk::Talk;
use session::{Put, Session};

/// Somebody at the keyboard.
pub(crate) struct Prompt {
    questions: mpsc::Sender<Put>,
    /// Questions that were put and are neither answered nor left for later.
    open: Arc<AtomicUsize>,
}

impl Prompt {
    /// Begins to wait for questions. There are at most as many as the run has cells.
    pub(crate) fn open(talk: Talk, watcher: Arc<Watcher>, editor: Option<String>) -> Self {
        let (questions, put) = mpsc::channel();
        let open = Arc::new(AtomicUsize::new(0));
        let session = Session {
            talk,
            watcher,
            editor,
            open: Arc::clone(&open),
            runtime: tokio::runtime::Handle::current(),
        };
        // A thread of its own: reading a keyboard cannot be taken back, and the process
        // must be able to end while it waits.
        std::thread::spawn(move || session.go(&put));
        Self { questions, open }
    }
}

impl Prompter for Prompt {
    fn prompt(&self, _: &Durable, question: Question, by: &str, run: &RunHandle) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let put = Put { question, by: by.to_owned(), run: run.clone() };
        if self.questions.send(put).is_err() {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn is_attending(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }
}
