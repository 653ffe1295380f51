//! Whether a name may stand in an expression, by where the expression stands. Knows no axes of what is read.

use bailiwick_core::{Diagnostic, Name, Place};
use toml::Spanned;

use super::Surroundings;
use super::authored::AuthoredStep;
use super::links::Links;
use crate::codes;
use crate::expr::{Path, Segment};
use crate::findings::Findings;
use crate::nearest::did_you_mean;
use crate::plan::Read;
use crate::scope::SCOPE_NAMES;

/// Where an expression stands.
pub(super) enum Site<'a> {
    Step { step: &'a AuthoredStep, over: &'a [Name], key: &'static str },
    Axis { name: &'a Name },
    Output,
}

pub(super) struct Reader<'a, 'f, 't> {
    pub(super) links: &'a Links<'a>,
    pub(super) surroundings: &'a Surroundings<'a>,
    pub(super) findings: &'f mut Findings<'t>,
}

impl Reader<'_, '_, '_> {
    /// Judges one path, and notes what step it reads.
    pub(super) fn name(
        &mut self,
        site: &Site<'_>,
        path: &Path,
        place: &Place,
        reads: &mut Vec<Read>,
    ) {
        match (path.root.as_str(), site) {
            ("input", _) => {}
            ("round" | "feedback", Site::Step { .. }) => {}
            ("subject", Site::Step { step, .. }) if step.judges.is_some() => {}
            ("run", Site::Step { .. } | Site::Output) => {
                if path.rest != [Segment::Field("id".to_owned())] {
                    self.report(
                        codes::UNKNOWN_NAME,
                        place,
                        "`run` has one field",
                        "write `run.id`",
                    );
                }
            }
            ("axis", Site::Step { step, over, .. }) => self.axis(step, over, path, place),
            ("assets", Site::Step { .. } | Site::Output) => self.asset(site, path, place),
            (root, _) => match self.links.step(root) {
                Some(step) => self.step(site, step, path, place, reads),
                None => unknown(site, self.links, path, place, self.findings),
            },
        }
    }

    pub(super) fn report(
        &mut self,
        code: &'static str,
        place: &Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.findings.push(Diagnostic::error(code, message).at(place.clone()).hint(hint));
    }

    fn axis(&mut self, step: &AuthoredStep, over: &[Name], path: &Path, place: &Place) {
        let name = step.name.get_ref();
        if over.is_empty() {
            let hint = if step.judges.is_some() {
                "a judge has the axes of the step that it judges".to_owned()
            } else {
                "give it some: `over = […]`".to_owned()
            };
            self.report(codes::UNKNOWN_NAME, place, format!("`{name}` has no axes"), hint);
            return;
        }
        let Some(axis) = path.first_field() else { return };
        if over.iter().any(|known| known.as_str() == axis) {
            return;
        }
        let declared =
            self.links.authored.axes.iter().any(|(known, _)| known.get_ref().as_str() == axis);
        let hint = did_you_mean(axis, over.iter().map(Name::as_str)).unwrap_or_else(|| {
            if declared && step.judges.is_none() {
                format!("add \"{axis}\" to `over` of `{name}`")
            } else {
                let shown: Vec<_> = over.iter().map(|axis| format!("`{axis}`")).collect();
                format!("its axes are {}", shown.join(", "))
            }
        });
        self.report(codes::UNKNOWN_NAME, place, format!("`{name}` has no axis `{axis}`"), hint);
    }

    fn asset(&mut self, site: &Site<'_>, path: &Path, place: &Place) {
        let project = self.surroundings.project;
        let Some(folder) = path.first_field() else {
            let message = "`assets` alone would be every folder";
            self.report(codes::UNKNOWN_NAME, place, message, "name one: `assets.NAME`");
            return;
        };
        if !project.assets.keys().any(|known| known.as_str() == folder) {
            let hint = did_you_mean(folder, project.assets.keys().map(Name::as_str))
                .unwrap_or_else(|| {
                    format!("declare it in {}: [assets.{folder}] folder = \"…\"", project.file)
                });
            self.report(
                codes::UNKNOWN_ASSET,
                place,
                format!("there is no [assets.{folder}]"),
                hint,
            );
            return;
        }
        let Site::Step { step, key: "input", .. } = site else { return };
        let agent = step.agent.as_ref().map(Spanned::get_ref);
        let Some((name, agent)) = agent.and_then(|name| project.agents.get_key_value(name)) else {
            return;
        };
        if !agent.grants.assets.iter().any(|granted| granted.as_str() == folder) {
            let mut granted: Vec<String> =
                agent.grants.assets.iter().map(|a| format!("\"{a}\"")).collect();
            granted.push(format!("\"{folder}\""));
            let message = format!(
                "`{}` gives files of `{folder}` to the agent `{name}`, which is not granted them",
                step.name.get_ref()
            );
            let hint = format!(
                "if it may have them, write in {} under [agents.{name}]: grants.assets = [{}]",
                project.file,
                granted.join(", ")
            );
            self.report(codes::ASSET_NOT_GRANTED, place, message, hint);
        }
    }
}

/// Reports a name that is not in scope there.
pub(super) fn unknown(
    site: &Site<'_>,
    links: &Links<'_>,
    path: &Path,
    place: &Place,
    findings: &mut Findings<'_>,
) {
    let root = path.root.as_str();
    let elsewhere = SCOPE_NAMES.contains(&root);
    let (message, hint) = match site {
        Site::Axis { name } if elsewhere => (
            format!("the axis `{name}` cannot read `{root}`"),
            Some("axes read `input` and steps without axes".to_owned()),
        ),
        Site::Output if elsewhere => (
            format!("[output] cannot read `{root}`"),
            Some("it reads `input`, steps, `assets` and `run.id`".to_owned()),
        ),
        Site::Step { step, .. } if root == "subject" => (
            format!("`{}` judges nothing, so it has no `subject`", step.name.get_ref()),
            Some("read the step by its name".to_owned()),
        ),
        _ => {
            let known = links.step_names().chain(SCOPE_NAMES.iter().copied());
            (
                format!("there is neither a step nor anything else called `{root}`"),
                did_you_mean(root, known),
            )
        }
    };
    let found = Diagnostic::error(codes::UNKNOWN_NAME, message).at(place.clone());
    findings.push(match hint {
        Some(hint) => found.hint(hint),
        None => found,
    });
}
