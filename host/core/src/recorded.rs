//! The attempts of a run that have ended, with what they were told: everything that is needed to execute them again. Decides nothing.

use std::collections::BTreeMap;

use crate::fact::{CallAnswer, Capability, Entry, Fact, Failure, FailureKind};
use crate::{AttemptId, Digest, Document, Name, Record, Timestamp};

/// An attempt as its facts tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedAttempt {
    /// Which one.
    pub id: AttemptId,
    /// For one that another attempt called: the operator's name for its agent.
    pub agent: Option<Name>,
    /// The component that it ran on.
    pub component: Digest,
    /// The powers that it had.
    pub powers: Digest,
    /// Its input.
    pub input: Document,
    /// What its output depends on, in one digest; attempts of the first format have none.
    pub content: Option<Digest>,
    /// When it began.
    pub started: Timestamp,
    /// What it was told.
    pub record: Record,
    /// How it ended, where it did.
    pub end: Option<AttemptEnd>,
}

impl RecordedAttempt {
    /// Whether it came to an end of its own.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match &self.end {
            None => false,
            // The form of the first format: it ended with the run.
            Some(AttemptEnd::Failed(failure)) => failure.kind != FailureKind::Cancelled,
            Some(AttemptEnd::Finished(_)) => true,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptEnd {
    /// With an output.
    Finished(Document),
    /// Without.
    Failed(Failure),
}

/// Every attempt of a run, those that were called by others besides. The entries are those of a whole journal that
/// [`RunState::replay`](crate::RunState::replay) has found legal.
#[must_use]
pub fn recorded_attempts(entries: &[Entry]) -> BTreeMap<AttemptId, RecordedAttempt> {
    let mut attempts = BTreeMap::new();
    for entry in entries {
        entry.facts.iter().for_each(|fact| take(&mut attempts, fact, entry.at));
    }
    attempts
}

fn take(attempts: &mut BTreeMap<AttemptId, RecordedAttempt>, fact: &Fact, at: Timestamp) {
    match fact {
        Fact::CellStarted { attempt, component, powers, input, content } => {
            let begun = RecordedAttempt {
                id: attempt.clone(),
                agent: None,
                component: *component,
                powers: *powers,
                input: input.clone(),
                content: *content,
                started: at,
                record: Record::default(),
                end: None,
            };
            attempts.insert(attempt.clone(), begun);
        }
        Fact::AttemptContinued { attempt } => end(attempts, attempt, None),
        Fact::CellFinished { attempt, output, .. } => {
            end(attempts, attempt, Some(AttemptEnd::Finished(output.clone())));
        }
        Fact::AttemptFailed { attempt, failure, .. } => {
            end(attempts, attempt, Some(AttemptEnd::Failed(failure.clone())));
        }
        Fact::Delegated { attempt, index, agent, component, powers, input, .. } => {
            tell(attempts, attempt, fact, at);
            let begun = RecordedAttempt {
                id: attempt.callee(*index),
                agent: Some(agent.clone()),
                component: *component,
                powers: *powers,
                input: input.clone(),
                content: None,
                started: at,
                record: Record::default(),
                end: None,
            };
            attempts.insert(begun.id.clone(), begun);
        }
        Fact::CallAnswered { attempt, index, capability: Capability::Delegate, answer, .. } => {
            let over = match answer {
                CallAnswer::Ok { value, .. } => Some(AttemptEnd::Finished(value.clone())),
                CallAnswer::Failed { failure } => Some(AttemptEnd::Failed(failure.clone())),
                // Nobody was called.
                _ => None,
            };
            tell(attempts, attempt, fact, at);
            if over.is_some() {
                end(attempts, &attempt.callee(*index), over);
            }
        }
        Fact::CallIntended { attempt, .. }
        | Fact::CallAnswered { attempt, .. }
        | Fact::CallLost { attempt, .. }
        | Fact::Logged { attempt, .. } => {
            tell(attempts, attempt, fact, at);
        }
        _ => {}
    }
}

/// Each attempt has its own record here, also one that was called.
fn tell(
    attempts: &mut BTreeMap<AttemptId, RecordedAttempt>,
    id: &AttemptId,
    fact: &Fact,
    at: Timestamp,
) {
    if let Some(attempt) = attempts.get_mut(id) {
        // What is not legal was refused before.
        let _ = attempt.record.take_own(fact, at);
    }
}

fn end(
    attempts: &mut BTreeMap<AttemptId, RecordedAttempt>,
    id: &AttemptId,
    end: Option<AttemptEnd>,
) {
    if let Some(attempt) = attempts.get_mut(id) {
        attempt.end = end;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::{CallAnswer, Capability, ParkReason, Used};
    use crate::{CellId, CellKey, Cost, Name};

    #[test]
    fn an_attempt_that_was_parked_has_one_record() {
        let cell = CellId { step: Name::new("draft").unwrap(), key: CellKey::single() };
        let attempt = AttemptId::new(cell, 0, 1);
        let (any, document) = (Digest::of(b""), Document::of(&json!(1)));
        let asked = |index| Fact::CallIntended {
            attempt: attempt.clone(),
            index,
            capability: Capability::Model,
            request: any,
            key: any,
            reserved: Cost::ZERO,
            changes: false,
        };
        let told = |index| Fact::CallAnswered {
            attempt: attempt.clone(),
            index,
            capability: Capability::Model,
            request: any,
            answer: CallAnswer::Ok { value: document.clone(), via: None },
            cost: Cost::ZERO,
        };
        let facts = [
            Fact::CellStarted {
                attempt: attempt.clone(),
                component: any,
                powers: any,
                input: document.clone(),
                content: None,
            },
            asked(0),
            told(0),
            asked(1),
            Fact::CallLost { attempt: attempt.clone(), index: 1, cost: Cost::ZERO },
            Fact::CellParked {
                attempt: attempt.clone(),
                reason: ParkReason::Stopped,
                detail: String::new(),
                until: None,
            },
            Fact::AttemptContinued { attempt: attempt.clone() },
            asked(1),
            told(1),
            Fact::CellFinished {
                attempt: attempt.clone(),
                output: document.clone(),
                used: Used::default(),
            },
        ];
        let entries: Vec<_> = (1..)
            .zip(facts)
            .map(|(at, fact)| Entry { at: Timestamp(at), facts: vec![fact] })
            .collect();
        let all = recorded_attempts(&entries);
        let one = &all[&attempt];
        assert_eq!((all.len(), one.started, one.record.calls.len()), (1, Timestamp(1), 2));
        assert_eq!(one.record.calls[1].answer.as_ref().unwrap().1, Timestamp(9));
        assert_eq!(one.end, Some(AttemptEnd::Finished(document)));
    }
}
