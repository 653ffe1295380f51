//! How labels spread: a step knows all that it may read, its judges know what it knows, and its readers get what is released. Judges nothing.

use std::collections::BTreeMap;

use bailiwick_core::Name;
use bailiwick_core::fact::StepBy;
use bailiwick_policy::{Label, Level, Trust};

use super::sources::{self, of};
use super::{Around, Flow, Lowering, Source, StepFlow, To, What, powers};
use crate::plan::{OnTimeout, Plan, Step};
use crate::template::Template;

/// The labels of a plan, without its problems.
///
/// Levels only rise while they spread, and there are finitely many, so this ends; what
/// it ends at is the least that holds everywhere.
pub(super) fn spread(plan: &Plan, around: &Around<'_>) -> Flow {
    let mut spread = Spread { plan, around, steps: BTreeMap::new() };
    for step in &plan.steps {
        let sinks = spread.sinks(step);
        spread.steps.insert(step.name.clone(), StepFlow { sinks, ..StepFlow::default() });
    }
    while spread.again() {}
    let output = spread.output();
    let input = sources::input(around);
    let whole = spread.steps.values().map(|step| step.level.label);
    let whole = whole.fold(input.label.max(output.label), Label::max);
    Flow { input, steps: spread.steps, output, whole, problems: Vec::new() }
}

struct Spread<'a> {
    plan: &'a Plan,
    around: &'a Around<'a>,
    steps: BTreeMap<Name, StepFlow>,
}

impl Spread<'_> {
    /// One pass over all steps; whether anything has changed.
    fn again(&mut self) -> bool {
        let before = self.steps.clone();
        for step in &self.plan.steps {
            let (reads, skips) = (self.reads(step), self.skips(step));
            if let Some(flow) = self.steps.get_mut(&step.name) {
                (flow.reads, flow.skips) = (reads, skips);
            }
        }
        for step in self.plan.steps.iter().filter(|step| step.judges.is_none()) {
            self.join(step);
        }
        self.steps != before
    }

    /// A step and its judges share one level; only people lower it, for readers.
    fn join(&mut self, step: &Step) {
        let judges: Vec<&Step> = self.plan.judges_of(&step.name).collect();
        let members = judges.iter().map(|judge| &judge.name).chain([&step.name]);
        let reads = members.clone().filter_map(|name| self.steps.get(name));
        let level = reads
            .flat_map(|flow| &flow.reads)
            .fold(Level::NOTHING, |level, source| level.join(source.level));
        let mut released = level;
        let mut lowers = BTreeMap::new();
        for judge in judges.iter().filter(|judge| is_always_asked(judge)) {
            let StepBy::People(groups) = &judge.by else { continue };
            released.trust = Trust::Trusted;
            let rules = &self.around.policy.labels;
            if let Some(rule) = rules.lowers(&self.plan.pipeline, groups, level.label) {
                let lowering = Lowering { from: level.label, to: rule.to, own: rule.own };
                lowers.insert(judge.name.clone(), lowering);
                released.label = released.label.min(rule.to);
            }
        }
        for name in members.cloned().collect::<Vec<_>>() {
            if let Some(flow) = self.steps.get_mut(&name) {
                flow.level = level;
                flow.released = released;
                flow.lowers = lowers.get(&name).copied();
            }
        }
    }

    /// Everything that a step may read by itself.
    fn reads(&self, step: &Step) -> Vec<Source> {
        let mut whats = Vec::new();
        // An agent gets its input, people what is shown to them.
        for template in [Some(&step.input), step.show.as_ref(), step.when.as_ref()] {
            self.named(template, Some(step), &mut whats);
        }
        whats.extend(step.over.iter().cloned().map(What::Axis));
        let exclude = self.plan.matrix.exclude.as_ref();
        if !step.over.is_empty() && exclude.is_some_and(|exclude| !exclude.reads().is_empty()) {
            whats.push(What::Matrix);
        }
        whats.sort();
        whats.dedup();
        let mut reads: Vec<Source> = whats.into_iter().map(|what| self.source(what)).collect();
        let grants = step.agent().and_then(|agent| self.around.project.agents.get(agent));
        for source in grants.iter().flat_map(|agent| powers::reads(&agent.grants, self.around)) {
            if !reads.iter().any(|known| known.what == source.what) {
                reads.push(source);
            }
        }
        reads
    }

    fn sinks(&self, step: &Step) -> Vec<super::Sink> {
        match &step.by {
            StepBy::Agent(agent) => {
                let agent = self.around.project.agents.get(agent);
                agent.map(|agent| powers::sinks(&agent.grants, self.around)).unwrap_or_default()
            }
            StepBy::People(groups) => {
                let people = &self.around.policy.people;
                let rules = &self.around.policy.labels;
                let quorum = step.asking.map_or(1, |asking| asking.quorum.get());
                let enough = |label: &Label| {
                    let (cleared, _) = people.cleared_deciders(groups, *label);
                    u64::try_from(cleared).unwrap_or(u64::MAX) >= u64::from(quorum)
                };
                let most = rules.order.labels().filter(enough).max();
                let to = To::People(groups.clone());
                vec![super::Sink { to, clearance: rules.sink(most), key: "people" }]
            }
        }
    }

    /// What a template names. `feedback` and `subject` are of the step itself and its judges.
    fn named(&self, template: Option<&Template>, step: Option<&Step>, whats: &mut Vec<What>) {
        let Some(template) = template else { return };
        for path in template.reads() {
            match path.root.as_str() {
                "input" => whats.push(What::Input),
                "axis" | "feedback" | "subject" | "round" | "run" => {}
                "assets" => match path.first_field().map(Name::new) {
                    Some(Ok(name)) => whats.push(What::Assets(name)),
                    _ => whats.extend(self.around.project.assets.keys().cloned().map(What::Assets)),
                },
                name => self.read_of(name, step, whats),
            }
        }
    }

    /// Another step, and the axes of which it gives a list: their values are in it.
    fn read_of(&self, name: &str, step: Option<&Step>, whats: &mut Vec<What>) {
        let Some(read) = self.plan.steps.iter().find(|step| step.name.as_str() == name) else {
            return;
        };
        if read.judges.is_some() {
            // An earlier judge of the same step: it shares the level anyway.
            return;
        }
        whats.push(What::Step(read.name.clone()));
        let collected = match step {
            Some(step) => step.read(&read.name).map(|read| read.collected.as_slice()),
            None => Some(read.over.as_slice()),
        };
        whats.extend(collected.unwrap_or_default().iter().cloned().map(What::Axis));
    }

    fn source(&self, what: What) -> Source {
        match &what {
            What::Input => of(what, sources::input(self.around), Trust::Trusted),
            What::Collection(name) => sources::collection(name, self.around),
            What::Assets(name) => sources::assets(name, self.around),
            What::Namespace(name) => sources::namespace(name, self.around),
            What::Axis(name) => {
                let values = self.plan.axis(name).map(|axis| &axis.values);
                let level = self.level_of(values);
                Source { what, level, defaulted: false }
            }
            What::Matrix => {
                let level = self.level_of(self.plan.matrix.exclude.as_ref());
                Source { what, level, defaulted: false }
            }
            What::Step(name) => {
                let flow = self.steps.get(name);
                let level = flow.map_or(Level::NOTHING, |flow| flow.released.join(flow.skips));
                Source { what, level, defaulted: false }
            }
            What::Model(_) | What::Web(_) => {
                Source { what, level: Level::NOTHING, defaulted: false }
            }
        }
    }

    fn skips(&self, step: &Step) -> Level {
        let mut whats = Vec::new();
        self.named(step.when.as_ref(), Some(step), &mut whats);
        if step.when.as_ref().is_some_and(|when| when.reads_name("axis")) {
            whats.extend(step.over.iter().cloned().map(What::Axis));
        }
        self.level_of_all(whats)
    }

    fn level_of(&self, template: Option<&Template>) -> Level {
        let mut whats = Vec::new();
        self.named(template, None, &mut whats);
        self.level_of_all(whats)
    }

    fn level_of_all(&self, whats: Vec<What>) -> Level {
        whats.into_iter().fold(Level::NOTHING, |level, what| level.join(self.source(what).level))
    }

    fn output(&self) -> Level {
        let templates = self.plan.output.iter().map(|(_, template)| Some(template));
        templates.fold(Level::NOTHING, |level, template| level.join(self.level_of(template)))
    }
}

/// The two conditions under which people release: they are asked about every candidate,
/// and time does not answer for them.
fn is_always_asked(judge: &Step) -> bool {
    let timeout = judge.asking.and_then(|asking| asking.timeout);
    judge.when.is_none() && timeout.is_none_or(|timeout| timeout.then != OnTimeout::Approve)
}
