//! Slots: which generation each agent name points at, and what the rules of now leave of it. Swaps come with plugins.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::{Digest, Name};
use bailiwick_policy::ports::Slots;
use bailiwick_policy::{Effective, Generation, Rules};

use crate::admission::Material;

/// The slots of one run.
pub(crate) struct Table {
    current: BTreeMap<Name, Arc<Generation>>,
    /// What attempts go on with that began before today's.
    older: Vec<Arc<Generation>>,
    rules: Arc<dyn Rules>,
    material: Material,
}

impl Table {
    pub(crate) fn of(
        (current, older): (Vec<Generation>, Vec<Generation>),
        rules: Arc<dyn Rules>,
        material: Material,
    ) -> Self {
        let current = current.into_iter().map(|g| (g.agent.clone(), Arc::new(g)));
        let older = older.into_iter().map(Arc::new).collect();
        Self { current: current.collect(), older, rules, material }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Arc<Generation>)> {
        self.current.iter()
    }
}

impl Slots for Table {
    /// An attempt that begins has the limits of now, its facts name the powers of now, and
    /// what its answers depend on is what they let it read. The grants stay those of the
    /// run: the gate narrows them at each call, and what a component imports was admitted.
    fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
        let generation = self.current.get(agent)?;
        let standing = self.rules.standing(generation);
        let now = standing.effective();
        if *now == generation.effective {
            return Some(Arc::clone(generation));
        }
        let grants = generation.effective.grants.clone();
        Some(Arc::new(Generation {
            effective: Effective { grants, limits: now.limits },
            powers: now.digest(),
            sources: self.material.sources(agent, &now.grants),
            ..Generation::clone(generation)
        }))
    }

    fn pinned(&self, agent: &Name, component: &Digest) -> Option<Arc<Generation>> {
        let all = self.current.get(agent).into_iter().chain(&self.older);
        all.into_iter().find(|g| g.agent == *agent && g.component == *component).cloned()
    }
}
