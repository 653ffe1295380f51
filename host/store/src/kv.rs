//! The values of namespaces as rows: written in the transaction of the append that they follow from, made anew from the host's own stream. Knows no attempt and no turn.

use std::collections::BTreeMap;

use bailiwick_core::fact::StepLabel;
use bailiwick_core::kv::KvWrites;
use bailiwick_core::{Bytes, Digest, Timestamp};
use bailiwick_gate::kv::{Held, Kept};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use crate::error::ReadError;
use crate::folder::Folder;
use crate::host_log::{self, HostFact};
use crate::seal::seal;
use crate::standing::{self, Moment};
use crate::{blob, sql};

/// Project, namespace and key: what names a value.
pub(crate) type Slot = (String, String, String);

/// A value as the host's stream names it; its text is a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvValue {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub bytes: Bytes,
}

/// Who writes what: one attempt, at its end.
pub(crate) struct Writing<'a> {
    pub(crate) project: &'a str,
    pub(crate) namespace: &'a str,
    /// RUN/ATTEMPT.
    pub(crate) by: String,
    pub(crate) at: Timestamp,
    /// What the step may know that writes; nothing for a run of an older host.
    pub(crate) level: Option<&'a StepLabel>,
}

/// Writes what an attempt changed: the values as blobs, a fact of the host, the rows.
/// Gives the texts in which blobs are named, so that no sweep deletes these.
pub(crate) fn write(
    connection: &Connection,
    writing: &Writing<'_>,
    writes: &KvWrites,
) -> Result<Vec<Vec<u8>>, rusqlite::Error> {
    let Writing { project, namespace, by, at, level } = writing;
    let mut named = Vec::with_capacity(writes.set.len() + 1);
    let mut values: BTreeMap<String, Option<KvValue>> = BTreeMap::new();
    for (key, value) in &writes.set {
        let text = value.to_string().into_bytes();
        let value = KvValue { digest: Digest::of(&text), bytes: Bytes(text.len() as u64) };
        // No value is so large that it would lie in a file.
        blob::keep(connection, &value.digest, &text)?;
        values.insert(key.clone(), Some(value));
        named.push(text);
    }
    values.extend(writes.delete.iter().map(|key| (key.clone(), None)));
    apply(connection, (project, namespace), &values)?;
    let fact = HostFact::KvWritten {
        project: (*project).to_owned(),
        namespace: (*namespace).to_owned(),
        by: by.clone(),
        values,
        label: level.map(|level| level.label.clone()),
        outside: level.is_some_and(|level| level.outside),
        empty: writes.set.is_empty() && is_empty(connection, project, namespace)?,
    };
    let facts = [fact];
    let (append, text) = host_log::extend(connection, *at, &facts)?;
    named.push(text);
    match standing::note(connection, Moment { at: *at, append }, &facts) {
        Ok(()) => {}
        // Whoever asks what stands is told of the damage; nobody guesses.
        Err(ReadError::Damaged(why)) => tracing::error!(%why, "what stands is damaged"),
        Err(error) => return Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
    }
    Ok(named)
}

fn is_empty(
    connection: &Connection,
    project: &str,
    namespace: &str,
) -> Result<bool, rusqlite::Error> {
    let mut query = connection.prepare_cached(sql::LIST_KV)?;
    let mut rows = query.query(params![project, namespace, "", ""])?;
    Ok(rows.next()?.is_none())
}

fn apply(
    connection: &Connection,
    (project, namespace): (&str, &str),
    values: &BTreeMap<String, Option<KvValue>>,
) -> Result<(), rusqlite::Error> {
    for (key, value) in values {
        match value {
            Some(value) => {
                let slot = (project.to_owned(), namespace.to_owned(), key.clone());
                put(connection, &slot, value)?;
            }
            None => {
                connection
                    .prepare_cached(sql::DELETE_KV)?
                    .execute(params![project, namespace, key])?;
            }
        }
    }
    Ok(())
}

fn put(connection: &Connection, slot: &Slot, value: &KvValue) -> Result<(), rusqlite::Error> {
    let (project, namespace, key) = slot;
    connection.prepare_cached(sql::WRITE_KV)?.execute(params![
        project,
        namespace,
        key,
        value.digest.as_bytes(),
        value.bytes.0.cast_signed(),
        seal_of(slot, value),
    ])?;
    Ok(())
}

fn seal_of((project, namespace, key): &Slot, value: &KvValue) -> i64 {
    seal(&[
        project.as_bytes(),
        namespace.as_bytes(),
        key.as_bytes(),
        value.digest.as_bytes(),
        &value.bytes.0.to_le_bytes(),
    ])
}

/// Reads the columns `digest, bytes, seal` of a slot.
fn value_of(row: &Row<'_>, slot: &Slot) -> Result<KvValue, ReadError> {
    let (_, namespace, key) = slot;
    let damaged =
        || ReadError::Damaged(format!("the key {key:?} of {namespace:?} is not what was written"));
    let digest: Vec<u8> = row.get(0)?;
    let digest = digest.as_slice().try_into().map_err(|_| damaged())?;
    let bytes = Bytes(row.get::<_, i64>(1)?.cast_unsigned());
    let value = KvValue { digest: Digest::from_bytes(digest), bytes };
    match row.get::<_, i64>(2)? == seal_of(slot, &value) {
        true => Ok(value),
        false => Err(damaged()),
    }
}

/// What one key holds.
fn find(connection: &Connection, slot: &Slot) -> Result<Option<KvValue>, ReadError> {
    let (project, namespace, key) = slot;
    let mut query = connection.prepare_cached(sql::READ_KV)?;
    let mut rows = query.query(params![project, namespace, key])?;
    rows.next()?.map(|row| value_of(row, slot)).transpose()
}

/// The text of a value.
pub(crate) fn get(
    connection: &Connection,
    folder: &Folder,
    slot: &Slot,
) -> Result<Option<Vec<u8>>, ReadError> {
    let Some(value) = find(connection, slot)? else { return Ok(None) };
    let text = blob::fetch(connection, folder, &value.digest);
    text.map(Some).map_err(|error| ReadError::Damaged(error.to_string()))
}

/// Digest and size of the values of some keys, in their order.
pub(crate) fn look(
    connection: &Connection,
    (project, namespace): (&str, &str),
    keys: &[String],
) -> Result<Vec<Option<Kept>>, ReadError> {
    let slot = |key: &String| (project.to_owned(), namespace.to_owned(), key.clone());
    let found = keys.iter().map(|key| find(connection, &slot(key)));
    found.map(|found| Ok(found?.map(|value| (value.digest, value.bytes)))).collect()
}

/// At most `limit` keys from `first` on that begin with `prefix`, in order.
pub(crate) fn keys(
    connection: &Connection,
    (project, namespace): (&str, &str),
    (prefix, after): (&str, Option<&str>),
    limit: u32,
) -> Result<Vec<String>, ReadError> {
    let mut query = connection.prepare_cached(sql::LIST_KV)?;
    // No key is empty, so nothing lies before the first.
    let mut rows = query.query(params![project, namespace, prefix, after.unwrap_or_default()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        // Keys with one prefix lie together.
        if found.len() >= limit as usize || !key.starts_with(prefix) {
            break;
        }
        found.push(key);
    }
    Ok(found)
}

/// What a namespace holds in sum.
pub(crate) fn held(
    connection: &Connection,
    project: &str,
    namespace: &str,
) -> Result<Held, ReadError> {
    let found =
        connection.prepare_cached(sql::HELD_KV)?.query_row(params![project, namespace], |row| {
            let number = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            Ok(Held { keys: number(0)?, bytes: Bytes(number(1)?) })
        })?;
    Ok(found)
}

/// Every row, and what is wrong with those that are not what was written.
pub(crate) fn all(
    connection: &Connection,
) -> Result<(BTreeMap<Slot, KvValue>, Vec<ReadError>), ReadError> {
    let mut query = connection.prepare_cached(sql::ALL_KV)?;
    let mut rows = query.query([])?;
    let (mut found, mut damaged) = (BTreeMap::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let slot = (row.get(3)?, row.get(4)?, row.get(5)?);
        match value_of(row, &slot) {
            Ok(value) => {
                found.insert(slot, value);
            }
            Err(error) => damaged.push(error),
        }
    }
    Ok((found, damaged))
}

/// What the rows must be, by the host's own stream.
#[derive(Default)]
pub(crate) struct Told(pub(crate) BTreeMap<Slot, KvValue>);

impl Told {
    /// Takes a fact of the host in.
    pub(crate) fn take(&mut self, fact: HostFact) {
        let HostFact::KvWritten { project, namespace, values, .. } = fact else { return };
        for (key, value) in values {
            let slot = (project.clone(), namespace.clone(), key);
            match value {
                Some(value) => self.0.insert(slot, value),
                None => self.0.remove(&slot),
            };
        }
    }
}

/// Makes all rows anew. Where the host's stream cannot be read, they stay as they are.
pub(crate) fn rebuild(connection: &Connection) -> Result<(), ReadError> {
    let mut told = Told::default();
    host_log::walk(connection, |_, facts| {
        facts.into_iter().for_each(|fact| told.take(fact));
        Ok(())
    })?;
    connection.prepare_cached(sql::FORGET_KV)?.execute([])?;
    for (slot, value) in &told.0 {
        put(connection, slot, value)?;
    }
    Ok(())
}

/// The blobs that the values are, with the text of each, for who must not delete what
/// they name.
pub(crate) fn texts(
    connection: &Connection,
    folder: &Folder,
    mut visit: impl FnMut(Digest, &[u8]),
) -> Result<(), ReadError> {
    let (rows, damaged) = all(connection)?;
    if let Some(error) = damaged.into_iter().next() {
        return Err(error);
    }
    for value in rows.into_values() {
        let text = blob::fetch(connection, folder, &value.digest);
        visit(value.digest, &text.map_err(|error| ReadError::Damaged(error.to_string()))?);
    }
    Ok(())
}

/// The last entry of the host's stream: its number and its link.
pub(crate) fn last_of_host(
    connection: &Connection,
) -> Result<Option<(u64, Vec<u8>)>, rusqlite::Error> {
    connection
        .prepare_cached(sql::LAST_HOST)?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)))
        .optional()
}
