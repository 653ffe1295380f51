//! One run on its way out of a data folder and into a new one that is only read. Knows no file format.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::{BlobError, Term};
use bailiwick_core::{Bytes, Digest, RunId};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use crate::audit::{self, AuditScope, Damage};
use crate::derived::{self, RunRow};
use crate::entry::{INLINE_MAX, first_link, next_link, read_back};
use crate::error::{OpenError, ReadError};
use crate::export::{self, Stream, WrittenEntry};
use crate::folder::{Folder, sync_folder};
use crate::named::digests_in;
use crate::schema::{open_and_prepare, open_to_read};
use crate::summary::Summary;
use crate::texts::Texts;
use crate::{blob, sql};

/// What `meta` says of a folder that was imported: nobody writes in it any more.
const IMPORTED: &str = "imported";

/// A run with the names of all bytes that it needs.
#[derive(Clone, Debug)]
pub struct ExportedRun {
    /// Its entries. Texts that are larger than a row holds are among the blobs.
    pub entries: Vec<WrittenEntry>,
    /// Every blob that its facts and texts name and that is there.
    pub blobs: BTreeSet<Digest>,
}

/// Why a run is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is something where the new folder would be.
    #[error("{} exists already: a run is imported into a new folder", .0.display())]
    Exists(PathBuf),
    /// It is not what was exported; which part.
    #[error("{0}")]
    Altered(String),
    /// The folder cannot be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The folder cannot be written or read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No room.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl From<rusqlite::Error> for ImportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Read(error.into())
    }
}

/// Reads a run and what it names, as of one moment.
pub(crate) fn exported(
    connection: &mut Connection,
    folder: &Folder,
    run: &RunId,
) -> Result<ExportedRun, ReadError> {
    // Texts come with their digests checked; what retention takes meanwhile is missing then.
    let mut entries = export::entries(connection, folder, &Stream::Run(run.clone()))?;
    let mut named = BTreeSet::new();
    for entry in &mut entries {
        named.extend(digests_in(entry.facts.as_bytes()));
        for text in entry.texts.values() {
            named.extend(digests_in(text.as_bytes()));
        }
        entry.texts.retain(|_, text| text.len() as u64 <= INLINE_MAX.0);
    }
    let mut blobs = BTreeSet::new();
    for digest in named {
        if blob::is_kept(connection, &digest)? {
            blobs.insert(digest);
        }
    }
    Ok(ExportedRun { entries, blobs })
}

/// A new data folder that takes one run in, and is there whole or not at all.
pub struct Importer {
    target: PathBuf,
    folder: Folder,
    connection: Connection,
    row: i64,
    appends: u64,
    link: Digest,
    erased: bool,
    named: BTreeSet<Digest>,
}

impl Importer {
    /// Begins a folder beside `target`, which must not exist.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn begin(target: &Path, run: &RunId) -> Result<Self, ImportError> {
        if target.symlink_metadata().is_ok() {
            return Err(ImportError::Exists(target.to_owned()));
        }
        let mut part = target.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        if part.exists() {
            // What an import left that was cut off.
            fs::remove_dir_all(&part).map_err(|source| at(&part, source))?;
        }
        let folder = Folder::new(&part);
        folder.create()?;
        let (connection, session) = open_and_prepare(&folder.database())?;
        connection.execute_batch("BEGIN")?;
        connection.execute("INSERT INTO meta VALUES (?1, 1)", [IMPORTED])?;
        let row = RunRow {
            name: run.clone(),
            term: Term(0),
            session,
            summary: Summary::default(),
            appends: 0,
            erased: false,
        };
        let row = row.insert(&connection)?;
        Ok(Self {
            target: target.to_owned(),
            folder,
            connection,
            row,
            appends: 0,
            link: first_link(run),
            erased: false,
            named: BTreeSet::new(),
        })
    }

    /// Takes the next entry in, checked against the chain and its texts against their names,
    /// and gives it as it reads.
    ///
    /// # Errors
    /// [`ImportError::Altered`] with what differs.
    pub fn entry(&mut self, entry: &WrittenEntry) -> Result<Entry, ImportError> {
        let number = self.appends + 1;
        let altered = |what: &str| ImportError::Altered(format!("entry {number}: {what}"));
        let facts = entry.facts.as_bytes();
        if entry.append != number {
            return Err(altered("it is out of order, or one is missing"));
        }
        let link = next_link(&self.link, entry.at, facts);
        if link != entry.link {
            return Err(altered("its facts or its time are not those that its link covers"));
        }
        let texts =
            serde_json::to_string(&entry.texts).map_err(|error| altered(&error.to_string()))?;
        let texts = if entry.texts.is_empty() { Texts::None } else { Texts::of(texts) };
        let read = read_back(entry.at, facts, &texts, |_| Ok::<_, String>(None));
        let read = read.map_err(|what| altered(&what))?;
        let documents = read.facts.iter().flat_map(Fact::documents);
        for document in documents.filter(|document| document.text().is_none()) {
            match document.bytes() > INLINE_MAX.0 {
                true => drop(self.named.insert(document.digest())),
                false => self.erased = true,
            }
        }
        self.connection.prepare_cached(sql::APPEND)?.execute(params![
            sql::entry_id(self.row, number),
            entry.at.0.cast_signed(),
            facts,
            link.as_bytes(),
            texts.plain(),
            texts.packed(),
        ])?;
        (self.appends, self.link) = (number, link);
        Ok(read)
    }

    /// Takes bytes in under their name.
    ///
    /// # Errors
    /// [`ImportError::Altered`] where they are others; [`ImportError::Blob`] where there
    /// is no room for them.
    pub fn blob(&mut self, digest: Digest, bytes: &[u8]) -> Result<(), ImportError> {
        if Digest::of(bytes) != digest {
            return Err(ImportError::Altered(format!("blob {digest}: its bytes are others")));
        }
        self.folder.check_room(Bytes(bytes.len() as u64))?;
        let mut delivery = blob::Delivery::new(&self.folder);
        let brought = delivery.bring(&self.connection, &digest, bytes);
        brought.and_then(|()| delivery.finish()).map_err(|error| at(self.folder.root(), error))?;
        blob::keep(&self.connection, &digest, bytes)?;
        self.named.remove(&digest);
        Ok(())
    }

    /// How far it got: the number of entries and the link after the last.
    #[must_use]
    pub fn head(&self) -> (u64, Digest) {
        (self.appends, self.link)
    }

    /// Gives the folder its name, after an audit of all that is in it.
    ///
    /// # Errors
    /// [`ImportError::Altered`] with the first damage; then there is no folder.
    pub fn finish(self) -> Result<(), ImportError> {
        let part = self.folder.root().to_owned();
        self.settle().inspect_err(|_| {
            // What cannot be removed now is when the same is imported again.
            let _ = fs::remove_dir_all(&part);
        })
    }

    fn settle(self) -> Result<(), ImportError> {
        let Self { target, folder, connection, row, named, .. } = self;
        // Of a large text, as of a small one, nothing is left where it was erased.
        let erased = self.erased || !named.is_empty();
        if let Some(mut found) = RunRow::numbered(&connection, row)? {
            found.erased = erased;
            found.write(&connection, row)?;
        }
        if let Some(unread) = derived::rebuild(&connection)?.into_iter().next() {
            return Err(ImportError::Altered(unread.to_string()));
        }
        connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")?;
        connection.close().map_err(|(_, error)| ImportError::from(error))?;
        let mut reader = open_to_read(&folder.database())?;
        let audit = audit::audit(&mut reader, &folder, &AuditScope::All)?;
        drop(reader);
        if let Some(Damage(what)) = audit.damages.into_iter().next() {
            return Err(ImportError::Altered(what));
        }
        fs::rename(folder.root(), &target).map_err(|source| at(&target, source))?;
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        sync_folder(parent).map_err(|source| at(parent, source))?;
        Ok(())
    }

    /// Gives up: nothing is left of it.
    pub fn abandon(self) {
        let Self { folder, connection, .. } = self;
        drop(connection);
        // What cannot be removed now is when the same is imported again.
        let _ = fs::remove_dir_all(folder.root());
    }
}

/// Whether a folder was imported. What cannot be read is not.
pub(crate) fn is_imported(folder: &Folder) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let find = |connection: Connection| {
        let found = connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [IMPORTED], |row| {
                row.get::<_, i64>(0)
            })
            .optional();
        matches!(found, Ok(Some(_)))
    };
    Connection::open_with_flags(folder.database(), flags).is_ok_and(find)
}

fn at(path: &Path, source: std::io::Error) -> ImportError {
    ImportError::Open(OpenError::Folder { path: path.to_owned(), source })
}
