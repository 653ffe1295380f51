//! Powers that were taken away, as rows: written with the host's fact, made anew from the host's own stream. Knows no power and no agent but by their words.

use std::collections::BTreeMap;

use bailiwick_core::Timestamp;
use rusqlite::{Connection, params};

use crate::error::ReadError;
use crate::host_log::{self, HostFact};
use crate::seal::seal;
use crate::sql;

/// A power that is taken away, and from whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevokedPower {
    /// An agent name, or `publisher/name`.
    pub holder: String,
    /// The power's word.
    pub power: String,
}

/// Who took it away, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedBy {
    /// A person.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What stands by the host's stream.
pub(crate) type Revoked = BTreeMap<RevokedPower, RevokedBy>;

/// Takes a fact of the host in. Other facts change nothing.
pub(crate) fn take(revoked: &mut Revoked, at: Timestamp, fact: &HostFact) {
    match fact {
        HostFact::PowerRevoked { holder, power, by } => {
            let key = RevokedPower { holder: holder.clone(), power: power.clone() };
            revoked.entry(key).or_insert_with(|| RevokedBy { by: by.clone(), at });
        }
        HostFact::PowerReturned { holder, power, .. } => {
            revoked.remove(&RevokedPower { holder: holder.clone(), power: power.clone() });
        }
        _ => {}
    }
}

/// The rows that follow from what was done.
pub(crate) fn note(
    connection: &Connection,
    at: Timestamp,
    facts: &[HostFact],
) -> Result<(), ReadError> {
    let is_ours = |fact: &HostFact| {
        matches!(fact, HostFact::PowerRevoked { .. } | HostFact::PowerReturned { .. })
    };
    if !facts.iter().any(is_ours) {
        return Ok(());
    }
    let (mut revoked, _) = all(connection)?;
    facts.iter().for_each(|fact| take(&mut revoked, at, fact));
    write(connection, &revoked)
}

/// Makes all rows anew. Where the host's stream cannot be read, they stay as they are.
pub(crate) fn rebuild(connection: &Connection) -> Result<(), ReadError> {
    let revoked = told(connection)?;
    write(connection, &revoked)
}

/// What the host's stream tells of.
pub(crate) fn told(connection: &Connection) -> Result<Revoked, ReadError> {
    let mut revoked = Revoked::new();
    host_log::walk(connection, |at, facts| {
        facts.iter().for_each(|fact| take(&mut revoked, at, fact));
        Ok(())
    })?;
    Ok(revoked)
}

/// A handful: whoever takes away hundreds of powers edits a file.
fn write(connection: &Connection, revoked: &Revoked) -> Result<(), ReadError> {
    connection.prepare_cached(sql::FORGET_REVOKED)?.execute([])?;
    for (key, by) in revoked {
        connection.prepare_cached(sql::WRITE_REVOKED)?.execute(params![
            key.holder,
            key.power,
            by.by,
            by.at.0.cast_signed(),
            seal_of(key, by),
        ])?;
    }
    Ok(())
}

fn seal_of(key: &RevokedPower, by: &RevokedBy) -> i64 {
    seal(&[key.holder.as_bytes(), key.power.as_bytes(), by.by.as_bytes(), &by.at.0.to_le_bytes()])
}

/// Every row, and what is wrong with those that are not what was written.
pub(crate) fn all(connection: &Connection) -> Result<(Revoked, Vec<ReadError>), ReadError> {
    let mut query = connection.prepare_cached(sql::ALL_REVOKED)?;
    let mut rows = query.query([])?;
    let (mut found, mut damaged) = (Revoked::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let key = RevokedPower { holder: row.get(0)?, power: row.get(1)? };
        let at = Timestamp(row.get::<_, i64>(3)?.cast_unsigned());
        let by = RevokedBy { by: row.get(2)?, at };
        if row.get::<_, i64>(4)? == seal_of(&key, &by) {
            found.insert(key, by);
        } else {
            let what =
                format!("the revocation {} {} is not what was written", key.holder, key.power);
            damaged.push(ReadError::Damaged(what));
        }
    }
    Ok((found, damaged))
}
