//! Where reused outputs come from: what their attempts did in the run that made them, told as if it had been done here. For lineage; costs and decides nothing.

use std::collections::BTreeMap;

use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::{AttemptId, Digest, RunId};
use bailiwick_store::Archive;

/// The most runs that are followed from one to the next: forks of forks. Behind that,
/// and where a run was deleted, it is only known that something was reused.
const RUNS_MAX: usize = 16;

/// The entries of a run, in which each output that was taken from another run is preceded
/// by what its attempt was given and told there.
pub(crate) async fn with_origins(archive: &Archive, entries: Vec<Entry>) -> Vec<Entry> {
    let reuses = |fact: &Fact| matches!(fact, Fact::CellReused { .. });
    if !entries.iter().flat_map(|entry| &entry.facts).any(reuses) {
        return entries;
    }
    let mut read = Runs { archive, known: BTreeMap::new() };
    let mut told = Vec::with_capacity(entries.len());
    for Entry { at, facts } in entries {
        let mut more = Vec::with_capacity(facts.len());
        for fact in facts {
            if let Fact::CellReused { attempt, content, from, .. } = &fact {
                more.extend(read.origin(attempt, content, from).await);
            }
            more.push(fact);
        }
        told.push(Entry { at, facts: more });
    }
    told
}

/// Runs that were read, each once.
struct Runs<'a> {
    archive: &'a Archive,
    known: BTreeMap<RunId, Vec<Entry>>,
}

impl Runs<'_> {
    async fn origin(&mut self, attempt: &AttemptId, content: &Digest, from: &RunId) -> Vec<Fact> {
        let mut run = from.clone();
        for _ in 0..RUNS_MAX {
            if !self.known.contains_key(&run) {
                // A run that is gone has nothing to tell.
                let entries = self.archive.read(&run).await.unwrap_or_default();
                self.known.insert(run.clone(), entries);
            }
            let entries = self.known.get(&run).map(Vec::as_slice).unwrap_or_default();
            let Some(made) = maker(entries, content) else { return Vec::new() };
            match made {
                Made::There(id) => return told(entries, &id, attempt),
                Made::Elsewhere(other) => run = other,
            }
        }
        Vec::new()
    }
}

enum Made {
    There(AttemptId),
    Elsewhere(RunId),
}

/// Who made the output with this key.
fn maker(entries: &[Entry], key: &Digest) -> Option<Made> {
    let mut begun: Vec<&AttemptId> = Vec::new();
    for fact in entries.iter().flat_map(|entry| &entry.facts) {
        match fact {
            Fact::CellStarted { attempt, content: Some(content), .. } if content == key => {
                begun.push(attempt);
            }
            Fact::CellFinished { attempt, .. } if begun.contains(&attempt) => {
                return Some(Made::There(attempt.clone()));
            }
            Fact::CellReused { content, from, .. } if content == key => {
                return Some(Made::Elsewhere(from.clone()));
            }
            _ => {}
        }
    }
    None
}

/// What an attempt was given and told, under another name.
fn told(entries: &[Entry], id: &AttemptId, name: &AttemptId) -> Vec<Fact> {
    let facts = entries.iter().flat_map(|entry| &entry.facts);
    let own = facts.filter(|fact| match fact {
        Fact::CellStarted { attempt, .. }
        | Fact::Delegated { attempt, .. }
        | Fact::CallAnswered { attempt, .. } => attempt.of_step() == *id,
        _ => false,
    });
    own.cloned()
        .map(|mut fact| {
            if let Fact::CellStarted { attempt, .. }
            | Fact::Delegated { attempt, .. }
            | Fact::CallAnswered { attempt, .. } = &mut fact
            {
                let path = std::mem::take(&mut attempt.path);
                *attempt = AttemptId { path, ..name.clone() };
            }
            fact
        })
        .collect()
}
