//! What reaches the task that owns a run: facts of attempts, ends of attempts, answers of people, stops. Decides nothing.

use std::collections::VecDeque;

use bailiwick_core::AttemptId;
use bailiwick_core::fact::{AskId, Decision, Fact, Failure, PauseReason};
use bailiwick_core::ports::{Append, BoxFuture, JournalError, Recorder, Ticket};
use bailiwick_core::{AxisValue, Digest, Document, Name, RunId, Timestamp};
use bailiwick_policy::ports::{Outcome, Place};
use bailiwick_project::Point;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::answers::{Answer, Refused};
use crate::evaluate::Prepared;
use crate::ports::Reusable;
use crate::queue::Work;
use crate::room::Company;
use crate::values::Obstacle;

/// Messages under way to one run. Each running attempt has at most one, so this is
/// above what a run's concurrency can fill; who meets it full waits.
pub(crate) const INBOX_MAX: usize = 1024;

pub(crate) type Reply<T> = oneshot::Sender<T>;

/// A message, and the life of the run that it is about; nothing: whichever goes on now.
struct Letter {
    life: Option<u32>,
    message: Message,
}

/// A way into the inbox of a run.
#[derive(Clone)]
pub(crate) struct Line {
    sender: mpsc::Sender<Letter>,
    life: Option<u32>,
}

/// Nobody reads any more.
#[derive(Debug)]
pub(crate) struct Gone;

impl Line {
    pub(crate) async fn send(&self, message: Message) -> Result<(), Gone> {
        self.sender.send(Letter { life: self.life, message }).await.map_err(|_| Gone)
    }
}

/// What reaches a run. What an earlier life of it had under way is dropped unread.
pub(crate) struct Inbox {
    letters: mpsc::Receiver<Letter>,
    life: u32,
    /// Of people, while nobody could act on it.
    kept: VecDeque<Message>,
}

/// An empty inbox, and the way into it for whoever is outside of the run.
pub(crate) fn open(run: RunId) -> (RunHandle, Inbox) {
    let (sender, letters) = mpsc::channel(INBOX_MAX);
    let handle = RunHandle { run, inbox: Line { sender, life: None } };
    (handle, Inbox { letters, life: 0, kept: VecDeque::new() })
}

impl Inbox {
    /// The next message; nothing where nobody can send one any more.
    pub(crate) async fn recv(&mut self) -> Option<Message> {
        if let Some(kept) = self.kept.pop_front() {
            return Some(kept);
        }
        loop {
            let letter = self.letters.recv().await?;
            if self.is_current(&letter) {
                return Some(letter.message);
            }
        }
    }

    /// The next message, where there is one now.
    pub(crate) fn try_recv(&mut self) -> Option<Message> {
        if let Some(kept) = self.kept.pop_front() {
            return Some(kept);
        }
        loop {
            let letter = self.letters.try_recv().ok()?;
            if self.is_current(&letter) {
                return Some(letter.message);
            }
        }
    }

    /// The next message of a life that is over. Those from outside wait for the next.
    pub(crate) async fn recv_last(&mut self) -> Option<Message> {
        loop {
            let letter = self.letters.recv().await?;
            match letter.life {
                Some(life) if life == self.life => return Some(letter.message),
                Some(_) => {}
                None => self.kept.push_back(letter.message),
            }
        }
    }

    /// Another life begins.
    pub(crate) fn next_life(&mut self) {
        self.life += 1;
    }

    fn is_current(&self, letter: &Letter) -> bool {
        letter.life.is_none_or(|life| life == self.life)
    }
}

pub(crate) enum Message {
    /// A fact of a running attempt.
    Record { fact: Fact, reply: Reply<Result<(Ticket, Timestamp), JournalError>> },
    /// An attempt has ended.
    Ended { attempt: AttemptId, outcome: Outcome },
    /// The expressions of some work were evaluated.
    Prepared { work: Work, result: Result<Prepared, Obstacle> },
    /// An axis was evaluated.
    Axis { axis: Name, result: Result<Vec<AxisValue>, Failure> },
    /// The points of a step were chosen.
    Points { step: Name, result: Result<Vec<Point>, Failure> },
    /// The output was evaluated.
    Output { result: Result<Value, Failure> },
    /// People have decided.
    Decide { answers: Vec<Answer>, reply: Reply<Result<Vec<Taken>, Vec<Refused>>> },
    /// People have decided here and elsewhere: the run waits for the one append that says so.
    Hold { answers: Vec<Answer>, reply: Reply<Result<HeldRun, Vec<Refused>>> },
    /// A question may be due.
    Alarm,
    /// A pause before a retry is over.
    Wake(Work),
    /// It is this run's turn in the room that it shares with others.
    Place(Place, Company),
    /// Whether a question that is about to be put still waits for people.
    IsOpen { ask: AskId, reply: Reply<bool> },
    /// So many appends were shown, and their questions put.
    Shown(u64),
    /// An append did not reach stable storage.
    Lost(JournalError),
    /// Another run may have had this output already.
    Found { id: AttemptId, input: Document, content: Digest, found: Option<Reusable> },
    /// Somebody wants the run to stop.
    Stop,
    /// Somebody wants the run to rest.
    Pause { reason: PauseReason, by: Option<String> },
    /// Somebody wants the run to end for good.
    Cancel { by: String },
    /// The grace of a stop is over.
    GraceOver,
    /// Nobody attends the desk any more.
    Unattended,
}

/// An answer that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What is shown of it waits for this.
    pub ticket: Ticket,
    /// Who had said the same before, where somebody had: then nothing has changed.
    pub already: Option<String>,
}

/// A run that waits for an append, which somebody else makes for it. Dropped, it goes on as
/// if nobody had decided anything.
#[derive(Debug)]
pub struct HeldRun {
    pub(crate) append: Option<Append>,
    pub(crate) already: Vec<Option<String>>,
    pub(crate) go: oneshot::Sender<Ticket>,
}

impl HeldRun {
    /// What is to be written; nothing where all was said before.
    pub fn append(&mut self) -> Option<Append> {
        self.append.take()
    }

    /// For each answer who had said the same before, where somebody had.
    #[must_use]
    pub fn already(&self) -> &[Option<String>] {
        &self.already
    }

    /// The append was made: the run goes on with what follows.
    pub fn go(self, ticket: Ticket) {
        // A run that was given up meanwhile is made anew from what is on disk.
        let _ = self.go.send(ticket);
    }
}

/// A way to a run for people and signals. Cloning is cheap.
#[derive(Clone)]
pub struct RunHandle {
    pub(crate) run: RunId,
    pub(crate) inbox: Line,
}

impl RunHandle {
    /// The way for what belongs to the life of the run that goes on now, and ends with it.
    pub(crate) fn of_life(&self, inbox: &Inbox) -> Self {
        let inbox = Line { life: Some(inbox.life), ..self.inbox.clone() };
        Self { run: self.run.clone(), inbox }
    }

    /// The way for people: what they say is about the run, in whichever life.
    pub(crate) fn of_all_lives(&self) -> Self {
        Self { run: self.run.clone(), inbox: Line { life: None, ..self.inbox.clone() } }
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Hands a decision in. What comes back is shown only when its ticket is durable.
    ///
    /// # Errors
    /// [`Refused`] with the reason; nothing has changed then.
    pub async fn decide(
        &self,
        ask: AskId,
        decision: Decision,
        by: String,
    ) -> Result<Taken, Refused> {
        let answer = Answer { ask, decision, by, subject: None };
        let taken = self.decide_all(vec![answer]).await;
        let first = |mut all: Vec<Refused>| all.pop().unwrap_or(Refused::RunEnded);
        taken.map_err(first)?.pop().ok_or(Refused::RunEnded)
    }

    /// Hands several decisions in, each of another question: all are taken in one append,
    /// or none is. What comes back is in the same order.
    ///
    /// # Errors
    /// [`Refused`] for each that was; nothing has changed then.
    pub async fn decide_all(&self, answers: Vec<Answer>) -> Result<Vec<Taken>, Vec<Refused>> {
        let ended = || vec![Refused::RunEnded];
        let (reply, answer) = oneshot::channel();
        let message = Message::Decide { answers, reply };
        self.inbox.send(message).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Hands decisions in that are to be written down together with others. Where all of
    /// them fit, the run does nothing more until it is told which append it was.
    ///
    /// # Errors
    /// [`Refused`] for each that was; the run goes on then.
    pub async fn hold(&self, answers: Vec<Answer>) -> Result<HeldRun, Vec<Refused>> {
        let ended = || vec![Refused::RunEnded];
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Message::Hold { answers, reply }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Asks the run to stop: nothing new starts, what runs gets a grace.
    pub async fn stop(&self) {
        // A run that has ended needs no stop.
        let _ = self.inbox.send(Message::Stop).await;
    }

    /// Asks the run to rest: like a stop, but it says why, and is no interruption.
    pub async fn pause(&self, reason: PauseReason, by: Option<String>) {
        // A run that has ended needs no rest.
        let _ = self.inbox.send(Message::Pause { reason, by }).await;
    }

    /// Ends the run for good, without a grace.
    pub async fn cancel(&self, by: String) {
        // A run that has ended cannot be cancelled.
        let _ = self.inbox.send(Message::Cancel { by }).await;
    }
}

impl RunHandle {
    /// Says that the desk is not attended any more: a run in which everything waits for
    /// people is left waiting now.
    pub async fn unattended(&self) {
        // A run that has ended waits for nobody.
        let _ = self.inbox.send(Message::Unattended).await;
    }
}

/// The recorder that attempts of this run get.
pub(crate) struct InboxRecorder(pub(crate) RunHandle);

impl Recorder for InboxRecorder {
    fn record(&self, fact: Fact) -> BoxFuture<'_, Result<(Ticket, Timestamp), JournalError>> {
        Box::pin(async move {
            let over = || JournalError::Storage("the run has ended".into());
            let (reply, answer) = oneshot::channel();
            self.0.inbox.send(Message::Record { fact, reply }).await.map_err(|_| over())?;
            answer.await.map_err(|_| over())?
        })
    }
}
