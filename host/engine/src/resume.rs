//! `resume`: a run that was left goes on, as it was started; `pause` and `cancel` are its relatives. Decides nothing of what a run does.

mod repin;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_core::fact::{Entry, Fact, RunEnd};
use bailiwick_core::ports::{Blobs, Durable, Journal as _, JournalError, TakenOver, Term};
use bailiwick_core::run::OpenAttempt;
use bailiwick_core::{Diagnostic, RunId, RunState};
use bailiwick_orchestrator::{Observer, Resume};
use bailiwick_policy::Caller;
use bailiwick_project::Decisions;
use bailiwick_store::RunPhase;

use crate::admission::{Serving, admit, agents_of};
use crate::cache::caching;
use crate::desk::{Complain, ForegroundDesk, Prompter};
use crate::follows::{Unseen, follow, swapped_in};
use crate::fork::Past;
use crate::host::{Held, Host};
use crate::kept::Lease;
use crate::labels::{self, Audience};
use crate::load::Opened;
use crate::pinned::{self, Pinned, storage};
use crate::problems::Problems;
use crate::run::{CONCURRENCY, Finished, Onlookers, Running, Setting, set_up};
use crate::viewing::Viewer;
use crate::{check, codes, decisions, delivery, embed, folders, ledgers};

pub use self::repin::RepinWhat;
pub(crate) use self::repin::overlay;
use self::repin::{apply, repin};

/// How many of the newest runs are looked through for one that is unfinished.
const NEWEST: u32 = 1_000;

/// Which run is to go on, how, and who looks on.
pub struct ResumeRequest {
    /// The run; without one the newest that has not ended.
    pub run: Option<RunId>,
    /// Answers of people, ahead of time.
    pub decisions: Option<PathBuf>,
    /// Where it will be delivered, if anywhere: looked at before anything is begun.
    pub out: Option<PathBuf>,
    /// Whether cells that failed are done again.
    pub retry_failed: bool,
    /// What is taken from today's files.
    pub repin: Vec<RepinWhat>,
    /// The OS user who wants it.
    pub uid: u32,
    /// The OS user as whom decisions are made: who wrote them down, which can be another.
    pub decides: u32,
    /// Who sees it.
    pub audience: Audience,
    /// Sees each entry when it is durable, after everything that came before.
    pub observer: Arc<dyn Observer>,
    /// Somebody at a terminal.
    pub prompter: Option<Arc<dyn Prompter>>,
    /// Hears what could not be decided.
    pub complain: Complain,
}

/// Goes on with a run of this project.
///
/// # Errors
/// [`Problems`]; the run is as it was.
pub async fn resume(
    host: &Host,
    today: &Opened,
    request: ResumeRequest,
) -> Result<Running, Problems> {
    if let Some(out) = &request.out {
        may_write(out)?;
    }
    let held = host.hold()?;
    let run = match request.run.clone() {
        Some(run) => run,
        None => newest_unfinished(&held).await?,
    };
    let _compiled = compiled(host, &held, &run).await;
    // Who answers a question of this run meanwhile waits until it goes, or is left.
    let mut live = host.live.lock().await;
    if live.contains_key(&run) {
        let message = format!("{run} goes already");
        return Err(Problems::one(Diagnostic::error(codes::HELD, message)));
    }
    let Claimed { term, entries, state, .. } = claim(&held, &run).await?;
    may_resume(&state, request.retry_failed)?;
    let blobs: Arc<dyn Blobs> = Arc::clone(&held.store) as _;
    let mut pinned = as_left(&state, today, blobs.as_ref()).await?;
    let repinned = match request.repin.is_empty() {
        true => None,
        false => {
            held.generations.load(&pinned::project(&today.root)).await?;
            let from = (held.as_ref(), blobs.as_ref());
            let repin = repin(&state, today, &request.repin, from).await?;
            apply(&mut pinned, &state, &repin, today, blobs.as_ref()).await?;
            Some(repin)
        }
    };
    let anew = (repinned.as_ref(), host.clock.now());
    let from = (held.as_ref(), blobs.as_ref());
    let since = follow(&mut pinned, (&state, &entries), anew, today, from).await?;
    let Pinned { opened, agents, assets } = pinned;
    let opened = labels::standing(held.store.archive(), opened).await?;
    let plan = check::plan(&opened, Some(&state.pipeline))?;
    if plan.shape() != state_shape(&state) {
        let message =
            format!("pipelines/{}.toml is another one than {run} was started with", state.pipeline);
        let hint = "a run of an older version has no pin: it goes on with the files that it was started with";
        return Err(Problems::one(Diagnostic::error(codes::CHANGED, message).hint(hint)));
    }
    let decisions = match &request.decisions {
        Some(path) => decisions::read(path, &plan)?,
        None => Decisions::default(),
    };
    let caller = Caller::who_runs_it(request.uid);
    let of_run = labels::go_on(&opened, &plan, &state, (caller, request.audience))?;
    let _ready = [admit(host, &agents.current).await?, admit(host, &agents.older).await?];
    let _swapped_in = swapped_in(host, &held, &opened).await?;
    request.observer.before(&entries);
    let desk = ForegroundDesk {
        decisions,
        policy: opened.policy.clone(),
        labels: of_run.clone(),
        uid: request.decides,
        prompter: request.prompter,
        complain: Arc::clone(&request.complain),
    };
    let complain = request.complain;
    let past = match &state.forked {
        Some(forked) => Past::again(&held, forked, &plan).await?,
        None => None,
    };
    let onlookers = Onlookers { observer: request.observer, desk };
    let Setting { world, gateway, collections, slots } = set_up(
        host,
        &held,
        (&run, today, &opened),
        (&plan, &of_run, Unseen::Since(since)),
        &agents,
        &assets,
        onlookers,
    )
    .await?;
    let budgets = opened.budgets(&plan, &agents.current);
    ledgers::go_on(&gateway.ledger, (&state, &entries), budgets, host.clock.now());
    let begun = state.steps.iter().any(|step| step.laid_out);
    let all: embed::Agents = slots.all().into_iter().map(|(_, now)| now).collect();
    embed::seed(&gateway, &run, &entries, &all);
    let preparation = match begun {
        true => None,
        false => embed::missing(Arc::clone(&gateway), collections, run.clone(), all),
    };
    let lowered = labels::lowered(&plan.shape(), &of_run);
    let resume = Resume {
        term,
        state,
        known: entries.len() as u64,
        plan: Arc::clone(&plan),
        assets,
        by: opened.policy.people.name_of(request.uid),
        repinned,
        retry_failed: request.retry_failed,
        concurrency: CONCURRENCY,
        grace: host.grace,
        preparation,
    };
    let world = host.sharing_places(&opened, &run, world);
    let world = caching(world, &held, (&plan, &lowered), &opened, (&run, &entries))?;
    let world = match past {
        Some(past) => past.known_to(world, blobs, (&opened, lowered), complain),
        None => world,
    };
    let (handle, driven) = bailiwick_orchestrator::resume(world, resume);
    live.insert(run, handle.clone());
    drop(live);
    Ok(Running::of((handle, plan), driven, gateway, host, &held))
}

/// Makes the components of a run ready, as far as they can be. What takes minutes to
/// compile does so before anybody has to wait for this run.
async fn compiled(host: &Host, held: &Held, run: &RunId) -> Vec<Arc<Lease>> {
    let mut leases = Vec::new();
    // Alone in its process it makes nobody wait.
    if host.live.lock().await.is_empty() {
        return leases;
    }
    let read = held.store.read(run).await.ok();
    let Some(state) = read.and_then(|entries| RunState::replay(&entries).ok().flatten()) else {
        return leases;
    };
    let repinned = state.repins.iter().flat_map(|repin| &repin.agents);
    for (_, pin) in state.agents.iter().chain(repinned) {
        leases.push(host.kept.lease(pin.component));
        if !host.sandbox.is_ready(&pin.component)
            && let Ok(bytes) = held.store.get(pin.component).await
        {
            // Why it cannot be, the run itself will say.
            let _ = host.sandbox.prepare(&bytes).await;
        }
    }
    leases
}

/// A run that is done or has failed, to be delivered: its host was killed before it
/// was, or it is wanted once more. Nothing where it has not ended so.
///
/// # Errors
/// [`Problems`]; the run is as it was.
pub async fn over(
    host: &Host,
    today: &Opened,
    run: &RunId,
    out: &Path,
    uid: u32,
) -> Result<Option<Finished>, Problems> {
    may_write(out)?;
    let held = host.hold()?;
    let Claimed { state, durable, .. } = claim(&held, run).await?;
    if !matches!(state.end, Some(RunEnd::Done | RunEnd::Failed)) {
        return Ok(None);
    }
    Viewer::new(today.policy.clone(), Caller::who_runs_it(uid)).may_see(&state)?;
    let pinned = as_left(&state, today, held.store.as_ref()).await?;
    let plan = check::plan(&pinned.opened, Some(&state.pipeline))?;
    Ok(Some(Finished::of(state, durable, plan, &held)))
}

/// Ends a run for good that no host drives.
///
/// # Errors
/// [`Problems`] where it has ended, or somebody drives it.
pub async fn cancel(host: &Host, run: &RunId, by: String) -> Result<Durable, Problems> {
    let held = host.hold()?;
    let Claimed { term, mut state, .. } = claim(&held, run).await?;
    let reason = Some(format!("cancelled by {by}"));
    let facts = [
        Fact::RunResumed { by, repinned: None, retry_failed: true },
        Fact::RunEnded { end: RunEnd::Cancelled, output: None, reason },
    ];
    let at = host.clock.now().max(state.span.1);
    let mut written = Vec::new();
    for fact in facts {
        state.next(&fact, at).map_err(|_| ended(&state))?;
        written.push(fact);
        let lost: Vec<_> = state.open_attempts().flat_map(OpenAttempt::losses).collect();
        for fact in lost {
            state.next(&fact, at).map_err(storage)?;
            written.push(fact);
        }
    }
    let entry = Entry { at, facts: written };
    let ticket = held.store.append(run, term, entry).map_err(storage)?;
    ticket.durable().await.map_err(storage)
}

/// The newest run of a data folder that can go on.
async fn newest_unfinished(held: &Held) -> Result<RunId, Problems> {
    let runs = held.store.archive().runs(NEWEST, None).await.map_err(storage)?;
    let unfinished = runs
        .into_iter()
        .find(|run| !matches!(run.phase, RunPhase::Done | RunPhase::Failed | RunPhase::Cancelled));
    unfinished.map(|run| run.run).ok_or_else(|| {
        let hint = "`bailiwick runs` lists them; one that failed is named: bailiwick resume RUN --retry-failed";
        let message = "no run of this data folder is unfinished";
        Problems::one(Diagnostic::error(codes::NO_RUN, message).hint(hint))
    })
}

/// A run as it was left, and that nobody else writes in it.
struct Claimed {
    term: Term,
    entries: Vec<Entry>,
    state: RunState,
    durable: Durable,
}

/// Takes a run over and reads it.
async fn claim(held: &Held, run: &RunId) -> Result<Claimed, Problems> {
    let TakenOver { term, entries, durable } =
        held.store.take_over(run).await.map_err(|error| match error {
            JournalError::NoSuchRun(_) => {
                let hint = "`bailiwick runs` lists the runs of this data folder";
                Problems::one(Diagnostic::error(codes::NO_RUN, error.to_string()).hint(hint))
            }
            error => storage(error),
        })?;
    let state = RunState::replay(&entries).map_err(storage)?;
    let state = state.ok_or_else(|| {
        let message = format!("{run} ended before its first fact was written; start it again");
        Problems::one(Diagnostic::error(codes::NO_RUN, message))
    })?;
    Ok(Claimed { term, entries, state, durable })
}

fn may_write(out: &Path) -> Result<(), Problems> {
    delivery::may_write(out).map_err(|error| {
        let hint = "name a folder that is new, empty, or of an earlier run";
        Problems::one(Diagnostic::error(codes::OUT, error.to_string()).hint(hint))
    })
}

fn may_resume(state: &RunState, retry_failed: bool) -> Result<(), Problems> {
    match state.end {
        None | Some(RunEnd::Interrupted) => Ok(()),
        Some(RunEnd::Failed) if retry_failed => Ok(()),
        _ => Err(ended(state)),
    }
}

fn ended(state: &RunState) -> Problems {
    let message = format!("{} is {}", state.run, state.status().as_str());
    let hint = match state.end {
        Some(RunEnd::Failed) => {
            format!("bailiwick resume {} --retry-failed does its failed cells again", state.run)
        }
        _ => format!(
            "nothing of it is left to do; `bailiwick resume {} --out DIR` delivers it",
            state.run
        ),
    };
    Problems::one(Diagnostic::error(codes::ENDED, message).hint(hint))
}

/// The project of a run as the run was left: as it began, with what was repinned since.
async fn as_left(state: &RunState, today: &Opened, blobs: &dyn Blobs) -> Result<Pinned, Problems> {
    let mut pinned = as_started(state, today, blobs).await?;
    for repin in &state.repins {
        apply(&mut pinned, state, repin, today, blobs).await?;
    }
    Ok(pinned)
}

/// The project of a run as it was when the run began. One of an older version was not
/// pinned: it goes on with the files of today, where they are the same.
async fn as_started(
    state: &RunState,
    today: &Opened,
    blobs: &dyn Blobs,
) -> Result<Pinned, Problems> {
    if let Some(pin) = &state.pin {
        if pin.project != pinned::project(&today.root) {
            let message = format!("{} belongs to the project {}", state.run, pin.project);
            let hint = format!("type: bailiwick resume {} --project {}", state.run, pin.project);
            return Err(Problems::one(Diagnostic::error(codes::CHANGED, message).hint(hint)));
        }
        return pinned::read(state, pin, today, blobs).await;
    }
    let plan = check::plan(today, Some(&state.pipeline))?;
    let agents = agents_of(today, &plan)?;
    for agent in &agents {
        let was = state.agents.get(&agent.name).map(|pin| pin.component);
        if was.is_some_and(|was| was != agent.embedded.outline.digest) {
            let message = format!(
                "`{}` is another component than {} was started with",
                agent.name, state.run
            );
            let hint = "build or copy the old one again; runs of this version keep theirs";
            return Err(Problems::one(Diagnostic::error(codes::CHANGED, message).hint(hint)));
        }
    }
    let (assets, _) = folders::import_assets(today, blobs).await?;
    let agents = Serving { current: agents, older: Vec::new() };
    Ok(Pinned { opened: today.clone(), agents, assets })
}

fn state_shape(state: &RunState) -> Vec<bailiwick_core::fact::StepShape> {
    state.steps.iter().map(|step| step.shape.clone()).collect()
}
