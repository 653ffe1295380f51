//! `run`: from an opened project and an input to a run that goes, and to what came of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::ports::{Blobs, BoxFuture, Durable, Journal};
use bailiwick_core::{Diagnostic, Name, RunId, RunState};
use bailiwick_orchestrator::{Ended, Observer, RunHandle, Start, World, pin};
use bailiwick_project::{Decisions, Plan};
use bailiwick_store::Store;

use crate::components::{Agent, read_agents};
use crate::delivery::{self, Outline, Written};
use crate::desk::{Complain, ForegroundDesk, Prompter};
use crate::host::Host;
use crate::load::Opened;
use crate::problems::Problems;
use crate::slots::Table;
use crate::{check, codes, decisions, embed, folders, input, wire};

/// Attempts of one run at a time. Guests that wait for a model take no core, so this
/// is above the cores; memory bounds it: 32 × 128 MiB.
const CONCURRENCY: NonZeroUsize = match NonZeroUsize::new(32) {
    Some(number) => number,
    None => NonZeroUsize::MIN,
};

/// What running attempts get after Ctrl-C: a model's answer that is almost there.
pub const GRACE: Duration = Duration::from_secs(10);

/// What is to be run, and who looks on.
pub struct RunRequest {
    /// The pipeline; without one the project has exactly one.
    pub pipeline: Option<Name>,
    /// A JSON document.
    pub input: Option<PathBuf>,
    /// Answers of people, ahead of time.
    pub decisions: Option<PathBuf>,
    /// Where it will be delivered, if anywhere: looked at before anything is begun.
    pub out: Option<PathBuf>,
    /// The id of the run; made where it is left out.
    pub run: Option<RunId>,
    /// The OS user as whom decisions are made.
    pub uid: u32,
    /// Sees each entry when it is durable.
    pub observer: Arc<dyn Observer>,
    /// Somebody at a terminal.
    pub prompter: Option<Arc<dyn Prompter>>,
    /// Hears what could not be decided.
    pub complain: Complain,
}

/// A run that goes.
pub struct Running {
    /// Reaches it.
    pub handle: RunHandle,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// Ends when it has ended, or waits for people who are not there.
    pub finished: BoxFuture<'static, Result<Finished, Problems>>,
}

/// What came of a run.
pub struct Finished {
    /// Everything that is known of it.
    pub state: RunState,
    /// That it is on stable storage.
    pub durable: Durable,
    plan: Arc<Plan>,
    store: Arc<Store>,
}

impl Finished {
    /// Writes what came out into a folder: output, artifacts, manifest and gallery.
    ///
    /// # Errors
    /// [`Problems`] where the folder cannot be written, or bytes are missing.
    pub async fn deliver(&self, out: &Path) -> Result<Written, Problems> {
        let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
        let entries = self.store.archive().read(&self.state.run).await;
        let entries = entries.map_err(|error| fail(codes::STORAGE, error.to_string()))?;
        let outline = Outline::of(&self.plan);
        delivery::deliver(
            &self.durable,
            out,
            &outline,
            (&self.state, &entries),
            self.store.as_ref(),
        )
        .await
        .map_err(|error| fail(codes::OUT, error.to_string()))
    }
}

/// Starts a run. Everything that can be wrong is found before anything is written.
///
/// # Errors
/// [`Problems`], with nothing written.
pub async fn run(host: &Host, opened: &Opened, request: RunRequest) -> Result<Running, Problems> {
    let plan = check::plan(opened, request.pipeline.as_ref())?;
    let agents = agents_of(opened, &plan)?;
    let input = input::read(request.input.as_deref(), &plan)?;
    let decisions = match &request.decisions {
        Some(path) => decisions::read(path, &plan)?,
        None => Decisions::default(),
    };
    if let Some(out) = &request.out {
        delivery::may_write(out).map_err(|error| {
            let hint = "name a folder that is new, empty, or of an earlier run";
            Problems::one(Diagnostic::error(codes::OUT, error.to_string()).hint(hint))
        })?;
    }
    let slots = admit(host, &agents).await?;
    let run = match request.run {
        Some(run) => run,
        None => fresh_id(host),
    };
    let held = host.hold()?;
    if held.store.archive().run(run.clone()).await.is_ok() {
        let hint = "leave --run-id out, or choose another";
        return Err(Problems::one(
            Diagnostic::error(codes::RUN_EXISTS, format!("there is a run {run} already"))
                .hint(hint),
        ));
    }
    let collections = wire::collections(&held, opened)?;
    folders::index_collections(opened, &collections).await?;
    let blobs: Arc<dyn Blobs> = Arc::clone(&held.store) as _;
    let (input, mut imported) = input.import(blobs.as_ref()).await?;
    let (assets, of_assets) = folders::import_assets(opened, blobs.as_ref()).await?;
    imported.extend(of_assets);

    let to_embed = collections.clone();
    let gateway = wire::gateway(host, &held, opened, collections);
    let desk = ForegroundDesk {
        decisions,
        people: opened.policy.people.clone(),
        uid: request.uid,
        prompter: request.prompter,
        complain: request.complain,
    };
    let start = Start {
        run: run.clone(),
        plan: Arc::clone(&plan),
        input,
        assets,
        agents: slots.iter().map(|(name, generation)| (name.clone(), pin(generation))).collect(),
        imported,
        by: opened.policy.people.name_of(request.uid),
        concurrency: CONCURRENCY,
        grace: GRACE,
        preparation: Some(embed::missing(Arc::clone(&gateway), to_embed, run.clone())),
    };
    let world = World {
        journal: Arc::clone(&held.store) as Arc<dyn Journal>,
        clock: Arc::clone(&host.clock),
        slots: Arc::new(slots),
        runner: wire::runner(host, &gateway),
        observer: request.observer,
        desk: Arc::new(desk),
    };
    let (handle, driven) = bailiwick_orchestrator::run(world, start);
    let (of_run, store) = (Arc::clone(&plan), Arc::clone(&held.store));
    let finished = async move {
        let ended = driven.await;
        gateway.ledger.close(&run);
        let Ended { state, durable } = ended
            .map_err(|error| Problems::one(Diagnostic::error(codes::STORAGE, error.to_string())))?;
        Ok(Finished { state, durable, plan: of_run, store })
    };
    Ok(Running { handle, plan, finished: Box::pin(finished) })
}

/// The agents that a plan names, or everything that is wrong with them.
fn agents_of(opened: &Opened, plan: &Plan) -> Result<Vec<Agent>, Problems> {
    let names = plan.steps.iter().filter_map(|step| step.agent());
    let found = read_agents(opened, names);
    let mut problems = found.problems;
    problems.extend(check::against_profiles(plan, &found.agents));
    problems.or(found.agents.into_values().collect())
}

/// Loads each component and asks it who it is.
async fn admit(host: &Host, agents: &[Agent]) -> Result<Table, Problems> {
    let mut problems = Problems::default();
    for agent in agents {
        let Agent { name, path, bytes, embedded, .. } = agent;
        let say = |code, what: String| {
            let hint = format!("`bailiwick explain {code}` says more");
            Diagnostic::error(code, format!("`{name}` ({}): {what}", path.display())).hint(hint)
        };
        let digest = match host.sandbox.prepare(bytes).await {
            Ok(admitted) => admitted.digest,
            Err(refused) => {
                problems.extend([say(codes::NOT_ADMITTED, refused.to_string())]);
                continue;
            }
        };
        if let Err(refused) = host.sandbox.admit(&digest, name, &agent.effective.grants) {
            problems.extend([say(codes::NOT_ADMITTED, refused.to_string())]);
            continue;
        }
        match host.sandbox.profile(&digest).await {
            Ok(said) if is_same(&said, &embedded.profile) => {}
            Ok(said) => {
                let what = format!(
                    "its file says {} {}, the agent says {} {}, and their summaries or schemas may differ",
                    embedded.profile.name, embedded.profile.version, said.name, said.version
                );
                problems.extend([say(codes::OTHER_PROFILE, what)]);
            }
            Err(error) => problems.extend([say(codes::NOT_ADMITTED, error.to_string())]),
        }
    }
    problems.or(Table::of(agents.iter().map(Agent::generation)))
}

fn is_same(said: &bailiwick_sandbox::Profile, embedded: &bailiwick_builder::Profile) -> bool {
    said.name == embedded.name
        && said.version == embedded.version
        && said.summary == embedded.summary
        && *said.input.value() == embedded.input_schema
        && *said.output.value() == embedded.output_schema
}

/// An id that sorts by time and is not guessed: hours and minutes are for people.
fn fresh_id(host: &Host) -> RunId {
    let digest = bailiwick_core::Digest::of(&host.random.bytes());
    let text = format!("{:011x}-{}", host.clock.now().0, &digest.short());
    // Eleven digits of time, a dash, twelve of chance: always a run id.
    RunId::new(&text).unwrap_or_else(|_| unreachable_id())
}

#[expect(clippy::expect_used, reason = "a literal that is a run id")]
fn unreachable_id() -> RunId {
    RunId::new("run").expect("a run id")
}
