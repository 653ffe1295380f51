//! The signatures of all that was ever swapped in: what a run was begun on may serve no more, and is asked about all the same. Verifies none.

use std::collections::BTreeMap;

use bailiwick_core::Digest;
use serde::{Deserialize, Serialize};

use super::{Key, Moment, Word, Words};
use crate::error::ReadError;
use crate::host_log::HostFact;

/// The text of the signature of a component in a project: the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signature(pub(crate) String);

impl Word for Signature {
    const KIND: &'static str = "signature";

    fn called(Key { whose, which }: &Key) -> String {
        format!("the signature of {which} in {whose:?}")
    }

    fn on(fact: &HostFact) -> Option<Key> {
        match fact {
            HostFact::SwapCommitted { project, component, signature: Some(_), .. } => {
                Some(Key { whose: project.clone(), which: component.to_string() })
            }
            _ => None,
        }
    }

    fn after(before: Option<Self>, _: Moment, fact: &HostFact) -> Option<Self> {
        match fact {
            HostFact::SwapCommitted { signature: Some(text), .. } => Some(Self(text.clone())),
            _ => before,
        }
    }
}

/// The texts by component.
pub(crate) fn by_component(words: Words<Signature>) -> Result<BTreeMap<Digest, String>, ReadError> {
    let texts = words.into_iter().map(|(key, Signature(text))| match key.which.parse() {
        Ok(component) => Ok((component, text)),
        Err(_) => Err(ReadError::Damaged(format!("{}: no digest", Signature::called(&key)))),
    });
    texts.collect()
}
