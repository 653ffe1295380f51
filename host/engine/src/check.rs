//! `check`: everything that can be known of a project without running any of its code.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::{Diagnostic, Name};
use bailiwick_project::{Plan, Profile};

use crate::components::{Agent, read_agents};
use crate::load::Opened;
use crate::problems::Problems;
use crate::{codes, labels};

/// What was found out about a project.
pub struct Checked {
    /// Every agent whose component could be read.
    pub agents: BTreeMap<Name, Agent>,
    /// Everything that is wrong, warnings included.
    pub problems: Problems,
}

/// Checks the agents and every pipeline of an opened project against each other; runs
/// have an input with this label, where one is said.
#[must_use]
pub fn check(opened: &Opened, input: Option<&str>) -> Checked {
    let found = read_agents(opened, opened.project.agents.keys());
    let mut problems = found.problems;
    problems.extend(labels::missing_roots(&opened.policy));
    problems.extend(opened.project.idle_rules());
    problems.extend(idle_ceilings(opened));
    for plan in opened.plans.values() {
        problems.extend(against_profiles(plan, &found.agents));
        // What two pipelines have in common is said once.
        let labels = labels::follow(opened, plan, input).map(|flow| flow.problems);
        let labels = labels.unwrap_or_else(|problems| problems.diagnostics);
        let new: Vec<_> =
            labels.into_iter().filter(|found| !problems.diagnostics.contains(found)).collect();
        problems.extend(new);
        // Two pipelines that share a route say so once.
        let unpriced = unpriced(opened, plan, &found.agents).into_iter().filter(|new| {
            !problems.diagnostics.iter().any(|old| (old.code, &old.place) == (new.code, &new.place))
        });
        let unpriced: Vec<_> = unpriced.collect();
        problems.extend(unpriced);
    }
    Checked { agents: found.agents, problems }
}

/// The plan of a pipeline, where one is named or there is only one.
///
/// # Errors
/// [`Problems`] with the names that there are.
pub fn plan(opened: &Opened, name: Option<&Name>) -> Result<Arc<Plan>, Problems> {
    let names: Vec<_> = opened.plans.keys().map(Name::as_str).collect();
    let fail = |message: String| {
        let hint = format!("this project has the pipelines {}", names.join(", "));
        Problems::one(Diagnostic::error(codes::NO_PIPELINE, message).hint(hint))
    };
    match name {
        Some(name) => opened
            .plans
            .get(name)
            .cloned()
            .ok_or_else(|| fail(format!("there is no pipeline `{name}`"))),
        None => match opened.plans.values().collect::<Vec<_>>().as_slice() {
            [only] => Ok(Arc::clone(only)),
            [] => Err(fail("there is no pipeline".into())),
            _ => Err(fail("which pipeline? name one".into())),
        },
    }
}

/// Rules of the ceiling that can never let anything through.
fn idle_ceilings(opened: &Opened) -> Vec<Diagnostic> {
    let rules = opened.policy.ceilings.iter().flat_map(|(pattern, ceiling)| {
        ceiling.http.iter().filter_map(move |rule| {
            let (pattern, why) = (pattern.as_str(), rule.idle()?);
            let message = format!(
                "a rule for {} under [ceiling.{pattern:?}] in policy.toml lets nothing through: {why}",
                rule.host
            );
            Some(Diagnostic::warning(bailiwick_project::codes::BAD_RULE, message))
        })
    });
    rules.collect()
}

/// Routes without a price that a plan could take although money is bounded.
pub(crate) fn unpriced(
    opened: &Opened,
    plan: &Plan,
    agents: &BTreeMap<Name, Agent>,
) -> Vec<Diagnostic> {
    opened.project.unpriced(plan, &opened.budgets(plan, agents.values()))
}

/// What a plan asks of its agents against what their profiles say.
pub(crate) fn against_profiles(plan: &Plan, agents: &BTreeMap<Name, Agent>) -> Vec<Diagnostic> {
    let profiles = agents.iter().map(|(name, agent)| {
        let (input, output) = agent.schemas.clone();
        (name.clone(), Profile { input, output })
    });
    plan.check_profiles(&profiles.collect())
}
