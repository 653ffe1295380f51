//! What is wrong with the way of labels: a place that is not cleared, an outsider that steers, a label that there is not. Changes no label.

use bailiwick_core::fact::StepBy;
use bailiwick_core::{Diagnostic, Name, Place};
use bailiwick_policy::{Label, LabelOrder, Trust};

use super::powers::{Changing, changing_powers};
use super::{Around, Flow, Sink, Source, StepFlow, To, sources};
use crate::codes;
use crate::findings::sort;
use crate::label_rules::unknown;
use crate::plan::{Plan, Step};
use crate::project::Folder;

/// Where to look for more.
const WAY: &str = "`bailiwick check --labels` shows the way of each label";

/// The label that somebody gives an input by name.
///
/// # Errors
/// What is wrong, where the policy has no such label.
pub fn input_label(name: &str, order: &LabelOrder) -> Result<Label, Box<Diagnostic>> {
    order.find(name).ok_or_else(|| {
        let (message, hint) = unknown(name, order);
        let found = Diagnostic::error(codes::UNKNOWN_LABEL, format!("--label: {message}"));
        Box::new(found.hint(hint))
    })
}

/// Everything that is wrong, by place.
pub(super) fn judge(plan: &Plan, around: &Around<'_>, flow: &Flow) -> Vec<Diagnostic> {
    let mut found = unknown_labels(around);
    found.extend(embedded(around));
    for step in &plan.steps {
        let Some(own) = flow.steps.get(&step.name) else { continue };
        let judgement = Judgement { plan, around, flow, step, own };
        found.extend(own.sinks.iter().filter_map(|sink| judgement.sink(sink)));
        let agent = step.agent().and_then(|agent| around.project.agents.get(agent));
        let changing =
            agent.map(|agent| changing_powers(&agent.grants, around)).unwrap_or_default();
        found.extend(changing.iter().filter_map(|power| judgement.changing(power)));
    }
    sort(&mut found);
    found.dedup();
    found
}

/// Labels of the project that the policy does not have.
fn unknown_labels(around: &Around<'_>) -> Vec<Diagnostic> {
    let project = around.project;
    let folders = project.knowledge.values().chain(project.assets.values());
    let labels = folders.filter_map(|folder: &Folder| folder.label.as_ref());
    let namespaces = project.kv.values().filter_map(|namespace| namespace.label.as_ref());
    let labels = labels.chain(namespaces);
    let order = &around.policy.labels.order;
    labels
        .filter(|(name, _)| order.find(name).is_none())
        .map(|(name, place)| {
            let (message, hint) = unknown(name, order);
            Diagnostic::error(codes::UNKNOWN_LABEL, message).at(place.clone()).hint(hint)
        })
        .collect()
}

/// The passages of a collection leave along the route that embeds it, before any step.
fn embedded(around: &Around<'_>) -> Vec<Diagnostic> {
    let (project, rules) = (around.project, &around.policy.labels);
    let mut found = Vec::new();
    for (collection, alias) in &project.embedders {
        let label = sources::collection(collection, around).level.label;
        for route in project.models.get(alias).into_iter().flatten() {
            let Some(clearance) = rules.route(route).filter(|said| said.label < label) else {
                continue;
            };
            let (knows, may) = (rules.order.name(label), rules.order.name(clearance.label));
            let message = format!(
                "the collection `{collection}` is {knows}, and `{alias}` ({route}), which embeds it, is cleared for {may}"
            );
            let hint = match &route.origin {
                Some(origin) => format!(
                    "in policy.toml: origins.{:?} = {{ clearance = {knows:?} }}; or take `embed` away",
                    origin.0
                ),
                None => "take `embed` away".to_owned(),
            };
            let place = project.knowledge.get(collection).map(|folder| folder.place.clone());
            found.push(at(Diagnostic::error(codes::NOT_CLEARED, message).hint(hint), place));
        }
    }
    found
}

struct Judgement<'a> {
    plan: &'a Plan,
    around: &'a Around<'a>,
    flow: &'a Flow,
    step: &'a Step,
    own: &'a StepFlow,
}

impl Judgement<'_> {
    /// A place to which what the step may know must not go.
    fn sink(&self, sink: &Sink) -> Option<Diagnostic> {
        let label = self.own.level.label;
        if label <= sink.clearance.label {
            return None;
        }
        let order = &self.around.policy.labels.order;
        let (step, knows) = (&self.step.name, order.name(label));
        let may = order.name(sink.clearance.label);
        let why = self.why(|source| source.level.label == label);
        let (message, change) = match &sink.to {
            To::People(groups) => {
                let (cleared, others) = self.around.policy.people.cleared_deciders(groups, label);
                let quorum = self.step.asking.map_or(1, |asking| asking.quorum.get());
                let message = format!(
                    "`{step}` asks {} about what is {knows}{why}: {cleared} of those who may answer are cleared for it, and `quorum` is {quorum}",
                    sink.to
                );
                let who = others.first().copied().unwrap_or("NAME");
                (message, format!("in policy.toml: [people.{who}] clearance = {knows:?}"))
            }
            place => {
                let message = format!(
                    "`{step}` may know what is {knows}{why}, and may send it to {place}, which is cleared for {may}"
                );
                (message, change_of(place, knows))
            }
        };
        let hint =
            format!("{change}; or let it read less, or let people release what it reads; {WAY}");
        Some(at(Diagnostic::error(codes::NOT_CLEARED, message).hint(hint), self.place(sink.key)))
    }

    /// A power that changes something, in the hands of who reads what outsiders wrote.
    fn changing(&self, power: &Changing) -> Option<Diagnostic> {
        let outside = |source: &Source| {
            source.level.trust == Trust::Outside && Some(&source.what) != power.but.as_ref()
        };
        if power.even_if_outside || !self.group().any(|(_, source)| outside(source)) {
            return None;
        }
        let why = self.why(outside);
        let message = format!(
            "`{}` reads what comes from outside{why}, and may change things: {}",
            self.step.name, power.shown
        );
        let hint = format!(
            "let people judge what it reads; or say even-if = \"outside\" in {}, which accepts that outsiders steer it; {WAY}",
            power.key
        );
        let found = Diagnostic::error(codes::OUTSIDE_CHANGES, message).hint(hint);
        Some(at(found, self.place(power.key)))
    }

    /// What the step and those that share its level read, by whom.
    fn group(&self) -> impl Iterator<Item = (&Name, &Source)> {
        let subject = self.step.judges.as_ref().map_or(&self.step.name, |judge| &judge.subject);
        let judges = self.plan.judges_of(subject).map(|judge| &judge.name);
        let own = std::iter::once(&self.step.name);
        let others = std::iter::once(subject).chain(judges).filter(|name| **name != self.step.name);
        own.chain(others)
            .filter_map(|name| Some((name, self.flow.steps.get(name)?)))
            .flat_map(|(name, flow)| flow.reads.iter().map(move |source| (name, source)))
    }

    /// The first thing that makes it so.
    fn why(&self, is: impl Fn(&Source) -> bool) -> String {
        match self.group().find(|(_, source)| is(source)) {
            Some((name, source)) if *name == self.step.name => format!(" ({})", source.what),
            Some((name, source)) => format!(" ({}, which `{name}` may read)", source.what),
            None => String::new(),
        }
    }

    fn place(&self, key: &str) -> Option<Place> {
        match &self.step.by {
            StepBy::Agent(agent) => {
                self.around.project.agents.get(agent).map(|agent| agent.place_of(key).clone())
            }
            StepBy::People(_) => Some(self.step.place.clone()),
        }
    }
}

/// What would clear a place for a label.
fn change_of(place: &To, label: &str) -> String {
    let origin = match place {
        To::Route { route, .. } | To::Embedder { route, .. } => route.origin.as_ref(),
        To::Web { origin, .. } => origin.as_ref(),
        To::Namespace(name) => {
            return format!("in bailiwick.toml, under [kv.{name}]: label = {label:?}");
        }
        To::People(_) => None,
    };
    match (origin, place) {
        (None, To::Web { .. }) => {
            "give each host a rule of its own: what a pattern names is cleared for the lowest label"
                .to_owned()
        }
        (origin, _) => {
            let origin = origin.map_or("", |origin| origin.0.as_str());
            format!("in policy.toml: origins.{origin:?} = {{ clearance = {label:?} }}")
        }
    }
}

fn at(found: Diagnostic, place: Option<Place>) -> Diagnostic {
    match place {
        Some(place) => found.at(place),
        None => found,
    }
}

#[cfg(test)]
mod tests;
