//! The lives of a run in one host: a journal that fails ends one, and the next is made of what is on disk. Decides nothing of what a run does.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bailiwick_core::fact::{Fact, ParkReason, PauseReason, RunEnd};
use bailiwick_core::ports::{Durable, JournalError, TakenOver};
use bailiwick_core::run::{JudgeStage, Stage};
use bailiwick_core::{AttemptId, RunId, RunState};
use bailiwick_project::Plan;
use serde_json::Value;

use crate::ending::Stopping;
use crate::inbox::{Inbox, Message, RunHandle};
use crate::leash::Leash;
use crate::ports::Preparation;
use crate::show::Show;
use crate::task::{Ended, Resume, RunError, Start, Task, World, drive};

/// How often a run is made anew before this host gives it up. Each time, what was under way
/// is asked again and paid again; a disk that fails so often is a matter for a person.
const LIVES_MAX: u32 = 16;

/// What the first life begins with.
pub(crate) enum Beginning {
    Start(Box<Start>),
    Resume(Box<Resume>),
}

/// Lives through a run, until it is left or cannot go on.
///
/// A failed append has an unknown outcome: nothing of this life is believed any more but
/// what the journal gives back. The claim on it is durable before anything goes on, so what
/// is read then stays. Where that fails too, the journal has failed twice in a row.
pub(crate) async fn live(
    world: World,
    beginning: Beginning,
    handle: RunHandle,
    mut inbox: Inbox,
) -> Result<Ended, RunError> {
    let (origin, known) = Origin::of(&beginning);
    let shown = Arc::new(AtomicU64::new(known));
    let own = handle.of_life(&inbox);
    let mut task = match beginning {
        Beginning::Start(start) => Task::begin(world.clone(), *start, own).await?,
        Beginning::Resume(resume) => Task::go_on(world.clone(), *resume, own)?,
    };
    let mut lives = 1;
    loop {
        let (observer, desk) = (Arc::clone(&world.observer), Arc::clone(&world.desk));
        let show = Show::start(observer, desk, task.handle.clone(), Arc::clone(&shown));
        let why = match through(&mut task, origin.preparation.as_ref(), &show, &mut inbox).await {
            Ok(durable) => {
                show.finish().await;
                return Ok(Ended { state: task.state, durable });
            }
            Err(RunError::Journal(JournalError::Storage(why))) if lives < LIVES_MAX => why,
            Err(error) => return Err(error),
        };
        lives += 1;
        let left = let_go(task, show, &mut inbox).await;
        inbox.next_life();
        let own = handle.of_life(&inbox);
        task = match origin.again(&world, own, &why, (left, &shown)).await? {
            Next::Lives(task) => *task,
            Next::Over(ended) => return Ok(*ended),
        };
    }
}

/// One life.
async fn through(
    task: &mut Task,
    preparation: Option<&Preparation>,
    show: &Show,
    inbox: &mut Inbox,
) -> Result<Durable, RunError> {
    let begun = task.state.steps.iter().any(|step| step.laid_out);
    if let Some(preparation) = preparation.filter(|_| !begun && task.stopping.is_none()) {
        task.prepare(preparation, show).await?;
    }
    drive(task, show, inbox).await
}

/// What a life leaves to the next besides the journal.
struct Left {
    /// What people wanted of the run.
    wish: Option<Stopping>,
    /// What was done before the first cell.
    prepared: Vec<Fact>,
}

/// Lets a life go: ends when its attempts have ended, so that nothing of it spends any
/// more, and when everything of it that is durable was shown.
async fn let_go(task: Task, show: Show, inbox: &mut Inbox) -> Left {
    let Task { mut attempts, stopping, prepared, hold, .. } = task;
    // Who holds the run learns that it cannot be held.
    drop(hold);
    attempts.values().for_each(Leash::pull);
    let shown = show.finish();
    tokio::pin!(shown);
    let mut is_shown = false;
    while !(is_shown && attempts.is_empty()) {
        tokio::select! {
            biased;
            () = &mut shown, if !is_shown => is_shown = true,
            message = inbox.recv_last() => match message {
                Some(Message::Ended { attempt, .. }) => {
                    attempts.remove(&attempt);
                }
                Some(_) => {}
                None => break,
            },
        }
    }
    Left { wish: stopping.filter(is_wish), prepared }
}

/// Whether somebody wants this; all else follows from the facts again.
fn is_wish(stopping: &Stopping) -> bool {
    match stopping {
        Stopping::Ends(end, _) => matches!(end, RunEnd::Interrupted | RunEnd::Cancelled),
        Stopping::Rests(pause) => {
            matches!(pause.reason, PauseReason::Operator | PauseReason::Drain)
        }
    }
}

/// What comes after a life.
enum Next {
    Lives(Box<Task>),
    /// Its last word was durable after all.
    Over(Box<Ended>),
}

/// What every life of a run is made with.
struct Origin {
    /// As it was started, where this host did: its first fact may be lost.
    start: Option<Start>,
    run: RunId,
    plan: Arc<Plan>,
    assets: Value,
    by: String,
    concurrency: NonZeroUsize,
    grace: Duration,
    preparation: Option<Preparation>,
}

impl Origin {
    /// And how many entries were shown before the first life.
    fn of(beginning: &Beginning) -> (Self, u64) {
        match beginning {
            Beginning::Start(start) => {
                let origin = Self {
                    start: Some(start.as_ref().clone()),
                    run: start.run.clone(),
                    plan: Arc::clone(&start.plan),
                    assets: start.assets.clone(),
                    by: start.by.clone(),
                    concurrency: start.concurrency,
                    grace: start.grace,
                    preparation: start.preparation.clone(),
                };
                (origin, 0)
            }
            Beginning::Resume(resume) => {
                let origin = Self {
                    start: None,
                    run: resume.state.run.clone(),
                    plan: Arc::clone(&resume.plan),
                    assets: resume.assets.clone(),
                    by: resume.by.clone(),
                    concurrency: resume.concurrency,
                    grace: resume.grace,
                    preparation: resume.preparation.clone(),
                };
                (origin, resume.known)
            }
        }
    }

    /// The run as the journal has it.
    async fn again(
        &self,
        world: &World,
        handle: RunHandle,
        why: &str,
        (left, shown): (Left, &AtomicU64),
    ) -> Result<Next, RunError> {
        let taken = match world.journal.take_over(&self.run).await {
            // Not even that it exists was durable.
            Err(JournalError::NoSuchRun(_)) => None,
            taken => Some(taken?),
        };
        let state = match &taken {
            Some(taken) => RunState::replay(&taken.entries)?,
            None => None,
        };
        let (Some(TakenOver { term, entries, durable }), Some(state)) = (taken, state) else {
            let start = self.start.clone().ok_or_else(|| {
                let what = format!("run {}: what was there of it is gone", self.run);
                JournalError::Damaged(what)
            })?;
            let mut task = Task::begin(world.clone(), start, handle).await?;
            task.stopping = left.wish;
            return Ok(Next::Lives(Box::new(task)));
        };
        // Durable, and the life before had not come to it.
        let unshown = usize::try_from(shown.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        for (position, entry) in (1..).zip(&entries).skip(unshown) {
            world.observer.entry(&durable.of_earlier(position), entry);
        }
        let known = entries.len() as u64;
        shown.store(known, Ordering::Relaxed);
        if state.end.is_some() || state.pause.is_some() {
            return Ok(Next::Over(Box::new(Ended { state, durable })));
        }
        world.books.set(&state);
        let facts: Vec<&Fact> = entries.iter().flat_map(|entry| &entry.facts).collect();
        let mut prepared = left.prepared;
        prepared.retain(|fact| !facts.contains(&fact));
        let resume = Resume {
            term,
            state,
            known,
            plan: Arc::clone(&self.plan),
            assets: self.assets.clone(),
            by: self.by.clone(),
            repinned: None,
            retry_failed: false,
            concurrency: self.concurrency,
            grace: self.grace,
            preparation: None,
        };
        let mut task = Task::anew(world.clone(), resume, handle, why)?;
        prepared.into_iter().try_for_each(|fact| task.note(fact))?;
        if let Some(wish) = left.wish {
            task.leave(wish);
        }
        Ok(Next::Lives(Box::new(task)))
    }
}

impl Task {
    /// Goes on with a run whose life before ended in this very host: its attempts did not
    /// take the host down, they were let go.
    fn anew(world: World, resume: Resume, handle: RunHandle, why: &str) -> Result<Self, RunError> {
        let Resume { term, state, plan, assets, by, concurrency, grace, .. } = resume;
        let last = state.span.1;
        let mut task = Self::of(world, (plan, assets, concurrency), state, handle, term);
        // What the last life said of its attempts may be lost: no guest runs ahead of what
        // this one says instead, or a crash now would be held against the wrong one.
        (task.grace, task.batch_at, task.wary) = (grace, last, true);
        let running: Vec<AttemptId> = task
            .state
            .open_attempts()
            .map(|open| &open.id)
            .filter(|id| task.runs(id))
            .cloned()
            .collect();
        for attempt in running {
            let (reason, detail) = (ParkReason::Stopped, why.to_owned());
            task.note(Fact::CellParked { attempt, reason, detail, until: None })?;
        }
        task.note(Fact::RunResumed { by, repinned: None, retry_failed: false })?;
        task.rebuild()?;
        Ok(task)
    }

    /// Whether an attempt runs, by the facts.
    fn runs(&self, id: &AttemptId) -> bool {
        let stage = self.state.cell(&self.subject_of(id)).map(|cell| &cell.stage);
        match stage {
            Some(Stage::Running { round, attempt }) => (*round, *attempt) == (id.round, id.attempt),
            Some(Stage::Judging { round, now: JudgeStage::Running { attempt }, .. }) => {
                (*round, *attempt) == (id.round, id.attempt)
            }
            _ => false,
        }
    }
}
