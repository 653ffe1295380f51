//! Puts one question after the other, hands the answers in, and says when nobody is left to answer.

use std::io::{self, BufRead as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use bailiwick_core::Document;
use bailiwick_core::document::DOCUMENT_MAX_BYTES;
use bailiwick_core::fact::Decision;
use bailiwick_engine::{Question, RunHandle};
use tokio::runtime::Handle;

use super::answer::{self, Answer};
use super::{editor, question};
use crate::live::watcher::Watcher;
use crate::talk::Talk;

/// A question on its way to somebody.
pub(super) struct Put {
    pub(super) question: Question,
    pub(super) by: String,
    pub(super) run: RunHandle,
}

pub(super) struct Session {
    pub(super) talk: Talk,
    pub(super) watcher: Arc<Watcher>,
    pub(super) editor: Option<String>,
    pub(super) open: Arc<AtomicUsize>,
    pub(super) runtime: Handle,
}

/// What became of a question.
enum Became {
    Decided(Decision),
    Later,
}

impl Session {
    /// Until the host is gone.
    pub(super) fn go(&self, questions: &mpsc::Receiver<Put>) {
        while let Ok(put) = questions.recv() {
            self.watcher.pause(true);
            self.settle(&put);
            self.watcher.pause(false);
            if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
                self.runtime.block_on(put.run.unattended());
            }
        }
    }

    /// Asks until an answer is taken, or none comes.
    fn settle(&self, put: &Put) {
        self.talk.say(&question::shown(&put.question, &put.by));
        while let Became::Decided(decision) = self.ask(&put.question) {
            let taken = self.runtime.block_on(async {
                let taken = put
                    .run
                    .decide(put.question.ask.clone(), decision.clone(), put.by.clone())
                    .await?;
                taken.ticket.durable().await?;
                Ok::<_, bailiwick_engine::Refused>(taken.already)
            });
            match taken {
                Ok(already) => {
                    let past = bailiwick_engine::past(&decision);
                    let before = already.map_or("", |_| "already ");
                    self.talk.say(&format!("{}: {before}{past}", put.question.ask));
                    return;
                }
                Err(
                    refused @ (bailiwick_engine::Refused::NoRoundLeft
                    | bailiwick_engine::Refused::Value(_)),
                ) => {
                    self.talk.say(&format!("{refused}; answer again"));
                }
                Err(refused) => {
                    self.talk.say(&refused.to_string());
                    return;
                }
            }
        }
        self.talk.say(&format!("{} stays open", put.question.ask));
    }

    /// One answer that can be understood.
    fn ask(&self, asked: &Question) -> Became {
        loop {
            self.talk.say(answer::CHOICES);
            let mut line = String::new();
            match io::stdin().lock().read_line(&mut line) {
                Ok(0) | Err(_) => return Became::Later,
                Ok(_) => {}
            }
            match Answer::read(&line) {
                Ok(Answer::Later) => return Became::Later,
                Ok(Answer::Approve { comment }) => {
                    return Became::Decided(Decision::Approve { comment });
                }
                Ok(Answer::Reject { comment }) => {
                    return Became::Decided(Decision::Reject { comment });
                }
                Ok(Answer::Edit { file }) => match self.edit(asked, file.as_deref()) {
                    Ok(value) => return Became::Decided(Decision::Edit { value, comment: None }),
                    Err(why) => self.talk.say(&why),
                },
                Err(why) => self.talk.say(why),
            }
        }
    }

    /// The new value: from a file, or from the editor.
    fn edit(&self, asked: &Question, file: Option<&Path>) -> Result<Document, String> {
        let text = match file {
            Some(path) => read(path)?,
            None => editor::edited(&asked.subject.value(), self.editor.as_deref())?,
        };
        let (document, _) = Document::parse(&text).map_err(|error| error.to_string())?;
        Ok(document)
    }
}

fn read(path: &Path) -> Result<String, String> {
    let say = |error: io::Error| format!("{}: {error}", path.display());
    let bytes = std::fs::metadata(path).map_err(say)?.len();
    if bytes > DOCUMENT_MAX_BYTES as u64 {
        return Err(format!(
            "{}: a document has at most {DOCUMENT_MAX_BYTES} bytes",
            path.display()
        ));
    }
    std::fs::read_to_string(path).map_err(say)
}
