//! The record of an attempt: everything that it was told, in order. A guest is deterministic but for that, so with it an attempt executes again to the same point. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{CallAnswer, Capability, Fact};
use crate::{CallPath, Cost, DELEGATE_DEPTH_MAX, Digest, Document, Name, Timestamp};

/// What an attempt asked and was told so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Its gate calls; the place is the index.
    pub calls: Vec<RecordedCall>,
    /// When each line that the agent logged was written down: its clock moved there.
    pub lines: Vec<Timestamp>,
    /// For one that was called: what it and those that it called change, by namespace.
    pub staged: BTreeMap<Name, StagedWrites>,
}

/// What attempts that were called change in a namespace, once the attempt of the step ends.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedWrites {
    /// The agents whose changes these are.
    pub by: BTreeSet<Name>,
    /// The form of [`KvWrites`](crate::kv::KvWrites).
    pub writes: Document,
    /// What the keys must hold then that were compared; nothing: no value.
    pub expected: BTreeMap<String, Option<Digest>>,
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
    /// The agent that works on it, while it has no answer.
    pub callee: Option<Box<Callee>>,
    /// What the agent that was called changes in namespaces, once it is answered.
    pub staged: BTreeMap<Name, StagedWrites>,
    /// What agents that were called for it have made of calls and lines, once it is answered.
    pub below: Tally,
}

/// An agent that another one has called, and what it was told so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Callee {
    /// The operator's name for it.
    pub agent: Name,
    /// The component that it began with.
    pub component: Digest,
    /// The powers that it began with.
    pub powers: Digest,
    /// Its input.
    pub input: Document,
    /// When it began: where its clock stood first.
    pub started: Timestamp,
    /// What it was told.
    pub record: Record,
}

/// How much an attempt, with those that it called, has asked and said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Gate calls.
    pub calls: u32,
    /// Lines of log.
    pub lines: u32,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            lines: self.lines.saturating_add(other.lines),
        }
    }
}

/// A call whose answer is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCall {
    /// The way to the attempt that made it, from the one whose record this is.
    pub path: CallPath,
    /// Its number.
    pub index: u32,
    /// The power that it needs.
    pub capability: Capability,
    /// What was reserved for it.
    pub reserved: Cost,
}

/// A fact of an attempt that nobody has called, or that has ended.
const NOBODY_CALLED: &str = "no agent works on such a call";

impl Record {
    /// Takes a fact of the attempt of a step in, or of one that was called for it; facts
    /// of other kinds change nothing.
    ///
    /// # Errors
    /// The rule that the fact breaks: calls come in order, and what is answered is
    /// never asked or answered again.
    pub fn take(&mut self, fact: &Fact, at: Timestamp) -> Result<(), &'static str> {
        match fact.attempt() {
            Some(attempt) => self.below_mut(&attempt.path)?.take_own(fact, at),
            None => Ok(()),
        }
    }

    /// Takes a fact of this very attempt in, whatever way leads to it.
    ///
    /// # Errors
    /// As [`Record::take`].
    pub fn take_own(&mut self, fact: &Fact, at: Timestamp) -> Result<(), &'static str> {
        match fact {
            Fact::Delegated { attempt, index, request, agent, component, powers, input } => {
                if attempt.path.depth() >= DELEGATE_DEPTH_MAX {
                    return Err("agents call agents at most four deep");
                }
                let call = self.call(*index, Capability::Delegate, *request)?;
                if call.callee.is_some() {
                    return Err("the agent that was called works already");
                }
                call.callee = Some(Box::new(Callee {
                    agent: agent.clone(),
                    component: *component,
                    powers: *powers,
                    input: input.clone(),
                    started: at,
                    record: Self::default(),
                }));
            }
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
                if let Some(callee) = call.callee.take() {
                    if callee.record.open_calls().next().is_some() {
                        return Err("the agent that was called has an open call");
                    }
                    call.changes |= callee.record.has_effects();
                    call.below = callee.record.tally();
                    // Who failed has changed nothing.
                    if matches!(answer, CallAnswer::Ok { .. }) {
                        call.staged = callee.record.staged;
                    }
                }
                (call.open, call.answer) = (None, Some((answer.clone(), at)));
            }
            Fact::CallLost { index, .. } => {
                let call = self.calls.get_mut(*index as usize).ok_or("there is no such call")?;
                call.open.take().ok_or("the call is not open")?;
            }
            Fact::KvStaged { namespace, by, writes, expected, .. } => {
                let (by, writes, expected) = (by.clone(), writes.clone(), expected.clone());
                self.staged.insert(namespace.clone(), StagedWrites { by, writes, expected });
            }
            Fact::Logged { entry, .. } if !entry.aside => self.lines.push(at),
            _ => {}
        }
        Ok(())
    }

    /// The power of a call, of this attempt or one that was called for it.
    #[must_use]
    pub fn power(&self, path: &CallPath, index: u32) -> Option<Capability> {
        let callees = self.callees(path).ok()?;
        let record = callees.last().map_or(self, |callee| &callee.record);
        record.calls.get(index as usize).map(|call| call.capability)
    }

    /// Whether something outside may have been changed: whoever begins anew does it again.
    #[must_use]
    pub fn has_effects(&self) -> bool {
        self.calls.iter().any(|call| {
            call.changes || call.callee.as_ref().is_some_and(|callee| callee.record.has_effects())
        })
    }

    /// The calls whose answer is not known, with what was reserved for them; also of those
    /// that were called, with the way to them.
    pub fn open_calls(&self) -> impl Iterator<Item = OpenCall> {
        let mut open = Vec::new();
        self.gather_open(&CallPath::default(), &mut open);
        open.into_iter()
    }

    fn gather_open(&self, path: &CallPath, open: &mut Vec<OpenCall>) {
        for (index, call) in (0u32..).zip(&self.calls) {
            if let Some(reserved) = call.open {
                let capability = call.capability;
                open.push(OpenCall { path: path.clone(), index, capability, reserved });
            }
            if let Some(callee) = &call.callee {
                callee.record.gather_open(&path.then(index), open);
            }
        }
    }

    /// How much was asked and said, also by those that were called.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let lines = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        let own = Tally { calls: u32::try_from(self.calls.len()).unwrap_or(u32::MAX), lines };
        self.calls.iter().fold(own, |sum, call| {
            let working = call.callee.as_ref().map(|callee| callee.record.tally());
            sum.plus(call.below).plus(working.unwrap_or_default())
        })
    }

    /// The agents that work on the way down to an attempt, outermost first.
    ///
    /// # Errors
    /// Where nobody works there.
    pub fn callees(&self, path: &CallPath) -> Result<Vec<&Callee>, &'static str> {
        let (mut record, mut found) = (self, Vec::with_capacity(path.depth()));
        for index in path.calls() {
            let call = record.calls.get(*index as usize);
            let callee = call.and_then(|call| call.callee.as_deref()).ok_or(NOBODY_CALLED)?;
            found.push(callee);
            record = &callee.record;
        }
        Ok(found)
    }

    fn below_mut(&mut self, path: &CallPath) -> Result<&mut Self, &'static str> {
        let mut record = self;
        for index in path.calls() {
            let call = record.calls.get_mut(*index as usize);
            let callee = call.and_then(|call| call.callee.as_deref_mut()).ok_or(NOBODY_CALLED)?;
            record = &mut callee.record;
        }
        Ok(record)
    }

    /// Whether the texts of all answers are there: retention may have taken some.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.calls.iter().all(|call| match &call.answer {
            Some((CallAnswer::Ok { value, .. }, _)) => value.text().is_some(),
            Some(_) => true,
            None => call
                .callee
                .as_ref()
                .is_none_or(|callee| callee.input.text().is_some() && callee.record.is_whole()),
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
            self.calls.push(RecordedCall {
                capability,
                request,
                changes: false,
                open: None,
                answer: None,
                callee: None,
                staged: BTreeMap::new(),
                below: Tally::default(),
            });
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
