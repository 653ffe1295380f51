//! A data folder, held: the ports over one writer and a few readers. Knows no SQL.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{
    self, BlobError, Blobs, BoxFuture, Journal, JournalError, Term, Ticket,
};
use bailiwick_core::{Bytes, Digest, RunId, Timestamp};
use tokio::sync::{oneshot, watch};

use crate::archive::Archive;
use crate::chore::Chore;
use crate::entry::Written;
use crate::error::{OpenError, ReadError};
use crate::exchange;
use crate::folder::{Folder, FolderLock, Holder};
use crate::host_log::HostFact;
use crate::knowledge::{Collections, IndexError, Library};
use crate::namespaces::Turns;
use crate::outputs::Outputs;
use crate::queue::Queue;
use crate::work::{Append, Reply, Work};
use crate::writer::{self, CLOSED, WriterThreads};

/// Who opens a data folder: what the next one is told.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The command, for people.
    pub command: String,
    /// The time now.
    pub now: Timestamp,
}

/// A data folder that this process holds. Dropping it writes what stands in line,
/// closes the files and lets the folder go.
///
/// Appends of all runs stand in one line; each commit takes all that stands there.
/// The line holds at most 65 536 pieces and 256 MiB; what comes on top is refused
/// as [`JournalError::Storage`], never waited for.
pub struct Store {
    folder: Folder,
    queue: Arc<Queue<Work>>,
    archive: Archive,
    threads: WriterThreads,
    last_words: watch::Receiver<Option<String>>,
    library: Mutex<Option<Arc<Library>>>,
    outputs: Mutex<Option<Arc<Outputs>>>,
    turns: Turns,
    _lock: FolderLock,
}

impl Store {
    /// Opens a data folder, makes it where it is missing, and holds it.
    ///
    /// # Errors
    /// [`OpenError::Held`] says who holds it; the others what is wrong with it.
    pub fn open(data: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let folder = Folder::new(data);
        folder.create()?;
        let holder =
            Holder { pid: std::process::id(), since: options.now, command: options.command };
        let lock = FolderLock::take(&folder, &holder)?;
        if exchange::is_imported(&folder) {
            return Err(OpenError::Imported(data.to_owned()));
        }
        let queue = Arc::new(Queue::new(writer::LINE));
        let (tell, last_words) = watch::channel(None);
        let mut threads = writer::start(&folder, &queue, tell)?;
        let archive = Archive::open(data).inspect_err(|_| {
            queue.close(CLOSED);
            threads.join();
        })?;
        Ok(Self {
            folder,
            queue,
            archive,
            threads,
            last_words,
            library: Mutex::default(),
            outputs: Mutex::default(),
            turns: Turns::default(),
            _lock: lock,
        })
    }

    /// Opens a data folder for reading, whether or not somebody holds it.
    ///
    /// # Errors
    /// [`OpenError`] where there is none or it cannot be read.
    pub fn open_read_only(data: &Path) -> Result<Archive, OpenError> {
        Archive::open(data)
    }

    /// Whether there is a data folder.
    #[must_use]
    pub fn is_there(data: &Path) -> bool {
        Folder::new(data).database().exists()
    }

    /// What was written.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Ends when nothing can be written any more, with the reason: two commits failed one
    /// after the other. What was acknowledged is on stable storage.
    pub fn broken(&self) -> impl Future<Output = String> + Send + 'static {
        let mut words = self.last_words.clone();
        async move {
            let said = words.wait_for(Option::is_some).await.ok().and_then(|said| said.clone());
            match said {
                Some(said) => said,
                // It was closed, and nothing was wrong.
                None => std::future::pending().await,
            }
        }
    }

    /// The collections of a project, told from others by the digest of its path.
    /// The first call opens their database.
    ///
    /// # Errors
    /// [`IndexError`] where that does not open.
    pub fn collections(&self, project: Digest) -> Result<Collections, IndexError> {
        let mut library = self.library.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match &*library {
            Some(opened) => Arc::clone(opened),
            None => {
                let opened = Arc::new(Library::open(&self.folder.knowledge())?);
                *library = Some(Arc::clone(&opened));
                opened
            }
        };
        Ok(Collections::new(opened, project))
    }

    /// The outputs that are remembered from run to run. The first call opens their database.
    ///
    /// # Errors
    /// [`OpenError`] where that does not open.
    pub fn outputs(&self) -> Result<Arc<Outputs>, OpenError> {
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*outputs {
            return Ok(Arc::clone(opened));
        }
        let opened = Arc::new(Outputs::open(&self.folder.outputs())?);
        *outputs = Some(Arc::clone(&opened));
        Ok(opened)
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Writes down what was done to the host itself. When this returns, it is durable.
    ///
    /// # Errors
    /// [`ReadError`] where storage failed. Whether it was written then, only what can be
    /// read says: a commit can fail when it is on the disk.
    pub async fn note(&self, at: Timestamp, facts: Vec<HostFact>) -> Result<(), ReadError> {
        self.chore(Chore::Note(at, facts)).await.map(drop)
    }

    pub(crate) fn chore(&self, chore: Chore) -> Answer<u64, ReadError> {
        self.submit(|reply| Work::Chore { chore, reply })
    }

    fn submit<T, E>(&self, work: impl FnOnce(Reply<T, E>) -> Work) -> Answer<T, E>
    where
        T: Send + 'static,
        E: From<Unanswered> + From<crate::queue::Refused> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = work(reply);
        let size = work.size();
        let asked = self.queue.push(work, size);
        Box::pin(async move {
            asked?;
            answer.await.unwrap_or_else(|_| Err(Unanswered.into()))
        })
    }
}

type Answer<T, E> = BoxFuture<'static, Result<T, E>>;

/// The writer went away without a word.
struct Unanswered;

impl From<Unanswered> for JournalError {
    fn from(_: Unanswered) -> Self {
        Self::Storage(CLOSED.into())
    }
}

impl From<Unanswered> for ReadError {
    fn from(_: Unanswered) -> Self {
        Self::Storage(CLOSED.into())
    }
}

impl From<Unanswered> for BlobError {
    fn from(_: Unanswered) -> Self {
        Self::Storage(CLOSED.into())
    }
}

/// An append as it stands in the line, and the ticket for it.
fn asked(append: ports::Append) -> Result<(Append, Ticket), JournalError> {
    let ports::Append { run, term, entry } = append;
    let written = Written::of(&entry).map_err(|error| JournalError::Storage(error.to_string()))?;
    let (reply, answer) = oneshot::channel();
    let ticket = Ticket::new(async { answer.await.unwrap_or_else(|_| Err(Unanswered.into())) });
    Ok((Append { run, term, entry, written, reply }, ticket))
}

impl Journal for Store {
    fn create<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        self.submit(|reply| Work::Create { run: run.clone(), reply })
    }

    fn claim<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        self.submit(|reply| Work::Claim { run: run.clone(), reply })
    }

    fn append(&self, run: &RunId, term: Term, entry: Entry) -> Result<Ticket, JournalError> {
        let (append, ticket) = asked(ports::Append { run: run.clone(), term, entry })?;
        let work = Work::Append(Box::new(append));
        let size = work.size();
        self.queue.push(work, size)?;
        Ok(ticket)
    }

    fn append_all(&self, appends: Vec<ports::Append>) -> Result<Vec<Ticket>, JournalError> {
        let asked: Result<Vec<_>, _> = appends.into_iter().map(asked).collect();
        let (appends, tickets) = asked?.into_iter().unzip();
        let work = Work::Together(appends);
        let size = work.size();
        self.queue.push(work, size)?;
        Ok(tickets)
    }

    fn read<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Entry>, JournalError>> {
        self.archive.read(run)
    }
}

impl Blobs for Store {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        let digest = Digest::of(&bytes);
        self.submit(|reply| Work::Put { digest, bytes, reply })
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.archive.get(digest)
    }

    fn check_room(&self, bytes: Bytes) -> Result<(), BlobError> {
        self.folder.check_room(bytes)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Readers first: who closes the database last moves its log, and only the
        // writer may.
        self.archive.close();
        self.queue.close(CLOSED);
        self.threads.join();
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A store in a folder of its own.
    struct Scratch(Store, #[expect(dead_code, reason = "lives as long")] TempDir);

    fn fresh() -> Scratch {
        let folder = TempDir::new().unwrap();
        let options = StoreOptions { command: "test".into(), now: Timestamp(0) };
        Scratch(Store::open(folder.path(), options).unwrap(), folder)
    }

    crate::journal_contract!(fresh().0);
    crate::blobs_contract!(fresh().0);
}
