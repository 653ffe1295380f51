//! What is said of a whole run: its form, what it is pinned to, why it rests, how it ended. Knows no cell.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Currency, Digest, Document, Name, RunId};

use super::JudgeShape;

/// The files that a run was started from, so that it goes on as it began whatever
/// became of them since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// The folder of the project, as its host named it.
    pub project: String,
    /// The texts of its files by the names that they have in messages, as blobs:
    /// `bailiwick.toml`, the pipeline, its schema, the policy.
    pub files: BTreeMap<String, Digest>,
    /// `--model`, as typed.
    pub models: Vec<String>,
    /// What `${assets}` reads as.
    pub assets: Document,
    /// What money is in its facts, where its files name any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
}

/// What a resumed run goes on with from now on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repin {
    /// What was asked for: `budgets`, `grants`, `components`.
    pub what: Vec<String>,
    /// The files of now.
    pub pin: Option<Pin>,
    /// What each agent name points at from now on.
    pub agents: BTreeMap<Name, AgentPin>,
}

/// The run that another one was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forked {
    /// The older run.
    pub from: RunId,
    /// The first step that is done anew, with everything that depends on it.
    pub step: Name,
}

/// Why a host lets a run rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseReason {
    /// Somebody asked for it.
    Operator,
    /// A budget is spent.
    Budget,
    /// The budget of the project's day is spent: there is a new one at midnight UTC.
    Day,
    /// The disk has no room for what may come back.
    Disk,
    /// The host shuts down.
    Drain,
}

impl PauseReason {
    /// The word for people and scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Budget => "budget",
            Self::Day => "day",
            Self::Disk => "disk",
            Self::Drain => "drain",
        }
    }
}

/// As much of a step as the legality of facts depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepShape {
    /// The step.
    pub name: Name,
    /// What decides in it.
    pub by: StepBy,
    /// For a judge: whom it judges and how many revisions it may ask of one cell.
    pub judges: Option<JudgeShape>,
}

/// What a step is done by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepBy {
    /// An agent of this name.
    Agent(Name),
    /// People of these groups.
    People(Vec<String>),
}

/// What an agent name pointed at when the run started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPin {
    /// The component's bytes.
    pub component: Digest,
    /// `name version` of the profile.
    pub profile: String,
    /// Digest of the effective grants and limits.
    pub powers: Digest,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Everything that could be released was, and `[output]` stands.
    Done,
    /// A step failed beyond what it tolerates.
    Failed,
    /// Its process was stopped; it can be resumed.
    Interrupted,
    /// Somebody ended it for good.
    Cancelled,
}
