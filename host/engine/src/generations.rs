//! The one table of pointers of a data folder: which component each agent name was swapped to, read from its rows, flipped when a commit is durable. Judges no component.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{self, Arc, PoisonError, RwLock};

use bailiwick_core::ports::{Blobs as _, Clock};
use bailiwick_core::{Diagnostic, Digest, Name, Timestamp};
use bailiwick_policy::publishers::Moment;
use bailiwick_policy::{Policy, Publishers};
use bailiwick_store::{HostFact, Served, SlotName, SlotState, Store};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::codes;
use crate::components::{Agent, bare, own_file, whose};
use crate::kept::{Kept, Lease};
use crate::load::Opened;
use crate::pinned::{project, storage};
use crate::problems::Problems;
use crate::provenance::Provenance;

/// Why a swap that a host left half done is given up by the next one.
const HOST_ENDED: &str = "its host ended before it was committed";

/// Whose a component is, for these publishers.
type Judged = (Option<Publishers>, Result<Provenance, Diagnostic>);

/// What an agent name was swapped to.
pub(crate) struct Pointer {
    /// The component, without any power: those are of whoever uses it. Or why it cannot be
    /// read any more.
    pub(crate) agent: Result<Agent, Diagnostic>,
    /// The commit.
    pub(crate) served: Served,
    /// Rises with each flip of this process; 0 for what was there when it began.
    pub(crate) serial: u64,
    /// It and the one before are kept ready.
    leases: Vec<Arc<Lease>>,
    /// Whose it is, for the publishers that were asked about last. To verify a signature
    /// takes milliseconds a megabyte, and each run that follows asks.
    whose: sync::Mutex<Option<Judged>>,
}

impl Pointer {
    /// Its component.
    pub(crate) fn component(&self) -> Digest {
        self.served.component
    }

    /// What stays ready because of it.
    fn digests(&self) -> impl Iterator<Item = Digest> {
        let both = [Some(self.served.component), self.served.was];
        both.into_iter().flatten().filter(|_| !self.served.ended)
    }
}

/// The pointers of one project at one moment.
#[derive(Clone, Default)]
pub(crate) struct Swapped {
    /// By agent name.
    pub(crate) pointers: BTreeMap<Name, Arc<Pointer>>,
    /// How many flips there had been.
    pub(crate) serial: u64,
}

impl std::fmt::Debug for Swapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let components = self.pointers.iter().map(|(name, to)| (name, to.component()));
        f.debug_map().entries(components).finish()
    }
}

impl Swapped {
    /// What an agent name points at instead of the project's own file, which has this
    /// component now and is pinned so: a file that was another one since the commit holds.
    pub(crate) fn instead_of(
        &self,
        agent: &Name,
        (file, pin): (Digest, Option<Digest>),
    ) -> Option<&Arc<Pointer>> {
        self.pointers.get(agent).filter(|pointer| holds(&pointer.served, (file, pin)))
    }
}

/// Whether a commit holds where the project's own file is this one, and is pinned so.
pub(crate) fn holds(served: &Served, (file, pin): (Digest, Option<Digest>)) -> bool {
    // Commits of before say nothing of the lock.
    let is_pinned_so = served.pin.is_none() || served.pin == pin;
    !served.ended && served.file == file && is_pinned_so
}

/// The pointers of a data folder.
pub(crate) struct Generations {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    kept: Arc<Kept>,
    /// Commits whose components were not read yet: those of projects that nobody asked
    /// about. Nothing where the rows themselves were not.
    unread: Mutex<Option<BTreeMap<SlotName, Served>>>,
    pointers: RwLock<BTreeMap<SlotName, Arc<Pointer>>>,
    serial: AtomicU64,
    /// One swap of an agent name at a time.
    turns: sync::Mutex<BTreeMap<SlotName, Arc<Mutex<()>>>>,
}

impl Generations {
    /// Reads nothing yet.
    pub(crate) fn new(store: Arc<Store>, clock: Arc<dyn Clock>, kept: Arc<Kept>) -> Self {
        Self {
            store,
            clock,
            kept,
            unread: Mutex::default(),
            pointers: RwLock::default(),
            serial: AtomicU64::default(),
            turns: sync::Mutex::default(),
        }
    }

    /// Reads the pointers of a project, once. What a host left half done, of any project,
    /// is given up: what served before serves on, and the journal says so.
    pub(crate) async fn load(&self, project: &str) -> Result<(), Problems> {
        let mut unread = self.unread.lock().await;
        let rows = match &mut *unread {
            Some(rows) => rows,
            None => unread.insert(self.read().await?),
        };
        let own = rows.extract_if(.., |name, _| name.project == project);
        for (name, served) in own.collect::<Vec<_>>() {
            // One that cannot be read any more is its agent's error, and nobody else's.
            let agent = self.read_component(&name.agent, &served).await;
            let pointer = Arc::new(Pointer::new(agent, served, (&self.kept, 0)));
            self.pointers.write().unwrap_or_else(PoisonError::into_inner).insert(name, pointer);
        }
        Ok(())
    }

    async fn read(&self) -> Result<BTreeMap<SlotName, Served>, Problems> {
        let rows = self.store.archive().slots().await.map_err(storage)?;
        let (mut given_up, mut commits) = (Vec::new(), BTreeMap::new());
        for (name, SlotState { serves, staged }) in rows {
            if let Some(staged) = staged {
                given_up.push(HostFact::SwapAbandoned {
                    project: name.project.clone(),
                    agent: name.agent.clone(),
                    component: staged.component,
                    why: HOST_ENDED.to_owned(),
                    by: staged.by,
                });
            }
            commits.extend(serves.map(|served| (name, served)));
        }
        if !given_up.is_empty() {
            self.store.note(self.clock.now(), given_up).await.map_err(storage)?;
        }
        Ok(commits)
    }

    async fn read_component(&self, name: &Name, served: &Served) -> Result<Agent, Diagnostic> {
        let path = shown(&served.component);
        let bytes = self.store.get(served.component).await.map_err(|error| {
            Diagnostic::error(codes::STORAGE, format!("{}: {error}", path.display()))
        })?;
        bare(name, &path, bytes, served.signature.clone())
    }

    /// Until it is dropped, nobody else swaps this one.
    pub(crate) async fn turn(&self, name: &SlotName) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(name.clone()).or_default())
        };
        turn.lock_owned().await
    }

    /// How many flips there were: one number for who wants to know whether he has seen all.
    pub(crate) fn serial(&self) -> u64 {
        self.serial.load(Ordering::Acquire)
    }

    /// The pointers of a project as they are now.
    pub(crate) fn of(&self, project: &str) -> Swapped {
        let pointers = self.pointers.read().unwrap_or_else(PoisonError::into_inner);
        let own = pointers.iter().filter(|(name, _)| name.project == project);
        let own = own.map(|(name, pointer)| (name.agent.clone(), Arc::clone(pointer)));
        // Under the lock: a flip raises it before it lets go.
        Swapped { pointers: own.collect(), serial: self.serial() }
    }

    /// The project with what its agent names were swapped to.
    pub(crate) fn over(&self, opened: &Opened) -> Opened {
        opened.swapped_to(self.of(&project(&opened.root)))
    }

    /// Ends the swaps of agent names whose own file is another one since, or which the project
    /// has no more: what a file becomes again later is its own word, and not theirs.
    ///
    /// # Errors
    /// [`Problems`] where that could not be written.
    pub(crate) async fn settle(&self, opened: &Opened) -> Result<(), Problems> {
        let project = project(&opened.root);
        let swapped = self.of(&project);
        let stand = swapped.pointers.iter().filter(|(_, pointer)| !pointer.served.ended);
        for (agent, pointer) in stand {
            let ends = match own_file(opened, agent) {
                Ok(own) => !holds(&pointer.served, own),
                // A file that cannot be read now says nothing.
                Err(_) => !opened.project.agents.contains_key(agent),
            };
            if ends {
                self.end(SlotName { project: project.clone(), agent: agent.clone() }, pointer)
                    .await?;
            }
        }
        Ok(())
    }

    async fn end(&self, name: SlotName, pointer: &Arc<Pointer>) -> Result<(), Problems> {
        let _turn = self.turn(&name).await;
        // Somebody may have swapped it meanwhile, with the file as it is now.
        if !self.pointer(&name).is_some_and(|now| Arc::ptr_eq(&now, pointer)) {
            return Ok(());
        }
        let ended = HostFact::SwapEnded {
            project: name.project.clone(),
            agent: name.agent.clone(),
            component: pointer.component(),
        };
        self.store.note(self.clock.now(), vec![ended]).await.map_err(storage)?;
        let served = Served { ended: true, ..pointer.served.clone() };
        self.point(name, served, pointer.agent.clone());
        Ok(())
    }

    /// Where one points.
    pub(crate) fn pointer(&self, name: &SlotName) -> Option<Arc<Pointer>> {
        let pointers = self.pointers.read().unwrap_or_else(PoisonError::into_inner);
        pointers.get(name).cloned()
    }

    /// Points a name at what a durable commit says. What neither serves nor is gone back
    /// to any more goes with its last attempt.
    pub(crate) fn flip(&self, name: SlotName, served: Served, agent: &Agent) {
        let agent = agent.powerless(&shown(&served.component));
        self.point(name, served, Ok(agent));
    }

    fn point(&self, name: SlotName, served: Served, agent: Result<Agent, Diagnostic>) {
        let kept = &self.kept;
        let mut pointers = self.pointers.write().unwrap_or_else(PoisonError::into_inner);
        let serial = self.serial() + 1;
        let pointer = Arc::new(Pointer::new(agent, served, (kept, serial)));
        pointer.digests().for_each(|component| kept.serves(component));
        let before = pointers.insert(name, Arc::clone(&pointer));
        self.serial.store(serial, Ordering::Release);
        drop(pointers);
        if let Some(before) = before {
            let gone = before.digests().filter(|was| pointer.digests().all(|is| is != *was));
            gone.for_each(|component| kept.replaced(component));
        }
    }
}

/// What people are told of a component that lies in no file.
fn shown(component: &Digest) -> PathBuf {
    format!("the component {} that was swapped in", component.short()).into()
}

impl Pointer {
    fn new(
        agent: Result<Agent, Diagnostic>,
        served: Served,
        (kept, serial): (&Arc<Kept>, u64),
    ) -> Self {
        let whose = sync::Mutex::default();
        let mut pointer = Self { agent, served, serial, leases: Vec::new(), whose };
        pointer.leases = pointer.digests().map(|component| kept.lease(component)).collect();
        pointer
    }

    /// Whose it is under a policy. It was let in when it was swapped in.
    pub(crate) fn whose(&self, policy: &Policy) -> Result<Provenance, Diagnostic> {
        let mut known = self.whose.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref().filter(|(publishers, _)| *publishers == policy.publishers) {
            Some((_, found)) => found.clone(),
            None => {
                let agent = self.agent.as_ref().map_err(Diagnostic::clone);
                let found = agent.and_then(|agent| whose(policy, agent, Moment::Before));
                *known = Some((policy.publishers.clone(), found.clone()));
                found
            }
        }
    }

    /// When it was committed.
    pub(crate) fn since(&self) -> Timestamp {
        self.served.at
    }
}
