//! What is said of attempts: powers, answers, words, failures, rests. Knows no run and no verdict.

use serde::{Deserialize, Serialize};

use crate::Document;

/// Why an attempt was let go without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// The run was stopped or paused.
    Stopped,
    /// A call does not fit into a budget now.
    Budget,
    /// A call does not fit into what is left of the project's day; it fits into another one.
    Day,
    /// The disk has no room for what may come back.
    Disk,
    /// No provider answered; it is asked again.
    Unavailable,
}

impl ParkReason {
    /// The word for people and scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Budget => "budget",
            Self::Day => "day",
            Self::Disk => "disk",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A power of the contract, by its interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Language, embedding and image models.
    Model,
    /// Search over collections.
    Knowledge,
    /// Bytes in and out.
    Artifacts,
    /// Requests to the web.
    Http,
    /// Values of a namespace that last from run to run.
    Kv,
    /// Other agents of the project.
    Delegate,
}

impl Capability {
    /// The name of the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Knowledge => "knowledge",
            Self::Artifacts => "artifacts",
            Self::Http => "http",
            Self::Kv => "kv",
            Self::Delegate => "delegate",
        }
    }
}

impl std::fmt::Display for Capability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a guest was told. Denials, limits and failures are answers like any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the variants are documented")]
pub enum CallAnswer {
    /// The value; `via` is the route that gave it, where there was a choice.
    Ok { value: Document, via: Option<String> },
    /// Not granted. Reason and hint are for the operator; the guest saw the capability only.
    Denied { reason: String, hint: Option<String> },
    /// This ran out. With `finish` nothing new begins from now on, and the run ends with
    /// what was released.
    Exhausted {
        limit: Limit,
        detail: String,
        #[serde(default, skip_serializing_if = "super::is_false")]
        finish: bool,
    },
    /// Nobody answered.
    Unavailable { detail: String },
    /// The request was wrong.
    Invalid { detail: String },
    /// The agent that was called has no output. The caller is told the kind, and what the
    /// other said itself; the rest is for the operator.
    Failed { failure: Failure },
}

/// What can run out, as the contract names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words of wit/v0.1/types.wit")]
pub enum Limit {
    Tokens,
    Money,
    Calls,
    Bytes,
    Wall,
    Rate,
    Storage,
}

/// One line of an agent's log, already clipped and made visible.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// How much it matters.
    pub level: Level,
    /// The words.
    pub message: String,
    /// For a note on progress: how far the work is, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fraction: Option<f32>,
    /// Whether these are words of the host about a call on its way: they are not said
    /// again when the attempt executes again.
    #[serde(skip_serializing_if = "super::is_false", default)]
    pub aside: bool,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the usual four")]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Why an attempt or a cell ended without a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of thing went wrong.
    pub kind: FailureKind,
    /// What the operator reads: one line, made visible.
    pub message: String,
    /// What the operator can do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The agent says that its input makes no sense, or the host found it out of schema.
    InvalidInput,
    /// The agent cannot do without a power that it does not have.
    Refused,
    /// The agent says that another try may help.
    Retryable,
    /// The agent gave up.
    Fatal,
    /// A limit of the sandbox ended it; the message names the limit with used and allowed.
    Limit,
    /// The guest trapped: a panic, an unreachable, an out-of-bounds access.
    Trap,
    /// What came back is no document of the output schema.
    OutOfSchema,
    /// What came back names an artifact that this attempt could not read.
    ForeignArtifact,
    /// The component cannot be loaded or does not keep the contract.
    Component,
    /// An expression of the pipeline failed at run time.
    Expression,
    /// `min` of a collected list was not reached.
    TooFew,
    /// The run was stopped while it ran.
    Cancelled,
    /// What it asks now is not what its record says it asked.
    Diverged,
    /// A power whose answers it used was taken away since.
    Revoked,
    /// It failed after a request that may have changed something outside: a fresh attempt
    /// would do that again.
    EffectsDone,
    /// What it compared and set in a namespace was changed by somebody else before it ended.
    Conflict,
    /// The host ended without a word while it ran, three times in a row.
    HostCrash,
    /// Something in the host failed: storage, a thread, a file.
    Host,
}

impl FailureKind {
    /// Whether a step's `retry` applies. What is the same at the next try is not tried again.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(
            self,
            Self::Retryable | Self::Trap | Self::Limit | Self::OutOfSchema | Self::Conflict
        )
    }

    /// Whether the guest ended so by itself: on the same record it ends so again. What a
    /// limit, the machine or somebody did to it says nothing about it.
    #[must_use]
    pub fn is_of_guest(self) -> bool {
        match self {
            Self::InvalidInput
            | Self::Refused
            | Self::Retryable
            | Self::Fatal
            | Self::Trap
            | Self::OutOfSchema
            | Self::ForeignArtifact => true,
            Self::Limit
            | Self::Component
            | Self::Expression
            | Self::TooFew
            | Self::Cancelled
            | Self::Diverged
            | Self::Revoked
            | Self::EffectsDone
            | Self::Conflict
            | Self::HostCrash
            | Self::Host => false,
        }
    }

    /// The word that people and scripts read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::Refused => "refused",
            Self::Retryable => "retryable",
            Self::Fatal => "fatal",
            Self::Limit => "limit",
            Self::Trap => "trap",
            Self::OutOfSchema => "out-of-schema",
            Self::ForeignArtifact => "foreign-artifact",
            Self::Component => "component",
            Self::Expression => "expression",
            Self::TooFew => "too-few",
            Self::Cancelled => "cancelled",
            Self::Diverged => "diverged",
            Self::Revoked => "revoked",
            Self::EffectsDone => "effects-done",
            Self::Conflict => "conflict",
            Self::HostCrash => "host-crash",
            Self::Host => "host",
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            // The message names the limit already: `limit:memory used … of …`.
            FailureKind::Limit => f.write_str(&self.message),
            kind => write!(f, "{}: {}", kind.as_str(), self.message),
        }
    }
}

/// What an attempt used of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Guest CPU, in milliseconds.
    pub cpu_millis: u64,
    /// The largest sum of its memories and tables, in bytes.
    pub memory_bytes: u64,
    /// Calls that reached the gate.
    pub gate_calls: u32,
}
