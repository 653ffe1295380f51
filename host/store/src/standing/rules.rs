//! Which version of each file of rules was last said to be in force. Knows no rule.

use bailiwick_core::Digest;
use serde::{Deserialize, Serialize};

use super::{Key, Moment, Word};
use crate::host_log::HostFact;

/// A version that took force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) digest: Digest,
    /// The number of the entry that says so.
    pub(crate) append: u64,
}

impl Word for Taken {
    const KIND: &'static str = "rules";

    fn called(key: &Key) -> String {
        format!("the version of {:?} in force", key.which)
    }

    fn on(fact: &HostFact) -> Option<Key> {
        match fact {
            HostFact::RulesTaken { file, .. } => {
                Some(Key { whose: String::new(), which: file.clone() })
            }
            _ => None,
        }
    }

    fn after(before: Option<Self>, moment: Moment, fact: &HostFact) -> Option<Self> {
        match fact {
            HostFact::RulesTaken { digest, .. } => {
                Some(Self { digest: *digest, append: moment.append })
            }
            _ => before,
        }
    }
}
