//! Why a data folder does not open, and how the database's errors become the ports' ones. Knows no query.

use std::path::PathBuf;

use bailiwick_core::RunId;
use bailiwick_core::ports::{BlobError, JournalError};

use crate::folder::Holder;
use crate::queue::Refused;

/// Why a data folder does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process writes in it.
    #[error("the data folder {} is held by {}", folder.display(), describe(holder.as_ref()))]
    Held {
        /// The folder.
        folder: PathBuf,
        /// Who, where that could be read.
        holder: Option<Holder>,
    },
    /// There is nothing to read.
    #[error("there is no data folder {}", .0.display())]
    Missing(PathBuf),
    /// A newer version of the program wrote it.
    #[error(
        "the data folder was written by a newer version (format {found}; this one knows up to {known})"
    )]
    Newer {
        /// The format of the folder.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// An older version wrote it, and it could not be brought up to date now.
    #[error(
        "the data folder was written by an older version (format {found}; this one writes {known}), \
         and is brought up to date only by who may write in it while nobody else does"
    )]
    Older {
        /// The format of the folder.
        found: i64,
        /// The one that this program writes.
        known: i64,
    },
    /// It was imported, and is there to be read.
    #[error("{} holds an imported run, which is there to be read: nothing runs in it", .0.display())]
    Imported(PathBuf),
    /// The database in it is somebody else's.
    #[error("{} is a database of another program", .0.display())]
    Foreign(PathBuf),
    /// What is there is not what was written.
    #[error("the data folder is damaged: {0}")]
    Damaged(String),
    /// A folder or file cannot be made, opened or written.
    #[error("{}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database does not open.
    #[error("the database does not open: {0}")]
    Database(String),
}

fn describe(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!("process {} ({})", holder.pid, holder.command),
        None => "another process".into(),
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match says_damaged(&error) {
            true => Self::Damaged(error.to_string()),
            false => Self::Database(error.to_string()),
        }
    }
}

/// Whether SQLite itself found the file out of order.
pub(crate) fn says_damaged(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}

/// Why a look into the database gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no such run.
    #[error("there is no run {0} in this data folder")]
    NoSuchRun(RunId),
    /// What was read is not what was written.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
    /// Storage failed.
    #[error("storage failed: {0}")]
    Storage(String),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        match says_damaged(&error) {
            true => Self::Damaged(error.to_string()),
            false => Self::Storage(error.to_string()),
        }
    }
}

impl From<Refused> for ReadError {
    fn from(refused: Refused) -> Self {
        Self::Storage(refused.to_string())
    }
}

impl From<ReadError> for JournalError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoSuchRun(run) => Self::NoSuchRun(run),
            ReadError::Damaged(what) => Self::Damaged(what),
            ReadError::Storage(what) => Self::Storage(what),
        }
    }
}

impl From<Refused> for JournalError {
    fn from(refused: Refused) -> Self {
        Self::Storage(refused.to_string())
    }
}

impl From<Refused> for BlobError {
    fn from(refused: Refused) -> Self {
        Self::Storage(refused.to_string())
    }
}
