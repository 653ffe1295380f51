//! Turns: who waits is served lane by lane, and within a lane in the same way. Knows nothing of what is waited for.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

/// Something from which the next is taken.
pub(crate) trait Lane: Default {
    /// What stands in it.
    type Item;

    /// Takes the next.
    fn take(&mut self) -> Option<Self::Item>;

    /// Whether nobody waits.
    fn is_empty(&self) -> bool;
}

impl<T> Lane for VecDeque<T> {
    type Item = T;

    fn take(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn is_empty(&self) -> bool {
        VecDeque::is_empty(self)
    }
}

/// Lanes by key. However many wait in one of them, each of the others is served before
/// it is served twice.
pub(crate) struct Turns<K, L> {
    lanes: BTreeMap<K, L>,
    /// Whose turn it was last.
    last: Option<K>,
}

impl<K, L> Default for Turns<K, L> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), last: None }
    }
}

impl<K: Ord + Clone, L: Lane> Turns<K, L> {
    /// The lane of a key, made where there is none. Who takes something out of it himself
    /// leaves no empty one behind: he calls [`Turns::tidy`].
    pub(crate) fn lane(&mut self, key: K) -> &mut L {
        self.lanes.entry(key).or_default()
    }

    /// Forgets lanes in which nobody waits.
    pub(crate) fn tidy(&mut self) {
        self.lanes.retain(|_, lane| !lane.is_empty());
    }

    /// Every lane.
    pub(crate) fn lanes_mut(&mut self) -> impl Iterator<Item = &mut L> {
        self.lanes.values_mut()
    }

    fn next(&self) -> Option<&K> {
        let after = |last| {
            self.lanes.range((Bound::Excluded(last), Bound::Unbounded)).next().map(|(key, _)| key)
        };
        self.last.as_ref().and_then(after).or_else(|| self.lanes.keys().next())
    }
}

impl<K: Ord + Clone, L: Lane> Lane for Turns<K, L> {
    type Item = L::Item;

    fn take(&mut self) -> Option<L::Item> {
        let key = self.next()?.clone();
        let lane = self.lanes.get_mut(&key)?;
        let item = lane.take();
        if lane.is_empty() {
            self.lanes.remove(&key);
        }
        self.last = Some(key);
        item
    }

    fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lane_is_served_before_one_is_served_twice() {
        let mut turns: Turns<&str, Turns<&str, VecDeque<u32>>> = Turns::default();
        for number in 0..10_000 {
            turns.lane("large").lane("r1").push_back(number);
        }
        turns.lane("large").lane("r2").push_back(77);
        turns.lane("small").lane("r3").extend([1, 2]);
        let first: Vec<u32> = std::iter::from_fn(|| turns.take()).take(6).collect();
        assert_eq!(first, [0, 1, 77, 2, 1, 2], "projects in turn, and runs within a project");
        assert_eq!(std::iter::from_fn(|| turns.take()).count(), 10_003 - 6);
        assert!(turns.is_empty());
    }
}
