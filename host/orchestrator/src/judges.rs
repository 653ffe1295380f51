//! What follows for a candidate: the next judge, a revision, a question to people, its release or its end.

use std::sync::Arc;

use bailiwick_core::artifact::references;
use bailiwick_core::fact::{AskId, Decision, Fact, Failure, StepBy};
use bailiwick_core::run::{CellState, JudgeStage, Stage, Verdicts};
use bailiwick_core::{AttemptId, CellId, Document, Name};
use serde_json::{Value, json};

use crate::evaluate::Prepared;
use crate::graph::Waiter;
use crate::inbox::Refused;
use crate::ports::Question;
use crate::queue::Work;
use crate::task::{RunError, Task};
use crate::values::Obstacle;
use crate::verdict::{read, veto_of};

impl Task {
    /// Goes on with a cell as far as its state alone says: everything up to the next
    /// attempt, question or end is one append.
    pub(crate) fn advance(&mut self, cell: &CellId) -> Result<(), RunError> {
        loop {
            let Some(state) = self.state.cell(cell) else { return Ok(()) };
            let fact = match &state.stage {
                Stage::Judging { round, at, now: JudgeStage::Over { result } } => {
                    let (round, at, result) = (*round, *at, result.clone());
                    let Some(judge) = self.judge_at(cell, at) else { return Ok(()) };
                    self.judged(&judge, cell, round, result)?;
                    continue;
                }
                Stage::Judging { round, at, now: JudgeStage::Due } => {
                    let (round, at) = (*round, *at);
                    match self.judge_at(cell, at) {
                        Some(judge) => return self.turn(judge, cell.clone(), round),
                        None => after_last(cell, state, round),
                    }
                }
                Stage::Spent { at } => self.spent(cell, state, *at),
                Stage::Refused { reason } => {
                    Fact::Dropped { cell: cell.clone(), reason: reason.clone() }
                }
                Stage::Failing { failure } => {
                    Fact::CellFailed { cell: cell.clone(), failure: failure.clone() }
                }
                Stage::Revising { round } => {
                    let round = *round;
                    self.push(Work::Cell { cell: cell.clone(), round });
                    return Ok(());
                }
                Stage::Ended(_) => return self.cell_ended(cell),
                Stage::Idle
                | Stage::Running { .. }
                | Stage::Resting { .. }
                | Stage::Parked { .. }
                | Stage::Judging { .. } => {
                    return Ok(());
                }
            };
            self.note(fact)?;
        }
    }

    pub(crate) fn judge_at(&self, cell: &CellId, at: usize) -> Option<Name> {
        self.state.step(&cell.step)?.judges.get(at).cloned()
    }

    /// What a judge comes to: its verdict, or the veto of one that failed.
    fn judged(
        &mut self,
        judge: &Name,
        cell: &CellId,
        round: u32,
        result: Result<Document, Failure>,
    ) -> Result<(), RunError> {
        let candidate = self.state.cell(cell).and_then(|state| state.candidate(round));
        let opinion = candidate.is_some_and(|candidate| candidate.edited_by.is_some());
        let verdict = result.and_then(|output| read(&output, opinion));
        let failed = verdict.is_err();
        let judgement = verdict.unwrap_or_else(|failure| veto_of(&failure, opinion));
        self.note(Fact::Judged { judge: judge.clone(), cell: cell.clone(), round, judgement })?;
        if failed {
            self.tolerate(judge);
        }
        Ok(())
    }

    /// It is this judge's turn: at once, or when what it reads besides is there.
    fn turn(&mut self, judge: Name, cell: CellId, round: u32) -> Result<(), RunError> {
        let plan = Arc::clone(&self.plan);
        let (Some(step), Some(point)) = (plan.step(&judge), self.graph.point(&cell).cloned())
        else {
            return Ok(());
        };
        let needs = self.needs(step, &point);
        let waiter = Waiter::Judge { judge: judge.clone(), cell: cell.clone() };
        if !self.graph.wait(waiter, needs) {
            self.push(Work::Judge { judge, cell, round });
        }
        Ok(())
    }

    /// An allowance is spent: the best candidate goes on to people, if any come after.
    fn spent(&self, cell: &CellId, state: &CellState, at: usize) -> Fact {
        let judges =
            self.state.step(&cell.step).map(|step| step.judges.as_slice()).unwrap_or_default();
        let (judge, later) = (judges.get(at), judges.get(at + 1..).unwrap_or_default());
        let people = later.iter().any(|name| {
            self.state.step(name).is_some_and(|step| matches!(step.shape.by, StepBy::People(_)))
        });
        match judge.and_then(|judge| Some((judge, state.best_for(judge, later)?))) {
            Some((judge, round)) if people => {
                Fact::Escalated { judge: judge.clone(), cell: cell.clone(), round }
            }
            _ => {
                let judge = judge.map_or("a judge", Name::as_str);
                let reason = format!(
                    "{judge} asked for one more revision than its `rounds` allow, and no people judge after it"
                );
                Fact::Dropped { cell: cell.clone(), reason }
            }
        }
    }

    pub(crate) fn judge_prepared(
        &mut self,
        judge: &Name,
        cell: CellId,
        round: u32,
        result: Result<Prepared, Obstacle>,
    ) -> Result<(), RunError> {
        let plan = Arc::clone(&self.plan);
        let Some(step) = plan.step(judge) else { return Ok(()) };
        match result {
            Ok(Prepared::Input(input)) if step.agent().is_some() => {
                let id = CellId { step: judge.clone(), key: cell.key };
                return self.start_attempt(
                    AttemptId { cell: id, round, attempt: 1 },
                    Document::of(&input),
                );
            }
            Ok(Prepared::Input(show)) => self.put_question(judge, &cell, round, &show)?,
            Ok(Prepared::Skip) => {
                self.note(Fact::JudgeSkipped { judge: judge.clone(), cell: cell.clone(), round })?;
            }
            Err(Obstacle::Gone(source)) => {
                let reason = format!("{judge} reads {source}, which was not released");
                self.note(Fact::Dropped { cell: cell.clone(), reason })?;
            }
            Err(Obstacle::Failed(failure)) => self.judged(judge, &cell, round, Err(failure))?,
        }
        self.queue.free(judge);
        self.advance(&cell)
    }

    fn put_question(
        &mut self,
        judge: &Name,
        cell: &CellId,
        round: u32,
        show: &Value,
    ) -> Result<(), RunError> {
        let Some(state) = self.state.cell(cell) else { return Ok(()) };
        let Some(candidate) = state.candidate(round) else { return Ok(()) };
        let ask = AskId::of(&self.handle.run, judge, cell, round);
        let show = Document::of(show);
        let subject = candidate.output.digest();
        self.note(Fact::Asked { ask: ask.clone(), cell: cell.clone(), round, subject, show })?;
        self.ask_again(&ask);
        Ok(())
    }

    /// Puts a question that is written down.
    pub(crate) fn ask_again(&mut self, id: &AskId) {
        let Some(ask) = self.state.asks.get(id) else { return };
        let Some(state) = self.state.cell(&ask.cell) else { return };
        let Some(candidate) = state.candidate(ask.round) else { return };
        let step = self.plan.step(&ask.judge);
        let allowance = step.and_then(|step| step.judges.as_ref()).map_or(0, |j| j.rounds);
        let groups = match step.map(|step| &step.by) {
            Some(StepBy::People(groups)) => groups.clone(),
            _ => Vec::new(),
        };
        self.questions.push(Question {
            ask: id.clone(),
            step: ask.judge.clone(),
            groups,
            cell: ask.cell.clone(),
            round: ask.round,
            subject: candidate.output.clone(),
            show: ask.show.clone(),
            opinions: opinions(state, ask.round),
            escalated: candidate.escalated,
            rounds_left: allowance.saturating_sub(state.revisions_of(&ask.judge)),
        });
    }

    /// A person has decided: refused, or applied with everything that follows.
    pub(crate) fn decide(
        &mut self,
        ask: &AskId,
        decision: Decision,
        by: String,
    ) -> Result<Result<(), Refused>, RunError> {
        if let Err(refused) = self.may_decide(ask, &decision) {
            return Ok(Err(refused));
        }
        let Some(cell) = self.state.asks.get(ask).map(|ask| ask.cell.clone()) else {
            return Ok(Err(Refused::NoSuchQuestion(ask.clone())));
        };
        if self.note(Fact::Decided { ask: ask.clone(), decision, by }).is_err() {
            return Ok(Err(Refused::NoRoundLeft));
        }
        self.advance(&cell).map(Ok)
    }

    fn may_decide(&self, id: &AskId, decision: &Decision) -> Result<(), Refused> {
        if self.stopping.is_some() {
            return Err(Refused::RunEnded);
        }
        let ask = self.state.asks.get(id).ok_or_else(|| Refused::NoSuchQuestion(id.clone()))?;
        if ask.answer.is_some() {
            return Err(Refused::Answered(id.clone()));
        }
        let Decision::Edit { value, .. } = decision else { return Ok(()) };
        let value = value.value();
        let agent = self.plan.step(&ask.cell.step).and_then(|step| step.agent());
        if let Some(generation) = agent.and_then(|agent| self.world.slots.current(agent)) {
            generation
                .output
                .check(&value)
                .map_err(|mismatch| Refused::Value(mismatch.to_string()))?;
        }
        // An edit may keep, move and leave out what the candidate holds; it brings in no bytes.
        let candidate = self.state.cell(&ask.cell).and_then(|cell| cell.candidate(ask.round));
        let known = candidate.and_then(|c| references(&c.output.value()).ok()).unwrap_or_default();
        let named = references(&value).map_err(|error| Refused::Value(error.to_string()))?;
        match named.into_iter().find(|(_, artifact)| !known.values().any(|k| k == artifact)) {
            Some((path, _)) => Err(Refused::Value(format!(
                "at {path}: an artifact that the candidate does not have"
            ))),
            None => Ok(()),
        }
    }
}

/// Every judge has let it pass: released, unless only people could have.
fn after_last(cell: &CellId, state: &CellState, round: u32) -> Fact {
    match state.candidate(round) {
        Some(candidate) if !candidate.escalated => {
            Fact::Released { cell: cell.clone(), round, output: candidate.output.clone() }
        }
        _ => Fact::Dropped {
            cell: cell.clone(),
            reason: "a judge's `rounds` are spent, and no people released it".into(),
        },
    }
}

/// What agents say of a person's edit.
fn opinions(state: &CellState, round: u32) -> Vec<Value> {
    let said = state.said.iter().filter(|said| said.round == round);
    let opinions = said.filter_map(|said| match &said.words {
        Verdicts::Agent(words) if words.opinion => Some(json!({
            "by": said.judge.as_str(), "verdict": words.verdict.as_str(),
            "score": words.score, "reasons": words.reasons.value(),
        })),
        _ => None,
    });
    opinions.collect()
}
