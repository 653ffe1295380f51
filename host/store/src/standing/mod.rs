//! What stands by the host's own stream, as rows: the last word on each thing. Written with the host's facts, made anew from them. Knows no kind but by its name.

pub(crate) mod namespaces;
pub(crate) mod revoked;
pub(crate) mod rules;
pub(crate) mod signatures;
pub(crate) mod slots;

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::namespaces::Stood;
use self::revoked::RevokedBy;
use self::rules::Taken;
use self::signatures::Signature;
use self::slots::SlotState;
use crate::error::ReadError;
use crate::host_log::{self, HostFact};
use crate::seal::seal;
use crate::sql;

/// The thing that words of one kind are about: in two parts, because somebody may ask for
/// all of the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Whose it is: a project, a holder.
    pub(crate) whose: String,
    /// Which of theirs.
    pub(crate) which: String,
}

/// When something was said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// By the clock, which may go back.
    pub(crate) at: Timestamp,
    /// The number of the entry, which does not.
    pub(crate) append: u64,
}

/// What stands for a thing of one kind. What a row holds is its form as JSON.
pub(crate) trait Word: Serialize + DeserializeOwned + PartialEq {
    /// What rows of this kind are filed under.
    const KIND: &'static str;

    /// What a thing of this kind is called: `the slot draft of "/p"`.
    fn called(key: &Key) -> String;

    /// What a fact is a word on; nothing where it is none of this kind.
    fn on(fact: &HostFact) -> Option<Key>;

    /// What stands once that is said; nothing where the thing stands no more.
    fn after(before: Option<Self>, moment: Moment, fact: &HostFact) -> Option<Self>;
}

/// What stands, by thing.
pub(crate) type Words<W> = BTreeMap<Key, W>;

/// The rows that follow from what is said now, in an entry that was just appended.
pub(crate) fn note(
    connection: &Connection,
    moment: Moment,
    facts: &[HostFact],
) -> Result<(), ReadError> {
    note_of::<RevokedBy>(connection, moment, facts)?;
    note_of::<SlotState>(connection, moment, facts)?;
    note_of::<Taken>(connection, moment, facts)?;
    note_of::<Signature>(connection, moment, facts)?;
    note_of::<Stood>(connection, moment, facts)
}

/// Makes all rows anew. Where the host's stream cannot be read, they stay as they are.
pub(crate) fn rebuild(connection: &Connection) -> Result<(), ReadError> {
    let facts = facts(connection)?;
    rebuild_of::<RevokedBy>(connection, &facts)?;
    rebuild_of::<SlotState>(connection, &facts)?;
    rebuild_of::<Taken>(connection, &facts)?;
    rebuild_of::<Signature>(connection, &facts)?;
    rebuild_of::<Stood>(connection, &facts)
}

/// Gives rows of an older form the seal of this one, whatever they say.
pub(crate) fn seal_as_they_are(connection: &Connection) -> Result<(), rusqlite::Error> {
    let mut query = connection.prepare(sql::EVERY_WORD)?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(4)?, columns(row)?)))?;
    // All first: the table is not to be changed under its own reader.
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    rows.iter().try_for_each(|(kind, (key, said, _))| write(connection, kind, key, said))
}

/// What is wrong with the rows, one line each: not what was written, or not what the host's
/// stream tells of.
pub(crate) fn damages(connection: &Connection) -> Result<Vec<String>, ReadError> {
    let facts = facts(connection)?;
    let mut all = damages_of::<RevokedBy>(connection, &facts)?;
    all.extend(damages_of::<SlotState>(connection, &facts)?);
    all.extend(damages_of::<Taken>(connection, &facts)?);
    all.extend(damages_of::<Signature>(connection, &facts)?);
    all.extend(damages_of::<Stood>(connection, &facts)?);
    Ok(all)
}

/// What the host's stream tells of one kind.
pub(crate) fn told<W: Word>(connection: &Connection) -> Result<Words<W>, ReadError> {
    Ok(fold(&facts(connection)?))
}

/// What the rows of one kind say; with `whose`, of those alone.
///
/// # Errors
/// [`ReadError::Damaged`] where one is not what was written: who does not know what stands
/// must not guess.
pub(crate) fn read<W: Word>(
    connection: &Connection,
    whose: Option<&str>,
) -> Result<Words<W>, ReadError> {
    let (found, damaged) = rows::<W>(connection, whose)?;
    damaged.into_iter().next().map_or(Ok(found), |key| Err(damage::<W>(&key)))
}

/// What stands for one thing.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_one<W: Word>(
    connection: &Connection,
    whose: &str,
    which: &str,
) -> Result<Option<W>, ReadError> {
    let key = Key { whose: whose.to_owned(), which: which.to_owned() };
    let mut query = connection.prepare_cached(sql::READ_WORD)?;
    let row = query.query_row(params![W::KIND, whose, which], |row| {
        let (_, said, sealed) = columns(row)?;
        Ok((said, sealed))
    });
    let Some((said, sealed)) = row.optional()? else { return Ok(None) };
    parse::<W>(&key, &said, sealed).map_or_else(|| Err(damage::<W>(&key)), |word| Ok(Some(word)))
}

fn note_of<W: Word>(
    connection: &Connection,
    moment: Moment,
    facts: &[HostFact],
) -> Result<(), ReadError> {
    for fact in facts {
        let Some(key) = W::on(fact) else { continue };
        let mut query = connection.prepare_cached(sql::READ_WORD)?;
        let row = query.query_row(params![W::KIND, key.whose, key.which], |row| {
            let (_, said, sealed) = columns(row)?;
            Ok((said, sealed))
        });
        let before = match row.optional()? {
            None => None,
            Some((said, sealed)) => match parse::<W>(&key, &said, sealed) {
                Some(word) => Some(word),
                // The stream has the whole of it, this entry included.
                None => return rebuild_of::<W>(connection, &self::facts(connection)?),
            },
        };
        match W::after(before, moment, fact) {
            Some(word) => write(connection, W::KIND, &key, &text(&word)?)?,
            None => {
                let mut forget = connection.prepare_cached(sql::DELETE_WORD)?;
                forget.execute(params![W::KIND, key.whose, key.which])?;
            }
        }
    }
    Ok(())
}

fn rebuild_of<W: Word>(
    connection: &Connection,
    facts: &[(Moment, HostFact)],
) -> Result<(), ReadError> {
    connection.prepare_cached(sql::FORGET_WORDS)?.execute([W::KIND])?;
    for (key, word) in fold::<W>(facts) {
        write(connection, W::KIND, &key, &text(&word)?)?;
    }
    Ok(())
}

fn damages_of<W: Word>(
    connection: &Connection,
    facts: &[(Moment, HostFact)],
) -> Result<Vec<String>, ReadError> {
    let (rows, damaged) = rows::<W>(connection, None)?;
    let told = fold::<W>(facts);
    let written = damaged.iter().map(|key| format!("{} is not what was written", W::called(key)));
    let keys: BTreeSet<_> = rows.keys().chain(told.keys()).collect();
    // What is missing may be the one whose row is damaged.
    let other = keys.into_iter().filter(|key| {
        rows.get(*key) != told.get(*key) && (rows.contains_key(*key) || damaged.is_empty())
    });
    let other = other.map(|key| format!("{} is not that of the facts", W::called(key)));
    Ok(written.chain(other).collect())
}

/// The facts that are a word on anything: a small part of the stream, which is full of
/// what attempts wrote.
fn facts(connection: &Connection) -> Result<Vec<(Moment, HostFact)>, ReadError> {
    let (mut append, mut found) = (0, Vec::new());
    host_log::walk(connection, |at, facts| {
        append += 1;
        let ours = facts.into_iter().filter(is_a_word);
        found.extend(ours.map(|fact| (Moment { at, append }, without_values(fact))));
        Ok(())
    })?;
    Ok(found)
}

/// What attempts wrote is no part of what stands, and there is much of it.
fn without_values(mut fact: HostFact) -> HostFact {
    if let HostFact::KvWritten { values, .. } = &mut fact {
        values.clear();
    }
    fact
}

fn is_a_word(fact: &HostFact) -> bool {
    let kinds = [RevokedBy::on, SlotState::on, Taken::on, Signature::on, Stood::on];
    kinds.iter().any(|on| on(fact).is_some())
}

fn fold<W: Word>(facts: &[(Moment, HostFact)]) -> Words<W> {
    let mut words = Words::new();
    for (moment, fact) in facts {
        let Some(key) = W::on(fact) else { continue };
        if let Some(word) = W::after(words.remove(&key), *moment, fact) {
            words.insert(key, word);
        }
    }
    words
}

/// Every row of a kind, and the keys of those that are not what was written.
fn rows<W: Word>(
    connection: &Connection,
    whose: Option<&str>,
) -> Result<(Words<W>, Vec<Key>), ReadError> {
    let mut query = connection.prepare_cached(match whose {
        None => sql::WORDS,
        Some(_) => sql::WORDS_OF,
    })?;
    let mut rows = match whose {
        None => query.query([W::KIND])?,
        Some(whose) => query.query([W::KIND, whose])?,
    };
    let (mut found, mut damaged) = (Words::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (key, said, sealed) = columns(row)?;
        match parse(&key, &said, sealed) {
            Some(word) => {
                found.insert(key, word);
            }
            None => damaged.push(key),
        }
    }
    Ok((found, damaged))
}

fn columns(row: &Row<'_>) -> Result<(Key, String, i64), rusqlite::Error> {
    let key = Key { whose: row.get(0)?, which: row.get(1)? };
    Ok((key, row.get(2)?, row.get(3)?))
}

fn parse<W: Word>(key: &Key, said: &str, sealed: i64) -> Option<W> {
    let is_whole = sealed == seal_of(W::KIND, key, said);
    is_whole.then(|| serde_json::from_str(said).ok()).flatten()
}

fn damage<W: Word>(key: &Key) -> ReadError {
    ReadError::Damaged(format!("{} is not what was written", W::called(key)))
}

fn text<W: Word>(word: &W) -> Result<String, ReadError> {
    serde_json::to_string(word).map_err(|error| ReadError::Storage(error.to_string()))
}

fn write(
    connection: &Connection,
    kind: &str,
    key: &Key,
    said: &str,
) -> Result<(), rusqlite::Error> {
    let sealed = seal_of(kind, key, said);
    let mut write = connection.prepare_cached(sql::WRITE_WORD)?;
    write.execute(params![kind, key.whose, key.which, said, sealed])?;
    Ok(())
}

fn seal_of(kind: &str, key: &Key, said: &str) -> i64 {
    seal(&[kind.as_bytes(), key.whose.as_bytes(), key.which.as_bytes(), said.as_bytes()])
}
