//! Powers that are taken away. Knows no power and no agent but by their words.

use bailiwick_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Key, Moment, Word};
use crate::host_log::HostFact;

/// A power that is taken away, and from whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevokedPower {
    /// An agent name, or `publisher/name`.
    pub holder: String,
    /// The power's word.
    pub power: String,
}

/// Who took it away, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedBy {
    /// A person.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl From<Key> for RevokedPower {
    fn from(Key { whose, which }: Key) -> Self {
        Self { holder: whose, power: which }
    }
}

impl Word for RevokedBy {
    const KIND: &'static str = "revoked";

    fn called(Key { whose, which }: &Key) -> String {
        format!("the revocation {whose} {which}")
    }

    fn on(fact: &HostFact) -> Option<Key> {
        match fact {
            HostFact::PowerRevoked { holder, power, .. }
            | HostFact::PowerReturned { holder, power, .. } => {
                Some(Key { whose: holder.clone(), which: power.clone() })
            }
            _ => None,
        }
    }

    /// The first word on it counts.
    fn after(before: Option<Self>, moment: Moment, fact: &HostFact) -> Option<Self> {
        match fact {
            HostFact::PowerRevoked { by, .. } => {
                before.or_else(|| Some(Self { by: by.clone(), at: moment.at }))
            }
            _ => None,
        }
    }
}
