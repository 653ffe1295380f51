//! What belongs to no single run under audit: blobs, open questions, spend, the host's own stream. Reads no run.

use std::collections::BTreeSet;

use bailiwick_core::ports::BlobError;
use rusqlite::Connection;

use super::{Audit, Expected, StreamHead, without_preface};
use crate::error::ReadError;
use crate::folder::Folder;
use crate::kv::{self, Told};
use crate::{blob, derived, host_log, revoked, slots, sql};

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
        let revoked = revocations(connection, found);
        revoked.unwrap_or_else(|error| found.damage(without_preface(&error)));
        let swapped = swapped(connection, folder, found);
        swapped.unwrap_or_else(|error| found.damage(without_preface(&error)));
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

/// Whether what is taken away is what the host's stream tells of.
fn revocations(connection: &Connection, found: &mut Audit) -> Result<(), ReadError> {
    let (rows, damaged) = revoked::all(connection)?;
    damaged.iter().for_each(|error| found.damage(without_preface(error)));
    let told = revoked::told(connection)?;
    let keys: BTreeSet<_> = rows.keys().chain(told.keys()).collect();
    for key in keys.into_iter().filter(|key| rows.get(*key) != told.get(*key)) {
        if rows.contains_key(key) || damaged.is_empty() {
            let what = format!("the revocation {} {}", key.holder, key.power);
            found.damage(format!("{what} is not that of the facts"));
        }
    }
    Ok(())
}

/// Whether agent names point where the host's stream says, and the components are there.
fn swapped(connection: &Connection, folder: &Folder, found: &mut Audit) -> Result<(), ReadError> {
    let (rows, damaged) = slots::all(connection)?;
    damaged.iter().for_each(|error| found.damage(without_preface(error)));
    let told = slots::told(connection)?;
    let names: BTreeSet<_> = rows.keys().chain(told.keys()).collect();
    for name in names {
        let what = format!("the slot {} of {:?}", name.agent, name.project);
        if rows.get(name) != told.get(name) && (rows.contains_key(name) || damaged.is_empty()) {
            found.damage(format!("{what} is not that of the facts"));
        }
        let serves = told.get(name).and_then(|state| state.serves.as_ref());
        if let Some(serves) = serves
            && let Err(BlobError::Missing(_)) = blob::fetch(connection, folder, &serves.component)
        {
            found.damage(format!("{what}: its component is missing"));
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
