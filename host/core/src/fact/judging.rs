//! What judges and people say, and what they are asked. Knows no attempt.

use serde::{Deserialize, Serialize};

use crate::{CellId, Document, Name, RunId};

/// The judging part of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeShape {
    /// The judged step.
    pub subject: Name,
    /// How many revisions this judge may cause for one cell, over its lifetime.
    pub rounds: u32,
    /// How many people must approve.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub quorum: u32,
}

pub(super) fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
pub(super) fn is_one(number: &u32) -> bool {
    *number == 1
}

/// What a judge says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The word that counts.
    pub verdict: Verdict,
    /// 0 to 1; breaks ties between candidates when an allowance is spent.
    pub score: f64,
    /// `[{ rule, message, fix }]`.
    pub reasons: Document,
    /// Whether this is advice only: the candidate is an edit of a person.
    pub opinion: bool,
}

/// What a judge can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Goes on to the next judge.
    Pass,
    /// The step does it again with the reasons as feedback.
    Revise,
    /// The cell is dropped.
    Veto,
}

impl Verdict {
    /// The word in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Revise => "revise",
            Self::Veto => "veto",
        }
    }
}

/// A question to people: `run/step/key/round`. Stable over restarts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskId(pub String);

impl AskId {
    /// The id of what `judge` is asked about a round of a cell.
    #[must_use]
    pub fn of(run: &RunId, judge: &Name, cell: &CellId, round: u32) -> Self {
        Self(format!("{run}/{judge}/{}/{round}", cell.key))
    }
}

impl std::fmt::Display for AskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants are documented")]
pub enum Decision {
    /// The candidate is released as it is.
    Approve { comment: Option<String> },
    /// The next round, or the end of the cell when the allowance is spent.
    Reject { comment: Option<String> },
    /// A new value of the subject's output; the judges give opinions, then people are asked again.
    Edit { value: Document, comment: Option<String> },
}

impl Decision {
    /// The word in documents.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::Edit { .. } => "edit",
        }
    }

    /// What the person said besides.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        match self {
            Self::Approve { comment } | Self::Reject { comment } | Self::Edit { comment, .. } => {
                comment.as_deref()
            }
        }
    }
}
