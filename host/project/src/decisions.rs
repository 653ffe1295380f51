//! `decisions.toml`: answers of people, ahead of time. Knows nothing of who gives them.

use std::collections::BTreeMap;

use bailiwick_core::fact::{Decision, StepBy};
use bailiwick_core::{CellKey, Diagnostic, Document, Name, Place};
use toml::Spanned;
use toml::de::DeValue;

use crate::codes;
use crate::compile;
use crate::entries::{Entries, as_table, integer};
use crate::findings::{Findings, sort};
use crate::keys::{self, FileKind};
use crate::nearest::did_you_mean;
use crate::plan::Plan;

/// The rules of one file, in order.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    step: Spanned<Name>,
    step_place: Place,
    axes: BTreeMap<Name, (String, Place)>,
    round: Option<u32>,
    decision: Decision,
}

impl Decisions {
    /// Reads `decisions.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with it, by place; a word that is no decision is an
    /// error here and not a rejection at run time.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::new(file, text);
        let decisions = keys::checked(FileKind::Decisions.keys(), &mut findings).map(|table| {
            let root = Entries(table.get_ref());
            let tables: Vec<_> = root.items("decide").filter_map(as_table).collect();
            let rules = tables.into_iter().filter_map(|table| rule(table, &mut findings));
            Self { rules: rules.collect() }
        });
        findings.or(decisions)
    }

    /// What the first rule that matches says; nothing: the question stays open.
    #[must_use]
    pub fn decide(&self, step: &Name, key: &CellKey, round: u32) -> Option<Decision> {
        let point: BTreeMap<&str, String> = key.pairs().collect();
        let matches = |rule: &&Rule| {
            rule.step.get_ref() == step
                && rule.round.is_none_or(|only| only == round)
                && rule.axes.iter().all(|(axis, (id, _))| point.get(axis.as_str()) == Some(id))
        };
        self.rules.iter().find(matches).map(|rule| rule.decision.clone())
    }

    /// Everything in the rules that cannot match any question of this plan.
    #[must_use]
    pub fn check(&self, plan: &Plan) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for rule in &self.rules {
            rule.check(plan, &mut found);
        }
        sort(&mut found);
        found
    }
}

impl Rule {
    fn check(&self, plan: &Plan, found: &mut Vec<Diagnostic>) {
        let name = self.step.get_ref();
        let asking = || plan.steps.iter().filter(|step| matches!(step.by, StepBy::People(_)));
        let Some(step) = plan.step(name) else {
            let message = format!("there is no step `{name}` in {}", plan.file);
            let error = Diagnostic::error(codes::UNKNOWN_STEP, message).at(self.step_place.clone());
            let hint = did_you_mean(name.as_str(), asking().map(|step| step.name.as_str()));
            found.push(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            });
            return;
        };
        if matches!(step.by, StepBy::Agent(_)) {
            let names: Vec<_> = asking().map(|step| format!("`{}`", step.name)).collect();
            let hint = if names.is_empty() {
                "no step of this pipeline asks people".to_owned()
            } else {
                format!("people are asked by {}", names.join(", "))
            };
            let message = format!("`{name}` asks nobody: an agent does it");
            found.push(
                Diagnostic::error(codes::NOT_ASKED, message).at(self.step_place.clone()).hint(hint),
            );
        }
        for (axis, (_, place)) in &self.axes {
            if !step.over.contains(axis) {
                let axes: Vec<_> = step.over.iter().map(|axis| format!("`{axis}`")).collect();
                let message = format!("`{name}` has no axis `{axis}`");
                let hint = did_you_mean(axis.as_str(), step.over.iter().map(Name::as_str))
                    .unwrap_or_else(|| format!("its axes are {}", axes.join(", ")));
                found.push(
                    Diagnostic::error(codes::NOT_ASKED, message).at(place.clone()).hint(hint),
                );
            }
        }
    }
}

fn rule(table: Entries<'_, '_>, findings: &mut Findings<'_>) -> Option<Rule> {
    let value = table.node("value").map(|node| (node.span(), compile::json(node, findings)));
    let comment = table.text("comment").map(Spanned::into_inner);
    let word = table.text("decision")?;
    let decision = match (word.get_ref().as_str(), value) {
        ("edit", Some((_, value))) => Decision::Edit { value: Document::of(&value?), comment },
        ("edit", None) => {
            let hint = "write the new output as `value = { … }` or [decide.value]";
            findings.report_with(codes::BAD_DECISION, word.span(), "`edit` needs a `value`", hint);
            return None;
        }
        (word, Some((span, _))) => {
            let message = format!("`{word}` has no `value`: only `edit` has");
            findings.report(codes::BAD_DECISION, span, message);
            return None;
        }
        ("approve", None) => Decision::Approve { comment },
        ("reject", None) => Decision::Reject { comment },
        // Reported by the table of keys.
        _ => return None,
    };
    let step = table.name("step")?;
    let step_place = findings.place(step.span());
    let mut axes = BTreeMap::new();
    for (axis, node) in table.table("where").map(Entries::in_order).unwrap_or_default() {
        let id = match node.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            value => integer(value).map(|number| number.to_string()),
        };
        if let (Ok(axis_name), Some(id)) = (Name::new(axis.get_ref()), id) {
            axes.insert(axis_name, (id, findings.place(axis.span())));
        }
    }
    Some(Rule { step, step_place, axes, round: table.whole("round"), decision })
}
