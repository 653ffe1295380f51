//! The one thread that writes: takes all that stands in line, commits it as one transaction, answers. Knows no rule of the journal.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use bailiwick_core::Bytes;
use bailiwick_core::ports::BlobError;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::watch;

use crate::blob::{self, Delivery};
use crate::chore;
use crate::error::{OpenError, ReadError};
use crate::folder::Folder;
use crate::ledger::Ledger;
use crate::queue::{Capacity, Queue};
use crate::schema::{open_and_prepare, open_to_write};
use crate::wal::{LogLength, give_size, start_checkpointer};
use crate::work::{Append, Verdict, Work};

/// What may stand in the writer's line. A disk that takes 100 ms for a commit clears
/// thousands of appends a second; whoever is refused here outruns any disk. The bytes
/// hold four times the largest set of artifacts that one attempt may put.
pub(crate) const LINE: Capacity = Capacity { items: 65_536, bytes: Bytes::mib(256) };

/// How many commits may fail one after the other before nothing is written any more.
const FAILURES_MAX: u32 = 2;

/// What is said to who comes after the end.
pub(crate) const CLOSED: &str = "the store is closed";

/// The writer's side of the store.
pub(crate) struct Writer {
    folder: Folder,
    database: PathBuf,
    connection: Connection,
    ledger: Ledger,
    log: LogLength,
    queue: Arc<Queue<Work>>,
    failures: u32,
    /// Told why nothing is written any more.
    last_words: watch::Sender<Option<String>>,
}

/// The threads that write and move the log.
pub(crate) struct WriterThreads {
    writer: Option<JoinHandle<()>>,
    checkpointer: Option<JoinHandle<()>>,
}

impl WriterThreads {
    /// Waits until what stood in line is written and the files are closed. The line must be closed.
    pub(crate) fn join(&mut self) {
        for thread in [self.writer.take(), self.checkpointer.take()].into_iter().flatten() {
            if thread.join().is_err() {
                tracing::error!("a thread of the store has panicked");
            }
        }
    }
}

/// Opens the database and starts the threads.
pub(crate) fn start(
    folder: &Folder,
    queue: &Arc<Queue<Work>>,
    last_words: watch::Sender<Option<String>>,
) -> Result<WriterThreads, OpenError> {
    let database = folder.database();
    let io = |source| OpenError::Folder { path: folder.root().to_owned(), source };
    blob::sweep(folder).map_err(io)?;
    let (mut connection, session) = open_and_prepare(&database)?;
    give_size(&database).map_err(io)?;
    // The files themselves were just made, in a folder that was perhaps just made.
    crate::folder::sync_folder(folder.root()).map_err(io)?;
    let (log, checkpointer) = start_checkpointer(&database)?;
    log.watch(&mut connection)?;
    let writer = Writer {
        folder: folder.clone(),
        database,
        connection,
        ledger: Ledger::new(session),
        log,
        queue: Arc::clone(queue),
        failures: 0,
        last_words,
    };
    let writer = Builder::new().name("store-writer".into()).spawn(|| writer.run()).map_err(io)?;
    Ok(WriterThreads { writer: Some(writer), checkpointer: Some(checkpointer) })
}

impl Writer {
    fn run(mut self) {
        let mut again = Vec::new();
        loop {
            let batch = match again.is_empty() {
                true => self.queue.drain(),
                false => std::mem::take(&mut again),
            };
            if batch.is_empty() {
                break;
            }
            match self.commit(&batch) {
                Ok(verdicts) => {
                    self.failures = 0;
                    for (work, verdict) in batch.into_iter().zip(verdicts) {
                        work.settle(verdict);
                    }
                }
                Err(reason) => match self.recover(batch, &reason) {
                    ControlFlow::Continue(repeatable) => again = repeatable,
                    ControlFlow::Break(()) => return,
                },
            }
        }
        // Keeps the statistics that plans are made from.
        if let Err(error) = self.connection.execute_batch("PRAGMA optimize") {
            tracing::debug!(%error, "the statistics of the database were not refreshed");
        }
    }

    /// Writes a batch as one transaction: one flush of the disk for all of it.
    fn commit(&mut self, batch: &[Work]) -> Result<Vec<Verdict>, CommitError> {
        self.log.bound(&self.connection);
        let refused = self.deliver(batch)?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut verdicts = Vec::with_capacity(batch.len());
        for (work, refused) in batch.iter().zip(refused) {
            verdicts.push(match (refused, work) {
                (Some(error), _) => Verdict::NotKept(error),
                (None, Work::Create { run, .. }) => self.ledger.create(&transaction, run)?,
                (None, Work::Claim { run, .. }) => self.ledger.claim(&transaction, run)?,
                (None, Work::Append(append)) => self.ledger.append(&transaction, append)?,
                (None, Work::Together(appends)) => self.ledger.append_all(&transaction, appends)?,
                (None, Work::Put { digest, bytes, .. }) => {
                    blob::keep(&transaction, digest, bytes)?;
                    self.ledger.named.put(*digest);
                    Verdict::Kept
                }
                (None, Work::Chore { chore, .. }) => {
                    match chore::perform(chore, &transaction, &mut self.ledger) {
                        Ok(done) => Verdict::Done(done),
                        Err(ReadError::Storage(why)) => return Err(CommitError::Chore(why)),
                        Err(error) => Verdict::Undone(error),
                    }
                }
            });
        }
        self.ledger.finish(&transaction)?;
        transaction.commit()?;
        self.unlink(&verdicts);
        Ok(verdicts)
    }

    /// Removes the files of blobs whose rows are gone for good: after the commit, so that
    /// a crash leaves a file without a row, which the next sweep finds, never the reverse;
    /// and only where no put of the same batch brought the row back.
    fn unlink(&self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            let Verdict::Done(done) = verdict else { continue };
            for digest in &done.unlink {
                if matches!(blob::is_kept(&self.connection, digest), Ok(false)) {
                    blob::remove(&self.folder, digest);
                }
            }
        }
    }

    /// Writes the large blobs of a batch as files. A put that finds no room is refused
    /// alone; facts have the reserve, and where even that is full, the batch fails.
    fn deliver(&self, batch: &[Work]) -> Result<Vec<Option<BlobError>>, CommitError> {
        let mut delivery = Delivery::new(&self.folder);
        let mut refused = Vec::with_capacity(batch.len());
        for work in batch {
            refused.push(match work {
                Work::Put { digest, bytes, .. } => {
                    let size = Bytes(bytes.len() as u64);
                    let brought = self.folder.check_room(size).and_then(|()| {
                        delivery
                            .bring(&self.connection, digest, bytes)
                            .map_err(|error| no_room_or_storage(size, &error))
                    });
                    brought.err()
                }
                Work::Append(append) => {
                    self.bring_texts(&mut delivery, append)?;
                    None
                }
                Work::Together(appends) => {
                    for append in appends {
                        self.bring_texts(&mut delivery, append)?;
                    }
                    None
                }
                Work::Create { .. } | Work::Claim { .. } | Work::Chore { .. } => None,
            });
        }
        delivery.finish()?;
        Ok(refused)
    }

    fn bring_texts(&self, delivery: &mut Delivery<'_>, append: &Append) -> std::io::Result<()> {
        for (digest, text) in &append.written.blobs {
            delivery.bring(&self.connection, digest, text.as_bytes())?;
        }
        Ok(())
    }

    /// After a failed commit nobody knows what is on the disk: the database is closed and
    /// opened anew, and every tail is read again before anything is put behind it. Runs
    /// that had facts in the batch must be claimed: who owns them makes them anew from
    /// what is there. Gives back what is simply done again.
    ///
    /// The second time in a row nothing is written any more: a disk that fails twice will
    /// fail again, and whoever goes on pays for answers that are not kept.
    fn recover(&mut self, batch: Vec<Work>, reason: &CommitError) -> ControlFlow<(), Vec<Work>> {
        let reason = format!("{reason}; whether it was written is unknown");
        tracing::error!(%reason, batch = batch.len(), "a commit of the journal failed");
        self.ledger.lose(batch.iter().flat_map(Work::runs).cloned());
        self.failures += 1;
        let reopened = match self.failures < FAILURES_MAX {
            true => self.reopen().map_err(|error| error.to_string()),
            false => Err("it is the second one in a row".into()),
        };
        let Err(why) = reopened else {
            let (again, lost): (Vec<_>, Vec<_>) = batch.into_iter().partition(Work::is_repeatable);
            lost.into_iter().for_each(|work| work.fail(&reason));
            return ControlFlow::Continue(again);
        };
        let words = format!("nothing is written any more: {reason}; {why}");
        // Closed before anybody hears of it: who was told must not be let in again.
        self.queue.close(&words);
        self.last_words.send_replace(Some(words.clone()));
        for work in batch.into_iter().chain(self.queue.drain()) {
            work.fail(&words);
        }
        ControlFlow::Break(())
    }

    /// Closed first: a connection keeps what it believes of the file until then.
    fn reopen(&mut self) -> Result<(), rusqlite::Error> {
        self.connection = Connection::open_in_memory()?;
        let mut connection = open_to_write(&self.database)?;
        self.log.watch(&mut connection)?;
        self.connection = connection;
        Ok(())
    }
}

fn no_room_or_storage(wanted: Bytes, error: &std::io::Error) -> BlobError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            BlobError::Full { wanted, reason: error.to_string() }
        }
        _ => BlobError::Storage(error.to_string()),
    }
}

impl Drop for Writer {
    /// However the thread ends, nobody waits for it for ever.
    fn drop(&mut self) {
        self.queue.close(CLOSED);
        for work in self.queue.drain() {
            work.fail(CLOSED);
        }
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("{0}")]
    Chore(String),
}
