//! What judges say and what writers hear of it. It does not know any rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contains_term;

/// What a judge wants to happen with a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Let it through.
    Pass,
    /// Back to the writer, with reasons.
    Revise,
    /// Drop it.
    Veto,
}

/// One objection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// A short stable name, for example `banned-term`.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub fix: String,
}

/// What a judge answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// What should happen.
    pub verdict: Outcome,
    /// 0.0 is useless, 1.0 is flawless.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score: f64,
    /// Empty for a flawless candidate.
    pub reasons: Vec<Reason>,
}

/// What one judge objected to in one round. Every field may be missing, because
/// people write comments and not rules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Feedback {
    /// The judge's step.
    pub by: String,
    /// The round that was judged.
    pub round: u32,
    /// The objections.
    pub reasons: Vec<Objection>,
}

/// A [`Reason`] as it comes back: with whatever parts the judge gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Objection {
    /// A short stable name.
    pub rule: Option<String>,
    /// What is wrong.
    pub message: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
}

/// Words by which people ask for less.
const SHORTER: &[&str] = &[
    "shorter",
    "too long",
    "cut it",
    "fewer words",
    "less text",
    "kürzer",
    "zu lang",
    "weniger text",
    "plus court",
    "trop long",
    "más corto",
];

impl Feedback {
    /// Whether somebody asks for less here.
    #[must_use]
    pub fn wants_less(&self) -> bool {
        Self::sentences(std::slice::from_ref(self))
            .iter()
            .any(|sentence| SHORTER.iter().any(|word| contains_term(sentence, word)))
    }

    /// The objections as sentences, oldest first.
    #[must_use]
    pub fn sentences(feedback: &[Self]) -> Vec<String> {
        feedback
            .iter()
            .flat_map(|entry| &entry.reasons)
            .map(Objection::sentence)
            .filter(|sentence| !sentence.is_empty())
            .collect()
    }
}

impl Objection {
    fn sentence(&self) -> String {
        [&self.message, &self.fix]
            .into_iter()
            .flatten()
            .map(|part| part.trim())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_without_rule_or_fix_is_heard() {
        let feedback: Vec<Feedback> = serde_json::from_str(
            r#"[{"by":"claims","round":0,"reasons":[{"rule":"r","message":"Too long.","fix":"Cut it."}]},
                {"by":"copy_desk","round":1,"reasons":[{"message":"Drier, please."},{}]}]"#,
        )
        .unwrap();
        assert_eq!(Feedback::sentences(&feedback), ["Too long. Cut it.", "Drier, please."]);
    }
}
