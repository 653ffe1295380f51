//! What this process can still ask of the kernel: walls around itself that it cannot take down again. Knows no guest, no project and no plan.
//!
//! They stand behind everything else: whoever breaks out of the sandbox, or through a
//! parser, is in a process that has nothing to open and no call to attack the kernel
//! with, and what it starts is behind the same walls. Landlock bounds files, sockets and
//! signals; seccomp bounds the calls. Where a kernel lacks one, the other stands, and
//! [`Walls`] says so.
//!
//! Landlock holds the calling thread and those that it starts: whoever wants the whole
//! process locked does it before the first thread.

mod calls;
mod files;
mod tries;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use tries::{Tried, tried_by_compiler, tried_by_host};

/// What a host may open and start. Folders stand for everything in them; what is not
/// there is left out.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// Read.
    pub read: Vec<PathBuf>,
    /// Read, written, made and removed: files, folders, sockets.
    pub write: Vec<PathBuf>,
    /// Started as programs.
    pub start: Vec<PathBuf>,
}

/// Which walls stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// Around files, sockets and signals: Landlock.
    pub files: Wall,
    /// Around the kernel's calls: seccomp.
    pub calls: Wall,
}

/// Whether one wall stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wall {
    /// All of it; in the words of whoever built it.
    Whole(String),
    /// What this kernel knows of it, and what it lacks.
    Part(String),
    /// Nothing, and why.
    None(String),
}

/// Why a process could not lock itself: nothing is known of what stands.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Landlock.
    #[error("landlock refuses the rules: {0}")]
    Files(String),
    /// seccomp.
    #[error("seccomp refuses the filter: {0}")]
    Calls(String),
}

/// Locks a host: its paths, no listening on TCP, no signal to and no abstract socket of
/// other processes, and only the calls that a server makes.
///
/// # Errors
/// [`LockError`]. A kernel without the means is no error.
pub fn lock_host(paths: &Paths) -> Result<Walls, LockError> {
    Ok(Walls { files: files::around(paths)?, calls: calls::of_host()? })
}

/// Locks a process that only computes, part one: no file, no socket, no signal. Needs
/// one free descriptor, so it comes before a limit on them.
///
/// # Errors
/// [`LockError`].
pub fn lock_files() -> Result<Wall, LockError> {
    files::around(&Paths::default())
}

/// Part two: nothing but memory, threads, and what is open already.
///
/// # Errors
/// [`LockError`].
pub fn lock_calls() -> Result<Wall, LockError> {
    calls::of_compiler()
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(what) | Self::Part(what) => f.write_str(what),
            Self::None(why) => write!(f, "none ({why})"),
        }
    }
}

impl fmt::Display for Walls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "landlock: {}; seccomp: {}", self.files, self.calls)
    }
}
