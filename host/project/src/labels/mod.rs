//! The way of labels and origins through a plan: what each step may know, where it may send, and what is wrong with that. Static: it knows no run but the label of its input.

mod judge;
mod powers;
mod sources;
mod spread;

use std::collections::BTreeMap;

use bailiwick_core::{Diagnostic, Name};
use bailiwick_policy::intersect::Resources;
use bailiwick_policy::{Label, Level, Origin, Policy, Route, Said};

use crate::plan::Plan;
use crate::project::Project;

pub use judge::input_label;

/// What a plan's labels depend on besides the plan.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The project whose folders have labels and whose agents have grants.
    pub project: &'a Project,
    /// What the admin says of labels.
    pub policy: &'a Policy,
    /// Where the folders lie.
    pub resources: &'a Resources,
    /// The label of the run's input, where whoever runs it says one.
    pub input: Option<Label>,
    /// What namespaces hold, of those that hold anything: whatever the file calls them by now,
    /// what was written there once is as it was.
    pub stood: &'a BTreeMap<Name, Level>,
}

/// Something that a step may read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The run's input.
    Input,
    /// The values of an axis.
    Axis(Name),
    /// What `[matrix]` leaves out.
    Matrix,
    /// What another step releases.
    Step(Name),
    /// A collection.
    Collection(Name),
    /// An asset folder.
    Assets(Name),
    /// What a model of this alias answers, where the policy labels its origin.
    Model(Name),
    /// What a host of the web answers: its origin, or the pattern of a rule.
    Web(String),
    /// What a namespace holds.
    Namespace(Name),
}

/// Something that a step may read, and what that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What.
    pub what: What,
    /// How confidential, and whose words.
    pub level: Level,
    /// Whether no file says its label.
    pub defaulted: bool,
}

/// Where a step may send what it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A route of a model.
    Route {
        /// The alias.
        alias: Name,
        /// The route.
        route: Route,
    },
    /// The route that embeds the queries to a collection.
    Embedder {
        /// The collection.
        collection: Name,
        /// The route.
        route: Route,
    },
    /// A host of the web.
    Web {
        /// As the rule has it: `https://*.example.com`.
        site: String,
        /// Where the rule names one host and not a pattern.
        origin: Option<Origin>,
    },
    /// A namespace that it writes.
    Namespace(Name),
    /// The people who are asked.
    People(Vec<String>),
}

/// Where a step may send, and what that is cleared for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// Where.
    pub to: To,
    /// The most confidential that may go there.
    pub clearance: Said,
    /// The key under the agent that grants it.
    pub key: &'static str,
}

/// What a judge of people does to the labels of what it releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowering {
    /// The label of the step that it judges.
    pub from: Label,
    /// What its readers get.
    pub to: Label,
    /// Whether the approval of who submitted the run counts.
    pub own: bool,
}

/// The labels of one step; its judges share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepFlow {
    /// Everything that it may read by itself, without its judges.
    pub reads: Vec<Source>,
    /// What it knows at most, with its judges.
    pub level: Level,
    /// What its readers get.
    pub released: Level,
    /// Where it may send by itself.
    pub sinks: Vec<Sink>,
    /// For a judge of people that lowers the label.
    pub lowers: Option<Lowering>,
    /// What its `when` tells: that a cell was skipped nobody releases, and its readers
    /// see it all the same.
    skips: Level,
}

/// The way of every label through one plan.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The label of the run's input.
    pub input: Said,
    /// By step, judges included.
    pub steps: BTreeMap<Name, StepFlow>,
    /// What `[output]` is.
    pub output: Level,
    /// What somebody knows who sees the whole run.
    pub whole: Label,
    /// Everything that is wrong.
    pub problems: Vec<Diagnostic>,
}

impl Flow {
    /// Follows the labels of a plan.
    #[must_use]
    pub fn of(plan: &Plan, around: &Around<'_>) -> Self {
        let mut flow = spread::spread(plan, around);
        flow.problems = judge::judge(plan, around, &flow);
        flow
    }

    /// The labels of a step.
    #[must_use]
    pub fn step(&self, name: &Name) -> Option<&StepFlow> {
        self.steps.get(name)
    }

    /// Steps whose output somebody lowers: it is put into the form that is shown.
    pub fn lowered<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a Name> {
        plan.steps.iter().filter_map(|step| {
            let lowers = self.steps.get(&step.name)?.lowers.is_some();
            step.judges.as_ref().filter(|_| lowers).map(|judge| &judge.subject)
        })
    }
}

/// What a namespace of the project is taken for: by its file, and by what it holds.
#[must_use]
pub fn namespace(name: &Name, around: &Around<'_>) -> Level {
    sources::namespace(name, around).level
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Input => f.write_str("the run's input"),
            Self::Axis(name) => write!(f, "the axis `{name}`"),
            Self::Matrix => f.write_str("[matrix]"),
            Self::Step(name) => write!(f, "what `{name}` releases"),
            Self::Collection(name) => write!(f, "the collection `{name}`"),
            Self::Assets(name) => write!(f, "the assets `{name}`"),
            Self::Model(name) => write!(f, "the answers of the model `{name}`"),
            Self::Web(site) => write!(f, "the answers of {site}"),
            Self::Namespace(name) => write!(f, "the namespace `{name}`"),
        }
    }
}

impl std::fmt::Display for To {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Route { alias, route } => write!(f, "the model `{alias}` ({route})"),
            Self::Embedder { collection, route } => {
                write!(f, "the model that embeds queries to `{collection}` ({route})")
            }
            Self::Web { site, .. } => f.write_str(site),
            Self::Namespace(name) => write!(f, "the namespace `{name}`"),
            Self::People(groups) => write!(f, "people in {}", groups.join(", ")),
        }
    }
}
