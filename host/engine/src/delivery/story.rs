//! What happened to one cell: its rounds, who judged them, who decided, what it cost. Knows no file and no page.

use std::collections::BTreeMap;

use bailiwick_core::fact::{Decision, Judgement};
use bailiwick_core::run::{Candidate, End, Said, Verdicts};
use bailiwick_core::{AttemptId, CellId, CellKey, Cost, Currency, Digest, Name, RunId};
use serde::Serialize;
use serde_json::Value;

use super::point::Point;
use super::texts::{Text, texts};
use super::trace::Trace;

/// Who did something, with which bytes, on what.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Work {
    pub(super) agent: Name,
    pub(super) component: Digest,
    /// `name version`.
    pub(super) profile: Option<String>,
    pub(super) round: u32,
    pub(super) attempt: u32,
    pub(super) input: Digest,
    /// The routes that answered its calls.
    pub(super) routes: Vec<String>,
    /// The run that it was done in, where that is another one: it cost nothing here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reused: Option<RunId>,
}

/// One cell.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Story {
    pub(super) step: Name,
    pub(super) cell: CellKey,
    /// The round that was released.
    pub(super) round: u32,
    pub(super) output: Digest,
    pub(super) made_by: Option<Work>,
    /// The person whose words it has.
    pub(super) edited_by: Option<String>,
    pub(super) reads: Vec<Reads>,
    pub(super) cost: Cost,
    /// What money is in it.
    #[serde(skip)]
    pub(super) currency: Option<Currency>,
    #[serde(serialize_with = "map")]
    pub(super) copy: Vec<Text>,
    #[serde(skip)]
    pub(super) rounds: Vec<Round>,
}

/// Which cells of a step were read: all released ones at these axis values.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reads {
    pub(super) step: Name,
    #[serde(rename = "where")]
    pub(super) at: BTreeMap<Name, String>,
    pub(super) cells: usize,
}

/// One round of a cell.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) round: u32,
    pub(super) edited_by: Option<String>,
    pub(super) copy: Vec<Text>,
    pub(super) words: Vec<Words>,
}

/// What was said of a round, in order.
#[derive(Clone, Debug)]
pub(super) enum Words {
    Verdict(VerdictOf),
    Decision(DecisionOf),
    Skipped(Name),
}

/// What an agent said.
#[derive(Clone, Debug, Serialize)]
pub(super) struct VerdictOf {
    pub(super) judge: Name,
    pub(super) step: Name,
    pub(super) cell: CellKey,
    pub(super) round: u32,
    pub(super) verdict: &'static str,
    pub(super) score: f64,
    /// `[{ rule, message, fix }]`
    pub(super) reasons: Value,
    /// Advice only: the candidate was a person's edit.
    pub(super) opinion: bool,
    pub(super) made_by: Option<Work>,
}

/// What a person said.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DecisionOf {
    pub(super) judge: Name,
    pub(super) step: Name,
    pub(super) cell: CellKey,
    pub(super) round: u32,
    pub(super) decision: &'static str,
    pub(super) by: String,
    pub(super) comment: Option<String>,
}

impl Story {
    pub(super) fn id(&self) -> CellId {
        CellId { step: self.step.clone(), key: self.cell.clone() }
    }

    pub(super) fn verdicts(&self) -> impl Iterator<Item = &VerdictOf> {
        self.rounds.iter().flat_map(|round| &round.words).filter_map(|words| match words {
            Words::Verdict(verdict) => Some(verdict),
            _ => None,
        })
    }

    pub(super) fn decisions(&self) -> impl Iterator<Item = &DecisionOf> {
        self.rounds.iter().flat_map(|round| &round.words).filter_map(|words| match words {
            Words::Decision(decision) => Some(decision),
            _ => None,
        })
    }
}

/// The story of a released cell; nothing for any other.
pub(super) fn story(trace: &Trace<'_>, cell: &CellId) -> Option<Story> {
    let state = trace.state.cell(cell)?;
    let Some(End::Released { round, output }) = state.end() else { return None };
    let ids = Point::of(&cell.key);
    let known: Vec<&str> = ids.0.iter().map(|(_, id)| id.as_str()).collect();
    let reads = trace.cells.reads(cell).into_iter().filter(|(_, cells)| !cells.is_empty());
    Some(Story {
        step: cell.step.clone(),
        cell: cell.key.clone(),
        round: *round,
        output: output.digest(),
        made_by: work(trace, trace.record.behind(cell, *round).as_ref()),
        edited_by: state.candidate(*round).and_then(|candidate| candidate.edited_by.clone()),
        reads: reads
            .map(|(read, cells)| Reads {
                step: read.step.clone(),
                at: ids.along(&read.shared).0.into_iter().collect(),
                cells: cells.len(),
            })
            .collect(),
        cost: state.cost,
        currency: trace.state.currency(),
        copy: texts(&output.value(), &known),
        rounds: state
            .candidates
            .iter()
            .map(|candidate| round_of(trace, cell, candidate, &state.said, &known))
            .collect(),
    })
}

/// What an attempt is remembered by.
pub(super) fn work(trace: &Trace<'_>, id: Option<&AttemptId>) -> Option<Work> {
    let id = id?;
    let (attempt, agent) = (trace.record.attempt(id)?, trace.agent(&id.cell.step)?);
    Some(Work {
        agent: agent.clone(),
        component: attempt.component,
        profile: trace.profile(agent, attempt.component).map(str::to_owned),
        round: id.round,
        attempt: id.attempt,
        input: attempt.input.digest(),
        routes: trace.record.routes(id),
        reused: trace.record.reused(id).cloned(),
    })
}

fn round_of(
    trace: &Trace<'_>,
    cell: &CellId,
    candidate: &Candidate,
    said: &[Said],
    known: &[&str],
) -> Round {
    let words =
        said.iter().filter(|said| said.round == candidate.round).map(|said| match &said.words {
            Verdicts::Agent(words) => Words::Verdict(verdict(trace, cell, said, words)),
            Verdicts::Person { decision, by } => {
                Words::Decision(decision_of(cell, said, decision, by))
            }
            Verdicts::Skipped => Words::Skipped(said.judge.clone()),
        });
    Round {
        round: candidate.round,
        edited_by: candidate.edited_by.clone(),
        copy: texts(&candidate.output.value(), known),
        words: words.collect(),
    }
}

fn verdict(trace: &Trace<'_>, cell: &CellId, said: &Said, words: &Judgement) -> VerdictOf {
    let judge = CellId { step: said.judge.clone(), key: cell.key.clone() };
    let behind = trace.record.behind(&judge, said.round).filter(|id| id.round == said.round);
    VerdictOf {
        judge: said.judge.clone(),
        step: cell.step.clone(),
        cell: cell.key.clone(),
        round: said.round,
        verdict: words.verdict.as_str(),
        score: words.score,
        reasons: words.reasons.value(),
        opinion: words.opinion,
        made_by: work(trace, behind.as_ref()),
    }
}

fn decision_of(cell: &CellId, said: &Said, decision: &Decision, by: &str) -> DecisionOf {
    DecisionOf {
        judge: said.judge.clone(),
        step: cell.step.clone(),
        cell: cell.key.clone(),
        round: said.round,
        decision: decision.as_str(),
        by: by.to_owned(),
        comment: decision.comment().map(str::to_owned),
    }
}

fn map<S: serde::Serializer>(copy: &[Text], serializer: S) -> Result<S::Ok, S::Error> {
    super::texts::as_map(copy).serialize(serializer)
}
