//! The record of an attempt: everything that it was told, in order. A guest is deterministic but for that, so with it an attempt executes again to the same point. Decides nothing.

use crate::fact::{CallAnswer, Capability, Fact};
use crate::{Cost, Digest, Timestamp};

/// What an attempt asked and was told so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Its gate calls; the place is the index.
    pub calls: Vec<RecordedCall>,
    /// When each line that the agent logged was written down: its clock moved there.
    pub lines: Vec<Timestamp>,
}

/// One gate call.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedCall {
    /// The power that it needed.
    pub capability: Capability,
    /// What was asked.
    pub request: Digest,
    /// Whether it left, or was about to, and may have changed something outside.
    pub changes: bool,
    /// What was reserved for it, while nobody knows its answer.
    pub open: Option<Cost>,
    /// The answer, and when it was written down.
    pub answer: Option<(CallAnswer, Timestamp)>,
}

impl Record {
    /// Takes a fact of the attempt in; facts of other kinds change nothing.
    ///
    /// # Errors
    /// The rule that the fact breaks: calls come in order, and what is answered is
    /// never asked or answered again.
    pub fn take(&mut self, fact: &Fact, at: Timestamp) -> Result<(), &'static str> {
        match fact {
            Fact::CallIntended { index, capability, request, reserved, changes, .. } => {
                let call = self.call(*index, *capability, *request)?;
                if call.open.is_some() {
                    return Err("the call is open already");
                }
                call.open = Some(*reserved);
                call.changes |= changes;
            }
            Fact::CallAnswered { index, capability, request, answer, .. } => {
                let call = self.call(*index, *capability, *request)?;
                (call.open, call.answer) = (None, Some((answer.clone(), at)));
            }
            Fact::CallLost { index, .. } => {
                let call = self.calls.get_mut(*index as usize).ok_or("there is no such call")?;
                call.open.take().ok_or("the call is not open")?;
            }
            Fact::Logged { entry, .. } if !entry.aside => self.lines.push(at),
            _ => {}
        }
        Ok(())
    }

    /// The power of a call.
    #[must_use]
    pub fn power(&self, index: u32) -> Option<Capability> {
        self.calls.get(index as usize).map(|call| call.capability)
    }

    /// Whether something outside may have been changed: whoever begins anew does it again.
    #[must_use]
    pub fn has_effects(&self) -> bool {
        self.calls.iter().any(|call| call.changes)
    }

    /// The calls whose answer is not known, with what was reserved for them.
    pub fn open_calls(&self) -> impl Iterator<Item = (u32, Cost)> {
        let numbered = (0u32..).zip(&self.calls);
        numbered.filter_map(|(index, call)| Some((index, call.open?)))
    }

    /// Whether the texts of all answers are there: retention may have taken some.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.calls.iter().all(|call| match &call.answer {
            Some((CallAnswer::Ok { value, .. }, _)) => value.text().is_some(),
            _ => true,
        })
    }

    /// A call that has no answer yet: the newest, or the next one.
    fn call(
        &mut self,
        index: u32,
        capability: Capability,
        request: Digest,
    ) -> Result<&mut RecordedCall, &'static str> {
        let index = index as usize;
        if index == self.calls.len() {
            // A guest waits for an answer before it asks anything else.
            if self.calls.last().is_some_and(|last| last.answer.is_none()) {
                return Err("the call before has no answer");
            }
            let (changes, open, answer) = (false, None, None);
            self.calls.push(RecordedCall { capability, request, changes, open, answer });
        }
        if index + 1 != self.calls.len() {
            return Err("calls come in order");
        }
        let call = self.calls.get_mut(index).ok_or("calls come in order")?;
        if call.answer.is_some() {
            return Err("the call is answered already");
        }
        if (call.capability, call.request) != (capability, request) {
            return Err("the call was another one");
        }
        Ok(call)
    }
}
