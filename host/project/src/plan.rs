//! A pipeline that passed every check: immutable, ready to be driven. Knows no TOML and no run.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bailiwick_core::fact::{JudgeShape, StepBy, StepShape};
use bailiwick_core::schema::Schema;
use bailiwick_core::{Currency, Name, Place};
use bailiwick_policy::{StepBudget, WhenSpent};

use crate::matrix::{Axis, Matrix};
use crate::template::Template;

/// One pipeline, valid in itself and against the project and the policy it was read with.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of the file without `.toml`.
    pub pipeline: Name,
    /// The file as people know it.
    pub file: String,
    /// What the run's input must be; nothing: an input is any JSON, `{}` unless given.
    pub input: Option<Schema>,
    /// In declaration order.
    pub axes: Vec<Axis>,
    /// What thins the product of the axes.
    pub matrix: Matrix,
    /// In file order. A judge comes before or after its subject, as the author likes.
    pub steps: Vec<Step>,
    /// What `run` prints and `--out` writes, in file order. It sees all released
    /// cells: a step with axes reads as the list `[{ axis: {…}, value: … }]`.
    pub output: Vec<(Name, Template)>,
    /// Every step that `output` reads, with all of its axes collected.
    pub output_reads: Vec<Read>,
    /// What happens when the grant of an agent or the day of the project is spent.
    pub when_spent: WhenSpent,
    /// The currency of its amounts, where it has any.
    pub currency: Option<Currency>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub name: Name,
    /// An agent, or people.
    pub by: StepBy,
    /// Its axes in declaration order; for a judge those of its subject.
    pub over: Vec<Name>,
    /// The axes along which it reads lists, in declaration order.
    pub collect: Vec<Name>,
    /// How many items each collected list must have at least, else the cell fails as `too-few`.
    pub min: u32,
    /// For a judge: whom it judges, and how many revisions it may ask of one cell.
    pub judges: Option<JudgeShape>,
    /// What the agent gets. A judge that says nothing gets `{ subject = "${subject}" }`,
    /// any other step `{}`. People get nothing but what `show` says, besides the subject.
    pub input: Template,
    /// For people: how long they are asked, and how many must agree.
    pub asking: Option<Asking>,
    /// For people: what is shown besides the subject.
    pub show: Option<Template>,
    /// Where it gives false the cell is skipped; see [`Template::holds`].
    pub when: Option<Template>,
    /// Steps that come first without being read. Axes that both have align; along the
    /// others every cell is waited for. An end of any kind will do.
    pub needs: Vec<Name>,
    /// Every step that `input`, `when` and `show` read, each once, in file order.
    pub reads: Vec<Read>,
    /// Whether `input`, `when` or `show` read `feedback`.
    pub reads_feedback: bool,
    /// What happens after a failure that may pass.
    pub retry: Retry,
    /// How many failed cells the run bears.
    pub tolerate: Tolerance,
    /// What all of its cells may spend in one run.
    pub budget: Option<StepBudget>,
    /// How many cells of this step run at a time; unset: as many as the run allows.
    pub concurrency: Option<NonZeroUsize>,
    /// Whether the output of an equal attempt of another run will do. Never for a judge.
    pub cache: bool,
    /// Whether a failed attempt is tried again although a request of it may have changed
    /// something outside.
    pub repeat_effects: bool,
    /// Where its table stands.
    pub place: Place,
}

/// That one step reads another. Axes that only the reader has broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The step that is read; may be an earlier judge of the same subject.
    pub step: Name,
    /// Axes that both have: the cells align. In declaration order.
    pub shared: Vec<Name>,
    /// Axes that only the step that is read has: a list of its cells is read. In
    /// declaration order. Empty: one value is read.
    pub collected: Vec<Name>,
}

/// How people are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// How many different people must approve.
    pub quorum: NonZeroU32,
    /// When it is decided without them; unset: never.
    pub timeout: Option<Timeout>,
    /// The time from a question to its first reminder, and from each to the next.
    pub remind: Option<Duration>,
}

/// What happens to a question that nobody decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    /// How long after it was put.
    pub after: Duration,
    /// What is decided then.
    pub then: OnTimeout,
}

/// What a timeout decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnTimeout {
    /// As a person's rejection.
    #[default]
    Reject,
    /// As a person's approval; what is escalated is rejected all the same, because only
    /// people release that.
    Approve,
}

/// Attempts at one round of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first try included; 1: no retry.
    pub attempts: u32,
    /// The pause before the second attempt. Who drives the plan may lengthen it for later ones.
    pub backoff: Duration,
}

/// The share of cells that may fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerance {
    /// 0 to 100.
    pub percent: u8,
}

impl Tolerance {
    /// How many of so many cells (skipped ones not counted) may fail: rounded down.
    #[must_use]
    pub fn most(self, cells: u64) -> u64 {
        u64::try_from(u128::from(cells) * u128::from(self.percent) / 100).unwrap_or(u64::MAX)
    }
}

/// The most that a run can come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorstCase {
    /// Attempts of agents: every revision asked for, every retry needed.
    pub attempts: u64,
    /// The same by agent.
    pub of_agents: BTreeMap<Name, u64>,
    /// Questions to people.
    pub questions: u64,
}

impl Plan {
    /// The step of this name.
    #[must_use]
    pub fn step(&self, name: &Name) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == *name)
    }

    /// The axis of this name.
    #[must_use]
    pub fn axis(&self, name: &Name) -> Option<&Axis> {
        self.axes.iter().find(|axis| axis.name == *name)
    }

    /// The judges of a step, in the order in which they judge.
    pub fn judges_of(&self, step: &Name) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(move |judge| judge.judges.as_ref().is_some_and(|j| j.subject == *step))
    }

    /// As much of each step as the legality of facts depends on, in file order.
    #[must_use]
    pub fn shape(&self) -> Vec<StepShape> {
        let shape = |step: &Step| StepShape {
            name: step.name.clone(),
            by: step.by.clone(),
            judges: step.judges.clone(),
        };
        self.steps.iter().map(shape).collect()
    }

    /// How often one cell of a step may be done: 1 + the rounds of all its judges.
    /// Edits of people use rounds too, and run no agent.
    #[must_use]
    pub fn rounds_of(&self, step: &Name) -> u64 {
        let rounds =
            |judge: &Step| judge.judges.as_ref().map_or(0, |shape| u64::from(shape.rounds));
        1 + self.judges_of(step).map(rounds).sum::<u64>()
    }

    /// The most attempts and questions of a run with so many cells of each step
    /// (judges need not be counted: they have their subject's cells).
    #[must_use]
    pub fn worst_case(&self, cells: &BTreeMap<Name, u64>) -> WorstCase {
        let mut worst = WorstCase::default();
        for step in &self.steps {
            let subject = step.judges.as_ref().map_or(&step.name, |shape| &shape.subject);
            let cells = cells.get(subject).copied().unwrap_or(0);
            let candidates = cells.saturating_mul(self.rounds_of(subject));
            match step.by {
                StepBy::Agent(ref agent) => {
                    let tries = candidates.saturating_mul(u64::from(step.retry.attempts));
                    worst.attempts = worst.attempts.saturating_add(tries);
                    let of = worst.of_agents.entry(agent.clone()).or_default();
                    *of = of.saturating_add(tries);
                }
                StepBy::People(_) => worst.questions = worst.questions.saturating_add(candidates),
            }
        }
        worst
    }
}

impl Step {
    /// The agent that does it, where no people do.
    #[must_use]
    pub fn agent(&self) -> Option<&Name> {
        match &self.by {
            StepBy::Agent(agent) => Some(agent),
            StepBy::People(_) => None,
        }
    }

    /// How this step reads that one.
    #[must_use]
    pub fn read(&self, step: &Name) -> Option<&Read> {
        self.reads.iter().find(|read| read.step == *step)
    }
}
