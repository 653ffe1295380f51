//! What is on stable storage, indexed as it grows: what effects are held against.

use std::collections::{BTreeMap, HashMap, HashSet};

use bailiwick_core::fact::{AskId, CallAnswer, Fact, FailureKind};
use bailiwick_core::fact::{Entry, ParkReason};
use bailiwick_core::run::End;
use bailiwick_core::{AttemptId, CellId, Digest, RunState};

/// Everything durable of the run.
#[derive(Default)]
pub(crate) struct Known {
    /// How many entries that is.
    pub(crate) entries: usize,
    pub(crate) state: Option<RunState>,
    /// The attempt and index of the last intent with this key.
    pub(crate) intents: HashMap<Digest, (AttemptId, u32)>,
    pub(crate) answered: HashSet<(AttemptId, u32)>,
    /// Calls of other agents that have begun.
    pub(crate) delegated: HashSet<(AttemptId, u32)>,
    pub(crate) ended: HashSet<AttemptId>,
    /// Rounds of cells (and of judges at them) that have an output.
    pub(crate) finished: HashSet<(CellId, u32)>,
    pub(crate) asked: HashSet<AskId>,
    pub(crate) decided: HashSet<AskId>,
    /// Whether anything happened after which another output is no defect.
    pub(crate) blurred: Option<&'static str>,
    pub(crate) names: HashMap<&'static str, usize>,
}

impl Known {
    /// Takes an entry in. What cannot have happened is said.
    pub(crate) fn take(&mut self, entry: &Entry) -> Result<(), String> {
        self.entries += 1;
        for fact in &entry.facts {
            let legal = match &mut self.state {
                None => RunState::begin(fact, entry.at).map(|state| self.state = Some(state)),
                Some(state) => state.next(fact, entry.at),
            };
            legal.map_err(|illegal| format!("on disk: {illegal}: {fact:?}"))?;
            self.index(fact)?;
        }
        Ok(())
    }

    fn index(&mut self, fact: &Fact) -> Result<(), String> {
        *self.names.entry(fact.name()).or_default() += 1;
        match fact {
            Fact::CellStarted { attempt, .. } => {
                let round = (attempt.cell.clone(), attempt.round);
                if self.finished.contains(&round) {
                    return Err(format!("{attempt} began, although its round has an output"));
                }
            }
            Fact::CallIntended { attempt, index, key, .. } => {
                self.intents.insert(*key, (attempt.clone(), *index));
            }
            Fact::Delegated { attempt, index, .. }
                if !self.delegated.insert((attempt.clone(), *index)) =>
            {
                return Err(format!("call {index} of {attempt} began twice"));
            }
            Fact::CallAnswered { attempt, index, answer, .. } => {
                if !self.answered.insert((attempt.clone(), *index)) {
                    return Err(format!("call {index} of {attempt} was answered twice"));
                }
                match answer {
                    CallAnswer::Exhausted { .. } => self.blurred = Some("exhausted"),
                    CallAnswer::Unavailable { .. } => self.blurred = Some("unavailable"),
                    CallAnswer::Denied { .. } => {
                        return Err(format!("{attempt} was denied what it was granted"));
                    }
                    CallAnswer::Ok { .. }
                    | CallAnswer::Invalid { .. }
                    | CallAnswer::Failed { .. } => {}
                }
            }
            // It counts as a try, so there are fewer left.
            Fact::CellParked { reason: ParkReason::Unavailable, .. } => {
                self.blurred = Some("unavailable");
            }
            Fact::AttemptFailed { attempt, failure, .. } => {
                match failure.kind {
                    // It has not ended by itself: where it is tried again it goes on.
                    FailureKind::HostCrash => self.blurred = Some("host-crash"),
                    FailureKind::Diverged | FailureKind::Revoked | FailureKind::Host => {
                        return Err(format!("{attempt}: {failure}"));
                    }
                    _ => drop(self.ended.insert(attempt.clone())),
                }
            }
            Fact::CellFinished { attempt, .. } => {
                self.ended.insert(attempt.clone());
                if !self.finished.insert((attempt.cell.clone(), attempt.round)) {
                    return Err(format!("{attempt} finished what was finished"));
                }
            }
            Fact::Asked { ask, .. } if !self.asked.insert(ask.clone()) => {
                return Err(format!("{ask} was asked twice"));
            }
            Fact::Decided { ask, .. } => {
                self.decided.insert(ask.clone());
            }
            Fact::RunResumed { retry_failed: true, .. } => self.blurred = Some("retried"),
            _ => {}
        }
        Ok(())
    }
}

/// How each cell ended.
pub(crate) fn ends(state: &RunState) -> BTreeMap<CellId, String> {
    let mut ends = BTreeMap::new();
    for step in &state.steps {
        for (key, cell) in &step.cells {
            let id = CellId { step: step.shape.name.clone(), key: key.clone() };
            ends.insert(
                id,
                match cell.end() {
                    Some(End::Released { round, output }) => {
                        format!("released {round} {}", output.value())
                    }
                    Some(End::Skipped) => "skipped".into(),
                    Some(End::Dropped { reason }) => format!("dropped: {reason}"),
                    Some(End::Failed { failure }) => format!("failed: {failure}"),
                    None => "open".into(),
                },
            );
        }
    }
    ends
}
