//! A host: one engine, one data folder that it takes when it is needed, its clock and its keys. Knows no project.

use std::borrow::Cow;
use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bailiwick_core::ports::{Clock, Random};
use bailiwick_core::{Diagnostic, RunId};
use bailiwick_orchestrator::World;
use bailiwick_provider::Keys;
use bailiwick_sandbox::{Compiler, Sandbox};
use bailiwick_store::{OpenError, Store, StoreOptions};

use crate::aside::Aside;
use crate::generations::Generations;
use crate::inject::Faults;
use crate::kept::Kept;
use crate::labels;
use crate::ledgers::Ledgers;
use crate::live::LiveRuns;
use crate::load::Opened;
use crate::problems::Problems;
use crate::rules::HostRules;
use crate::run::GRACE;
use crate::serve::Hall;
use crate::system::{SystemClock, SystemRandom};
use crate::{codes, pinned};

/// What a front end knows of the machine and hands down.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The data folder: database, blobs, `host.key`.
    pub data: PathBuf,
    /// The user's private folder for compiled code.
    pub cache: PathBuf,
    /// The program that compiles components when it is started with `compiler_arguments`.
    pub compiler: PathBuf,
    /// Its hidden subcommand.
    pub compiler_arguments: Vec<String>,
    /// Keys of models' providers, as the environment has them.
    pub keys: Keys,
    /// The command line, for whoever finds the folder in use.
    pub command: String,
}

/// One engine, and one data folder from the moment that it is taken.
pub struct Host {
    pub(crate) sandbox: Arc<Sandbox>,
    /// Which components stay ready in it.
    pub(crate) kept: Arc<Kept>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) keys: Keys,
    pub(crate) faults: Arc<Faults>,
    pub(crate) live: Arc<LiveRuns>,
    /// Where components are judged that are to serve while runs go.
    pub(crate) aside: Aside,
    /// What running attempts get after a stop.
    pub(crate) grace: Duration,
    /// The places that its runs share; nothing where each has as many as it wants.
    hall: Option<Hall>,
    config: HostConfig,
    held: Mutex<Option<Arc<Held>>>,
}

/// A data folder that this process alone writes in.
pub(crate) struct Held {
    pub(crate) store: Arc<Store>,
    pub(crate) host_key: [u8; 32],
    pub(crate) ledgers: Ledgers,
    /// What holds from moment to moment.
    pub(crate) rules: Arc<HostRules>,
    /// What agent names were swapped to.
    pub(crate) generations: Arc<Generations>,
}

impl Host {
    /// Starts the engine. The data folder is neither made nor touched yet: what is wrong
    /// with a user's files is found before anything is written.
    ///
    /// # Errors
    /// [`Problems`] where there is no engine.
    pub fn open(config: &HostConfig) -> Result<Self, Problems> {
        let sandbox = Arc::new(sandbox(config)?);
        Ok(Self {
            kept: Kept::new(Arc::clone(&sandbox)),
            sandbox,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            keys: config.keys.clone(),
            faults: Arc::default(),
            live: Arc::default(),
            aside: Aside::default(),
            grace: GRACE,
            hall: None,
            config: config.clone(),
            held: Mutex::new(None),
        })
    }

    /// The same host, in which this goes wrong.
    #[must_use]
    pub fn injecting(self, faults: Faults) -> Self {
        Self { faults: Arc::new(faults), ..self }
    }

    /// The same host, whose runs share so many places, and are left within this time.
    #[must_use]
    pub(crate) fn sharing(self, places: NonZeroUsize, grace: Duration) -> Self {
        Self { hall: Some(Hall::of(places)), grace, ..self }
    }

    /// The same host, at whose clock it is another time.
    #[must_use]
    pub(crate) fn told_by(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The ports of a run whose attempts take places that all runs share, where they do.
    pub(crate) fn sharing_places(&self, opened: &Opened, run: &RunId, world: World) -> World {
        let Some(hall) = &self.hall else { return world };
        let runner = hall.share(&pinned::project(&opened.root), run, world.runner);
        World { runner, ..world }
    }

    /// The path of the data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.config.data
    }

    /// A project with what its agent names were swapped to in the data folder, and with what
    /// its namespaces hold there. Where there is none yet, none is made.
    pub(crate) async fn over<'a>(&self, opened: &'a Opened) -> Result<Cow<'a, Opened>, Problems> {
        if !bailiwick_store::Store::is_there(self.data()) {
            return Ok(Cow::Borrowed(opened));
        }
        let held = self.hold()?;
        held.generations.load(&pinned::project(&opened.root)).await?;
        held.generations.settle(opened).await?;
        let over = held.generations.over(opened);
        Ok(Cow::Owned(labels::standing(held.store.archive(), over).await?))
    }

    /// The data folder: taken now where it was not yet, and kept until the host is dropped.
    pub(crate) fn hold(&self) -> Result<Arc<Held>, Problems> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &*held {
            return Ok(Arc::clone(held));
        }
        let HostConfig { data, command, .. } = &self.config;
        let options = StoreOptions { command: command.clone(), now: self.clock.now() };
        let store = Store::open(data, options).map_err(|error| not_held(&error, data))?;
        let host_key = host_key(data, &*self.random).map_err(|why| storage(&why))?;
        let (ledgers, rules, store) = (Ledgers::default(), Arc::default(), Arc::new(store));
        let (clock, kept) = (Arc::clone(&self.clock), Arc::clone(&self.kept));
        let generations = Arc::new(Generations::new(Arc::clone(&store), clock, kept));
        let taken = Arc::new(Held { store, host_key, ledgers, rules, generations });
        *held = Some(Arc::clone(&taken));
        Ok(taken)
    }
}

/// The engine alone: what building an agent needs.
pub(crate) fn sandbox(config: &HostConfig) -> Result<Sandbox, Problems> {
    let compiler = Compiler {
        executable: config.compiler.clone(),
        arguments: config.compiler_arguments.clone(),
    };
    Sandbox::new(&config.cache, compiler, Arc::new(SystemRandom)).map_err(|error| {
        let hint = "`bailiwick doctor` says more";
        Problems::one(Diagnostic::error(codes::HOST, error.to_string()).hint(hint))
    })
}

pub(crate) fn not_held(error: &OpenError, data: &Path) -> Problems {
    match error {
        OpenError::Held { .. } => {
            let hint = "a host that serves it takes runs: `bailiwick submit PROJECT/PIPELINE` with the same --data; otherwise wait for it, or take another folder with --data DIR";
            Problems::one(Diagnostic::error(codes::HELD, error.to_string()).hint(hint))
        }
        other => storage(&format!("{}: {other}", data.display())),
    }
}

fn storage(why: &str) -> Problems {
    Problems::one(Diagnostic::error(codes::STORAGE, why))
}

/// The key of this host, made at the first use: 32 bytes that only its user may read.
fn host_key(data: &Path, random: &dyn Random) -> Result<[u8; 32], String> {
    let path = data.join("host.key");
    let say = |error: std::io::Error| format!("{}: {error}", path.display());
    if !path.exists() {
        let bytes = random.bytes();
        let part = data.join("host.key.part");
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&part).map_err(say)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(say)?;
        fs::rename(&part, &path).map_err(say)?;
    }
    let mode = fs::metadata(&path).map_err(say)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!(
            "{}: others may read it (mode {:o}); type: chmod 600 {0}",
            path.display(),
            mode & 0o777
        ));
    }
    let bytes = fs::read(&path).map_err(say)?;
    bytes.try_into().map_err(|_| format!("{}: it must have 32 bytes", path.display()))
}
