//! What a run that follows swaps was left with: what it worked on last, and what its open attempts began with. Takes up none of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_core::fact::{Entry, Fact, Repin};
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
/// began with. `anew` are the agents that are pinned to something else from `now` on. Gives
/// since when each agent name follows: what was committed from then on and is not what it
/// is on is news to it.
pub(crate) async fn follow(
    pinned: &mut Pinned,
    (state, entries): (&RunState, &[Entry]),
    (anew, now): (Option<&Repin>, Timestamp),
    today: &Opened,
    (held, blobs): (&Held, &dyn Blobs),
) -> Result<BTreeMap<Name, Timestamp>, Problems> {
    if pinned.opened.project.pin != RunPin::Step || state.pin.is_none() {
        return Ok(BTreeMap::new());
    }
    let since = pinned_since(state, entries, (anew, now));
    let mut lasts: BTreeMap<Name, (Timestamp, Digest)> = BTreeMap::new();
    let mut needed: BTreeSet<(Name, Digest)> = BTreeSet::new();
    for attempt in recorded_attempts(entries).into_values() {
        if let Some(agent) = state.agent_of(&attempt.id.cell.step, attempt.agent.as_ref()) {
            let from = lasts.get(agent).map_or(since.get(agent), |(started, _)| Some(started));
            if from.is_some_and(|from| attempt.started >= *from) {
                lasts.insert(agent.clone(), (attempt.started, attempt.component));
            }
        }
    }
    for open in state.open_attempts() {
        for (called, component) in open.components() {
            if let Some(agent) = state.agent_of(&open.id.cell.step, called) {
                needed.insert((agent.clone(), component));
            }
        }
    }
    let project = pinned::project(&pinned.opened.root);
    let swapped = held.store.archive().signatures(project).await.map_err(pinned::storage)?;
    pinned::adopt(&mut pinned.opened, state, &swapped);
    let Pinned { opened, agents, .. } = pinned;
    for agent in &mut agents.current {
        let was = agent.embedded.outline.digest;
        let last = lasts.get(&agent.name).map(|(_, component)| *component);
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
    Ok(since)
}

/// Since when each agent name of a run is what the run is pinned to: what was worked on
/// before says nothing any more.
fn pinned_since(
    state: &RunState,
    entries: &[Entry],
    (anew, now): (Option<&Repin>, Timestamp),
) -> BTreeMap<Name, Timestamp> {
    let mut since: BTreeMap<_, _> =
        state.agents.keys().map(|name| (name.clone(), state.span.0)).collect();
    for Entry { at, facts } in entries {
        for fact in facts {
            if let Fact::RunResumed { repinned: Some(repin), .. } = fact {
                since.extend(repin.agents.keys().map(|name| (name.clone(), *at)));
            }
        }
    }
    since.extend(anew.into_iter().flat_map(|repin| repin.agents.keys().map(|n| (n.clone(), now))));
    since
}

/// What was swapped in is made ready for a run that will take it. Where it cannot be, the
/// run stays on what it has, and says so.
pub(crate) async fn swapped_in(
    host: &Host,
    held: &Held,
    opened: &Opened,
) -> Result<Vec<Arc<Lease>>, Problems> {
    let project = pinned::project(&opened.root);
    held.generations.load(&project).await?;
    let mut ready = Vec::new();
    if opened.project.pin == RunPin::Step {
        for pointer in held.generations.of(&project).pointers.into_values() {
            if let Ok(agent) = &pointer.agent {
                ready.push(host.kept.lease(pointer.component()));
                let _ = host.sandbox.prepare(&agent.bytes).await;
            }
        }
    }
    Ok(ready)
}
