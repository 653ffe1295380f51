//! What can be asked of a resident host, each for a caller whom the kernel named. Knows no wire: whoever listens calls these.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bailiwick_core::fact::{PauseReason, StepBy};
use bailiwick_core::ports::Blobs as _;
use bailiwick_core::{Diagnostic, Digest, Name, RunId, RunState};
use bailiwick_policy::{Caller, Revocation, Right};
use bailiwick_store::{ListedRun, ReadError, RunPhase};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::approvals::{self, Given, NotTaken, OpenQuestion, Taken};
use crate::delivery::Outline;
use crate::files::TEXT_MAX;
use crate::history::{History, Record};
use crate::labels::{self, Audience};
use crate::load::Opened;
use crate::problems::Problems;
use crate::resume::RepinWhat;
use crate::rules::{self, Change};
use crate::run::fresh_id;
use crate::serve::feed::Following;
use crate::serve::orders::Order;
use crate::serve::parcel::Offer;
use crate::serve::resident::{GoOn, Inner, Resident, Turn, What, storage};
use crate::serve::shown::Shown;
use crate::serve::staging::{self, Staging};
use crate::swap::{self, SwapRequest};
use crate::viewing::{Viewer, step_label};
use crate::{admission, check, codes, decisions, input, pinned, resume};

/// How often an answer is tried that met a run in the moment in which it was left.
const ANSWER_TRIES: usize = 3;

/// How long a run that waits for people may take to be let go: it has nothing to do.
const LETTING_GO: Duration = Duration::from_secs(5);

/// How a run is to go on.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// Whether cells that failed are done again.
    pub retry_failed: bool,
    /// What is taken from today's files.
    pub repin: Vec<RepinWhat>,
    /// The text of a `decisions.toml`: answers of the caller, until the run has ended.
    pub decisions: Option<String>,
}

impl Resident {
    /// Whether the caller is somebody whom this host knows at all.
    ///
    /// # Errors
    /// [`Problems`] where he is not.
    pub fn knows(&self, uid: u32) -> Result<(), Problems> {
        let people = &self.0.projects().policy.people;
        let rights = Right::ALL.map(|right| people.may(self.0.caller(uid), right));
        let named = rights
            .iter()
            .any(|right| !matches!(right, Err(bailiwick_policy::Unauthorized::Unnamed { .. })));
        match rights.into_iter().next() {
            Some(Err(refused)) if !named => Err(denied(&refused)),
            _ => Ok(()),
        }
    }

    /// Makes ready to take a run: names the project and pipeline, and says what goes along.
    ///
    /// # Errors
    /// [`Problems`] where the caller may not, there is no such pipeline, or too much is offered.
    pub async fn stage(
        &self,
        uid: u32,
        project: Option<&str>,
        pipeline: Option<&Name>,
        offer: Offer,
    ) -> Result<Staging, Problems> {
        let inner = &self.0;
        inner.may(uid, Right::Submit)?;
        let opened = inner.projects().named(project)?;
        let plan = check::plan(&opened, pipeline)?;
        let sum = staging::check(&offer)?;
        inner.held.store.check_room(sum).map_err(storage)?;
        let permit = Arc::clone(&inner.stagings).acquire_owned().await.map_err(storage)?;
        let run = fresh_id(&inner.host);
        let order = Order {
            project: pinned::project(&opened.root),
            pipeline: plan.pipeline.clone(),
            uid,
            label: offer.label.clone(),
            input: offer.input.is_some(),
            decisions: offer.decisions.is_some(),
        };
        let place = inner.orders.begin(&run).map_err(storage)?;
        Staging::new((run, order, place), offer, permit)
    }

    /// Accepts a run of which everything is there. When this returns, it survives a
    /// power cut, and begins when its turn comes.
    ///
    /// # Errors
    /// [`Problems`] with everything that is wrong with it; then it is gone.
    pub async fn submit(&self, mut staging: Staging) -> Result<RunId, Problems> {
        let inner = &self.0;
        if staging.wanted().is_some() {
            let what = "it is not all there";
            return Err(Problems::one(Diagnostic::error(codes::BAD_FILE, what)));
        }
        inner.valid(&staging).await?;
        if inner.is_closing() {
            return Err(closing());
        }
        let (run, order) = (staging.run.clone(), staging.order.clone());
        let accepted = tokio::task::spawn_blocking(move || staging.accept()).await;
        accepted.map_err(storage)??;
        let project = order.project.clone();
        // Who closes in this moment leaves it to the next host.
        let _ = inner.push(&project, Turn { run: run.clone(), what: What::Begin(order) });
        Ok(run)
    }

    /// Answers questions of any runs: all are taken, or none.
    ///
    /// # Errors
    /// [`NotTaken`], with nothing changed.
    pub async fn decide(&self, uid: u32, given: Vec<Given>) -> Result<Vec<Taken>, NotTaken> {
        let (inner, caller) = (&self.0, self.0.caller(uid));
        let mut tries = 0;
        let taken = loop {
            tries += 1;
            let policy = inner.projects().policy.clone();
            let taken = approvals::decide(&inner.host, &policy, caller, given.clone()).await;
            match taken {
                // The run was left in this moment: the journal takes the answer.
                Err(NotTaken::Refused(problems))
                    if tries < ANSWER_TRIES && names_left(&problems) =>
                {
                    tokio::task::yield_now().await;
                }
                taken => break taken?,
            }
        };
        let moved = |one: &&Taken| {
            one.already.is_none() && one.votes.is_none_or(|(there, of)| there >= of as usize)
        };
        let runs: BTreeSet<_> = taken.iter().filter(moved).map(|one| one.run.clone()).collect();
        for run in runs {
            let inner = Arc::clone(inner);
            tokio::spawn(async move { inner.wake(&run).await });
        }
        Ok(taken)
    }

    /// Ends a run for good.
    ///
    /// # Errors
    /// [`Problems`] where the caller may not, there is no such run, or it has ended.
    pub async fn cancel(&self, uid: u32, run: &RunId) -> Result<(), Problems> {
        let by = self.0.may(uid, Right::Submit)?;
        if let Some(turn) = self.0.withdraw(run)
            && let What::Begin(_) = turn.what
        {
            return self.0.orders.forget(run).map_err(storage);
        }
        match self.0.live(run).await {
            Some(handle) => {
                let mut following = self.0.following(run);
                handle.cancel(by).await;
                until_at_rest(&mut following).await
            }
            None => {
                resume::cancel(&self.0.host, run, by).await?;
                self.0.orders.forget(run).map_err(storage)
            }
        }
    }

    /// Takes a power away from whatever runs, or gives it back. When this returns, it is
    /// durable and in force. Gives whether anything changed.
    ///
    /// # Errors
    /// [`Problems`] where the caller may not, or it cannot be written down.
    pub async fn revoke(
        &self,
        uid: u32,
        what: &Revocation,
        change: Change,
    ) -> Result<bool, Problems> {
        let by = self.0.may(uid, Right::Revoke)?;
        rules::revoke(&self.0.host, what, change, by).await
    }

    /// Swaps an agent name of a project. When this gives a report that says so, it is
    /// durable and in force.
    ///
    /// # Errors
    /// [`Problems`] where the caller may not, the component is not admitted, or nothing
    /// could be written; nothing has changed then.
    pub async fn swap(
        &self,
        uid: u32,
        project: Option<&str>,
        request: SwapRequest,
    ) -> Result<swap::Report, Problems> {
        let by = self.0.may(uid, Right::Swap)?;
        let opened = self.0.projects().named_now(project)?;
        let (inner, viewer) = (Arc::clone(&self.0), self.viewer(uid));
        // Whoever asked may go away in the middle: it comes to its end all the same.
        let swapped =
            tokio::spawn(
                async move { swap::swap(&inner.host, &opened, viewer, by, request).await },
            );
        swapped.await.map_err(storage)?
    }

    /// Room for one component that somebody sends.
    ///
    /// # Errors
    /// [`Problems`] where the caller may not swap.
    pub async fn may_send_component(&self, uid: u32) -> Result<OwnedSemaphorePermit, Problems> {
        self.0.may(uid, Right::Swap)?;
        Arc::clone(&self.0.stagings).acquire_owned().await.map_err(storage)
    }

    /// Every agent name that was swapped.
    ///
    /// # Errors
    /// [`Problems`] where the caller is nobody here, or storage failed.
    pub async fn slots(&self, uid: u32) -> Result<Vec<swap::Slot>, Problems> {
        self.knows(uid)?;
        swap::slots(&self.history(uid)?).await
    }

    /// What is taken away.
    ///
    /// # Errors
    /// [`Problems`] where the caller is nobody here, or storage failed.
    pub async fn revoked(&self, uid: u32) -> Result<Vec<rules::Taken>, Problems> {
        self.knows(uid)?;
        rules::revoked(&self.history(uid)?).await
    }

    /// Lets a run rest until it is resumed. Returns when it does.
    ///
    /// # Errors
    /// [`Problems`] where the caller may not, or nobody drives it.
    pub async fn pause(&self, uid: u32, run: &RunId) -> Result<(), Problems> {
        let by = self.0.may(uid, Right::Submit)?;
        let Some(handle) = self.0.live(run).await else {
            let listed = self.listed(run).await?;
            let message = format!("nobody drives run {run} now: it is {}", listed.phase);
            return Err(Problems::one(Diagnostic::error(codes::ENDED, message)));
        };
        let mut following = self.0.following(run);
        handle.pause(PauseReason::Operator, Some(by)).await;
        until_at_rest(&mut following).await
    }

    /// Goes on with a run that rests, was interrupted, waits for people, or has failed.
    ///
    /// # Errors
    /// [`Problems`] where the caller may not, or it cannot go on; it is as it was.
    pub async fn resume(&self, uid: u32, run: &RunId, how: Again) -> Result<(), Problems> {
        let inner = &self.0;
        inner.may(uid, Right::Submit)?;
        let listed = self.listed(run).await?;
        let Again { retry_failed, repin, decisions } = how;
        if let Some(text) = &decisions {
            if text.len() as u64 > TEXT_MAX.0 {
                let message = format!("decisions of {} bytes: at most {TEXT_MAX}", text.len());
                return Err(Problems::one(Diagnostic::error(codes::BAD_FILE, message)));
            }
            self.let_go(run, listed.phase).await;
        }
        let (reply, answer) = oneshot::channel();
        let go_on = GoOn { retry_failed, repin, decisions, by: Some(uid), reply: Some(reply) };
        let turn = Turn { run: run.clone(), what: What::GoOn(go_on) };
        if inner.push(&listed.project, turn).is_err() {
            return Err(match inner.is_closing() {
                true => closing(),
                false => {
                    let message = format!("run {run} goes already");
                    Problems::one(Diagnostic::error(codes::HELD, message))
                }
            });
        }
        answer.await.unwrap_or_else(|_| Err(closing()))
    }

    /// A run that only waits for people is let go, so that it goes on with what they said.
    async fn let_go(&self, run: &RunId, phase: RunPhase) {
        if phase == RunPhase::Waiting
            && let Some(handle) = self.0.live(run).await
        {
            let feed = self.0.feed(run);
            feed.let_go.store(true, Ordering::Relaxed);
            handle.unattended().await;
            // Somebody may have answered: then it goes, and that is what is told.
            let _ = tokio::time::timeout(LETTING_GO, feed.left()).await;
        }
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// [`Problems`] where the caller is nobody here, or storage failed.
    pub async fn runs(&self, uid: u32, limit: u32) -> Result<Vec<ListedRun>, Problems> {
        self.knows(uid)?;
        Ok(self.history(uid)?.runs(limit).await?.runs)
    }

    /// The open questions, of one run or of all.
    ///
    /// # Errors
    /// [`Problems`] where the caller is nobody here, there is no such run, or storage failed.
    pub async fn questions(
        &self,
        uid: u32,
        run: Option<&RunId>,
    ) -> Result<Vec<OpenQuestion>, Problems> {
        self.knows(uid)?;
        approvals::open(&self.history(uid)?, run).await
    }

    /// A run as it stands in the journal.
    ///
    /// # Errors
    /// [`Problems`] where the caller is nobody here, or there is no such run.
    pub async fn record(&self, uid: u32, run: &RunId) -> Result<Record, Problems> {
        self.knows(uid)?;
        self.history(uid)?.record(run).await
    }

    /// Follows a run from its first entry on. Of one that was only submitted it waits
    /// for the first.
    ///
    /// # Errors
    /// [`Problems`] where the caller is nobody here, or there is no such run.
    pub async fn follow(&self, uid: u32, run: &RunId) -> Result<Following, Problems> {
        self.knows(uid)?;
        let begun = self.listed(run).await.is_ok_and(|listed| listed.started.is_some());
        match self.0.orders.order(run).filter(|_| !begun) {
            None => {
                self.listed(run).await?;
                self.viewer(uid).may_see(&self.history(uid)?.state(run).await?)?;
            }
            // Its labels are those that it will begin with.
            Some(order) => {
                let opened = self.0.projects().pinned(&order.project).ok_or_else(closing)?;
                let archive = self.0.held.store.archive();
                let opened = labels::standing(archive, Opened::clone(&opened)).await?;
                let plan = check::plan(&opened, Some(&order.pipeline))?;
                let by = (self.0.caller(order.uid), Audience::WhoAsks);
                let labels = labels::begin(&opened, &plan, order.label.as_deref(), by)?;
                labels::may_see(&opened.policy, self.0.caller(uid), Some(&labels.whole))?;
            }
        }
        Ok(self.0.following(run))
    }

    /// What a delivery of a run needs to know of its plan.
    ///
    /// # Errors
    /// [`Problems`] where this host has neither driven it nor its pipeline.
    pub async fn outline(&self, uid: u32, run: &RunId) -> Result<Outline, Problems> {
        self.0.may(uid, Right::Submit)?;
        let state = self.history(uid)?.record(run).await?.state;
        if let Some(outline) = self.0.feed(run).outline() {
            return Ok(outline);
        }
        let project = match &state.pin {
            Some(pin) => self.0.projects().pinned(&pin.project),
            None => self.0.projects().only_with(&state.pipeline),
        };
        let plan = project.and_then(|opened| opened.plans.get(&state.pipeline).cloned());
        let plan = plan.filter(|plan| has_shape_of(&state, &plan.shape()));
        plan.map(|plan| Outline::of(&plan)).ok_or_else(|| {
            let message = format!("the pipeline of run {run} is another one since");
            Problems::one(Diagnostic::error(codes::CHANGED, message))
        })
    }

    /// Which bytes of a run the caller may fetch.
    ///
    /// # Errors
    /// [`Problems`] where he may fetch none, or there is no such run.
    pub async fn shown(&self, uid: u32, run: &RunId) -> Result<Shown, Problems> {
        let inner = &self.0;
        let state = self.history(uid)?.state(run).await?;
        let seen = self.viewer(uid).may_see(&state);
        if seen.is_ok() && inner.may(uid, Right::Submit).is_ok() {
            return Ok(Shown::whole(&state));
        }
        inner.may(uid, Right::Approve).or_else(|refused| seen.and(Err(refused)))?;
        let (projects, caller) = (inner.projects(), inner.caller(uid));
        Ok(Shown::asked(&state, |ask| {
            let by = state.step(&ask.judge).map(|step| &step.shape.by);
            let label = step_label(&state, &ask.cell.step);
            matches!(by, Some(StepBy::People(groups))
                if projects.policy.may_decide(caller, groups, label).is_ok())
        }))
    }

    /// Bytes of a run that are shown to the caller.
    ///
    /// # Errors
    /// [`Problems`] where they are not, or he has lost the right since.
    pub async fn blob(&self, uid: u32, shown: &Shown, digest: Digest) -> Result<Vec<u8>, Problems> {
        self.0.may(uid, shown.right)?;
        if !shown.holds(&shown.run, &digest) {
            return Err(shown.refuse(&digest));
        }
        self.0.held.store.get(digest).await.map_err(storage)
    }

    async fn listed(&self, run: &RunId) -> Result<ListedRun, Problems> {
        self.0.held.store.archive().run(run.clone()).await.map_err(|error| match error {
            ReadError::NoSuchRun(_) => {
                let hint = "`bailiwick runs` lists the runs of this data folder";
                Problems::one(Diagnostic::error(codes::NO_RUN, error.to_string()).hint(hint))
            }
            error => storage(error),
        })
    }

    /// The data folder as this caller may see it.
    fn history(&self, uid: u32) -> Result<History, Problems> {
        let missing = || storage("the data folder is gone");
        History::open(self.0.host.data(), self.viewer(uid))?.ok_or_else(missing)
    }

    fn viewer(&self, uid: u32) -> Viewer {
        Viewer::new(self.0.projects().policy.clone(), self.0.caller(uid))
    }
}

impl Inner {
    pub(crate) fn caller(&self, uid: u32) -> Caller {
        Caller { uid, host: self.uid }
    }

    fn may(&self, uid: u32, right: Right) -> Result<String, Problems> {
        let people = &self.projects().policy.people;
        people.may(self.caller(uid), right).map_err(|refused| denied(&refused))
    }

    async fn live(&self, run: &RunId) -> Option<bailiwick_orchestrator::RunHandle> {
        self.host.live.lock().await.get(run).cloned()
    }

    fn following(&self, run: &RunId) -> Following {
        Following::new(run.clone(), Arc::clone(&self.held.store), self.feed(run))
    }

    /// Everything that can be wrong with what was sent, told without the names that the
    /// files have here.
    async fn valid(&self, staging: &Staging) -> Result<(), Problems> {
        let opened = self.projects().pinned(&staging.order.project).ok_or_else(closing)?;
        self.held.generations.load(&staging.order.project).await?;
        let opened = self.held.generations.over(&opened);
        let opened = labels::standing(self.held.store.archive(), opened).await?;
        let plan = check::plan(&opened, Some(&staging.order.pipeline))?;
        admission::agents_of(&opened, &plan)?;
        let by = (self.caller(staging.order.uid), Audience::WhoAsks);
        labels::begin(&opened, &plan, staging.order.label.as_deref(), by)?;
        // The semaphore is never closed.
        let _reading = self.reading.acquire().await;
        let (order, place) = (staging.order.clone(), staging.place.clone());
        let read = tokio::task::spawn_blocking(move || {
            let given = order.input.then(|| place.input());
            input::read(given.as_deref(), &plan)
                .map_err(|problems| renamed(problems, &place.input(), "the input"))?;
            if order.decisions {
                let path = place.decisions();
                decisions::read(&path, &plan)
                    .map_err(|problems| renamed(problems, &path, "the decisions"))?;
            }
            Ok(())
        });
        read.await.map_err(storage)?
    }
}

pub(crate) fn renamed(mut problems: Problems, path: &std::path::Path, name: &str) -> Problems {
    let shown = path.display().to_string();
    for found in &mut problems.diagnostics {
        found.message = found.message.replace(&shown, name);
        if let Some(place) = found.place.as_mut().filter(|place| place.file == shown) {
            place.file = name.to_owned();
        }
    }
    if let Some(text) = problems.sources.remove(&shown) {
        problems.sources.insert(name.to_owned(), text);
    }
    problems
}

/// Waits until a run has ended or rests, as it was asked to.
async fn until_at_rest(following: &mut Following) -> Result<(), Problems> {
    while following.next().await?.is_some() {}
    Ok(())
}

fn names_left(problems: &Problems) -> bool {
    let left = bailiwick_orchestrator::Refused::RunEnded.to_string();
    problems.diagnostics.iter().any(|found| found.message == left)
}

fn has_shape_of(state: &RunState, shape: &[bailiwick_core::fact::StepShape]) -> bool {
    state.steps.iter().map(|step| &step.shape).eq(shape.iter())
}

fn denied(refused: &bailiwick_policy::Unauthorized) -> Problems {
    Problems::one(Diagnostic::error(codes::MAY_NOT, refused.to_string()).hint(refused.hint()))
}

fn closing() -> Problems {
    let message = "this host shuts down and takes nothing more";
    Problems::one(Diagnostic::error(codes::SERVED, message).hint("submit again when it is back"))
}
