//! What stands in the writer's line and how each piece is answered. Knows no SQL.

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{BlobError, Durable, JournalError, Term};
use bailiwick_core::{Bytes, Digest, RunId};
use tokio::sync::oneshot;

use crate::chore::{Chore, Done};
use crate::entry::Written;
use crate::error::ReadError;

pub(crate) type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// One thing to write.
pub(crate) enum Work {
    Create { run: RunId, reply: Reply<Term, JournalError> },
    Claim { run: RunId, reply: Reply<Term, JournalError> },
    Append(Box<Append>),
    Put { digest: Digest, bytes: Vec<u8>, reply: Reply<Digest, BlobError> },
    Chore { chore: Chore, reply: Reply<u64, ReadError> },
}

/// Facts for a run.
pub(crate) struct Append {
    pub(crate) run: RunId,
    pub(crate) term: Term,
    pub(crate) entry: Entry,
    pub(crate) written: Written,
    pub(crate) reply: Reply<Durable, JournalError>,
}

/// What a piece of work came to, provided that the batch is committed.
#[derive(Debug)]
pub(crate) enum Verdict {
    Owned(Term),
    Appended(Durable),
    Kept,
    /// Nothing was written for it.
    Refused(JournalError),
    /// Nothing was written for it.
    NotKept(BlobError),
    Done(Done),
    /// What it did before it failed is written.
    Undone(ReadError),
}

impl Work {
    /// What it takes of the line's capacity. Facts stand in it twice, as values and as bytes.
    pub(crate) fn size(&self) -> Bytes {
        match self {
            Self::Create { .. } | Self::Claim { .. } => Bytes(0),
            Self::Append(append) => append.written.size().plus(append.written.size()),
            Self::Put { bytes, .. } => Bytes(bytes.len() as u64),
            Self::Chore { .. } => Bytes(0),
        }
    }

    /// The run that must be read again if this fails.
    pub(crate) fn run(&self) -> Option<&RunId> {
        match self {
            Self::Create { run, .. } | Self::Claim { run, .. } => Some(run),
            Self::Append(append) => Some(&append.run),
            Self::Put { .. } | Self::Chore { .. } => None,
        }
    }

    /// Answers after the commit. Who asked may be gone; that is his business.
    pub(crate) fn settle(self, verdict: Verdict) {
        match (self, verdict) {
            (Self::Create { reply, .. } | Self::Claim { reply, .. }, Verdict::Owned(term)) => {
                let _ = reply.send(Ok(term));
            }
            (Self::Create { reply, .. } | Self::Claim { reply, .. }, Verdict::Refused(error)) => {
                let _ = reply.send(Err(error));
            }
            (Self::Append(append), Verdict::Appended(durable)) => {
                let _ = append.reply.send(Ok(durable));
            }
            (Self::Append(append), Verdict::Refused(error)) => {
                let _ = append.reply.send(Err(error));
            }
            (Self::Put { digest, reply, .. }, Verdict::Kept) => {
                let _ = reply.send(Ok(digest));
            }
            (Self::Put { reply, .. }, Verdict::NotKept(error)) => {
                let _ = reply.send(Err(error));
            }
            (Self::Chore { reply, .. }, Verdict::Done(done)) => {
                let _ = reply.send(Ok(done.count));
            }
            (Self::Chore { reply, .. }, Verdict::Undone(error)) => {
                let _ = reply.send(Err(error));
            }
            (work, verdict) => work.fail(&format!("an answer of another kind: {verdict:?}")),
        }
    }

    /// Answers that nobody knows whether it was written.
    pub(crate) fn fail(self, reason: &str) {
        match self {
            Self::Create { reply, .. } | Self::Claim { reply, .. } => {
                let _ = reply.send(Err(JournalError::Storage(reason.into())));
            }
            Self::Append(append) => {
                let _ = append.reply.send(Err(JournalError::Storage(reason.into())));
            }
            Self::Put { reply, .. } => {
                let _ = reply.send(Err(BlobError::Storage(reason.into())));
            }
            Self::Chore { reply, .. } => {
                let _ = reply.send(Err(ReadError::Storage(reason.into())));
            }
        }
    }
}
