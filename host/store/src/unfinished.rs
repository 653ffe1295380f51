//! Runs that have not ended, for who goes on with them: their rows, and of those that rest why. Costs what there is of them, not what ever ran.

use bailiwick_core::fact::{Fact, PauseReason};
use bailiwick_core::{Currency, RunId, Timestamp};
use rusqlite::Connection;

use crate::derived::RunRow;
use crate::error::ReadError;
use crate::summary::RunPhase;
use crate::{chain, sql};

/// Why a host let a run rest, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rests {
    /// Why.
    pub reason: PauseReason,
    /// Since when.
    pub since: Timestamp,
}

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
    pub rests: Option<Rests>,
    /// Its place in the order in which runs were made: where the next page begins.
    pub number: i64,
}

/// Some runs that have not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnfinishedPage {
    /// The runs.
    pub runs: Vec<Unfinished>,
    /// Those of which it cannot be known where they stand, each with what is wrong.
    pub damaged: Vec<ReadError>,
    /// Where the next page begins; nothing where this one is empty.
    pub last: Option<i64>,
}

pub(crate) fn page(
    connection: &mut Connection,
    after: i64,
    limit: u32,
) -> Result<UnfinishedPage, ReadError> {
    let snapshot = connection.transaction()?;
    let mut query = snapshot.prepare_cached(sql::UNFINISHED_RUNS)?;
    let mut rows = query.query((after, limit))?;
    let mut page = UnfinishedPage::default();
    while let Some(row) = rows.next()? {
        page.last = Some(row.get(0)?);
        match RunRow::read(row).and_then(|(number, row)| unfinished(&snapshot, number, row)) {
            Ok(found) => page.runs.push(found),
            Err(ReadError::Storage(why)) => return Err(ReadError::Storage(why)),
            Err(damaged) => page.damaged.push(damaged),
        }
    }
    Ok(page)
}

fn unfinished(connection: &Connection, number: i64, row: RunRow) -> Result<Unfinished, ReadError> {
    let phase = row.summary.phase;
    let rests = match phase {
        RunPhase::Paused => Some(pause_of(connection, number, &row)?),
        _ => None,
    };
    Ok(Unfinished { run: row.name, project: row.summary.project, phase, rests, number })
}

/// Why a run rests: the newest entry says it, or an answer that somebody gave since stands
/// there. What is acted upon is checked, from the end to the entry that says it.
pub(crate) fn pause_of(
    connection: &Connection,
    number: i64,
    row: &RunRow,
) -> Result<Rests, ReadError> {
    let newest = chain::newest(connection, &row.name, number, row.appends)?;
    for append in (1..=newest).rev() {
        let (since, facts) = facts_of(connection, number, row, append)?;
        let reason = facts.iter().rev().find_map(|fact| match fact {
            Fact::RunPaused { reason, .. } => Some(*reason),
            _ => None,
        });
        if let Some(reason) = reason {
            return Ok(Rests { reason, since });
        }
    }
    let what = format!("run {}: its row says that it rests, and no fact does", row.name);
    Err(ReadError::Damaged(what))
}

/// What money is in a run, as its first entry says.
pub(crate) fn currency_of(
    connection: &Connection,
    number: i64,
    row: &RunRow,
) -> Result<Option<Currency>, ReadError> {
    let (_, facts) = facts_of(connection, number, row, 1)?;
    Ok(facts.into_iter().find_map(|fact| match fact {
        Fact::RunStarted { pin, .. } => pin?.currency,
        _ => None,
    }))
}

fn facts_of(
    connection: &Connection,
    number: i64,
    row: &RunRow,
    append: u64,
) -> Result<(Timestamp, Vec<Fact>), ReadError> {
    let alone = chain::alone(connection, &row.name, number, append)?;
    let facts = serde_json::from_slice(&alone.facts).map_err(|error| {
        ReadError::Damaged(format!("run {}, append {append}: its facts: {error}", row.name))
    })?;
    Ok((alone.at, facts))
}
