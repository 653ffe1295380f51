//! Compiled code in a private folder: written once, and turned into code again only where a keyed hash says that this host wrote it. The one place with `unsafe`. Knows no contract.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bailiwick_core::Digest;
use bailiwick_core::ports::Random;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::limits::ARTIFACT_MAX;

/// First bytes of every file of ours, with the version of the form.
const MAGIC: &[u8; 8] = b"blwkcd01";
/// Magic and hash.
const HEADER_BYTES: usize = 8 + 32;
/// The file with the key of the hashes.
const KEY_FILE: &str = "compiled.key";
/// Bits that let others write or, for the folder and the key, look.
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;

/// The folder of compiled code.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
    /// Who we are, as files that we make say it.
    owner: u32,
    /// The engine's compiler, settings and version in one number.
    compatibility: u64,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// A folder or key that others can get at.
    #[error("{} must belong to the user who runs the host and to nobody else (chmod go-rwx)", .0.display())]
    Exposed(PathBuf),
    /// Not to be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Bytes that are no code for this engine, though they came from our own child.
    #[error("the compiled code does not fit this host: {0}")]
    Foreign(String),
}

impl Cache {
    /// Opens the folder (made with mode 0700 where it is missing) and its key.
    pub(crate) fn open(
        folder: &Path,
        engine: &Engine,
        random: &dyn Random,
    ) -> Result<Self, CacheError> {
        let io = |error| CacheError::Io { path: folder.into(), error };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        let probe = folder.join(unique(random));
        let owner = create(&probe).and_then(|file| Ok(file.metadata()?.uid())).map_err(io)?;
        std::fs::remove_file(&probe).map_err(io)?;
        let metadata = std::fs::symlink_metadata(folder).map_err(io)?;
        if !metadata.is_dir() || metadata.uid() != owner || metadata.mode() & OTHERS != 0 {
            return Err(CacheError::Exposed(folder.into()));
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let key = key(&folder.join(KEY_FILE), owner, random)?;
        Ok(Self { folder: folder.into(), key, owner, compatibility: hasher.finish() })
    }

    /// The compiled component, where this host compiled it before. Whatever else lies
    /// there is no component: it will be compiled, and the file replaced.
    pub(crate) fn get(&self, engine: &Engine, component: &Digest) -> Option<Component> {
        let path = self.path(component);
        let bytes = match self.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("{}: {error}; compiling again", path.display());
                return None;
            }
        };
        let code = self.verified(component, &bytes)?;
        load(engine, code).ok()
    }

    /// Makes a component of code that our own child wrote, and keeps it. That it could
    /// not be kept costs time only.
    pub(crate) fn put(
        &self,
        engine: &Engine,
        component: &Digest,
        code: &[u8],
        random: &dyn Random,
    ) -> Result<Component, CacheError> {
        let loaded = load(engine, code)?;
        let (path, fresh) = (self.path(component), self.folder.join(unique(random)));
        let written = create(&fresh).and_then(|mut file| {
            file.write_all(MAGIC)?;
            file.write_all(self.hash(component, code).as_bytes())?;
            file.write_all(code)?;
            std::fs::rename(&fresh, &path)
        });
        if let Err(error) = written {
            tracing::warn!("{}: {error}; the compiled code is not kept", path.display());
            let _ = std::fs::remove_file(&fresh);
        }
        Ok(loaded)
    }

    fn path(&self, component: &Digest) -> PathBuf {
        self.folder.join(format!("{}-{:016x}.code", component.hex(), self.compatibility))
    }

    /// The bytes of a file that nobody else could have written.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let file = std::fs::File::open(path)?;
        let metadata = file.metadata()?;
        let ours = metadata.is_file()
            && metadata.uid() == self.owner
            && metadata.mode() & OTHERS_WRITE == 0;
        if !ours {
            return Err(std::io::Error::other("others may have written this file"));
        }
        let mut bytes =
            Vec::with_capacity(usize::try_from(metadata.len().min(ARTIFACT_MAX.0)).unwrap_or(0));
        file.take(ARTIFACT_MAX.0 + HEADER_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The code in a file, where the hash over these very bytes is right.
    fn verified<'a>(&self, component: &Digest, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (header, code) = bytes.split_at_checked(HEADER_BYTES)?;
        let hash = header.strip_prefix(MAGIC)?;
        let right = self.hash(component, code);
        if hash == right.as_bytes() {
            return Some(code);
        }
        tracing::warn!("compiled code of {component:?} was changed by somebody; compiling again");
        None
    }

    /// Binds the code to the component and the engine, under the key of this folder.
    fn hash(&self, component: &Digest, code: &[u8]) -> Digest {
        let compatibility = self.compatibility.to_le_bytes();
        Digest::keyed(&self.key, &[b"compiled", component.as_bytes(), &compatibility, code])
    }
}

/// Maps compiled code. It is executed: whoever wrote it is us.
fn load(engine: &Engine, code: &[u8]) -> Result<Component, CacheError> {
    // SAFETY: `deserialize` must be given bytes that `precompile_component` made. There
    // are two callers. `put` hands over what our own binary, started by ourselves, wrote
    // into a pipe of ours. `get` hands over bytes whose blake3 hash under a key that only
    // this user can read was just found right on these very bytes in memory (not on a
    // file that could change until it is mapped): only `put` makes such hashes. The
    // component is compiled from outside bytes; that the compiler makes safe code of
    // them is what the whole sandbox rests on.
    #[expect(unsafe_code, reason = "the one place; the argument is above")]
    let loaded = unsafe { Component::deserialize(engine, code) };
    loaded.map_err(|error| CacheError::Foreign(format!("{error:#}")))
}

/// The key, made once.
fn key(path: &Path, owner: u32, random: &dyn Random) -> Result<[u8; 32], CacheError> {
    let io = |error| CacheError::Io { path: path.into(), error };
    if !path.exists() {
        // Written whole under another name first; if two hosts race, the first link wins.
        let fresh = path.with_file_name(unique(random));
        create(&fresh).and_then(|mut file| file.write_all(&random.bytes())).map_err(io)?;
        let linked = std::fs::hard_link(&fresh, path);
        std::fs::remove_file(&fresh).map_err(io)?;
        if let Err(error) = linked
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(io(error));
        }
    }
    let mut file = std::fs::File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if metadata.uid() != owner || metadata.mode() & OTHERS != 0 || !metadata.is_file() {
        return Err(CacheError::Exposed(path.into()));
    }
    let mut key = [0; 32];
    file.read_exact(&mut key).map_err(io)?;
    Ok(key)
}

fn create(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn unique(random: &dyn Random) -> String {
    format!(".{}.tmp", Digest::of(&random.bytes()).short())
}
