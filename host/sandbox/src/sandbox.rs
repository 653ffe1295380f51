//! The sandbox of a process: one engine, the components that are ready in it, how they come there. Knows no run.

use std::array;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use bailiwick_core::fact::FailureKind;
use bailiwick_core::ports::Random;
use bailiwick_core::{Bytes, DELEGATE_DEPTH_MAX, Digest, Name};
use bailiwick_policy::Grants;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use wasmtime::Engine;

use crate::admit::{Refused, granted};
use crate::cache::{Cache, CacheError};
use crate::compile::Compiler;
use crate::contracts::Contracts;
use crate::ended::plain;
use crate::engine::{self, Allocation, NoEngine};
use crate::limits::{ATTEMPTS_MAX, CALLED_MAX, COMPONENTS_MAX, MEMORIES_MAX};
use crate::loaded::Loaded;
use crate::profile::{self, Profile, ProfileError};

/// One engine and the components that are ready in it. A process has one of these.
pub struct Sandbox {
    engine: Engine,
    allocation: Allocation,
    contracts: Contracts,
    compiler: Compiler,
    cache: Cache,
    random: Arc<dyn Random>,
    /// One compilation at a time: each may take 2 GiB.
    compiling: Mutex<()>,
    ready: RwLock<HashMap<Digest, Arc<Loaded>>>,
    /// Places of attempts of steps, then of those that they call, by depth.
    lanes: [Lane; 1 + DELEGATE_DEPTH_MAX],
}

/// Places for attempts that wait only for those of the next lane: so nobody waits in a
/// circle, however many wait.
struct Lane {
    most: usize,
    attempts: Semaphore,
    memories: Semaphore,
}

impl Lane {
    fn new(attempts: u32, memories: usize) -> Self {
        let most = usize::try_from(attempts).unwrap_or(usize::MAX);
        Self { most, attempts: Semaphore::new(most), memories: Semaphore::new(memories) }
    }
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// No engine.
    #[error(transparent)]
    Engine(#[from] NoEngine),
    /// No folder for compiled code.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The host's own interfaces do not fit each other: a fault of this build.
    #[error("the interfaces of the host cannot be linked: {0}")]
    Link(String),
}

/// A component as it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its name from now on.
    pub digest: Digest,
    /// What it could ever ask for: the names in its import section.
    pub imports: Vec<String>,
    /// The version of the contract that it speaks.
    pub contract: &'static str,
}

/// The target of the lines that say that a component is compiled.
const COMPILING: &str = "bailiwick::compiling";

/// A share of the pool, given back when it is dropped.
pub(crate) struct Room<'a> {
    _attempt: SemaphorePermit<'a>,
    _memories: SemaphorePermit<'a>,
}

impl Sandbox {
    /// Starts the engine. Compiled code is kept in `cache`, a folder of this user alone.
    ///
    /// # Errors
    /// [`SandboxError`].
    pub fn new(
        cache: &Path,
        compiler: Compiler,
        random: Arc<dyn Random>,
    ) -> Result<Self, SandboxError> {
        let (engine, allocation) = engine::open()?;
        let contracts = Contracts::released(&engine)?;
        let cache = Cache::open(cache, &engine, random.as_ref())?;
        Ok(Self {
            allocation,
            contracts,
            compiler,
            cache,
            random,
            compiling: Mutex::new(()),
            ready: RwLock::default(),
            lanes: array::from_fn(|depth| match depth {
                0 => Lane::new(ATTEMPTS_MAX, engine::memories(allocation)),
                _ => Lane::new(CALLED_MAX, engine::CALLED_MEMORIES),
            }),
            engine,
        })
    }

    /// The same with fewer places than the pool has, for a machine with little memory: for
    /// attempts of steps, and for those that are called, at each depth. A component needs
    /// one place, and as many memories as it has.
    #[must_use]
    pub fn with_places(self, attempts: u32, called: u32) -> Self {
        let places = |depth: usize| match depth {
            0 => attempts.clamp(1, ATTEMPTS_MAX),
            _ => called.clamp(1, CALLED_MAX),
        };
        let lanes = array::from_fn(|depth| {
            let attempts = places(depth);
            let memories = usize::try_from(attempts).unwrap_or(usize::MAX).max(MEMORIES_MAX);
            Lane::new(attempts, memories)
        });
        Self { lanes, ..self }
    }

    /// The same, which serves the draft of a next version of the contract beside those that
    /// were released. For tests: see `tests/contract/v0.2`.
    ///
    /// # Errors
    /// [`SandboxError::Link`].
    #[cfg(feature = "draft")]
    pub fn with_draft(self) -> Result<Self, SandboxError> {
        Ok(Self { contracts: Contracts::with_draft(&self.engine)?, ..self })
    }

    /// Where instances lie.
    #[must_use]
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// How many attempts hold something now: a place, or an instance in the pool. Asked
    /// for profiles, components count as well.
    #[must_use]
    pub fn held(&self) -> usize {
        let taken = |lane: &Lane| lane.most.saturating_sub(lane.attempts.available_permits());
        let places: usize = self.lanes.iter().map(taken).sum();
        let pool = self.engine.pooling_allocator_metrics();
        let instances = pool.map_or(0, |pool| pool.component_instances());
        places.max(usize::try_from(instances).unwrap_or(usize::MAX))
    }

    /// Loads a component: from the cache, or compiled by the child. Runs none of it.
    /// Whoever asks for what is ready already gets it at once.
    ///
    /// # Errors
    /// [`Refused`] with what is wrong with it.
    pub async fn prepare(&self, component: &[u8]) -> Result<Admitted, Refused> {
        let digest = Digest::of(component);
        if let Ok(loaded) = self.loaded(&digest) {
            return Ok(loaded.admitted());
        }
        // Who speaks what nobody here does takes nobody's turn to compile.
        let judged = self.contracts.judge(component)?;
        let compiled = match self.cache.get(&self.engine, &digest) {
            Some(compiled) => compiled,
            None => {
                let _one_at_a_time = self.compiling.lock().await;
                if let Ok(loaded) = self.loaded(&digest) {
                    return Ok(loaded.admitted());
                }
                say_that_it_compiles(component);
                let code = self.compiler.compile(component).await?;
                self.cache.put(&self.engine, &digest, &code, self.random.as_ref())?
            }
        };
        let loaded = self.contracts.load((digest, judged), &compiled)?;
        let admitted = loaded.admitted();
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        if ready.len() >= COMPONENTS_MAX {
            return Err(Refused::TooManyComponents);
        }
        ready.insert(loaded.digest, loaded);
        Ok(admitted)
    }

    /// Whether an agent name may run a loaded component: an import without a grant is
    /// refused here, before any of its code runs.
    ///
    /// # Errors
    /// [`Refused::Ungranted`] with import, agent and the line to add; [`Refused::NotLoaded`].
    pub fn admit(&self, digest: &Digest, agent: &Name, grants: &Grants) -> Result<(), Refused> {
        granted(&self.loaded(digest)?.imports, agent, grants)
    }

    /// Asks a loaded component for its profile, in a store without any power.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn profile(&self, digest: &Digest) -> Result<Profile, ProfileError> {
        let loaded = self.loaded(digest).map_err(|refused| {
            ProfileError::Failed(plain(FailureKind::Component, &refused.to_string()))
        })?;
        let _room = self.room(&loaded, 0).await;
        profile::ask(&self.engine, &loaded).await
    }

    /// Whether a component is ready.
    #[must_use]
    pub fn is_ready(&self, digest: &Digest) -> bool {
        self.loaded(digest).is_ok()
    }

    /// The components that are ready, where there is no room for another one; else nothing.
    #[must_use]
    pub fn ready_if_full(&self) -> Vec<Digest> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if ready.len() < COMPONENTS_MAX { Vec::new() } else { ready.keys().copied().collect() }
    }

    /// Gives up a component that nobody points at any more. Attempts that run on it end on it.
    pub fn forget(&self, digest: &Digest) {
        self.ready.write().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }

    pub(crate) fn loaded(&self, digest: &Digest) -> Result<Arc<Loaded>, Refused> {
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        ready.get(digest).cloned().ok_or(Refused::NotLoaded(*digest))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Waits for a share of the pool: the wall clock of an attempt starts after this.
    pub(crate) async fn room(&self, loaded: &Loaded, depth: usize) -> Option<Room<'_>> {
        let lane = self.lanes.get(depth).or(self.lanes.last())?;
        // Neither is ever closed. Always in this order, so that nobody waits in a circle.
        let _attempt = lane.attempts.acquire().await.ok()?;
        let _memories = lane.memories.acquire_many(loaded.memories).await.ok()?;
        Some(Room { _attempt, _memories })
    }
}

/// Says why nothing happens for a while. A component with an interpreter in it takes ten
/// seconds, and one of our own below one.
fn say_that_it_compiles(component: &[u8]) {
    /// Larger than any component that is compiled within a second.
    const NOTICED: usize = 1024 * 1024;
    if component.len() > NOTICED {
        let size = Bytes(u64::try_from(component.len()).unwrap_or(u64::MAX));
        tracing::info!(target: COMPILING, "compiling a component of {size}; the code is kept, so this is once");
    }
}
