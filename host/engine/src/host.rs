//! A host: one data folder, one engine, its clock and its keys. Knows no project.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_core::Diagnostic;
use bailiwick_core::ports::{Clock, Random};
use bailiwick_provider::Keys;
use bailiwick_sandbox::{Compiler, Sandbox};
use bailiwick_store::{OpenError, Store, StoreOptions};

use crate::codes;
use crate::problems::Problems;
use crate::system::{SystemClock, SystemRandom};

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

/// One data folder, held, and one engine.
pub struct Host {
    pub(crate) store: Arc<Store>,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) keys: Keys,
    pub(crate) host_key: [u8; 32],
}

impl Host {
    /// Takes the data folder and starts the engine.
    ///
    /// # Errors
    /// [`Problems`] where the folder is in use or unusable, or there is no engine.
    pub fn open(config: &HostConfig) -> Result<Self, Problems> {
        let clock = SystemClock;
        let options = StoreOptions { command: config.command.clone(), now: clock.now() };
        let store = Store::open(&config.data, options).map_err(|error| held(&error, &config.data))?;
        let host_key = host_key(&config.data, &SystemRandom).map_err(|why| storage(&why))?;
        Ok(Self {
            store: Arc::new(store),
            sandbox: Arc::new(sandbox(config)?),
            clock: Arc::new(clock),
            random: Arc::new(SystemRandom),
            keys: config.keys.clone(),
            host_key,
        })
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

fn held(error: &OpenError, data: &Path) -> Problems {
    match error {
        OpenError::Held { .. } => {
            let hint = "wait for it, or take another folder with --data DIR";
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
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&part).map_err(say)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(say)?;
        fs::rename(&part, &path).map_err(say)?;
    }
    let mode = fs::metadata(&path).map_err(say)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(format!("{}: others may read it (mode {:o}); type: chmod 600 {0}", path.display(), mode & 0o777));
    }
    let bytes = fs::read(&path).map_err(say)?;
    bytes.try_into().map_err(|_| format!("{}: it must have 32 bytes", path.display()))
}
