//! The life of one host: it starts the run or goes on with it, until the run is left, the disk fails, or the power goes.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bailiwick_core::fact::{Entry, Fact, Repin};
use bailiwick_core::ports::Journal as _;
use bailiwick_core::{Day, Document, RunState};
use bailiwick_gate::Gateway;
use bailiwick_gate::ledger::Ledger;
use bailiwick_orchestrator::{
    Books, Ended, Resume, RunError, RunHandle, Start, World, pin, resume, run,
};
use bailiwick_policy::Route;
use bailiwick_store::MemoryNamespaces;
use serde_json::json;

use crate::clock::Simulated;
use crate::disk::Disk;
use crate::guest::{Agents, Guests, generation};
use crate::outside::{Outside, name, run_id};
use crate::people::{Office, OtherRun, Watcher};
use crate::provider::{Index, Provider};

/// Turns after which a run that does not end hangs: the longest takes a hundredth of them.
const HANGS: usize = 400_000;

/// How a host is to live.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// The turn at which the power goes.
    pub(crate) cut: Option<usize>,
    /// The turn at which somebody wants it to stop.
    pub(crate) stop: Option<usize>,
    /// Whether somebody attends its desk.
    pub(crate) attended: bool,
    pub(crate) concurrency: usize,
    /// When it goes on with a run: with what is to be tried again.
    pub(crate) retry_failed: bool,
    pub(crate) repinned: Option<Repin>,
}

impl Default for Plot {
    fn default() -> Self {
        let (cut, stop, repinned) = (None, None, None);
        Self { cut, stop, attended: false, concurrency: 3, retry_failed: false, repinned }
    }
}

/// How it came to its end.
#[derive(Debug)]
pub(crate) enum Death {
    Left(Box<Ended>),
    Cut,
    Broken,
}

/// Lives. What was on its way when it dies is gone with it.
pub(crate) fn live(outside: &Arc<Outside>, plot: &Plot) -> Death {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let disk = Disk(Arc::clone(outside));
    outside.journal.hold();
    let death = runtime.block_on(drive(outside, &disk, plot));
    drop(runtime);
    if matches!(death, Death::Cut | Death::Broken) {
        disk.fail();
        outside.nothing_is_forgotten();
    }
    if let Death::Left(ended) = &death {
        let known = outside.known();
        if known.state.as_ref() != Some(&ended.state) {
            outside.wrong("what is on disk is not what the run knew when it was left");
        }
        if ended.state.running() > 0 {
            outside.wrong("attempts run in a run that was left");
        }
    }
    death
}

async fn drive(outside: &Arc<Outside>, disk: &Disk, plot: &Plot) -> Death {
    let (handle, driven) = begin(outside, plot).await;
    let mut driven = std::pin::pin!(driven);
    for turn in 0..HANGS {
        outside.turns.store(turn, Ordering::Relaxed);
        if plot.cut.is_some_and(|cut| turn >= cut) && outside.known().entries > 0 {
            return Death::Cut;
        }
        if outside.exploded.swap(false, Ordering::Relaxed) {
            return Death::Cut;
        }
        if plot.stop == Some(turn) {
            let handle = handle.clone();
            tokio::spawn(async move { handle.stop().await });
        }
        disk.turn();
        tokio::select! {
            biased;
            ended = &mut driven => return match ended {
                Ok(ended) => Death::Left(Box::new(ended)),
                Err(RunError::Journal(_)) => Death::Broken,
                Err(RunError::Illegal(illegal)) => {
                    outside.wrong(format!("the run wanted to write: {illegal}"));
                    Death::Broken
                }
            },
            () = tokio::task::yield_now() => {}
        }
    }
    outside.wrong("the run hangs");
    Death::Cut
}

type Driven = Pin<Box<dyn Future<Output = Result<Ended, RunError>>>>;

async fn begin(outside: &Arc<Outside>, plot: &Plot) -> (RunHandle, Driven) {
    let entries = outside.journal.entries(&run_id());
    let state = RunState::replay(&entries).unwrap_or_default();
    let world = world(outside, plot, entries.len(), state.as_ref());
    let concurrency = NonZeroUsize::new(plot.concurrency).unwrap();
    let grace = Duration::from_millis(50);
    let (plan, assets) = (Arc::clone(&outside.plan), json!({}));
    let Some(state) = state else {
        let agents = ["work", "judge"].map(name);
        let agents = agents.map(|agent| (agent.clone(), pin(&generation(&agent, 0)))).into();
        let start = Start {
            run: run_id(),
            plan,
            input: Document::of(&json!({ "topics": ["a", "b"] })),
            assets,
            agents,
            imported: Vec::new(),
            by: "ana".into(),
            pin: None,
            forked: None,
            labels: None,
            concurrency,
            grace,
            preparation: None,
        };
        let (handle, driven) = run(world, start);
        return (handle, Box::pin(driven));
    };
    let resumed = Resume {
        term: outside.journal.claim(&run_id()).await.unwrap(),
        state,
        known: entries.len() as u64,
        plan,
        assets,
        by: "ana".into(),
        repinned: plot.repinned.clone(),
        retry_failed: plot.retry_failed,
        concurrency,
        grace,
        preparation: None,
    };
    let (handle, driven) = resume(world, resumed);
    (handle, Box::pin(driven))
}

fn world(outside: &Arc<Outside>, plot: &Plot, shown: usize, state: Option<&RunState>) -> World {
    let ledger = Ledger::default();
    ledger.open(&run_id(), Arc::new(outside.budgets.lock().unwrap().clone()));
    if let Some(state) = state {
        let committed = state.committed();
        ledger.seed(&run_id(), committed.by_agent, committed.by_step);
    }
    let second = Route { model: "second".into(), ..Route::builtin() };
    let embedder = outside.embeds.then(|| (name("brand"), name("embedder")));
    let gateway = Gateway {
        models: BTreeMap::from([
            (name("writer"), vec![Route::builtin(), second]),
            (name("embedder"), vec![Route::builtin()]),
        ]),
        embedders: embedder.into_iter().collect(),
        provider: Arc::new(Provider(Arc::clone(outside))),
        knowledge: Arc::new(Index(Arc::clone(outside))),
        http: Arc::new(bailiwick_gate::Unconnected),
        namespaces: {
            let outside = Arc::clone(outside);
            Arc::new(MemoryNamespaces::of(move || outside.journal.values()))
        },
        agents: Arc::new(Agents(Arc::clone(outside))),
        blobs: Arc::new(Disk(Arc::clone(outside))),
        clock: Arc::new(Simulated(Arc::clone(outside))),
        rules: Arc::new(bailiwick_policy::Unchanging(bailiwick_policy::Clearances::unlabelled())),
        lowered: std::collections::BTreeSet::new(),
        host_key: [7; 32],
        ledger: ledger.clone(),
    };
    World {
        journal: Arc::new(Disk(Arc::clone(outside))),
        clock: Arc::new(Simulated(Arc::clone(outside))),
        slots: Arc::new(Agents(Arc::clone(outside))),
        runner: Arc::new(Guests { outside: Arc::clone(outside), gateway: Arc::new(gateway) }),
        observer: Arc::new(Watcher {
            outside: Arc::clone(outside),
            shown: AtomicUsize::new(shown),
        }),
        desk: Arc::new(Office { outside: Arc::clone(outside), attended: plot.attended }),
        reuse: Arc::new(OtherRun(Arc::clone(outside))),
        books: Arc::new(Counted(ledger)),
    }
}

/// The ledger of a host, set right when its journal fails.
struct Counted(Ledger);

impl Books for Counted {
    fn set(&self, state: &RunState) {
        let committed = state.committed();
        self.0.recount(&state.run, Day(0), committed.by_agent, committed.by_step);
    }
}

/// Answers that people give while no host is alive, for what is open and in the table.
pub(crate) fn decide_meanwhile(outside: &Outside) -> usize {
    let Some(state) = outside.known().state.clone() else { return 0 };
    let answers: Vec<Fact> = state
        .open_asks()
        .filter_map(|(id, ask)| {
            let decision = outside.decisions.decide(&ask.judge, &ask.cell.key, ask.round)?;
            Some(Fact::Decided { ask: id.clone(), decision, by: "ana".into() })
        })
        .collect();
    let mut state = state;
    let at = *outside.time.lock().unwrap();
    let facts: Vec<Fact> =
        answers.into_iter().filter(|fact| state.next(fact, at.max(state.span.1)).is_ok()).collect();
    let count = facts.len();
    if count > 0 {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        outside.journal.release();
        runtime.block_on(async {
            let term = outside.journal.claim(&run_id()).await.unwrap();
            let entry = Entry { at: state.span.1, facts };
            let ticket = outside.journal.append(&run_id(), term, entry).unwrap();
            ticket.durable().await.unwrap();
        });
    }
    count
}
