//! What can start now, and in which order: fair between steps, bounded for each step and for the run. Starts nothing.

use std::collections::{BTreeMap, VecDeque};

use bailiwick_core::{AttemptId, CellId, Name};
use bailiwick_policy::ports::Place;
use bailiwick_project::Plan;

use crate::inbox::RunHandle;
use crate::room::{Company, Room};

/// Something to start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// A round of a cell.
    Cell { cell: CellId, round: u32 },
    /// A judge at a round of a cell.
    Judge { judge: Name, cell: CellId, round: u32 },
    /// Another attempt with the same input.
    Again(Again),
    /// The same attempt, with its record.
    Continue(AttemptId),
}

/// A repeated attempt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Again {
    pub(crate) id: AttemptId,
}

impl Work {
    /// The step whose place it takes.
    pub(crate) fn step(&self) -> &Name {
        match self {
            Self::Cell { cell, .. } => &cell.step,
            Self::Judge { judge, .. } => judge,
            Self::Again(again) => &again.id.cell.step,
            Self::Continue(id) => &id.cell.step,
        }
    }
}

/// Queues by step, with the places that are taken.
pub(crate) struct Queue {
    lanes: Vec<Lane>,
    /// What runs with nobody beside it, one after the other, before everything else.
    alone: VecDeque<Work>,
    /// Whether what runs is to have nobody beside it.
    solitude: bool,
    by_name: BTreeMap<Name, usize>,
    /// Where the next look begins: after the step that was served last.
    turn: usize,
    active: usize,
    most: usize,
    room: Room,
}

struct Lane {
    /// What was begun before: a judge, a revision, another attempt.
    begun: VecDeque<Work>,
    /// Cells that are new.
    fresh: VecDeque<Work>,
    active: usize,
    most: usize,
}

impl Queue {
    /// Empty queues; at most `most` places in all, and none that is not this run's to
    /// take in the room that it shares. People take no place.
    pub(crate) fn new(plan: &Plan, most: usize, room: Room) -> Self {
        let lanes = plan.steps.iter().map(|step| Lane {
            begun: VecDeque::new(),
            fresh: VecDeque::new(),
            active: 0,
            most: step.concurrency.map_or(usize::MAX, std::num::NonZeroUsize::get),
        });
        let by_name =
            plan.steps.iter().enumerate().map(|(at, step)| (step.name.clone(), at)).collect();
        let (alone, solitude) = (VecDeque::new(), false);
        Self { lanes: lanes.collect(), alone, solitude, by_name, turn: 0, active: 0, most, room }
    }

    /// Adds work to its step's queues: first come, first served, and what was begun
    /// before comes before what is new: it frees places and people sooner.
    pub(crate) fn push(&mut self, work: Work) {
        let Some(lane) = self.by_name.get(work.step()).and_then(|at| self.lanes.get_mut(*at))
        else {
            return;
        };
        match work {
            Work::Cell { round: 0, .. } => lane.fresh.push_back(work),
            _ => lane.begun.push_back(work),
        }
    }

    /// Adds work that nothing may run beside.
    pub(crate) fn push_alone(&mut self, work: Work) {
        if self.by_name.contains_key(work.step()) {
            self.alone.push_back(work);
        }
    }

    /// The next work, with its place taken; step by step in turn. Where only the place
    /// is missing, `run` is told when there is one.
    pub(crate) fn take(&mut self, run: &RunHandle) -> Option<Work> {
        let Some((at, company)) = self.next() else {
            self.room.settle();
            return None;
        };
        if !self.room.enter(company) {
            self.room.ask(run);
            return None;
        }
        let lane = self.lanes.get_mut(at)?;
        let work = match company {
            Company::Nobody => self.alone.pop_front()?,
            Company::Any => lane.begun.pop_front().or_else(|| lane.fresh.pop_front())?,
        };
        lane.active += 1;
        self.active += 1;
        self.turn = at + 1;
        self.solitude = company == Company::Nobody;
        Some(work)
    }

    /// The lane whose turn it is, of those that have work and may do it. Whatever is to
    /// run alone waits for all that runs, and all else waits for it.
    fn next(&self) -> Option<(usize, Company)> {
        if let Some(work) = self.alone.front() {
            let at = self.by_name.get(work.step()).filter(|_| self.active == 0)?;
            return Some((*at, Company::Nobody));
        }
        if self.active >= self.most || (self.solitude && self.active > 0) {
            return None;
        }
        let turns = (0..self.lanes.len()).map(|offset| (self.turn + offset) % self.lanes.len());
        let mut turns = turns.filter_map(|at| Some((at, self.lanes.get(at)?)));
        let next = turns.find(|(_, lane)| {
            lane.active < lane.most && !(lane.begun.is_empty() && lane.fresh.is_empty())
        });
        next.map(|(at, _)| (at, Company::Any))
    }

    /// The place that was asked for.
    pub(crate) fn place(&mut self, place: Place, company: Company) {
        self.room.take(place, company);
    }

    /// Gives the place of a step back.
    pub(crate) fn free(&mut self, step: &Name) {
        if let Some(lane) = self.by_name.get(step).and_then(|at| self.lanes.get_mut(*at)) {
            lane.active = lane.active.saturating_sub(1);
            self.active = self.active.saturating_sub(1);
            self.room.leave();
        }
    }

    /// Whether nothing waits for a place and none is taken.
    pub(crate) fn is_idle(&self) -> bool {
        self.active == 0
            && self.alone.is_empty()
            && self.lanes.iter().all(|lane| lane.begun.is_empty() && lane.fresh.is_empty())
    }

    /// Forgets what waits: nothing new starts.
    pub(crate) fn clear(&mut self) {
        self.alone.clear();
        for lane in &mut self.lanes {
            lane.begun.clear();
            lane.fresh.clear();
        }
        self.room.settle();
    }
}
