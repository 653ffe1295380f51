//! A short run of appends and what was acknowledged of it. Knows no fault.

use std::collections::BTreeMap;
use std::path::Path;

use bailiwick_core::fact::{AskId, Entry, Fact};
use bailiwick_core::ports::{Blobs as _, Journal as _, JournalError, Term};
use bailiwick_core::{
    AttemptId, Calls, CellId, CellKey, Cost, Digest, Document, Money, Name, RunId, Timestamp,
    Tokens,
};
use bailiwick_store::{AuditScope, Store, StoreOptions};
use serde_json::json;

/// How many entries each of the two runs gets.
const ENTRIES: u64 = 5;

/// What a run was told and asked.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Whether the folder could be opened at all.
    pub(crate) opened: bool,
    runs: BTreeMap<RunId, Line>,
    blobs: Vec<Digest>,
    blobs_asked: usize,
}

/// The journal of one run as its owner knows it.
#[derive(Debug, Default)]
struct Line {
    /// Acknowledged, or read back after a claim.
    durable: Vec<u64>,
    /// Appended since, with unknown outcome.
    unknown: Vec<u64>,
}

impl Told {
    /// Whether everything was acknowledged.
    pub(crate) fn is_whole(&self) -> bool {
        self.blobs.len() == self.blobs_asked
            && self.runs.len() == 2
            && self.runs.values().all(|line| line.durable.len() as u64 == ENTRIES)
    }
}

fn options() -> StoreOptions {
    StoreOptions { command: "faults".into(), now: Timestamp(1) }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// An entry that has something for every table, told from others by its time.
fn entry(run: &RunId, number: u64) -> Entry {
    let cell = CellId { step: Name::new("draft").unwrap(), key: CellKey::single() };
    let attempt = AttemptId::new(cell.clone(), 0, 1);
    let cost = Cost { tokens: Tokens(number), calls: Calls(1), money: Money(7) };
    let size = if number == 3 { 20_000 } else { 100 };
    let show = Document::of(&json!({ "number": number, "pad": "x".repeat(size) }));
    let ask = AskId::of(run, &Name::new("editor").unwrap(), &cell, number as u32);
    let asked = Fact::Asked {
        ask,
        cell,
        round: number as u32,
        subject: show.digest(),
        show,
        groups: Vec::new(),
        quorum: 1,
        until: None,
    };
    let lost = Fact::CallLost { attempt, index: 0, cost };
    Entry { at: Timestamp(number), facts: vec![lost, asked] }
}

/// Opens a new folder, makes two runs, appends to both by turns and puts blobs between.
/// After a failure it does what an owner does: claims, reads, goes on. Gives up when
/// that fails, too.
pub(crate) fn run_on(folder: &Path) -> Told {
    let mut told = Told::default();
    // Who cannot even open has lost nothing.
    let Ok(store) = Store::open(folder, options()) else { return told };
    told.opened = true;
    let mut owned = Vec::new();
    for name in ["a", "b"] {
        let run = RunId::new(name).unwrap();
        let Some(term) = own(&store, &run) else { return told };
        told.runs.insert(run.clone(), Line::default());
        owned.push((run, term));
    }
    for number in 1..=ENTRIES {
        for (run, term) in &mut owned {
            let line = told.runs.get_mut(run).unwrap();
            if !append(&store, run, term, line, number) {
                return told;
            }
        }
        told.blobs_asked += 1;
        if let Ok(digest) = wait(store.put(vec![number as u8; 6_000])) {
            told.blobs.push(digest);
        }
    }
    told
}

fn own(store: &Store, run: &RunId) -> Option<Term> {
    wait(store.create(run))
        .or_else(|_| wait(store.claim(run)))
        .or_else(|_| wait(store.create(run)))
        .ok()
}

/// Appends until the entry is acknowledged or found to be there.
fn append(store: &Store, run: &RunId, term: &mut Term, line: &mut Line, number: u64) -> bool {
    loop {
        let Ok(ticket) = store.append(run, *term, entry(run, number)) else { return false };
        match wait(ticket.durable()) {
            Ok(durable) => {
                line.durable.push(number);
                assert_eq!(durable.position(), line.durable.len() as u64);
                return true;
            }
            Err(JournalError::Storage(_)) => line.unknown.push(number),
            Err(other) => panic!("{other}"),
        }
        let Ok(claimed) = wait(store.claim(run)) else { return false };
        *term = claimed;
        let Ok(read) = wait(store.read(run)) else { return false };
        line.take(&read).unwrap();
        if line.durable.last() == Some(&number) {
            return true;
        }
    }
}

impl Line {
    /// Compares what is there with what was told, and takes it as told from now on.
    fn take(&mut self, read: &[Entry]) -> Result<(), String> {
        let numbers: Vec<u64> = read.iter().map(|entry| entry.at.0).collect();
        let possible: Vec<u64> = self.durable.iter().chain(&self.unknown).copied().collect();
        if numbers.len() < self.durable.len() || !possible.starts_with(&numbers) {
            return Err(format!("{numbers:?} is there, told was {self:?}"));
        }
        (self.durable, self.unknown) = (numbers, Vec::new());
        Ok(())
    }
}

/// Opens the folder again and compares everything.
pub(crate) fn verify(folder: &Path, told: &Told) -> Result<(), String> {
    let store = Store::open(folder, options()).map_err(|error| error.to_string())?;
    for (run, line) in &told.runs {
        let read = match wait(store.read(run)) {
            Err(JournalError::NoSuchRun(_)) if line.durable.is_empty() => continue,
            read => read.map_err(|error| error.to_string())?,
        };
        let mut now = Line { durable: line.durable.clone(), unknown: line.unknown.clone() };
        now.take(&read)?;
        let want: Vec<Entry> = now.durable.iter().map(|number| entry(run, *number)).collect();
        if read != want {
            return Err(format!("{run}: {read:?}"));
        }
        let texts = |entries: &[Entry]| -> Vec<_> {
            let facts = entries.iter().flat_map(|entry| &entry.facts);
            facts.flat_map(Fact::documents).map(|document| document.text().cloned()).collect()
        };
        if texts(&read) != texts(&want) {
            return Err(format!("{run}: other texts"));
        }
        let term = wait(store.claim(run)).map_err(|error| error.to_string())?;
        let next = wait(store.append(run, term, entry(run, 99)).unwrap().durable());
        next.map_err(|error| format!("{run} does not go on: {error}"))?;
    }
    for digest in &told.blobs {
        wait(store.get(*digest)).map_err(|error| error.to_string())?;
    }
    let audit = wait(store.archive().audit(AuditScope::All)).map_err(|error| error.to_string())?;
    match audit.damages.is_empty() {
        true => Ok(()),
        false => Err(format!("{:?}", audit.damages)),
    }
}
