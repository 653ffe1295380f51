//! The write-ahead log: its size, and the thread that moves it into the database off the commit path.

use std::fs::OpenOptions;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use bailiwick_core::Bytes;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

use crate::error::OpenError;
use crate::schema::open_to_write;

/// The size that the log is given when it is made. Overwriting costs a commit one
/// flush of the disk; growing a file costs the file system's own commit on top.
const RECYCLED: Bytes = Bytes::mib(4);

/// The length at which a checkpoint is asked for: half of the file, so that it has
/// started over before it grows.
const CHECKPOINT_PAGES: u32 = 512;

/// The length at which the writer itself waits for the log to start over, 256 MiB:
/// readers that never let go must not fill the disk.
const RESTART_PAGES: u32 = 64 * 1024;

/// Gives the log its size, once it exists. SQLite stops reading it at the first
/// frame that is none, and overwrites what lies behind.
pub(crate) fn give_size(database: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(log_of(database))?;
    let length = file.metadata()?.len();
    let missing = usize::try_from(RECYCLED.0.saturating_sub(length)).unwrap_or(0);
    file.seek(SeekFrom::Start(length))?;
    file.write_all(&vec![0; missing])?;
    file.sync_all()
}

fn log_of(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

/// How long the log is, and who is told when it is long.
#[derive(Clone)]
pub(crate) struct LogLength {
    pages: Arc<AtomicU32>,
    wake: SyncSender<()>,
    restart_at: u32,
}

impl LogLength {
    /// Watches the commits of the writer's connection.
    pub(crate) fn watch(&self, connection: &mut Connection) -> Result<(), rusqlite::Error> {
        let length = self.clone();
        connection.wal_hook(Some(move |_: &mut _, pages| {
            let pages = u32::try_from(pages).unwrap_or(0);
            length.pages.store(pages, Ordering::Relaxed);
            if pages >= CHECKPOINT_PAGES {
                // A full channel means that it was asked already.
                let _ = length.wake.try_send(());
            }
            Ok(())
        }))
    }

    /// Waits for the log to start over where it is far too long. A reader that holds it
    /// for longer costs one wait for each further quarter, and never an append.
    pub(crate) fn bound(&mut self, connection: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.restart_at {
            return;
        }
        self.restart_at = match connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART)
        {
            Ok(_) => {
                self.pages.store(0, Ordering::Relaxed);
                RESTART_PAGES
            }
            Err(error) => {
                tracing::warn!(%error, pages, "a reader keeps the write-ahead log from starting over");
                pages.saturating_add(RESTART_PAGES / 4)
            }
        };
    }
}

/// Starts the thread that does what [`LogLength`] asks for. It ends when the last
/// `LogLength` is gone.
pub(crate) fn start_checkpointer(
    database: &Path,
) -> Result<(LogLength, JoinHandle<()>), OpenError> {
    let connection = open_to_write(database)?;
    let (wake, asked) = sync_channel(1);
    let thread = Builder::new()
        .name("store-checkpoint".into())
        .spawn(move || {
            while asked.recv().is_ok() {
                // What it cannot move now it moves the next time.
                if let Err(error) =
                    connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)
                {
                    tracing::warn!(%error, "the write-ahead log was not moved into the database");
                }
            }
        })
        .map_err(|source| OpenError::Folder { path: database.to_owned(), source })?;
    Ok((LogLength { pages: Arc::default(), wake, restart_at: RESTART_PAGES }, thread))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::open_and_prepare;

    #[test]
    fn a_log_with_a_size_is_recycled_and_read_after_a_crash() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("store.db");
        let (mut connection, _) = open_and_prepare(&path).unwrap();
        give_size(&path).unwrap();
        let (length, _checkpointer) = start_checkpointer(&path).unwrap();
        length.watch(&mut connection).unwrap();
        let size = || std::fs::metadata(log_of(&path)).unwrap().len();
        assert_eq!(size(), RECYCLED.0);
        for value in 0..3_000 {
            connection
                .execute("UPDATE meta SET value = ?1 WHERE key = 'session'", [value])
                .unwrap();
            if length.pages.load(Ordering::Relaxed) > CHECKPOINT_PAGES + 200 {
                // The checkpointer is slow today. While it works the database is busy.
                while connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE).is_err() {
                    std::thread::yield_now();
                }
            }
        }
        assert_eq!(size(), RECYCLED.0);
        // As after a crash: the same files, opened by somebody who knows nothing.
        let copy = temp.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        std::fs::copy(log_of(&path), log_of(&copy)).unwrap();
        let value: i64 = Connection::open(&copy)
            .unwrap()
            .query_row("SELECT value FROM meta WHERE key = 'session'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(value, 2_999);
    }

    #[test]
    fn a_reader_that_holds_the_log_fails_no_commit() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("store.db");
        let (mut connection, _) = open_and_prepare(&path).unwrap();
        let (wake, _asked) = sync_channel(1);
        let mut length = LogLength { pages: Arc::default(), wake, restart_at: 3 };
        length.watch(&mut connection).unwrap();
        let write = |value: i64| {
            connection
                .execute("UPDATE meta SET value = ?1 WHERE key = 'session'", [value])
                .unwrap();
        };
        let pages = |length: &LogLength| length.pages.load(Ordering::Relaxed);
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
        reader.query_row("SELECT value FROM meta LIMIT 1", [], |_| Ok(())).unwrap();
        (0..5).for_each(write);
        let before = pages(&length);
        length.bound(&connection);
        assert_eq!(length.restart_at, before + RESTART_PAGES / 4);
        write(6);
        assert_eq!(pages(&length), before + 1);
        reader.execute_batch("COMMIT").unwrap();
        length.restart_at = 3;
        length.bound(&connection);
        write(7);
        assert_eq!((pages(&length), length.restart_at), (1, RESTART_PAGES));
    }
}
