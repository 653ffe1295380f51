//! Facts and stages as short words, so that the tables of the tests can be read aloud.
//!
//! The run has one cell of `draft`, judged by the agent `check` (one round) and then
//! by the people of `editor` (one round).

use bailiwick_core::fact::{
    AskId, CallAnswer, Capability, Decision, Entry, Failure, FailureKind, JudgeShape, Judgement,
    Level, LogEntry, ParkReason, PauseReason, RunEnd, StepBy, StepShape, Used, Verdict,
};
use bailiwick_core::kv::KvWrites;
use bailiwick_core::run::{JudgeStage, Rest, RunState, Stage};
use bailiwick_core::{
    AttemptId, AxisValue, Calls, CellId, CellKey, Cost, Digest, Document, Fact, Name, RunId,
    Timestamp, Tokens,
};
use serde_json::json;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn cell() -> CellId {
    CellId { step: name("draft"), key: CellKey::single() }
}

fn run() -> RunId {
    RunId::new("r").unwrap()
}

/// What round `round` of the cell put out.
pub(crate) fn output(round: u32) -> Document {
    Document::of(&json!({ "round": round }))
}

pub(crate) fn attempt(step: &str, round: u32, attempt: u32) -> AttemptId {
    AttemptId::new(CellId { step: name(step), key: CellKey::single() }, round, attempt)
}

pub(crate) fn failure() -> Failure {
    Failure { kind: FailureKind::Fatal, message: "gave up".into(), hint: None }
}

pub(crate) fn judgement(verdict: Verdict, opinion: bool) -> Judgement {
    Judgement { verdict, score: 0.5, reasons: Document::of(&json!([])), opinion }
}

/// The facts before the cell is idle.
pub(crate) fn beginning() -> Vec<Fact> {
    let agent = |text: &str| StepBy::Agent(name(text));
    let judges = Some(JudgeShape { subject: name("draft"), rounds: 1, quorum: 1 });
    let people = StepBy::People(vec!["editors".into()]);
    let begun = Fact::RunStarted {
        run: run(),
        pipeline: name("p"),
        input: Document::of(&json!({})),
        shape: vec![
            StepShape { name: name("draft"), by: agent("draft"), judges: None },
            StepShape { name: name("check"), by: agent("check"), judges: judges.clone() },
            StepShape { name: name("editor"), by: people, judges },
        ],
        agents: Default::default(),
        imported: Vec::new(),
        by: "ana".into(),
        pin: None,
        forked: None,
        labels: None,
    };
    vec![begun, fact("fix axis"), fact("lay out draft")]
}

/// The state after the beginning and these facts, all of them legal.
pub(crate) fn after(way: &[&str]) -> RunState {
    let mut facts = beginning();
    facts.extend(way.iter().map(|words| fact(words)));
    let entry = Entry { at: Timestamp(1), facts };
    RunState::replay([&entry]).unwrap().unwrap()
}

/// The fact that some words mean:
/// `draft 0/1 starts` (step, round/attempt, event), `check revises 0` (judge, what, round), `drop`.
pub(crate) fn fact(words: &str) -> Fact {
    let parts: Vec<&str> = words.split(' ').collect();
    match parts.as_slice() {
        ["begin"] => beginning().remove(0),
        ["fix", "axis"] => Fact::AxisFixed {
            axis: name("topic"),
            values: vec![AxisValue::try_from(json!("a")).unwrap()],
        },
        ["lay", "out", step] => {
            Fact::StepLaidOut { step: name(step), cells: vec![CellKey::single()] }
        }
        ["skip"] => Fact::CellSkipped { cell: cell() },
        ["drop"] => Fact::Dropped { cell: cell(), reason: "so".into() },
        ["fail"] => Fact::CellFailed { cell: cell(), failure: failure() },
        ["run", "done"] => Fact::RunEnded { end: RunEnd::Done, output: None, reason: None },
        ["run", "failed"] => Fact::RunEnded { end: RunEnd::Failed, output: None, reason: None },
        ["run", "cancelled"] => {
            Fact::RunEnded { end: RunEnd::Cancelled, output: None, reason: None }
        }
        ["run", "interrupted"] => {
            Fact::RunEnded { end: RunEnd::Interrupted, output: None, reason: None }
        }
        ["run", "pauses"] => {
            let (reason, detail) = (PauseReason::Operator, "so".into());
            Fact::RunPaused { reason, detail, by: None }
        }
        ["run", "resumes"] => resumed(false),
        ["run", "retries"] => resumed(true),
        ["release", round] => {
            Fact::Released { cell: cell(), round: number(round), output: output(number(round)) }
        }
        ["release", round, "altered"] => {
            Fact::Released { cell: cell(), round: number(round), output: output(99) }
        }
        [step, at, event] if at.contains('/') => of_attempt(step, at, event),
        [judge, what, round, rest @ ..] => {
            of_judge(name(judge), what, number(round), !rest.is_empty())
        }
        _ => panic!("no fact is called {words:?}"),
    }
}

fn resumed(retry_failed: bool) -> Fact {
    Fact::RunResumed { by: "ana".into(), repinned: None, retry_failed }
}

fn number(text: &str) -> u32 {
    text.parse().unwrap()
}

fn of_attempt(step: &str, at: &str, event: &str) -> Fact {
    let (round, tries) = at.split_once('/').unwrap();
    let attempt = attempt(step, number(round), number(tries));
    let (index, capability, request) = (0, Capability::Model, Digest::of(b"request"));
    let cost = Cost { tokens: Tokens(3), calls: Calls(1), ..Cost::ZERO };
    let failed = |retry| Fact::AttemptFailed {
        attempt: attempt.clone(),
        failure: failure(),
        retry,
        used: Used::default(),
    };
    match event {
        "starts" => {
            let (component, powers) = (Digest::of(b"component"), Digest::of(b"powers"));
            let input = Document::of(&json!({}));
            Fact::CellStarted { attempt, component, powers, input, content: None }
        }
        "intends" => {
            let key = Digest::of(b"key");
            Fact::CallIntended {
                attempt,
                index,
                capability,
                request,
                key,
                reserved: cost,
                changes: false,
            }
        }
        "answered" => {
            let answer = CallAnswer::Unavailable { detail: "busy".into() };
            Fact::CallAnswered { attempt, index, capability, request, answer, cost }
        }
        "logs" => {
            let (level, message) = (Level::Info, "hello".into());
            let entry = LogEntry { level, message, fraction: None, aside: false };
            Fact::Logged { attempt, entry }
        }
        "loses" => Fact::CallLost { attempt, index, cost },
        "parks" => {
            let (reason, detail) = (ParkReason::Budget, "spent".into());
            Fact::CellParked { attempt, reason, detail, until: None }
        }
        "continues" => Fact::AttemptContinued { attempt },
        "reuses" => {
            let (content, from) = (Digest::of(b"content"), run());
            let output = output(attempt.round);
            Fact::CellReused { attempt, content, from, output }
        }
        "rests" => failed(Some(Timestamp(9))),
        "fails" => failed(None),
        "crashes" => {
            let failure = Failure { kind: FailureKind::HostCrash, ..failure() };
            Fact::AttemptFailed { attempt, failure, retry: None, used: Used::default() }
        }
        "writes" => {
            let writes =
                KvWrites { set: [("k".to_owned(), json!(1))].into(), ..Default::default() };
            Fact::KvWritten { attempt, namespace: name("notes"), writes: writes.document() }
        }
        "finishes" => {
            let output = output(attempt.round);
            Fact::CellFinished { attempt, output, used: Used::default() }
        }
        _ => panic!("no attempt {event}"),
    }
}

fn of_judge(judge: Name, what: &str, round: u32, opinion: bool) -> Fact {
    let ask = AskId::of(&run(), &judge, &cell(), round);
    let judged = |verdict| Fact::Judged {
        judge: judge.clone(),
        cell: cell(),
        round,
        judgement: judgement(verdict, opinion),
    };
    let decided = |decision| Fact::Decided { ask: ask.clone(), decision, by: "ana".into() };
    match what {
        "passes" => judged(Verdict::Pass),
        "revises" => judged(Verdict::Revise),
        "vetoes" => judged(Verdict::Veto),
        "skips" => Fact::JudgeSkipped { judge, cell: cell(), round },
        "escalates" => Fact::Escalated { judge, cell: cell(), round },
        "asks" => {
            let (subject, show) = (output(round).digest(), Document::of(&json!({})));
            Fact::Asked {
                ask,
                cell: cell(),
                round,
                subject,
                show,
                groups: Vec::new(),
                quorum: 1,
                until: None,
            }
        }
        "approves" => decided(Decision::Approve { comment: None }),
        "rejects" => decided(Decision::Reject { comment: None }),
        // The edit of a round is what the next one would have put out.
        "edits" => decided(Decision::Edit { value: output(round + 1), comment: None }),
        _ => panic!("no judge {what}"),
    }
}

fn parked(rest: Rest) -> &'static str {
    match rest {
        Rest::Parked { .. } => "parked",
        Rest::Lost => "lost",
        Rest::GivenUp => "given up",
    }
}

/// The stage of the cell, and how the run ended, where it did.
pub(crate) fn stage(state: &RunState) -> String {
    let cell = state.cell(&cell()).unwrap();
    let judges = &state.step(&name("draft")).unwrap().judges;
    let judge = |at: usize| judges.get(at).map_or("nobody", Name::as_str);
    let mut words = match &cell.stage {
        Stage::Idle => "idle".to_owned(),
        Stage::Running { round, attempt } => format!("running {round}/{attempt}"),
        Stage::Parked { round, attempt, rest } => format!("{} {round}/{attempt}", parked(*rest)),
        Stage::Resting { round, attempt, .. } => format!("resting {round}/{attempt}"),
        Stage::Failing { .. } => "failing".into(),
        Stage::Revising { round } => format!("revising {round}"),
        Stage::Spent { at } => format!("spent by {}", judge(*at)),
        Stage::Refused { .. } => "refused".into(),
        Stage::Judging { round, at, now } => {
            let candidate = cell.candidate(*round).unwrap();
            let now = match now {
                JudgeStage::Due => "due".to_owned(),
                JudgeStage::Running { attempt } => format!("running {attempt}"),
                JudgeStage::Parked { attempt, rest } => format!("{} {attempt}", parked(*rest)),
                JudgeStage::Resting { attempt, .. } => format!("resting {attempt}"),
                JudgeStage::Over { .. } => "over".into(),
                JudgeStage::Asked { .. } => "asked".into(),
            };
            let escalated = if candidate.escalated { ", escalated" } else { "" };
            let edited = if candidate.edited_by.is_some() { ", edited" } else { "" };
            format!("judging {round}: {} {now}{escalated}{edited}", judge(*at))
        }
        Stage::Ended(end) => match end {
            bailiwick_core::run::End::Released { round, .. } => format!("released {round}"),
            bailiwick_core::run::End::Skipped => "skipped".into(),
            bailiwick_core::run::End::Dropped { .. } => "dropped".into(),
            bailiwick_core::run::End::Failed { .. } => "failed".into(),
        },
    };
    if state.end.is_some() || state.pause.is_some() {
        words += &format!("; run {}", state.status().as_str());
    }
    words
}
