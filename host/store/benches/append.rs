//! What a durable append costs, beside what the disk takes for the same bytes in the same folder.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use bailiwick_core::fact::{Entry, Fact, Level, LogEntry};
use bailiwick_core::ports::{Journal, Term, Ticket};
use bailiwick_core::{AttemptId, CellId, CellKey, Name, RunId, Timestamp};
use bailiwick_store::{Store, StoreOptions};
use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// As many appends as there are workers on a large host.
const PARALLEL: usize = 64;

/// What a one-page commit writes into the log: a frame header and a page.
const FRAME_BYTES: usize = 24 + 4_096;

fn main() {
    divan::main();
}

struct Bench {
    store: Store,
    run: RunId,
    term: Term,
    _folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = folder();
        let options = StoreOptions { command: "bench".into(), now: Timestamp(0) };
        let store = Store::open(folder.path(), options).unwrap();
        let run = RunId::new("bench").unwrap();
        let term = wait(store.create(&run)).unwrap();
        Self { store, run, term, _folder: folder }
    }

    fn append(&self) -> Ticket {
        self.store.append(&self.run, self.term, entry()).unwrap()
    }
}

/// On the disk that the build folder is on: `/tmp` is often memory.
fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A transition of usual size: two log lines of a hundred bytes.
fn entry() -> Entry {
    let cell = CellId { step: Name::new("draft").unwrap(), key: CellKey::from_text("locale=de") };
    let attempt = AttemptId::new(cell, 0, 1);
    let line =
        LogEntry { level: Level::Info, message: "x".repeat(100), fraction: None, aside: false };
    let fact = Fact::Logged { attempt, entry: line };
    Entry { at: Timestamp(1), facts: vec![fact.clone(), fact] }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// The floor: overwrite one frame's worth of a file that has its size, and flush.
#[divan::bench]
fn raw_overwrite_and_fdatasync(bencher: Bencher<'_, '_>) {
    let folder = folder();
    let mut file = File::create(folder.path().join("probe")).unwrap();
    file.write_all(&vec![0; 4 << 20]).unwrap();
    file.sync_all().unwrap();
    let bytes = [7; FRAME_BYTES];
    let mut at = 0;
    bencher.bench_local(|| {
        file.write_all_at(&bytes, at).unwrap();
        file.sync_data().unwrap();
        at = (at + FRAME_BYTES as u64) % ((4 << 20) - FRAME_BYTES as u64);
    });
}

/// What it would be if the log grew with each commit.
#[divan::bench]
fn raw_append_and_fdatasync(bencher: Bencher<'_, '_>) {
    let folder = folder();
    let path = folder.path().join("probe");
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    let bytes = [7; FRAME_BYTES];
    bencher.bench_local(|| {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    });
}

/// One owner that waits for each append.
#[divan::bench]
fn append_then_durable(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    bencher.bench_local(|| wait(bench.append().durable()).unwrap());
}

/// 64 owners that append at once and wait: one commit or two.
#[divan::bench]
fn parallel_appends_then_durable(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    bencher.counter(ItemsCount::new(PARALLEL)).bench_local(|| {
        let tickets: Vec<Ticket> = (0..PARALLEL).map(|_| bench.append()).collect();
        for ticket in tickets {
            wait(ticket.durable()).unwrap();
        }
    });
}
