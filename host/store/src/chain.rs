//! The entries of one run in order, each checked against the chain before anybody sees it. Knows nothing of what facts mean.

use bailiwick_core::{Digest, RunId, Timestamp};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::entry::{first_link, next_link};
use crate::error::{ReadError, says_damaged};
use crate::sql;

/// Hands time, facts and texts of each entry of a run to `visit`, in order. Returns
/// the number of the last append and its link.
///
/// Every error names the run and the append.
pub(crate) fn walk(
    connection: &Connection,
    run: &RunId,
    row: i64,
    mut visit: impl FnMut(Timestamp, &[u8], Option<&str>) -> Result<(), String>,
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
        let texts = match found.get_ref(4)? {
            ValueRef::Null => None,
            other => Some(other.as_str().map_err(|_| damaged("its texts are no text"))?),
        };
        visit(at, facts, texts).map_err(|what| damaged(&what))?;
        sequence = number;
    }
    Ok((sequence, link))
}
