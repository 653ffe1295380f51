//! The task that owns a run: takes messages, applies facts, appends them, goes on until nothing is left. What each message means stands in its own file.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{AgentPin, Entry, Fact, Forked, PauseReason, Pin, Repin, RunLabels};
use bailiwick_core::ports::{Clock, Durable, Journal, JournalError, Term, Ticket};
use bailiwick_core::run::IllegalFact;
use bailiwick_core::{Artifact, AttemptId, Document, Name, RunId, RunState, Timestamp};
use bailiwick_policy::ports::{Park, Slots, StepRunner};
use bailiwick_project::Plan;
use serde_json::Value;

use crate::ending::Stopping;
use crate::evaluate::Evaluator;
use crate::graph::Graph;
use crate::hold::Hold;
use crate::inbox::{self, Inbox, Message, RunHandle, Taken};
use crate::leash::Leash;
use crate::lives::{self, Beginning};
use crate::ports::{Books, Desk, Lack, Observer, Preparation, Question, Readiness, Reuse};
use crate::queue::Queue;
use crate::room::Room;
use crate::show::{Appended, Show};
use crate::timers::Timers;
use crate::values::Values;

/// Messages that are taken into one append at most: what a commit of a few
/// milliseconds collects on a fast machine.
const MESSAGES_PER_APPEND: usize = 256;

/// The ports of a run.
#[derive(Clone)]
#[allow(missing_docs, reason = "one port each, documented where it is defined")]
pub struct World {
    pub journal: Arc<dyn Journal>,
    pub clock: Arc<dyn Clock>,
    pub slots: Arc<dyn Slots>,
    pub runner: Arc<dyn StepRunner>,
    pub observer: Arc<dyn Observer>,
    pub desk: Arc<dyn Desk>,
    pub reuse: Arc<dyn Reuse>,
    pub books: Arc<dyn Books>,
}

/// What is to be run.
#[derive(Clone)]
pub struct Start {
    /// A fresh id.
    pub run: RunId,
    /// The pipeline.
    pub plan: Arc<Plan>,
    /// The input, valid against the plan's schema.
    pub input: Document,
    /// What `${assets}` reads as: folder to file name to reference.
    pub assets: Value,
    /// What each agent name points at.
    pub agents: BTreeMap<Name, AgentPin>,
    /// The files that came in.
    pub imported: Vec<Artifact>,
    /// Who starts it.
    pub by: String,
    /// The files that it is started from.
    pub pin: Option<Pin>,
    /// The run that it is made from.
    pub forked: Option<Forked>,
    /// How confidential it is.
    pub labels: Option<Box<RunLabels>>,
    /// Attempts at a time.
    pub concurrency: NonZeroUsize,
    /// What running attempts get after a stop.
    pub grace: Duration,
    /// What comes before the first cell.
    pub preparation: Option<Preparation>,
}

/// A run that was left and is to go on.
pub struct Resume {
    /// The claim on its journal, made before its state was read.
    pub term: Term,
    /// Its state, of everything that the journal has.
    pub state: RunState,
    /// How many entries that are: they are not shown again.
    pub known: u64,
    /// The plan that it was started with.
    pub plan: Arc<Plan>,
    /// What `${assets}` reads as.
    pub assets: Value,
    /// Who goes on with it.
    pub by: String,
    /// What it goes on with instead of what it was started with.
    pub repinned: Option<Repin>,
    /// Whether cells that failed are done again.
    pub retry_failed: bool,
    /// Attempts at a time.
    pub concurrency: NonZeroUsize,
    /// What running attempts get after a stop.
    pub grace: Duration,
    /// What comes before the first cell, where none began yet.
    pub preparation: Option<Preparation>,
}

/// How a run was left: ended, resting, or waiting for people.
#[derive(Debug)]
pub struct Ended {
    /// Everything that is known of it.
    pub state: RunState,
    /// That its last fact is on stable storage.
    pub durable: Durable,
}

/// Why a run was given up by this host. The journal has a legal prefix.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Storage failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A defect: the orchestrator wanted to write what cannot have happened.
    #[error(transparent)]
    Illegal(#[from] IllegalFact),
}

/// A run as its task sees it.
pub(crate) struct Task {
    pub(crate) world: World,
    pub(crate) plan: Arc<Plan>,
    pub(crate) assets: Value,
    pub(crate) input: Value,
    pub(crate) grace: Duration,
    pub(crate) state: RunState,
    pub(crate) graph: Graph,
    pub(crate) values: Values,
    pub(crate) queue: Queue,
    pub(crate) evaluator: Evaluator,
    pub(crate) handle: RunHandle,
    /// Attempts that run.
    pub(crate) attempts: BTreeMap<AttemptId, Leash>,
    /// Evaluations and pauses that will send a message.
    pub(crate) promises: usize,
    pub(crate) stopping: Option<Stopping>,
    /// What the last attempt waits for that was let go until somebody acts.
    pub(crate) parked: Option<Park>,
    pub(crate) output_begun: bool,
    /// Steps of which something failed, so far within what they tolerate.
    pub(crate) failing: BTreeSet<Name>,
    /// Whether the last host of this run ended without a word, or one that was there at
    /// such ends goes on. Then no guest runs ahead
    /// of the fact that it does: else one that takes its host down at once would never
    /// have run, by the journal, and would do it for ever.
    pub(crate) wary: bool,
    pub(crate) questions: Vec<Question>,
    pub(crate) timers: Timers,
    /// Somebody else is about to append for this run.
    pub(crate) hold: Option<Hold>,
    /// What was done before the first cell, so that it is not forgotten where it is not durable.
    pub(crate) prepared: Vec<Fact>,
    pub(crate) term: Term,
    batch: Vec<Fact>,
    pub(crate) batch_at: Timestamp,
    replies: Vec<Box<dyn FnOnce(Ticket, Timestamp) + Send>>,
    last: Option<Ticket>,
    appends: u64,
    /// Appends with questions: how many there were when the last was made and shown.
    pub(crate) asked: u64,
    pub(crate) shown: u64,
}

/// Starts a run. The future ends when the run has ended, or waits for people who are
/// not there; the handle reaches it meanwhile.
pub fn run(
    world: World,
    start: Start,
) -> (RunHandle, impl Future<Output = Result<Ended, RunError>>) {
    let (handle, inbox) = inbox::open(start.run.clone());
    (handle.clone(), lives::live(world, Beginning::Start(Box::new(start)), handle, inbox))
}

/// Goes on with a run that was left.
pub fn resume(
    world: World,
    resume: Resume,
) -> (RunHandle, impl Future<Output = Result<Ended, RunError>>) {
    let (handle, inbox) = inbox::open(resume.state.run.clone());
    let beginning = Beginning::Resume(Box::new(resume));
    (handle.clone(), lives::live(world, beginning, handle, inbox))
}

/// Makes a run. A host that ended just after it had made one left nothing in it: that one
/// is taken over, so that who was promised a run under this id gets it.
async fn create(journal: &dyn Journal, run: &RunId) -> Result<Term, JournalError> {
    match journal.create(run).await {
        Err(JournalError::RunExists(run)) => match journal.read(&run).await?.is_empty() {
            true => journal.claim(&run).await,
            false => Err(JournalError::RunExists(run)),
        },
        made => made,
    }
}

/// Drives a run until it is left; what comes back says that its last fact is on stable storage.
pub(crate) async fn drive(
    task: &mut Task,
    show: &Show,
    inbox: &mut Inbox,
) -> Result<Durable, RunError> {
    loop {
        task.start_ready()?;
        task.progress()?;
        task.append(show).await?;
        task.arm();
        if task.is_over() {
            break;
        }
        if let Some(hold) = task.hold.take() {
            task.wait_for_append(hold, show).await?;
            continue;
        }
        let Some(message) = inbox.recv().await else { break };
        task.take(message)?;
        for _ in 1..MESSAGES_PER_APPEND {
            // A run that has ended takes nothing more; who waits for an answer learns it.
            if task.state.end.is_some() || task.state.pause.is_some() || task.hold.is_some() {
                break;
            }
            let Some(message) = inbox.try_recv() else { break };
            task.take(message)?;
        }
    }
    let Some(last) = task.last.take() else {
        return Err(JournalError::Storage("nothing was written".into()).into());
    };
    Ok(last.durable().await?)
}

impl Task {
    pub(crate) async fn begin(
        world: World,
        start: Start,
        handle: RunHandle,
    ) -> Result<Self, RunError> {
        let term = create(world.journal.as_ref(), &start.run).await?;
        let at = world.clock.now();
        let fact = Fact::RunStarted {
            run: start.run,
            pipeline: start.plan.pipeline.clone(),
            input: start.input.clone(),
            shape: start.plan.shape(),
            agents: start.agents,
            imported: start.imported,
            by: start.by,
            pin: start.pin,
            forked: start.forked,
            labels: start.labels,
        };
        let state = RunState::begin(&fact, at)?;
        let (plan, assets) = (start.plan, start.assets);
        let mut task = Self::of(world, (plan, assets, start.concurrency), state, handle, term);
        (task.grace, task.batch, task.batch_at) = (start.grace, vec![fact], at);
        task.begin_axes();
        Ok(task)
    }

    pub(crate) fn go_on(world: World, resume: Resume, handle: RunHandle) -> Result<Self, RunError> {
        let Resume { term, state, plan, assets, by, repinned, retry_failed, .. } = resume;
        let (last, wary) = (state.span.1, state.end.is_none() && state.pause.is_none());
        let mut task = Self::of(world, (plan, assets, resume.concurrency), state, handle, term);
        (task.grace, task.batch_at, task.wary) = (resume.grace, last, wary);
        task.note(Fact::RunResumed { by, repinned, retry_failed })?;
        task.rebuild()?;
        Ok(task)
    }

    pub(crate) fn of(
        world: World,
        (plan, assets, concurrency): (Arc<Plan>, Value, NonZeroUsize),
        state: RunState,
        handle: RunHandle,
        term: Term,
    ) -> Self {
        Self {
            queue: Queue::new(&plan, concurrency.get(), Room::new(world.runner.places())),
            input: state.input.value(),
            state,
            world,
            plan,
            assets,
            grace: Duration::ZERO,
            graph: Graph::default(),
            values: Values::default(),
            evaluator: Evaluator::default(),
            handle,
            attempts: BTreeMap::new(),
            promises: 0,
            stopping: None,
            parked: None,
            output_begun: false,
            failing: BTreeSet::new(),
            wary: false,
            questions: Vec::new(),
            timers: Timers::default(),
            hold: None,
            prepared: Vec::new(),
            term,
            batch: Vec::new(),
            batch_at: Timestamp(0),
            replies: Vec::new(),
            last: None,
            appends: 0,
            asked: 0,
            shown: 0,
        }
    }

    /// Nothing else of this run happens meanwhile: messages wait.
    pub(crate) async fn prepare(
        &mut self,
        preparation: &Preparation,
        show: &Show,
    ) -> Result<(), RunError> {
        self.append(show).await?;
        let Some(begun) = &self.last else { return Ok(()) };
        let durable = begun.durable().await?;
        let Readiness { facts, lacks } = preparation(durable).await;
        match lacks {
            Some(Lack::Fails(reason)) => self.fail(reason),
            Some(Lack::Budget(detail)) => self.leave(Stopping::lacks(PauseReason::Budget, detail)),
            Some(Lack::Day(detail)) => self.leave(Stopping::lacks(PauseReason::Day, detail)),
            None => {}
        }
        self.prepared.clone_from(&facts);
        facts.into_iter().try_for_each(|fact| Ok(self.note(fact)?))
    }

    fn take(&mut self, message: Message) -> Result<(), RunError> {
        match message {
            Message::Record { fact, reply } => {
                match self.write_off_callee(&fact).and_then(|()| self.note(fact)) {
                    Ok(()) => self.replies.push(Box::new(move |ticket, at| {
                        // Who asked may be gone: its attempt was ended meanwhile.
                        let _ = reply.send(Ok((ticket, at)));
                    })),
                    Err(illegal) => {
                        let _ = reply.send(Err(JournalError::Storage(illegal.to_string())));
                    }
                }
                Ok(())
            }
            Message::Ended { attempt, outcome } => self.attempt_ended(attempt, outcome),
            Message::Prepared { work, result } => self.prepared(work, result),
            Message::Axis { axis, result } => self.axis_resolved(&axis, result),
            Message::Points { step, result } => self.points_chosen(&step, result),
            Message::Output { result } => self.output_resolved(result),
            Message::Decide { answers, reply } => {
                match self.decide(answers)? {
                    Ok(before) => self.reply_when_written(move |ticket| {
                        let taken = before.into_iter();
                        let taken = taken.map(|already| Taken { ticket: ticket.clone(), already });
                        let _ = reply.send(Ok(taken.collect()));
                    }),
                    Err(refused) => {
                        let _ = reply.send(Err(refused));
                    }
                }
                Ok(())
            }
            Message::Hold { answers, reply } => {
                self.hold = Some(Hold { answers, reply });
                Ok(())
            }
            Message::Alarm => self.alarm(),
            Message::Wake(work) => {
                self.promises -= 1;
                self.push(work);
                Ok(())
            }
            Message::Place(place, company) => {
                self.queue.place(place, company);
                Ok(())
            }
            Message::IsOpen { ask, reply } => {
                // Who asks ends with the run.
                let _ = reply.send(self.is_open(&ask));
                Ok(())
            }
            Message::Shown(count) => {
                self.shown = self.shown.max(count);
                Ok(())
            }
            Message::Lost(error) => Err(error.into()),
            Message::Found { id, input, content, found } => self.found(id, input, found, content),
            Message::Stop => {
                self.leave(Stopping::interrupted());
                Ok(())
            }
            Message::Pause { reason, by } => {
                self.leave(Stopping::paused(reason, by));
                Ok(())
            }
            Message::Cancel { by } => {
                self.cancel(&by);
                Ok(())
            }
            // Whether the run is over is looked at after each message.
            Message::Unattended => Ok(()),
            Message::GraceOver => {
                self.attempts.values().for_each(Leash::pull);
                Ok(())
            }
        }
    }

    /// Applies a fact and queues it for the next append.
    pub(crate) fn note(&mut self, fact: Fact) -> Result<(), IllegalFact> {
        if self.batch.is_empty() {
            self.batch_at = self.world.clock.now().max(self.batch_at);
        }
        self.state.next(&fact, self.batch_at)?;
        self.batch.push(fact);
        Ok(())
    }

    /// The time that the facts of the next append carry.
    pub(crate) fn now(&mut self) -> Timestamp {
        if self.batch.is_empty() {
            self.batch_at = self.world.clock.now().max(self.batch_at);
        }
        self.batch_at
    }

    /// Answers with the ticket of everything that is known so far.
    pub(crate) fn reply_when_written(&mut self, reply: impl FnOnce(Ticket) + Send + 'static) {
        match &self.last {
            Some(last) if self.batch.is_empty() => reply(last.clone()),
            _ => self.replies.push(Box::new(move |ticket, _| reply(ticket))),
        }
    }

    async fn append(&mut self, show: &Show) -> Result<(), RunError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let entry = Entry { at: self.batch_at, facts: std::mem::take(&mut self.batch) };
        let run = &self.handle.run;
        let ticket = self.world.journal.append(run, self.term, entry.clone())?;
        for reply in self.replies.drain(..) {
            reply(ticket.clone(), self.batch_at);
        }
        self.appended(ticket, entry, show).await;
        Ok(())
    }

    /// An append was made.
    pub(crate) async fn appended(&mut self, ticket: Ticket, entry: Entry, show: &Show) {
        self.appends += 1;
        let questions = std::mem::take(&mut self.questions);
        if !questions.is_empty() {
            self.asked = self.appends;
        }
        self.last = Some(ticket.clone());
        show.push(Appended { ticket, entry: Arc::new(entry), questions, count: self.appends })
            .await;
    }

    /// Whether this host has nothing more to do: the run has ended, or waits for people
    /// who were all asked and cannot answer here.
    fn is_over(&self) -> bool {
        let over = self.state.end.is_some() || self.state.pause.is_some();
        // What is overdue is decided first, also where nobody attends.
        let due = || self.timers.is_due(self.world.clock.now());
        over || (self.waits_for_people() && !self.world.desk.is_attended() && !due())
    }

    /// Whether nothing goes on by itself.
    pub(crate) fn is_quiet(&self) -> bool {
        self.queue.is_idle() && self.promises == 0 && self.attempts.is_empty()
    }

    pub(crate) fn waits_for_people(&self) -> bool {
        self.is_quiet() && self.shown >= self.asked && self.state.open_asks().next().is_some()
    }
}
