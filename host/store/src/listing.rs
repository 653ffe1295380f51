//! Runs as front ends list them, from the derived columns; of the facts only why a run rests and what its money is.

use bailiwick_core::{Cost, Currency, Name, RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::derived::RunRow;
use crate::error::ReadError;
use crate::folder::{Folder, is_held};
use crate::summary::RunPhase;
use crate::unfinished::{Rests, currency_of, pause_of};
use crate::{chain, sql};

/// A run in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRun {
    /// The run.
    pub run: RunId,
    /// What it runs; nothing before its first fact.
    pub pipeline: Option<Name>,
    /// The project that it belongs to; empty where it does not say.
    pub project: String,
    /// Where it stands. A run that was under way when its process ended is `Interrupted`.
    pub phase: RunPhase,
    /// The time of its first fact.
    pub started: Option<Timestamp>,
    /// The time of its newest fact.
    pub latest: Option<Timestamp>,
    /// The time of its end.
    pub ended: Option<Timestamp>,
    /// What its calls cost so far.
    pub cost: Cost,
    /// What money is in it; nothing where it has cost none.
    pub currency: Option<Currency>,
    /// Why it rests, where a host let it.
    pub rests: Option<Rests>,
}

pub(crate) fn runs(
    connection: &mut Connection,
    folder: &Folder,
    limit: u32,
    before: Option<&RunId>,
) -> Result<Vec<ListedRun>, ReadError> {
    let snapshot = connection.transaction()?;
    let before = match before {
        None => i64::MAX,
        Some(run) => snapshot
            .prepare_cached(sql::FIND_RUN)?
            .query_row([run.as_str()], |row| row.get(0))
            .optional()?
            .ok_or_else(|| ReadError::NoSuchRun(run.clone()))?,
    };
    let living = Living::of(&snapshot, folder)?;
    let mut query = snapshot.prepare_cached(sql::LIST_RUNS)?;
    let mut rows = query.query(params![before, limit])?;
    let mut listed = Vec::new();
    while let Some(row) = rows.next()? {
        listed.push(read(&snapshot, row, living)?);
    }
    Ok(listed)
}

pub(crate) fn run(
    connection: &mut Connection,
    folder: &Folder,
    run: RunId,
) -> Result<ListedRun, ReadError> {
    let snapshot = connection.transaction()?;
    let living = Living::of(&snapshot, folder)?;
    let mut query = snapshot.prepare_cached(sql::LIST_RUN)?;
    let mut rows = query.query([run.as_str()])?;
    match rows.next()? {
        Some(row) => read(&snapshot, row, living),
        None => Err(ReadError::NoSuchRun(run)),
    }
}

/// The session whose runs somebody drives now.
#[derive(Clone, Copy)]
struct Living(Option<i64>);

impl Living {
    fn of(connection: &Connection, folder: &Folder) -> Result<Self, ReadError> {
        if !is_held(folder) {
            return Ok(Self(None));
        }
        let session = connection.prepare_cached(sql::SESSION)?.query_row([], |row| row.get(0))?;
        Ok(Self(Some(session)))
    }
}

fn read(connection: &Connection, row: &Row<'_>, living: Living) -> Result<ListedRun, ReadError> {
    let (number, found) = RunRow::read(row)?;
    let phase = match found.summary.phase {
        RunPhase::Running if living.0 != Some(found.session) => RunPhase::Interrupted,
        other => other,
    };
    let newest = chain::newest(connection, &found.name, number, found.appends)?;
    let latest = match newest {
        0 => None,
        newest => Some(chain::alone(connection, &found.name, number, newest)?.at),
    };
    let currency = match found.summary.cost.money.is_zero() {
        true => None,
        false => currency_of(connection, number, &found)?,
    };
    let rests = match phase {
        RunPhase::Paused => Some(pause_of(connection, number, &found)?),
        _ => None,
    };
    Ok(ListedRun {
        run: found.name,
        pipeline: found.summary.pipeline,
        project: found.summary.project,
        phase,
        started: found.summary.started,
        latest,
        ended: found.summary.ended,
        cost: found.summary.cost,
        currency,
        rests,
    })
}
