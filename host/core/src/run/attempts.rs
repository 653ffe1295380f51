//! What the facts of attempts change: their starts, what they are told and spend, their rests and ends. Knows no verdict.

use std::collections::BTreeSet;

use super::cell::{Candidate, CellState, JudgeStage, Rest, Stage};
use super::state::{Legal, RunState, Spent};
use crate::fact::{CallAnswer, Capability, Fact, Failure, FailureKind, ParkReason, StepBy};
use crate::record::OpenCall;
use crate::{AttemptId, CallPath, CellId, Cost, Digest, Document, Name, Record, RunId, Timestamp};

/// An attempt that has not ended, with all that is needed to execute it again; also one
/// that failed and will be followed by another with the same input.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAttempt {
    /// Which one.
    pub id: AttemptId,
    /// The component that it began with.
    pub component: Digest,
    /// The powers that it began with.
    pub powers: Digest,
    /// Its input.
    pub input: Document,
    /// What its output depends on.
    pub content: Option<Digest>,
    /// When it began: where its clock stood first.
    pub started: Timestamp,
    /// What it was told.
    pub record: Record,
    /// How often it, or one before it with the same input, was parked because no provider answered.
    pub unanswered: u32,
}

impl OpenAttempt {
    /// The component that it works on, and those of the agents that work for it now, each
    /// with the operator's name where that is not the step's own.
    pub fn components(&self) -> impl Iterator<Item = (Option<&Name>, Digest)> {
        let mut found = vec![(None, self.component)];
        let mut records = vec![&self.record];
        while let Some(record) = records.pop() {
            for callee in record.calls.iter().filter_map(|call| call.callee.as_deref()) {
                found.push((Some(&callee.agent), callee.component));
                records.push(&callee.record);
            }
        }
        found.into_iter()
    }

    /// The facts that charge what it, and whoever it called, have asked and will have no
    /// answer to.
    #[must_use]
    pub fn losses(&self) -> Vec<Fact> {
        self.losses_below(&CallPath::default())
    }

    /// The same of one that was called, and of whoever that one called.
    #[must_use]
    pub fn losses_below(&self, path: &CallPath) -> Vec<Fact> {
        let open = self.record.open_calls();
        let below = open.filter(|call| call.path.calls().starts_with(path.calls()));
        let lost = below.map(|OpenCall { path, index, reserved, .. }| Fact::CallLost {
            attempt: AttemptId { path, ..self.id.clone() },
            index,
            cost: reserved,
        });
        lost.collect()
    }
}

impl RunState {
    /// The attempt of a step at a cell that has not ended (for a judge: of the judge).
    #[must_use]
    pub fn open_attempt(&self, cell: &CellId) -> Option<&OpenAttempt> {
        self.open.get(cell)
    }

    /// Every attempt that has not ended.
    pub fn open_attempts(&self) -> impl Iterator<Item = &OpenAttempt> {
        self.open.values()
    }

    /// What was spent, and what the calls without an answer were reserved at: they may have
    /// been worked on, so whoever goes on with the run has no more than the rest.
    #[must_use]
    pub fn committed(&self) -> Spent {
        let mut sums = self.spent.clone();
        for open in self.open.values() {
            let Some(StepBy::Agent(agent)) = self.step(&open.id.cell.step).map(|s| &s.shape.by)
            else {
                continue;
            };
            for OpenCall { path, capability, reserved, .. } in open.record.open_calls() {
                if capability != Capability::Http {
                    for agent in payers(agent, &open.record, &path) {
                        let of_agent = sums.by_agent.entry(agent).or_default();
                        *of_agent = of_agent.plus(reserved);
                    }
                }
                let of_step = sums.by_step.entry(open.id.cell.step.clone()).or_default();
                *of_step = of_step.plus(reserved);
            }
        }
        sums
    }

    pub(super) fn start(&mut self, fact: &Fact, at: Timestamp) -> Legal {
        let Fact::CellStarted { attempt: id, component, powers, input, content } = fact else {
            return Err("no start");
        };
        self.take_turn(id)?;
        // Tries of one round are counted together, those of a provider that did not answer too.
        let before = self.open.get(&id.cell).filter(|open| open.id.round == id.round);
        let unanswered = before.map_or(0, |open| open.unanswered);
        let open = OpenAttempt {
            id: id.clone(),
            component: *component,
            powers: *powers,
            input: input.clone(),
            content: *content,
            started: at,
            record: Record::default(),
            unanswered,
        };
        self.open.insert(id.cell.clone(), open);
        self.running += 1;
        Ok(())
    }

    pub(super) fn reuse(&mut self, id: &AttemptId, from: &RunId, output: &Document) -> Legal {
        let subject = self.subject_of(id);
        if matches!(
            self.cell(&subject).map(|cell| &cell.stage),
            Some(Stage::Resting { .. } | Stage::Judging { now: JudgeStage::Resting { .. }, .. })
        ) {
            return Err("what is tried again is made");
        }
        self.take_turn(id)?;
        let cell = self.cell_mut(&subject)?;
        match &mut cell.stage {
            Stage::Judging { now, .. } => *now = JudgeStage::Over { result: Ok(output.clone()) },
            _ => cell.candidate_made(id.round, output),
        }
        cell.reused.insert((id.cell.step.clone(), id.round), from.clone());
        self.open.remove(&id.cell);
        Ok(())
    }

    /// An attempt takes its turn: numbered without gaps, one at a time.
    fn take_turn(&mut self, id: &AttemptId) -> Legal {
        if self.step(&id.cell.step).is_some_and(|step| matches!(step.shape.by, StepBy::People(_))) {
            return Err("people are asked, not started");
        }
        let judge = self.judge(&id.cell.step).is_some();
        if judge {
            self.turn(id)?;
        }
        let cell = self.cell_mut(&self.subject_of(id))?;
        if id.attempt != cell.last_attempt(&id.cell.step, id.round) + 1 {
            return Err("attempts are counted from 1, without gaps");
        }
        match &mut cell.stage {
            Stage::Judging { now, .. } if judge => match now {
                JudgeStage::Due
                | JudgeStage::Resting { .. }
                | JudgeStage::Parked { rest: Rest::GivenUp, .. } => {
                    *now = JudgeStage::Running { attempt: id.attempt };
                }
                _ => return Err("the judge runs already, or has ended"),
            },
            stage if !judge => {
                let round = match stage {
                    Stage::Idle => 0,
                    Stage::Revising { round }
                    | Stage::Resting { round, .. }
                    | Stage::Parked { round, rest: Rest::GivenUp, .. } => *round,
                    _ => return Err("the cell is neither idle nor resting nor to be revised"),
                };
                if id.round != round {
                    return Err("rounds are counted without gaps");
                }
                *stage = Stage::Running { round, attempt: id.attempt };
                cell.round = round;
            }
            _ => return Err("the candidate is not being judged"),
        }
        cell.tries.insert((id.cell.step.clone(), id.round), id.attempt);
        cell.crashes = 0;
        Ok(())
    }

    /// Whether it is this judge's turn at this round.
    pub(super) fn turn(&self, id: &AttemptId) -> Legal {
        self.turn_of(&id.cell.step, &self.subject_of(id), id.round)
    }

    pub(super) fn turn_of(&self, judge: &Name, cell: &CellId, round: u32) -> Legal {
        let judges = &self.step(&cell.step).ok_or("there is no such step")?.judges;
        match self.cell(cell).map(|cell| &cell.stage) {
            Some(Stage::Judging { round: judged, at, .. }) => {
                if *judged != round || judges.get(*at) != Some(judge) {
                    return Err("it is not this judge's turn at this round");
                }
                Ok(())
            }
            _ => Err("the candidate is not being judged"),
        }
    }

    /// The cell of an attempt that runs, or rests without having ended.
    fn cell_of_open(&mut self, id: &AttemptId) -> Result<(&mut CellState, bool), &'static str> {
        let judge = self.judge(&id.cell.step).is_some();
        if judge {
            self.turn(id)?;
        }
        let cell = self.cell_mut(&self.subject_of(id))?;
        let own = (id.round, id.attempt);
        let (found, runs) = match &cell.stage {
            Stage::Running { round, attempt } => (!judge && (*round, *attempt) == own, true),
            Stage::Parked { round, attempt, .. } => (!judge && (*round, *attempt) == own, false),
            Stage::Judging { now: JudgeStage::Running { attempt }, .. } => {
                (judge && *attempt == id.attempt, true)
            }
            Stage::Judging { now: JudgeStage::Parked { attempt, .. }, .. } => {
                (judge && *attempt == id.attempt, false)
            }
            _ => (false, false),
        };
        if found { Ok((cell, runs)) } else { Err("this attempt does not run") }
    }

    fn running_cell(&mut self, id: &AttemptId) -> Result<&mut CellState, &'static str> {
        match self.cell_of_open(id)? {
            (cell, true) => Ok(cell),
            _ => Err("this attempt rests"),
        }
    }

    /// What a running attempt asks, is told, or says; and what is known of a lost call.
    pub(super) fn told(&mut self, id: &AttemptId, fact: &Fact, at: Timestamp) -> Legal {
        // In the first format an attempt could fail while a call of it was open.
        let over = matches!(fact, Fact::CallLost { .. }) && self.is_followed(id);
        if !over {
            let (_, runs) = self.cell_of_open(id)?;
            if !runs && !matches!(fact, Fact::CallLost { .. }) {
                return Err("this attempt rests");
            }
        }
        let open = self.open.get_mut(&id.cell).ok_or("this attempt does not run")?;
        let power = match fact {
            Fact::CallLost { index, .. } => open.record.power(&id.path, *index),
            _ => None,
        };
        open.record.take(fact, at)?;
        match fact {
            Fact::CallAnswered { cost, capability, .. } => {
                let cell = self.cell_mut(&self.subject_of(id))?;
                cell.cost = cell.cost.plus(*cost);
                self.cost = self.cost.plus(*cost);
                self.spend(id, *cost, Some(*capability))?;
            }
            Fact::CallLost { cost, .. } => {
                self.lost = self.lost.plus(*cost);
                self.spend(id, *cost, power)?;
            }
            _ => {}
        }
        if let Fact::CallAnswered { answer, .. } = fact
            && let CallAnswer::Exhausted { finish: true, detail, .. } = answer
        {
            self.finishing.get_or_insert_with(|| detail.clone());
        }
        Ok(())
    }

    /// Whether this attempt has failed, and another follows.
    fn is_followed(&self, id: &AttemptId) -> bool {
        let stage = self.cell(&self.subject_of(id)).map(|cell| &cell.stage);
        let rests = matches!(
            stage,
            Some(Stage::Resting { .. } | Stage::Judging { now: JudgeStage::Resting { .. }, .. })
        );
        rests && self.open.get(&id.cell).is_some_and(|open| open.id == id.of_step())
    }

    /// The grant of an agent bounds its models; what it asks of the web is the step's.
    fn spend(&mut self, id: &AttemptId, cost: Cost, power: Option<Capability>) -> Legal {
        if cost == Cost::ZERO {
            return Ok(());
        }
        let agent = match self.step(&id.cell.step).map(|step| &step.shape.by) {
            Some(StepBy::Agent(agent)) => agent.clone(),
            _ => return Err("people do not call"),
        };
        let of_step = self.spent.by_step.entry(id.cell.step.clone()).or_default();
        *of_step = of_step.plus(cost);
        if power != Some(Capability::Http) {
            let open = self.open.get(&id.cell).ok_or("this attempt does not run")?;
            for agent in payers(&agent, &open.record, &id.path) {
                let of_agent = self.spent.by_agent.entry(agent).or_default();
                *of_agent = of_agent.plus(cost);
            }
        }
        Ok(())
    }

    pub(super) fn park(
        &mut self,
        id: &AttemptId,
        reason: ParkReason,
        until: Option<Timestamp>,
    ) -> Legal {
        let cell = self.running_cell(id)?;
        cell.rest(Rest::Parked { reason, until });
        if reason == ParkReason::Stopped {
            // Its host ended as a host should: whatever follows is not in a row.
            cell.crashes = 0;
        }
        if let Some(open) = self.open.get_mut(&id.cell)
            && reason == ParkReason::Unavailable
        {
            open.unanswered += 1;
        }
        self.running -= 1;
        Ok(())
    }

    pub(super) fn go_on(&mut self, id: &AttemptId) -> Legal {
        let (round, attempt) = (id.round, id.attempt);
        match self.cell_of_open(id)? {
            (_, true) => return Err("this attempt runs"),
            (cell, false) => match &mut cell.stage {
                Stage::Judging { now, .. } => *now = JudgeStage::Running { attempt },
                stage => *stage = Stage::Running { round, attempt },
            },
        }
        self.running += 1;
        Ok(())
    }

    pub(super) fn fail_attempt(
        &mut self,
        id: &AttemptId,
        failure: &Failure,
        retry: Option<Timestamp>,
    ) -> Legal {
        let (round, attempt) = (id.round, id.attempt);
        let given_up = failure.kind == FailureKind::HostCrash;
        let (cell, ran) = self.cell_of_open(id)?;
        if !ran && retry.is_some() {
            return Err("an attempt that rests continues, or has failed for good");
        }
        if !given_up {
            cell.crashes = 0;
        }
        if failure.kind == FailureKind::Cancelled && retry.is_none() {
            // The form of the first format: it ended with the run, not by itself.
            cell.rest(Rest::Parked { reason: ParkReason::Stopped, until: None });
        } else {
            match (&mut cell.stage, retry) {
                (Stage::Judging { now, .. }, Some(until)) => {
                    *now = JudgeStage::Resting { attempt, until }
                }
                (Stage::Judging { now, .. }, None) => {
                    *now = JudgeStage::Over { result: Err(failure.clone()) }
                }
                (stage, Some(until)) => *stage = Stage::Resting { round, attempt, until },
                (stage, None) => *stage = Stage::Failing { failure: failure.clone() },
            }
            if retry.is_none() {
                let over = self.open.remove(&id.cell).filter(|_| given_up);
                // It did nothing wrong that is known of: if it is tried again, it goes on.
                self.given_up.extend(over.map(|open| (id.cell.clone(), open)));
            }
        }
        self.running -= usize::from(ran);
        Ok(())
    }

    pub(super) fn finish(&mut self, id: &AttemptId, output: &Document) -> Legal {
        let round = id.round;
        let cell = self.running_cell(id)?;
        cell.crashes = 0;
        if let Stage::Judging { now, .. } = &mut cell.stage {
            *now = JudgeStage::Over { result: Ok(output.clone()) };
        } else {
            cell.candidate_made(round, output);
        }
        self.open.remove(&id.cell);
        self.running -= 1;
        Ok(())
    }
}

/// The agents whose grants bound a call: of the step, and of those on the way to who made it.
fn payers(of_step: &Name, record: &Record, path: &CallPath) -> BTreeSet<Name> {
    let callees = record.callees(path).unwrap_or_default();
    callees.into_iter().map(|callee| &callee.agent).chain([of_step]).cloned().collect()
}

impl CellState {
    fn candidate_made(&mut self, round: u32, output: &Document) {
        self.stage = Stage::Judging { round, at: 0, now: JudgeStage::Due };
        self.candidates.push(Candidate {
            round,
            output: output.clone(),
            edited_by: None,
            escalated: false,
        });
    }

    /// Whatever runs here rests from now on.
    pub(super) fn rest(&mut self, rest: Rest) -> bool {
        match &mut self.stage {
            Stage::Judging { now, .. } => match now {
                JudgeStage::Running { attempt } => {
                    *now = JudgeStage::Parked { attempt: *attempt, rest };
                }
                _ => return false,
            },
            stage => match *stage {
                Stage::Running { round, attempt } => {
                    *stage = Stage::Parked { round, attempt, rest };
                }
                _ => return false,
            },
        }
        true
    }
}
