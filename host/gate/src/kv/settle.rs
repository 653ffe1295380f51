//! What comes of the changes of an attempt when it ends: compared with what is there by then, or written down for the caller.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use bailiwick_core::fact::{Fact, Failure, FailureKind};
use bailiwick_core::kv::KvWrites;
use bailiwick_core::record::StagedWrites;
use bailiwick_core::{Bytes, Name};
use bailiwick_policy::grants::KvGrant;
use bailiwick_policy::ports::{Left, Staged};

use super::buffer::{AllStaged, weight};
use super::namespaces::{Exclusive, Held, KvError, over};
use crate::gate::Gate;

impl Gate {
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
