//! The derived tables: rows of runs, open questions, spend. Written with the facts that they follow from, and made anew from them.

use std::collections::BTreeMap;

use bailiwick_core::fact::AskId;
use bailiwick_core::ports::Term;
use bailiwick_core::{Calls, Cost, Money, Name, RunId, Timestamp, Tokens};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::course::{Changes, Course, Day};
use crate::entry::read_back;
use crate::error::ReadError;
use crate::seal::{optional, seal};
use crate::summary::{RunPhase, Summary};
use crate::texts::Texts;
use crate::{chain, kv, sql, standing};

/// The row of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunRow {
    pub(crate) name: RunId,
    pub(crate) term: Term,
    /// The session that drives it.
    pub(crate) session: i64,
    pub(crate) summary: Summary,
    /// How many entries there were when the summary changed last.
    pub(crate) appends: u64,
    /// Whether its values are gone on purpose.
    pub(crate) erased: bool,
}

impl RunRow {
    /// Reads the columns of the statements that list runs, and checks their seal.
    pub(crate) fn read(row: &Row<'_>) -> Result<(i64, Self), ReadError> {
        let (id, found) = Self::read_unchecked(row)?;
        match found.seal() == row.get::<_, i64>(14)? {
            true => Ok((id, found)),
            false => Err(ReadError::Damaged(format!(
                "run {}, its row: it is not what was written",
                found.name
            ))),
        }
    }

    fn read_unchecked(row: &Row<'_>) -> Result<(i64, Self), ReadError> {
        let name: String = row.get(1)?;
        let damaged = |what: &str| ReadError::Damaged(format!("run {name:?}, its row: {what}"));
        let time = |column: usize| -> Result<Option<Timestamp>, rusqlite::Error> {
            Ok(row.get::<_, Option<i64>>(column)?.map(|at| Timestamp(at.cast_unsigned())))
        };
        let count = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let pipeline = row.get::<_, Option<String>>(4)?.map(|name| Name::new(&name)).transpose();
        let found = Self {
            term: Term(count(2)?),
            session: row.get(3)?,
            summary: Summary {
                pipeline: pipeline.map_err(|_| damaged("a pipeline's name that is none"))?,
                project: row.get(5)?,
                phase: RunPhase::from_word(row.get_ref(6)?.as_str().unwrap_or_default())
                    .ok_or_else(|| damaged("a state that nobody knows"))?,
                started: time(7)?,
                ended: time(8)?,
                cost: cost_of(count(9)?, count(10)?, count(11)?),
            },
            appends: count(12)?,
            erased: row.get::<_, i64>(13)? != 0,
            name: RunId::new(&name).map_err(|_| damaged("a name that is none"))?,
        };
        Ok((row.get(0)?, found))
    }

    fn seal(&self) -> i64 {
        let Summary { pipeline, project, phase, started, ended, cost } = &self.summary;
        let (tokens, calls, money) = counts_of(*cost);
        seal(&[
            self.name.as_str().as_bytes(),
            &self.term.0.to_le_bytes(),
            &self.session.to_le_bytes(),
            pipeline.as_ref().map_or("", |name| name.as_str()).as_bytes(),
            project.as_bytes(),
            phase.as_str().as_bytes(),
            &optional(millis(*started)),
            &optional(millis(*ended)),
            &tokens.to_le_bytes(),
            &calls.to_le_bytes(),
            &money.to_le_bytes(),
            &self.appends.to_le_bytes(),
            &[u8::from(self.erased)],
        ])
    }

    /// Makes the row; gives its number.
    pub(crate) fn insert(&self, connection: &Connection) -> Result<i64, rusqlite::Error> {
        let id = connection
            .prepare_cached(sql::CREATE_RUN)?
            .query_row([self.name.as_str()], |row| row.get(0))?;
        self.write(connection, id)?;
        Ok(id)
    }

    /// Writes every column but the name.
    pub(crate) fn write(&self, connection: &Connection, id: i64) -> Result<(), rusqlite::Error> {
        let Summary { pipeline, project, phase, started, ended, cost } = &self.summary;
        let (tokens, calls, money) = counts_of(*cost);
        connection.prepare_cached(sql::WRITE_RUN)?.execute(params![
            id,
            self.term.0.cast_signed(),
            self.session,
            pipeline.as_ref().map(|name| name.as_str()),
            project,
            phase.as_str(),
            millis(*started),
            millis(*ended),
            tokens,
            calls,
            money,
            self.appends.cast_signed(),
            i64::from(self.erased),
            self.seal(),
        ])?;
        Ok(())
    }

    /// The row with this number.
    pub(crate) fn numbered(connection: &Connection, id: i64) -> Result<Option<Self>, ReadError> {
        let mut query = connection.prepare_cached(sql::READ_NUMBERED_RUN)?;
        let mut rows = query.query([id])?;
        Ok(rows.next()?.map(Self::read).transpose()?.map(|(_, row)| row))
    }

    /// The row of a run of this name, with its number.
    pub(crate) fn find(
        connection: &Connection,
        run: &RunId,
    ) -> Result<Option<(i64, Self)>, ReadError> {
        let mut query = connection.prepare_cached(sql::READ_RUN)?;
        let mut rows = query.query([run.as_str()])?;
        rows.next()?.map(Self::read).transpose()
    }
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| at.0.cast_signed())
}

/// Tokens, calls and money in billionths, as columns hold them.
fn counts_of(cost: Cost) -> (i64, i64, i64) {
    (cost.tokens.0.cast_signed(), cost.calls.0.cast_signed(), cost.money.0.cast_signed())
}

fn cost_of(tokens: u64, calls: u64, money: u64) -> Cost {
    Cost { tokens: Tokens(tokens), calls: Calls(calls), money: Money(money) }
}

/// What all runs of a project spent on one day.
pub(crate) type Spend = BTreeMap<(String, Day), Cost>;

/// Writes what an entry with this id changed of its run's questions.
pub(crate) fn write_asks(
    connection: &Connection,
    entry: i64,
    changes: &Changes,
) -> Result<(), rusqlite::Error> {
    for ask in &changes.closed {
        connection.prepare_cached(sql::CLOSE_ASK)?.execute([&ask.0])?;
    }
    for ask in &changes.opened {
        open_ask(connection, ask, entry)?;
    }
    Ok(())
}

fn open_ask(connection: &Connection, ask: &AskId, entry: i64) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql::OPEN_ASK)?.execute(params![
        ask.0,
        entry,
        ask_seal(ask, entry)
    ])?;
    Ok(())
}

/// Reads the columns `id, entry, seal`.
pub(crate) fn read_ask(row: &Row<'_>) -> Result<(AskId, i64), ReadError> {
    let (ask, entry) = (AskId(row.get(0)?), row.get(1)?);
    if ask_seal(&ask, entry) != row.get::<_, i64>(2)? {
        let what = format!("the open question {:?} is not what was written", ask.0);
        return Err(ReadError::Damaged(what));
    }
    Ok((ask, entry))
}

fn ask_seal(ask: &AskId, entry: i64) -> i64 {
    seal(&[ask.0.as_bytes(), &entry.to_le_bytes()])
}

/// Adds what was spent. A damaged row stays as it is, so that whoever asks what was
/// spent is told; the facts know it, and [`rebuild`] reads it from them.
pub(crate) fn add_spend(connection: &Connection, spend: &Spend) -> Result<(), rusqlite::Error> {
    for ((project, day), cost) in spend {
        match before(connection, project, *day)? {
            Some(before) => write_spend(connection, project, *day, before.plus(*cost))?,
            None => tracing::error!(project, day, "a row of the spend is damaged"),
        }
    }
    Ok(())
}

fn before(
    connection: &Connection,
    project: &str,
    day: Day,
) -> Result<Option<Cost>, rusqlite::Error> {
    match spent_on(connection, project, day) {
        Ok(cost) => Ok(Some(cost)),
        Err(SpendError::Damaged) => Ok(None),
        Err(SpendError::Database(error)) => Err(error),
    }
}

/// Takes back what a run spent that is deleted now.
pub(crate) fn take_spend(connection: &Connection, spend: &Spend) -> Result<(), rusqlite::Error> {
    for ((project, day), cost) in spend {
        let Some(before) = before(connection, project, *day)? else { continue };
        let left = before.minus(*cost);
        match left == Cost::ZERO {
            true => {
                connection
                    .prepare_cached(sql::DELETE_SPEND)?
                    .execute(params![project, day.cast_signed()])?;
            }
            false => write_spend(connection, project, *day, left)?,
        }
    }
    Ok(())
}

/// Why it cannot be said what was spent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpendError {
    #[error("the row is not what was written")]
    Damaged,
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
}

/// What all runs of a project spent on a day.
pub(crate) fn spent_on(
    connection: &Connection,
    project: &str,
    day: Day,
) -> Result<Cost, SpendError> {
    let found = connection
        .prepare_cached(sql::READ_SPEND)?
        .query_row(params![project, day.cast_signed()], |row| {
            let count = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
            Ok((cost_of(count(0)?, count(1)?, count(2)?), row.get::<_, i64>(3)?))
        })
        .optional()?;
    match found {
        None => Ok(Cost::ZERO),
        Some((cost, sealed)) if sealed == spend_seal(project, day, cost) => Ok(cost),
        Some(_) => Err(SpendError::Damaged),
    }
}

/// Every row of the spend.
pub(crate) fn all_spend(connection: &Connection) -> Result<Spend, ReadError> {
    let mut query = connection.prepare_cached(sql::ALL_SPEND)?;
    let mut rows = query.query([])?;
    let mut all = Spend::new();
    while let Some(row) = rows.next()? {
        let count = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let cost = cost_of(count(0)?, count(1)?, count(2)?);
        let (project, day): (String, Day) = (row.get(4)?, count(5)?);
        if row.get::<_, i64>(3)? != spend_seal(&project, day, cost) {
            let what = format!("the spend of {project:?} on day {day} is not what was written");
            return Err(ReadError::Damaged(what));
        }
        all.insert((project, day), cost);
    }
    Ok(all)
}

fn write_spend(
    connection: &Connection,
    project: &str,
    day: Day,
    cost: Cost,
) -> Result<(), rusqlite::Error> {
    let (tokens, calls, money) = counts_of(cost);
    connection.prepare_cached(sql::WRITE_SPEND)?.execute(params![
        project,
        day.cast_signed(),
        tokens,
        calls,
        money,
        spend_seal(project, day, cost),
    ])?;
    Ok(())
}

fn spend_seal(project: &str, day: Day, cost: Cost) -> i64 {
    let (tokens, calls, money) = counts_of(cost);
    seal(&[
        project.as_bytes(),
        &day.to_le_bytes(),
        &tokens.to_le_bytes(),
        &calls.to_le_bytes(),
        &money.to_le_bytes(),
    ])
}

/// Follows the chain of a run to its end; texts are not needed for that. Gives the
/// number of its last append and the link after it.
pub(crate) fn read_course(
    connection: &Connection,
    run: &RunId,
    row: i64,
) -> Result<(u64, bailiwick_core::Digest, Course), ReadError> {
    let mut course = Course::default();
    let (sequence, link) = chain::walk(connection, run, row, |at, facts, _| {
        let entry = read_back(at, facts, &Texts::None, |_| Ok::<_, String>(None))?;
        course.apply(&entry);
        Ok(())
    })?;
    Ok((sequence, link, course))
}

/// What a run spent, as rows of its project.
pub(crate) fn spend_of(course: &Course) -> Spend {
    let project = &course.summary().project;
    course.spent().iter().map(|(day, cost)| ((project.clone(), *day), *cost)).collect()
}

/// Makes every derived row anew from the facts. Gives the runs that could not be read;
/// their rows stay as they are, with a seal, and their questions and spend are not there.
pub(crate) fn rebuild(connection: &Connection) -> Result<Vec<ReadError>, rusqlite::Error> {
    connection.execute_batch(sql::FORGET_DERIVED)?;
    let (mut unread, mut spend, mut last) = (Vec::new(), Spend::new(), 0);
    loop {
        let next = connection
            .prepare_cached(sql::NEXT_RUN)?
            .query_row([last], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
            })
            .optional()?;
        let Some((id, name, term)) = next else { break };
        last = id;
        let made = RunId::new(&name)
            .map_err(|_| ReadError::Damaged(format!("a run with the name {name:?}")))
            .and_then(|run| rebuild_run(connection, (id, run, term), &mut spend));
        match made {
            Ok(()) => {}
            Err(error) => unread.push(error),
        }
    }
    for ((project, day), cost) in &spend {
        write_spend(connection, project, *day, *cost)?;
    }
    unread.extend(kv::rebuild(connection).err());
    unread.extend(standing::rebuild(connection).err());
    Ok(unread)
}

fn seal_as_it_is(connection: &Connection, run: &RunId) -> Result<(), ReadError> {
    let mut query = connection.prepare_cached(sql::READ_RUN)?;
    let mut rows = query.query([run.as_str()])?;
    let Some(found) = rows.next()? else { return Ok(()) };
    let (id, row) = RunRow::read_unchecked(found)?;
    Ok(row.write(connection, id)?)
}

fn rebuild_run(
    connection: &Connection,
    (id, name, term): (i64, RunId, i64),
    spend: &mut Spend,
) -> Result<(), ReadError> {
    let course = match read_course(connection, &name, id) {
        Ok((_, _, course)) => course,
        Err(error) => {
            seal_as_it_is(connection, &name)?;
            return Err(error);
        }
    };
    let (session, erased) = connection
        .prepare_cached(sql::READ_OWNER)?
        .query_row([id], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? != 0)))?;
    let row = RunRow {
        name,
        term: Term(term.cast_unsigned()),
        session,
        summary: course.summary().clone(),
        appends: course.summary_since(),
        erased,
    };
    row.write(connection, id)?;
    for (ask, append) in course.open_asks() {
        open_ask(connection, ask, sql::entry_id(id, append))?;
    }
    for (key, cost) in spend_of(&course) {
        let sum = spend.entry(key).or_default();
        *sum = sum.plus(cost);
    }
    Ok(())
}
