//! Whether steps wait for each other in a circle. Knows waiting only, no values.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::Name;

use super::authored::Authored;
use crate::codes;
use crate::findings::Findings;
use crate::plan::{Plan, Step};

/// Reports each circle once, in full, at the first of its steps.
pub(super) fn check(plan: &Plan, authored: &Authored, findings: &mut Findings<'_>) {
    let waits: BTreeMap<&Name, Vec<&Name>> = plan
        .steps
        .iter()
        .filter(|step| step.judges.is_none())
        .map(|step| (&step.name, waits_for(plan, step)))
        .collect();
    let mut search =
        Search { waits: &waits, path: Vec::new(), done: BTreeSet::new(), found: Vec::new() };
    for step in waits.keys() {
        search.visit(step);
    }
    for circle in search.found {
        report(plan, authored, &circle, findings);
    }
}

/// What must end before all cells of a step are released: what it and its judges read
/// and need, and the sources of its axes.
fn waits_for<'p>(plan: &'p Plan, step: &'p Step) -> Vec<&'p Name> {
    let mut waits = Vec::new();
    for one in std::iter::once(step).chain(plan.judges_of(&step.name)) {
        waits.extend(one.reads.iter().map(|read| &read.step));
        waits.extend(&one.needs);
    }
    for axis in plan.axes.iter().filter(|axis| step.over.contains(&axis.name)) {
        waits.extend(&axis.reads);
    }
    // Earlier judges are part of the step itself.
    waits.retain(|name| plan.step(name).is_some_and(|other| other.judges.is_none()));
    waits
}

struct Search<'g> {
    waits: &'g BTreeMap<&'g Name, Vec<&'g Name>>,
    path: Vec<&'g Name>,
    done: BTreeSet<&'g Name>,
    found: Vec<Vec<Name>>,
}

impl<'g> Search<'g> {
    /// Depth first; a pipeline has at most 256 steps, so the recursion is bounded.
    fn visit(&mut self, step: &'g Name) {
        if let Some(start) = self.path.iter().position(|on_path| *on_path == step) {
            let circle = self.path.get(start..).unwrap_or_default();
            self.found.push(circle.iter().map(|name| (*name).clone()).collect());
            return;
        }
        if !self.done.insert(step) {
            return;
        }
        self.path.push(step);
        for next in self.waits.get(step).into_iter().flatten() {
            self.visit(next);
        }
        self.path.pop();
    }
}

fn report(plan: &Plan, authored: &Authored, circle: &[Name], findings: &mut Findings<'_>) {
    // Told from the step that comes first in the file.
    let position = |name: &Name| plan.steps.iter().position(|step| step.name == *name);
    let first =
        circle.iter().enumerate().min_by_key(|(_, name)| position(name)).map_or(0, |(at, _)| at);
    let told: Vec<String> = circle
        .iter()
        .cycle()
        .skip(first)
        .take(circle.len() + 1)
        .map(|name| format!("`{name}`"))
        .collect();
    let span = circle
        .get(first)
        .and_then(|name| authored.steps.iter().find(|step| step.name.get_ref() == name))
        .map_or(0..0, |step| step.name.span());
    let message = format!("steps wait for each other: {}", told.join(" waits for "));
    let hint = "what a step waits for: reads of `input`, `when`, `show`, of its judges too, `needs`, the sources of its axes";
    findings.report_with(codes::CYCLE, span, message, hint);
}
