//! What a pipeline may cost at worst: its attempts, what its budgets leave of it, and what one ordinary call costs. Runs nothing.

use std::collections::BTreeMap;

use bailiwick_core::{Calls, Cost, Currency, Money, Name, Tokens};
use bailiwick_gate::model::DEFAULT_MAX_TOKENS;
use bailiwick_policy::price::Quantities;
use bailiwick_policy::{Budget, Budgets, Route};
use bailiwick_project::{Plan, WorstCase};

use crate::components::Agent;
use crate::load::Opened;

/// The prompt of an ordinary call, in bytes: a brief with its facts and instructions.
/// The largest prompt that the contract allows would cost hundreds of times more than
/// any call does, and a figure that nobody believes is read by nobody.
pub const PROMPT_BYTES: u64 = 8 * 1024;

/// The answer of an ordinary call, in tokens: what an agent gets that asks for no more.
pub const ANSWER_TOKENS: u32 = DEFAULT_MAX_TOKENS;

/// What a pipeline may cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Attempts and questions, with every revision asked for and every retry needed.
    pub worst: WorstCase,
    /// Whether people are asked at all.
    pub asks_people: bool,
    /// Axes that are counted as one value, because their values come from elsewhere.
    pub open: Vec<Name>,
    /// What the budgets leave of any run: the true worst case. What is unset is unbounded.
    pub cap: Budget,
    /// What one call of [`PROMPT_BYTES`] and [`ANSWER_TOKENS`] is reserved at, by alias.
    pub calls: BTreeMap<Name, Cost>,
    /// One such call in each attempt, each at the dearest alias that its agent may use;
    /// nothing where no agent may use any.
    pub one_each: Option<Cost>,
    /// What money is.
    pub currency: Option<Currency>,
}

impl Opened {
    /// Everything that bounds what a run of this plan may spend, as one struct that a
    /// running host can be given anew.
    #[must_use]
    pub fn budgets<'a>(&self, plan: &Plan, agents: impl IntoIterator<Item = &'a Agent>) -> Budgets {
        let numbers = agents.into_iter().map(|agent| {
            let grant = agent.effective.grants.model.as_ref();
            (agent.name.clone(), grant.map(|grant| grant.budget()).unwrap_or_default())
        });
        plan.budgets(numbers.collect(), &self.policy, self.currency())
    }
}

/// Reckons what a plan may cost.
#[must_use]
pub fn costs(opened: &Opened, plan: &Plan, agents: &BTreeMap<Name, Agent>) -> Costs {
    let extent = plan.extent();
    let worst = plan.worst_case(&extent.cells);
    let budgets = opened.budgets(plan, agents.values());
    let mut calls = BTreeMap::new();
    let mut one_each: Option<Cost> = None;
    for (name, attempts) in &worst.of_agents {
        let grant = agents.get(name).and_then(|agent| agent.effective.grants.model.as_ref());
        let of_agent = grant.into_iter().flat_map(|grant| &grant.aliases).map(|alias| {
            let routes = opened.project.models.get(alias).map(Vec::as_slice).unwrap_or_default();
            let cost = ordinary(routes);
            calls.insert(alias.clone(), cost);
            cost
        });
        if let Some(dearest) = of_agent.reduce(Cost::max) {
            let all = times(dearest, *attempts);
            one_each = Some(one_each.unwrap_or_default().plus(all));
        }
    }
    Costs {
        cap: budgets
            .cap(plan.steps_of_agents().filter(|(_, agent)| may_spend(opened, agents, agent))),
        worst,
        asks_people: plan.steps.iter().any(|step| step.agent().is_none()),
        open: extent.open,
        calls,
        one_each,
        currency: budgets.currency,
    }
}

/// Whether anything that an agent may do costs anything: its models, and the models of
/// the collections that it searches.
fn may_spend(opened: &Opened, agents: &BTreeMap<Name, Agent>, agent: &Name) -> bool {
    agents.get(agent).is_none_or(|agent| {
        let grants = &agent.effective.grants;
        let embeds = |name| opened.project.embedders.contains_key(name);
        grants.model.is_some() || grants.knowledge.iter().any(embeds)
    })
}

/// An ordinary call at the dearest of these routes: words, or one picture where that is dearer.
fn ordinary(routes: &[Route]) -> Cost {
    let (input, output) = (Tokens(PROMPT_BYTES), Tokens(u64::from(ANSWER_TOKENS)));
    let words = Quantities { input, output, images: 0 };
    let money = routes.iter().map(|route| {
        let picture = Quantities { input: Tokens(0), output: Tokens(0), images: 1 };
        route.cost_of(words).max(route.cost_of(picture))
    });
    let money = money.fold(Money::ZERO, Money::max);
    Cost { tokens: input.plus(output), calls: Calls(1), money }
}

fn times(cost: Cost, count: u64) -> Cost {
    Cost {
        tokens: Tokens(cost.tokens.0.saturating_mul(count)),
        calls: Calls(cost.calls.0.saturating_mul(count)),
        money: cost.money.times(count),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
mod tests;
