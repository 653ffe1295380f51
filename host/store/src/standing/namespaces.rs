//! What is in each namespace, as far as labels go: the label of everything that was written since it was empty, and whether others' words may be among it. Knows no order of labels.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::Name;
use serde::{Deserialize, Serialize};

use super::{Key, Moment, Word, Words};
use crate::error::ReadError;
use crate::host_log::HostFact;

/// What a namespace holds. Its file may call it something else by now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stood {
    /// The labels of what was written, by name: there are as many as a policy has, and which
    /// of them is the highest is said by the policy of whoever reads.
    pub labels: BTreeSet<String>,
    /// Whether others' words may be in it.
    pub outside: bool,
}

impl Stood {
    /// What it holds that somebody does not know of who takes it for `assumed`.
    #[must_use]
    pub fn above(&self, assumed: &Self) -> Option<String> {
        let higher = self.labels.difference(&assumed.labels).next().cloned();
        let outside = self.outside && !assumed.outside;
        higher.or_else(|| outside.then(|| "from outside".to_owned()))
    }
}

impl Word for Stood {
    const KIND: &'static str = "namespace";

    fn called(Key { whose, which }: &Key) -> String {
        format!("the label of what the namespace {which} of {whose:?} holds")
    }

    /// A fact of an older host says nothing of it.
    fn on(fact: &HostFact) -> Option<Key> {
        match fact {
            HostFact::KvWritten { project, namespace, label, empty, .. }
                if label.is_some() || *empty =>
            {
                Some(Key { whose: project.clone(), which: namespace.clone() })
            }
            _ => None,
        }
    }

    fn after(before: Option<Self>, _: Moment, fact: &HostFact) -> Option<Self> {
        match fact {
            HostFact::KvWritten { empty: true, .. } => None,
            HostFact::KvWritten { label, outside, .. } => {
                let mut stood = before.unwrap_or_default();
                stood.labels.extend(label.clone());
                stood.outside |= *outside;
                Some(stood)
            }
            _ => before,
        }
    }
}

/// By the namespaces of one project.
pub(crate) fn named(words: Words<Stood>) -> Result<BTreeMap<Name, Stood>, ReadError> {
    let named = words.into_iter().map(|(key, stood)| {
        let name = Name::new(&key.which).map_err(|error| ReadError::Damaged(error.to_string()))?;
        Ok((name, stood))
    });
    named.collect()
}
