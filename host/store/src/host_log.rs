//! The host's own stream: what was done to the folder itself, chained as runs are. Does none of it.

use std::collections::BTreeMap;

use bailiwick_core::{Digest, Name, RunId, Timestamp};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::entry::next_link;
use crate::error::{ReadError, says_damaged};
use crate::kv::{self, KvValue};
use crate::sql;

/// What the stream is called among the heads.
pub(crate) const STREAM: &str = "host";

/// Something that was done to the data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact")]
#[allow(missing_docs, reason = "the variants are documented; their fields carry documented types")]
#[expect(clippy::large_enum_variant, reason = "a handful at a time, written and gone")]
pub enum HostFact {
    /// A run is gone for good. Length and link of its journal stay, so that an anchor
    /// from before still fits.
    RunDeleted { run: RunId, appends: u64, link: Digest, by: String },
    /// The values of a run are gone; its facts stay.
    ValuesErased { run: RunId, by: String },
    /// An attempt ended that had changed values of a namespace; nothing stands for a key
    /// that was deleted. It is in the transaction of that end. The values are blobs.
    KvWritten {
        project: String,
        namespace: String,
        /// RUN/ATTEMPT.
        by: String,
        values: BTreeMap<String, Option<KvValue>>,
        /// The label of what was written, by name; runs of older hosts say none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// Whether others' words may be in it.
        #[serde(default, skip_serializing_if = "is_false")]
        outside: bool,
        /// Whether the namespace holds nothing after it.
        #[serde(default, skip_serializing_if = "is_false")]
        empty: bool,
    },
    /// A power was taken away from an agent, whatever the files grant.
    PowerRevoked { holder: String, power: String, by: String },
    /// It was given back: the files hold again.
    PowerReturned { holder: String, power: String, by: String },
    /// Another version of a file of rules took force: while a host went on, with `above`,
    /// what is granted and denied from then on; or because it was there when a host began.
    RulesTaken {
        file: String,
        digest: Digest,
        above: Vec<String>,
        #[serde(default, skip_serializing_if = "is_false")]
        start: bool,
    },
    /// Another version of a file of rules cannot be read: the one before stays in force.
    RulesRefused { file: String, why: String },
    /// A component was admitted for an agent name of a project. Nothing has changed yet.
    SwapStaged { project: String, agent: Name, component: Digest, by: String },
    /// The agent name points at it from now on: the one before serves nobody new. `file` is
    /// the component of the project's own file at that moment, `accepted` what somebody let
    /// pass, `rehearsed` what came of the cells that were done again before.
    SwapCommitted {
        project: String,
        agent: Name,
        component: Digest,
        was: Option<Digest>,
        file: Digest,
        /// What bailiwick.lock said of the file then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pin: Option<Digest>,
        version: String,
        /// The highest version that there ever was under this agent name, this one
        /// included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        highest: Option<String>,
        /// The signature of the component, and that of the one before: whose they are is
        /// found out with the policy of the day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was_signature: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accepted: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rehearsed: Option<Rehearsed>,
        #[serde(default, skip_serializing_if = "is_false")]
        back: bool,
        by: String,
    },
    /// The project's own file, or what bailiwick.lock says of it, is another one since, or the
    /// agent name is not in the project any more: the file has the last word, also where it
    /// becomes what it was.
    SwapEnded { project: String, agent: Name, component: Digest },
    /// A component that was staged is not committed: what served before serves on.
    SwapAbandoned { project: String, agent: Name, component: Digest, why: String, by: String },
}

/// What came of the recorded cells that a component did again before it was committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// Every call and the end were the same.
    pub equal: u32,
    /// Every call was the same, and the output another one.
    pub different: u32,
    /// A call was another one.
    pub diverged: u32,
    /// It could not be done again.
    pub impossible: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
pub(crate) fn is_false(flag: &bool) -> bool {
    !*flag
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

/// Appends what retention did. All of the stream is looked at before: who deletes on its
/// word must know that it is whole.
pub(crate) fn append(
    connection: &Connection,
    at: Timestamp,
    facts: &[HostFact],
) -> Result<(), ReadError> {
    let (appends, link) = walk(connection, |_, _| Ok(()))?;
    let text = serde_json::to_vec(facts).map_err(|error| ReadError::Storage(error.to_string()))?;
    write(connection, appends + 1, at, (&link, &text))?;
    Ok(())
}

/// Appends what an attempt changed: at the end as it stands there, without a look at what
/// is before it, because that grows with every run. Gives its number and the text that was
/// written.
pub(crate) fn extend(
    connection: &Connection,
    at: Timestamp,
    facts: &[HostFact],
) -> Result<(u64, Vec<u8>), rusqlite::Error> {
    let (appends, link) = match kv::last_of_host(connection)? {
        Some((appends, link)) => match link.as_slice().try_into() {
            Ok(link) => (appends, Digest::from_bytes(link)),
            // Damaged; whoever walks the stream says so. The chain begins anew behind it.
            Err(_) => (appends, first_link()),
        },
        None => (0, first_link()),
    };
    // Maps of texts and numbers: this cannot fail.
    let text = serde_json::to_vec(facts).unwrap_or_default();
    write(connection, appends + 1, at, (&link, &text))?;
    Ok((appends + 1, text))
}

fn write(
    connection: &Connection,
    append: u64,
    at: Timestamp,
    (before, text): (&Digest, &[u8]),
) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql::APPEND_HOST)?.execute(params![
        append.cast_signed(),
        at.0.cast_signed(),
        text,
        next_link(before, at, text).as_bytes(),
    ])?;
    Ok(())
}
