//! One run seen as a whole: its state, its cells, its record, side by side. Writes nothing.

use std::collections::BTreeSet;

use bailiwick_core::fact::{Entry, StepBy};
use bailiwick_core::run::End;
use bailiwick_core::{Artifact, CellId, Digest, Name, RunState};

use super::outline::Outline;
use super::picture::Pictures;
use super::point::{Cells, Point};
use super::record::{Maker, Record};

pub(super) struct Trace<'a> {
    pub(super) outline: &'a Outline,
    pub(super) state: &'a RunState,
    pub(super) pictures: &'a Pictures,
    pub(super) cells: Cells<'a>,
    pub(super) record: Record,
}

impl<'a> Trace<'a> {
    pub(super) fn of(
        outline: &'a Outline,
        state: &'a RunState,
        entries: &[Entry],
        pictures: &'a Pictures,
    ) -> Self {
        let (cells, record) = (Cells::of(outline, state), Record::of(entries));
        Self { outline, state, pictures, cells, record }
    }

    /// The agent of a step; nothing for people.
    pub(super) fn agent(&self, step: &Name) -> Option<&'a Name> {
        match &self.state.step(step)?.shape.by {
            StepBy::Agent(agent) => Some(agent),
            StepBy::People(_) => None,
        }
    }

    /// `name version` of the component with this digest, as the run pinned it.
    pub(super) fn profile(&self, agent: &Name, component: Digest) -> Option<&'a str> {
        let pin = self.state.agents.get(agent).filter(|pin| pin.component == component)?;
        Some(pin.profile.as_str())
    }

    /// The round and output with which a cell was released.
    pub(super) fn released(&self, cell: &CellId) -> Option<(u32, Digest)> {
        match self.state.cell(cell)?.end()? {
            End::Released { round, output } => Some((*round, output.digest())),
            _ => None,
        }
    }

    /// The cell whose released output is this value, at this point; the first in file order.
    pub(super) fn carrier(&self, value: Digest, point: &Point) -> Option<CellId> {
        let key = point.key();
        let ids = self
            .state
            .steps
            .iter()
            .map(|step| CellId { step: step.shape.name.clone(), key: key.clone() });
        ids.into_iter().find(|id| self.released(id).is_some_and(|(_, output)| output == value))
    }

    /// The call that made a reference, of all that made an equal one: that of a released
    /// candidate before others, of a cell above the carrier before others, then the first.
    pub(super) fn maker(
        &self,
        artifact: &Artifact,
        carrier: Option<&CellId>,
        point: &Point,
    ) -> Option<&Maker> {
        let near: BTreeSet<CellId> =
            carrier.map(|cell| self.cells.above(cell).0).unwrap_or_default().into_iter().collect();
        let rank = |maker: &&Maker| {
            let cell = &maker.attempt.cell;
            let behind = self.released(cell).and_then(|(round, _)| self.record.behind(cell, round));
            (
                !(near.contains(cell) || carrier == Some(cell)),
                !Point::of(&cell.key).is_within(point),
                behind.as_ref() != Some(&maker.attempt),
                self.cells.place(cell).unwrap_or((usize::MAX, 0)),
                (maker.attempt.round, maker.attempt.attempt, maker.index),
            )
        };
        self.record.makers(artifact).iter().min_by_key(rank)
    }
}
