//! What agent names point at since somebody swapped, as rows: written with the host's fact, made anew from the host's own stream. Knows no component but by its digest.

use std::collections::BTreeMap;

use bailiwick_core::{Digest, Name, Timestamp};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::error::ReadError;
use crate::host_log::{self, HostFact};
use crate::seal::seal;
use crate::sql;

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

/// What stands by the host's stream.
pub(crate) type Slots = BTreeMap<SlotName, SlotState>;

/// Takes a fact of the host in. Other facts change nothing. Says which slot has changed.
fn take(slots: &mut Slots, at: Timestamp, fact: &HostFact) -> Option<SlotName> {
    let (project, agent) = match fact {
        HostFact::SwapStaged { project, agent, .. }
        | HostFact::SwapCommitted { project, agent, .. }
        | HostFact::SwapAbandoned { project, agent, .. } => (project, agent),
        _ => return None,
    };
    let name = SlotName { project: project.clone(), agent: agent.clone() };
    let state = slots.entry(name.clone()).or_default();
    match fact {
        HostFact::SwapStaged { component, by, .. } => {
            state.staged = Some(Staged { component: *component, by: by.clone(), at });
        }
        HostFact::SwapCommitted {
            component,
            was,
            signature,
            was_signature,
            file,
            highest,
            back,
            by,
            ..
        } => {
            state.staged = None;
            state.serves = Some(Served {
                component: *component,
                was: *was,
                signature: signature.clone(),
                was_signature: was_signature.clone(),
                file: *file,
                highest: highest.clone(),
                back: *back,
                by: by.clone(),
                at,
            });
        }
        _ => state.staged = None,
    }
    Some(name)
}

/// The rows that follow from what was done.
pub(crate) fn note(
    connection: &Connection,
    at: Timestamp,
    facts: &[HostFact],
) -> Result<(), ReadError> {
    let is_ours = |fact: &HostFact| take(&mut Slots::new(), at, fact).is_some();
    if !facts.iter().any(is_ours) {
        return Ok(());
    }
    let (mut slots, _) = all(connection)?;
    let changed: Vec<_> = facts.iter().filter_map(|fact| take(&mut slots, at, fact)).collect();
    for name in changed {
        if let Some(state) = slots.get(&name) {
            put(connection, &name, state)?;
        }
    }
    Ok(())
}

/// Makes all rows anew. Where the host's stream cannot be read, they stay as they are.
pub(crate) fn rebuild(connection: &Connection) -> Result<(), ReadError> {
    let slots = told(connection)?;
    connection.prepare_cached(sql::FORGET_SLOTS)?.execute([])?;
    slots.iter().try_for_each(|(name, state)| put(connection, name, state))
}

/// What the host's stream tells of.
pub(crate) fn told(connection: &Connection) -> Result<Slots, ReadError> {
    let mut slots = Slots::new();
    host_log::walk(connection, |at, facts| {
        facts.iter().for_each(|fact| {
            take(&mut slots, at, fact);
        });
        Ok(())
    })?;
    Ok(slots)
}

/// The signatures of all that was ever swapped in for a project, by component: the newest
/// of each. Reads the whole stream of the host, which runs that follow swaps ask for alone.
pub(crate) fn signatures(
    connection: &Connection,
    of: &str,
) -> Result<BTreeMap<Digest, String>, ReadError> {
    let mut found = BTreeMap::new();
    host_log::walk(connection, |_, facts| {
        for fact in facts {
            if let HostFact::SwapCommitted { project, component, signature: Some(text), .. } = fact
                && project == of
            {
                found.insert(component, text);
            }
        }
        Ok(())
    })?;
    Ok(found)
}

fn put(connection: &Connection, name: &SlotName, state: &SlotState) -> Result<(), ReadError> {
    let said =
        serde_json::to_string(state).map_err(|error| ReadError::Storage(error.to_string()))?;
    connection.prepare_cached(sql::WRITE_SLOT)?.execute(params![
        name.project,
        name.agent.as_str(),
        said,
        seal_of(&name.project, name.agent.as_str(), &said),
    ])?;
    Ok(())
}

fn seal_of(project: &str, agent: &str, said: &str) -> i64 {
    seal(&[project.as_bytes(), agent.as_bytes(), said.as_bytes()])
}

/// Every row, and what is wrong with those that are not what was written.
pub(crate) fn all(connection: &Connection) -> Result<(Slots, Vec<ReadError>), ReadError> {
    let mut query = connection.prepare_cached(sql::ALL_SLOTS)?;
    let mut rows = query.query([])?;
    let (mut found, mut damaged) = (Slots::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (project, agent, said): (String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let sealed = row.get::<_, i64>(3)? == seal_of(&project, &agent, &said);
        match (Name::new(&agent), serde_json::from_str(&said)) {
            (Ok(agent), Ok(state)) if sealed => {
                found.insert(SlotName { project, agent }, state);
            }
            _ => {
                let what = format!("the slot {agent} of {project:?} is not what was written");
                damaged.push(ReadError::Damaged(what));
            }
        }
    }
    Ok((found, damaged))
}

/// The components that slots point at, point back to, or have on the way: they outlive the
/// runs that they worked for.
pub(crate) fn components(connection: &Connection) -> Result<Vec<Digest>, ReadError> {
    let (slots, damaged) = all(connection)?;
    if let Some(error) = damaged.into_iter().next() {
        return Err(error);
    }
    let named = slots.into_values().flat_map(|state| {
        let serves = state.serves.into_iter().flat_map(|s| [Some(s.component), s.was]);
        serves.flatten().chain(state.staged.map(|staged| staged.component))
    });
    Ok(named.collect())
}
