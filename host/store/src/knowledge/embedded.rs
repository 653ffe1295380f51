//! The vectors of a collection's passages: which are missing, and how they are kept. Knows no model.

use rusqlite::{Connection, params};

use super::chunk::ChunkId;
use super::index::{Key, find};
use super::vectors::Unit;
use super::{IndexError, VECTORS_MAX};

/// The passages that have no vector of this model yet, with the words to embed.
pub(crate) fn without_vectors(
    db: &mut Connection,
    key: &Key,
    model: &str,
) -> Result<Vec<(ChunkId, String)>, IndexError> {
    let snapshot = db.transaction()?;
    let collection = find(&snapshot, key)?.ok_or(IndexError::NoSuchCollection)?;
    // Vectors of another model are as good as none.
    let same_model = collection.model.as_deref() == Some(model);
    let mut query = snapshot.prepare_cached(
        "SELECT chunk.words, chunk.heading, chunk.text,
                EXISTS (SELECT 1 FROM vector WHERE vector.collection = ?1 AND vector.words = chunk.words)
         FROM document JOIN chunk ON chunk.document = document.id
         WHERE document.collection = ?1 GROUP BY chunk.words",
    )?;
    let mut rows = query.query([collection.id])?;
    let (mut all, mut missing) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        all += 1;
        if all > VECTORS_MAX {
            let reason = format!("a collection with vectors has at most {VECTORS_MAX} passages");
            return Err(IndexError::Vector(reason));
        }
        if same_model && row.get(3)? {
            continue;
        }
        let (heading, text): (String, String) = (row.get(1)?, row.get(2)?);
        let words = if heading.is_empty() { text } else { format!("{heading}\n\n{text}") };
        missing.push((ChunkId::from_bytes(row.get(0)?), words));
    }
    Ok(missing)
}

/// Keeps vectors. All of a collection are of one model and have the same dimensions.
pub(crate) fn keep_vectors(
    db: &mut Connection,
    key: &Key,
    model: &str,
    vectors: &[(ChunkId, Vec<f32>)],
) -> Result<(), IndexError> {
    let transaction = db.transaction()?;
    let collection = find(&transaction, key)?.ok_or(IndexError::NoSuchCollection)?;
    let mut dimensions = collection.dimensions;
    if collection.model.as_deref() != Some(model) {
        transaction.execute("DELETE FROM vector WHERE collection = ?1", [collection.id])?;
        dimensions = None;
    }
    for (words, numbers) in vectors {
        let unit = Unit::of(numbers)?;
        let (found, wanted) = (unit.dimensions(), *dimensions.get_or_insert(unit.dimensions()));
        if found != wanted {
            let reason = format!("{model} gave vectors of {wanted} and of {found} numbers");
            return Err(IndexError::Vector(reason));
        }
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO vector (collection, words, numbers) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![collection.id, words.as_bytes(), unit.to_bytes()])?;
    }
    let kept: i64 = transaction.query_row(
        "SELECT count(*) FROM vector WHERE collection = ?1",
        [collection.id],
        |row| row.get(0),
    )?;
    if kept > VECTORS_MAX as i64 {
        let reason = format!("a collection keeps at most {VECTORS_MAX} vectors");
        return Err(IndexError::Vector(reason));
    }
    transaction.execute(
        "UPDATE collection SET model = ?2, dimensions = ?3 WHERE id = ?1",
        params![collection.id, model, dimensions.map(|count| count as i64)],
    )?;
    transaction.commit()?;
    Ok(())
}
