//! Slots: which generation each agent name points at. Plain data; swaps come with plugins.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::Name;
use bailiwick_policy::Generation;
use bailiwick_policy::ports::Slots;

/// The slots of one project.
pub(crate) struct Table(BTreeMap<Name, Arc<Generation>>);

impl Table {
    pub(crate) fn of(generations: impl IntoIterator<Item = Generation>) -> Self {
        Self(generations.into_iter().map(|g| (g.agent.clone(), Arc::new(g))).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Arc<Generation>)> {
        self.0.iter()
    }
}

impl Slots for Table {
    fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
        self.0.get(agent).cloned()
    }
}
