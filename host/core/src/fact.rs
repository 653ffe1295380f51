//! The vocabulary of the journal: everything that can have happened in a run. Applies nothing and decides nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Artifact, AttemptId, AxisValue, CellId, CellKey, Cost, Currency, Digest, Document, Name, RunId,
    Timestamp,
};

/// One thing that happened. Facts are never rewritten; a new version of one gets a new name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact")]
#[allow(
    missing_docs,
    reason = "the variants are documented; their fields carry the documented types"
)]
pub enum Fact {
    /// First of every run: what runs, on what, with which agents.
    RunStarted {
        run: RunId,
        pipeline: Name,
        /// The run's input.
        input: Document,
        /// The form of the pipeline, so that the legality of later facts can be judged without it.
        shape: Vec<StepShape>,
        /// What each agent name pointed at.
        agents: BTreeMap<Name, AgentPin>,
        /// Files that came in with the input and the asset folders.
        imported: Vec<Artifact>,
        /// Who started it.
        by: String,
        /// The files that it was started from, as blobs; runs of the first format have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pin: Option<Pin>,
        /// The run whose results it may reuse.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forked: Option<Forked>,
    },
    /// A host goes on with a run that was left: attempts that ran are parked until they
    /// continue, and an end that was none is taken back.
    RunResumed {
        by: String,
        /// What it goes on with instead of what it was started with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repinned: Option<Repin>,
        /// Whether cells that failed are done again.
        #[serde(default, skip_serializing_if = "is_false")]
        retry_failed: bool,
    },
    /// A host lets a run rest that could go on, were it not for this.
    RunPaused { reason: PauseReason, detail: String, by: Option<String> },
    /// Passages of a collection were turned into vectors, before any cell began.
    Embedded { collection: Name, route: String, passages: u64, cost: Cost },
    /// The values of an axis are fixed, once.
    AxisFixed { axis: Name, values: Vec<AxisValue> },
    /// The cells of a step are fixed, once, in axis order.
    StepLaidOut { step: Name, cells: Vec<CellKey> },
    /// `when` was false.
    CellSkipped { cell: CellId },
    /// An attempt at a cell begins, or an attempt of a judge at a round of the judged cell.
    CellStarted {
        attempt: AttemptId,
        component: Digest,
        /// Digest of the grants and limits that hold for it.
        powers: Digest,
        input: Document,
        /// What its output depends on, in one digest: equal keys, equal outputs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Digest>,
    },
    /// Instead of an attempt: the output that an equal one had in another run.
    CellReused { attempt: AttemptId, content: Digest, from: RunId, output: Document },
    /// An attempt that was parked executes again, with its record, up to where it was.
    AttemptContinued { attempt: AttemptId },
    /// An attempt is let go without an end: it continues when it is time, or when the run is resumed.
    CellParked { attempt: AttemptId, reason: ParkReason, detail: String, until: Option<Timestamp> },
    /// A call that costs or changes something is about to leave.
    CallIntended {
        attempt: AttemptId,
        /// Counts the gate calls of this attempt from 0.
        index: u32,
        capability: Capability,
        request: Digest,
        /// The idempotency key that goes along.
        key: Digest,
        reserved: Cost,
    },
    /// The answer to a call, whatever it was.
    CallAnswered {
        attempt: AttemptId,
        index: u32,
        capability: Capability,
        request: Digest,
        answer: CallAnswer,
        /// What it cost in the end.
        cost: Cost,
    },
    /// An answer that will never come: the host ended between the call and its answer.
    /// The request may have been worked on, so it is charged as reserved.
    CallLost { attempt: AttemptId, index: u32, cost: Cost },
    /// Words of an agent for the operator.
    Logged { attempt: AttemptId, entry: LogEntry },
    /// An attempt ended without output. With `retry` another follows at that time.
    AttemptFailed { attempt: AttemptId, failure: Failure, retry: Option<Timestamp>, used: Used },
    /// An attempt ended with output: of a step a candidate, of a judge a verdict to be read.
    CellFinished { attempt: AttemptId, output: Document, used: Used },
    /// What a judge says of a candidate.
    Judged { judge: Name, cell: CellId, round: u32, judgement: Judgement },
    /// The `when` of a judge was false: it says nothing of this candidate.
    JudgeSkipped { judge: Name, cell: CellId, round: u32 },
    /// A judge's allowance is spent: its best candidate goes on to the next judges; only people can release it.
    Escalated { judge: Name, cell: CellId, round: u32 },
    /// People are asked. `subject` is the digest of the whole candidate, `show` what is shown besides.
    /// What else an open question is known by stands here too, so that ten thousand of them
    /// are listed without their runs; questions of the first format have none of it.
    Asked {
        ask: AskId,
        cell: CellId,
        round: u32,
        subject: Digest,
        show: Document,
        /// Who may answer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<String>,
        /// How many must approve.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        quorum: u32,
        /// When it is decided without people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// People were reminded that they are asked.
    Reminded { ask: AskId },
    /// Somebody answered; `by` is `timeout` where nobody did in time.
    Decided { ask: AskId, decision: Decision, by: String },
    /// A candidate goes out to the readers of its step.
    Released { cell: CellId, round: u32, output: Document },
    /// A cell ends without value because a judge, people or something above it said so.
    Dropped { cell: CellId, reason: String },
    /// A cell ends without value because it could not be computed.
    CellFailed { cell: CellId, failure: Failure },
    /// The run ended. `output` is the pipeline's `[output]`.
    RunEnded { end: RunEnd, output: Option<Document>, reason: Option<String> },
}

impl Fact {
    /// The name that stands in journals and in `--inject`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "RunStarted",
            Self::RunResumed { .. } => "RunResumed",
            Self::RunPaused { .. } => "RunPaused",
            Self::Embedded { .. } => "Embedded",
            Self::AxisFixed { .. } => "AxisFixed",
            Self::StepLaidOut { .. } => "StepLaidOut",
            Self::CellSkipped { .. } => "CellSkipped",
            Self::CellStarted { .. } => "CellStarted",
            Self::CellReused { .. } => "CellReused",
            Self::AttemptContinued { .. } => "AttemptContinued",
            Self::CellParked { .. } => "CellParked",
            Self::CallIntended { .. } => "CallIntended",
            Self::CallLost { .. } => "CallLost",
            Self::CallAnswered { .. } => "CallAnswered",
            Self::Logged { .. } => "Logged",
            Self::AttemptFailed { .. } => "AttemptFailed",
            Self::CellFinished { .. } => "CellFinished",
            Self::Judged { .. } => "Judged",
            Self::JudgeSkipped { .. } => "JudgeSkipped",
            Self::Escalated { .. } => "Escalated",
            Self::Asked { .. } => "Asked",
            Self::Reminded { .. } => "Reminded",
            Self::Decided { .. } => "Decided",
            Self::Released { .. } => "Released",
            Self::Dropped { .. } => "Dropped",
            Self::CellFailed { .. } => "CellFailed",
            Self::RunEnded { .. } => "RunEnded",
        }
    }

    /// The documents that this fact holds. A store keeps their texts beside the fact.
    #[must_use]
    pub fn documents(&self) -> Vec<&Document> {
        match self {
            Self::RunStarted { input, pin, .. } => {
                [input].into_iter().chain(pin.iter().map(|pin| &pin.assets)).collect()
            }
            Self::RunResumed { repinned: Some(Repin { pin: Some(pin), .. }), .. } => {
                vec![&pin.assets]
            }
            Self::CellStarted { input, .. } => vec![input],
            Self::CellReused { output, .. }
            | Self::CellFinished { output, .. }
            | Self::Released { output, .. } => vec![output],
            Self::CallAnswered { answer: CallAnswer::Ok { value, .. }, .. } => vec![value],
            Self::Judged { judgement, .. } => vec![&judgement.reasons],
            Self::Asked { show, .. } => vec![show],
            Self::Decided { decision: Decision::Edit { value, .. }, .. } => vec![value],
            Self::RunEnded { output, .. } => output.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// The same, to attach their texts after reading.
    pub fn documents_mut(&mut self) -> Vec<&mut Document> {
        match self {
            Self::RunStarted { input, pin, .. } => {
                [input].into_iter().chain(pin.iter_mut().map(|pin| &mut pin.assets)).collect()
            }
            Self::RunResumed { repinned: Some(Repin { pin: Some(pin), .. }), .. } => {
                vec![&mut pin.assets]
            }
            Self::CellStarted { input, .. } => vec![input],
            Self::CellReused { output, .. }
            | Self::CellFinished { output, .. }
            | Self::Released { output, .. } => vec![output],
            Self::CallAnswered { answer: CallAnswer::Ok { value, .. }, .. } => vec![value],
            Self::Judged { judgement, .. } => vec![&mut judgement.reasons],
            Self::Asked { show, .. } => vec![show],
            Self::Decided { decision: Decision::Edit { value, .. }, .. } => vec![value],
            Self::RunEnded { output, .. } => output.iter_mut().collect(),
            _ => Vec::new(),
        }
    }
}

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
            Self::Disk => "disk",
            Self::Drain => "drain",
        }
    }
}

/// Why an attempt was let go without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// The run was stopped or paused.
    Stopped,
    /// A call does not fit into a budget now.
    Budget,
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
            Self::Disk => "disk",
            Self::Unavailable => "unavailable",
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

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
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
}

impl Capability {
    /// The name of the interface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Knowledge => "knowledge",
            Self::Artifacts => "artifacts",
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
        #[serde(default, skip_serializing_if = "is_false")]
        finish: bool,
    },
    /// Nobody answered.
    Unavailable { detail: String },
    /// The request was wrong.
    Invalid { detail: String },
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
    #[serde(skip_serializing_if = "is_false", default)]
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
    /// The host ended without a word while it ran, three times in a row.
    HostCrash,
    /// Something in the host failed: storage, a thread, a file.
    Host,
}

impl FailureKind {
    /// Whether a step's `retry` applies. What is the same at the next try is not tried again.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Retryable | Self::Trap | Self::Limit | Self::OutOfSchema)
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

/// One append to a run's journal: what happened together, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When the host wrote it down.
    pub at: Timestamp,
    /// In order.
    pub facts: Vec<Fact>,
}
