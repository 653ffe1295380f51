//! What was written, for everybody who may read the folder, beside whoever writes it. Changes nothing.

use std::path::Path;
use std::sync::Arc;

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{BlobError, BoxFuture, JournalError};
use bailiwick_core::{Digest, RunId};
use rusqlite::{Connection, OptionalExtension as _};

use crate::entry::read_back;
use crate::error::{OpenError, ReadError};
use crate::folder::Folder;
use crate::listing::{self, ListedRun};
use crate::pool::Pool;
use crate::schema::open_to_read;
use crate::{blob, chain, sql};

/// How many threads read: one for a long `show`, one for everybody else.
const READERS: usize = 2;

/// The most runs of one page of a listing.
pub const LISTING_MAX: u32 = 1_000;

/// A data folder, open for reading.
pub struct Archive {
    folder: Folder,
    readers: Pool,
}

impl Archive {
    /// Opens a data folder for reading, whether or not somebody writes in it.
    ///
    /// # Errors
    /// [`OpenError`] where there is none or it cannot be read.
    pub fn open(data: &Path) -> Result<Self, OpenError> {
        let folder = Folder::new(data);
        let database = folder.database();
        // A folder that may not be read is not an empty one.
        if !database
            .try_exists()
            .map_err(|source| OpenError::Folder { path: data.to_owned(), source })?
        {
            return Err(OpenError::Missing(data.to_owned()));
        }
        let readers = Pool::start("store-reader", READERS, || open_to_read(&database))?;
        Ok(Self { folder, readers })
    }

    /// At most `limit` runs (at most [`LISTING_MAX`]), newest first; those that were made
    /// before the run `before`, where one is given.
    ///
    /// # Errors
    /// [`ReadError`] where there is no run `before`, or storage failed.
    pub fn runs(
        &self,
        limit: u32,
        before: Option<RunId>,
    ) -> impl Future<Output = Result<Vec<ListedRun>, ReadError>> + Send + 'static {
        let folder = self.folder.clone();
        let limit = limit.min(LISTING_MAX);
        let answer = self
            .readers
            .ask(move |connection| listing::runs(connection, &folder, limit, before.as_ref()));
        async { answer.await? }
    }

    /// One run.
    ///
    /// # Errors
    /// [`ReadError`] where there is none, or storage failed.
    pub fn run(
        &self,
        run: RunId,
    ) -> impl Future<Output = Result<ListedRun, ReadError>> + Send + 'static {
        let folder = self.folder.clone();
        let answer = self.readers.ask(move |connection| listing::run(connection, &folder, run));
        async { answer.await? }
    }

    /// Everything of a run, in order, checked against its chain, with the texts of
    /// documents attached; an erased text leaves its document unloaded.
    pub fn read<'a>(&self, run: &RunId) -> BoxFuture<'a, Result<Vec<Entry>, JournalError>> {
        let (folder, run) = (self.folder.clone(), run.clone());
        let answer = self.readers.ask(move |connection| entries(connection, &folder, &run));
        Box::pin(async { Ok(answer.await??) })
    }

    /// The bytes of a digest, checked against it.
    pub fn get<'a>(&self, digest: Digest) -> BoxFuture<'a, Result<Vec<u8>, BlobError>> {
        let folder = self.folder.clone();
        let answer = self.readers.ask(move |connection| blob::fetch(connection, &folder, &digest));
        Box::pin(async { answer.await? })
    }

    pub(crate) fn close(&mut self) {
        self.readers.close();
    }
}

fn entries(
    connection: &mut Connection,
    folder: &Folder,
    run: &RunId,
) -> Result<Vec<Entry>, ReadError> {
    // One transaction: everything is read as of one moment.
    let snapshot = connection.transaction()?;
    let row: Option<i64> = snapshot
        .prepare_cached(sql::FIND_RUN)?
        .query_row([run.as_str()], |row| row.get(0))
        .optional()?;
    let row = row.ok_or_else(|| ReadError::NoSuchRun(run.clone()))?;
    let mut entries = Vec::new();
    chain::walk(&snapshot, run, row, |at, facts, texts| {
        let entry = read_back(at, facts, texts, |digest| text_of(&snapshot, folder, digest))?;
        entries.push(entry);
        Ok(())
    })?;
    Ok(entries)
}

/// The text of a large document; nothing where it was erased.
fn text_of(
    connection: &Connection,
    folder: &Folder,
    digest: &Digest,
) -> Result<Option<Arc<str>>, String> {
    match blob::fetch(connection, folder, digest) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(|text| Some(text.into()))
            .map_err(|_| format!("the text of {digest:?} is no text")),
        Err(BlobError::Missing(_)) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
