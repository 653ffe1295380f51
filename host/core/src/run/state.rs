//! The whole run and its one transition: which fact goes where, and what a run knows of itself. What attempts and judgements change stands beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::IllegalFact;
use super::attempts::OpenAttempt;
use super::cell::{CellState, End, JudgeStage, Stage};
use super::pauses::Pause;
use crate::fact::{
    AgentPin, AskId, Decision, Entry, Fact, Forked, JudgeShape, Pin, Repin, RunEnd, RunLabels,
    StepBy, StepShape,
};
use crate::{
    Artifact, AttemptId, AxisValue, CellId, CellKey, Cost, Currency, Digest, Document, Name, RunId,
    Timestamp,
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
    /// The files that it was started from.
    pub pin: Option<Pin>,
    /// What it went on with instead, in order.
    pub repins: Vec<Repin>,
    /// The run that it was made from.
    pub forked: Option<Forked>,
    /// How confidential it is, where it says.
    pub labels: Option<Box<RunLabels>>,
    /// Who said what runs and on what: who started it, and who repinned it since.
    pub steered_by: BTreeSet<String>,
    /// The axes that are fixed.
    pub axes: BTreeMap<Name, Arc<Vec<AxisValue>>>,
    /// The steps in file order.
    pub steps: Vec<StepState>,
    /// Every question so far.
    pub asks: BTreeMap<AskId, Ask>,
    /// What its answers cost: the same however often its hosts ended in between.
    pub cost: Cost,
    /// What was charged besides for requests whose answer never came.
    pub lost: Cost,
    /// Both, by who spent them: what budgets count.
    pub spent: Spent,
    /// Nothing new begins, because a budget is spent that says `finish`: which one.
    pub finishing: Option<String>,
    /// Why it rests, where a host let it.
    pub pause: Option<Pause>,
    /// How it ended, where it did.
    pub end: Option<RunEnd>,
    /// The pipeline's `[output]`.
    pub output: Option<Document>,
    /// Why it ended, where there is more to say.
    pub reason: Option<String>,
    /// The time of the first and of the last entry.
    pub span: (Timestamp, Timestamp),
    /// Attempts that run now.
    pub(super) running: usize,
    /// Attempts that have not ended, by the cell of their step.
    pub(super) open: BTreeMap<CellId, OpenAttempt>,
    /// Attempts that were given up with their hosts, by the cell of their step: what they
    /// were told is not asked again when they are tried again.
    pub(super) given_up: BTreeMap<CellId, OpenAttempt>,
}

/// What was spent, by who spent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// By agent name.
    pub by_agent: BTreeMap<Name, Cost>,
    /// By step.
    pub by_step: BTreeMap<Name, Cost>,
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
    /// When people were asked.
    pub at: Timestamp,
    /// When it is decided without them.
    pub until: Option<Timestamp>,
    /// When they were told of it last: asked or reminded.
    pub told: Timestamp,
    /// Who has approved so far.
    pub votes: Vec<String>,
    /// How often people were reminded.
    pub reminders: u32,
    /// The answer, once there is one.
    pub answer: Option<(Decision, String)>,
}

/// What people call the state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of page 00 of the design")]
pub enum RunStatus {
    Running,
    Waiting,
    Paused,
    Done,
    Failed,
    Cancelled,
    Interrupted,
}

impl RunStatus {
    /// The word for people and scripts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

pub(super) type Legal = Result<(), &'static str>;

impl RunState {
    /// The state after the first fact.
    ///
    /// # Errors
    /// [`IllegalFact`] where that is not `RunStarted`.
    pub fn begin(fact: &Fact, at: Timestamp) -> Result<Self, IllegalFact> {
        let Fact::RunStarted {
            run,
            pipeline,
            input,
            shape,
            agents,
            imported,
            by,
            pin,
            forked,
            labels,
        } = fact
        else {
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
            pin: pin.clone(),
            repins: Vec::new(),
            forked: forked.clone(),
            labels: labels.clone(),
            steered_by: BTreeSet::from([by.clone()]),
            axes: BTreeMap::new(),
            steps: steps.collect(),
            asks: BTreeMap::new(),
            cost: Cost::ZERO,
            lost: Cost::ZERO,
            spent: Spent::default(),
            finishing: None,
            pause: None,
            end: None,
            output: None,
            reason: None,
            span: (at, at),
            running: 0,
            open: BTreeMap::new(),
            given_up: BTreeMap::new(),
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
        // What rests or was only interrupted can be resumed; meanwhile people may answer,
        // and somebody may end it for good.
        let is_left = self.end == Some(RunEnd::Interrupted) || self.pause.is_some();
        let may = match fact {
            Fact::RunResumed { .. } => true,
            Fact::Decided { .. } | Fact::RunEnded { end: RunEnd::Cancelled, .. } => {
                is_left || self.end.is_none()
            }
            _ => self.end.is_none() && self.pause.is_none(),
        };
        if !may {
            return Err(illegal(if is_left { "the run rests" } else { "the run has ended" }));
        }
        let of_callee = fact.attempt().is_some_and(|attempt| !attempt.path.is_empty());
        if of_callee && !fact.may_be_of_callee() {
            return Err(illegal("an agent that was called has no cell of its own"));
        }
        if !of_callee && matches!(fact, Fact::KvStaged { .. }) {
            return Err(illegal("what a step changes in a namespace is written with its end"));
        }
        let legal = match fact {
            Fact::RunStarted { .. } => Err("the run has begun"),
            Fact::Embedded { cost, .. } => self.embedded(*cost),
            Fact::AxisFixed { axis, values } => self.fix_axis(axis, values),
            Fact::StepLaidOut { step, cells } => self.lay_out(step, cells),
            Fact::CellSkipped { cell } => self.skip(cell),
            Fact::RunResumed { by, repinned, retry_failed } => {
                let legal = self.resume(repinned.as_ref(), *retry_failed);
                if legal.is_ok() && repinned.is_some() {
                    self.steered_by.insert(by.clone());
                }
                legal
            }
            Fact::RunPaused { reason, detail, by } => {
                self.pause(Pause { reason: *reason, detail: detail.clone(), by: by.clone() })
            }
            Fact::CellStarted { .. } => self.start(fact, at),
            Fact::CellReused { attempt, from, output, .. } => self.reuse(attempt, from, output),
            Fact::AttemptContinued { attempt } => self.go_on(attempt),
            Fact::CellParked { attempt, reason, until, .. } => self.park(attempt, *reason, *until),
            Fact::CallIntended { attempt, .. }
            | Fact::CallAnswered { attempt, .. }
            | Fact::CallLost { attempt, .. }
            | Fact::Delegated { attempt, .. }
            | Fact::KvStaged { attempt, .. }
            | Fact::Recast { attempt, .. }
            | Fact::KvWritten { attempt, .. }
            | Fact::Logged { attempt, .. } => self.told(attempt, fact, at),
            Fact::AttemptFailed { attempt, failure, retry, .. } => {
                self.fail_attempt(attempt, failure, *retry)
            }
            Fact::CellFinished { attempt, output, .. } => self.finish(attempt, output),
            Fact::Judged { judge, cell, round, judgement } => {
                self.judged(judge, cell, *round, judgement)
            }
            Fact::JudgeSkipped { judge, cell, round } => self.judge_skipped(judge, cell, *round),
            Fact::Escalated { judge, cell, round } => self.escalate(judge, cell, *round),
            Fact::Asked { .. } => self.ask(fact, at),
            Fact::Reminded { ask } => self.remind(ask, at),
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

    /// What money is in its facts.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        self.pin.as_ref()?.currency
    }

    /// A step by name.
    #[must_use]
    pub fn step(&self, name: &Name) -> Option<&StepState> {
        self.steps.iter().find(|step| step.shape.name == *name)
    }

    /// The agent name of an attempt at a step: that of the step, or who was called for it.
    #[must_use]
    pub fn agent_of<'a>(&'a self, step: &Name, called: Option<&'a Name>) -> Option<&'a Name> {
        let of_step = || match &self.step(step)?.shape.by {
            StepBy::Agent(name) => Some(name),
            StepBy::People(_) => None,
        };
        called.or_else(of_step)
    }

    /// A cell by id.
    #[must_use]
    pub fn cell(&self, id: &CellId) -> Option<&CellState> {
        self.step(&id.step)?.cells.get(&id.key)
    }

    /// Questions without answer, about candidates that wait for one.
    pub fn open_asks(&self) -> impl Iterator<Item = (&AskId, &Ask)> {
        let over = self.end.is_some_and(|end| end != RunEnd::Interrupted);
        let open = move |ask: &Ask| {
            !over
                && ask.answer.is_none()
                && self.cell(&ask.cell).is_some_and(|cell| cell.end().is_none())
        };
        self.asks.iter().filter(move |(_, ask)| open(ask))
    }

    /// Attempts that run now, judges' included.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// Whether something goes on by itself when its time comes.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        let cells = self.steps.iter().flat_map(|step| step.cells.values());
        cells.map(|cell| &cell.stage).any(|stage| {
            matches!(
                stage,
                Stage::Resting { .. }
                    | Stage::Parked { .. }
                    | Stage::Judging {
                        now: JudgeStage::Resting { .. } | JudgeStage::Parked { .. },
                        ..
                    }
            )
        })
    }

    /// What people call this state. `Waiting` is derived: nothing runs or rests, somebody is asked.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        match self.end {
            Some(RunEnd::Cancelled) => RunStatus::Cancelled,
            None if self.pause.is_some() => RunStatus::Paused,
            Some(RunEnd::Done) => RunStatus::Done,
            Some(RunEnd::Failed) => RunStatus::Failed,
            Some(RunEnd::Interrupted) => RunStatus::Interrupted,
            None if self.running == 0
                && self.open_asks().next().is_some()
                && !self.is_resting() =>
            {
                RunStatus::Waiting
            }
            None => RunStatus::Running,
        }
    }

    pub(super) fn step_mut(&mut self, name: &Name) -> Result<&mut StepState, &'static str> {
        self.steps.iter_mut().find(|step| step.shape.name == *name).ok_or("there is no such step")
    }

    pub(super) fn cell_mut(&mut self, id: &CellId) -> Result<&mut CellState, &'static str> {
        self.step_mut(&id.step)?.cells.get_mut(&id.key).ok_or("there is no such cell")
    }

    /// The judging part of a step, where it is a judge.
    pub(super) fn judge(&self, step: &Name) -> Option<&JudgeShape> {
        self.step(step)?.shape.judges.as_ref()
    }

    /// The cell that an attempt belongs to: for a judge's the judged one.
    pub(super) fn subject_of(&self, attempt: &AttemptId) -> CellId {
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

    fn end_cell(&mut self, cell: &CellId, end: End) -> Legal {
        let judges = self.step(&cell.step).map(|step| step.judges.clone()).unwrap_or_default();
        let state = self.cell_mut(cell)?;
        match &state.stage {
            Stage::Ended(_) => return Err("the cell has ended"),
            Stage::Running { .. } | Stage::Judging { now: JudgeStage::Running { .. }, .. } => {
                return Err("an attempt runs");
            }
            Stage::Judging { round, at, now: JudgeStage::Due }
                if *at < judges.len() && matches!(end, End::Dropped { .. }) =>
            {
                state.unasked_judge = Some((*at, *round));
            }
            _ => {}
        }
        state.stage = Stage::Ended(end);
        for step in judges.into_iter().chain([cell.step.clone()]) {
            self.open.remove(&CellId { step, key: cell.key.clone() });
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
        if matches!(end, RunEnd::Done | RunEnd::Cancelled) {
            self.open.clear();
            self.given_up.clear();
        }
        self.end = Some(end);
        self.output.clone_from(output);
        self.reason.clone_from(reason);
        Ok(())
    }
}
