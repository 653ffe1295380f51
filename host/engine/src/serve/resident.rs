//! A resident host: drives the runs of its projects, so many at a time, in turn. What can be asked of it stands in `operations.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bailiwick_core::fact::PauseReason;
use bailiwick_core::ports::Clock;
use bailiwick_core::run::RunStatus;
use bailiwick_core::{Diagnostic, RunId};
use bailiwick_orchestrator::RunHandle;
use bailiwick_store::{Rests, RunPhase};
use tokio::sync::{Notify, Semaphore, oneshot, watch};

use crate::codes;
use crate::delivery::Outline;
use crate::desk::Complain;
use crate::host::{Held, Host, HostConfig};
use crate::inject::Faults;
use crate::load::Places;
use crate::pinned;
use crate::problems::Problems;
use crate::resume::RepinWhat;
use crate::rules::{self, Report, Watched};
use crate::run::{Finished, Running};
use crate::serve::alarms::{Alarms, due, midnight_after};
use crate::serve::feed::{Feed, Stage};
use crate::serve::orders::{Order, Orders};
use crate::serve::projects::Projects;
use crate::serve::turns::{Lane as _, Turns};

/// Runs that are driven at a time. Each holds its state and plan, some hundred
/// kilobytes; the others wait in line, on disk.
const GOING_MAX: usize = 256;
/// Above this, runs that wait for people are let go, and are taken up again when one
/// of them answers. Below it they stay, so that an answer is acted on at once.
const AT_EASE: usize = 64;
/// Runs that are begun at the same time: reading and admitting components takes memory.
const STARTS: usize = 4;
/// Runs that are sent in at the same time: each may bring a gigabyte.
const STAGINGS: usize = 8;
/// No run is looked at more often than this because of its questions.
const ALARM_LEAST: Duration = Duration::from_secs(1);

/// What a resident host is made of.
pub struct ServeRequest {
    /// Its projects.
    pub projects: Vec<Places>,
    /// Attempts at a time, over all runs.
    pub places: NonZeroUsize,
    /// What running attempts get when it drains.
    pub grace: Duration,
    /// The OS user as whom it runs.
    pub uid: u32,
    /// Hears what an operator should know of.
    pub complain: Complain,
    /// Tells the time; the machine does where it is left out. Whoever moves it moves
    /// timeouts, midnight and retention.
    pub clock: Option<Arc<dyn Clock>>,
    /// What goes wrong in it, for drills.
    pub faults: Faults,
}

/// A resident host. Cloning is cheap.
#[derive(Clone)]
pub struct Resident(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) host: Host,
    pub(crate) held: Arc<Held>,
    pub(crate) uid: u32,
    pub(crate) orders: Orders,
    pub(crate) stagings: Arc<Semaphore>,
    /// Only one input at a time is read whole.
    pub(crate) reading: Semaphore,
    pub(crate) complain: Complain,
    places: Vec<Places>,
    projects: RwLock<Arc<Projects>>,
    /// The files of each project, looked at for as long as this host is there.
    watched: Mutex<Vec<Arc<Watched>>>,
    line: Mutex<Line>,
    feeds: Mutex<BTreeMap<RunId, Arc<Feed>>>,
    alarms: Alarms,
    /// Whether runs that wait for people are let go.
    pub(crate) full: Arc<AtomicBool>,
    pub(crate) starts: Semaphore,
    work: Notify,
    /// How many runs are driven.
    going: watch::Sender<usize>,
}

#[derive(Default)]
struct Line {
    turns: Turns<String, VecDeque<Turn>>,
    going: usize,
    closing: bool,
}

/// Something that waits for its turn.
pub(crate) struct Turn {
    pub(crate) run: RunId,
    pub(crate) what: What,
}

pub(crate) enum What {
    Begin(Order),
    GoOn(GoOn),
}

/// How a run goes on.
#[derive(Default)]
pub(crate) struct GoOn {
    pub(crate) retry_failed: bool,
    pub(crate) repin: Vec<RepinWhat>,
    /// The text of answers that came with it.
    pub(crate) decisions: Option<String>,
    /// Who wants it; else the host itself.
    pub(crate) by: Option<u32>,
    /// Learns whether it does.
    pub(crate) reply: Option<oneshot::Sender<Result<(), Problems>>>,
}

impl Resident {
    /// Opens the projects, takes the data folder, and takes up what was left.
    ///
    /// # Errors
    /// [`Problems`] where a project has errors or the folder is held; nothing was begun.
    pub async fn start(config: &HostConfig, request: ServeRequest) -> Result<Self, Problems> {
        let projects = Projects::open(&request.projects)?;
        let host = Host::open(config)?.injecting(request.faults);
        let host = host.sharing(request.places, request.grace);
        let host = match request.clock {
            Some(clock) => host.told_by(clock),
            None => host,
        };
        // Before anything is locked up.
        host.aside.start();
        let held = host.hold()?;
        held.rules.load(&held.store).await?;
        for opened in projects.all() {
            held.generations.load(&pinned::project(&opened.root)).await?;
        }
        let opened = projects.all().map(|opened| &**opened);
        rules::say(&held.store, host.clock.now(), opened).await?;
        let orders = Orders::open(host.data()).map_err(storage)?;
        let inner = Arc::new(Inner {
            host,
            held,
            uid: request.uid,
            orders,
            stagings: Arc::new(Semaphore::new(STAGINGS)),
            reading: Semaphore::new(1),
            complain: request.complain,
            places: request.projects,
            projects: RwLock::new(Arc::new(projects)),
            watched: Mutex::default(),
            line: Mutex::default(),
            feeds: Mutex::default(),
            alarms: Alarms::default(),
            full: Arc::default(),
            starts: Semaphore::new(STARTS),
            work: Notify::new(),
            going: watch::Sender::new(0),
        });
        inner.watch();
        inner.take_up().await?;
        tokio::spawn(Arc::clone(&inner).follow_rules());
        tokio::spawn(Arc::clone(&inner).work());
        tokio::spawn(Arc::clone(&inner).ring());
        tokio::spawn(Arc::clone(&inner).keep_house());
        Ok(Self(inner))
    }

    /// Reads projects and policy anew. Runs that go keep what they began with until
    /// they are resumed; who may what holds at once.
    ///
    /// # Errors
    /// [`Problems`]; then everything is as it was.
    pub fn reload(&self) -> Result<(), Problems> {
        self.0.reload()
    }

    /// Begins nothing more, and lets every run rest when its attempts have ended or the
    /// grace is over. Asked a second time it does not wait for them.
    pub async fn drain(&self) {
        self.0.line().closing = true;
        self.0.full.store(true, Ordering::Relaxed);
        let handles: Vec<_> = self.0.host.live.lock().await.values().cloned().collect();
        for handle in handles {
            leave(&handle).await;
        }
    }

    /// Ends when no run is driven any more.
    pub async fn drained(&self) {
        // The sender is held by this value itself.
        let _ = self.0.going.subscribe().wait_for(|going| *going == 0).await;
    }

    /// Ends when nothing can be written down any more, with the reason: two commits of the
    /// journal failed one after the other. What was acknowledged is on stable storage, and
    /// the next host goes on with it.
    pub async fn broken(&self) -> Problems {
        storage(self.0.held.store.broken().await)
    }

    /// The group whose OS users may reach it, where policy names one.
    #[must_use]
    pub fn group(&self) -> Option<String> {
        self.0.projects().policy.group.clone()
    }

    /// The names of its projects.
    #[must_use]
    pub fn projects(&self) -> Vec<String> {
        self.0.projects().names()
    }

    /// Runs that are driven now, and runs whose turn has not come.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        let mut line = self.0.line();
        let waiting = line.turns.lanes_mut().map(|lane| lane.len()).sum();
        (line.going, waiting)
    }
}

/// What waits for people is left waiting; what runs rests.
async fn leave(handle: &RunHandle) {
    handle.unattended().await;
    handle.pause(PauseReason::Drain, None).await;
}

impl Inner {
    fn reload(&self) -> Result<(), Problems> {
        let projects = Arc::new(Projects::open(&self.places)?);
        *self.projects.write().unwrap_or_else(PoisonError::into_inner) = projects;
        Ok(())
    }

    /// Looks at the files of every project from now on.
    fn watch(&self) {
        let report = Report {
            store: Arc::clone(&self.held.store),
            clock: Arc::clone(&self.host.clock),
            complain: Arc::clone(&self.complain),
        };
        let projects = self.projects();
        let watched = projects.all().map(|opened| self.held.rules.watch(opened, &report));
        *self.watched.lock().unwrap_or_else(PoisonError::into_inner) = watched.collect();
    }

    /// Takes a changed file of rules for what is asked of this host, too, for ever. Where
    /// the projects have errors under it, runs begin as before; but who may what, and what
    /// may be seen, is as the policy says now.
    async fn follow_rules(self: Arc<Self>) {
        let mut changes = self.held.rules.changes();
        changes.mark_unchanged();
        while changes.changed().await.is_ok() {
            // First, and whatever the projects have: reading those takes as long as it takes.
            self.take_policy();
            let inner = Arc::clone(&self);
            let read = tokio::task::spawn_blocking(move || inner.reload()).await;
            let problems = match read {
                Ok(Ok(())) => {
                    self.settle().await;
                    continue;
                }
                Ok(Err(problems)) => problems,
                Err(_) => continue,
            };
            // It may have changed once more meanwhile.
            self.take_policy();
            (self.complain)(format!("runs begin with the files as they were before:\n{problems}"));
        }
    }

    /// Swaps of agents that the files have otherwise now, or not at all, end: before a file
    /// can be again what it was.
    async fn settle(&self) {
        for opened in self.projects().all() {
            let generations = &self.held.generations;
            let settled = async {
                generations.load(&pinned::project(&opened.root)).await?;
                generations.settle(opened).await
            };
            if let Err(problems) = settled.await {
                (self.complain)(problems.to_string());
            }
        }
    }

    fn take_policy(&self) {
        let policy = {
            let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
            watched.first().map(|watched| watched.files().policy.clone())
        };
        if let Some(policy) = policy {
            let under = Arc::new(self.projects().under(policy));
            *self.projects.write().unwrap_or_else(PoisonError::into_inner) = under;
        }
    }

    pub(crate) fn projects(&self) -> Arc<Projects> {
        Arc::clone(&self.projects.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.line().closing
    }

    /// What is told of a run. Of one that this host does nothing with, nothing.
    pub(crate) fn feed(&self, run: &RunId) -> Arc<Feed> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(run) {
            return Arc::clone(feed);
        }
        let feed = Arc::new(Feed::default());
        feed.stage.send_replace(Stage::Left);
        feeds.retain(|_, feed| feed.is_followed() || *feed.stage.borrow() != Stage::Left);
        feeds.insert(run.clone(), Arc::clone(&feed));
        feed
    }

    /// Queues a turn. Gives it back where this host begins nothing more, or has the run
    /// in line or in hand already.
    pub(crate) fn push(&self, project: &str, turn: Turn) -> Result<(), Turn> {
        let feed = self.feed(&turn.run);
        let mut line = self.line();
        if line.closing || *feed.stage.borrow() != Stage::Left {
            return Err(turn);
        }
        feed.stage.send_replace(Stage::InLine);
        line.turns.lane(project.to_owned()).push_back(turn);
        drop(line);
        self.work.notify_one();
        Ok(())
    }

    /// Takes a turn out of the line.
    pub(crate) fn withdraw(&self, run: &RunId) -> Option<Turn> {
        let mut line = self.line();
        let found = line.turns.lanes_mut().find_map(|lane| {
            let at = lane.iter().position(|turn| turn.run == *run)?;
            lane.remove(at)
        });
        line.turns.tidy();
        drop(line);
        if found.is_some() {
            self.feed(run).stage.send_replace(Stage::Left);
        }
        found
    }

    /// Begins turn after turn, for ever.
    async fn work(self: Arc<Self>) {
        loop {
            while let Some(turn) = self.next() {
                tokio::spawn(Arc::clone(&self).serve(turn));
            }
            self.work.notified().await;
        }
    }

    fn next(&self) -> Option<Turn> {
        let mut line = self.line();
        if line.closing || line.going >= GOING_MAX {
            return None;
        }
        let turn = line.turns.take()?;
        line.going += 1;
        self.going.send_replace(line.going);
        let is_full = line.going > AT_EASE;
        drop(line);
        if is_full && !self.full.swap(true, Ordering::Relaxed) {
            self.make_room();
        }
        Some(turn)
    }

    /// Lets go of the runs that wait for people.
    fn make_room(&self) {
        let live = Arc::clone(&self.host.live);
        tokio::spawn(async move {
            let handles: Vec<_> = live.lock().await.values().cloned().collect();
            for handle in handles {
                handle.unattended().await;
            }
        });
    }

    /// One turn, until its run is left.
    async fn serve(self: Arc<Self>, turn: Turn) {
        let Turn { run, what } = turn;
        let feed = self.feed(&run);
        feed.stage.send_replace(Stage::Begins);
        let (begun, reply) = self.begin(&run, what, &feed).await;
        let begun = begun.inspect_err(|problems| self.lost(&run, &feed, problems));
        if let Some(reply) = reply {
            // Who asked may be gone.
            let _ = reply.send(begun.as_ref().map(drop).map_err(Problems::clone));
        }
        if let Ok(running) = begun {
            self.drive(&run, &feed, running).await;
        }
        {
            let mut line = self.line();
            line.going -= 1;
            if line.going <= AT_EASE / 2 && !line.closing {
                self.full.store(false, Ordering::Relaxed);
            }
            self.going.send_replace(line.going);
        }
        feed.stage.send_replace(Stage::Left);
        self.work.notify_one();
    }

    async fn drive(&self, run: &RunId, feed: &Arc<Feed>, running: Running) {
        let Running { handle, plan, finished } = running;
        feed.keep(Outline::of(&plan));
        if self.is_closing() {
            leave(&handle).await;
        }
        let (of_start, orders, id) = (Arc::clone(feed), self.orders.clone(), run.clone());
        tokio::spawn(async move {
            let mut stage = of_start.stage.subscribe();
            let goes = stage
                .wait_for(|stage| *stage >= Stage::Goes)
                .await
                .is_ok_and(|stage| *stage == Stage::Goes);
            // What cannot be removed now is removed at the next start.
            let _ = goes.then(|| orders.begun(&id));
        });
        match finished.await {
            Ok(Finished { state, .. }) => match state.status() {
                RunStatus::Done | RunStatus::Failed | RunStatus::Cancelled => {
                    let _ = self.orders.forget(run);
                }
                RunStatus::Waiting => {
                    if let Some(at) = due(&state, &plan) {
                        let least = self.host.clock.now().after(ALARM_LEAST);
                        self.alarms.set(at.max(least), run.clone());
                    }
                }
                RunStatus::Paused => {
                    let day =
                        state.pause.as_ref().is_some_and(|rests| rests.reason == PauseReason::Day);
                    if day {
                        self.alarms.set(midnight_after(state.span.1), run.clone());
                    }
                }
                RunStatus::Running | RunStatus::Interrupted => {}
            },
            Err(problems) => self.lost(run, feed, &problems),
        }
    }

    fn lost(&self, run: &RunId, feed: &Feed, problems: &Problems) {
        feed.broken(problems);
        (self.complain)(format!("run {run}: {problems}"));
    }

    /// Looks at runs that wait when their time has come, for ever.
    async fn ring(self: Arc<Self>) {
        loop {
            let run = self.alarms.next(self.host.clock.as_ref()).await;
            let inner = Arc::clone(&self);
            tokio::spawn(async move { inner.wake(&run).await });
        }
    }

    /// Something has happened to a run: who drives it knows of it, and where nobody
    /// does, it goes on.
    pub(crate) async fn wake(&self, run: &RunId) {
        if self.host.live.lock().await.contains_key(run) {
            return;
        }
        // Who is about to leave it has not seen what happened.
        self.feed(run).left().await;
        let Ok(listed) = self.held.store.archive().run(run.clone()).await else { return };
        let goes_on = match (listed.phase, listed.rests) {
            (RunPhase::Paused, Some(Rests { reason: PauseReason::Day, since })) => {
                midnight_after(since) <= self.host.clock.now()
            }
            (RunPhase::Paused, _) => false,
            (phase, _) => !phase.is_ended(),
        };
        if goes_on {
            let turn = Turn { run: run.clone(), what: What::GoOn(GoOn::default()) };
            // Who is closing leaves it to the next.
            let _ = self.push(&listed.project, turn);
        }
    }

    pub(crate) fn set_alarm(&self, at: bailiwick_core::Timestamp, run: RunId) {
        self.alarms.set(at, run);
    }
}

pub(crate) fn storage(error: impl std::fmt::Display) -> Problems {
    Problems::one(Diagnostic::error(codes::STORAGE, error.to_string()))
}
