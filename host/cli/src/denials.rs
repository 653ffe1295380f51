//! What agents were denied in a run, each kind once, with the line that would allow it. Knows no view.

use bailiwick_core::Name;
use bailiwick_core::fact::{CallAnswer, Capability, Fact};
use bailiwick_core::text::{Lines, visible};
use serde_json::{Value, json};

/// The most different denials that are kept: an agent that probes makes one of each
/// kind, and nobody reads more than these.
const KEPT_MAX: usize = 1_000;
/// Kinds of denials that are listed for people.
const LISTED_MAX: usize = 20;

/// The denials of a run so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denials(Vec<Denial>);

/// One kind of denial: what was asked, why not, and what would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Denial {
    step: Name,
    capability: Capability,
    reason: String,
    hint: Option<String>,
    times: usize,
}

impl Denials {
    /// Those of a whole run.
    pub(crate) fn of<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut denials = Self::default();
        facts.into_iter().for_each(|fact| denials.note(fact));
        denials
    }

    /// Takes a fact, whatever it is.
    pub(crate) fn note(&mut self, fact: &Fact) {
        let Fact::CallAnswered {
            attempt,
            capability,
            answer: CallAnswer::Denied { reason, hint },
            ..
        } = fact
        else {
            return;
        };
        let step = &attempt.cell.step;
        let same = |known: &&mut Denial| {
            (&known.step, known.capability, &known.reason) == (step, *capability, reason)
        };
        if let Some(known) = self.0.iter_mut().find(same) {
            known.times += 1;
        } else if self.0.len() < KEPT_MAX {
            self.0.push(Denial {
                step: step.clone(),
                capability: *capability,
                reason: reason.clone(),
                hint: hint.clone(),
                times: 1,
            });
        }
    }

    /// For people: a line each, and one with the hint.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.0.iter().take(LISTED_MAX).map(Denial::line).collect();
        if self.0.len() > LISTED_MAX {
            let more = self.0.len() - LISTED_MAX;
            lines.push(format!("  and {more} more kinds of denials"));
        }
        lines
    }

    /// For scripts.
    pub(crate) fn as_json(&self) -> Value {
        let denials = self.0.iter().map(|denial| {
            json!({
                "step": denial.step,
                "capability": denial.capability,
                "reason": denial.reason,
                "hint": denial.hint,
                "times": denial.times,
            })
        });
        denials.collect()
    }
}

impl Denial {
    fn line(&self) -> String {
        let times = if self.times > 1 { format!(" ({} times)", self.times) } else { String::new() };
        let reason = visible(&self.reason, Lines::Escape);
        let line = format!("  denied to {}: {}{times}: {reason}", self.step, self.capability);
        match &self.hint {
            Some(hint) => format!("{line}\n    hint: {}", visible(hint, Lines::Escape)),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::{AttemptId, CellId, CellKey, Cost, Digest};
    use expect_test::expect;

    use super::*;

    fn denied(step: &str, reason: &str, hint: Option<&str>) -> Fact {
        let cell = CellId { step: Name::new(step).unwrap(), key: CellKey::single() };
        Fact::CallAnswered {
            attempt: AttemptId::new(cell, 0, 1),
            index: 0,
            capability: Capability::Model,
            request: Digest::of(b""),
            answer: CallAnswer::Denied { reason: reason.into(), hint: hint.map(Into::into) },
            cost: Cost::ZERO,
        }
    }

    #[test]
    fn a_denial_is_told_once_with_the_line_that_would_allow_it() {
        let hint = "under [agents.draft]: grants.model = { use = [\"writer\", \"painter\"] }";
        let first = denied("draft", "`painter` is not among its models", Some(hint));
        let denials = Denials::of([&first, &denied("tone", "a\u{1b}[2J\nb", None), &first, &first]);
        // The first line stands at the margin, so that the others keep their indentation.
        expect![[r#"
            denials
              denied to draft: model (3 times): `painter` is not among its models
                hint: under [agents.draft]: grants.model = { use = ["writer", "painter"] }
              denied to tone: model: a\u{1b}[2J\u{a}b"#]]
        .assert_eq(&format!("denials\n{}", denials.lines().join("\n")));
    }

    #[test]
    fn a_probing_agent_fills_neither_memory_nor_screen() {
        let probes: Vec<_> = (0..3_000).map(|n| denied("draft", &n.to_string(), None)).collect();
        let denials = Denials::of(&probes);
        assert_eq!((denials.0.len(), denials.lines().len()), (KEPT_MAX, LISTED_MAX + 1));
    }
}
