//! `run`: from an opened project and an input to a run that goes, and to what came of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::RunLabels;
use bailiwick_core::ports::{Blobs, BoxFuture, Durable};
use bailiwick_core::{Diagnostic, Name, RunId, RunState};
use bailiwick_gate::Gateway;
use bailiwick_orchestrator::{Ended, NoReuse, Observer, RunError, RunHandle, Start, World, pin};
use bailiwick_policy::Caller;
use bailiwick_project::{Decisions, Plan, RunPin};
use bailiwick_store::{Collections, Store};
use serde_json::Value;

use crate::admission::{Serving, admit, agents_of, table};
use crate::cache::caching;
use crate::components::{Agent, knowing};
use crate::delivery::{self, Outline, Written};
use crate::desk::{Complain, ForegroundDesk, Prompter};
use crate::follows::{Follows, Unseen};
use crate::fork::Past;
use crate::host::{Held, Host};
use crate::input::{self, Input};
use crate::labels::{self, Audience};
use crate::ledgers::Accounts;
use crate::load::Opened;
use crate::origins::with_origins;
use crate::problems::Problems;
use crate::rules::{Report, RunRules};
use crate::slots::Table;
use crate::{check, codes, decisions, embed, folders, ledgers, pinned, wire};

/// Attempts of one run at a time. Guests that wait for a model take no core, so this
/// is far above the cores; memory bounds it: 64 that all take their 128 MiB are a
/// third of the smallest machine, and hardly any guest takes a tenth of that.
pub(crate) const CONCURRENCY: NonZeroUsize = match NonZeroUsize::new(64) {
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
    /// The label of the input; unset: what the policy says of what has none.
    pub label: Option<String>,
    /// The OS user as whom decisions are made.
    pub uid: u32,
    /// Who sees it.
    pub audience: Audience,
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
    pub(crate) fn of(state: RunState, durable: Durable, plan: Arc<Plan>, held: &Held) -> Self {
        Self { state, durable, plan, store: Arc::clone(&held.store) }
    }

    /// Writes what came out into a folder: output, artifacts, manifest and gallery.
    ///
    /// # Errors
    /// [`Problems`] where the folder cannot be written, or bytes are missing.
    pub async fn deliver(&self, out: &Path) -> Result<Written, Problems> {
        let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
        let entries = self.store.archive().read(&self.state.run).await;
        let entries = entries.map_err(|error| fail(codes::STORAGE, error.to_string()))?;
        let entries = with_origins(self.store.archive(), entries).await;
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
pub async fn run(
    host: &Host,
    opened: &Opened,
    mut request: RunRequest,
) -> Result<Running, Problems> {
    let plan = check::plan(opened, request.pipeline.as_ref())?;
    may_write(request.out.as_deref())?;
    // What was swapped is known to the data folder, which is taken for that.
    let opened = host.over(opened).await?;
    let opened = opened.as_ref();
    let agents = agents_of(opened, &plan)?;
    let input = input::read(request.input.as_deref(), &plan)?;
    request.label = labels::of_input(&opened.policy, request.label.as_deref(), &input.read_from);
    begin(host, opened, request, Beginning { plan, agents, input, past: None }).await
}

/// Whether a delivery can go where it is to go.
fn may_write(out: Option<&Path>) -> Result<(), Problems> {
    let Some(out) = out else { return Ok(()) };
    delivery::may_write(out).map_err(|error| {
        let hint = "name a folder that is new, empty, or of an earlier run";
        Problems::one(Diagnostic::error(codes::OUT, error.to_string()).hint(hint))
    })
}

/// What a run begins with.
pub(crate) struct Beginning {
    pub(crate) plan: Arc<Plan>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) input: Input,
    /// The run that it is made from.
    pub(crate) past: Option<Arc<Past>>,
}

/// Starts a run that was read and checked.
pub(crate) async fn begin(
    host: &Host,
    opened: &Opened,
    request: RunRequest,
    beginning: Beginning,
) -> Result<Running, Problems> {
    let Beginning { plan, agents, input, past } = beginning;
    // The gate judges by ceilings that name who is called.
    let opened = &knowing(opened, &agents);
    let caller = Caller::who_runs_it(request.uid);
    let labels =
        labels::begin(opened, &plan, request.label.as_deref(), (caller, request.audience))?;
    let decisions = match &request.decisions {
        Some(path) => decisions::read(path, &plan)?,
        None => Decisions::default(),
    };
    may_write(request.out.as_deref())?;
    let _ready = admit(host, &agents).await?;
    let held = host.hold()?;
    let run = match request.run.clone() {
        Some(run) => unused(&held, run).await?,
        None => fresh_id(host),
    };
    let blobs: Arc<dyn Blobs> = Arc::clone(&held.store) as _;
    let (input, mut imported) = input.import(blobs.as_ref()).await?;
    let (assets, of_assets) = folders::import_assets(opened, blobs.as_ref()).await?;
    imported.extend(of_assets);
    imported.extend(past.iter().flat_map(|past| past.imported.clone()));
    let pinned = pinned::pin(opened, &plan, &agents, &assets, blobs.as_ref()).await?;
    let serving = Serving { current: agents, older: Vec::new() };
    let Setting { world, gateway, collections, slots } = set_up(
        host,
        &held,
        (&run, opened, opened),
        (&plan, &labels, Unseen::Flip(opened.swapped.serial)),
        &serving,
        &assets,
        onlookers(opened, &labels, decisions, &request),
    )
    .await?;
    ledgers::begin(&gateway.ledger, &run, opened.budgets(&plan, &serving.current));
    let lowered = labels::lowered(&plan.shape(), &labels);
    let start = Start {
        run: run.clone(),
        plan: Arc::clone(&plan),
        input,
        assets,
        agents: slots.all().iter().map(|(name, now)| (name.clone(), pin(now))).collect(),
        imported,
        by: opened.policy.people.name_of(request.uid),
        pin: Some(pinned),
        forked: past.as_ref().map(|past| past.forked.clone()),
        labels: Some(Box::new(labels)),
        concurrency: CONCURRENCY,
        grace: host.grace,
        preparation: embed::missing(
            Arc::clone(&gateway),
            collections,
            run.clone(),
            slots.all().into_iter().map(|(_, now)| now).collect(),
        ),
    };
    let world = host.sharing_places(opened, &run, world);
    let world = caching(world, &held, (&plan, &lowered), opened, (&run, &[]))?;
    let world = match past {
        Some(past) => past.known_to(world, blobs, (opened, lowered), Arc::clone(&request.complain)),
        None => world,
    };
    let (handle, driven) = bailiwick_orchestrator::run(world, start);
    host.live.goes(handle.clone()).await;
    Ok(Running::of((handle, plan), driven, gateway, host, &held))
}

/// What a run of a project needs of this host.
pub(crate) struct Setting {
    pub(crate) world: World,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) collections: Collections,
    pub(crate) slots: Arc<Table>,
}

/// Who looks on and answers.
pub(crate) struct Onlookers {
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) desk: ForegroundDesk,
}

fn onlookers(
    opened: &Opened,
    labels: &RunLabels,
    decisions: Decisions,
    request: &RunRequest,
) -> Onlookers {
    let desk = ForegroundDesk {
        decisions,
        policy: opened.policy.clone(),
        labels: labels.clone(),
        uid: request.uid,
        prompter: request.prompter.clone(),
        complain: Arc::clone(&request.complain),
    };
    Onlookers { observer: Arc::clone(&request.observer), desk }
}

/// Connects a run with everything around it.
pub(crate) async fn set_up(
    host: &Host,
    held: &Arc<Held>,
    (run, today, opened): (&RunId, &Opened, &Opened),
    (plan, labels, from): (&Plan, &RunLabels, Unseen),
    agents: &Serving,
    assets: &Value,
    onlookers: Onlookers,
) -> Result<Setting, Problems> {
    let collections = wire::collections(held, opened)?;
    let contents = folders::index_collections(opened, &collections).await?;
    let project = pinned::project(&opened.root);
    let ledger = held.ledgers.of(&project, &held.store, host.clock.as_ref()).await?;
    held.rules.load(&held.store).await?;
    let report = Report {
        store: Arc::clone(&held.store),
        clock: Arc::clone(&host.clock),
        complain: Arc::clone(&onlookers.desk.complain),
    };
    let files = held.rules.watch(today, &report);
    let rules = RunRules::new(run.clone(), (Arc::clone(&held.rules), files), opened, labels);
    let lowered = labels::lowered(&plan.shape(), labels);
    held.generations.load(&project).await?;
    let follows = (opened.project.pin == RunPin::Step).then(|| {
        let complain = Arc::clone(&onlookers.desk.complain);
        Follows::new(host, &held.generations, (run, opened), from, complain)
    });
    let (rules_of_now, serving) = (Arc::clone(&rules) as _, (&host.kept, follows));
    let slots = Arc::new(table(opened, agents, (contents, assets), rules_of_now, serving));
    let ports = (collections.clone(), ledger, rules as _, lowered);
    let asked = (Arc::clone(&slots) as _, Arc::clone(&onlookers.desk.complain));
    let gateway = wire::gateway(host, held, opened, ports, asked)?;
    let world = World {
        journal: wire::journal(host, held),
        clock: Arc::clone(&host.clock),
        slots: Arc::clone(&slots) as _,
        runner: wire::runner(host, &gateway),
        observer: onlookers.observer,
        desk: Arc::new(onlookers.desk),
        reuse: Arc::new(NoReuse),
        books: Arc::new(Accounts {
            ledger: gateway.ledger.clone(),
            clock: Arc::clone(&host.clock),
        }),
    };
    Ok(Setting { world, gateway, collections, slots })
}

impl Running {
    pub(crate) fn of(
        (handle, plan): (RunHandle, Arc<Plan>),
        driven: impl Future<Output = Result<Ended, RunError>> + Send + 'static,
        gateway: Arc<Gateway>,
        host: &Host,
        held: &Held,
    ) -> Self {
        let live = Arc::clone(&host.live);
        let (of_run, store, run) =
            (Arc::clone(&plan), Arc::clone(&held.store), handle.run().clone());
        let finished = async move {
            let ended = driven.await;
            gateway.ledger.close(&run);
            live.left(&run).await;
            let Ended { state, durable } = ended.map_err(pinned::storage)?;
            Ok(Finished { state, durable, plan: of_run, store })
        };
        Self { handle, plan, finished: Box::pin(finished) }
    }
}

/// An id that somebody chose, where no run has it yet.
async fn unused(held: &Held, run: RunId) -> Result<RunId, Problems> {
    let listed = held.store.archive().run(run.clone()).await;
    if listed.is_ok_and(|listed| listed.started.is_some()) {
        let diagnostic =
            Diagnostic::error(codes::RUN_EXISTS, format!("there is a run {run} already"));
        let hint = "leave --run-id out, or choose another";
        return Err(Problems::one(diagnostic.hint(hint)));
    }
    Ok(run)
}

/// An id that sorts by time and is not guessed: hours and minutes are for people.
#[expect(
    clippy::expect_used,
    reason = "eleven digits of time, a dash, twelve of chance: always a run id"
)]
pub(crate) fn fresh_id(host: &Host) -> RunId {
    let digest = bailiwick_core::Digest::of(&host.random.bytes());
    let text = format!("{:011x}-{}", host.clock.now().0, &digest.short());
    RunId::new(&text).expect("a run id")
}
