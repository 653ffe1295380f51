//! What holds on a host from moment to moment: the files of its projects as they are now, and what was taken away. Judges no request.

mod looked;
mod of_run;
mod policies;
mod revoke;
mod said;
mod watched;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use bailiwick_core::ports::Clock;
use bailiwick_policy::Revocation;
use bailiwick_store::{HostFact, Store};
use tokio::sync::{OnceCell, watch};

use crate::desk::Complain;
use crate::load::Opened;
use crate::pinned;
use crate::problems::Problems;

pub(crate) use of_run::RunRules;
pub use revoke::{Change, Taken, parse, revoke, revoked};
pub(crate) use said::say;
pub(crate) use watched::Watched;

/// The rules of one data folder. Its version rises with everything that changes, so that a
/// gate has one number to look at.
pub(crate) struct HostRules {
    version: AtomicU64,
    revoked: RwLock<Arc<Vec<Revocation>>>,
    loaded: OnceCell<()>,
    projects: Mutex<BTreeMap<String, Weak<Watched>>>,
    changed: watch::Sender<u64>,
}

/// Where what happens to rules is written down and said.
#[derive(Clone)]
pub(crate) struct Report {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) complain: Complain,
}

impl Report {
    /// Says it now, and writes it down; that it could not be written is said, too.
    pub(crate) async fn tell(&self, line: &str, fact: HostFact) {
        (self.complain)(line.to_owned());
        if let Err(error) = self.store.note(self.clock.now(), vec![fact]).await {
            (self.complain)(format!("this could not be written down: {error}"));
        }
    }
}

impl Default for HostRules {
    fn default() -> Self {
        Self {
            // An attempt begins at a version that was there before it.
            version: AtomicU64::new(1),
            revoked: RwLock::default(),
            loaded: OnceCell::new(),
            projects: Mutex::default(),
            changed: watch::Sender::new(1),
        }
    }
}

impl HostRules {
    /// Reads what was taken away, once.
    pub(crate) async fn load(&self, store: &Store) -> Result<(), Problems> {
        self.loaded.get_or_try_init(|| self.read(store)).await.copied()
    }

    /// Reads it again: it has changed.
    async fn read(&self, store: &Store) -> Result<(), Problems> {
        let rows = store.archive().revoked().await.map_err(pinned::storage)?;
        let revoked: Result<Vec<_>, _> = rows.iter().map(|(key, _)| revoke::parsed(key)).collect();
        *self.revoked.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(revoked?);
        self.has_changed();
        Ok(())
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    pub(crate) fn revoked(&self) -> Arc<Vec<Revocation>> {
        Arc::clone(&self.revoked.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// After what changed is in place: whoever sees the number sees it, too.
    fn has_changed(&self) {
        let version = self.version.fetch_add(1, Ordering::AcqRel) + 1;
        self.changed.send_replace(version);
    }

    /// Learns of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The files of a project, watched for as long as somebody keeps this. `opened` is the
    /// project of today.
    pub(crate) fn watch(self: &Arc<Self>, opened: &Opened, report: &Report) -> Arc<Watched> {
        let project = pinned::project(&opened.root);
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        projects.retain(|_, watched| watched.strong_count() > 0);
        if let Some(known) = projects.get(&project).and_then(Weak::upgrade) {
            return known;
        }
        let watched = Arc::new(Watched::new(Arc::clone(self), opened, report.clone()));
        projects.insert(project, Arc::downgrade(&watched));
        watched::look_on(&watched);
        watched
    }
}
