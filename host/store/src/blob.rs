//! Bytes by content, small ones in the database and large ones as files. Knows nothing of who names them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bailiwick_core::ports::BlobError;
use bailiwick_core::{Bytes, Digest};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::folder::{Folder, sync_folder};
use crate::sql;

/// The largest blob that lies in the database. Up to about here one write into the
/// log is cheaper than making, syncing and naming a file; above, the log would carry
/// everything twice.
pub(crate) const IN_DATABASE_MAX: Bytes = Bytes::kib(256);

/// Where files are written before they get their name.
const INCOMING: &str = "incoming";

/// Removes what a crash left half written.
pub(crate) fn sweep(folder: &Folder) -> io::Result<()> {
    match fs::remove_dir_all(folder.blobs().join(INCOMING)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Files of one batch: each is written and synced when it comes, their folders once at the end.
pub(crate) struct Delivery<'a> {
    folder: &'a Folder,
    delivered: BTreeSet<Digest>,
    folders: BTreeSet<PathBuf>,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(folder: &'a Folder) -> Self {
        Self { folder, delivered: BTreeSet::new(), folders: BTreeSet::new() }
    }

    /// Writes bytes to their place if they belong into a file and are not there yet.
    pub(crate) fn bring(
        &mut self,
        connection: &Connection,
        digest: &Digest,
        bytes: &[u8],
    ) -> io::Result<()> {
        if bytes.len() as u64 <= IN_DATABASE_MAX.0 || self.delivered.contains(digest) {
            return Ok(());
        }
        if is_kept(connection, digest).map_err(io::Error::other)? {
            return Ok(());
        }
        let (path, incoming) = (self.folder.blob(digest), self.folder.blobs().join(INCOMING));
        let parent = path.parent().unwrap_or(self.folder.root());
        fs::create_dir_all(&incoming)?;
        if !parent.exists() {
            fs::create_dir_all(parent)?;
            self.folders.insert(self.folder.blobs());
        }
        let unnamed = incoming.join(digest.hex());
        write_synced(&unnamed, bytes).inspect_err(|_| {
            // Half a file must not take the room that is missing.
            let _ = fs::remove_file(&unnamed);
        })?;
        fs::rename(&unnamed, &path)?;
        self.folders.insert(parent.to_owned());
        self.delivered.insert(*digest);
        Ok(())
    }

    /// Makes the names durable. To be called before the commit that mentions them.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| sync_folder(folder))
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

pub(crate) fn is_kept(connection: &Connection, digest: &Digest) -> Result<bool, rusqlite::Error> {
    connection.prepare_cached(sql::FIND_BLOB)?.exists([digest.as_bytes()])
}

/// Writes down that these bytes are kept; small ones with the bytes themselves.
pub(crate) fn keep(
    connection: &Connection,
    digest: &Digest,
    bytes: &[u8],
) -> Result<(), rusqlite::Error> {
    let size = (bytes.len() as u64).cast_signed();
    let inline = (bytes.len() as u64 <= IN_DATABASE_MAX.0).then_some(bytes);
    connection.prepare_cached(sql::KEEP_BLOB)?.execute(params![digest.as_bytes(), size, inline])?;
    Ok(())
}

/// Files below `blobs`, by the digest that they are called.
pub(crate) fn files(folder: &Folder) -> io::Result<BTreeMap<Digest, Bytes>> {
    let mut found = BTreeMap::new();
    for shelf in fs::read_dir(folder.blobs())? {
        let shelf = shelf?;
        if !shelf.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(shelf.path())? {
            let file = file?;
            let (shelf, name) = (shelf.file_name(), file.file_name());
            let hex = format!("blake3:{}{}", shelf.to_string_lossy(), name.to_string_lossy());
            // A file that is gone by now was one of `incoming`.
            if let (Ok(digest), Ok(about)) = (hex.parse(), file.metadata()) {
                found.insert(digest, Bytes(about.len()));
            }
        }
    }
    Ok(found)
}

/// Removes the file of a blob that has no row any more. A file that cannot be removed now
/// is found by the next sweep.
pub(crate) fn remove(folder: &Folder, digest: &Digest) {
    match fs::remove_file(folder.blob(digest)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, %digest, "the file of a blob that nobody names was not removed");
        }
        _ => {}
    }
}

/// How many names of blobs are read at once.
const PAGE: u32 = 1_000;

/// A name in a row, or the number of a row whose name is none.
pub(crate) type Listed = Result<Digest, i64>;

/// At most [`PAGE`] names of blobs behind the row `after`, and the row to go on behind.
pub(crate) fn names(
    connection: &Connection,
    after: i64,
) -> Result<Option<(i64, Vec<Listed>)>, rusqlite::Error> {
    let mut query = connection.prepare_cached(sql::NEXT_BLOBS)?;
    let mut rows = query.query((after, PAGE))?;
    let (mut last, mut found) = (after, Vec::new());
    while let Some(row) = rows.next()? {
        last = row.get(0)?;
        let name = row.get_ref(1)?.as_blob().ok().and_then(|name| name.try_into().ok());
        found.push(name.map(Digest::from_bytes).ok_or(last));
    }
    Ok((!found.is_empty()).then_some((last, found)))
}

/// A blob with its size.
pub(crate) type Weighed = (Digest, Bytes);

/// As [`names`], with sizes, and without those whose name is none.
pub(crate) fn sizes(
    connection: &Connection,
    after: i64,
) -> Result<Option<(i64, Vec<Weighed>)>, rusqlite::Error> {
    let mut query = connection.prepare_cached(sql::NEXT_BLOBS)?;
    let mut rows = query.query((after, PAGE))?;
    let (mut last, mut found) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        last = Some(row.get(0)?);
        if let Some(name) = row.get_ref(1)?.as_blob().ok().and_then(|name| name.try_into().ok()) {
            let size = Bytes(row.get::<_, i64>(2)?.cast_unsigned());
            found.push((Digest::from_bytes(name), size));
        }
    }
    Ok(last.map(|last| (last, found)))
}

/// The bytes of a digest, checked against it.
pub(crate) fn fetch(
    connection: &Connection,
    folder: &Folder,
    digest: &Digest,
) -> Result<Vec<u8>, BlobError> {
    let storage = |error: rusqlite::Error| match crate::error::says_damaged(&error) {
        true => BlobError::Damaged(*digest),
        false => BlobError::Storage(error.to_string()),
    };
    let row: Option<Option<Vec<u8>>> = connection
        .prepare_cached(sql::READ_BLOB)
        .and_then(|mut query| query.query_row([digest.as_bytes()], |row| row.get(0)).optional())
        .map_err(storage)?;
    let bytes = match row {
        None => return Err(BlobError::Missing(*digest)),
        Some(Some(bytes)) => bytes,
        Some(None) => match fs::read(folder.blob(digest)) {
            Ok(bytes) => bytes,
            // It was kept, and nobody said that it is not any more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::Damaged(*digest));
            }
            Err(error) => return Err(BlobError::Storage(error.to_string())),
        },
    };
    if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(BlobError::Damaged(*digest)) }
}
