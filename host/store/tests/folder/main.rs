//! The data folder from outside: what two processes, a crash and a broken disk leave of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod audit;
mod contract;
mod copy;
mod damage;
mod derived;
mod failure;
mod kill;
mod knowledge;
mod kv;
mod listing;
mod migration;
mod revoked;
mod rules;
mod slots;
mod sweep;

use std::ops::Deref;
use std::path::Path;

use bailiwick_core::fact::{Entry, Fact, Level, LogEntry};
use bailiwick_core::{AttemptId, CellId, CellKey, Name, RunId, Timestamp};
use bailiwick_store::{Store, StoreOptions};
use tempfile::TempDir;

/// A store in a folder of its own.
struct Scratch {
    store: Store,
    folder: TempDir,
}

impl Scratch {
    fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { store: open(folder.path()), folder }
    }

    /// Closes the store and keeps the folder.
    fn close(self) -> TempDir {
        drop(self.store);
        self.folder
    }
}

impl Deref for Scratch {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

fn open(folder: &Path) -> Store {
    Store::open(folder, options()).unwrap()
}

fn options() -> StoreOptions {
    StoreOptions { command: "bailiwick test".into(), now: Timestamp(1_700_000_000_000) }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn run(name: &str) -> RunId {
    RunId::new(name).unwrap()
}

fn cell(step: &str) -> CellId {
    CellId { step: Name::new(step).unwrap(), key: CellKey::single() }
}

fn attempt(step: &str) -> AttemptId {
    AttemptId::new(cell(step), 0, 1)
}

/// An entry that says something.
fn saying(words: &str) -> Entry {
    let entry =
        LogEntry { level: Level::Info, message: words.into(), fraction: None, aside: false };
    Entry { at: Timestamp(1), facts: vec![Fact::Logged { attempt: attempt("draft"), entry }] }
}
