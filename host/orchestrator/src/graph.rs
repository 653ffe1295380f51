//! Who waits for whom: cells of other steps by group. Knows no values and no facts.
//!
//! A *group* is the cells of one step that look alike along some axes: what an
//! aligned, broadcast or collected read waits for. Each cell counts down the groups
//! that it is in, each group the waiters that it has, so the work for a run grows
//! with cells and reads, never with their product.

use std::collections::{BTreeMap, HashMap, HashSet};

use bailiwick_core::{CellId, CellKey, Name};
use bailiwick_project::Point;

/// Something that can go on when what it waits for has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Waiter {
    /// A cell.
    Cell(CellId),
    /// A judge at a cell of its subject.
    Judge { judge: Name, cell: CellId },
    /// The values of an axis.
    Axis(Name),
}

/// That a waiter needs the cells of a step that look like `point` along `shared`.
pub(crate) struct Need {
    pub(crate) step: Name,
    pub(crate) shared: Vec<Name>,
    pub(crate) point: Point,
}

#[derive(Default)]
pub(crate) struct Graph {
    steps: HashMap<Name, Laid>,
    unmet: HashMap<Waiter, usize>,
    /// Needs of steps that have no cells yet.
    early: HashMap<Name, Vec<(Waiter, Need)>>,
}

#[derive(Default)]
struct Laid {
    points: HashMap<CellKey, Point>,
    order: Vec<CellKey>,
    ended: HashSet<CellKey>,
    /// By the axes along which members look alike.
    partitions: BTreeMap<Vec<Name>, HashMap<CellKey, Group>>,
}

#[derive(Default)]
struct Group {
    members: Vec<CellKey>,
    open: usize,
    waiting: Vec<Waiter>,
}

impl Graph {
    /// A step has its cells. Who waited for that, and now for nothing, can go on.
    pub(crate) fn lay_out(&mut self, step: &Name, points: Vec<Point>) -> Vec<Waiter> {
        let order = points.iter().map(|point| point.key.clone()).collect();
        let points = points.into_iter().map(|point| (point.key.clone(), point)).collect();
        self.steps.insert(step.clone(), Laid { points, order, ..Laid::default() });
        let mut ready = Vec::new();
        for (waiter, need) in self.early.remove(step).unwrap_or_default() {
            if !self.join(&waiter, &need) && self.count_down(&waiter) {
                ready.push(waiter);
            }
        }
        ready
    }

    /// Registers a waiter. Says whether it needs to wait at all.
    pub(crate) fn wait(&mut self, waiter: Waiter, needs: Vec<Need>) -> bool {
        let mut unmet = 0;
        for need in needs {
            if !self.steps.contains_key(&need.step) {
                self.early.entry(need.step.clone()).or_default().push((waiter.clone(), need));
                unmet += 1;
            } else if self.join(&waiter, &need) {
                unmet += 1;
            }
        }
        if unmet > 0 {
            self.unmet.insert(waiter, unmet);
        }
        unmet > 0
    }

    /// A cell has ended. Whoever waited for it last can go on.
    pub(crate) fn ended(&mut self, cell: &CellId) -> Vec<Waiter> {
        let Some(laid) = self.steps.get_mut(&cell.step) else { return Vec::new() };
        let Some(point) = laid.points.get(&cell.key) else { return Vec::new() };
        if !laid.ended.insert(cell.key.clone()) {
            return Vec::new();
        }
        let mut freed = Vec::new();
        for (shared, groups) in &mut laid.partitions {
            if let Some(group) = groups.get_mut(&point.along(shared).key) {
                group.open -= 1;
                if group.open == 0 {
                    freed.append(&mut group.waiting);
                }
            }
        }
        freed.retain(|waiter| self.count_down(waiter));
        freed
    }

    /// The cells of a step that look like `point` along `shared`, in axis order.
    pub(crate) fn members(&mut self, step: &Name, shared: &[Name], point: &Point) -> Vec<CellKey> {
        self.group(step, shared, point).map(|group| group.members.clone()).unwrap_or_default()
    }

    /// The point of a cell.
    pub(crate) fn point(&self, cell: &CellId) -> Option<&Point> {
        self.steps.get(&cell.step)?.points.get(&cell.key)
    }

    /// How many cells all steps have.
    pub(crate) fn len(&self) -> usize {
        self.steps.values().map(|laid| laid.order.len()).sum()
    }

    /// Whether every cell of every one of these steps has ended.
    pub(crate) fn all_ended<'a>(&self, steps: impl IntoIterator<Item = &'a Name>) -> bool {
        steps.into_iter().all(|step| {
            self.steps.get(step).is_some_and(|laid| laid.ended.len() == laid.order.len())
        })
    }

    /// Lets a waiter join the group that it needs. Says whether that group is open.
    fn join(&mut self, waiter: &Waiter, need: &Need) -> bool {
        match self.group(&need.step, &need.shared, &need.point) {
            Some(group) if group.open > 0 => {
                group.waiting.push(waiter.clone());
                true
            }
            _ => false,
        }
    }

    fn group(&mut self, step: &Name, shared: &[Name], point: &Point) -> Option<&mut Group> {
        let laid = self.steps.get_mut(step)?;
        if !laid.partitions.contains_key(shared) {
            let partition = laid.partition(shared);
            laid.partitions.insert(shared.to_vec(), partition);
        }
        laid.partitions.get_mut(shared)?.get_mut(&point.along(shared).key)
    }

    fn count_down(&mut self, waiter: &Waiter) -> bool {
        match self.unmet.get_mut(waiter) {
            Some(unmet) if *unmet > 1 => {
                *unmet -= 1;
                false
            }
            Some(_) => {
                self.unmet.remove(waiter);
                true
            }
            None => false,
        }
    }
}

impl Laid {
    fn partition(&self, shared: &[Name]) -> HashMap<CellKey, Group> {
        let mut groups: HashMap<CellKey, Group> = HashMap::new();
        for key in &self.order {
            let Some(point) = self.points.get(key) else { continue };
            let group = groups.entry(point.along(shared).key).or_default();
            group.members.push(key.clone());
            group.open += usize::from(!self.ended.contains(key));
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::AxisValue;
    use serde_json::json;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn point(pairs: &[(&str, &str)]) -> Point {
        let values: Vec<_> =
            pairs.iter().map(|(a, v)| (name(a), AxisValue::try_from(json!(v)).unwrap())).collect();
        Point { key: CellKey::of(values.iter().map(|(a, v)| (a, v.id()))), values }
    }

    fn cell(step: &str, point: &Point) -> CellId {
        CellId { step: name(step), key: point.key.clone() }
    }

    #[test]
    fn an_aligned_reader_waits_for_its_own_cell_only() {
        let mut graph = Graph::default();
        let (de, en) = (point(&[("locale", "de")]), point(&[("locale", "en")]));
        graph.lay_out(&name("draft"), vec![de.clone(), en.clone()]);
        let waiter = Waiter::Cell(cell("seo", &de));
        let need = Need { step: name("draft"), shared: vec![name("locale")], point: de.clone() };
        assert!(graph.wait(waiter.clone(), vec![need]));
        assert_eq!(graph.ended(&cell("draft", &en)), []);
        assert_eq!(graph.ended(&cell("draft", &de)), [waiter]);
    }

    #[test]
    fn a_collecting_reader_waits_for_all_of_its_group() {
        let mut graph = Graph::default();
        let points: Vec<_> = ["a", "b"]
            .iter()
            .flat_map(|t| ["de", "en"].map(|l| point(&[("topic", t), ("locale", l)])))
            .collect();
        graph.lay_out(&name("draft"), points.clone());
        let de = point(&[("locale", "de")]);
        let waiter = Waiter::Cell(cell("digest", &de));
        let shared = vec![name("locale")];
        let need = Need { step: name("draft"), shared: shared.clone(), point: de.clone() };
        assert!(graph.wait(waiter.clone(), vec![need]));
        let freed: Vec<_> = points.iter().map(|p| graph.ended(&cell("draft", p)).len()).collect();
        assert_eq!(freed, [0, 0, 1, 0]);
        let members = graph.members(&name("draft"), &shared, &de);
        assert_eq!(members, [points[0].key.clone(), points[2].key.clone()]);
    }

    #[test]
    fn a_need_of_a_step_without_cells_yet_is_kept() {
        let mut graph = Graph::default();
        let single = point(&[]);
        let need = || Need { step: name("draft"), shared: vec![], point: point(&[]) };
        let (empty, full) = (Waiter::Axis(name("x")), Waiter::Axis(name("y")));
        assert!(graph.wait(full.clone(), vec![need()]));
        assert_eq!(graph.lay_out(&name("draft"), vec![single.clone()]), []);
        assert_eq!(graph.ended(&cell("draft", &single)), [full]);
        let none = Need { step: name("none"), shared: vec![], point: point(&[]) };
        assert!(graph.wait(empty.clone(), vec![none]));
        assert_eq!(graph.lay_out(&name("none"), vec![]), [empty]);
    }
}
