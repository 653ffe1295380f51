//! Which output an attempt had, by its content key, over the runs of a project: a cache. What is lost of it is made again, what is damaged is forgotten.
//!
//! It is a database of its own and no part of the journal's commits. A row is written
//! when the fact that it follows from is on stable storage, so that a cut in between
//! loses a row, which costs one attempt, and never leaves a row without its fact. The
//! output itself lies with the run that made it: retention that takes it there, takes it here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bailiwick_core::{Digest, RunId};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::{OpenError, ReadError};
use crate::pool::Pool;
use crate::schema::settle;
use crate::seal::seal;

/// The form of the table. A change raises it, and everything is forgotten.
const FORMAT: i64 = 1;

/// The most outputs that are remembered; the oldest go first. At 200 bytes each the file
/// stays below what one campaign's pictures take.
const ROWS_MAX: i64 = 1_000_000;

const TABLES: &str = "
    CREATE TABLE made (
        id      INTEGER PRIMARY KEY,
        project TEXT NOT NULL,
        content BLOB NOT NULL,
        run     TEXT NOT NULL,
        append  INTEGER NOT NULL,
        output  BLOB NOT NULL,
        seal    INTEGER NOT NULL,
        UNIQUE (project, content)
    ) STRICT;
";

const FIND: &str = "SELECT run, append, output, seal FROM made WHERE project = ?1 AND content = ?2";

const PUT: &str = "
    INSERT INTO made (project, content, run, append, output, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT DO UPDATE SET run = ?3, append = ?4, output = ?5, seal = ?6 RETURNING id";

const FORGET_OLDEST: &str = "DELETE FROM made WHERE id <= ?1";

/// Where an output lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The run that made it.
    pub run: RunId,
    /// The append of that run that says so.
    pub append: u64,
    /// The output.
    pub output: Digest,
}

/// The outputs of all projects of a data folder.
pub struct Outputs {
    pool: Pool,
    path: PathBuf,
}

impl Outputs {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        if let Err(error) = prepare(path) {
            tracing::warn!(%error, "the cache of outputs is made anew");
            remove(path)?;
            prepare(path)?;
        }
        let pool = Pool::start("store-outputs", 1, || Ok(connect(path)?))?;
        Ok(Self { pool, path: path.to_owned() })
    }

    /// Remembers outputs by their keys, all at once: what an append says, or what a run
    /// that goes on has. Returns at once; what is lost is not there.
    pub fn put(&self, project: &str, outputs: Vec<(Digest, Made)>) {
        if outputs.is_empty() {
            return;
        }
        let (project, path) = (project.to_owned(), self.path.clone());
        drop(self.pool.ask(move |connection| {
            if let Err(error) = put(connection, &project, &outputs) {
                tracing::warn!(%error, "outputs are not remembered");
                forget_damaged(&path, &error);
            }
        }));
    }

    /// The output with this key, where one is known.
    ///
    /// # Errors
    /// [`ReadError`] where storage failed.
    pub async fn find(&self, project: &str, content: Digest) -> Result<Option<Made>, ReadError> {
        let (project, path) = (project.to_owned(), self.path.clone());
        let asked = self.pool.ask(move |connection| {
            let found = find(connection, &project, &content);
            found.inspect_err(|error| forget_damaged(&path, error))
        });
        Ok(asked.await??)
    }
}

fn put(
    connection: &mut Connection,
    project: &str,
    outputs: &[(Digest, Made)],
) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction()?;
    let mut newest = 0;
    for (content, made) in outputs {
        let id: i64 = transaction.prepare_cached(PUT)?.query_row(
            params![
                project,
                content.as_bytes(),
                made.run.as_str(),
                made.append.cast_signed(),
                made.output.as_bytes(),
                seal_of(project, content, made),
            ],
            |row| row.get(0),
        )?;
        newest = newest.max(id);
    }
    transaction.prepare_cached(FORGET_OLDEST)?.execute([newest.saturating_sub(ROWS_MAX)])?;
    transaction.commit()
}

/// A file that cannot be read is away with the next host; this one finds nothing in it.
fn forget_damaged(path: &Path, error: &rusqlite::Error) {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    if matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)) {
        tracing::warn!(%error, "the cache of outputs is damaged and is made anew by the next host");
        if let Err(error) = remove(path) {
            tracing::warn!(%error, "it cannot be removed");
        }
    }
}

fn find(
    connection: &Connection,
    project: &str,
    content: &Digest,
) -> Result<Option<Made>, rusqlite::Error> {
    let row = connection
        .prepare_cached(FIND)?
        .query_row(params![project, content.as_bytes()], |row| {
            let run: String = row.get(0)?;
            Ok((run, row.get::<_, i64>(1)?, row.get::<_, [u8; 32]>(2)?, row.get::<_, i64>(3)?))
        })
        .optional()?;
    let Some((run, append, output, sealed)) = row else { return Ok(None) };
    let Ok(run) = RunId::new(&run) else { return Ok(None) };
    let made = Made { run, append: append.cast_unsigned(), output: Digest::from_bytes(output) };
    // What is not what was written is not there.
    Ok((seal_of(project, content, &made) == sealed).then_some(made))
}

fn seal_of(project: &str, content: &Digest, made: &Made) -> i64 {
    seal(&[
        project.as_bytes(),
        content.as_bytes(),
        made.run.as_str().as_bytes(),
        &made.append.to_le_bytes(),
        made.output.as_bytes(),
    ])
}

fn prepare(path: &Path) -> Result<(), rusqlite::Error> {
    let mut connection = connect(path)?;
    let transaction = connection.transaction()?;
    match transaction.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", FORMAT)?;
            transaction.commit()
        }
        FORMAT => Ok(()),
        _ => Err(rusqlite::Error::InvalidQuery),
    }
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    settle(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // A power cut may lose the newest rows, never break the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

fn remove(path: &Path) -> Result<(), OpenError> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let path = PathBuf::from(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(OpenError::Folder { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(run: &str) -> Made {
        Made { run: RunId::new(run).unwrap(), append: 7, output: Digest::of(run.as_bytes()) }
    }

    #[tokio::test]
    async fn an_output_is_found_in_its_project_and_the_newest_wins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outputs.db");
        let outputs = Outputs::open(&path).unwrap();
        let key = Digest::of(b"key");
        outputs.put("/a", vec![(key, made("one"))]);
        outputs.put("/a", vec![(key, made("two"))]);
        assert_eq!(outputs.find("/a", key).await.unwrap(), Some(made("two")));
        assert_eq!(outputs.find("/b", key).await.unwrap(), None);
        assert_eq!(outputs.find("/a", Digest::of(b"other")).await.unwrap(), None);
        drop(outputs);
        assert_eq!(Outputs::open(&path).unwrap().find("/a", key).await.unwrap(), Some(made("two")));
    }

    #[tokio::test]
    async fn what_is_damaged_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outputs.db");
        let key = Digest::of(b"key");
        let outputs = Outputs::open(&path).unwrap();
        outputs.put("/a", vec![(key, made("one"))]);
        drop(outputs);
        Connection::open(&path).unwrap().execute("UPDATE made SET append = 8", []).unwrap();
        assert_eq!(Outputs::open(&path).unwrap().find("/a", key).await.unwrap(), None);
        fs::write(&path, "no database, and long enough to be looked at".repeat(99)).unwrap();
        assert_eq!(Outputs::open(&path).unwrap().find("/a", key).await.unwrap(), None);
    }

    /// More than may stand in line: one after the other, some would be lost, and who looks
    /// for one meanwhile would be turned away.
    #[tokio::test]
    async fn what_a_large_run_has_is_remembered_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs::open(&folder.path().join("outputs.db")).unwrap();
        let key = |number: u32| Digest::of(&number.to_le_bytes());
        outputs.put("/a", (0..10_000).map(|number| (key(number), made("one"))).collect());
        for number in [0, 4_999, 9_999] {
            assert_eq!(outputs.find("/a", key(number)).await.unwrap(), Some(made("one")));
        }
    }

    #[tokio::test]
    async fn a_file_with_torn_pages_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outputs.db");
        let key = |number: u32| Digest::of(&number.to_le_bytes());
        let outputs = Outputs::open(&path).unwrap();
        outputs.put("/a", (0..1_000).map(|number| (key(number), made("one"))).collect());
        drop(outputs);
        // All but the first page, which says that it is a database of ours.
        let mut bytes = fs::read(&path).unwrap();
        bytes[4_096..].fill(0xA5);
        fs::write(&path, bytes).unwrap();
        let outputs = Outputs::open(&path).unwrap();
        assert!(outputs.find("/a", key(7)).await.is_err());
        drop(outputs);
        let outputs = Outputs::open(&path).unwrap();
        assert_eq!(outputs.find("/a", key(7)).await.unwrap(), None);
        outputs.put("/a", vec![(key(7), made("two"))]);
        assert_eq!(outputs.find("/a", key(7)).await.unwrap(), Some(made("two")));
    }

    #[test]
    fn the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outputs.db");
        prepare(&path).unwrap();
        let mut connection = connect(&path).unwrap();
        let [old, new] = [Digest::of(b"old"), Digest::of(b"new")];
        put(&mut connection, "/a", &[(old, made("one"))]).unwrap();
        let last = format!("UPDATE made SET id = {ROWS_MAX}");
        connection.execute(&last, []).unwrap();
        put(&mut connection, "/a", &[(new, made("two"))]).unwrap();
        assert_eq!(find(&connection, "/a", &old).unwrap(), Some(made("one")));
        connection.execute("UPDATE made SET id = 1 WHERE run = 'one'", []).unwrap();
        put(&mut connection, "/a", &[(Digest::of(b"newer"), made("two"))]).unwrap();
        assert_eq!(find(&connection, "/a", &old).unwrap(), None);
        assert_eq!(find(&connection, "/a", &new).unwrap(), Some(made("two")));
    }
}
