//! What a run that follows swaps was left with: what it worked on last, and what its open attempts began with. Takes up none of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_core::fact::{Entry, StepBy};
use bailiwick_core::ports::Blobs;
use bailiwick_core::recorded::recorded_attempts;
use bailiwick_core::{Digest, Name, RunState, Timestamp};
use bailiwick_project::RunPin;

use crate::host::{Held, Host};
use crate::kept::Lease;
use crate::load::Opened;
use crate::pinned::{self, Pinned};
use crate::problems::Problems;

/// What a run that follows swaps worked on last, and what its attempts that have not ended
/// began with. Gives when each agent name was last on another component than that: what is
/// committed from then on is news to it.
pub(crate) async fn follow(
    pinned: &mut Pinned,
    (state, entries): (&RunState, &[Entry]),
    today: &Opened,
    (held, blobs): (&Held, &dyn Blobs),
) -> Result<BTreeMap<Name, Timestamp>, Problems> {
    if pinned.opened.project.pin != RunPin::Step || state.pin.is_none() {
        return Ok(BTreeMap::new());
    }
    let began = state.span.0;
    let names = state.agents.keys().map(|name| (name.clone(), Vec::new()));
    let mut worked: BTreeMap<Name, Vec<(Timestamp, Digest)>> = names.collect();
    let mut needed: BTreeSet<(Name, Digest)> = BTreeSet::new();
    for attempt in recorded_attempts(entries).into_values() {
        if let Some(agent) = agent_of_attempt(state, &attempt.id.cell.step, attempt.agent.as_ref())
        {
            let worked = worked.entry(agent.clone()).or_default();
            worked.push((attempt.started, attempt.component));
        }
    }
    worked.values_mut().for_each(|worked| worked.sort_by_key(|(at, _)| *at));
    for open in state.open_attempts() {
        for (called, component) in open.components() {
            if let Some(agent) = agent_of_attempt(state, &open.id.cell.step, called) {
                needed.insert((agent.clone(), component));
            }
        }
    }
    let swapped = held.store.archive().signatures().await.map_err(pinned::storage)?;
    pinned::adopt(&mut pinned.opened, &swapped);
    let Pinned { opened, agents, .. } = pinned;
    for agent in &mut agents.current {
        let was = agent.embedded.outline.digest;
        let last = worked.get(&agent.name).and_then(|worked| worked.last());
        let last = last.map(|(_, component)| *component);
        if let Some(last) = last.filter(|last| *last != was) {
            let on_it = pinned::agent_at(opened, today, &agent.name, last, blobs).await?;
            agents.older.push(std::mem::replace(agent, on_it));
        }
    }
    for (name, component) in needed {
        let mut known = agents.current.iter().chain(&agents.older);
        if known.all(|a| (&a.name, a.embedded.outline.digest) != (&name, component)) {
            let older = pinned::agent_at(opened, today, &name, component, blobs).await?;
            agents.older.push(older);
        }
    }
    let since = |worked: &[(Timestamp, Digest)]| last_change(worked).unwrap_or(began);
    Ok(worked.into_iter().map(|(name, worked)| (name, since(&worked))).collect())
}

/// When an attempt last began on another component than the last one, in order of time. Not when the last one
/// began: between the moment that a commit has and the one in which it is in force, attempts
/// begin on the one before, and a host that ends there would leave the run on it for good.
fn last_change(worked: &[(Timestamp, Digest)]) -> Option<Timestamp> {
    let (_, last) = worked.last()?;
    worked.iter().rfind(|(_, component)| component != last).map(|(at, _)| *at)
}

/// The agent name of an attempt of a step, or of one that was called for it.
fn agent_of_attempt<'a>(
    state: &'a RunState,
    step: &Name,
    called: Option<&'a Name>,
) -> Option<&'a Name> {
    let of_step = || match &state.step(step)?.shape.by {
        StepBy::Agent(name) => Some(name),
        StepBy::People(_) => None,
    };
    called.or_else(of_step)
}

/// What was swapped in is made ready for a run that will take it. Where it cannot be, the
/// run stays on what it has, and says so.
pub(crate) async fn swapped_in(
    host: &Host,
    held: &Held,
    opened: &Opened,
) -> Result<Vec<Arc<Lease>>, Problems> {
    held.generations.load(&held.store, host.clock.as_ref(), &host.kept).await?;
    let mut ready = Vec::new();
    if opened.project.pin == RunPin::Step {
        for pointer in held.generations.of(&pinned::project(&opened.root)).pointers.into_values() {
            ready.push(host.kept.lease(pointer.component()));
            let _ = host.sandbox.prepare(&pointer.agent.bytes).await;
        }
    }
    Ok(ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worked(on: &[(u64, &str)]) -> Vec<(Timestamp, Digest)> {
        on.iter().map(|(at, on)| (Timestamp(*at), Digest::of(on.as_bytes()))).collect()
    }

    #[test]
    fn what_is_committed_while_the_one_before_is_still_worked_on_is_news() {
        // b is committed at 5, an attempt begins on a at 6, and the host ends.
        assert_eq!(last_change(&worked(&[(1, "a"), (6, "a")])), None);
        // b was taken; a is committed again at 8, and another attempt begins on b at 9.
        let taken = worked(&[(1, "a"), (6, "a"), (7, "b"), (9, "b")]);
        assert_eq!(last_change(&taken), Some(Timestamp(6)));
        assert_eq!(last_change(&[]), None);
    }
}
