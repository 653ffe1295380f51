//! One file that is looked at again and again: whether there is another version of it, and which one is in force. Reads none of it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bailiwick_core::Digest;

/// What tells one version of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    changed: [i64; 4],
}

impl Stamp {
    /// Nothing where there is no such file.
    fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        let changed = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
        Some(Self { file: (found.dev(), found.ino()), size: found.size(), changed })
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) path: PathBuf,
    seen: Mutex<Seen>,
}

/// The version that was read or refused, and the one of the last look.
#[derive(Debug)]
struct Seen {
    taken: Option<Stamp>,
    last: Option<Stamp>,
    /// Of the text that is in force.
    text: Option<Digest>,
}

impl Looked {
    /// It is read once more at the beginning: between the moment in which a run was checked
    /// and the one in which somebody looks on, minutes of compiling may lie.
    pub(super) fn at(path: PathBuf, text: Option<&String>) -> Self {
        let text = text.map(|text| Digest::of(text.as_bytes()));
        Self { path, seen: Mutex::new(Seen { taken: None, last: None, text }) }
    }

    /// Whether there is another version, that was there at the last look already. Each is
    /// told once.
    pub(super) fn is_new(&self) -> bool {
        let now = Stamp::of(&self.path);
        let mut seen = self.seen();
        let settled = now == seen.last;
        seen.last = now;
        let is_new = settled && now != seen.taken;
        if is_new {
            seen.taken = now;
        }
        is_new
    }

    /// Whether it was there at the last look.
    pub(super) fn is_there(&self) -> bool {
        self.seen().last.is_some()
    }

    /// Of the text that is in force: a file may be written as it was.
    pub(super) fn in_force(&self) -> Option<Digest> {
        self.seen().text
    }

    /// This text is in force; nothing: whatever comes next is another one.
    pub(super) fn is_in_force(&self, text: Option<Digest>) {
        self.seen().text = text;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
