//! Slots: which generation each agent name points at. Plain data; swaps come with plugins.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::{Digest, Name};
use bailiwick_policy::Generation;
use bailiwick_policy::ports::Slots;

/// The slots of one project.
pub(crate) struct Table {
    current: BTreeMap<Name, Arc<Generation>>,
    /// What attempts go on with that began before today's.
    older: Vec<Arc<Generation>>,
}

impl Table {
    pub(crate) fn of(
        current: impl IntoIterator<Item = Generation>,
        older: impl IntoIterator<Item = Generation>,
    ) -> Self {
        let current = current.into_iter().map(|g| (g.agent.clone(), Arc::new(g)));
        Self { current: current.collect(), older: older.into_iter().map(Arc::new).collect() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Arc<Generation>)> {
        self.current.iter()
    }
}

impl Slots for Table {
    fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
        self.current.get(agent).cloned()
    }

    fn pinned(&self, agent: &Name, component: &Digest) -> Option<Arc<Generation>> {
        let all = self.current.get(agent).into_iter().chain(&self.older);
        all.into_iter().find(|g| g.agent == *agent && g.component == *component).cloned()
    }
}
