//! What agent names point at since somebody swapped. Knows no component but by its digest.

use bailiwick_core::{Digest, Name, Timestamp};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{Key, Moment, Word, Words};
use crate::error::ReadError;
use crate::host_log::{HostFact, is_false};

/// An agent name of a project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SlotName {
    /// The folder of the project, as its host names it.
    pub project: String,
    /// The operator's name.
    pub agent: Name,
}

/// What a slot points at, and what is on its way there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotState {
    /// What the last commit pointed it at; nothing where there was none yet.
    pub serves: Option<Served>,
    /// A component that was admitted for it, and of which nobody has said what became.
    pub staged: Option<Staged>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The component that serves.
    pub component: Digest,
    /// The one before, which a rollback goes back to; nothing where the file itself was
    /// overwritten.
    pub was: Option<Digest>,
    /// Its signature, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// That of the component before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was_signature: Option<String>,
    /// The highest version that there was by then, by this commit, those before and the
    /// project's lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest: Option<String>,
    /// What the project's file was then: where it is another one by now, the file holds.
    pub file: Digest,
    /// What bailiwick.lock said of that file then; the same holds for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Digest>,
    /// Whether the file was another one since: it holds for good. The highest version is
    /// remembered all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ended: bool,
    /// Whether it was a rollback.
    pub back: bool,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An admission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// The component.
    pub component: Digest,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Word for SlotState {
    const KIND: &'static str = "slot";

    fn called(Key { whose, which }: &Key) -> String {
        format!("the slot {which} of {whose:?}")
    }

    fn on(fact: &HostFact) -> Option<Key> {
        match fact {
            HostFact::SwapStaged { project, agent, .. }
            | HostFact::SwapCommitted { project, agent, .. }
            | HostFact::SwapEnded { project, agent, .. }
            | HostFact::SwapAbandoned { project, agent, .. } => {
                Some(Key { whose: project.clone(), which: agent.to_string() })
            }
            _ => None,
        }
    }

    fn after(before: Option<Self>, moment: Moment, fact: &HostFact) -> Option<Self> {
        let (before, at) = (before.unwrap_or_default(), moment.at);
        Some(match fact {
            HostFact::SwapStaged { component, by, .. } => {
                let staged = Some(Staged { component: *component, by: by.clone(), at });
                Self { staged, ..before }
            }
            HostFact::SwapCommitted {
                component,
                was,
                signature,
                was_signature,
                file,
                pin,
                highest,
                back,
                by,
                ..
            } => {
                let serves = Served {
                    component: *component,
                    was: *was,
                    signature: signature.clone(),
                    was_signature: was_signature.clone(),
                    file: *file,
                    pin: *pin,
                    ended: false,
                    highest: highest.clone(),
                    back: *back,
                    by: by.clone(),
                    at,
                };
                Self { serves: Some(serves), staged: None }
            }
            HostFact::SwapEnded { .. } => {
                let serves = before.serves.map(|serves| Served { ended: true, ..serves });
                Self { serves, ..before }
            }
            _ => Self { staged: None, ..before },
        })
    }
}

/// The rows with the names that they are about.
pub(crate) fn named(words: Words<SlotState>) -> Result<Vec<(SlotName, SlotState)>, ReadError> {
    let named = words.into_iter().map(|(key, state)| match Name::new(&key.which) {
        Ok(agent) => Ok((SlotName { project: key.whose, agent }, state)),
        Err(_) => Err(ReadError::Damaged(format!("{}: no name", SlotState::called(&key)))),
    });
    named.collect()
}

/// The components that slots point at, point back to, or have on the way: they outlive the
/// runs that they worked for.
pub(crate) fn components(connection: &Connection) -> Result<Vec<Digest>, ReadError> {
    let slots = super::read::<SlotState>(connection, None)?;
    let named = slots.into_values().flat_map(|state| {
        let serves = state.serves.filter(|serves| !serves.ended);
        let serves = serves.into_iter().flat_map(|s| [Some(s.component), s.was]);
        serves.flatten().chain(state.staged.map(|staged| staged.component))
    });
    Ok(named.collect())
}
