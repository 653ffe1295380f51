//! What belongs to no single run under audit: blobs, open questions, spend, the host's own stream. Reads no run.

use std::collections::BTreeSet;

use bailiwick_core::ports::BlobError;
use rusqlite::Connection;

use super::{Audit, Expected, StreamHead, without_preface};
use crate::error::ReadError;
use crate::folder::Folder;
use crate::kv::{self, Told};
use crate::standing::slots::SlotState;
use crate::standing::{self, Word as _};
use crate::{blob, derived, host_log, sql};

/// What belongs to no single run: blobs, questions, spend, the host's stream.
pub(super) fn rest(
    connection: &Connection,
    folder: &Folder,
    expected: &Expected,
    found: &mut Audit,
) {
    let listed = blobs(connection, folder, found);
    listed.unwrap_or_else(|error| found.damage(format!("the list of blobs: {error}")));
    let asks = asks(connection, expected, found);
    asks.unwrap_or_else(|error| found.damage(format!("the list of open questions: {error}")));
    match derived::all_spend(connection) {
        // What a run spent that cannot be read, nobody knows.
        Ok(written) if expected.unread.is_empty() => {
            let keys: BTreeSet<_> = written.keys().chain(expected.spend.keys()).collect();
            for key in keys.into_iter().filter(|key| written.get(*key) != expected.spend.get(*key))
            {
                let (project, day) = key;
                let what = format!("the spend of {project:?} on day {day}");
                found.damage(format!("{what} is not that of the facts"));
            }
        }
        Ok(_) => {}
        Err(error) => found.damage(without_preface(&error)),
    }
    let mut told = Told::default();
    let walked = host_log::walk(connection, |_, facts| {
        facts.into_iter().for_each(|fact| told.take(fact));
        Ok(())
    });
    // What a stream that is damaged would say, nobody knows.
    if walked.is_ok() {
        let values = values(connection, folder, &told, found);
        values.unwrap_or_else(|error| found.damage(without_preface(&error)));
        let standing = standing(connection, folder, found);
        standing.unwrap_or_else(|error| found.damage(without_preface(&error)));
    }
    match walked {
        Ok((0, _)) => {}
        Ok((appends, link)) => {
            found.heads.push(StreamHead { stream: host_log::STREAM.into(), appends, link });
        }
        Err(error) => found.damage(without_preface(&error)),
    }
}

/// Whether the values of namespaces are those that the host's stream tells of.
fn values(
    connection: &Connection,
    folder: &Folder,
    told: &Told,
    found: &mut Audit,
) -> Result<(), ReadError> {
    let (rows, damaged) = kv::all(connection)?;
    let is_whole = damaged.is_empty();
    damaged.iter().for_each(|error| found.damage(without_preface(error)));
    let slots: BTreeSet<_> = rows.keys().chain(told.0.keys()).collect();
    for slot in slots {
        let (project, namespace, key) = slot;
        let what = format!("the key {key:?} of {namespace:?} in {project:?}");
        match (rows.get(slot), told.0.get(slot)) {
            (row, fact) if row == fact => {}
            (None, _) if !is_whole => {}
            _ => found.damage(format!("{what} is not that of the facts")),
        }
        if let Some(value) = told.0.get(slot)
            && let Err(BlobError::Missing(_)) = blob::fetch(connection, folder, &value.digest)
        {
            found.damage(format!("{what}: its value is missing"));
        }
    }
    Ok(())
}

/// Whether what stands is what the host's stream says, and the components of slots are there.
fn standing(connection: &Connection, folder: &Folder, found: &mut Audit) -> Result<(), ReadError> {
    standing::damages(connection)?.into_iter().for_each(|what| found.damage(what));
    for (key, state) in standing::told::<SlotState>(connection)? {
        let serves = state.serves.map(|serves| blob::fetch(connection, folder, &serves.component));
        if let Some(Err(BlobError::Missing(_))) = serves {
            found.damage(format!("{}: its component is missing", SlotState::called(&key)));
        }
    }
    Ok(())
}

fn blobs(
    connection: &Connection,
    folder: &Folder,
    found: &mut Audit,
) -> Result<(), rusqlite::Error> {
    let mut after = 0;
    while let Some((last, names)) = blob::names(connection, after)? {
        after = last;
        for name in names {
            found.blobs += 1;
            let digest = match name {
                Ok(digest) => digest,
                Err(row) => {
                    found.damage(format!("blob in row {row}: its name is none"));
                    continue;
                }
            };
            match blob::fetch(connection, folder, &digest) {
                Ok(_) => {}
                Err(BlobError::Damaged(_)) => {
                    found.blob(digest, format!("blob {digest} is damaged"));
                }
                Err(error) => found.damage(format!("blob {digest}: {error}")),
            }
        }
    }
    Ok(())
}

/// Whether the questions that are listed as open are those that the facts leave open.
fn asks(
    connection: &Connection,
    expected: &Expected,
    found: &mut Audit,
) -> Result<(), rusqlite::Error> {
    let mut query = connection.prepare_cached(sql::ALL_ASKS)?;
    let mut rows = query.query([])?;
    let mut listed = BTreeSet::new();
    while let Some(row) = rows.next()? {
        match derived::read_ask(row) {
            Ok((ask, entry)) => {
                let unread = expected.unread.contains(&sql::parts_of_entry_id(entry).0);
                if !unread && expected.asks.get(&ask) != Some(&entry) {
                    found.damage(format!("the question {ask} is listed as open and is not"));
                }
                listed.insert(ask);
            }
            Err(error) => found.damage(without_preface(&error)),
        }
    }
    for ask in expected.asks.keys().filter(|ask| !listed.contains(ask)) {
        found.damage(format!("the open question {ask} is not listed"));
    }
    Ok(())
}
