//! What the labels of a run were when it began, by name: the order of labels is a policy's, and may be another one when the run is looked at. Compares none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Name;

/// The labels of a run. It keeps them: what would raise one is a new run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLabels {
    /// Of its input.
    pub input: String,
    /// Of `[output]`.
    pub output: String,
    /// The highest of all: what somebody must be cleared for who sees the whole run.
    pub whole: String,
    /// Of each step, judges included.
    pub steps: BTreeMap<Name, StepLabel>,
}

/// The label of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLabel {
    /// What it knows at most, with its judges.
    pub label: String,
    /// For a judge of people that lowers the label: to what, and who may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowers: Option<Lowers>,
    /// Whether it may hold others' words. Runs of older hosts do not say so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub outside: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// That the people of a judge lower a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lowers {
    /// What the readers get.
    pub to: String,
    /// Whether the approval of who submitted the run counts.
    #[serde(rename = "self")]
    pub own: bool,
}

impl RunLabels {
    /// What a judge of people lowers, where it does.
    #[must_use]
    pub fn lowers(&self, judge: &Name) -> Option<&Lowers> {
        self.steps.get(judge)?.lowers.as_ref()
    }
}
