//! What each template reads, and whether it may there. Knows no order of things.

use std::collections::BTreeSet;

use bailiwick_core::{Diagnostic, Name, Place};
use toml::Spanned;

use super::Surroundings;
use super::authored::AuthoredStep;
use super::links::Links;
use super::names::{Reader, Site, unknown};
use crate::codes;
use crate::expr::{Path, Segment};
use crate::findings::Findings;
use crate::plan::Read;
use crate::template::Template;

/// What a step reads.
pub(super) struct StepReads {
    pub(super) reads: Vec<Read>,
    pub(super) feedback: bool,
}

/// The reads of a step, every name in its templates judged.
pub(super) fn of_step(
    step: &AuthoredStep,
    links: &Links<'_>,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings<'_>,
) -> StepReads {
    let over = links.axes_of(step);
    let mut found = StepReads { reads: Vec::new(), feedback: false };
    let templates = [("input", &step.input), ("when", &step.when), ("show", &step.show)];
    let mut whole = true;
    for (key, template) in templates {
        let Some(template) = template else {
            whole &= step.key(key).is_none();
            continue;
        };
        let site = Site::Step { step, over: &over, key };
        let mut reader = Reader { links, surroundings, findings: &mut *findings };
        for (path, place) in template.placed_reads() {
            found.feedback |= path.root == "feedback";
            reader.name(&site, path, place, &mut found.reads);
        }
    }
    // With a template that could not be read, nobody knows what it collects.
    if whole {
        unused_collect(step, &over, &found.reads, links, findings);
    }
    found
}

/// The steps that an axis reads.
pub(super) fn of_axis(
    name: &Spanned<Name>,
    values: &Template,
    links: &Links<'_>,
    findings: &mut Findings<'_>,
) -> BTreeSet<Name> {
    let site = Site::Axis { name: name.get_ref() };
    let mut reads = BTreeSet::new();
    for (path, place) in values.placed_reads() {
        if path.root == "input" {
            continue;
        }
        let Some(step) = links.step(&path.root) else {
            unknown(&site, links, path, place, findings);
            continue;
        };
        let axes = links.axes_of(step);
        if let Some(subject) = &step.judges {
            let message = format!("the axis `{}` reads the judge `{}`", name.get_ref(), path.root);
            let hint = format!("read `{}`, which it judges", subject.get_ref());
            findings
                .push(Diagnostic::error(codes::READS_JUDGE, message).at(place.clone()).hint(hint));
        } else if axes.is_empty() {
            reads.insert(step.name.get_ref().clone());
        } else {
            let shown: Vec<_> = axes.iter().map(|axis| format!("`{axis}`")).collect();
            let message = format!(
                "the axis `{}` reads `{}`, which has axes itself ({})",
                name.get_ref(),
                path.root,
                shown.join(", ")
            );
            let hint = "let a step without axes collect it, and read that";
            findings.push(
                Diagnostic::error(codes::AXIS_READS_AXES, message).at(place.clone()).hint(hint),
            );
        }
    }
    reads
}

/// Adds what a template of `[output]` reads.
pub(super) fn of_output(
    template: &Template,
    links: &Links<'_>,
    surroundings: &Surroundings<'_>,
    reads: &mut Vec<Read>,
    findings: &mut Findings<'_>,
) {
    let mut reader = Reader { links, surroundings, findings };
    for (path, place) in template.placed_reads() {
        reader.name(&Site::Output, path, place, reads);
    }
}

impl Reader<'_, '_, '_> {
    /// Judges that a step is read, and notes along which axes.
    pub(super) fn step(
        &mut self,
        site: &Site<'_>,
        read: &AuthoredStep,
        path: &Path,
        place: &Place,
        reads: &mut Vec<Read>,
    ) {
        if !self.may_read(site, read, place) {
            return;
        }
        let axes = self.links.axes_of(read);
        let name = read.name.get_ref();
        let (over, collect): (&[Name], Vec<Name>) = match site {
            Site::Step { step, over, .. } => {
                (over, step.collect.iter().map(|axis| axis.get_ref().clone()).collect())
            }
            Site::Output => (&[], axes.clone()),
            Site::Axis { .. } => return,
        };
        let shared: Vec<Name> = axes.iter().filter(|axis| over.contains(axis)).cloned().collect();
        let (collected, neither): (Vec<Name>, Vec<Name>) = axes
            .into_iter()
            .filter(|axis| !over.contains(axis))
            .partition(|axis| collect.contains(axis));
        if let Site::Step { step, .. } = site
            && !neither.is_empty()
        {
            self.neither(step, name, &neither, place);
            return;
        }
        if !collected.is_empty() {
            self.list_of(name, path, place);
        }
        if !reads.iter().any(|known| known.step == *name) {
            reads.push(Read { step: name.clone(), shared, collected });
        }
    }

    /// A judge is read by later judges of the same step only, and a judge reads its
    /// subject as `subject` only.
    fn may_read(&mut self, site: &Site<'_>, read: &AuthoredStep, place: &Place) -> bool {
        let name = read.name.get_ref();
        let reader = match site {
            Site::Step { step, .. } => Some(*step),
            _ => None,
        };
        let judged_by_reader = reader.and_then(|step| step.judges.as_ref()).map(Spanned::get_ref);
        if judged_by_reader == Some(name) {
            let message = format!("`{name}` is what is judged here, and not released yet");
            self.report(codes::READS_OWN_SUBJECT, place, message, "read it as `${subject}`");
            return false;
        }
        let Some(subject) = read.judges.as_ref().map(Spanned::get_ref) else { return true };
        match (reader, judged_by_reader) {
            (Some(step), Some(same)) if same == subject => {
                let earlier = self.links.position(name) < self.links.position(step.name.get_ref());
                if !earlier {
                    let message = format!("`{name}` judges after this step");
                    let hint =
                        format!("move [step.{name}] up: judges of one step run in file order");
                    self.report(codes::READS_JUDGE, place, message, hint);
                }
                earlier
            }
            _ => {
                let message =
                    format!("`{name}` is a judge of `{subject}`, read from outside its chain");
                let hint = format!("read `{subject}`: what is released has passed its judges");
                self.report(codes::READS_JUDGE, place, message, hint);
                false
            }
        }
    }

    fn neither(&mut self, step: &AuthoredStep, read: &Name, axes: &[Name], place: &Place) {
        let shown: Vec<_> = axes.iter().map(|axis| format!("`{axis}`")).collect();
        let reader = step.name.get_ref();
        let message = format!(
            "`{read}` has the {} {}, which `{reader}` neither has nor collects",
            if axes.len() == 1 { "axis" } else { "axes" },
            shown.join(", ")
        );
        let line = |key: &str, there: &[Spanned<Name>]| {
            let names = there.iter().map(Spanned::get_ref).chain(axes);
            let names: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
            format!("{key} = [{}]", names.join(", "))
        };
        let hint = if step.judges.is_some() {
            format!(
                "a judge has its subject's axes only: let a step that collects `{read}` be read by both"
            )
        } else {
            format!(
                "write in [step.{reader}] either `{}` (a cell for each) or `{}` (a list of all)",
                line("over", &step.over),
                line("collect", &step.collect)
            )
        };
        self.report(codes::AXIS_NEITHER, place, message, hint);
    }

    /// A list of cells has no fields; its items have `axis` and `value`.
    fn list_of(&mut self, read: &Name, path: &Path, place: &Place) {
        let field = match path.rest.as_slice() {
            [Segment::Field(field), ..] => field,
            [Segment::Item(_), Segment::Field(field), ..]
                if field != "axis" && field != "value" =>
            {
                field
            }
            _ => return,
        };
        let message = format!("`{read}` is a list of cells here and has no `{field}`");
        let hint = format!("its items are {{ axis, value }}: `{read}.map(cell, cell.value)`");
        self.report(codes::UNKNOWN_FIELD, place, message, hint);
    }
}

fn unused_collect(
    step: &AuthoredStep,
    over: &[Name],
    reads: &[Read],
    links: &Links<'_>,
    findings: &mut Findings<'_>,
) {
    let declared = links.in_declaration_order(&step.collect);
    for axis in step.collect.iter().filter(|axis| declared.contains(axis.get_ref())) {
        let name = axis.get_ref();
        let read = reads.iter().any(|read| read.collected.contains(name));
        if !read && !over.contains(name) && step.judges.is_none() {
            let message =
                format!("nothing that `{}` reads has the axis `{name}`", step.name.get_ref());
            let hint = "read a step that has it, or take it out";
            findings.report_with(codes::BAD_COLLECT, axis.span(), message, hint);
        }
    }
}
