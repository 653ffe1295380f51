//! Which components are kept ready: those that somebody has a lease on, and those that nobody has replaced. Knows no run and no slot.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bailiwick_core::Digest;
use bailiwick_sandbox::Sandbox;

/// The components of a process, with how many need each.
pub(crate) struct Kept {
    sandbox: Arc<Sandbox>,
    needed: Mutex<HashMap<Digest, Needed>>,
}

#[derive(Default)]
struct Needed {
    by: usize,
    /// Whether another one serves in its place: then it goes with its last lease. What
    /// nobody replaced stays ready, because the next run begins on it.
    replaced: bool,
}

/// That a component stays ready. Taken before it is made ready, so that it does not go in
/// between.
pub(crate) struct Lease {
    kept: Arc<Kept>,
    component: Digest,
}

impl Kept {
    pub(crate) fn new(sandbox: Arc<Sandbox>) -> Arc<Self> {
        Arc::new(Self { sandbox, needed: Mutex::default() })
    }

    fn needed(&self) -> MutexGuard<'_, HashMap<Digest, Needed>> {
        self.needed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease on a component, whether or not it is ready yet.
    pub(crate) fn lease(self: &Arc<Self>, component: Digest) -> Arc<Lease> {
        self.needed().entry(component).or_default().by += 1;
        Arc::new(Lease { kept: Arc::clone(self), component })
    }

    /// Where the sandbox is full, what nobody has a lease on goes: files that were built
    /// anew a hundred times, runs that ended.
    pub(crate) fn make_room(&self) {
        let needed = self.needed();
        let ready = self.sandbox.ready_if_full();
        let idle = ready.iter().filter(|component| !needed.contains_key(component));
        idle.for_each(|component| self.sandbox.forget(component));
    }

    /// Another one serves in its place: it goes with its last lease, or now.
    pub(crate) fn replaced(&self, component: Digest) {
        let mut needed = self.needed();
        let entry = needed.entry(component).or_default();
        entry.replaced = true;
        if entry.by == 0 {
            needed.remove(&component);
            self.sandbox.forget(&component);
        }
    }

    /// It serves again.
    pub(crate) fn serves(&self, component: Digest) {
        if let Some(entry) = self.needed().get_mut(&component) {
            entry.replaced = false;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut needed = self.kept.needed();
        let Some(entry) = needed.get_mut(&self.component) else { return };
        entry.by = entry.by.saturating_sub(1);
        if entry.by == 0 {
            let replaced = entry.replaced;
            needed.remove(&self.component);
            if replaced {
                self.kept.sandbox.forget(&self.component);
            }
        }
    }
}
