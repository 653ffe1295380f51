//! The second pass: a plan against the schemas of the agents that do it. Runs none of them.

use std::collections::BTreeMap;

use bailiwick_core::schema::Schema;
use bailiwick_core::{Diagnostic, Name, Place};
use serde_json::Value;

use crate::codes;
use crate::expr::{Path, Segment};
use crate::fields;
use crate::findings::sort;
use crate::nearest::did_you_mean;
use crate::plan::{Plan, Step};
use crate::template::{Part, Template};

/// What the profile of an agent says of its input and output.
#[derive(Clone, Debug)]
pub struct Profile {
    /// What it takes.
    pub input: Schema,
    /// What it gives.
    pub output: Schema,
}

impl Plan {
    /// Checks a plan against the profiles of its agents, as far as they are known:
    /// fields that expressions read, what agents are given, and that judges judge.
    /// The fields of `input` were checked when the plan was read.
    #[must_use]
    pub fn check_profiles(&self, profiles: &BTreeMap<Name, Profile>) -> Vec<Diagnostic> {
        let mut found = Schemas { input: None, profiles: Some(profiles) }.unknown_fields(self);
        for step in &self.steps {
            let Some(profile) = step.agent().and_then(|agent| profiles.get(agent)) else {
                continue;
            };
            given(step, profile.input.value(), &mut found);
            if step.judges.is_some() {
                judges(step, profile.output.value(), &mut found);
            }
        }
        sort(&mut found);
        found
    }
}

/// The schemas that are known.
#[derive(Clone, Copy, Default)]
pub(crate) struct Schemas<'a> {
    pub(crate) input: Option<&'a Schema>,
    pub(crate) profiles: Option<&'a BTreeMap<Name, Profile>>,
}

impl Schemas<'_> {
    /// Every read of a field that the schema of its value does not have.
    pub(crate) fn unknown_fields(&self, plan: &Plan) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for step in &plan.steps {
            let templates = [Some(&step.input), step.when.as_ref(), step.show.as_ref()];
            for (path, place) in templates.into_iter().flatten().flat_map(Template::placed_reads) {
                self.field(plan, Some(step), path, place, &mut found);
            }
        }
        let axes = plan.axes.iter().map(|axis| &axis.values);
        let others =
            axes.chain(plan.matrix.exclude.as_ref()).chain(plan.output.iter().map(|(_, t)| t));
        for (path, place) in others.flat_map(Template::placed_reads) {
            self.field(plan, None, path, place, &mut found);
        }
        found
    }

    fn field(
        &self,
        plan: &Plan,
        step: Option<&Step>,
        path: &Path,
        place: &Place,
        found: &mut Vec<Diagnostic>,
    ) {
        let Some((root, rest)) = typed(plan, step, path) else { return };
        let schema = match &root {
            Root::Input => self.input,
            Root::Step(name) => self.output_of(plan, name),
        };
        let Some(schema) = schema else { return };
        if let Err(unknown) = fields::check(schema.value(), &rest) {
            let message = format!("`{path}`: {root} has no `{}` there", unknown.field);
            let error = Diagnostic::error(codes::UNKNOWN_FIELD, message).at(place.clone());
            found.push(match unknown.hint {
                Some(hint) => error.hint(hint),
                None => error,
            });
        }
    }

    fn output_of(&self, plan: &Plan, step: &Name) -> Option<&Schema> {
        let agent = plan.step(step)?.agent()?;
        Some(&self.profiles?.get(agent)?.output)
    }
}

/// A value with a schema.
enum Root {
    Input,
    Step(Name),
}

impl std::fmt::Display for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Input => f.write_str("the input's schema"),
            Self::Step(name) => write!(f, "what `{name}` gives"),
        }
    }
}

/// Which schema a path goes into, and how far down: an axis goes into the source of
/// its values, a collected list into the cells' values, `subject` into the judged step.
fn typed(plan: &Plan, step: Option<&Step>, path: &Path) -> Option<(Root, Vec<Segment>)> {
    match path.root.as_str() {
        "input" => Some((Root::Input, path.rest.clone())),
        "subject" => {
            let subject = step?.judges.as_ref()?.subject.clone();
            Some((Root::Step(subject), path.rest.clone()))
        }
        "axis" => {
            let (Segment::Field(axis), rest) = path.rest.split_first()? else { return None };
            let axis = plan.axes.iter().find(|known| known.name.as_str() == axis)?;
            // An axis reads no axis, itself least of all; that is told where names are judged.
            let source = axis.values.as_path().filter(|source| source.root != "axis")?;
            let (root, mut segments) = typed(plan, None, source)?;
            segments.push(Segment::Item(0));
            segments.extend(rest.iter().cloned());
            Some((root, segments))
        }
        name => {
            let reads = step.map_or(&plan.output_reads, |step| &step.reads);
            let collected =
                reads.iter().any(|read| read.step.as_str() == name && !read.collected.is_empty());
            let read = plan.steps.iter().find(|step| step.name.as_str() == name)?;
            let rest = match (collected, path.rest.as_slice()) {
                (false, rest) => rest,
                (true, [Segment::Item(_), Segment::Field(value), rest @ ..])
                    if value == "value" =>
                {
                    rest
                }
                (true, _) => return None,
            };
            Some((Root::Step(read.name.clone()), rest.to_vec()))
        }
    }
}

/// Whether the fields that a step gives are those that its agent takes.
fn given(step: &Step, schema: &Value, found: &mut Vec<Diagnostic>) {
    let Some(object) = fields::as_object(schema) else { return };
    let names: Vec<&str> = match step.input.part() {
        Part::Object(members) => members.iter().map(|(name, _)| name.as_str()).collect(),
        Part::Literal(Value::Object(members)) => members.keys().map(String::as_str).collect(),
        // One expression: what it gives is known when it runs.
        _ => return,
    };
    let agent = step.agent().map_or("", Name::as_str);
    let place = step.input.place();
    let required = object.get("required").and_then(Value::as_array);
    for missing in required.into_iter().flatten().filter_map(Value::as_str) {
        if !names.contains(&missing) {
            let message = format!(
                "the agent `{agent}` needs `{missing}`, which `{}` does not give",
                step.name
            );
            let hint = format!("add `{missing} = …` to its input");
            found.push(
                Diagnostic::error(codes::INPUT_MISMATCH, message).at(place.clone()).hint(hint),
            );
        }
    }
    let closed = object.get("additionalProperties") == Some(&Value::Bool(false));
    let known = object.get("properties").and_then(Value::as_object);
    let Some(known) = known.filter(|_| closed) else { return };
    for extra in names.into_iter().filter(|name| !known.contains_key(*name)) {
        let message =
            format!("the agent `{agent}` takes no `{extra}`, which `{}` gives", step.name);
        let hint = did_you_mean(extra, known.keys().map(String::as_str)).unwrap_or_else(|| {
            let names: Vec<_> = known.keys().map(|name| format!("`{name}`")).collect();
            format!("it takes {}", names.join(", "))
        });
        found.push(Diagnostic::error(codes::INPUT_MISMATCH, message).at(place.clone()).hint(hint));
    }
}

/// A judge answers `{ verdict, score, reasons }`; an agent that cannot say a verdict
/// would veto every candidate.
fn judges(step: &Step, schema: &Value, found: &mut Vec<Diagnostic>) {
    let verdict = [Segment::Field("verdict".to_owned())];
    if fields::check(schema, &verdict).is_err() {
        let message = format!("`{}` is a judge, and its agent gives no `verdict`", step.name);
        let hint = "a judge answers { verdict: \"pass\" | \"revise\" | \"veto\", score, reasons }";
        found.push(Diagnostic::error(codes::NO_VERDICT, message).at(step.place.clone()).hint(hint));
    }
}
