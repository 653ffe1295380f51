//! The entries of one run in order, each checked against the chain before anybody sees it. Knows nothing of what facts mean.

use bailiwick_core::{Digest, RunId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use crate::entry::{first_link, next_link};
use crate::error::{ReadError, says_damaged};
use crate::sql;
use crate::texts::Texts;

/// Hands time, facts and texts of each entry of a run to `visit`, in order. Returns
/// the number of the last append and its link.
///
/// Every error names the run and the append.
pub(crate) fn walk(
    connection: &Connection,
    run: &RunId,
    row: i64,
    mut visit: impl FnMut(Timestamp, &[u8], &Texts<'_>) -> Result<(), String>,
) -> Result<(u64, Digest), ReadError> {
    let (mut sequence, mut link) = (0, first_link(run));
    let (first, last) = sql::entry_ids(row);
    let mut query = connection.prepare_cached(sql::READ_ENTRIES)?;
    let mut rows = query.query([first, last])?;
    loop {
        let number = sequence + 1;
        let damaged =
            |what: &str| ReadError::Damaged(format!("run {run}, append {number}: {what}"));
        let storage = |error: rusqlite::Error| match says_damaged(&error) {
            true => damaged(&error.to_string()),
            false => error.into(),
        };
        let Some(found) = rows.next().map_err(storage)? else { break };
        if found.get::<_, i64>(0)? != sql::entry_id(row, number) {
            return Err(damaged("it is missing"));
        }
        let at = Timestamp(found.get::<_, i64>(1)?.cast_unsigned());
        let facts = found.get_ref(2)?.as_blob().map_err(|_| damaged("its facts are no bytes"))?;
        let hash: &[u8] =
            found.get_ref(3)?.as_blob().map_err(|_| damaged("its hash is no bytes"))?;
        link = next_link(&link, at, facts);
        if hash != link.as_bytes() {
            return Err(damaged("it is not what was written, or what stood before it is gone"));
        }
        let texts = Texts::read(found.get_ref(4)?, found.get_ref(5)?);
        let texts = texts.map_err(|what| damaged(&what))?;
        visit(at, facts, &texts).map_err(|what| damaged(&what))?;
        sequence = number;
    }
    Ok((sequence, link))
}

/// The number of the newest entry of a run, 0 where there is none. A chain proves nothing
/// about what stood behind its end: `known` is what the row of the run knows of.
pub(crate) fn newest(
    connection: &Connection,
    run: &RunId,
    row: i64,
    known: u64,
) -> Result<u64, ReadError> {
    let (first, last) = sql::entry_ids(row);
    let newest: Option<i64> = connection
        .prepare_cached(sql::NEWEST_ENTRY)?
        .query_row([first, last], |row| row.get(0))
        .optional()?;
    let newest = newest.map_or(0, |id| sql::parts_of_entry_id(id).1);
    if newest < known {
        let what = format!("run {run}: its row speaks of more facts than there are");
        return Err(ReadError::Damaged(what));
    }
    Ok(newest)
}

/// One entry of a run.
pub(crate) struct Alone {
    pub(crate) at: Timestamp,
    pub(crate) facts: Vec<u8>,
    pub(crate) texts: Texts<'static>,
}

/// One entry, checked against its link and that against the one before, not the whole
/// chain: for who looks at one entry each of ten thousand runs.
pub(crate) fn alone(
    connection: &Connection,
    run: &RunId,
    row: i64,
    append: u64,
) -> Result<Alone, ReadError> {
    let damaged = |what: &str| ReadError::Damaged(format!("run {run}, append {append}: {what}"));
    let entry = sql::entry_id(row, append);
    let mut query = connection.prepare_cached(sql::READ_ENTRIES)?;
    let mut rows = query.query([entry - 1, entry])?;
    let mut before = (append == 1).then(|| first_link(run));
    while let Some(row) = rows.next()? {
        let at = Timestamp(row.get::<_, i64>(1)?.cast_unsigned());
        let (facts, hash): (Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(3)?);
        let link = <[u8; 32]>::try_from(hash).map_err(|_| damaged("its hash is no hash"))?;
        let link = Digest::from_bytes(link);
        if row.get::<_, i64>(0)? != entry {
            before = Some(link);
            continue;
        }
        let before = before.ok_or_else(|| damaged("what stood before it is gone"))?;
        if next_link(&before, at, &facts) != link {
            return Err(damaged("it is not what was written, or what stood before it is gone"));
        }
        let texts = Texts::read(row.get_ref(4)?, row.get_ref(5)?).map_err(|what| damaged(&what))?;
        return Ok(Alone { at, facts, texts: texts.into_owned() });
    }
    Err(damaged("it is missing"))
}
