//! Open questions to people over all runs, each read from the entry that asked it. Decides nothing.

use bailiwick_core::fact::{AskId, Fact};
use bailiwick_core::{CellId, Digest, Document, RunId, Timestamp};
use rusqlite::Connection;

use crate::chain::{self, Alone};
use crate::derived::{RunRow, read_ask};
use crate::entry::read_back;
use crate::error::ReadError;
use crate::sql;

/// A question that nobody has answered yet.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAsk {
    /// Its id.
    pub ask: AskId,
    /// The run.
    pub run: RunId,
    /// When people were asked.
    pub at: Timestamp,
    /// What about.
    pub cell: CellId,
    /// Which round of it.
    pub round: u32,
    /// Digest of the whole candidate.
    pub subject: Digest,
    /// What is shown besides. Without its text where that is larger than 16 KiB (its
    /// digest is a blob) or was erased.
    pub show: Document,
    /// Who may answer.
    pub groups: Vec<String>,
    /// How many must approve.
    pub quorum: u32,
    /// When it is decided without people.
    pub until: Option<Timestamp>,
}

pub(crate) fn open(
    connection: &mut Connection,
    limit: u32,
    after: Option<&AskId>,
) -> Result<Vec<OpenAsk>, ReadError> {
    let snapshot = connection.transaction()?;
    let mut query = snapshot.prepare_cached(sql::LIST_ASKS)?;
    let after = after.map_or("", |ask| &ask.0);
    let mut rows = query.query((after, limit))?;
    let mut asks = Vec::new();
    while let Some(row) = rows.next()? {
        asks.push(read(&snapshot, read_ask(row)?)?);
    }
    Ok(asks)
}

pub(crate) fn find(connection: &mut Connection, ask: &AskId) -> Result<Option<OpenAsk>, ReadError> {
    let snapshot = connection.transaction()?;
    let mut query = snapshot.prepare_cached(sql::READ_ASK)?;
    let mut rows = query.query([&ask.0])?;
    rows.next()?.map(|row| read(&snapshot, read_ask(row)?)).transpose()
}

/// The question with this id in the entry with this one. The entry is checked against
/// its link and that against the one before, not the whole chain: ten thousand runs can wait.
fn read(connection: &Connection, (ask, entry): (AskId, i64)) -> Result<OpenAsk, ReadError> {
    let (row, append) = sql::parts_of_entry_id(entry);
    let run = match RunRow::numbered(connection, row)? {
        Some(row) => row.name,
        None => {
            let what = format!("the question {ask} is listed as open, and its run is not there");
            return Err(ReadError::Damaged(what));
        }
    };
    let damaged = |what: &str| ReadError::Damaged(format!("run {run}, append {append}: {what}"));

    let Alone { at, facts, texts } = chain::alone(connection, &run, row, append)?;
    let found = read_back(at, &facts, &texts, |_| Ok::<_, String>(None));
    let found = found.map_err(|what| damaged(&what))?;
    let asked = found.facts.into_iter().find_map(|fact| match fact {
        Fact::Asked { ask: asked, cell, round, subject, show, groups, quorum, until }
            if asked == ask =>
        {
            let (run, at) = (run.clone(), found.at);
            let ask = asked;
            Some(OpenAsk { ask, run, at, cell, round, subject, show, groups, quorum, until })
        }
        _ => None,
    });
    asked.ok_or_else(|| damaged("nobody is asked what is listed as open"))
}
