//! How many cells of each step stand where. Counts a run's state and knows nothing of how it is shown.

use bailiwick_core::fact::StepBy;
use bailiwick_core::run::{CellState, End, JudgeStage, Stage, StepState};
use bailiwick_core::{Name, RunState};
use bailiwick_engine::history::RunPhase;

/// The cells of one step, by where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Released.
    pub(crate) done: usize,
    /// `when` was false.
    pub(crate) skipped: usize,
    /// Judged out, or above them something was.
    pub(crate) dropped: usize,
    /// Could not be computed.
    pub(crate) failed: usize,
    /// People are asked.
    pub(crate) waiting: usize,
    /// At work, at a judge, or between two tries.
    pub(crate) running: usize,
    /// Let go in the middle, until there is more budget, room, or an answer.
    pub(crate) parked: usize,
    /// In the middle of a run that has ended.
    pub(crate) unfinished: usize,
    /// Not begun.
    pub(crate) idle: usize,
    /// Of all of them: their own output was made in another run.
    pub(crate) reused: usize,
}

impl Tally {
    /// Those that have ended, in whatever way.
    pub(crate) fn ended(&self) -> usize {
        self.done + self.skipped + self.dropped + self.failed
    }

    /// All of them.
    pub(crate) fn all(&self) -> usize {
        self.ended() + self.waiting + self.running + self.parked + self.unfinished + self.idle
    }

    /// Both together.
    fn plus(&self, other: &Self) -> Self {
        Self {
            done: self.done + other.done,
            skipped: self.skipped + other.skipped,
            dropped: self.dropped + other.dropped,
            failed: self.failed + other.failed,
            waiting: self.waiting + other.waiting,
            running: self.running + other.running,
            parked: self.parked + other.parked,
            unfinished: self.unfinished + other.unfinished,
            idle: self.idle + other.idle,
            reused: self.reused + other.reused,
        }
    }

    /// The same of a run that nobody drives any more, or that stands so: nothing runs in it.
    pub(crate) fn left(self, going: Going) -> Self {
        let mut left = Self { running: 0, parked: 0, waiting: 0, ..self };
        for (word, count) in [
            (Word::Running, self.running),
            (Word::Parked, self.parked),
            (Word::Waiting, self.waiting),
        ] {
            *match word.of(going) {
                Word::Parked => &mut left.parked,
                Word::Waiting => &mut left.waiting,
                Word::Unfinished => &mut left.unfinished,
                _ => &mut left.running,
            } += count;
        }
        left
    }

    /// The counts that are not zero, with their words.
    pub(crate) fn words(&self) -> Vec<(Word, usize)> {
        let counts = [
            (Word::Done, self.done),
            (Word::Running, self.running),
            (Word::Parked, self.parked),
            (Word::Waiting, self.waiting),
            (Word::Unfinished, self.unfinished),
            (Word::Failed, self.failed),
            (Word::Dropped, self.dropped),
            (Word::Skipped, self.skipped),
            (Word::Reused, self.reused),
        ];
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

/// What is said of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words themselves")]
pub(crate) enum Word {
    Done,
    Running,
    Parked,
    Waiting,
    Unfinished,
    Failed,
    Dropped,
    Skipped,
    Reused,
}

/// What becomes of the cells of a run that are in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Going {
    /// Somebody drives it.
    On,
    /// It rests, was interrupted, or waits for people: when it goes on, so do they.
    Later,
    /// It has ended.
    Never,
}

impl Going {
    /// Of a run that stands so.
    pub(crate) fn of(phase: RunPhase) -> Self {
        match phase {
            RunPhase::Running => Self::On,
            RunPhase::Waiting | RunPhase::Paused | RunPhase::Interrupted => Self::Later,
            RunPhase::Done | RunPhase::Failed | RunPhase::Cancelled => Self::Never,
        }
    }
}

impl Word {
    /// What is true of a cell in a run that goes so.
    pub(crate) fn of(self, going: Going) -> Self {
        match (self, going) {
            (Self::Running, Going::Later) => Self::Parked,
            (Self::Running | Self::Parked | Self::Waiting, Going::Never) => Self::Unfinished,
            (word, _) => word,
        }
    }

    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Waiting => "waiting",
            Self::Unfinished => "unfinished",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Skipped => "skipped",
            Self::Reused => "reused",
        }
    }
}

/// A step that has cells, with its judges.
pub(crate) struct Row<'a> {
    pub(crate) step: &'a StepState,
    pub(crate) tally: Tally,
}

/// One row for each step that has cells of its own, in file order.
pub(crate) fn rows(state: &RunState) -> Vec<Row<'_>> {
    let own = state.steps.iter().filter(|step| step.shape.judges.is_none());
    own.map(|step| Row { step, tally: of(step) }).collect()
}

/// All cells of a run.
pub(crate) fn total(state: &RunState) -> Tally {
    rows(state).iter().fold(Tally::default(), |sum, row| sum.plus(&row.tally))
}

/// The cells of one step.
pub(crate) fn of(step: &StepState) -> Tally {
    let mut tally = Tally::default();
    for cell in step.cells.values() {
        let own = |(of, _): &(Name, u32)| *of == step.shape.name;
        tally.reused += usize::from(cell.reused.keys().any(own));
        *match word(cell) {
            Some(Word::Done) => &mut tally.done,
            Some(Word::Running) => &mut tally.running,
            Some(Word::Parked) => &mut tally.parked,
            Some(Word::Waiting) => &mut tally.waiting,
            Some(Word::Failed) => &mut tally.failed,
            Some(Word::Dropped) => &mut tally.dropped,
            Some(Word::Skipped) => &mut tally.skipped,
            Some(Word::Unfinished | Word::Reused) | None => &mut tally.idle,
        } += 1;
    }
    tally
}

/// Where a cell stands; nothing where it has not begun.
pub(crate) fn word(cell: &CellState) -> Option<Word> {
    match &cell.stage {
        Stage::Idle => None,
        Stage::Judging { now: JudgeStage::Asked { .. }, .. } => Some(Word::Waiting),
        Stage::Parked { .. } | Stage::Judging { now: JudgeStage::Parked { .. }, .. } => {
            Some(Word::Parked)
        }
        Stage::Ended(End::Released { .. }) => Some(Word::Done),
        Stage::Ended(End::Skipped) => Some(Word::Skipped),
        Stage::Ended(End::Dropped { .. }) => Some(Word::Dropped),
        Stage::Ended(End::Failed { .. }) => Some(Word::Failed),
        _ => Some(Word::Running),
    }
}

/// `agent draft`, `people: editors`.
pub(crate) fn by(step: &StepBy) -> String {
    match step {
        StepBy::Agent(name) => format!("agent {name}"),
        StepBy::People(groups) => format!("people: {}", groups.join(", ")),
    }
}

/// How many candidates of a step a judge has before it now.
pub(crate) fn at_judge(subject: &StepState, judge: &Name) -> usize {
    let Some(index) = subject.judges.iter().position(|name| name == judge) else { return 0 };
    subject
        .cells
        .values()
        .filter(|cell| matches!(&cell.stage, Stage::Judging { at, .. } if *at == index))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_runs_in_a_run_that_rests_and_nothing_waits_in_one_that_has_ended() {
        let tally =
            Tally { done: 2, running: 3, parked: 4, waiting: 5, idle: 6, ..Tally::default() };
        let left = |phase| {
            let left = tally.clone().left(Going::of(phase));
            assert_eq!(left.all(), tally.all());
            (left.running, left.parked, left.waiting, left.unfinished)
        };
        assert_eq!(left(RunPhase::Running), (3, 4, 5, 0));
        for later in [RunPhase::Waiting, RunPhase::Paused, RunPhase::Interrupted] {
            assert_eq!(left(later), (0, 7, 5, 0));
        }
        for never in [RunPhase::Done, RunPhase::Failed, RunPhase::Cancelled] {
            assert_eq!(left(never), (0, 0, 0, 12));
        }
    }
}
