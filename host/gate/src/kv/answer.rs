//! What an agent is answered about its namespace: from what is durable, and from what its attempt has changed.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use bailiwick_core::Name;
use bailiwick_core::fact::{CallAnswer, Failure, FailureKind, Limit};
use bailiwick_core::kv::KvWrites;
use bailiwick_policy::grants::KvGrant;
use serde_json::Value;

use super::buffer::{AllStaged, Buffer, Seen, digest};
use super::namespaces::{Exclusive, Kept, KvError, over};
use super::request::KvRequest;
use crate::call::Answer;
use crate::gate::Gate;
use crate::unanswered::Unanswered;

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
            buffer.see(before);
            // What makes room is never refused for want of room.
            let full = |_| over(grant.quota, &grant.namespace, buffer.held_after(key, value));
            buffer.too_much_with(key, value).or_else(|| value.and_then(full))
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
        let (keys, counted) = self
            .with_buffer(&grant.namespace, |buffer| (buffer.unseen(key), buffer.held.is_some()));
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
}

fn unavailable(error: KvError) -> Unanswered {
    CallAnswer::Unavailable { detail: error.to_string() }.into()
}
