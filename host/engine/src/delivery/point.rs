//! Points of a run's axes: which cell stands where, and which stand above one another. Knows nothing of what cells say.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bailiwick_core::run::End;
use bailiwick_core::{CellId, CellKey, Name, RunState};
use bailiwick_project::Read;
use serde_json::Value;

use super::outline::Outline;

/// The most cells above one asset that are named: more than the steps and rounds of any
/// pipeline that people can read, and few enough that an asset which collects
/// thousands of cells does not make the manifest grow with the square of the run.
pub const ABOVE_MAX: usize = 128;

/// Pairs of axis and id, in declaration order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point(pub(super) Vec<(Name, String)>);

impl Point {
    /// The point of a cell.
    pub(super) fn of(key: &CellKey) -> Self {
        Self(key.pairs().filter_map(|(axis, id)| Some((Name::new(axis).ok()?, id))).collect())
    }

    /// The point that an `axis` object of an `[output]` list names; nothing where it
    /// is not made of this run's axes and values.
    pub(super) fn read(axis: &Value, outline: &Outline, state: &RunState) -> Option<Self> {
        let members = axis.as_object().filter(|members| !members.is_empty())?;
        let mut pairs = Vec::with_capacity(members.len());
        for name in outline.axes.iter().filter(|name| members.contains_key(name.as_str())) {
            let value = members.get(name.as_str())?;
            let known = state.axes.get(name)?.iter().find(|known| known.value() == value)?;
            pairs.push((name.clone(), known.id().to_owned()));
        }
        (pairs.len() == members.len()).then_some(Self(pairs))
    }

    /// The key of a cell at this point.
    pub(super) fn key(&self) -> CellKey {
        CellKey::of(self.0.iter().map(|(axis, id)| (axis, id.as_str())))
    }

    /// Whether every pair of this point is one of the other's.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|pair| other.0.contains(pair))
    }

    /// The pairs of these axes alone.
    pub(super) fn along(&self, axes: &[Name]) -> Self {
        Self(self.0.iter().filter(|(axis, _)| axes.contains(axis)).cloned().collect())
    }

    /// The first `count` pairs.
    pub(super) fn first(&self, count: usize) -> Self {
        Self(self.0.iter().take(count).cloned().collect())
    }
}

/// Where a cell stands: its step in file order, its place in the step in axis order.
pub(super) type Place = (usize, usize);

/// Every cell of a run at its place.
pub(super) struct Cells<'a> {
    outline: &'a Outline,
    places: HashMap<CellId, Place>,
    steps: BTreeMap<Name, Vec<(CellId, Point)>>,
    released: BTreeSet<Place>,
}

impl<'a> Cells<'a> {
    pub(super) fn of(outline: &'a Outline, state: &RunState) -> Self {
        let mut cells = Self {
            outline,
            places: HashMap::new(),
            steps: BTreeMap::new(),
            released: BTreeSet::new(),
        };
        for (at, step) in state.steps.iter().enumerate() {
            let mut members = Vec::with_capacity(step.order.len());
            for (index, key) in step.order.iter().enumerate() {
                let id = CellId { step: step.shape.name.clone(), key: key.clone() };
                if matches!(
                    step.cells.get(key).and_then(|cell| cell.end()),
                    Some(End::Released { .. })
                ) {
                    cells.released.insert((at, index));
                }
                cells.places.insert(id.clone(), (at, index));
                members.push((id, Point::of(key)));
            }
            cells.steps.insert(step.shape.name.clone(), members);
        }
        cells
    }

    /// Where a cell stands; nothing for a judge's.
    pub(super) fn place(&self, cell: &CellId) -> Option<Place> {
        self.places.get(cell).copied()
    }

    /// The cells that a cell reads directly, each read with its released cells.
    pub(super) fn reads(&self, cell: &CellId) -> Vec<(&'a Read, Vec<CellId>)> {
        let point = Point::of(&cell.key);
        let reads = self.outline.reads.get(&cell.step).map(Vec::as_slice).unwrap_or_default();
        reads
            .iter()
            .map(|read| (read, self.members(&read.step, &point.along(&read.shared))))
            .collect()
    }

    /// The released cells whose values went into this one, nearest first and at most
    /// [`ABOVE_MAX`], then in file and axis order; and whether that is all of them.
    pub(super) fn above(&self, cell: &CellId) -> (Vec<CellId>, bool) {
        let mut found: BTreeMap<Place, CellId> = BTreeMap::new();
        let mut next = VecDeque::from([cell.clone()]);
        while let Some(reader) = next.pop_front() {
            for source in self.directly_above(&reader) {
                let Some(place) = self.place(&source) else { continue };
                if found.contains_key(&place) {
                    continue;
                }
                if found.len() == ABOVE_MAX {
                    return (found.into_values().collect(), false);
                }
                found.insert(place, source.clone());
                next.push_back(source);
            }
        }
        (found.into_values().collect(), true)
    }

    fn directly_above(&self, cell: &CellId) -> Vec<CellId> {
        let mut above: Vec<CellId> =
            self.reads(cell).into_iter().flat_map(|(_, cells)| cells).collect();
        for (axis, _) in Point::of(&cell.key).0 {
            let sources = self.outline.sources.get(&axis).map(Vec::as_slice).unwrap_or_default();
            above.extend(sources.iter().flat_map(|step| self.members(step, &Point::default())));
        }
        above
    }

    /// The released cells of a step at a point: one where it has no further axes.
    fn members(&self, step: &Name, point: &Point) -> Vec<CellId> {
        let direct = CellId { step: step.clone(), key: point.key() };
        if let Some(place) = self.places.get(&direct) {
            return if self.released.contains(place) { vec![direct] } else { Vec::new() };
        }
        let members = self.steps.get(step).map(Vec::as_slice).unwrap_or_default();
        let there = members.iter().filter(|(id, at)| {
            point.is_within(at)
                && self.places.get(id).is_some_and(|place| self.released.contains(place))
        });
        there.map(|(id, _)| id.clone()).collect()
    }
}
