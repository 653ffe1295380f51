//! What an attempt has changed in a namespace so far: nobody else sees it before the attempt has ended.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use bailiwick_core::kv::{KvWrites, WRITES_MAX, WRITTEN_MAX};
use bailiwick_core::record::StagedWrites;
use bailiwick_core::{Bytes, Digest, Document, Name};
use serde_json::Value;

use super::namespaces::Held;
use super::request::KvRequest;
use crate::call::Answer;

/// What attempts that were called change, by namespace.
pub type AllStaged = BTreeMap<Name, StagedWrites>;

/// What an attempt and those that it called have changed so far, by namespace.
#[derive(Default)]
pub(crate) struct Buffers(pub(super) BTreeMap<Name, Buffer>);

/// What was changed in one namespace so far. Nobody else sees it before the attempt has ended.
#[derive(Default)]
pub(super) struct Buffer {
    /// The agents whose changes these are.
    pub(super) by: BTreeSet<Name>,
    /// The last change of each key; nothing: deleted.
    pub(super) changes: BTreeMap<String, Option<Value>>,
    /// What a key must hold when the attempt ends: what it was compared with.
    pub(super) expected: BTreeMap<String, Option<Digest>>,
    /// What the namespace held when it was first written into.
    pub(super) held: Option<Held>,
    /// What a key that is changed here took then; nothing: it was not there.
    seen: Seen,
    /// The sum of what was seen.
    replaced: Held,
    /// The size of what is buffered: keys and values.
    bytes: u64,
    /// How many of the changes set something.
    set: u64,
}

/// What each key took; nothing: it was not there.
pub(super) type Seen = BTreeMap<String, Option<u64>>;

impl Buffer {
    pub(super) fn change(&mut self, key: &str, value: Option<Value>) {
        (self.set, self.bytes) = self.sums(key, value.as_ref());
        self.changes.insert(key.to_owned(), value);
    }

    /// How many keys are set here and what they take, after one more change.
    fn sums(&self, key: &str, value: Option<&Value>) -> (u64, u64) {
        let own = self.changes.get(key).and_then(Option::as_ref);
        let size = |value: Option<&Value>| value.map_or(0, |value| weight(key, value));
        let set = self.set - u64::from(own.is_some()) + u64::from(value.is_some());
        (set, self.bytes.saturating_sub(size(own)).saturating_add(size(value)))
    }

    /// Notes what keys took before they are changed here.
    pub(super) fn see(&mut self, seen: Seen) {
        for (key, size) in seen {
            if let btree_map::Entry::Vacant(new) = self.seen.entry(key) {
                self.replaced.keys += u64::from(size.is_some());
                self.replaced.bytes.0 = self.replaced.bytes.0.saturating_add(size.unwrap_or(0));
                new.insert(size);
            }
        }
    }

    /// Those of the changed keys, and this one, of which it is not noted what they took.
    pub(super) fn unseen(&self, key: &str) -> Vec<String> {
        let changed = self.changes.keys().map(String::as_str);
        let changed = changed.filter(|changed| *changed != key).chain([key]);
        changed.filter(|key| !self.seen.contains_key(*key)).map(str::to_owned).collect()
    }

    /// What the namespace would hold after one more change.
    pub(super) fn held_after(&self, key: &str, value: Option<&Value>) -> Held {
        let (set, bytes) = self.sums(key, value);
        let held = self.held.unwrap_or_default();
        Held {
            keys: held.keys.saturating_sub(self.replaced.keys).saturating_add(set),
            bytes: Bytes(held.bytes.0.saturating_sub(self.replaced.bytes.0).saturating_add(bytes)),
        }
    }

    /// Why one more change cannot be written with the end of one attempt.
    pub(super) fn too_much_with(&self, key: &str, value: Option<&Value>) -> Option<String> {
        let changes = self.changes.len() + usize::from(!self.changes.contains_key(key));
        above(changes, Bytes(self.sums(key, value).1))
    }

    /// Why what is buffered cannot be written with the end of one attempt.
    pub(super) fn too_much(&self) -> Option<String> {
        above(self.changes.len(), Bytes(self.bytes))
    }

    /// Takes in what an agent has changed that was called: it came last.
    pub(super) fn take_over(&mut self, staged: &StagedWrites, writes: KvWrites) {
        self.by.extend(staged.by.iter().cloned());
        for (key, expected) in &staged.expected {
            self.expected.entry(key.clone()).or_insert(*expected);
        }
        writes.set.into_iter().for_each(|(key, value)| self.change(&key, Some(value)));
        writes.delete.into_iter().for_each(|key| self.change(&key, None));
    }

    /// What was compared was not the attempt's own doing: it must still be so at the end.
    fn expect(&mut self, key: &str, expected: Option<Digest>) {
        if !self.changes.contains_key(key) {
            self.expected.insert(key.to_owned(), expected);
        }
    }

    /// Takes a write in that was answered before.
    pub(super) fn redo(&mut self, request: &KvRequest, answer: &Answer) {
        match request {
            KvRequest::Set { key, value } => self.change(key, Some(value.clone())),
            KvRequest::Delete { key } => self.change(key, None),
            KvRequest::CompareAndSet { key, expected, value }
                if *answer == Answer::Swapped(true) =>
            {
                self.expect(key, expected.as_ref().map(digest));
                self.change(key, value.clone());
            }
            _ => {}
        }
    }

    pub(super) fn writes(&self) -> KvWrites {
        let mut writes = KvWrites::default();
        for (key, value) in &self.changes {
            match value {
                Some(value) => {
                    writes.set.insert(key.clone(), value.clone());
                }
                None => {
                    writes.delete.insert(key.clone());
                }
            }
        }
        writes
    }
}

pub(super) fn digest(value: &Value) -> Digest {
    Document::of(value).digest()
}

/// What a value takes of a quota.
pub(super) fn weight(key: &str, value: &Value) -> u64 {
    Document::of(value).bytes().saturating_add(key.len() as u64)
}

fn above(changes: usize, written: Bytes) -> Option<String> {
    if changes > WRITES_MAX {
        return Some(format!("one attempt changes at most {WRITES_MAX} keys"));
    }
    (written > WRITTEN_MAX)
        .then(|| format!("one attempt writes at most {WRITTEN_MAX}; with this {written}"))
}
