//! What is said of every agent of a project: what it used and is proposed, and what must be known to read that. Judges nothing.

use std::collections::BTreeMap;

use bailiwick_core::Name;

use super::propose::Proposal;
use super::usage::Usage;
use super::{Seen, Suggested};
use crate::components::Agent;
use crate::load::Opened;

/// Every agent name, where nothing is known of any.
pub(super) fn unknown(opened: &Opened, why: &str) -> Vec<Suggested> {
    let each = opened.project.agents.keys().map(|agent| Suggested {
        agent: agent.clone(),
        runs: 0,
        attempts: 0,
        notes: vec![format!("{why}: its grants stay")],
        lines: Vec::new(),
    });
    each.collect()
}

/// Every agent name with what is said of it.
pub(super) fn told(
    opened: &Opened,
    agents: &BTreeMap<Name, Agent>,
    seen: &Seen,
    proposals: &BTreeMap<Name, Proposal>,
) -> Vec<Suggested> {
    let none = Usage::default();
    let mut all = Vec::new();
    for name in opened.project.agents.keys() {
        let usage = seen.usages.get(name).unwrap_or(&none);
        let lines = proposals.get(name).map(|proposal| proposal.lines.clone());
        let mut notes = Vec::new();
        if let Some(attempts) = seen.swapped.get(name) {
            notes.push(format!(
                "{attempts} of its attempts were made by another component than that of today, and say nothing of this one"
            ));
        }
        if usage.attempts == 0 {
            notes.push("it never worked in these runs: its grants stay".to_owned());
            let own = agents.get(name).map(|agent| agent.embedded.outline.digest);
            let same = |other: &&Name| {
                let digest = agents.get(*other).map(|agent| agent.embedded.outline.digest);
                *other != name && digest == own && seen.usages.contains_key(*other)
            };
            let same: Vec<_> = agents.keys().filter(same).map(Name::as_str).collect();
            if !same.is_empty() {
                notes.push(format!(
                    "its component worked as {}, under grants of their own",
                    same.join(", ")
                ));
            }
        } else if lines.as_ref().is_none_or(Vec::is_empty) {
            notes.push("it is granted nothing".to_owned());
        } else if lines.iter().flatten().all(|line| !line.changes) {
            notes.push("it used all that it is granted".to_owned());
        }
        all.push(Suggested {
            agent: name.clone(),
            runs: usage.runs,
            attempts: usage.attempts,
            notes,
            lines: lines.unwrap_or_default(),
        });
    }
    all
}
