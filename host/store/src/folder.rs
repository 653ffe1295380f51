//! The data folder: where things lie in it and who holds it. Knows nothing of what the files contain.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bailiwick_core::ports::BlobError;
use bailiwick_core::{Bytes, Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::OpenError;

/// How often an opener tries again before it says who holds the folder: a listing
/// in another process looks at the lock for some microseconds.
const LOCK_TRIES: u32 = 5;

/// The pause between two of these tries: all together are too short to be noticed.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The most that is read of a lock file: a process id, a time and a command line.
const HOLDER_MAX_BYTES: u64 = 8 * 1024;

/// The part of a disk that stays free, in percent: facts about what is under way
/// must still fit when blobs no longer do.
const RESERVE_PERCENT: u64 = 5;

/// Above this the reserve does not grow: no host has more than this under way, and
/// five percent of a large disk that others fill too would stop work for nothing.
const RESERVE_MAX: Bytes = Bytes(1 << 30);

/// The places in a data folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Makes what is missing, so that it is still there after a power cut. What is kept
    /// is its owner's business, hence 0700.
    pub(crate) fn create(&self) -> Result<(), OpenError> {
        let blobs = self.blobs();
        for path in missing(&blobs).into_iter().rev() {
            let made =
                DirBuilder::new().mode(0o700).create(path).or_else(|error| match error.kind() {
                    // Somebody opens the same folder at the same time; the lock decides.
                    io::ErrorKind::AlreadyExists => Ok(()),
                    _ => Err(error),
                });
            let synced = made.and_then(|()| match path.parent() {
                Some(parent) if parent.as_os_str().is_empty() => sync_folder(Path::new(".")),
                Some(parent) => sync_folder(parent),
                None => Ok(()),
            });
            synced.map_err(|source| OpenError::Folder { path: path.to_owned(), source })?;
        }
        Ok(())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("store.db")
    }

    pub(crate) fn knowledge(&self) -> PathBuf {
        self.root.join("knowledge.db")
    }

    pub(crate) fn outputs(&self) -> PathBuf {
        self.root.join("outputs.db")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The lists of heads that were anchored, each by its digest.
    pub(crate) fn anchors(&self) -> PathBuf {
        self.root.join("anchors")
    }

    /// The file of a blob: `blobs/ab/cdef…`, so that no folder gets too many entries.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let (folder, file) = hex.split_at_checked(2).unwrap_or(("", &hex));
        self.blobs().join(folder).join(file)
    }

    fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Whether bytes still fit before the reserve of the disk is touched.
    pub(crate) fn check_room(&self, wanted: Bytes) -> Result<(), BlobError> {
        let room = self.room().map_err(|error| BlobError::Storage(error.to_string()))?;
        if wanted <= room {
            return Ok(());
        }
        Err(BlobError::Full {
            wanted,
            reason: format!("{room} are left before the disk's reserve"),
        })
    }

    fn room(&self) -> io::Result<Bytes> {
        let disk = rustix::fs::statvfs(&self.root)?;
        let total = disk.f_blocks.saturating_mul(disk.f_frsize);
        let free = Bytes(disk.f_bavail.saturating_mul(disk.f_frsize));
        Ok(free.minus(Bytes(total / 100 * RESERVE_PERCENT).min(RESERVE_MAX)))
    }
}

/// Who holds a data folder, as it wrote itself down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
    /// Its command, for people.
    pub command: String,
}

/// Ownership of a data folder. Ends with this value or with the process, whatever
/// happens to it: the lock is the kernel's, what stands in the file is only said.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(folder: &Folder, holder: &Holder) -> Result<Self, OpenError> {
        let path = folder.lock_file();
        let broken = |source| OpenError::Folder { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(broken)?;
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < LOCK_TRIES => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(OpenError::Held {
                        folder: folder.root().to_owned(),
                        holder: read_holder(&mut file),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(broken(source)),
            }
        }
        let text = serde_json::to_vec(holder).unwrap_or_default();
        file.set_len(0).and_then(|()| file.write_all(&text)).map_err(broken)?;
        Ok(Self { _file: file })
    }
}

/// Whether somebody holds the folder now.
pub(crate) fn is_held(folder: &Folder) -> bool {
    match File::open(folder.lock_file()) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let mut text = Vec::new();
    file.take(HOLDER_MAX_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The folders of a path that are not there, the innermost first. A relative path ends
/// in an empty one, which is the current folder.
fn missing(path: &Path) -> Vec<&Path> {
    let named = path.ancestors().filter(|path| !path.as_os_str().is_empty());
    named.take_while(|path| !path.exists()).collect()
}

/// Makes the entries of a folder survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        Holder { pid: 7, since: Timestamp(1_000), command: "bailiwick run".into() }
    }

    #[test]
    fn the_current_folder_is_not_missing() {
        let path = Path::new("not-there/blobs");
        assert_eq!(missing(path), [path, Path::new("not-there")]);
    }

    #[test]
    fn the_second_opener_learns_who_is_first() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::new(temp.path());
        let first = FolderLock::take(&folder, &holder()).unwrap();
        assert!(is_held(&folder));
        match FolderLock::take(&folder, &holder()).unwrap_err() {
            OpenError::Held { holder: Some(found), .. } => assert_eq!(found, holder()),
            other => panic!("{other}"),
        }
        drop(first);
        assert!(!is_held(&folder));
        FolderLock::take(&folder, &holder()).unwrap();
    }

    #[test]
    fn a_lock_file_full_of_nonsense_is_no_obstacle() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::new(temp.path());
        fs::write(folder.lock_file(), "\u{0}nonsense").unwrap();
        let _first = FolderLock::take(&folder, &holder()).unwrap();
    }

    #[test]
    fn what_would_touch_the_reserve_has_no_room() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::new(temp.path());
        let disk = rustix::fs::statvfs(temp.path()).unwrap();
        let free = Bytes(disk.f_bavail * disk.f_frsize);
        assert!(
            matches!(folder.check_room(free), Err(BlobError::Full { wanted, .. }) if wanted == free)
        );
        folder.check_room(Bytes(1)).unwrap();
    }
}
