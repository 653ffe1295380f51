//! The vocabulary of the journal: everything that can have happened in a run. Applies nothing and decides nothing.

mod attempt;
mod judging;
mod labels;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    Artifact, AttemptId, AxisValue, CellId, CellKey, Cost, Digest, Document, Name, RunId, Timestamp,
};

pub use attempt::{
    CallAnswer, Capability, Failure, FailureKind, Level, Limit, LogEntry, ParkReason, Used,
};
pub use judging::{AskId, Decision, JudgeShape, Judgement, Verdict};
pub use labels::{Lowers, RunLabels, StepLabel};
pub use run::{AgentPin, Forked, PauseReason, Pin, Repin, RunEnd, StepBy, StepShape};

/// One thing that happened. Facts are never rewritten; a new version of one gets a new name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact")]
#[allow(
    missing_docs,
    reason = "the variants are documented; their fields carry the documented types"
)]
#[allow(clippy::large_enum_variant, reason = "the largest is the first of a run, and stands once")]
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
        /// How confidential it is; runs of older versions do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        labels: Option<Box<RunLabels>>,
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
        /// Whether it may change something outside: then no fresh attempt follows a failure.
        #[serde(default, skip_serializing_if = "is_false")]
        changes: bool,
    },
    /// An attempt calls another agent, which begins to work under its own powers. What that
    /// one asks and is told follows with the way to it in `attempt`; its end is the answer
    /// to this call.
    Delegated {
        attempt: AttemptId,
        index: u32,
        request: Digest,
        agent: Name,
        component: Digest,
        /// Digest of the grants and limits that hold for the agent that is called.
        powers: Digest,
        input: Document,
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
    /// The host put an artifact into canonical form, because people lower the label of what
    /// holds it: the output names the second in the place of the first.
    Recast { attempt: AttemptId, was: Artifact, is: Artifact },
    /// What an attempt changes in a namespace, as `{ "set": { KEY: VALUE }, "delete": [KEY] }`.
    /// It happens with the end of the attempt, in one append with it, or not at all.
    KvWritten { attempt: AttemptId, namespace: Name, writes: Document },
    /// What an attempt that was called, and those that it called, change in a namespace. It
    /// happens with the end of the attempt of the step, or not at all.
    KvStaged {
        attempt: AttemptId,
        namespace: Name,
        /// The agents whose changes these are.
        by: BTreeSet<Name>,
        writes: Document,
        /// What the keys must hold then that were compared; nothing: no value.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        expected: BTreeMap<String, Option<Digest>>,
    },
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
        #[serde(default = "judging::one", skip_serializing_if = "judging::is_one")]
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
            Self::Delegated { .. } => "Delegated",
            Self::CallAnswered { .. } => "CallAnswered",
            Self::Logged { .. } => "Logged",
            Self::AttemptFailed { .. } => "AttemptFailed",
            Self::Recast { .. } => "Recast",
            Self::KvWritten { .. } => "KvWritten",
            Self::KvStaged { .. } => "KvStaged",
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

    /// Whether it may be about an attempt that was called by another.
    #[must_use]
    pub fn may_be_of_callee(&self) -> bool {
        matches!(
            self,
            Self::CallIntended { .. }
                | Self::Delegated { .. }
                | Self::CallAnswered { .. }
                | Self::CallLost { .. }
                | Self::Logged { .. }
                | Self::KvStaged { .. }
        )
    }

    /// The attempt that it is about, where it is about one.
    #[must_use]
    pub fn attempt(&self) -> Option<&AttemptId> {
        match self {
            Self::CellStarted { attempt, .. }
            | Self::CellReused { attempt, .. }
            | Self::AttemptContinued { attempt }
            | Self::CellParked { attempt, .. }
            | Self::CallIntended { attempt, .. }
            | Self::Delegated { attempt, .. }
            | Self::CallAnswered { attempt, .. }
            | Self::CallLost { attempt, .. }
            | Self::Logged { attempt, .. }
            | Self::AttemptFailed { attempt, .. }
            | Self::Recast { attempt, .. }
            | Self::KvWritten { attempt, .. }
            | Self::KvStaged { attempt, .. }
            | Self::CellFinished { attempt, .. } => Some(attempt),
            _ => None,
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
            Self::CellStarted { input, .. } | Self::Delegated { input, .. } => vec![input],
            Self::CellReused { output, .. }
            | Self::CellFinished { output, .. }
            | Self::Released { output, .. } => vec![output],
            Self::CallAnswered { answer: CallAnswer::Ok { value, .. }, .. } => vec![value],
            Self::KvWritten { writes, .. } | Self::KvStaged { writes, .. } => vec![writes],
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
            Self::CellStarted { input, .. } | Self::Delegated { input, .. } => vec![input],
            Self::CellReused { output, .. }
            | Self::CellFinished { output, .. }
            | Self::Released { output, .. } => vec![output],
            Self::CallAnswered { answer: CallAnswer::Ok { value, .. }, .. } => vec![value],
            Self::KvWritten { writes, .. } | Self::KvStaged { writes, .. } => vec![writes],
            Self::Judged { judgement, .. } => vec![&mut judgement.reasons],
            Self::Asked { show, .. } => vec![show],
            Self::Decided { decision: Decision::Edit { value, .. }, .. } => vec![value],
            Self::RunEnded { output, .. } => output.iter_mut().collect(),
            _ => Vec::new(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// One append to a run's journal: what happened together, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When the host wrote it down.
    pub at: Timestamp,
    /// In order.
    pub facts: Vec<Fact>,
}
