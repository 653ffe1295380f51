//! From an agent's folder to a component and back to its folder with the profile in it: the order of the steps and nothing of their insides.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bailiwick_core::Diagnostic;

use crate::cargo::{self, CargoError};
use crate::dist::{self, DistError};
use crate::encode::{self, EncodeError};
use crate::foreign::{self, ForeignError, Word};
use crate::inspect::{COMPONENT_BYTES_MAX, PROFILE_SECTION, WANTS_SECTION};
use crate::language::Language;
use crate::manifest::{self, Manifest};
use crate::profile::{Profile, ProfileError};
use crate::section::{self, BrokenFile};
use crate::tool::Found;
use crate::toolchain::{NoToolchain, Toolchain};
use crate::wants::{Wants, WantsError};

/// The largest `agent.toml`. The wants of an agent fit on a screen.
const MANIFEST_BYTES_MAX: usize = 64 * 1024;

/// What a build has to say while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note<'a> {
    /// The toolchain that was found and is taken.
    Toolchain(&'a Toolchain),
    /// A tool of another language that was found and is taken.
    Tool(&'a Found),
    /// A finished file that is taken instead of building a crate.
    Module(&'a Path),
    /// A line of cargo, the compiler or a tool.
    Line(&'a str),
}

/// Why a folder did not become a component.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `agent.toml` has mistakes; all of them are here, in the order of the file.
    #[error("agent.toml has {} mistakes", .0.len())]
    Manifest(Vec<Diagnostic>),
    /// There is nothing to build.
    #[error(
        "{folder} is no agent: it has no Cargo.toml, and no agent.toml that names a language \
         ([build] language = \"python\" or \"typescript\") or a finished file ([build] module = \"FILE.wasm\")"
    )]
    NoSource {
        /// The folder.
        folder: String,
    },
    /// A file that cannot be read or is too large.
    #[error("{path}: {error}")]
    Read {
        /// Which one.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// Nothing here compiles for WebAssembly.
    #[error(transparent)]
    Toolchain(#[from] NoToolchain),
    /// The crate did not compile.
    #[error(transparent)]
    Cargo(#[from] CargoError),
    /// The Python or TypeScript module did not become a component.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// What was compiled is no agent of this contract.
    #[error("{path}: {error}")]
    Encode {
        /// The module or component.
        path: String,
        /// What is wrong with it.
        error: EncodeError,
    },
}

/// Why a profile could not be embedded and written.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// The agent answered with something that is no profile.
    #[error("the agent's profile cannot be embedded: {0}")]
    Profile(#[from] ProfileError),
    /// The wants are over a limit.
    #[error("the agent's wants cannot be embedded: {0}")]
    Wants(#[from] WantsError),
    /// The component was damaged in between.
    #[error(transparent)]
    Broken(#[from] BrokenFile),
    /// It could not be written.
    #[error(transparent)]
    Dist(#[from] DistError),
}

/// A component that is an agent of this contract and covered by its wants. What it
/// says of itself is not known yet: that takes running it, which is not done here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unprofiled {
    folder: PathBuf,
    component: Vec<u8>,
    wants: Wants,
}

/// A component with its profile and wants in it, which lies nowhere yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    folder: PathBuf,
    name: String,
    component: Vec<u8>,
}

/// An agent that lies in its folder, ready to be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// `FOLDER/dist/NAME.wasm`.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size_bytes: usize,
}

/// Builds the agent in `folder`: its crate, its module in the language that `agent.toml`
/// names, or the finished file named there. Writes below `FOLDER/target` alone, or where
/// cargo does.
///
/// Compiling takes seconds to minutes and blocks; `note` is called in between.
///
/// # Errors
/// [`BuildError`]; the compiler's own messages went through `note` before.
pub fn build(folder: &Path, note: &mut dyn FnMut(Note<'_>)) -> Result<Unprofiled, BuildError> {
    let manifest = manifest_in(folder)?;
    let module = match &manifest.module {
        Some(module) => {
            let module = folder.join(module);
            note(Note::Module(&module));
            module
        }
        None => compile(folder, &manifest, note)?,
    };
    let bytes = read_limited(&module, COMPONENT_BYTES_MAX)?;
    let component = encode::componentize(&bytes, &manifest.wants)
        .map_err(|error| BuildError::Encode { path: module.display().to_string(), error })?;
    Ok(Unprofiled { folder: folder.to_path_buf(), component, wants: manifest.wants })
}

/// What the `agent.toml` in `folder` says; without one, nothing is wanted.
///
/// # Errors
/// [`BuildError::Manifest`] with all its mistakes, or [`BuildError::Read`].
pub fn manifest_in(folder: &Path) -> Result<Manifest, BuildError> {
    let path = folder.join("agent.toml");
    if !path.exists() {
        return Ok(Manifest::default());
    }
    let bytes = read_limited(&path, MANIFEST_BYTES_MAX)?;
    let name = path.display().to_string();
    let text = String::from_utf8(bytes).map_err(|error| BuildError::Read {
        path: name.clone(),
        error: io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()),
    })?;
    manifest::read_manifest(&name, &text).map_err(BuildError::Manifest)
}

impl Unprofiled {
    /// The component, to be compiled and asked for its profile.
    #[must_use]
    pub fn component(&self) -> &[u8] {
        &self.component
    }

    /// What the agent asks for.
    #[must_use]
    pub fn wants(&self) -> &Wants {
        &self.wants
    }

    /// Embeds profile and wants. Nothing is written yet.
    ///
    /// # Errors
    /// [`FinishError`] where the profile is over a limit.
    pub fn finish(&self, profile: &Profile) -> Result<Finished, FinishError> {
        let component = embed(&self.component, profile, &self.wants)?;
        Ok(Finished { folder: self.folder.clone(), name: profile.name.clone(), component })
    }
}

impl Finished {
    /// The component, as it is to lie in its folder.
    #[must_use]
    pub fn component(&self) -> &[u8] {
        &self.component
    }

    /// Puts the component into its folder as `dist/NAME.wasm`, whole or not at all.
    ///
    /// # Errors
    /// [`FinishError`] where nothing can be written.
    pub fn write(&self) -> Result<Built, FinishError> {
        let path = dist::write(&self.folder, &self.name, &self.component)?;
        Ok(Built { path, size_bytes: self.component.len() })
    }
}

/// The component with profile and wants as custom sections: once each, outermost,
/// at the end; older ones are replaced.
///
/// # Errors
/// [`FinishError`] where one of them is over a limit.
pub fn embed(component: &[u8], profile: &Profile, wants: &Wants) -> Result<Vec<u8>, FinishError> {
    let (profile, wants) = (profile.to_json()?, wants.to_json()?);
    let sections = [(PROFILE_SECTION, profile.as_slice()), (WANTS_SECTION, wants.as_slice())];
    Ok(section::replace_custom(component, &sections)?)
}

fn compile(
    folder: &Path,
    manifest: &Manifest,
    note: &mut dyn FnMut(Note<'_>),
) -> Result<PathBuf, BuildError> {
    let language = manifest.language.unwrap_or(Language::Rust);
    let mut say = |word: Word<'_>| match word {
        Word::Tool(found) => note(Note::Tool(found)),
        Word::Line(line) => note(Note::Line(line)),
    };
    match (language, manifest.entry()) {
        (Language::Python, Some(entry)) => {
            Ok(foreign::python(folder, &entry, &manifest.wants, &mut say)?)
        }
        (Language::TypeScript, Some(entry)) => {
            Ok(foreign::typescript(folder, &entry, &manifest.wants, &mut say)?)
        }
        _ => rust(folder, note),
    }
}

fn rust(folder: &Path, note: &mut dyn FnMut(Note<'_>)) -> Result<PathBuf, BuildError> {
    if !folder.join("Cargo.toml").is_file() {
        return Err(BuildError::NoSource { folder: folder.display().to_string() });
    }
    let toolchain = Toolchain::find(folder)?;
    note(Note::Toolchain(&toolchain));
    Ok(cargo::build(folder, &toolchain, &mut |line| note(Note::Line(line)))?)
}

/// The whole file, where it has at most `max_bytes`.
fn read_limited(path: &Path, max_bytes: usize) -> Result<Vec<u8>, BuildError> {
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    let failed = |error| BuildError::Read { path: path.display().to_string(), error };
    read.map_err(failed)?;
    if bytes.len() > max_bytes {
        let words = format!("larger than the {max_bytes} bytes that are read");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, words)));
    }
    Ok(bytes)
}
