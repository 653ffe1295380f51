//! The host's own stream: what was done to the folder itself, chained as runs are. Does none of it.

use bailiwick_core::{Digest, RunId, Timestamp};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::entry::next_link;
use crate::error::{ReadError, says_damaged};
use crate::sql;

/// What the stream is called among the heads.
pub(crate) const STREAM: &str = "host";

/// Something that was done to the data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact")]
#[allow(missing_docs, reason = "the variants are documented; their fields carry documented types")]
pub enum HostFact {
    /// A run is gone for good. Length and link of its journal stay, so that an anchor
    /// from before still fits.
    RunDeleted { run: RunId, appends: u64, link: Digest, by: String },
    /// The values of a run are gone; its facts stay.
    ValuesErased { run: RunId, by: String },
}

/// The link before the first entry.
pub(crate) fn first_link() -> Digest {
    Digest::of_parts(&[b"bailiwick host 1"])
}

/// Hands time and facts of each entry to `visit`, in order, checked against the chain.
/// Gives how many there are and the link after the last.
pub(crate) fn walk(
    connection: &Connection,
    mut visit: impl FnMut(Timestamp, Vec<HostFact>) -> Result<(), ReadError>,
) -> Result<(u64, Digest), ReadError> {
    let mut refused = None;
    let walked = walk_raw(connection, |at, facts| {
        let facts = serde_json::from_slice(facts).map_err(|error| error.to_string())?;
        visit(at, facts).map_err(|error| {
            let why = error.to_string();
            refused = Some(error);
            why
        })
    });
    refused.map_or(walked, Err)
}

/// As [`walk`], with the facts as they are written.
pub(crate) fn walk_raw(
    connection: &Connection,
    mut visit: impl FnMut(Timestamp, &[u8]) -> Result<(), String>,
) -> Result<(u64, Digest), ReadError> {
    let (mut sequence, mut link) = (0_u64, first_link());
    let mut query = connection.prepare_cached(sql::READ_HOST)?;
    let mut rows = query.query([])?;
    loop {
        let number = sequence + 1;
        let damaged = |what: &str| ReadError::Damaged(format!("host, append {number}: {what}"));
        let row = rows.next().map_err(|error| match says_damaged(&error) {
            true => damaged(&error.to_string()),
            false => error.into(),
        })?;
        let Some(row) = row else { return Ok((sequence, link)) };
        if row.get::<_, i64>(0)?.cast_unsigned() != number {
            return Err(damaged("it is missing"));
        }
        let at = Timestamp(row.get::<_, i64>(1)?.cast_unsigned());
        let facts = row.get_ref(2)?.as_blob().map_err(|_| damaged("its facts are no bytes"))?;
        let hash = row.get_ref(3)?.as_blob().map_err(|_| damaged("its hash is no bytes"))?;
        link = next_link(&link, at, facts);
        if hash != link.as_bytes() {
            return Err(damaged("it is not what was written, or what stood before it is gone"));
        }
        visit(at, facts).map_err(|what| damaged(&what))?;
        sequence = number;
    }
}

/// Appends what happened together. The stream is short: it grows with what retention
/// does, and is walked before each of these.
pub(crate) fn append(
    connection: &Connection,
    at: Timestamp,
    facts: &[HostFact],
) -> Result<(), ReadError> {
    let (appends, link) = walk(connection, |_, _| Ok(()))?;
    let text = serde_json::to_vec(facts).map_err(|error| ReadError::Storage(error.to_string()))?;
    let link = next_link(&link, at, &text);
    connection.prepare_cached(sql::APPEND_HOST)?.execute(params![
        (appends + 1).cast_signed(),
        at.0.cast_signed(),
        text,
        link.as_bytes(),
    ])?;
    Ok(())
}
