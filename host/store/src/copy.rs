//! A consistent copy of a data folder beside whoever writes it. Changes nothing in it, and trusts the copy only after an audit.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bailiwick_core::{Bytes, Digest};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::audit::{self, Audit, AuditScope};
use crate::error::{OpenError, ReadError};
use crate::folder::{Folder, sync_folder};
use crate::schema::{open_to_read, settle};
use crate::{blob, sql};

/// The pages that are copied before a commit may interrupt: all. The source is read as of
/// one moment, and its writer does not wait for readers.
const PAGES_AT_ONCE: i32 = -1;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is something where the copy would be.
    #[error("{} exists already: a copy is made into a new folder", .0.display())]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database cannot be read or written.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The copy does not open.
    #[error("the copy: {0}")]
    Open(#[from] OpenError),
}

/// What was copied.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Its size.
    pub bytes: Bytes,
    /// What an audit of the copy says. Damage of the original is copied with it.
    pub audit: Audit,
}

/// Copies the folder to `target`, which must not exist.
///
/// Files of blobs are copied first, the database then, and then what it names that came
/// between: retention deletes only what nobody has named for long, so that a file which
/// the copied database names is either copied already or still there.
pub(crate) fn copy(
    connection: &Connection,
    folder: &Folder,
    target: &Path,
) -> Result<Copied, CopyError> {
    if target.symlink_metadata().is_ok() {
        return Err(CopyError::Exists(target.to_owned()));
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let mut part = target.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    at(&part, remove(&part))?;
    let copy = Folder::new(&part);
    copy.create()?;

    copy_blobs(folder, &copy, &mut listed(folder)?)?;
    let database = copy.database();
    copy_database(connection, &database)?;
    let copied = open_to_read(&database)?;
    let named = named(&copied)?;
    let mut missing = named.clone();
    missing.retain(|digest, _| !copy.blob(digest).exists());
    copy_blobs(folder, &copy, &mut missing)?;
    for digest in listed(&copy)?.keys().filter(|digest| !named.contains_key(*digest)) {
        let path = copy.blob(digest);
        at(&path, fs::remove_file(&path))?;
    }
    copy_beside(folder, &copy)?;
    drop(copied);
    let mut bytes = Bytes(0);
    at(&part, sync_all(&part, &mut bytes))?;

    let mut reader = open_to_read(&database)?;
    let audit = audit::audit(&mut reader, &copy, &AuditScope::All)?;
    drop(reader);
    at(target, fs::rename(&part, target))?;
    at(parent, sync_folder(parent))?;
    Ok(Copied { bytes, audit })
}

fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, CopyError> {
    done.map_err(|source| CopyError::File { path: path.to_owned(), source })
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn copy_database(connection: &Connection, to: &Path) -> Result<(), CopyError> {
    let database = |error: rusqlite::Error| CopyError::Read(error.into());
    // Nobody else may read it, at no moment.
    at(to, OpenOptions::new().write(true).create_new(true).mode(0o600).open(to))?;
    let mut copy = Connection::open(to).map_err(database)?;
    settle(&copy).map_err(database)?;
    {
        let backup = Backup::new(connection, &mut copy).map_err(database)?;
        loop {
            match backup.step(PAGES_AT_ONCE).map_err(database)? {
                StepResult::Done => break,
                // A stranger locks it; `settle` has waited for him already.
                StepResult::Busy | StepResult::Locked => {
                    let why = "the database is locked by another program".to_owned();
                    return Err(ReadError::Storage(why).into());
                }
                _ => {}
            }
        }
    }
    copy.close().map_err(|(_, error)| database(error))
}

/// The blobs that a database says lie in files.
fn named(connection: &Connection) -> Result<BTreeMap<Digest, Bytes>, CopyError> {
    let database = |error: rusqlite::Error| CopyError::Read(error.into());
    let mut query = connection.prepare_cached(sql::BLOBS_IN_FILES).map_err(database)?;
    let mut rows = query.query([]).map_err(database)?;
    let mut named = BTreeMap::new();
    while let Some(row) = rows.next().map_err(database)? {
        let name = row.get_ref(0).map_err(database)?;
        let size: i64 = row.get(1).map_err(database)?;
        // A row whose name is none is told by the audit.
        if let Some(name) = name.as_blob().ok().and_then(|name| name.try_into().ok()) {
            named.insert(Digest::from_bytes(name), Bytes(size.cast_unsigned()));
        }
    }
    Ok(named)
}

fn listed(folder: &Folder) -> Result<BTreeMap<Digest, Bytes>, CopyError> {
    at(&folder.blobs(), blob::files(folder))
}

fn copy_blobs(
    from: &Folder,
    to: &Folder,
    blobs: &mut BTreeMap<Digest, Bytes>,
) -> Result<(), CopyError> {
    for digest in blobs.keys() {
        let (source, target) = (from.blob(digest), to.blob(digest));
        if let Some(shelf) = target.parent() {
            at(shelf, DirBuilder::new().recursive(true).mode(0o700).create(shelf))?;
        }
        match fs::copy(&source, &target) {
            // Deleted since it was listed; what is missing in the end, the audit names.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => at(&source, done).map(drop)?,
        }
    }
    Ok(())
}

/// What lies beside the database and cannot be made anew: the key of the host and the
/// heads that were anchored. The knowledge index can.
fn copy_beside(from: &Folder, to: &Folder) -> Result<(), CopyError> {
    let mut files = vec![from.root().join("host.key")];
    match fs::read_dir(from.anchors()) {
        Ok(anchors) => {
            at(&to.anchors(), DirBuilder::new().mode(0o700).create(to.anchors()))?;
            for anchor in anchors {
                files.push(at(&from.anchors(), anchor)?.path());
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return at(&from.anchors(), Err(error)),
    }
    for file in files {
        let Ok(inside) = file.strip_prefix(from.root()) else { continue };
        match fs::copy(&file, to.root().join(inside)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => at(&file, done).map(drop)?,
        }
    }
    Ok(())
}

/// Makes every file and folder of the copy survive a power cut.
fn sync_all(folder: &Path, bytes: &mut Bytes) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path(), bytes)?;
        } else {
            File::open(entry.path())?.sync_all()?;
            *bytes = bytes.plus(Bytes(entry.metadata()?.len()));
        }
    }
    sync_folder(folder)
}
