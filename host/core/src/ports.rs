//! What the ideas need from the world, as traits that name only this crate's types: journal, recorder, blobs, clock, randomness.

use std::future::Future;
use std::pin::Pin;

use futures_util::FutureExt as _;
use futures_util::future::Shared;

use crate::fact::{Entry, Fact};
use crate::{Bytes, Digest, RunId, Timestamp};

/// A future in a box: ports are used as `dyn`, and no runtime is named here.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Proof that a fact, and everything before it in its run, survives a power cut.
///
/// Effects take `&Durable`, so that forgetting to wait does not compile. Only a
/// journal makes one, with [`Durable::attest`]; a test of the house looks after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Durable {
    position: u64,
}

impl Durable {
    /// Says that everything up to `position` (1 for the first append of a run) is on
    /// stable storage. For implementations of [`Journal`] alone.
    #[must_use]
    pub fn attest(position: u64) -> Self {
        Self { position }
    }

    /// The proof of an earlier append: what is durable of a run is a prefix of it.
    #[must_use]
    pub fn of_earlier(&self, position: u64) -> Self {
        Self { position: position.min(self.position) }
    }

    /// The append that it speaks of, counted from 1.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}

/// A claim on durability that is still open.
#[derive(Clone)]
pub struct Ticket(Shared<BoxFuture<'static, Result<Durable, JournalError>>>);

impl Ticket {
    /// A ticket that is redeemed when the future ends.
    #[must_use]
    pub fn new(
        future: impl Future<Output = Result<Durable, JournalError>> + Send + 'static,
    ) -> Self {
        let boxed: BoxFuture<'static, _> = Box::pin(future);
        Self(boxed.shared())
    }

    /// Waits until the append is on stable storage.
    ///
    /// # Errors
    /// [`JournalError`] where it never will be, or nobody can know.
    pub async fn durable(&self) -> Result<Durable, JournalError> {
        self.0.clone().await
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket")
    }
}

/// Ownership of a run's journal: who claimed it last has the highest, and only he may append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term(pub u64);

/// Why the journal did not take or give something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Somebody else claimed the run since.
    #[error("run {run} belongs to somebody else since: term {held} is over")]
    Fenced {
        /// The run.
        run: RunId,
        /// The term that is over.
        held: u64,
    },
    /// There is no such run.
    #[error("there is no run {0} in this data folder")]
    NoSuchRun(RunId),
    /// There is such a run already.
    #[error("there is a run {0} in this data folder already")]
    RunExists(RunId),
    /// Storage failed; the outcome of what was queued is unknown.
    #[error("storage failed: {0}")]
    Storage(String),
    /// What was read is not what was written.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
}

/// Facts for one run, under its owner's term.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The run.
    pub run: RunId,
    /// The claim on it.
    pub term: Term,
    /// What happened together.
    pub entry: Entry,
}

/// What a run has, for who has just claimed it.
#[derive(Debug)]
pub struct TakenOver {
    /// The claim.
    pub term: Term,
    /// Everything of the run, in order.
    pub entries: Vec<Entry>,
    /// That all of it is on stable storage.
    pub durable: Durable,
}

/// The append-only record of runs.
///
/// Contract: appends of one run are kept in order; what is durable is always a
/// prefix; an append under a term that is over is refused; a failed append means
/// that the owner must read the run again before it appends.
pub trait Journal: Send + Sync {
    /// Makes a new run and claims it.
    fn create<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>>;

    /// Claims an existing run; every earlier term is over.
    fn claim<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>>;

    /// Queues facts that happened together. Returns at once.
    ///
    /// # Errors
    /// [`JournalError`] where the queue is closed. Everything else comes with the ticket.
    fn append(&self, run: &RunId, term: Term, entry: Entry) -> Result<Ticket, JournalError>;

    /// Queues appends to several runs that are durable together or not at all. Returns at
    /// once; the tickets are in the order of the appends. Where one of them is refused,
    /// none is made: its own ticket says why, the others that they were not made, and
    /// each owner must read its run again before it appends.
    ///
    /// # Errors
    /// As [`Journal::append`].
    fn append_all(&self, appends: Vec<Append>) -> Result<Vec<Ticket>, JournalError>;

    /// Everything of a run, in order, with the texts of documents attached where they are kept.
    fn read<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Entry>, JournalError>>;

    /// Claims a run and reads all of it. What is read is on stable storage, whatever
    /// became of who wrote it: the claim came after it, and is durable.
    fn take_over<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<TakenOver, JournalError>> {
        Box::pin(async move {
            let term = self.claim(run).await?;
            let entries = self.read(run).await?;
            let durable = Durable { position: entries.len() as u64 };
            Ok(TakenOver { term, entries, durable })
        })
    }
}

/// What the others are told where one of several appends was refused.
#[must_use]
pub fn not_made_with(run: &RunId) -> JournalError {
    JournalError::Storage(format!("it was not made, because one to run {run} was refused with it"))
}

/// The way of an attempt's facts into its run: the task that owns the run applies and appends them.
pub trait Recorder: Send + Sync {
    /// Hands a fact over and gets its ticket and its time.
    ///
    /// # Errors
    /// [`JournalError`] where the run has ended or the fact is not legal now.
    fn record(&self, fact: Fact) -> BoxFuture<'_, Result<(Ticket, Timestamp), JournalError>>;
}

/// Why bytes were not kept or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Nobody has these bytes.
    #[error("there are no bytes {0:?} here")]
    Missing(Digest),
    /// The bytes are not what their name says.
    #[error("the bytes of {0:?} are damaged")]
    Damaged(Digest),
    /// No room: a quota or the disk's reserve.
    #[error("no room for {wanted}: {reason}")]
    Full {
        /// What was to be kept.
        wanted: Bytes,
        /// What is full.
        reason: String,
    },
    /// Storage failed.
    #[error("storage failed: {0}")]
    Storage(String),
}

/// Bytes by content, each kept once.
pub trait Blobs: Send + Sync {
    /// Keeps bytes. They are durable before any fact that is appended afterwards.
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>>;

    /// The bytes of a digest, checked against it.
    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>>;

    /// Whether so many bytes more would find room now.
    ///
    /// # Errors
    /// [`BlobError::Full`] with the reason.
    fn check_room(&self, _bytes: Bytes) -> Result<(), BlobError> {
        Ok(())
    }
}

/// What time it is.
pub trait Clock: Send + Sync {
    /// The time now. May stand still, never goes backwards within one process.
    fn now(&self) -> Timestamp;

    /// Ends when the time has come.
    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()>;
}

/// Where ids and keys come from.
pub trait Random: Send + Sync {
    /// Fresh, unpredictable bytes.
    fn bytes(&self) -> [u8; 32];
}
