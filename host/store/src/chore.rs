//! What retention does to the database, inside the writer's transaction: it looks again before it deletes. Knows no file and no age.

use bailiwick_core::ports::Term;
use bailiwick_core::{Digest, RunId, Timestamp};
use rusqlite::Connection;

use crate::derived::{self, RunRow, Spend};
use crate::error::ReadError;
use crate::host_log::{self, HostFact};
use crate::ledger::Ledger;
use crate::sql;
use crate::standing::{self, Moment};

/// Something that is to be done to the folder itself.
pub(crate) enum Chore {
    /// From now on the writer remembers what is named.
    BeginSweep,
    /// It need not any more.
    EndSweep,
    /// A run goes, with all that is derived from it.
    DeleteRun(Box<Doomed>),
    /// The texts of a run go; its facts stay.
    EraseValues(Box<Doomed>),
    /// Blobs go that no fact named when the sweep began, and files that have no row.
    DeleteBlobs(Vec<Digest>),
    /// All derived rows are made anew.
    Rebuild,
    /// Something is written down that was done to the host itself.
    Note(Timestamp, Vec<HostFact>),
}

/// A run as it was when it was looked at.
pub(crate) struct Doomed {
    pub(crate) run: RunId,
    pub(crate) term: Term,
    pub(crate) appends: u64,
    pub(crate) link: Digest,
    pub(crate) spend: Spend,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
}

/// What a chore came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// How many things were done; 0 where something was in the way.
    pub(crate) count: u64,
    /// Blobs whose files go after the commit, where they have no row then.
    pub(crate) unlink: Vec<Digest>,
}

impl Done {
    fn times(count: u64) -> Self {
        Self { count, unlink: Vec::new() }
    }
}

/// Does a chore. What somebody has begun to use since it was looked at is left alone.
pub(crate) fn perform(
    chore: &Chore,
    connection: &Connection,
    ledger: &mut Ledger,
) -> Result<Done, ReadError> {
    match chore {
        Chore::BeginSweep => Ok(Done::times(u64::from(ledger.named.begin()))),
        Chore::EndSweep => {
            ledger.named.end();
            Ok(Done::times(1))
        }
        Chore::DeleteRun(doomed) => delete_run(doomed, connection, ledger),
        Chore::EraseValues(doomed) => erase_values(doomed, connection, ledger),
        Chore::DeleteBlobs(digests) => {
            let mut unlink: Vec<Digest> = digests.clone();
            unlink.retain(|digest| ledger.named.may_go(digest));
            for digest in &unlink {
                connection.prepare_cached(sql::DELETE_BLOB)?.execute([digest.as_bytes()])?;
            }
            Ok(Done { count: unlink.len() as u64, unlink })
        }
        Chore::Note(at, facts) => {
            let (append, text) = host_log::extend(connection, *at, facts)?;
            standing::note(connection, Moment { at: *at, append }, facts)?;
            // What was put for it has its name from now on.
            ledger.named.written(&text);
            Ok(Done::times(1))
        }
        Chore::Rebuild => {
            let unread = derived::rebuild(connection)?;
            match unread.into_iter().next() {
                Some(error) => Err(error),
                None => Ok(Done::times(1)),
            }
        }
    }
}

fn delete_run(
    doomed: &Doomed,
    connection: &Connection,
    ledger: &mut Ledger,
) -> Result<Done, ReadError> {
    let Some((id, _)) = unchanged(doomed, connection)? else { return Ok(Done::times(0)) };
    let Doomed { run, appends, link, by, at, .. } = doomed;
    let (run, by) = (run.clone(), by.clone());
    let gone = HostFact::RunDeleted { run, appends: *appends, link: *link, by };
    // First: where this cannot be said, nothing is deleted.
    host_log::append(connection, *at, &[gone])?;
    let (first, last) = sql::entry_ids(id);
    connection.prepare_cached(sql::DELETE_ENTRIES)?.execute([first, last])?;
    connection.prepare_cached(sql::DELETE_RUN)?.execute([id])?;
    derived::take_spend(connection, &doomed.spend)?;
    ledger.forget(&doomed.run);
    Ok(Done::times(1))
}

fn erase_values(
    doomed: &Doomed,
    connection: &Connection,
    ledger: &mut Ledger,
) -> Result<Done, ReadError> {
    let Some((id, mut row)) = unchanged(doomed, connection)? else { return Ok(Done::times(0)) };
    let erased = HostFact::ValuesErased { run: doomed.run.clone(), by: doomed.by.clone() };
    host_log::append(connection, doomed.at, &[erased])?;
    let (first, last) = sql::entry_ids(id);
    connection.prepare_cached(sql::ERASE_TEXTS)?.execute([first, last])?;
    row.erased = true;
    row.write(connection, id)?;
    // A claim reads the row again.
    ledger.forget(&doomed.run);
    Ok(Done::times(1))
}

/// The row of a run that has ended, is nobody's and has not grown since it was looked at.
fn unchanged(doomed: &Doomed, connection: &Connection) -> Result<Option<(i64, RunRow)>, ReadError> {
    let Some((id, row)) = RunRow::find(connection, &doomed.run)? else { return Ok(None) };
    let next = sql::entry_id(id, doomed.appends + 1);
    let grown = connection.prepare_cached(sql::FIND_ENTRY)?.exists([next])?;
    let same = row.term == doomed.term && row.summary.phase.is_ended() && !grown;
    Ok(same.then_some((id, row)))
}
