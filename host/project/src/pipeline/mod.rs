//! `pipelines/NAME.toml`: from text to a plan, or everything that is wrong with it.

mod asking;
mod authored;
mod cycles;
mod input;
mod links;
mod names;
mod reads;
mod thinning;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use bailiwick_core::fact::{JudgeShape, StepBy};
use bailiwick_core::{Currency, Diagnostic, Name};
use bailiwick_policy::{Policy, StepBudget};
use serde_json::json;
use toml::Spanned;

use self::authored::{Authored, AuthoredStep};
use self::links::Links;
use crate::compile;
use crate::entries::Entries;
use crate::findings::{Findings, shown};
use crate::keys::{self, FileKind};
use crate::matrix::Axis;
use crate::plan::{Plan, Step};
use crate::profiles::Schemas;
use crate::project::Project;
use crate::template::Template;

/// What a pipeline is read against.
pub struct Surroundings<'a> {
    /// The project whose agents and assets it names.
    pub project: &'a Project,
    /// The policy whose groups it asks.
    pub policy: &'a Policy,
    /// Gives the text of a file by its path from the project, or says why not. Called
    /// at most once, for the schema that `input` names.
    pub schema_text: &'a dyn Fn(&str) -> Result<String, String>,
}

impl Surroundings<'_> {
    /// The currency of the amounts around, and where the first one stands.
    fn currency(&self) -> Option<(Currency, String)> {
        let project = self.project.currency.as_ref();
        project.map(|(currency, place)| (*currency, shown(place))).or_else(|| {
            self.policy.currency.as_ref().map(|stated| (stated.currency, stated.at.clone()))
        })
    }
}

impl Plan {
    /// Reads `pipelines/NAME.toml`. `file` is its path from the project.
    ///
    /// # Errors
    /// Everything that is wrong with it, by place.
    pub fn read(
        pipeline: &Name,
        file: &str,
        text: &str,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::new(file, text);
        findings.expect_currency(surroundings.currency());
        let plan = keys::checked(FileKind::Pipeline.keys(), &mut findings).map(|table| {
            let root = Entries(table.get_ref());
            let authored = authored::read(root, &mut findings);
            let plan = plan(pipeline, root, &authored, surroundings, &mut findings);
            let schemas = Schemas { input: plan.input.as_ref(), ..Schemas::default() };
            for unknown in schemas.unknown_fields(&plan) {
                findings.push(unknown);
            }
            plan
        });
        findings.or(plan)
    }
}

/// Judges everything and builds the plan all the same: with findings nobody gets it,
/// and the later checks can say what they know.
fn plan(
    pipeline: &Name,
    root: Entries<'_, '_>,
    authored: &Authored,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) -> Plan {
    let links = Links::of(authored, surroundings, findings);
    let axes = axes(&links, findings);
    let steps: Vec<Step> = authored
        .steps
        .iter()
        .map(|step| self::step(step, &links, surroundings, findings))
        .collect();
    let mut output_reads = Vec::new();
    for (_, template) in &authored.output {
        if let Some(template) = template {
            reads::of_output(template, &links, surroundings, &mut output_reads, findings);
        }
    }
    let whole = findings.place(0..0);
    let output = authored
        .output
        .iter()
        .filter_map(|(name, template)| Some((name.get_ref().clone(), template.clone()?)));
    let plan = Plan {
        pipeline: pipeline.clone(),
        file: findings.file.to_owned(),
        input: input::schema(root, surroundings, findings),
        matrix: thinning::matrix(authored, &links, root, whole, findings),
        axes,
        steps,
        output: output.collect(),
        output_reads,
        when_spent: authored.when_spent,
        currency: findings.stated().map(|(currency, _)| currency),
    };
    cycles::check(&plan, authored, findings);
    plan
}

fn axes(links: &Links<'_>, findings: &mut Findings<'_>) -> Vec<Axis> {
    let nowhere = || Template::literal(findings.place(0..0), json!([]));
    let empty = nowhere();
    let mut axes = Vec::new();
    for (name, values) in &links.authored.axes {
        let reads = match values {
            Some(values) => reads::of_axis(name, values, links, findings),
            None => BTreeSet::new(),
        };
        let values = values.clone().unwrap_or_else(|| empty.clone());
        axes.push(Axis { name: name.get_ref().clone(), values, reads });
    }
    axes
}

fn step(
    step: &AuthoredStep,
    links: &Links<'_>,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) -> Step {
    let name = step.name.get_ref().clone();
    let place = findings.place(step.name.span());
    let over = links.axes_of(step);
    let found = reads::of_step(step, links, surroundings, findings);
    let by = match (&step.agent, &step.people) {
        (None, Some(people)) => {
            StepBy::People(people.groups.iter().map(|group| group.get_ref().clone()).collect())
        }
        (agent, _) => StepBy::Agent(
            agent.as_ref().map_or_else(|| name.clone(), |agent| agent.get_ref().clone()),
        ),
    };
    let quorum = step.people.as_ref().map_or(1, |people| people.asking.quorum.get());
    let judges = step.judges.as_ref().map(|subject| JudgeShape {
        subject: subject.get_ref().clone(),
        rounds: step.rounds,
        quorum,
    });
    let nothing = || Template::literal(place.clone(), json!({}));
    let subject = || compile::subject_only(place.clone()).filter(|_| judges.is_some());
    let input = step.input.clone().or_else(subject).unwrap_or_else(nothing);
    let names = |names: &[Spanned<Name>]| names.iter().map(|name| name.get_ref().clone()).collect();
    let needs: Vec<Name> = names(&step.needs);
    let collect = links.in_declaration_order(&step.collect);
    Step {
        by,
        over,
        collect,
        min: step.min.unwrap_or(1),
        judges,
        input,
        asking: step.people.as_ref().map(|people| people.asking),
        show: step.show.clone(),
        when: step.when.clone(),
        needs,
        reads: found.reads,
        reads_feedback: found.feedback,
        retry: step.retry,
        tolerate: step.tolerate,
        budget: step.budget.map(|(most, when)| StepBudget {
            most,
            when: when.unwrap_or(links.authored.when_spent),
        }),
        concurrency: step.concurrency.and_then(NonZeroUsize::new),
        cache: step.cache,
        repeat_effects: step.repeat_effects,
        place,
        name,
    }
}
