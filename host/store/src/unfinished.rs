//! Runs that have not ended, for who goes on with them: their rows, and of those that rest why. Costs what there is of them, not what ever ran.

use bailiwick_core::RunId;
use bailiwick_core::fact::{Fact, PauseReason};
use rusqlite::Connection;

use crate::derived::RunRow;
use crate::error::ReadError;
use crate::sql;
use crate::summary::RunPhase;

/// A run that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The run.
    pub run: RunId,
    /// The project that it belongs to; empty where it does not say.
    pub project: String,
    /// Where it stands as far as its facts say: who drives it is not looked at.
    pub phase: RunPhase,
    /// Why it rests, where it does.
    pub rests: Option<PauseReason>,
    /// Its place in the order in which runs were made: where the next page begins.
    pub number: i64,
}

pub(crate) fn page(
    connection: &mut Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<Unfinished>, ReadError> {
    let snapshot = connection.transaction()?;
    let mut query = snapshot.prepare_cached(sql::UNFINISHED_RUNS)?;
    let mut rows = query.query((after, limit))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (number, row) = RunRow::read(row)?;
        let phase = row.summary.phase;
        let rests = match phase {
            RunPhase::Paused => pause_of(&snapshot, number)?,
            _ => None,
        };
        found.push(Unfinished {
            run: row.name,
            project: row.summary.project,
            phase,
            rests,
            number,
        });
    }
    Ok(found)
}

/// Why a run rests: the newest entry says it, or an answer that somebody gave since stands there.
fn pause_of(connection: &Connection, number: i64) -> Result<Option<PauseReason>, ReadError> {
    let (first, last) = sql::entry_ids(number);
    let mut query = connection.prepare_cached(sql::READ_NEWEST_ENTRIES)?;
    let mut rows = query.query([first, last])?;
    while let Some(row) = rows.next()? {
        let facts: Vec<Fact> =
            serde_json::from_slice(row.get_ref(0)?.as_blob().unwrap_or_default())
                .map_err(|error| ReadError::Damaged(format!("run number {number}: {error}")))?;
        let reason = facts.iter().rev().find_map(|fact| match fact {
            Fact::RunPaused { reason, .. } => Some(*reason),
            _ => None,
        });
        if reason.is_some() {
            return Ok(reason);
        }
    }
    Ok(None)
}
