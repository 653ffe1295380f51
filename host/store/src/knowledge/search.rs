//! The best passages of a collection, by words and, where there are vectors, by nearness. Changes nothing.

use bailiwick_gate::knowledge::{PASSAGES_MAX, Passage};
use rusqlite::{Connection, Row, params};

use super::IndexError;
use super::index::{Collection, Key, find};
use super::ranking::fuse;
use super::vectors::Unit;

/// How many of the best of each ranking are fused: the most that an answer may have.
const CANDIDATES: u32 = PASSAGES_MAX;

/// Where a passage stands. The order breaks ties; `chunk` only says which row it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    document: String,
    number: i64,
    chunk: i64,
}

impl Spot {
    fn read(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self { document: row.get(0)?, number: row.get(1)?, chunk: row.get(2)? })
    }
}

/// At most `limit` passages, best first; equal scores in document order. With both
/// words and vectors the rankings are fused by place, because their scores cannot be
/// compared.
pub(crate) fn search(
    db: &mut Connection,
    key: &Key,
    words: Option<&str>,
    vector: Option<&[f32]>,
    limit: u32,
) -> Result<Vec<Passage>, IndexError> {
    let limit = limit.min(PASSAGES_MAX);
    let snapshot = db.transaction()?;
    let collection = find(&snapshot, key)?.ok_or(IndexError::NoSuchCollection)?;
    let by_words = match words {
        Some(words) => rank_by_words(&snapshot, &collection, words)?,
        None => Vec::new(),
    };
    let ranked = match (vector, collection.dimensions) {
        (Some(vector), Some(dimensions)) => {
            let by_vector = rank_by_vector(&snapshot, &collection, vector, dimensions)?;
            let by_words = by_words.into_iter().map(|(spot, _)| spot).collect();
            fuse([by_words, by_vector])
        }
        _ => by_words,
    };
    ranked.into_iter().take(limit as usize).map(|found| passage(&snapshot, found)).collect()
}

/// Okapi BM25, headings twice as heavy as text; SQLite gives it negative.
fn rank_by_words(
    db: &Connection,
    collection: &Collection,
    words: &str,
) -> Result<Vec<(Spot, f64)>, IndexError> {
    let id = collection.id;
    let mut query = db.prepare_cached(&format!(
        "SELECT document.name, chunk.number, chunk.id, -bm25(passage_{id}, 2.0, 1.0) AS score
         FROM passage_{id}
         JOIN chunk ON chunk.id = passage_{id}.rowid
         JOIN document ON document.id = chunk.document
         WHERE passage_{id} MATCH ?1
         ORDER BY score DESC, document.name, chunk.number LIMIT ?2"
    ))?;
    let rows =
        query.query_map(params![words, CANDIDATES], |row| Ok((Spot::read(row)?, row.get(3)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The nearest, compared one by one: a collection with vectors is bounded.
fn rank_by_vector(
    db: &Connection,
    collection: &Collection,
    vector: &[f32],
    dimensions: usize,
) -> Result<Vec<Spot>, IndexError> {
    let wanted = Unit::of(vector)?;
    if wanted.dimensions() != dimensions {
        let count = wanted.dimensions();
        let reason = format!("the query has {count} dimensions, the collection {dimensions}");
        return Err(IndexError::Vector(reason));
    }
    let mut query = db.prepare_cached(
        "SELECT document.name, chunk.number, chunk.id, vector.numbers
         FROM document
         JOIN chunk ON chunk.document = document.id
         JOIN vector ON vector.collection = document.collection AND vector.words = chunk.words
         WHERE document.collection = ?1",
    )?;
    let mut rows = query.query([collection.id])?;
    let mut near = Vec::new();
    while let Some(row) = rows.next()? {
        let numbers =
            row.get_ref(3)?.as_blob().map_err(|error| IndexError::Storage(error.to_string()))?;
        if let Some(cosine) = wanted.cosine(numbers) {
            near.push((cosine, Spot::read(row)?));
        }
    }
    near.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.cmp(right)));
    near.truncate(CANDIDATES as usize);
    Ok(near.into_iter().map(|(_, spot)| spot).collect())
}

fn passage(db: &Connection, (spot, score): (Spot, f64)) -> Result<Passage, IndexError> {
    let (text, metadata): (String, String) = db
        .prepare_cached("SELECT text, metadata FROM chunk WHERE id = ?1")?
        .query_row([spot.chunk], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let metadata =
        serde_json::from_str(&metadata).map_err(|error| IndexError::Storage(error.to_string()))?;
    Ok(Passage { document: spot.document, text, score, metadata })
}
