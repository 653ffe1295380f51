//! The database of all collections and the collections of one project in it. Knows no statement.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_core::ports::BoxFuture;
use bailiwick_core::{Digest, Name};
use bailiwick_gate::knowledge::{KnowledgeError, KnowledgeIndex, Passage, SearchRequest};
use rusqlite::Connection;

use super::chunk::{ChunkId, Source};
use super::index::{self, Key};
use super::{IndexError, embedded, query, search};
use crate::OpenError;
use crate::pool::Pool;
use crate::schema::settle;

/// How many searches run at once. Each is milliseconds of one core.
const SEARCHERS: usize = 2;

/// The database of all collections: one thread writes, a few search.
pub(crate) struct Library {
    indexer: Pool,
    searchers: Pool,
}

impl Library {
    /// Opens the database. One that is damaged, or of another format, is made anew:
    /// everything in it comes from the operator's folders.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        if let Err(error) = prepare(path) {
            tracing::warn!(%error, "the knowledge index is made anew");
            remove(path)?;
            prepare(path)?;
        }
        let indexer = Pool::start("store-indexer", 1, || Ok(connect(path)?))?;
        let searchers = Pool::start("store-search", SEARCHERS, || {
            let connection = connect(path)?;
            connection.pragma_update(None, "query_only", true)?;
            Ok(connection)
        })?;
        Ok(Self { indexer, searchers })
    }
}

fn prepare(path: &Path) -> Result<(), rusqlite::Error> {
    let mut connection = connect(path)?;
    index::make_tables(&mut connection)
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    settle(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // A power cut may lose the newest index, never break the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

fn remove(path: &Path) -> Result<(), OpenError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        let path = PathBuf::from(file);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpenError::Folder { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

/// What indexing a collection came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// How many documents it has.
    pub documents: usize,
    /// How many passages it has.
    pub chunks: usize,
    /// How many documents were cut and indexed anew.
    pub changed: usize,
}

/// The collections of one project.
#[derive(Clone)]
pub struct Collections {
    library: Arc<Library>,
    project: Digest,
}

impl Collections {
    pub(crate) fn new(library: Arc<Library>, project: Digest) -> Self {
        Self { library, project }
    }

    fn key(&self, collection: &Name) -> Key {
        Key { project: self.project, name: collection.clone() }
    }

    /// Whether the collection was indexed from exactly this content: then its
    /// documents need not be read.
    ///
    /// # Errors
    /// [`IndexError::Storage`].
    pub async fn is_current(&self, collection: &Name, content: Digest) -> Result<bool, IndexError> {
        let key = self.key(collection);
        self.library.searchers.ask(move |db| index::is_current(db, &key, &content)).await?
    }

    /// Makes these documents the content of a collection. Documents that did not change
    /// stay as they are indexed; others are cut and indexed; what is not among them
    /// goes. All or nothing. `content` is the digest that [`Collections::is_current`] is asked for.
    ///
    /// # Errors
    /// [`IndexError`] where a limit is exceeded, a table is none, or storage failed;
    /// the collection is then what it was.
    pub async fn index<I>(
        &self,
        collection: &Name,
        content: Digest,
        documents: I,
    ) -> Result<Indexed, IndexError>
    where
        I: IntoIterator<Item = Source> + Send + 'static,
    {
        let key = self.key(collection);
        self.library.indexer.ask(move |db| index::replace(db, &key, &content, documents)).await?
    }

    /// Removes the collections of this project that are not among these.
    ///
    /// # Errors
    /// [`IndexError::Storage`].
    pub async fn keep_only(&self, collections: &[Name]) -> Result<(), IndexError> {
        let (project, names) = (self.project, collections.to_vec());
        self.library.indexer.ask(move |db| index::keep_only(db, &project, &names)).await?
    }

    /// The passages that have no vector of this model yet, with the words to embed.
    ///
    /// # Errors
    /// [`IndexError::Vector`] where the collection has more passages than
    /// [`super::VECTORS_MAX`].
    pub async fn without_vectors(
        &self,
        collection: &Name,
        model: &str,
    ) -> Result<Vec<(ChunkId, String)>, IndexError> {
        let (key, model) = (self.key(collection), model.to_owned());
        self.library.searchers.ask(move |db| embedded::without_vectors(db, &key, &model)).await?
    }

    /// Keeps vectors of passages. Vectors of another model go.
    ///
    /// # Errors
    /// [`IndexError::Vector`] where they cannot be compared with each other.
    pub async fn keep_vectors(
        &self,
        collection: &Name,
        model: &str,
        vectors: Vec<(ChunkId, Vec<f32>)>,
    ) -> Result<(), IndexError> {
        let (key, model) = (self.key(collection), model.to_owned());
        self.library
            .indexer
            .ask(move |db| embedded::keep_vectors(db, &key, &model, &vectors))
            .await?
    }
}

impl KnowledgeIndex for Collections {
    fn search<'a>(
        &'a self,
        collection: &'a Name,
        request: &'a SearchRequest,
    ) -> BoxFuture<'a, Result<Vec<Passage>, KnowledgeError>> {
        let key = self.key(collection);
        let words = query::to_match(&request.query);
        let (vector, limit) = (request.vector.clone(), request.limit);
        let answer = self
            .library
            .searchers
            .ask(move |db| search::search(db, &key, words.as_deref(), vector.as_deref(), limit));
        Box::pin(async move {
            let found = answer.await.map_err(IndexError::from).and_then(|found| found);
            found.map_err(|error| match error {
                IndexError::NoSuchCollection => {
                    KnowledgeError::NoSuchCollection(collection.clone())
                }
                other => KnowledgeError::Storage(other.to_string()),
            })
        })
    }
}
