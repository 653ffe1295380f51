//! `replay`: what a run did, done again on its record alone. Reads a data folder, writes nothing, reaches nobody.

mod difference;
mod stage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_builder::COMPONENT_BYTES_MAX;
use bailiwick_core::fact::StepBy;
use bailiwick_core::ports::Blobs;
use bailiwick_core::recorded::{RecordedAttempt, recorded_attempts};
use bailiwick_core::{Bytes, CellKey, Diagnostic, Digest, Name, RunId, RunState};
use bailiwick_policy::Generation;
use bailiwick_policy::publishers::Moment;
use bailiwick_project::RunPin;
use bailiwick_sandbox::Sandbox;

pub(crate) use self::difference::differences;
pub use self::difference::{DIFFERENCES_MAX, Difference};
pub use self::stage::{Asked, Compared, Comparison, Diverged, Rehearsal, Stage, replay};
use crate::admission::admit_to;
use crate::components::{Agent, Found, agent_of};
use crate::files;
use crate::history::{History, Record};
use crate::host::{HostConfig, sandbox};
use crate::load::Opened;
use crate::pinned::{self, pinned_component, storage};
use crate::plugins::source::find;
use crate::problems::Problems;
use crate::{codes, labels, resume};

/// Which attempts of a run are to execute again, and on what.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
    /// The run.
    pub run: RunId,
    /// Only those of this step.
    pub step: Option<Name>,
    /// Only those of this cell of each step.
    pub cell: Option<CellKey>,
    /// On this component instead of their own: a file, or the folder of a built agent.
    /// Needs a step.
    pub with: Option<PathBuf>,
}

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The run.
    pub run: RunId,
    /// Each attempt that has ended, in the order of their steps and cells.
    pub compared: Vec<Compared>,
    /// How many attempts have not ended: they are not compared.
    pub open: usize,
}

/// The worst of a replay: what scripts go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the variants of `Comparison`, from good to bad")]
pub enum Worst {
    Equal,
    Impossible,
    Different,
    Diverged,
}

impl Replay {
    /// The worst that there is.
    #[must_use]
    pub fn worst(&self) -> Worst {
        let all = self.compared.iter().map(|one| one.comparison.worst());
        all.max().unwrap_or(Worst::Equal)
    }

    /// How many there are of a kind.
    #[must_use]
    pub fn count(&self, of: Worst) -> usize {
        self.compared.iter().filter(|one| one.comparison.worst() == of).count()
    }
}

impl Comparison {
    /// Its kind.
    #[must_use]
    pub fn worst(&self) -> Worst {
        match self {
            Self::Equal { .. } => Worst::Equal,
            Self::Impossible(_) => Worst::Impossible,
            Self::Different(_) => Worst::Different,
            Self::Diverged(_) => Worst::Diverged,
        }
    }
}

/// Executes the ended attempts of a run again, without network, cost or a trace, and
/// compares every call and what came out with what is written. A host may drive the run
/// meanwhile.
///
/// # Errors
/// [`Problems`] where there is no such run or step, or nothing to execute it with.
pub async fn replay_run(
    config: &HostConfig,
    history: Arc<History>,
    request: &ReplayRequest,
) -> Result<Replay, Problems> {
    let record = history.record(&request.run).await?;
    let (chosen, open) = chosen(&record, request)?;
    let sandbox = Arc::new(sandbox(config)?);
    let past = Past::of(&record.state, &history).await?;
    let blobs: Arc<dyn Blobs> = history;
    let with = match &request.with {
        Some(path) => Some(past.other(&sandbox, &record.state, request.step.as_ref(), path).await?),
        None => None,
    };
    let Prepared { stage, attempts, impossible: mut compared } =
        prepare(&record.state, &past, chosen, (&sandbox, blobs)).await;
    compared.extend(replay(&stage, attempts, with.as_ref()).await);
    Ok(Replay { run: request.run.clone(), compared, open })
}

/// Attempts of a run that can execute again, and those that cannot.
pub(crate) struct Prepared {
    pub(crate) stage: Stage,
    pub(crate) attempts: Vec<Rehearsal>,
    pub(crate) impossible: Vec<Compared>,
}

/// Finds what these attempts of a run ran on, and loads it.
pub(crate) async fn prepare(
    state: &RunState,
    past: &Past,
    chosen: Vec<RecordedAttempt>,
    (sandbox, blobs): (&Arc<Sandbox>, Arc<dyn Blobs>),
) -> Prepared {
    let mut known = Known { past, sandbox, blobs: blobs.as_ref(), generations: BTreeMap::new() };
    let (mut attempts, mut impossible) = (Vec::new(), Vec::new());
    for attempt in chosen {
        match known.generation(state, &attempt).await {
            Ok(own) => attempts.push(Rehearsal {
                run: state.run.clone(),
                judges: state
                    .step(&attempt.id.cell.step)
                    .is_some_and(|step| step.shape.judges.is_some() && attempt.agent.is_none()),
                attempt,
                own,
            }),
            Err(why) => impossible.push(Compared {
                component: attempt.component,
                attempt: attempt.id,
                comparison: Comparison::Impossible(why),
            }),
        }
    }
    let shape: Vec<_> = state.steps.iter().map(|step| step.shape.clone()).collect();
    let labels = state.labels.as_ref();
    let lowered = labels.map(|labels| labels::lowered(&shape, labels)).unwrap_or_default();
    let stage = Stage::new(Arc::clone(sandbox), past.newest().embedders(), blobs, lowered);
    Prepared { stage, attempts, impossible }
}

/// The ended attempts that are asked for, in the order of steps and cells, and how many
/// have not ended.
fn chosen(
    record: &Record,
    request: &ReplayRequest,
) -> Result<(Vec<RecordedAttempt>, usize), Problems> {
    let order = |attempt: &RecordedAttempt| {
        let steps = &record.state.steps;
        let step = steps.iter().position(|step| step.shape.name == attempt.id.cell.step);
        let of = |name: &Name| record.state.step(name);
        let owner = of(&attempt.id.cell.step).map(|step| {
            let judged = step.shape.judges.as_ref().and_then(|judge| of(&judge.subject));
            judged.unwrap_or(step)
        });
        let cell = owner.and_then(|step| step.order.iter().position(|k| *k == attempt.id.cell.key));
        (step, cell, attempt.id.round, attempt.id.attempt, attempt.id.path.clone())
    };
    let mut all: Vec<_> = recorded_attempts(&record.entries)
        .into_values()
        // Another component stands for that of the step, and for nobody else's.
        .filter(|attempt| request.with.is_none() || attempt.agent.is_none())
        .filter(|attempt| request.step.as_ref().is_none_or(|step| attempt.id.cell.step == *step))
        .filter(|attempt| request.cell.as_ref().is_none_or(|key| attempt.id.cell.key == *key))
        .collect();
    all.sort_by_key(order);
    let total = all.len();
    all.retain(RecordedAttempt::has_ended);
    if total == 0 && (request.step.is_some() || request.cell.is_some()) {
        let hint = format!("`bailiwick show {}` lists its steps and cells", request.run);
        let message = "no attempt of the run is at that step and cell";
        return Err(Problems::one(Diagnostic::error(codes::NOT_REPLAYED, message).hint(hint)));
    }
    let open = total - all.len();
    Ok((all, open))
}

/// The projects that a run has had: the one that it was started with, and those that it
/// went on with.
pub(crate) struct Past(Vec<Opened>);

impl Past {
    pub(crate) async fn of(state: &RunState, history: &History) -> Result<Self, Problems> {
        let Some(pin) = &state.pin else {
            let message = format!("{} was made by a version that kept no components", state.run);
            let hint = "runs of this version can be replayed";
            return Err(Problems::one(Diagnostic::error(codes::NOT_REPLAYED, message).hint(hint)));
        };
        let blobs: &dyn Blobs = history;
        let mut opened = pinned::open_as_pinned(state, pin, blobs).await?;
        if opened.project.pin == RunPin::Step {
            let swapped = history.signatures(&pin.project).await?;
            pinned::adopt(&mut opened, state, &swapped);
        }
        let mut components = pinned::components(state);
        pinned::identify(&mut opened, &components, blobs).await?;
        let mut past = vec![opened.clone()];
        for repin in &state.repins {
            let Some(pin) = &repin.pin else { continue };
            let newer = pinned::open_as_pinned(state, pin, blobs).await?;
            resume::overlay(&mut opened, &newer, repin);
            pinned::adopt_signatures(&mut opened, &newer);
            components.extend(repin.agents.iter().map(|(name, pin)| (name.clone(), pin.component)));
            pinned::identify(&mut opened, &components, blobs).await?;
            past.push(opened.clone());
        }
        Ok(Self(past))
    }

    #[expect(clippy::expect_used, reason = "`of` puts one in")]
    pub(crate) fn newest(&self) -> &Opened {
        self.0.last().expect("a run was started with a project")
    }

    /// The component that somebody names, with the powers that the agent of the step had.
    async fn other(
        &self,
        sandbox: &Sandbox,
        state: &RunState,
        step: Option<&Name>,
        path: &Path,
    ) -> Result<Arc<Generation>, Problems> {
        let shape = step.and_then(|step| state.step(step)).map(|step| &step.shape.by);
        let Some(StepBy::Agent(agent)) = shape else {
            let message = "--with is a component for the agent of one step";
            let hint = "name it with --step; people are no component";
            return Err(Problems::one(Diagnostic::error(codes::NOT_REPLAYED, message).hint(hint)));
        };
        let file = find(Path::new(""), &path.display().to_string()).map_err(Problems::one)?;
        let bytes = files::read(&file, Bytes(COMPONENT_BYTES_MAX as u64)).map_err(|why| {
            let message = format!("{}: {why}", file.display());
            Problems::one(Diagnostic::error(codes::UNREADABLE, message))
        })?;
        // Nothing of it leaves: it is compared, and nobody has to answer for it.
        let found = Found { bytes: bytes.into(), signature: None, moment: Moment::Before };
        let other = agent_of(self.newest(), agent, &file, found).map_err(Problems::one)?;
        admit_to(sandbox, std::slice::from_ref(&other)).await?;
        Ok(Arc::new(generation(&other)))
    }
}

/// What an answer depends on besides the record does not matter here.
fn generation(agent: &Agent) -> Generation {
    agent.generation(Digest::of(b""))
}

/// An agent name on a component with powers.
pub(crate) type Key = (Name, Digest, Digest);

/// The generations of a run, found again in its data folder, each once.
pub(crate) struct Known<'a> {
    pub(crate) past: &'a Past,
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) blobs: &'a dyn Blobs,
    pub(crate) generations: BTreeMap<Key, Result<Arc<Generation>, String>>,
}

impl Known<'_> {
    /// What an attempt ran on, loaded.
    pub(crate) async fn generation(
        &mut self,
        state: &RunState,
        attempt: &RecordedAttempt,
    ) -> Result<Arc<Generation>, String> {
        let agent = state.agent_of(&attempt.id.cell.step, attempt.agent.as_ref());
        let agent = agent.ok_or("no agent did it")?;
        let key = (agent.clone(), attempt.component, attempt.powers);
        if let Some(known) = self.generations.get(&key) {
            return known.clone();
        }
        let found = self.find(&key).await.map(Arc::new);
        self.generations.insert(key, found.clone());
        found
    }

    async fn find(&self, (agent, component, powers): &Key) -> Result<Generation, String> {
        let say = |problems: Problems| {
            let first = problems.diagnostics.into_iter().next();
            first.map_or_else(String::new, |diagnostic| diagnostic.message)
        };
        let missing = |error| format!("its component {}: {error}", component.short());
        let bytes = self.blobs.get(*component).await.map_err(missing)?;
        let path = PathBuf::from(format!("the pinned component {}", component.short()));
        // Powers that the files of then do not give were narrowed by those of a later day.
        let mut found = None;
        for opened in &self.past.0 {
            let pinned = pinned_component(opened, bytes.clone());
            let agent = agent_of(opened, agent, &path, pinned).map_err(|d| d.message)?;
            let fits = agent.effective.digest() == *powers;
            found = Some(agent);
            if fits {
                break;
            }
        }
        let found = found.ok_or_else(|| say(storage("it has no project")))?;
        admit_to(self.sandbox, std::slice::from_ref(&found)).await.map_err(say)?;
        Ok(generation(&found))
    }
}
