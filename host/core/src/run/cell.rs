//! One cell: its stage, its candidates, what was said of them. Knows neither its neighbours nor the plan.

use std::collections::BTreeMap;

use crate::fact::{AskId, Decision, Failure, Judgement, ParkReason, Verdict};
use crate::{Cost, Document, Name, RunId, Timestamp};

/// Where a cell is on its way.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the table of `run` documents each")]
pub enum Stage {
    Idle,
    Running { round: u32, attempt: u32 },
    Parked { round: u32, attempt: u32, rest: Rest },
    Resting { round: u32, attempt: u32, until: Timestamp },
    Failing { failure: Failure },
    Judging { round: u32, at: usize, now: JudgeStage },
    Revising { round: u32 },
    Spent { at: usize },
    Refused { reason: String },
    Ended(End),
}

/// Where the judge whose turn it is stands.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants are documented")]
pub enum JudgeStage {
    /// Its turn has come.
    Due,
    /// Its attempt runs.
    Running { attempt: u32 },
    /// Its attempt was let go and will continue.
    Parked { attempt: u32, rest: Rest },
    /// Its attempt failed and will be repeated.
    Resting { attempt: u32, until: Timestamp },
    /// Its attempts are over: with an output to be read as a verdict, or a failure, which is a veto.
    Over { result: Result<Document, Failure> },
    /// People are asked.
    Asked { ask: AskId },
}

/// Why and until when an attempt rests that was let go without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// A host let it go, for this reason.
    Parked {
        /// Why.
        reason: ParkReason,
        /// When it continues by itself; nothing: when the run is resumed.
        until: Option<Timestamp>,
    },
    /// Its host ended without a word.
    Lost,
    /// It was given up because its hosts ended without a word, and is tried again: it
    /// continues, or another one begins in its place.
    GivenUp,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants are documented")]
pub enum End {
    /// Its readers see this round's output.
    Released { round: u32, output: Document },
    /// It reads as `null`.
    Skipped,
    /// Judged out, or something that it reads was.
    Dropped { reason: String },
    /// It could not be computed.
    Failed { failure: Failure },
}

/// One output that may be released.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The round that made it.
    pub round: u32,
    /// The output.
    pub output: Document,
    /// Who wrote it, where it is a person's edit: then agents' verdicts are opinions.
    pub edited_by: Option<String>,
    /// Whether a judge's allowance was spent on it: then only people can release it.
    pub escalated: bool,
}

/// What one judge said of one round.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The judge.
    pub judge: Name,
    /// The round that it speaks of.
    pub round: u32,
    /// Its words.
    pub words: Verdicts,
}

/// The words of an agent or of people.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants are documented")]
pub enum Verdicts {
    /// An agent's, or a failed agent's veto.
    Agent(Judgement),
    /// A person's.
    Person { decision: Decision, by: String },
    /// `when` was false.
    Skipped,
}

/// One cell of a step that is no judge.
#[derive(Clone, Debug, PartialEq)]
pub struct CellState {
    /// Where it is.
    pub stage: Stage,
    /// What was made, in order.
    pub candidates: Vec<Candidate>,
    /// What was said, in order.
    pub said: Vec<Said>,
    /// Revisions that each judge has caused.
    pub revisions: BTreeMap<Name, u32>,
    /// The highest round so far.
    pub round: u32,
    /// The number of the last attempt of each step (itself or a judge) at each round.
    pub tries: BTreeMap<(Name, u32), u32>,
    /// How many times in a row its host ended without a word while it, or its judge, ran.
    /// Who was given up for that and is tried again has one time less, not none.
    pub crashes: u32,
    /// The judge that failed, so that it can be asked again: its place and the round.
    pub failed_judge: Option<(usize, u32)>,
    /// The same of a judge that was not asked because what it reads was not released.
    pub unasked_judge: Option<(usize, u32)>,
    /// The tries that do not count any more: those before somebody wanted it tried again.
    pub tried_before: BTreeMap<(Name, u32), u32>,
    /// The outputs of a step (itself or a judge) at a round that were not made here, with
    /// the run that they are of.
    pub reused: BTreeMap<(Name, u32), RunId>,
    /// What the answers to it and its judges cost.
    pub cost: Cost,
}

impl Default for CellState {
    fn default() -> Self {
        Self {
            stage: Stage::Idle,
            candidates: Vec::new(),
            said: Vec::new(),
            revisions: BTreeMap::new(),
            round: 0,
            tries: BTreeMap::new(),
            crashes: 0,
            failed_judge: None,
            unasked_judge: None,
            tried_before: BTreeMap::new(),
            reused: BTreeMap::new(),
            cost: Cost::ZERO,
        }
    }
}

impl CellState {
    /// The candidate of a round.
    #[must_use]
    pub fn candidate(&self, round: u32) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.round == round)
    }

    /// The number of the last attempt of a step at a round; 0 before the first.
    #[must_use]
    pub fn last_attempt(&self, step: &Name, round: u32) -> u32 {
        self.tries.get(&(step.clone(), round)).copied().unwrap_or(0)
    }

    /// The number of the last attempt of a step at a round that does not count as a try
    /// any more; 0 where all do.
    #[must_use]
    pub fn tried_before(&self, step: &Name, round: u32) -> u32 {
        self.tried_before.get(&(step.clone(), round)).copied().unwrap_or(0)
    }

    /// Whether people are asked this about it now.
    #[must_use]
    pub fn is_asked(&self, ask: &AskId) -> bool {
        matches!(&self.stage, Stage::Judging { now: JudgeStage::Asked { ask: open }, .. } if open == ask)
    }

    /// How it ended, where it did.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        match &self.stage {
            Stage::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// What an agent judge said of a round.
    #[must_use]
    pub fn judgement(&self, judge: &Name, round: u32) -> Option<&Judgement> {
        self.said.iter().rev().find_map(|said| match &said.words {
            Verdicts::Agent(words) if said.judge == *judge && said.round == round => Some(words),
            _ => None,
        })
    }

    /// Whether one of these judges did not let this round go on.
    #[must_use]
    pub fn turned_down(&self, round: u32, judges: &[Name]) -> bool {
        let said =
            self.said.iter().filter(|said| said.round == round && judges.contains(&said.judge));
        said.map(|said| &said.words).any(|words| match words {
            Verdicts::Agent(words) => !words.opinion && words.verdict != Verdict::Pass,
            Verdicts::Person { decision, .. } => !matches!(decision, Decision::Approve { .. }),
            Verdicts::Skipped => false,
        })
    }

    /// Whether this step had nothing to do here, for good: the cell was skipped, or,
    /// where the step is a judge, it has ended and no candidate of it was judged.
    #[must_use]
    pub fn is_skipped_by(&self, step: &Name) -> bool {
        let mut said =
            self.said.iter().filter(|said| said.judge == *step).map(|said| &said.words).peekable();
        let silent = said.peek().is_some() && said.all(|words| *words == Verdicts::Skipped);
        (silent && self.end().is_some()) || matches!(self.stage, Stage::Ended(End::Skipped))
    }

    /// The candidate that this judge liked best of those that it judged, the latest of
    /// equals. What one of the `later` judges has turned down does not come back to them.
    #[must_use]
    pub fn best_for(&self, judge: &Name, later: &[Name]) -> Option<u32> {
        let scored = self
            .said
            .iter()
            .filter(|said| said.judge == *judge && !self.turned_down(said.round, later));
        let mut best: Option<(f64, u32)> = None;
        for said in scored {
            if let Verdicts::Agent(Judgement {
                verdict: Verdict::Pass | Verdict::Revise,
                score,
                ..
            }) = &said.words
                && best.is_none_or(|(most, _)| *score >= most)
            {
                best = Some((*score, said.round));
            }
        }
        best.map(|(_, round)| round)
    }

    /// The revisions that a judge has caused so far.
    #[must_use]
    pub fn revisions_of(&self, judge: &Name) -> u32 {
        self.revisions.get(judge).copied().unwrap_or(0)
    }
}
