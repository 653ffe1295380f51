//! Slots: which generation each agent name of one run points at, what the rules of now leave of it, and when it follows a swap. Swaps nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bailiwick_core::{Digest, Name};
use bailiwick_policy::ports::Slots;
use bailiwick_policy::{Effective, Generation, Rules};

use crate::admission::Material;
use crate::follows::Follows;
use crate::kept::Lease;

/// A generation, and that its component is ready.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) generation: Arc<Generation>,
    #[expect(dead_code, reason = "what counts is that it is held")]
    pub(crate) lease: Arc<Lease>,
}

/// What served before.
struct Older {
    held: Held,
    /// Whether nobody was seen to use it when somebody looked last. Between the moment in
    /// which an attempt is given a generation and the fact that names it lies one look at most.
    idle: bool,
}

/// What serves in a run now.
struct Serving {
    current: BTreeMap<Name, Held>,
    material: Material,
}

/// The slots of one run.
pub(crate) struct Table {
    serving: RwLock<Serving>,
    /// What attempts go on with that began before today's, or before a swap.
    older: Mutex<Vec<Older>>,
    has_older: AtomicBool,
    rules: Arc<dyn Rules>,
    /// Of a run whose cells follow swaps: which, and how many flips it has seen.
    follows: Option<(Follows, AtomicU64)>,
}

impl Table {
    pub(crate) fn of(
        (current, older): (Vec<Held>, Vec<Held>),
        rules: Arc<dyn Rules>,
        material: Material,
        follows: Option<Follows>,
    ) -> Self {
        let current = current.into_iter().map(|held| (held.generation.agent.clone(), held));
        let seen = follows.as_ref().map_or(0, Follows::seen);
        Self {
            serving: RwLock::new(Serving { current: current.collect(), material }),
            has_older: AtomicBool::new(!older.is_empty()),
            older: Mutex::new(older.into_iter().map(|held| Older { held, idle: false }).collect()),
            rules,
            follows: follows.map(|follows| (follows, AtomicU64::new(seen))),
        }
    }

    /// What serves now, by agent name.
    pub(crate) fn all(&self) -> Vec<(Name, Arc<Generation>)> {
        let serving = self.serving.read().unwrap_or_else(PoisonError::into_inner);
        let all = serving.current.iter();
        all.map(|(name, held)| (name.clone(), Arc::clone(&held.generation))).collect()
    }

    /// Takes what was swapped in since the last look, where it fits this run.
    fn catch_up(&self) {
        let Some((follows, seen)) = &self.follows else { return };
        let now = follows.serial();
        if seen.load(Ordering::Acquire) == now {
            return;
        }
        let mut serving = self.serving.write().unwrap_or_else(PoisonError::into_inner);
        let last = seen.load(Ordering::Acquire);
        let Serving { current, material } = &mut *serving;
        let mut moved = false;
        for (name, held) in current.iter_mut() {
            let Some(next) = follows.next(name, &held.generation, last) else { continue };
            material.moved(name, &next.generation);
            let before = std::mem::replace(held, next);
            let before = Older { held: before, idle: false };
            self.older.lock().unwrap_or_else(PoisonError::into_inner).push(before);
            self.has_older.store(true, Ordering::Release);
            moved = true;
        }
        // What answers depend on has changed for whoever calls them, too.
        for (name, held) in current.iter_mut().filter(|_| moved) {
            let sources = material.sources(name, &held.generation.effective.grants);
            if sources != held.generation.sources {
                let generation = Generation { sources, ..Generation::clone(&held.generation) };
                held.generation = Arc::new(generation);
            }
        }
        seen.store(now, Ordering::Release);
    }
}

impl Slots for Table {
    /// An attempt that begins has the limits of now, its facts name the powers of now, and
    /// what its answers depend on is what they let it read. The grants stay those of the
    /// run: the gate narrows them at each call, and what a component imports was admitted.
    fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
        self.catch_up();
        let serving = self.serving.read().unwrap_or_else(PoisonError::into_inner);
        let generation = &serving.current.get(agent)?.generation;
        let standing = self.rules.standing(generation);
        let now = standing.effective();
        if *now == generation.effective {
            return Some(Arc::clone(generation));
        }
        let grants = generation.effective.grants.clone();
        Some(Arc::new(Generation {
            effective: Effective { grants, limits: now.limits },
            powers: now.digest(),
            sources: serving.material.sources(agent, &now.grants),
            ..Generation::clone(generation)
        }))
    }

    fn pinned(&self, agent: &Name, component: &Digest) -> Option<Arc<Generation>> {
        let is_it = |held: &&Held| {
            held.generation.agent == *agent && held.generation.component == *component
        };
        let serving = self.serving.read().unwrap_or_else(PoisonError::into_inner);
        let older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
        let older = older.iter().map(|older| &older.held);
        let mut all = serving.current.get(agent).into_iter().chain(older);
        all.find(is_it).map(|held| Arc::clone(&held.generation))
    }

    fn has_older(&self) -> bool {
        self.has_older.load(Ordering::Acquire)
    }

    fn keep(&self, in_use: &BTreeSet<Digest>) {
        let mut older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
        older.retain_mut(|Older { held, idle }| {
            let was_idle = *idle;
            *idle = !in_use.contains(&held.generation.component)
                && Arc::strong_count(&held.generation) == 1;
            !(was_idle && *idle)
        });
        self.has_older.store(!older.is_empty(), Ordering::Release);
    }
}
