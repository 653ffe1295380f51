//! `--repin`: what a resumed run takes from today's files instead of those that it was started with. Resumes nothing.

use std::sync::Arc;

use bailiwick_core::RunState;
use bailiwick_core::fact::{AgentPin, Repin};
use bailiwick_core::ports::Blobs;
use bailiwick_orchestrator::pin as pin_of;
use bailiwick_project::Plan;

use crate::check;
use crate::components::{Agent, read_agents};
use crate::host::Held;
use crate::load::Opened;
use crate::pinned::{self, Pinned};
use crate::problems::Problems;

/// What a resumed run may go on with instead of what it was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RepinWhat {
    /// The numbers of grants and steps that bound what is spent.
    Budgets,
    /// The grants and limits of every agent.
    Grants,
    /// The components; an attempt that has a record stays on its own.
    Components,
}

impl RepinWhat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Budgets, Self::Grants, Self::Components];

    /// The word on the command line and in facts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Budgets => "budgets",
            Self::Grants => "grants",
            Self::Components => "components",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == word)
    }
}

/// Keeps what is taken from today's files.
pub(super) async fn repin(
    state: &RunState,
    today: &Opened,
    what: &[RepinWhat],
    (held, blobs): (&Held, &dyn Blobs),
) -> Result<Repin, Problems> {
    let today = &held.generations.over(today);
    let plan = check::plan(today, Some(&state.pipeline))?;
    let found = read_agents(today, pinned::names_of(today, &plan));
    let agents: Vec<Agent> = found.problems.or(found.agents.into_values().collect())?;
    let assets = serde_json::Value::Null;
    let pin = pinned::pin(today, &plan, &agents, &assets, blobs).await?;
    let components = what.contains(&RepinWhat::Components);
    let pins = agents.iter().filter(|_| components).map(|agent| {
        let generation = agent.generation(bailiwick_core::Digest::of(b""));
        (agent.name.clone(), pin_of(&generation))
    });
    Ok(Repin {
        what: what.iter().map(|what| what.as_str().to_owned()).collect(),
        pin: Some(pin),
        agents: pins.collect(),
    })
}

/// Lays what was repinned over what the run was started with.
pub(super) async fn apply(
    pinned: &mut Pinned,
    state: &RunState,
    repin: &Repin,
    today: &Opened,
    blobs: &dyn Blobs,
) -> Result<(), Problems> {
    let Some(pin) = &repin.pin else { return Ok(()) };
    let newer = pinned::open_at(state, pin, today, blobs).await?;
    overlay(&mut pinned.opened, &newer, repin);
    pinned::adopt_signatures(&mut pinned.opened, &newer);
    let mut components = pinned::components(state);
    for agent in &pinned.agents.current {
        components.insert(agent.name.clone(), agent.embedded.outline.digest);
    }
    components.extend(repin.agents.iter().map(|(name, pin)| (name.clone(), pin.component)));
    pinned::identify(&mut pinned.opened, &components, blobs).await?;
    let mut current = Vec::new();
    for agent in std::mem::take(&mut pinned.agents.current) {
        let was = agent.embedded.outline.digest;
        let newer = repin.agents.get(&agent.name).map_or(was, |pin: &AgentPin| pin.component);
        let of = pinned::agent_at(&pinned.opened, today, &agent.name, newer, blobs).await?;
        current.push(of);
        if newer != was {
            pinned.agents.older.push(agent);
        }
    }
    pinned.agents.current = current;
    Ok(())
}

/// Takes of newer files what was repinned to them; components come apart.
pub(crate) fn overlay(opened: &mut Opened, newer: &Opened, repin: &Repin) {
    for what in repin.what.iter().filter_map(|word| RepinWhat::parse(word)) {
        match what {
            RepinWhat::Budgets => budgets(opened, newer),
            RepinWhat::Grants => {
                opened.resources = newer.resources.clone();
                for (name, agent) in &mut opened.project.agents {
                    if let Some(newer) = newer.project.agents.get(name) {
                        (agent.grants, agent.limits) = (newer.grants.clone(), newer.limits.clone());
                    }
                }
            }
            RepinWhat::Components => {}
        }
    }
}

/// Takes the numbers that bound what is spent, and what happens then.
fn budgets(opened: &mut Opened, newer: &Opened) {
    for (name, agent) in &mut opened.project.agents {
        let newer = newer.project.agents.get(name).and_then(|agent| agent.grants.model.as_ref());
        if let (Some(model), Some(newer)) = (&mut agent.grants.model, newer) {
            (model.calls, model.tokens, model.money) = (newer.calls, newer.tokens, newer.money);
        }
    }
    let plans = std::mem::take(&mut opened.plans);
    let raised = plans.into_iter().map(|(name, plan)| {
        let mut plan = Plan::clone(&plan);
        if let Some(newer) = newer.plans.get(&name) {
            plan.when_spent = newer.when_spent;
            for step in &mut plan.steps {
                step.budget = newer.step(&step.name).and_then(|step| step.budget);
            }
        }
        (name, Arc::new(plan))
    });
    opened.plans = raised.collect();
}
