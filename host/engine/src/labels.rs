//! The labels of a run: followed before it begins, written down with it, looked at again when it goes on. How they flow is the plan's business, who may see what the policy's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bailiwick_core::fact::{Lowers, RunLabels, StepBy, StepLabel, StepShape};
use bailiwick_core::{Diagnostic, Name, RunState};
use bailiwick_policy::{Caller, Clearances, Label, Policy, Trust};
use bailiwick_project::codes as of_files;
use bailiwick_project::labels::{Around, input_label, namespace};
use bailiwick_store::{Archive, Stood};

pub use bailiwick_policy::{LabelOrder, Level};
pub use bailiwick_project::labels::{Sink, Source, To, What};
pub use bailiwick_project::{Flow, Plan};

use crate::codes;
use crate::files;
use crate::history::History;
use crate::load::Opened;
use crate::pinned;
use crate::problems::Problems;

/// Who sees a run while it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Who runs it: at the terminal, and in the folder that it is delivered to.
    WhoRunsIt,
    /// Nobody, but who asks the host for it and is looked at then.
    WhoAsks,
}

/// The way of labels through a plan, whatever is wrong with it.
///
/// # Errors
/// [`Problems`] where there is no such label.
pub fn follow(opened: &Opened, plan: &Plan, input: Option<&str>) -> Result<Flow, Problems> {
    let order = &opened.policy.labels.order;
    let input = input.map(|name| input_label(name, order)).transpose();
    let input = input.map_err(|found| Problems::one(*found))?;
    let stood = levels(opened);
    Ok(Flow::of(plan, &around(opened, input, &stood)))
}

/// The same, of a plan with which nothing is wrong.
///
/// # Errors
/// [`Problems`] with everything that may not go where it could.
pub(crate) fn flow(opened: &Opened, plan: &Plan, input: Option<&str>) -> Result<Flow, Problems> {
    let mut flow = follow(opened, plan, input)?;
    let mut problems = opened.sources();
    problems.extend(std::mem::take(&mut flow.problems));
    problems.or(flow)
}

/// Adds to the roots of a policy where their links lead: folders of projects are compared
/// without links.
pub(crate) fn found(mut policy: Policy) -> Policy {
    let roots = policy.labels.roots.iter();
    let real: Vec<_> =
        roots.map(|(root, least)| (files::led_to(Path::new(root)), *least)).collect();
    for (root, least) in real {
        let known = policy.labels.roots.entry(root).or_insert(least);
        *known = least.max(*known);
    }
    policy
}

/// A warning for each root that is not there: a slip of its path labels nothing.
pub(crate) fn missing_roots(policy: &Policy) -> Vec<Diagnostic> {
    let roots = || policy.labels.roots.keys();
    // Where a root leads is not in the file of whoever is warned.
    let added = |root: &String| {
        roots().any(|other| other != root && files::led_to(Path::new(other)) == *root)
    };
    let missing = roots().filter(|root| !added(root)).filter_map(|root| {
        let why = Path::new(root).metadata().err()?;
        let message = format!("[roots.{root:?}] of policy.toml labels nothing now: {why}");
        let hint = "write the folder as it is, or make it; what comes to lie there has the label";
        Some(Diagnostic::warning(of_files::BAD_FOLDER, message).hint(hint))
    });
    missing.collect()
}

/// The label of an input that was read from these files (without links): what is stated for
/// it, and at least that of the roots that they lie below. Nothing where nobody says more than
/// the default, or there is no such label.
pub(crate) fn of_input(policy: &Policy, stated: Option<&str>, read: &[String]) -> Option<String> {
    let rules = &policy.labels;
    let label = match stated {
        Some(name) => Some(rules.order.find(name)).filter(Option::is_some),
        None => Some(None),
    };
    // That there is no such label is told by whoever begins the run.
    let Some(label) = label else { return stated.map(str::to_owned) };
    let said = rules.files(label, read.iter().map(String::as_str));
    (!said.defaulted).then(|| rules.order.name(said.label).to_owned())
}

fn around<'a>(
    opened: &'a Opened,
    input: Option<Label>,
    stood: &'a BTreeMap<Name, Level>,
) -> Around<'a> {
    let Opened { project, policy, resources, .. } = opened;
    Around { project, policy, resources, input, stood }
}

/// What the namespaces hold, in the order of labels of now. A name that it does not have is
/// the highest.
fn levels(opened: &Opened) -> BTreeMap<Name, Level> {
    let order = &opened.policy.labels.order;
    let level = |stood: &Stood| {
        let labels = stood.labels.iter();
        let labels = labels.map(|name| order.find(name).unwrap_or(order.highest()));
        let trust = if stood.outside { Trust::Outside } else { Trust::Trusted };
        labels.fold(Level { trust, ..Level::NOTHING }, |level, label| {
            level.join(Level { label, ..Level::NOTHING })
        })
    };
    opened.stood.iter().map(|(name, stood)| (name.clone(), level(stood))).collect()
}

/// A project with what its namespaces hold in a data folder.
///
/// # Errors
/// [`Problems`] where that cannot be read: nobody guesses it.
pub(crate) async fn standing(archive: &Archive, opened: Opened) -> Result<Opened, Problems> {
    let stood = archive.namespaces(pinned::project(&opened.root)).await.map_err(pinned::storage)?;
    Ok(opened.holding(stood))
}

/// The same for who looks at the folder without running anything.
///
/// # Errors
/// As `standing`.
pub async fn standing_in(history: &History, opened: Opened) -> Result<Opened, Problems> {
    standing(history.archive(), opened).await
}

/// What a run of this project takes each namespace for.
pub(crate) fn assumed(opened: &Opened) -> BTreeMap<Name, Stood> {
    let stood = levels(opened);
    let around = around(opened, None, &stood);
    let order = &opened.policy.labels.order;
    let taken_for = |name: &Name| {
        let level = namespace(name, &around);
        let lower = order.labels().filter(|label| *label <= level.label);
        let known = opened.stood.get(name).into_iter().flat_map(|stood| stood.labels.clone());
        let labels = lower.map(|label| order.name(label).to_owned()).chain(known).collect();
        Stood { labels, outside: level.trust == Trust::Outside }
    };
    opened.project.kv.keys().map(|name| (name.clone(), taken_for(name))).collect()
}

/// The labels of a run that is to begin, as it writes them down.
///
/// # Errors
/// [`Problems`] where something may not go where it could, who runs it may not see it,
/// or nobody but he could release it.
pub(crate) fn begin(
    opened: &Opened,
    plan: &Plan,
    input: Option<&str>,
    (caller, audience): (Caller, Audience),
) -> Result<RunLabels, Problems> {
    let flow = flow(opened, plan, input)?;
    let labels = written(&flow, &opened.policy.labels.order);
    if audience == Audience::WhoRunsIt {
        may_see(&opened.policy, caller, Some(&labels.whole))?;
    }
    let by = opened.policy.people.name_of(caller.uid);
    let mut problems = opened.sources();
    problems.extend(plan.steps.iter().filter_map(|judge| {
        let step = flow.step(&judge.name)?;
        let lowers = step.lowers.filter(|lowers| !lowers.own)?;
        let StepBy::People(groups) = &judge.by else { return None };
        let (mut others, uncleared) =
            opened.policy.people.cleared_deciders(groups, step.level.label);
        if opened.policy.people.is_decider(&by, groups) && !uncleared.contains(&by.as_str()) {
            others = others.saturating_sub(1);
        }
        let quorum = judge.asking.map_or(1, |asking| asking.quorum.get());
        (others < quorum as usize).then(|| {
            let order = &opened.policy.labels.order;
            let message = format!(
                "`{}` lowers {} to {}; besides {by}, who starts the run and does not count, {others} of those who may answer are cleared for it, and `quorum` is {quorum}",
                judge.name, order.name(lowers.from), order.name(lowers.to)
            );
            let hint = "let somebody else start it; or the admin writes self = true in that rule of [[declassify]] in policy.toml";
            Diagnostic::error(of_files::QUORUM_OUT_OF_REACH, message).at(judge.place.clone()).hint(hint)
        })
    }));
    problems.or(labels)
}

/// The label that the input of a run made from another one has at least: it is the same
/// input, or made of it.
pub(crate) fn of_older(
    order: &LabelOrder,
    stated: Option<&str>,
    state: &RunState,
) -> Option<String> {
    let older = state.labels.as_ref().map(|labels| labels.input.as_str());
    let rank = |name: &str| order.find(name).unwrap_or(order.highest());
    match (stated, older) {
        (Some(stated), Some(older))
            if order.find(stated).is_none() || rank(stated) > rank(older) =>
        {
            Some(stated.to_owned())
        }
        (_, Some(older)) => Some(order.name(rank(older)).to_owned()),
        (stated, None) => stated.map(str::to_owned),
    }
}

/// The labels with which a run that was left goes on: those that it began with. What
/// today's policy lowers since stays as high; what it raises is another run.
///
/// # Errors
/// [`Problems`] where today's policy does not let it go on so.
pub(crate) fn go_on(
    opened: &Opened,
    plan: &Plan,
    state: &RunState,
    (caller, audience): (Caller, Audience),
) -> Result<RunLabels, Problems> {
    let order = &opened.policy.labels.order;
    let recorded = state.labels.as_ref();
    if audience == Audience::WhoRunsIt {
        may_see(&opened.policy, caller, recorded.map(|labels| labels.whole.as_str()))?;
    }
    let Some(recorded) = recorded else {
        // It does not know that anything was lowered, so nothing is.
        let mut strict = opened.clone();
        strict.policy.labels.declassify.clear();
        let flow = flow(&strict, plan, None)?;
        return Ok(written(&flow, order));
    };
    let input = order.find(&recorded.input).unwrap_or(order.highest());
    let today = flow(opened, plan, Some(order.name(input)))?;
    let today = written(&today, order);
    let changed = recorded.steps.iter().find_map(|(name, was)| {
        let is = today.steps.get(name)?;
        let higher = order.find(&was.label).is_some_and(|was| order.find(&is.label) > Some(was));
        let lowers = was.lowers.as_ref().is_some_and(|was| is.lowers.as_ref() != Some(was));
        let what = match (higher, lowers) {
            (true, _) => format!("`{name}` is {} by now, and the run began when it was {}", is.label, was.label),
            (_, true) => format!("people of `{name}` lower labels otherwise than when the run began"),
            _ => return None,
        };
        let hint = format!(
            "a run keeps its labels; a new one that takes over what it can: bailiwick fork {} --from STEP",
            state.run
        );
        Some(Problems::one(Diagnostic::error(codes::CHANGED, what).hint(hint)))
    });
    match changed {
        Some(problems) => Err(problems),
        None => Ok(RunLabels::clone(recorded)),
    }
}

/// What the gate looks at. A name that the policy of now does not have is the highest.
pub(crate) fn clearances(policy: &Policy, labels: &RunLabels) -> Clearances {
    let order = &policy.labels.order;
    let label = |name: &str| order.find(name).unwrap_or(order.highest());
    let steps = labels.steps.iter().map(|(name, step)| (name.clone(), label(&step.label)));
    Clearances::of(policy.labels.clone(), steps.collect())
}

/// The steps whose output people lower: it is kept in the form that they are shown.
pub(crate) fn lowered(shape: &[StepShape], labels: &RunLabels) -> BTreeSet<Name> {
    let judges = shape.iter().filter(|step| labels.lowers(&step.name).is_some());
    judges.filter_map(|step| Some(step.judges.as_ref()?.subject.clone())).collect()
}

fn written(flow: &Flow, order: &LabelOrder) -> RunLabels {
    let name = |label| order.name(label).to_owned();
    let steps: BTreeMap<_, _> = flow
        .steps
        .iter()
        .map(|(step, flow)| {
            let lowers = flow.lowers.map(|lowers| Lowers { to: name(lowers.to), own: lowers.own });
            let outside = flow.level.trust == Trust::Outside;
            (step.clone(), StepLabel { label: name(flow.level.label), lowers, outside })
        })
        .collect();
    RunLabels {
        input: name(flow.input.label),
        output: name(flow.output.label),
        whole: name(flow.whole),
        steps,
    }
}

/// Whether somebody may see what has this label.
pub(crate) fn may_see(
    policy: &Policy,
    caller: Caller,
    label: Option<&str>,
) -> Result<(), Problems> {
    policy.may_see(caller, label).map_err(|refused| {
        let found = Diagnostic::error(codes::NOT_CLEARED, refused.to_string());
        Problems::one(found.hint(refused.hint()))
    })
}
