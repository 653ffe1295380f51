//! Values that last from run to run, as the gate sees them: requests, what an attempt has changed so far, and how it is settled when the attempt ends. Knows no table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use bailiwick_core::fact::{CallAnswer, Fact, Failure, FailureKind, Limit};
use bailiwick_core::kv::{KEY_MAX_BYTES, KvWrites, VALUE_MAX, WRITES_MAX, WRITTEN_MAX, check_key};
use bailiwick_core::ports::BoxFuture;
use bailiwick_core::record::StagedWrites;
use bailiwick_core::{Bytes, Digest, Document, Name};
use bailiwick_policy::grants::KvGrant;
pub use bailiwick_policy::ports::Turn;
use bailiwick_policy::ports::{Left, Staged};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Answer;
use crate::gate::{Gate, Unanswered};

/// The most keys of one page: a list that somebody still reads.
pub const PAGE_MAX: u32 = 1_000;

/// The most keys of a namespace: more is a table, and wants a database.
pub const KEYS_MAX: u64 = 10_000;

/// What is asked of a namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the words of wit/v0.1/kv.wit")]
pub enum KvRequest {
    Get { key: String },
    Set { key: String, value: Value },
    Delete { key: String },
    List { prefix: String, after: Option<String>, limit: u32 },
    CompareAndSet { key: String, expected: Option<Value>, value: Option<Value> },
}

impl KvRequest {
    /// Checks the documented maxima and forms.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Get { key } | Self::Delete { key } => check_key(key),
            Self::Set { key, value } => check_key(key).and_then(|()| small(value)),
            Self::List { prefix, after, limit } => {
                if prefix.len() > KEY_MAX_BYTES
                    || after.as_ref().is_some_and(|after| after.len() > KEY_MAX_BYTES)
                {
                    return Err(format!("a prefix has at most {KEY_MAX_BYTES} bytes"));
                }
                match (1..=PAGE_MAX).contains(limit) {
                    true => Ok(()),
                    false => Err(format!("limit must be 1 to {PAGE_MAX}")),
                }
            }
            Self::CompareAndSet { key, expected, value } => {
                check_key(key)?;
                expected.iter().chain(value).try_for_each(small)
            }
        }
    }

    /// Whether it changes something.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self, Self::Get { .. } | Self::List { .. })
    }

    /// The document that it sends into the namespace.
    #[must_use]
    pub fn sends(&self) -> Option<&Value> {
        match self {
            Self::Set { value, .. } => Some(value),
            Self::CompareAndSet { value, .. } => value.as_ref(),
            _ => None,
        }
    }
}

fn small(value: &Value) -> Result<(), String> {
    match Document::of(value).bytes() <= VALUE_MAX.0 {
        true => Ok(()),
        false => Err(format!("a value has at most {VALUE_MAX}; larger ones are artifacts")),
    }
}

/// A value as it is kept: its digest and its size.
pub type Kept = (Digest, Bytes);

/// What a namespace holds in sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Keys.
    pub keys: u64,
    /// Keys and values.
    pub bytes: Bytes,
}

/// Why a namespace cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("storage failed: {0}")]
pub struct KvError(pub String);

/// The namespaces of one project, as far as they are on stable storage. Written by the
/// journal alone, with the append in which an attempt ends.
pub trait Namespaces: Send + Sync {
    /// A turn in a namespace, when it comes. Whoever ends with writes has an exclusive one
    /// until they are durable; whoever reads has a shared one while he does, so that what
    /// an attempt that ended before has written is always seen.
    fn turn<'a>(&'a self, namespace: &'a Name, exclusive: Exclusive) -> BoxFuture<'a, Turn>;

    /// A value. Waits for no turn, as all below.
    fn get<'a>(
        &'a self,
        namespace: &'a Name,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Document>, KvError>>;

    /// Digest and size of the values of some keys, in the same order.
    fn look<'a>(
        &'a self,
        namespace: &'a Name,
        keys: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, KvError>>;

    /// At most `limit` keys with a prefix, in order, those behind `after`.
    fn keys<'a>(
        &'a self,
        namespace: &'a Name,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>>;

    /// What it holds.
    fn held<'a>(&'a self, namespace: &'a Name) -> BoxFuture<'a, Result<Held, KvError>>;
}

/// Whether somebody else may have a turn meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusive {
    /// Nobody.
    Yes,
    /// Whoever shares it too.
    No,
}

/// No namespaces: for hosts without a folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNamespaces;

impl Namespaces for NoNamespaces {
    fn turn<'a>(&'a self, _: &'a Name, _: Exclusive) -> BoxFuture<'a, Turn> {
        Box::pin(async { Turn::new(()) })
    }

    fn get<'a>(
        &'a self,
        _: &'a Name,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<Document>, KvError>> {
        Box::pin(async { Ok(None) })
    }

    fn look<'a>(
        &'a self,
        _: &'a Name,
        keys: Vec<String>,
    ) -> BoxFuture<'a, Result<Vec<Option<Kept>>, KvError>> {
        Box::pin(async move { Ok(vec![None; keys.len()]) })
    }

    fn keys<'a>(
        &'a self,
        _: &'a Name,
        _: &'a str,
        _: Option<&'a str>,
        _: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn held<'a>(&'a self, _: &'a Name) -> BoxFuture<'a, Result<Held, KvError>> {
        Box::pin(async { Ok(Held::default()) })
    }
}

/// What attempts that were called change, by namespace.
pub type AllStaged = BTreeMap<Name, StagedWrites>;

/// What an attempt and those that it called have changed so far, by namespace.
#[derive(Default)]
pub(crate) struct Buffers(BTreeMap<Name, Buffer>);

/// What was changed in one namespace so far. Nobody else sees it before the attempt has ended.
#[derive(Default)]
pub(crate) struct Buffer {
    /// The agents whose changes these are.
    by: BTreeSet<Name>,
    /// The last change of each key; nothing: deleted.
    changes: BTreeMap<String, Option<Value>>,
    /// What a key must hold when the attempt ends: what it was compared with.
    expected: BTreeMap<String, Option<Digest>>,
    /// What the namespace held when it was first written into.
    held: Option<Held>,
    /// What a key that is changed here took then; nothing: it was not there.
    seen: Seen,
    /// The size of what is buffered: keys and values.
    bytes: u64,
    /// How many of the changes set something.
    set: u64,
}

/// What each key took; nothing: it was not there.
type Seen = BTreeMap<String, Option<u64>>;

/// What there would be after one more change.
struct After {
    changes: usize,
    written: Bytes,
    held: Held,
}

impl Buffer {
    fn change(&mut self, key: &str, value: Option<Value>) {
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

    fn after(&self, key: &str, value: Option<&Value>) -> After {
        let (set, bytes) = self.sums(key, value);
        let gone: Vec<u64> = self.seen.values().flatten().copied().collect();
        let held = self.held.unwrap_or_default();
        After {
            changes: self.changes.len() + usize::from(!self.changes.contains_key(key)),
            written: Bytes(bytes),
            held: Held {
                keys: held.keys.saturating_sub(gone.len() as u64).saturating_add(set),
                bytes: Bytes(held.bytes.0.saturating_sub(gone.iter().sum()).saturating_add(bytes)),
            },
        }
    }

    /// Takes in what an agent has changed that was called: it came last.
    fn take_over(&mut self, staged: &StagedWrites, writes: KvWrites) {
        self.by.extend(staged.by.iter().cloned());
        for (key, expected) in &staged.expected {
            self.expected.entry(key.clone()).or_insert(*expected);
        }
        writes.set.into_iter().for_each(|(key, value)| self.change(&key, Some(value)));
        writes.delete.into_iter().for_each(|key| self.change(&key, None));
    }

    /// Why so much cannot be written with the end of one attempt.
    fn too_much(&self) -> Option<String> {
        if self.changes.len() > WRITES_MAX {
            return Some(format!("one attempt changes at most {WRITES_MAX} keys"));
        }
        let written = Bytes(self.bytes);
        (written > WRITTEN_MAX)
            .then(|| format!("one attempt writes at most {WRITTEN_MAX}; with this {written}"))
    }

    /// What was compared was not the attempt's own doing: it must still be so at the end.
    fn expect(&mut self, key: &str, expected: Option<Digest>) {
        if !self.changes.contains_key(key) {
            self.expected.insert(key.to_owned(), expected);
        }
    }

    /// Takes a write in that was answered before.
    pub(crate) fn redo(&mut self, request: &KvRequest, answer: &Answer) {
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

    fn writes(&self) -> KvWrites {
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

fn digest(value: &Value) -> Digest {
    Document::of(value).digest()
}

/// What a value takes of a quota.
fn weight(key: &str, value: &Value) -> u64 {
    Document::of(value).bytes().saturating_add(key.len() as u64)
}

impl Gate {
    /// What is asked of a namespace, on what is durable and what this attempt has changed.
    pub(crate) async fn in_namespace(
        &self,
        grant: &KvGrant,
        request: KvRequest,
    ) -> Result<Answer, Unanswered> {
        let store = &self.gateway.namespaces;
        let _turn = store.turn(&grant.namespace, Exclusive::No).await;
        match &request {
            KvRequest::Get { key } => {
                if let Some(own) = self.buffered(grant, key) {
                    return Ok(Answer::Value(own));
                }
                let kept = store.get(&grant.namespace, key).await.map_err(unavailable)?;
                let value = kept.map(|document| document.value());
                self.let_read(value.as_ref());
                Ok(Answer::Value(value))
            }
            KvRequest::List { prefix, after, limit } => {
                self.list(grant, prefix, after.as_deref(), *limit).await.map_err(unavailable)
            }
            KvRequest::Set { key, value } => {
                self.change(grant, key, Some(value), &request, Answer::Done).await
            }
            KvRequest::Delete { key } => {
                self.change(grant, key, None, &request, Answer::Done).await
            }
            KvRequest::CompareAndSet { key, expected, value } => {
                let wanted = expected.as_ref().map(digest);
                let now = match self.buffered(grant, key) {
                    Some(own) => own.as_ref().map(digest),
                    None => {
                        let found = store.look(&grant.namespace, vec![key.clone()]).await;
                        found.map_err(unavailable)?.pop().flatten().map(|(digest, _)| digest)
                    }
                };
                if now != wanted {
                    return Ok(Answer::Swapped(false));
                }
                self.change(grant, key, value.as_ref(), &request, Answer::Swapped(true)).await
            }
        }
    }

    /// What is changed in a namespace by now.
    fn with_buffer<T>(&self, namespace: &Name, look: impl FnOnce(&mut Buffer) -> T) -> T {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        look(buffers.0.entry(namespace.clone()).or_default())
    }

    fn buffered(&self, grant: &KvGrant, key: &str) -> Option<Option<Value>> {
        self.with_buffer(&grant.namespace, |buffer| buffer.changes.get(key).cloned())
    }

    /// Takes a write of this agent in, answered now or before.
    pub(crate) fn redo(&self, request: &KvRequest, answer: &Answer) {
        // What executes on its record alone may have no grant any more, and settles nothing.
        let Some(grant) = &self.generation.effective.grants.kv else { return };
        self.with_buffer(&grant.namespace, |buffer| {
            buffer.redo(request, answer);
            if request.writes() {
                buffer.by.insert(self.generation.agent.clone());
            }
        });
    }

    /// Takes in what an agent has changed that was called.
    pub(crate) fn absorb(&self, staged: &AllStaged) -> Result<(), Failure> {
        for (namespace, staged) in staged {
            let Some(writes) = KvWrites::read(&staged.writes) else {
                let message = format!("what was changed in {namespace} cannot be read");
                return Err(Failure { kind: FailureKind::Host, message, hint: None });
            };
            let too_much = self.with_buffer(namespace, |buffer| {
                buffer.take_over(staged, writes);
                buffer.too_much()
            });
            if let Some(detail) = too_much {
                let message = format!("limit:kv {detail}");
                return Err(Failure { kind: FailureKind::Limit, message, hint: None });
            }
        }
        Ok(())
    }

    /// What a value names, whoever reads the value may read.
    pub(crate) fn let_read(&self, value: Option<&Value>) {
        let Some(value) = value else { return };
        // It was checked when it was set: half a reference names nothing here.
        let Ok(named) = bailiwick_core::artifact::references(value) else { return };
        let mut readable = self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        named.into_values().for_each(|artifact| readable.add(artifact));
    }

    async fn list(
        &self,
        grant: &KvGrant,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Answer, KvError> {
        let own: BTreeMap<String, bool> = self.with_buffer(&grant.namespace, |buffer| {
            let inside =
                |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after);
            let inside = buffer.changes.iter().filter(|(key, _)| inside(key));
            inside.map(|(key, value)| (key.clone(), value.is_some())).collect()
        });
        // As many more as may be deleted here: then no key of the page is missed.
        let gone = own.values().filter(|is_set| !**is_set).count();
        let wide = limit.saturating_add(u32::try_from(gone).unwrap_or(u32::MAX));
        let store = &self.gateway.namespaces;
        let mut keys = store.keys(&grant.namespace, prefix, after, wide).await?;
        keys.retain(|key| own.get(key) != Some(&false));
        keys.extend(own.into_iter().filter_map(|(key, is_set)| is_set.then_some(key)));
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(limit as usize);
        Ok(Answer::Keys(keys))
    }

    /// Buffers a change, where it fits. What others write meanwhile is counted at the end.
    async fn change(
        &self,
        grant: &KvGrant,
        key: &str,
        value: Option<&Value>,
        request: &KvRequest,
        answer: Answer,
    ) -> Result<Answer, Unanswered> {
        let before = self.seen_before(grant, key).await.map_err(unavailable)?;
        let detail = self.with_buffer(&grant.namespace, |buffer| {
            buffer.seen.extend(before);
            match buffer.after(key, value) {
                After { changes, .. } if changes > WRITES_MAX => {
                    Some(format!("one attempt changes at most {WRITES_MAX} keys"))
                }
                After { written, .. } if written > WRITTEN_MAX => {
                    Some(format!("one attempt writes at most {WRITTEN_MAX}; with this {written}"))
                }
                // What makes room is never refused for want of room.
                After { held, .. } => value.and_then(|_| over(grant.quota, &grant.namespace, held)),
            }
        });
        if let Some(detail) = detail {
            let limit = Limit::Storage;
            return Err(CallAnswer::Exhausted { limit, detail, finish: false }.into());
        }
        self.redo(request, &answer);
        Ok(answer)
    }

    /// What is to be known before a key is changed: what it takes now, and, once, what the
    /// whole namespace does. The same of keys that were changed on record, so that an
    /// attempt that continues counts as if it had not stopped.
    async fn seen_before(&self, grant: &KvGrant, key: &str) -> Result<Seen, KvError> {
        let store = &self.gateway.namespaces;
        let (keys, counted) = self.with_buffer(&grant.namespace, |buffer| {
            let changed = buffer.changes.keys().map(String::as_str).chain([key]);
            let unseen = changed.filter(|key| !buffer.seen.contains_key(*key));
            let keys: Vec<String> = unseen.map(str::to_owned).collect();
            (keys, buffer.held.is_some())
        });
        if !counted {
            let held = store.held(&grant.namespace).await?;
            self.with_buffer(&grant.namespace, |buffer| buffer.held = Some(held));
        }
        if keys.is_empty() {
            return Ok(Seen::new());
        }
        let kept = store.look(&grant.namespace, keys.clone()).await?;
        let size = |key: &String, (_, bytes): Kept| bytes.0.saturating_add(key.len() as u64);
        let seen = keys.into_iter().zip(kept);
        Ok(seen.map(|(key, kept)| (key.clone(), kept.map(|kept| size(&key, kept)))).collect())
    }

    /// What the namespace would hold after these writes.
    async fn after(&self, namespace: &Name, writes: &KvWrites) -> Result<Held, KvError> {
        let store = &self.gateway.namespaces;
        let held = store.held(namespace).await?;
        let keys: Vec<String> = writes.keys().cloned().collect();
        let before = store.look(namespace, keys.clone()).await?;
        let gone = before.iter().zip(&keys).filter_map(|(kept, key)| {
            kept.map(|(_, bytes)| bytes.0.saturating_add(key.len() as u64))
        });
        let (gone_keys, gone_bytes) =
            gone.fold((0_u64, 0_u64), |(n, sum), size| (n + 1, sum + size));
        let new: u64 = writes.set.iter().map(|(key, value)| weight(key, value)).sum();
        Ok(Held {
            keys: held.keys.saturating_sub(gone_keys) + writes.set.len() as u64,
            bytes: Bytes(held.bytes.0.saturating_sub(gone_bytes).saturating_add(new)),
        })
    }

    /// What an attempt of a step that ends with an output changes in namespaces, by itself
    /// and through those that it called: compared with what is there now, under turns that
    /// nobody shares until it is durable.
    ///
    /// # Errors
    /// The failure of the attempt: `conflict` where somebody changed what it had compared,
    /// `limit` where a namespace is full by now, `revoked` where who wrote may not any more.
    pub async fn settle(&self) -> Result<Vec<Staged>, Left> {
        let mut settled = Vec::new();
        // In the order of their names, so that nobody waits in a circle.
        for (namespace, staged) in self.staged() {
            settled.push(self.settled(namespace, &staged).await?);
        }
        Ok(settled)
    }

    /// What an attempt that was called, and those that it called, change in namespaces: it
    /// is written down for its caller, and happens with the end of the attempt of the step.
    ///
    /// # Errors
    /// The failure of the attempt, where the journal is gone.
    pub async fn stage(&self) -> Result<AllStaged, Left> {
        let staged = self.staged();
        for (namespace, StagedWrites { by, writes, expected }) in &staged {
            let fact = Fact::KvStaged {
                attempt: self.attempt.clone(),
                namespace: namespace.clone(),
                by: by.clone(),
                writes: writes.clone(),
                expected: expected.clone(),
            };
            let recorded = self.recorder.record(fact).await;
            recorded.map_err(|error| failed(FailureKind::Host, error.to_string(), None))?;
        }
        Ok(staged)
    }

    /// Every change so far; none of an attempt that executes on its record alone.
    fn staged(&self) -> AllStaged {
        if self.replay.is_some() {
            return AllStaged::new();
        }
        let buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = buffers.0.iter().filter_map(|(namespace, buffer)| {
            let (by, expected) = (buffer.by.clone(), buffer.expected.clone());
            let writes = buffer.writes();
            let writes = (!writes.is_empty()).then(|| writes.document())?;
            Some((namespace.clone(), StagedWrites { by, writes, expected }))
        });
        changed.collect()
    }

    /// The smallest quota of those who wrote, where each of them still may.
    fn quota(&self, namespace: &Name, by: &BTreeSet<Name>) -> Result<Bytes, Left> {
        let mut least = KvGrant::QUOTA_MAX;
        for agent in by {
            let own = *agent == self.generation.agent;
            let standing = match own {
                true => Some(self.standing()),
                false => {
                    self.gateway.agents.current(agent).map(|one| self.gateway.rules.standing(&one))
                }
            };
            let grant = standing.as_ref().and_then(|one| one.effective().grants.kv.as_ref());
            let Some(grant) = grant.filter(|kv| kv.write && kv.namespace == *namespace) else {
                let message =
                    format!("{agent} wrote into a namespace that it may not write any more");
                return Err(failed(FailureKind::Revoked, message, None));
            };
            least = least.min(grant.quota);
        }
        Ok(least)
    }

    async fn settled(&self, namespace: Name, staged: &StagedWrites) -> Result<Staged, Left> {
        let StagedWrites { by, writes: document, expected } = staged;
        let storage = |error: KvError| failed(FailureKind::Host, error.to_string(), None);
        let quota = self.quota(&namespace, by)?;
        let writes = KvWrites::read(document).unwrap_or_default();
        let turn = self.gateway.namespaces.turn(&namespace, Exclusive::Yes).await;
        let keys: Vec<String> = expected.keys().cloned().collect();
        let now = self.gateway.namespaces.look(&namespace, keys).await.map_err(storage)?;
        for ((key, expected), now) in expected.iter().zip(now) {
            if now.map(|(digest, _)| digest) != *expected {
                let message = format!(
                    "the key {key:?} of {namespace} was changed by somebody else after it was compared"
                );
                let hint = "`retry` on the step tries again with what is there then";
                return Err(failed(FailureKind::Conflict, message, Some(hint)));
            }
        }
        if !writes.set.is_empty() {
            let held = self.after(&namespace, &writes).await.map_err(storage)?;
            if let Some(detail) = over(quota, &namespace, held) {
                return Err(failed(FailureKind::Limit, format!("limit:kv {detail}"), None));
            }
        }
        Ok(Staged { namespace, writes: document.clone(), turn })
    }
}

fn failed(kind: FailureKind, message: String, hint: Option<&str>) -> Left {
    Left::Failed(Failure { kind, message, hint: hint.map(str::to_owned) })
}

fn unavailable(error: KvError) -> Unanswered {
    CallAnswer::Unavailable { detail: error.to_string() }.into()
}

/// Why a namespace may not hold so much.
fn over(quota: Bytes, namespace: &Name, held: Held) -> Option<String> {
    if held.bytes > quota {
        return Some(format!("used {} of {quota} in {namespace}", held.bytes));
    }
    (held.keys > KEYS_MAX).then(|| format!("used {} of {KEYS_MAX} keys in {namespace}", held.keys))
}
