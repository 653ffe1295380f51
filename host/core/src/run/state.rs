//! The whole run: applies one fact at a time. The only setter of run state.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::IllegalFact;
use super::cell::{Candidate, CellState, End, JudgeStage, Said, Stage, Verdicts};
use crate::fact::{
    AgentPin, AskId, Decision, Entry, Fact, Failure, JudgeShape, Judgement, RunEnd, StepBy,
    StepShape, Verdict,
};
use crate::{
    Artifact, AttemptId, AxisValue, CellId, CellKey, Cost, Digest, Document, Name, RunId, Timestamp,
};

/// Everything that is known of a run, as its facts say it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    /// The run.
    pub run: RunId,
    /// The pipeline.
    pub pipeline: Name,
    /// Its input.
    pub input: Document,
    /// What each agent name pointed at.
    pub agents: BTreeMap<Name, AgentPin>,
    /// Files that came in at the start.
    pub imported: Vec<Artifact>,
    /// Who started it.
    pub by: String,
    /// The axes that are fixed.
    pub axes: BTreeMap<Name, Arc<Vec<AxisValue>>>,
    /// The steps in file order.
    pub steps: Vec<StepState>,
    /// Every question so far.
    pub asks: BTreeMap<AskId, Ask>,
    /// What was spent.
    pub cost: Cost,
    /// How it ended, where it did.
    pub end: Option<RunEnd>,
    /// The pipeline's `[output]`.
    pub output: Option<Document>,
    /// Why it ended, where there is more to say.
    pub reason: Option<String>,
    /// The time of the first and of the last entry.
    pub span: (Timestamp, Timestamp),
    /// Attempts that run now.
    running: usize,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepState {
    /// Its form.
    pub shape: StepShape,
    /// Its judges, in file order.
    pub judges: Vec<Name>,
    /// Its cells in axis order, once they are fixed; never for a judge.
    pub order: Vec<CellKey>,
    /// Whether the cells are fixed.
    pub laid_out: bool,
    /// The state of each cell.
    pub cells: BTreeMap<CellKey, CellState>,
    /// For a judge: how many candidates it failed to judge. Of a person's edit it gives
    /// an opinion only, and a missing opinion stops nobody.
    pub judge_failures: usize,
}

/// A question to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The judge that asks.
    pub judge: Name,
    /// What about.
    pub cell: CellId,
    /// Which round of it.
    pub round: u32,
    /// Digest of the whole candidate.
    pub subject: Digest,
    /// What is shown besides.
    pub show: Document,
    /// The answer, once there is one.
    pub answer: Option<(Decision, String)>,
}

/// What people call the state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    missing_docs,
    reason = "the words of page 00 of the design; `paused` and `cancelled` come with durable runs"
)]
pub enum RunStatus {
    Running,
    Waiting,
    Done,
    Failed,
    Interrupted,
}

impl RunStatus {
    /// The word for people and scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

type Legal = Result<(), &'static str>;

impl RunState {
    /// The state after the first fact.
    ///
    /// # Errors
    /// [`IllegalFact`] where that is not `RunStarted`.
    pub fn begin(fact: &Fact, at: Timestamp) -> Result<Self, IllegalFact> {
        let Fact::RunStarted { run, pipeline, input, shape, agents, imported, by } = fact else {
            return Err(IllegalFact {
                fact: fact.name(),
                why: "a run begins with RunStarted".into(),
            });
        };
        let judges_of = |step: &Name| {
            let judges =
                shape.iter().filter(|s| s.judges.as_ref().is_some_and(|j| j.subject == *step));
            judges.map(|judge| judge.name.clone()).collect()
        };
        let steps = shape.iter().map(|shape| StepState {
            judges: judges_of(&shape.name),
            shape: shape.clone(),
            order: Vec::new(),
            laid_out: false,
            cells: BTreeMap::new(),
            judge_failures: 0,
        });
        Ok(Self {
            run: run.clone(),
            pipeline: pipeline.clone(),
            input: input.clone(),
            agents: agents.clone(),
            imported: imported.clone(),
            by: by.clone(),
            axes: BTreeMap::new(),
            steps: steps.collect(),
            asks: BTreeMap::new(),
            cost: Cost::ZERO,
            end: None,
            output: None,
            reason: None,
            span: (at, at),
            running: 0,
        })
    }

    /// The state of a journal.
    ///
    /// # Errors
    /// [`IllegalFact`] where the entries cannot have happened in this order.
    pub fn replay<'a>(
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Option<Self>, IllegalFact> {
        let mut state: Option<Self> = None;
        for entry in entries {
            for fact in &entry.facts {
                match &mut state {
                    None => state = Some(Self::begin(fact, entry.at)?),
                    Some(state) => state.next(fact, entry.at)?,
                }
            }
        }
        Ok(state)
    }

    /// Applies one fact. Where it is not legal, nothing has changed.
    ///
    /// # Errors
    /// [`IllegalFact`] with the rule that it breaks.
    pub fn next(&mut self, fact: &Fact, at: Timestamp) -> Result<(), IllegalFact> {
        let illegal = |why: &str| IllegalFact { fact: fact.name(), why: why.to_owned() };
        if self.end.is_some() {
            return Err(illegal("the run has ended"));
        }
        let legal = match fact {
            Fact::RunStarted { .. } => Err("the run has begun"),
            Fact::Embedded { cost, .. } => self.embedded(*cost),
            Fact::AxisFixed { axis, values } => self.fix_axis(axis, values),
            Fact::StepLaidOut { step, cells } => self.lay_out(step, cells),
            Fact::CellSkipped { cell } => self.skip(cell),
            Fact::CellStarted { attempt, .. } => self.start(attempt),
            Fact::CallIntended { attempt, .. } => self.running_attempt(attempt).map(|_| ()),
            Fact::CallAnswered { attempt, cost, .. } => self.spend(attempt, *cost),
            Fact::Logged { attempt, .. } => self.running_attempt(attempt).map(|_| ()),
            Fact::AttemptFailed { attempt, failure, retry, .. } => {
                self.fail_attempt(attempt, failure, *retry)
            }
            Fact::CellFinished { attempt, output, .. } => self.finish(attempt, output),
            Fact::Judged { judge, cell, round, judgement } => {
                self.judged(judge, cell, *round, judgement)
            }
            Fact::JudgeSkipped { judge, cell, round } => self.judge_skipped(judge, cell, *round),
            Fact::Escalated { judge, cell, round } => self.escalate(judge, cell, *round),
            Fact::Asked { ask, cell, round, subject, show } => {
                self.ask(ask, cell, *round, *subject, show)
            }
            Fact::Decided { ask, decision, by } => self.decide(ask, decision, by),
            Fact::Released { cell, round, output } => self.release(cell, *round, output),
            Fact::Dropped { cell, reason } => {
                self.end_cell(cell, End::Dropped { reason: reason.clone() })
            }
            Fact::CellFailed { cell, failure } => {
                self.end_cell(cell, End::Failed { failure: failure.clone() })
            }
            Fact::RunEnded { end, output, reason } => self.end_run(*end, output, reason),
        };
        legal.map_err(illegal)?;
        self.span.1 = at;
        Ok(())
    }

    /// A step by name.
    #[must_use]
    pub fn step(&self, name: &Name) -> Option<&StepState> {
        self.steps.iter().find(|step| step.shape.name == *name)
    }

    /// A cell by id.
    #[must_use]
    pub fn cell(&self, id: &CellId) -> Option<&CellState> {
        self.step(&id.step)?.cells.get(&id.key)
    }

    /// Questions without answer, about candidates that wait for one.
    pub fn open_asks(&self) -> impl Iterator<Item = (&AskId, &Ask)> {
        let open = |ask: &Ask| {
            ask.answer.is_none() && self.cell(&ask.cell).is_some_and(|cell| cell.end().is_none())
        };
        self.asks.iter().filter(move |(_, ask)| open(ask))
    }

    /// Attempts that run now, judges' included.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// What people call this state. `Waiting` is derived: nothing runs, somebody is asked.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match self.end {
            Some(RunEnd::Done) => RunStatus::Done,
            Some(RunEnd::Failed) => RunStatus::Failed,
            Some(RunEnd::Interrupted) => RunStatus::Interrupted,
            None if self.running == 0 && self.open_asks().next().is_some() => RunStatus::Waiting,
            None => RunStatus::Running,
        }
    }

    fn step_mut(&mut self, name: &Name) -> Result<&mut StepState, &'static str> {
        self.steps.iter_mut().find(|step| step.shape.name == *name).ok_or("there is no such step")
    }

    fn cell_mut(&mut self, id: &CellId) -> Result<&mut CellState, &'static str> {
        self.step_mut(&id.step)?.cells.get_mut(&id.key).ok_or("there is no such cell")
    }

    /// The judging part of a step, where it is a judge.
    fn judge(&self, step: &Name) -> Option<&JudgeShape> {
        self.step(step)?.shape.judges.as_ref()
    }

    /// The cell that an attempt belongs to: for a judge's the judged one.
    fn subject_of(&self, attempt: &AttemptId) -> CellId {
        match self.judge(&attempt.cell.step) {
            Some(judge) => CellId { step: judge.subject.clone(), key: attempt.cell.key.clone() },
            None => attempt.cell.clone(),
        }
    }

    fn embedded(&mut self, cost: Cost) -> Legal {
        if self.steps.iter().any(|step| step.laid_out) {
            return Err("passages are embedded before any cell begins");
        }
        self.cost = self.cost.plus(cost);
        Ok(())
    }

    fn fix_axis(&mut self, axis: &Name, values: &[AxisValue]) -> Legal {
        if self.axes.contains_key(axis) {
            return Err("the axis is fixed already");
        }
        self.axes.insert(axis.clone(), Arc::new(values.to_vec()));
        Ok(())
    }

    fn lay_out(&mut self, step: &Name, cells: &[CellKey]) -> Legal {
        let step = self.step_mut(step)?;
        if step.laid_out || step.shape.judges.is_some() {
            return Err("the step is laid out already, or a judge");
        }
        let states: BTreeMap<_, _> =
            cells.iter().map(|key| (key.clone(), CellState::default())).collect();
        if states.len() != cells.len() {
            return Err("a cell stands twice in the step");
        }
        step.laid_out = true;
        step.order = cells.to_vec();
        step.cells = states;
        Ok(())
    }

    fn skip(&mut self, cell: &CellId) -> Legal {
        let cell = self.cell_mut(cell)?;
        if cell.stage != Stage::Idle {
            return Err("only an idle cell is skipped");
        }
        cell.stage = Stage::Ended(End::Skipped);
        Ok(())
    }

    fn start(&mut self, id: &AttemptId) -> Legal {
        if self.step(&id.cell.step).is_some_and(|step| matches!(step.shape.by, StepBy::People(_))) {
            return Err("people are asked, not started");
        }
        let judge = self.judge(&id.cell.step).is_some();
        let turn = if judge { Some(self.turn(id)?) } else { None };
        let cell = self.cell_mut(&self.subject_of(id))?;
        match (&mut cell.stage, turn) {
            (Stage::Judging { now, .. }, Some(())) => {
                let expected = match now {
                    JudgeStage::Due => 1,
                    JudgeStage::Resting { attempt, .. } => *attempt + 1,
                    _ => return Err("the judge runs already, or has ended"),
                };
                if id.attempt != expected {
                    return Err("attempts are counted from 1, without gaps");
                }
                *now = JudgeStage::Running { attempt: id.attempt };
            }
            (stage, None) => {
                let expected = match stage {
                    Stage::Idle => (0, 1),
                    Stage::Revising { round } => (*round, 1),
                    Stage::Resting { round, attempt, .. } => (*round, *attempt + 1),
                    _ => return Err("the cell is neither idle nor resting nor to be revised"),
                };
                if (id.round, id.attempt) != expected {
                    return Err("rounds and attempts are counted without gaps");
                }
                *stage = Stage::Running { round: id.round, attempt: id.attempt };
                cell.round = id.round;
            }
            _ => return Err("the candidate is not being judged"),
        }
        self.running += 1;
        Ok(())
    }

    /// Whether it is this judge's turn at this round.
    fn turn(&self, id: &AttemptId) -> Legal {
        self.turn_of(&id.cell.step, &self.subject_of(id), id.round)
    }

    fn turn_of(&self, judge: &Name, cell: &CellId, round: u32) -> Legal {
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

    fn running_attempt(&mut self, id: &AttemptId) -> Result<&mut CellState, &'static str> {
        let judge = self.judge(&id.cell.step).is_some();
        if judge {
            self.turn(id)?;
        }
        let cell = self.cell_mut(&self.subject_of(id))?;
        let running = match &cell.stage {
            Stage::Running { round, attempt } => {
                !judge && (*round, *attempt) == (id.round, id.attempt)
            }
            Stage::Judging { now: JudgeStage::Running { attempt }, .. } => {
                judge && *attempt == id.attempt
            }
            _ => false,
        };
        if running { Ok(cell) } else { Err("this attempt does not run") }
    }

    fn spend(&mut self, attempt: &AttemptId, cost: Cost) -> Legal {
        let cell = self.running_attempt(attempt)?;
        cell.cost = cell.cost.plus(cost);
        self.cost = self.cost.plus(cost);
        Ok(())
    }

    fn fail_attempt(
        &mut self,
        id: &AttemptId,
        failure: &Failure,
        retry: Option<Timestamp>,
    ) -> Legal {
        let (round, attempt) = (id.round, id.attempt);
        let cell = self.running_attempt(id)?;
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
        self.running -= 1;
        Ok(())
    }

    fn finish(&mut self, id: &AttemptId, output: &Document) -> Legal {
        let round = id.round;
        let cell = self.running_attempt(id)?;
        if let Stage::Judging { now, .. } = &mut cell.stage {
            *now = JudgeStage::Over { result: Ok(output.clone()) };
        } else {
            cell.stage = Stage::Judging { round, at: 0, now: JudgeStage::Due };
            cell.candidates.push(Candidate {
                round,
                output: output.clone(),
                edited_by: None,
                escalated: false,
            });
        }
        self.running -= 1;
        Ok(())
    }

    fn judged(&mut self, judge: &Name, cell: &CellId, round: u32, judgement: &Judgement) -> Legal {
        self.turn_of(judge, cell, round)?;
        let allowance = self.judge(judge).map_or(0, |judge| judge.rounds);
        let state = self.cell_mut(cell)?;
        let (at, failed) = match &state.stage {
            Stage::Judging { at, now: JudgeStage::Over { result }, .. } => (*at, result.is_err()),
            // It could not even begin.
            Stage::Judging { at, now: JudgeStage::Due, .. } => (*at, true),
            _ => return Err("the judge has not ended"),
        };
        let edited = state.candidate(round).is_some_and(|c| c.edited_by.is_some());
        if (failed && judgement.verdict != Verdict::Veto) || judgement.opinion != edited {
            return Err("a failed judge vetoes, and only of an edit a verdict is an opinion");
        }
        state.stage = match judgement.verdict {
            _ if judgement.opinion => Stage::Judging { round, at: at + 1, now: JudgeStage::Due },
            Verdict::Pass => Stage::Judging { round, at: at + 1, now: JudgeStage::Due },
            Verdict::Revise if state.revisions_of(judge) < allowance => state.revise(judge),
            Verdict::Revise => Stage::Spent { at },
            Verdict::Veto if failed => {
                Stage::Refused { reason: format!("vetoed by {judge}, which failed") }
            }
            Verdict::Veto => Stage::Refused { reason: format!("vetoed by {judge}") },
        };
        let words = Verdicts::Agent(judgement.clone());
        state.said.push(Said { judge: judge.clone(), round, words });
        if failed && !judgement.opinion {
            self.step_mut(judge)?.judge_failures += 1;
        }
        Ok(())
    }

    fn judge_skipped(&mut self, judge: &Name, cell: &CellId, round: u32) -> Legal {
        self.turn_of(judge, cell, round)?;
        let state = self.cell_mut(cell)?;
        let Stage::Judging { at, now: JudgeStage::Due, .. } = state.stage else {
            return Err("the judge has begun");
        };
        state.stage = Stage::Judging { round, at: at + 1, now: JudgeStage::Due };
        state.said.push(Said { judge: judge.clone(), round, words: Verdicts::Skipped });
        Ok(())
    }

    fn escalate(&mut self, judge: &Name, cell: &CellId, round: u32) -> Legal {
        let judges = self.step(&cell.step).ok_or("there is no such step")?.judges.clone();
        let state = self.cell_mut(cell)?;
        let Stage::Spent { at } = state.stage else { return Err("no allowance is spent") };
        if judges.get(at) != Some(judge) {
            return Err("it is another judge's allowance");
        }
        if state.turned_down(round, judges.get(at + 1..).unwrap_or_default()) {
            return Err("a later judge has turned that candidate down");
        }
        let Some(candidate) = state.candidates.iter_mut().find(|c| c.round == round) else {
            return Err("there is no such candidate");
        };
        candidate.escalated = true;
        state.stage = Stage::Judging { round, at: at + 1, now: JudgeStage::Due };
        Ok(())
    }

    fn ask(
        &mut self,
        id: &AskId,
        cell: &CellId,
        round: u32,
        subject: Digest,
        show: &Document,
    ) -> Legal {
        let step = self.step(&cell.step).ok_or("there is no such step")?;
        let Some(Stage::Judging { round: judged, at, now: JudgeStage::Due }) =
            self.cell(cell).map(|c| &c.stage)
        else {
            return Err("the candidate is not due at a judge");
        };
        let judge = step.judges.get(*at).ok_or("all judges have spoken")?.clone();
        let by_people = self.step(&judge).is_some_and(|s| matches!(s.shape.by, StepBy::People(_)));
        let candidate = self.cell(cell).and_then(|c| c.candidate(round));
        if *judged != round || !by_people || *id != AskId::of(&self.run, &judge, cell, round) {
            return Err("it is not the turn of people at this round");
        }
        if candidate.is_none_or(|candidate| candidate.output.digest() != subject)
            || self.asks.contains_key(id)
        {
            return Err("people are asked once, about the candidate as it is");
        }
        if let Stage::Judging { now, .. } = &mut self.cell_mut(cell)?.stage {
            *now = JudgeStage::Asked { ask: id.clone() };
        }
        let (cell, show) = (cell.clone(), show.clone());
        self.asks.insert(id.clone(), Ask { judge, cell, round, subject, show, answer: None });
        Ok(())
    }

    fn decide(&mut self, id: &AskId, decision: &Decision, by: &str) -> Legal {
        let ask = self.asks.get(id).ok_or("nobody was asked that")?.clone();
        let allowance = self.judge(&ask.judge).map_or(0, |judge| judge.rounds);
        let state = self.cell_mut(&ask.cell)?;
        let Stage::Judging { round, at, now: JudgeStage::Asked { ask: open } } = &state.stage
        else {
            return Err("the question is not open");
        };
        if open != id || ask.answer.is_some() {
            return Err("the question is not open");
        }
        let (round, at, left) = (*round, *at, state.revisions_of(&ask.judge) < allowance);
        state.stage = match decision {
            Decision::Approve { .. } => {
                if let Some(candidate) = state.candidates.iter_mut().find(|c| c.round == round) {
                    candidate.escalated = false;
                }
                Stage::Judging { round, at: at + 1, now: JudgeStage::Due }
            }
            Decision::Reject { .. } if left => state.revise(&ask.judge),
            Decision::Reject { .. } => Stage::Refused { reason: format!("rejected by {by}") },
            Decision::Edit { value, .. } if left => {
                let Stage::Revising { round } = state.revise(&ask.judge) else {
                    return Err("no round");
                };
                state.round = round;
                let edited_by = Some(by.to_owned());
                state.candidates.push(Candidate {
                    round,
                    output: value.clone(),
                    edited_by,
                    escalated: false,
                });
                Stage::Judging { round, at: 0, now: JudgeStage::Due }
            }
            Decision::Edit { .. } => {
                return Err("the allowance of this judge is spent: an edit takes one round of it");
            }
        };
        let words = Verdicts::Person { decision: decision.clone(), by: by.to_owned() };
        state.said.push(Said { judge: ask.judge, round, words });
        if let Some(ask) = self.asks.get_mut(id) {
            ask.answer = Some((decision.clone(), by.to_owned()));
        }
        Ok(())
    }

    fn release(&mut self, cell: &CellId, round: u32, output: &Document) -> Legal {
        let judges = self.step(&cell.step).ok_or("there is no such step")?.judges.len();
        let state = self.cell_mut(cell)?;
        match &state.stage {
            Stage::Judging { round: judged, at, .. } if *judged == round && *at == judges => {}
            _ => return Err("not every judge let it pass"),
        }
        let Some(candidate) = state.candidate(round) else {
            return Err("there is no such candidate");
        };
        if candidate.escalated || candidate.output != *output {
            return Err(
                "only people release what is escalated, and what is released is what was judged",
            );
        }
        state.stage = Stage::Ended(End::Released { round, output: output.clone() });
        Ok(())
    }

    fn end_cell(&mut self, cell: &CellId, end: End) -> Legal {
        let state = self.cell_mut(cell)?;
        match &state.stage {
            Stage::Ended(_) => return Err("the cell has ended"),
            Stage::Running { .. } | Stage::Judging { now: JudgeStage::Running { .. }, .. } => {
                return Err("an attempt runs");
            }
            _ => state.stage = Stage::Ended(end),
        }
        Ok(())
    }

    fn end_run(
        &mut self,
        end: RunEnd,
        output: &Option<Document>,
        reason: &Option<String>,
    ) -> Legal {
        if self.running > 0 {
            return Err("attempts run");
        }
        let mut open = self.steps.iter().filter(|step| step.shape.judges.is_none());
        if end == RunEnd::Done
            && open.any(|step| !step.laid_out || step.cells.values().any(|c| c.end().is_none()))
        {
            return Err("cells have not ended");
        }
        self.end = Some(end);
        self.output.clone_from(output);
        self.reason.clone_from(reason);
        Ok(())
    }
}

impl CellState {
    /// One more revision by this judge; the next round.
    fn revise(&mut self, judge: &Name) -> Stage {
        *self.revisions.entry(judge.clone()).or_insert(0) += 1;
        Stage::Revising { round: self.round + 1 }
    }
}
