//! Everything that outlives a host: the disk, the bytes, the provider's book, people's answers; and the list of what went wrong.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard};

use bailiwick_core::ports::Blobs;
use bailiwick_core::{Cost, Digest, Name, RunId, Timestamp};
use bailiwick_policy::{Budgets, Policy};
use bailiwick_project::{Decisions, Plan, Project, Surroundings};
use bailiwick_store::{MemoryBlobs, MemoryJournal};

use crate::guest::Script;
use crate::known::Known;
use crate::plans::Dice;

/// How often, in percent, what goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// An append that fails, with whatever was queued.
    pub(crate) append: usize,
    /// A turn in which the disk does nothing.
    pub(crate) slow_sync: usize,
    /// A request that is turned away, breaks off, is late or is never answered.
    pub(crate) provider: usize,
    /// A look at the disk that finds no room.
    pub(crate) full: usize,
    /// A question that is left for later.
    pub(crate) silent: usize,
}

pub(crate) struct Outside {
    pub(crate) plan: Arc<Plan>,
    pub(crate) script: Script,
    pub(crate) decisions: Decisions,
    pub(crate) embeds: bool,
    /// The step whose outputs another run had already.
    pub(crate) reused: Option<Name>,
    /// The step for whose first call the provider is out of reach, and for how many requests yet.
    pub(crate) outage: Mutex<Option<(Name, Option<Digest>, usize)>>,
    pub(crate) journal: MemoryJournal,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) time: Mutex<Timestamp>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) budgets: Mutex<Budgets>,
    /// What the provider has worked on, whether or not anybody heard of it.
    pub(crate) worked: Mutex<Worked>,
    /// How often a request with this key has failed.
    pub(crate) failures: Mutex<HashMap<Digest, usize>>,
    /// The step whose attempts take their host down.
    pub(crate) bomb: Mutex<Option<Name>>,
    /// Whether `Do::Burst` takes its host down.
    pub(crate) bursts: AtomicBool,
    /// Whether they do it, or hang only.
    pub(crate) fuse: Mutex<bool>,
    /// Whether one has.
    pub(crate) exploded: AtomicBool,
    /// Which components are served: the first; the second, with the first kept for what
    /// began on it; the second alone.
    pub(crate) serves: AtomicUsize,
    /// The component of each attempt of `work` that came to its end.
    pub(crate) ran: Mutex<Vec<Digest>>,
    /// Attempts that run now, and how many of them are suspected of ending hosts.
    pub(crate) company: Mutex<(usize, usize)>,
    /// How many turns the last host lived.
    pub(crate) turns: AtomicUsize,
    known: Mutex<Known>,
    wrong: Mutex<Vec<String>>,
    dice: Mutex<Dice>,
}

/// The provider's own book.
#[derive(Default)]
pub(crate) struct Worked {
    pub(crate) by_agent: BTreeMap<Name, Cost>,
    pub(crate) by_step: BTreeMap<Name, Cost>,
    pub(crate) requests: usize,
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn run_id() -> RunId {
    RunId::new("r").unwrap()
}

/// A plan of a pipeline for the agents `work` and `judge`.
pub(crate) fn plan(pipeline: &str) -> Arc<Plan> {
    let agents =
        ["work", "judge"].map(|agent| format!("[agents.{agent}]\ncomponent = \"{agent}\"\n"));
    let project = Project::read("bailiwick.toml", &agents.concat()).unwrap();
    let surroundings = Surroundings {
        project: &project,
        policy: &Policy::built_in(),
        schema_text: &|_| Err("there are no files here".into()),
    };
    let plan = Plan::read(&name("test"), "pipelines/test.toml", pipeline, &surroundings);
    Arc::new(plan.unwrap_or_else(|errors| panic!("{pipeline}\n{errors:#?}")))
}

impl Outside {
    pub(crate) fn new(plan: Arc<Plan>, script: Script, decisions: &str, seed: u64) -> Self {
        Self {
            plan,
            script,
            decisions: Decisions::read("decisions.toml", decisions).unwrap(),
            embeds: false,
            reused: None,
            outage: Mutex::default(),
            journal: MemoryJournal::new(),
            blobs: Arc::new(MemoryBlobs::new()),
            time: Mutex::new(Timestamp(1)),
            faults: Mutex::default(),
            budgets: Mutex::default(),
            worked: Mutex::default(),
            failures: Mutex::default(),
            bomb: Mutex::default(),
            bursts: AtomicBool::new(false),
            fuse: Mutex::new(true),
            exploded: AtomicBool::new(false),
            serves: AtomicUsize::new(0),
            ran: Mutex::default(),
            company: Mutex::default(),
            turns: AtomicUsize::new(0),
            known: Mutex::default(),
            wrong: Mutex::default(),
            dice: Mutex::new(Dice(seed)),
        }
    }

    pub(crate) fn roll(&self, sides: usize) -> usize {
        self.dice.lock().unwrap().below(sides)
    }

    pub(crate) fn chance(&self, percent: usize) -> bool {
        percent > 0 && self.dice.lock().unwrap().chance(percent)
    }

    pub(crate) fn faults(&self) -> Faults {
        *self.faults.lock().unwrap()
    }

    /// Something that must never happen. Said here and not by a panic: a host takes a
    /// panic of an agent for the agent's failure.
    pub(crate) fn wrong(&self, what: impl Into<String>) {
        self.wrong.lock().unwrap().push(what.into());
    }

    /// What went wrong so far.
    pub(crate) fn complaints(&self) -> Vec<String> {
        drop(self.known());
        self.wrong.lock().unwrap().clone()
    }

    /// What is on stable storage now.
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap();
        for entry in self.journal.entries_after(&run_id(), known.entries) {
            if let Err(what) = known.take(&entry) {
                self.wrong(what);
            }
        }
        known
    }

    /// Counts what the provider works on, and holds it against what may be spent.
    pub(crate) fn work(&self, step: &Name, cost: Cost) {
        let Some(agent) = self.plan.step(step).and_then(|step| step.agent()).cloned() else {
            return self.wrong(format!("{step} has no agent, and asks"));
        };
        let mut worked = self.worked.lock().unwrap();
        worked.requests += 1;
        let of_agent = worked.by_agent.entry(agent.clone()).or_default();
        *of_agent = of_agent.plus(cost);
        let of_agent = *of_agent;
        let of_step = worked.by_step.entry(step.clone()).or_default();
        *of_step = of_step.plus(cost);
        let of_step = *of_step;
        let budgets = self.budgets.lock().unwrap();
        if !budgets.agent(&agent).holds(of_agent) {
            self.wrong(format!("{agent} took {of_agent:?} of {:?}", budgets.agent(&agent)));
        }
        if let Some(budget) = budgets.steps.get(step).filter(|step| !step.most.holds(of_step)) {
            self.wrong(format!("the step {step} took {of_step:?} of {:?}", budget.most));
        }
    }

    /// A host that goes on now counts at least what the provider does.
    pub(crate) fn nothing_is_forgotten(&self) {
        let committed = self.known().state.as_ref().map(bailiwick_core::RunState::committed);
        let Some(committed) = committed else { return };
        for (agent, cost) in &self.worked.lock().unwrap().by_agent {
            let counted = committed.by_agent.get(agent).copied().unwrap_or_default();
            if counted.calls < cost.calls || counted.tokens < cost.tokens {
                self.wrong(format!("{agent} took {cost:?}, and the journal knows {counted:?}"));
            }
        }
    }
}
