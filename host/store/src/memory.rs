//! A journal and blobs in memory, for tests of what stands on them: durable at once, or when the test says so. Keeps nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bailiwick_core::fact::Entry;
use bailiwick_core::kv::{self, KvWrites};
use bailiwick_core::ports::{
    Append, BlobError, Blobs, BoxFuture, Durable, Journal, JournalError, Term, Ticket,
    not_made_with,
};
use bailiwick_core::{Bytes, Digest, Document, Fact, Name, RunId};
use bailiwick_gate::kv::{Exclusive, Held as Sum, Kept as KeptValue, KvError, Namespaces, Turn};
use tokio::sync::oneshot;

use crate::namespaces::Turns;

/// A journal in memory.
///
/// ```
/// # use bailiwick_core::{RunId, Timestamp, fact::Entry, ports::Journal};
/// # use bailiwick_store::MemoryJournal;
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (journal, run) = (MemoryJournal::new(), RunId::new("r1").unwrap());
/// let term = journal.create(&run).await.unwrap();
/// journal.hold();
/// let entry = Entry { at: Timestamp(1), facts: Vec::new() };
/// let ticket = journal.append(&run, term, entry).unwrap();
/// // Nothing that waits for `ticket.durable()` goes on here.
/// assert_eq!(journal.held(), 1);
/// journal.release();
/// ticket.durable().await.unwrap();
/// # }
/// ```
#[derive(Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    runs: BTreeMap<RunId, Kept>,
    holding: bool,
    /// In the order of their appends, over all runs.
    held: Vec<Held>,
    /// What namespaces hold.
    values: MemoryValues,
}

#[derive(Default)]
struct Kept {
    term: u64,
    entries: Vec<Entry>,
    durable: usize,
}

struct Held {
    run: RunId,
    position: usize,
    /// Whether the next one is durable with it.
    with_next: bool,
    reply: oneshot::Sender<Result<Durable, JournalError>>,
}

impl MemoryJournal {
    /// An empty journal; appends are durable at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A journal that has one run already, as another host left it.
    #[must_use]
    pub fn left_with(run: RunId, entries: Vec<Entry>) -> Self {
        let kept = Kept { term: 1, durable: entries.len(), entries };
        let mut state = State::default();
        kept.entries.iter().for_each(|entry| write(&mut state.values, &entry.facts));
        state.runs.insert(run, kept);
        Self { state: Mutex::new(state) }
    }

    /// From now on appends are taken, and durable only after a release.
    pub fn hold(&self) {
        self.lock().holding = true;
    }

    /// How many appends are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lock().held.len()
    }

    /// Makes the oldest held append durable, as a disk would: in order, and with those
    /// that it was made together with.
    pub fn release_one(&self) {
        let mut state = self.lock();
        let mut goes_on = true;
        while goes_on && !state.held.is_empty() {
            let held = state.held.remove(0);
            goes_on = held.with_next;
            state.make_durable(held);
        }
    }

    /// Makes everything durable; appends are durable at once again.
    pub fn release(&self) {
        let mut state = self.lock();
        state.holding = false;
        for held in std::mem::take(&mut state.held) {
            state.make_durable(held);
        }
    }

    /// A power cut: what is not durable is gone, and its tickets fail. Every term is over.
    pub fn lose_power(&self) {
        let mut state = self.lock();
        state.holding = false;
        for run in state.runs.values_mut() {
            run.entries.truncate(run.durable);
            run.term += 1;
        }
        for held in std::mem::take(&mut state.held) {
            // Who asked may be gone.
            let _ = held.reply.send(Err(JournalError::Storage("the power is gone".into())));
        }
    }

    /// What is durable of a run; nothing where there is no such run.
    #[must_use]
    pub fn entries(&self, run: &RunId) -> Vec<Entry> {
        self.entries_after(run, 0)
    }

    /// The same without the first so many.
    #[must_use]
    pub fn entries_after(&self, run: &RunId, count: usize) -> Vec<Entry> {
        let state = self.lock();
        let durable = state.runs.get(run).and_then(|kept| kept.entries.get(count..kept.durable));
        durable.map(<[Entry]>::to_vec).unwrap_or_default()
    }

    /// What namespaces hold, by what is durable of all runs.
    #[must_use]
    pub fn values(&self) -> MemoryValues {
        self.lock().values.clone()
    }

    /// No code that can panic runs under the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The run, where this term is not over.
    fn owner(&mut self, run: &RunId, term: Term) -> Result<&mut Kept, JournalError> {
        match self.runs.get_mut(run) {
            None => Err(JournalError::NoSuchRun(run.clone())),
            Some(kept) if kept.term != term.0 => {
                Err(JournalError::Fenced { run: run.clone(), held: term.0 })
            }
            Some(kept) => Ok(kept),
        }
    }

    fn append(&mut self, Append { run, term, entry }: Append, with_next: bool) -> Ticket {
        let holding = self.holding;
        let (reply, answer) = oneshot::channel();
        match self.owner(&run, term) {
            Err(error) => return Ticket::new(async { Err(error) }),
            Ok(kept) => {
                kept.entries.push(entry);
                let held = Held { run, position: kept.entries.len(), with_next, reply };
                match holding {
                    true => self.held.push(held),
                    false => self.make_durable(held),
                }
            }
        }
        let gone = || JournalError::Storage("the journal is gone".into());
        Ticket::new(async move { answer.await.unwrap_or_else(|_| Err(gone())) })
    }

    fn make_durable(&mut self, held: Held) {
        if let Some(run) = self.runs.get_mut(&held.run) {
            let first = run.durable;
            run.durable = run.durable.max(held.position);
            for entry in run.entries.get(first..run.durable).unwrap_or_default() {
                write(&mut self.values, &entry.facts);
            }
        }
        let _ = held.reply.send(Ok(Durable::attest(held.position as u64)));
    }
}

/// What an append changes in namespaces.
fn write(values: &mut MemoryValues, facts: &[Fact]) {
    for (_, namespace, writes) in kv::applied(facts) {
        let Some(writes) = KvWrites::read(writes) else { continue };
        let slot = |key: &String| (namespace.clone(), key.clone());
        values.extend(writes.set.iter().map(|(key, value)| (slot(key), Document::of(value))));
        writes.delete.iter().for_each(|key| drop(values.remove(&slot(key))));
    }
}

/// What namespaces hold, by namespace and key.
pub type MemoryValues = BTreeMap<(Name, String), Document>;

/// The namespaces of a journal in memory.
pub struct MemoryNamespaces {
    values: Box<dyn Fn() -> MemoryValues + Send + Sync>,
    turns: Turns,
}

impl MemoryNamespaces {
    /// What a journal says that it holds, as [`MemoryJournal::values`] does, whenever it is asked.
    #[must_use]
    pub fn of(values: impl Fn() -> MemoryValues + Send + Sync + 'static) -> Self {
        Self { values: Box::new(values), turns: Turns::default() }
    }

    fn read<T>(&self, read: impl FnOnce(&MemoryValues) -> T) -> T {
        read(&(self.values)())
    }
}

impl Namespaces for MemoryNamespaces {
    fn turn<'a>(&'a self, namespace: &'a Name, exclusive: Exclusive) -> BoxFuture<'a, Turn> {
        Box::pin(self.turns.take("", namespace, exclusive))
    }

    fn get<'a>(
        &'a self,
        namespace: &'a Name,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Document>, KvError>> {
        let slot = (namespace.clone(), key.to_owned());
        Box::pin(async move { Ok(self.read(|values| values.get(&slot).cloned())) })
    }

    fn look<'a>(
        &'a self,
        namespace: &'a Name,
        keys: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Option<KeptValue>>, KvError>> {
        let look = move |values: &MemoryValues| {
            let found = keys.into_iter().map(|key| values.get(&(namespace.clone(), key)));
            found.map(|value| value.map(|value| (value.digest(), Bytes(value.bytes())))).collect()
        };
        Box::pin(async move { Ok(self.read(look)) })
    }

    fn keys<'a>(
        &'a self,
        namespace: &'a Name,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        Box::pin(async move {
            Ok(self.read(|values| {
                let keys = values.keys().filter(|(of, _)| of == namespace).map(|(_, key)| key);
                let inside = |key: &&String| {
                    key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
                };
                keys.filter(inside).take(limit as usize).cloned().collect()
            }))
        })
    }

    fn held<'a>(&'a self, namespace: &'a Name) -> BoxFuture<'a, Result<Sum, KvError>> {
        Box::pin(async move {
            Ok(self.read(|values| {
                let own = values.iter().filter(|((of, _), _)| of == namespace);
                own.fold(Sum::default(), |sum, ((_, key), value)| Sum {
                    keys: sum.keys + 1,
                    bytes: Bytes(sum.bytes.0 + key.len() as u64 + value.bytes()),
                })
            }))
        })
    }
}

impl Kept {
    fn prefix(&self) -> Vec<Entry> {
        self.entries.iter().take(self.durable).cloned().collect()
    }
}

impl Journal for MemoryJournal {
    fn create<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        Box::pin(async move {
            let mut state = self.lock();
            if state.runs.contains_key(run) {
                return Err(JournalError::RunExists(run.clone()));
            }
            state.runs.insert(run.clone(), Kept { term: 1, ..Kept::default() });
            Ok(Term(1))
        })
    }

    fn claim<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Term, JournalError>> {
        Box::pin(async move {
            let mut state = self.lock();
            let kept =
                state.runs.get_mut(run).ok_or_else(|| JournalError::NoSuchRun(run.clone()))?;
            kept.term += 1;
            Ok(Term(kept.term))
        })
    }

    fn append(&self, run: &RunId, term: Term, entry: Entry) -> Result<Ticket, JournalError> {
        let append = Append { run: run.clone(), term, entry };
        Ok(self.lock().append(append, false))
    }

    fn append_all(&self, appends: Vec<Append>) -> Result<Vec<Ticket>, JournalError> {
        let mut state = self.lock();
        let refused = appends.iter().find_map(|append| {
            state.owner(&append.run, append.term).err().map(|error| (append.run.clone(), error))
        });
        let Some((run, error)) = refused else {
            let last = appends.len().saturating_sub(1);
            let made = appends.into_iter().enumerate();
            return Ok(made.map(|(number, append)| state.append(append, number < last)).collect());
        };
        let answer = |append: Append| {
            let error = if append.run == run { error.clone() } else { not_made_with(&run) };
            Ticket::new(async { Err(error) })
        };
        Ok(appends.into_iter().map(answer).collect())
    }

    fn read<'a>(&'a self, run: &'a RunId) -> BoxFuture<'a, Result<Vec<Entry>, JournalError>> {
        Box::pin(async move {
            let state = self.lock();
            let kept = state.runs.get(run).ok_or_else(|| JournalError::NoSuchRun(run.clone()))?;
            Ok(kept.prefix())
        })
    }
}

/// Blobs in memory.
#[derive(Default)]
pub struct MemoryBlobs {
    kept: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

impl MemoryBlobs {
    /// Without any blob.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<u8>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blobs for MemoryBlobs {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<Digest, BlobError>> {
        Box::pin(async move {
            let digest = Digest::of(&bytes);
            self.lock().insert(digest, bytes);
            Ok(digest)
        })
    }

    fn get(&self, digest: Digest) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        Box::pin(async move { self.lock().get(&digest).cloned().ok_or(BlobError::Missing(digest)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::journal_contract!(MemoryJournal::new());
    crate::blobs_contract!(MemoryBlobs::new());

    #[test]
    fn a_power_cut_leaves_the_durable_prefix() {
        crate::contract::block_on(async {
            let (journal, run) = (MemoryJournal::new(), RunId::new("r").unwrap());
            let term = journal.create(&run).await.unwrap();
            let append = || {
                let entry = Entry { at: bailiwick_core::Timestamp(1), facts: Vec::new() };
                journal.append(&run, term, entry).unwrap()
            };
            append();
            journal.hold();
            let (released, lost) = (append(), append());
            assert_eq!(journal.held(), 2);
            journal.release_one();
            assert_eq!(released.durable().await.unwrap().position(), 2);
            journal.lose_power();
            assert!(matches!(lost.durable().await, Err(JournalError::Storage(_))));
            assert_eq!(journal.entries(&run).len(), 2);
            assert!(matches!(append().durable().await, Err(JournalError::Fenced { .. })));
        });
    }
}
