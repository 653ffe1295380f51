//! What stands in the writer's line and how each piece is answered. Knows no SQL.

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{BlobError, Durable, JournalError, Term, not_made_with};
use bailiwick_core::{Bytes, Digest, RunId};
use tokio::sync::oneshot;

use crate::chore::{Chore, Done};
use crate::entry::Written;
use crate::error::ReadError;

pub(crate) type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// One thing to write.
pub(crate) enum Work {
    Create {
        run: RunId,
        reply: Reply<Term, JournalError>,
    },
    Claim {
        run: RunId,
        reply: Reply<Term, JournalError>,
    },
    Append(Box<Append>),
    /// All of them or none.
    Together(Vec<Append>),
    Put {
        digest: Digest,
        bytes: Vec<u8>,
        reply: Reply<Digest, BlobError>,
    },
    Chore {
        chore: Chore,
        reply: Reply<u64, ReadError>,
    },
}

/// Facts for a run.
pub(crate) struct Append {
    pub(crate) run: RunId,
    pub(crate) term: Term,
    pub(crate) entry: Entry,
    pub(crate) written: Written,
    pub(crate) reply: Reply<Durable, JournalError>,
}

impl Append {
    /// Facts stand in the line twice, as values and as bytes.
    fn size(&self) -> Bytes {
        self.written.size().plus(self.written.size())
    }

    fn fail(self, reason: &str) {
        let _ = self.reply.send(Err(JournalError::Storage(reason.into())));
    }
}

/// What a piece of work came to, provided that the batch is committed.
#[derive(Debug)]
pub(crate) enum Verdict {
    Owned(Term),
    Appended(Durable),
    /// One for each of several appends: all were made.
    AllAppended(Vec<Durable>),
    /// None of several was made, because of the one to this run.
    NoneAppended(RunId, JournalError),
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
    /// What it takes of the line's capacity.
    pub(crate) fn size(&self) -> Bytes {
        match self {
            Self::Create { .. } | Self::Claim { .. } => Bytes(0),
            Self::Append(append) => append.size(),
            Self::Together(appends) => {
                appends.iter().fold(Bytes(0), |sum, append| sum.plus(append.size()))
            }
            Self::Put { bytes, .. } => Bytes(bytes.len() as u64),
            Self::Chore { .. } => Bytes(0),
        }
    }

    /// The runs that must be read again if this fails.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RunId> {
        let (one, several) = match self {
            Self::Append(append) => (Some(&append.run), [].as_slice()),
            Self::Together(appends) => (None, appends.as_slice()),
            // A claim that is made a second time raises the term once more, and reads then.
            Self::Create { .. } | Self::Claim { .. } | Self::Put { .. } | Self::Chore { .. } => {
                (None, [].as_slice())
            }
        };
        one.into_iter().chain(several.iter().map(|append| &append.run))
    }

    /// Whether it comes to the same when it is done a second time: then who asked need not
    /// hear of a commit that failed. Facts must not stand in the journal twice, and whether
    /// they do, only their run can say.
    pub(crate) fn is_repeatable(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Claim { .. } | Self::Put { .. })
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
            (Self::Together(appends), Verdict::AllAppended(all)) => {
                for (append, durable) in appends.into_iter().zip(all) {
                    let _ = append.reply.send(Ok(durable));
                }
            }
            (Self::Together(appends), Verdict::NoneAppended(run, error)) => {
                for append in appends {
                    let own = append.run == run;
                    let error = if own { error.clone() } else { not_made_with(&run) };
                    let _ = append.reply.send(Err(error));
                }
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
            Self::Append(append) => append.fail(reason),
            Self::Together(appends) => appends.into_iter().for_each(|append| append.fail(reason)),
            Self::Put { reply, .. } => {
                let _ = reply.send(Err(BlobError::Storage(reason.into())));
            }
            Self::Chore { reply, .. } => {
                let _ = reply.send(Err(ReadError::Storage(reason.into())));
            }
        }
    }
}
