//! Whether every route that a budget in money reaches has a price, and the budgets of a plan as one struct. Knows no component.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::{Currency, Diagnostic, Name};
use bailiwick_policy::price::{Price, Priced};
use bailiwick_policy::{Budget, Budgets, Policy};

use crate::codes;
use crate::findings::sort;
use crate::plan::Plan;
use crate::project::Project;

impl Plan {
    /// Everything that bounds what a run of this plan may spend. `agents` are the
    /// numbers of each agent's grant within the ceiling.
    #[must_use]
    pub fn budgets(
        &self,
        agents: BTreeMap<Name, Budget>,
        policy: &Policy,
        currency: Option<Currency>,
    ) -> Budgets {
        let steps = self.steps.iter().filter_map(|step| Some((step.name.clone(), step.budget?)));
        Budgets {
            agents,
            steps: steps.collect(),
            day: policy.per_day,
            when: self.when_spent,
            currency,
        }
    }

    /// Steps that agents do, each with its agent.
    pub fn steps_of_agents(&self) -> impl Iterator<Item = (&Name, &Name)> {
        self.steps.iter().filter_map(|step| Some((&step.name, step.agent()?)))
    }
}

impl Project {
    /// Routes without a price that a run of this plan could take although money is
    /// bounded: each an error at its route.
    #[must_use]
    pub fn unpriced(&self, plan: &Plan, budgets: &Budgets) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let agents: BTreeSet<_> = plan.steps_of_agents().map(|(_, agent)| agent).collect();
        for agent in agents {
            let steps =
                || plan.steps_of_agents().filter(|(_, by)| *by == agent).map(|(step, _)| step);
            // What those take that it calls counts for it, and for them.
            let called = self.with_callees([agent]);
            let Some(bounded) = called.iter().find(|one| budgets.counts_money(one, steps())) else {
                continue;
            };
            let why = why(budgets, bounded, steps());
            let grants = || called.iter().filter_map(|name| Some(&self.agents.get(*name)?.grants));
            let models = grants().filter_map(|grants| grants.model.as_ref());
            let words = models.flat_map(|grant| &grant.aliases);
            let vectors = grants().flat_map(|grants| &grants.knowledge);
            let vectors = vectors.filter_map(|name| self.embedders.get(name));
            for alias in words.chain(vectors).filter(|alias| seen.insert((*alias).clone())) {
                found.extend(self.unpriced_routes(alias, &why, budgets.currency));
            }
        }
        if budgets.day.money.is_some() {
            // The host embeds passages before the first cell, for every collection.
            for alias in self.embedders.values().filter(|alias| seen.insert((*alias).clone())) {
                found.extend(self.unpriced_routes(alias, PER_DAY, budgets.currency));
            }
        }
        sort(&mut found);
        found
    }

    fn unpriced_routes(
        &self,
        alias: &Name,
        why: &str,
        currency: Option<Currency>,
    ) -> Vec<Diagnostic> {
        let routes = self.models.get(alias).map(Vec::as_slice).unwrap_or_default();
        let of = |amount: &str| match currency {
            Some(currency) => format!("\"{amount} {currency}\""),
            None => format!("\"{amount} USD\""),
        };
        let embeds = self.embedders.values().any(|name| name == alias);
        let missing = routes.iter().enumerate().filter(|(_, route)| match route.price {
            // A model that paints has no price for words: the gate looks at each call.
            Some(price) if price != Price::default() => {
                embeds && route.lacks_price(Priced::Vectors).is_some()
            }
            _ => !route.is_free(),
        });
        missing
            .map(|(index, route)| {
                let message = format!("the route {route} of `{alias}` has no price, and {why}");
                let hint = format!(
                    "write into the route what a million tokens cost: price = {{ input = {}, output = {} }}; for pictures image = {}",
                    of("3"),
                    of("15"),
                    of("0.04"),
                );
                let diagnostic = Diagnostic::error(codes::UNPRICED_ROUTE, message).hint(hint);
                match self.route_place(alias, index) {
                    Some(place) => diagnostic.at(place.clone()),
                    None => diagnostic,
                }
            })
            .collect()
    }
}

const PER_DAY: &str = "`per-day` in policy.toml bounds money";

/// Which budget asks for a price.
fn why<'a>(budgets: &Budgets, agent: &Name, mut steps: impl Iterator<Item = &'a Name>) -> String {
    if budgets.agent(agent).money.is_some() {
        return format!("the grant of `{agent}` or its ceiling bounds money");
    }
    let bounded =
        |step: &&Name| budgets.steps.get(*step).is_some_and(|budget| budget.most.money.is_some());
    match steps.find(bounded) {
        Some(step) => format!("`budget` of the step `{step}` bounds money"),
        None => PER_DAY.to_owned(),
    }
}
