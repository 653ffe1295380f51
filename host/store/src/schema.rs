//! The form of the database and how connections to it are opened. Knows no query but those that make tables.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use crate::error::OpenError;
use crate::migration::{self, FORMAT};

/// `Blwk`: tells our database from other SQLite files in the same place.
const APPLICATION: i64 = 0x426c_776b;

/// How long a statement waits for a lock. There is one writer, so only a stranger
/// with a database tool, or a restart of the log, can make one wait.
const BUSY_MILLIS: u64 = 1_000;

/// How much of the database a connection keeps in memory, in KiB: the tails of the
/// tables stay hot, and there are four connections.
const CACHE_KIB: i64 = 4 * 1024;

/// Statements are prepared once for each connection; there are fewer than this.
const STATEMENTS: usize = 64;

/// Opens the database for the one writer, makes it where it is missing, brings an older
/// form up to today's and begins a new session. Returns the number of the session.
pub(crate) fn open_and_prepare(path: &Path) -> Result<(Connection, i64), OpenError> {
    let mut connection = open_to_write(path)?;
    let transaction = connection.transaction()?;
    let application: i64 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == 0 && tables == 0 {
        transaction.execute_batch(migration::FIRST)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
    }
    let found = format_of(&transaction, path)?;
    if found < FORMAT {
        migration::migrate(&transaction, found)?;
    }
    let session = transaction.query_row(
        "UPDATE meta SET value = value + 1 WHERE key = 'session' RETURNING value",
        [],
        |row| row.get(0),
    )?;
    transaction.commit()?;
    Ok((connection, session))
}

/// Opens the database for the one writer, or for who moves its log into the database.
pub(crate) fn open_to_write(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What retention erases must not stay readable in pages that nobody uses yet.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    Ok(connection)
}

/// Opens the database for reading, beside whoever writes it.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settle(&connection)?;
    match format_of(&connection, path)? {
        FORMAT => Ok(connection),
        found => Err(OpenError::Older { found, known: FORMAT }),
    }
}

/// What holds for every connection: wait a little, trust nothing in the file's schema.
pub(crate) fn settle(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_millis(BUSY_MILLIS))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A locked host has no folder for temporary files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// The format of the database, at most [`FORMAT`].
fn format_of(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application != APPLICATION {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let format: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE key = 'format'", [], |row| row.get(0))
        .optional()?;
    match format {
        Some(found) if found > FORMAT => Err(OpenError::Newer { found, known: FORMAT }),
        Some(found) if found >= 1 => Ok(found),
        _ => Err(OpenError::Damaged("its format is not written down".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_is_built_to_sync_data_only() {
        let flags = option_env!("LIBSQLITE3_FLAGS").unwrap_or_default();
        assert!(flags.contains("HAVE_FDATASYNC"), "see .cargo/config.toml");
    }

    #[test]
    fn a_newer_format_is_refused_with_a_sentence() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("store.db");
        let (connection, session) = open_and_prepare(&path).unwrap();
        assert_eq!(session, 1);
        connection.execute("UPDATE meta SET value = 99 WHERE key = 'format'", []).unwrap();
        for error in [open_and_prepare(&path).unwrap_err(), open_to_read(&path).unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("newer version (format 99; this one knows up to 7)"), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_ours_and_leaves_it_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("store.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
        assert!(matches!(open_and_prepare(&path), Err(OpenError::Foreign(_))));
        let count: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 1);
        std::fs::write(&path, "no database at all, and long enough to be looked at".repeat(99))
            .unwrap();
        assert!(matches!(open_and_prepare(&path), Err(OpenError::Damaged(_))));
    }

    #[test]
    fn the_log_is_synced_with_every_commit_and_moved_by_nobody_else() {
        let temp = tempfile::tempdir().unwrap();
        let (connection, _) = open_and_prepare(&temp.path().join("store.db")).unwrap();
        let pragma = |name: &str| {
            connection
                .query_row(&format!("PRAGMA {name}"), [], |row| {
                    row.get::<_, rusqlite::types::Value>(0)
                })
                .unwrap()
        };
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        assert_eq!(pragma("synchronous"), 2.into());
        assert_eq!(pragma("wal_autocheckpoint"), 0.into());
    }
}
