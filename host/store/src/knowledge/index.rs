//! The tables of the collections and every statement on them. Knows no thread.

use std::collections::{HashMap, HashSet};

use bailiwick_core::{Bytes, Digest, Name};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::chunk::{Source, chunk};
use super::library::Indexed;
use super::{CHUNKS_MAX, DOCUMENT_MAX, DOCUMENTS_MAX, IndexError};

/// The form of the tables and the way documents are cut. A change raises it, and every
/// collection is indexed anew.
const FORMAT: i64 = 1;

/// Each collection has a word index of its own, `passage_ID`: what is rare is rare in
/// this collection, and no collection shows in the scores of another. Diacritics are
/// folded. `words` names a passage's text; equal texts share a vector.
const TABLES: &str = "
    CREATE TABLE collection (
        id INTEGER PRIMARY KEY, project BLOB NOT NULL, name TEXT NOT NULL,
        content BLOB, model TEXT, dimensions INTEGER, UNIQUE (project, name)
    ) STRICT;
    CREATE TABLE document (
        id INTEGER PRIMARY KEY, collection INTEGER NOT NULL, name TEXT NOT NULL,
        digest BLOB NOT NULL, chunks INTEGER NOT NULL, UNIQUE (collection, name)
    ) STRICT;
    CREATE TABLE chunk (
        id INTEGER PRIMARY KEY, document INTEGER NOT NULL, number INTEGER NOT NULL,
        words BLOB NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL, metadata TEXT NOT NULL,
        UNIQUE (document, number)
    ) STRICT;
    CREATE TABLE vector (
        collection INTEGER NOT NULL, words BLOB NOT NULL, numbers BLOB NOT NULL,
        UNIQUE (collection, words)
    ) STRICT;
";

/// Which collection.
pub(crate) struct Key {
    pub(crate) project: Digest,
    pub(crate) name: Name,
}

/// What is known of a collection.
pub(crate) struct Collection {
    pub(crate) id: i64,
    pub(crate) content: Option<[u8; 32]>,
    pub(crate) model: Option<String>,
    pub(crate) dimensions: Option<usize>,
}

/// Makes the tables of a new database; an error where it has another format.
pub(crate) fn make_tables(db: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = db.transaction()?;
    match transaction.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()
        }
        FORMAT => Ok(()),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
    }
}

pub(crate) fn is_current(db: &Connection, key: &Key, content: &Digest) -> Result<bool, IndexError> {
    Ok(find(db, key)?.is_some_and(|found| found.content.as_ref() == Some(content.as_bytes())))
}

pub(crate) fn replace(
    db: &mut Connection,
    key: &Key,
    content: &Digest,
    documents: impl IntoIterator<Item = Source>,
) -> Result<Indexed, IndexError> {
    let transaction = db.transaction()?;
    let id = find_or_make(&transaction, key)?;
    let mut old = documents_of(&transaction, id)?;
    let mut seen = HashSet::new();
    let mut indexed = Indexed::default();
    for source in documents {
        check(&source, &seen)?;
        let media = source.media.as_str().as_bytes();
        let digest = Digest::of_parts(&[media, source.text.as_bytes()]);
        let chunks = match old.remove(&source.document) {
            Some(kept) if kept.digest == *digest.as_bytes() => kept.chunks,
            changed => {
                if let Some(changed) = changed {
                    remove_document(&transaction, id, changed.id)?;
                }
                indexed.changed += 1;
                add_document(&transaction, id, &source, &digest)?
            }
        };
        indexed.documents += 1;
        indexed.chunks += chunks;
        if indexed.chunks > CHUNKS_MAX {
            return Err(IndexError::TooManyChunks { document: source.document });
        }
        seen.insert(source.document);
    }
    let gone = !old.is_empty();
    for document in old.into_values() {
        remove_document(&transaction, id, document.id)?;
    }
    if gone || indexed.changed > 0 {
        tidy(&transaction, id)?;
    }
    transaction.execute(
        "UPDATE collection SET content = ?2 WHERE id = ?1",
        params![id, content.as_bytes()],
    )?;
    transaction.commit()?;
    Ok(indexed)
}

/// Removes the collections of a project that are not among these.
pub(crate) fn keep_only(
    db: &mut Connection,
    project: &Digest,
    names: &[Name],
) -> Result<(), IndexError> {
    let transaction = db.transaction()?;
    let all: Vec<(i64, String)> = transaction
        .prepare("SELECT id, name FROM collection WHERE project = ?1")?
        .query_map([project.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, _) in all.iter().filter(|(_, name)| !names.iter().any(|kept| kept.as_str() == name)) {
        transaction.execute_batch(&format!(
            "DROP TABLE passage_{id};
             DELETE FROM vector WHERE collection = {id};
             DELETE FROM chunk WHERE document IN (SELECT id FROM document WHERE collection = {id});
             DELETE FROM document WHERE collection = {id};
             DELETE FROM collection WHERE id = {id};"
        ))?;
    }
    transaction.commit()?;
    Ok(())
}

fn check(source: &Source, seen: &HashSet<String>) -> Result<(), IndexError> {
    let size = Bytes(source.text.len() as u64);
    if size > DOCUMENT_MAX {
        return Err(IndexError::DocumentTooLarge { document: source.document.clone(), size });
    }
    if seen.contains(&source.document) {
        return Err(IndexError::TwiceTheSame(source.document.clone()));
    }
    if seen.len() >= DOCUMENTS_MAX {
        return Err(IndexError::TooManyDocuments);
    }
    Ok(())
}

struct Kept {
    id: i64,
    digest: [u8; 32],
    chunks: usize,
}

pub(crate) fn find(db: &Connection, key: &Key) -> Result<Option<Collection>, IndexError> {
    let sql =
        "SELECT id, content, model, dimensions FROM collection WHERE project = ?1 AND name = ?2";
    let found = db
        .prepare_cached(sql)?
        .query_row(params![key.project.as_bytes(), key.name.as_str()], |row| {
            let (id, content) = (row.get(0)?, row.get(1)?);
            let dimensions: Option<i64> = row.get(3)?;
            let dimensions = dimensions.and_then(|count| usize::try_from(count).ok());
            Ok(Collection { id, content, model: row.get(2)?, dimensions })
        })
        .optional()?;
    Ok(found)
}

fn find_or_make(transaction: &Transaction<'_>, key: &Key) -> Result<i64, IndexError> {
    if let Some(found) = find(transaction, key)? {
        return Ok(found.id);
    }
    let id: i64 = transaction.query_row(
        "INSERT INTO collection (project, name) VALUES (?1, ?2) RETURNING id",
        params![key.project.as_bytes(), key.name.as_str()],
        |row| row.get(0),
    )?;
    transaction.execute_batch(&format!(
        "CREATE VIRTUAL TABLE passage_{id} USING fts5(heading, text, content = '',
         contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2')"
    ))?;
    Ok(id)
}

fn documents_of(
    transaction: &Transaction<'_>,
    collection: i64,
) -> Result<HashMap<String, Kept>, IndexError> {
    let mut query = transaction
        .prepare("SELECT name, id, digest, chunks FROM document WHERE collection = ?1")?;
    let rows = query.query_map([collection], |row| {
        let chunks = usize::try_from(row.get::<_, i64>(3)?).unwrap_or(0);
        Ok((row.get(0)?, Kept { id: row.get(1)?, digest: row.get(2)?, chunks }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn remove_document(
    transaction: &Transaction<'_>,
    collection: i64,
    document: i64,
) -> Result<(), IndexError> {
    transaction
        .prepare_cached(&format!(
            "DELETE FROM passage_{collection} WHERE rowid IN (SELECT id FROM chunk WHERE document = ?1)"
        ))?
        .execute([document])?;
    transaction.prepare_cached("DELETE FROM chunk WHERE document = ?1")?.execute([document])?;
    transaction.prepare_cached("DELETE FROM document WHERE id = ?1")?.execute([document])?;
    Ok(())
}

fn add_document(
    transaction: &Transaction<'_>,
    collection: i64,
    source: &Source,
    digest: &Digest,
) -> Result<usize, IndexError> {
    let chunks = chunk(source)?;
    // Before anything of it is written: one table can have more rows than all is allowed.
    if chunks.len() > CHUNKS_MAX {
        return Err(IndexError::TooManyChunks { document: source.document.clone() });
    }
    let document: i64 = transaction
        .prepare_cached(
            "INSERT INTO document (collection, name, digest, chunks) VALUES (?1, ?2, ?3, ?4) RETURNING id",
        )?
        .query_row(
            params![collection, source.document, digest.as_bytes(), chunks.len() as i64],
            |row| row.get(0),
        )?;
    let mut add_chunk = transaction.prepare_cached(
        "INSERT INTO chunk (document, number, words, heading, text, metadata)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
    )?;
    let mut add_words = transaction.prepare_cached(&format!(
        "INSERT INTO passage_{collection} (rowid, heading, text) VALUES (?1, ?2, ?3)"
    ))?;
    for (number, chunk) in (0_i64..).zip(&chunks) {
        let (id, metadata) = (chunk.id(), chunk.metadata.to_string());
        let values = params![document, number, id.as_bytes(), chunk.heading, chunk.text, metadata];
        let row: i64 = add_chunk.query_row(values, |row| row.get(0))?;
        add_words.execute(params![row, chunk.heading, chunk.text])?;
    }
    Ok(chunks.len())
}

/// Removes vectors of words that no passage has any more, and merges the word index.
fn tidy(transaction: &Transaction<'_>, collection: i64) -> Result<(), IndexError> {
    transaction.execute(
        "DELETE FROM vector WHERE collection = ?1 AND words NOT IN (
             SELECT chunk.words FROM document JOIN chunk ON chunk.document = document.id
             WHERE document.collection = ?1)",
        [collection],
    )?;
    transaction.execute_batch(&format!(
        "INSERT INTO passage_{collection} (passage_{collection}) VALUES ('optimize')"
    ))?;
    Ok(())
}
