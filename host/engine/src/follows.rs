//! A run that follows swaps (`pin = "step"`): whether a component that was swapped in fits it, and with which powers. Knows no attempt.

mod left;

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::{Digest, Name, RunId, Timestamp};
use bailiwick_policy::intersect::{RequestedLimits, Resources};
use bailiwick_policy::{Generation, Grants, Policy, intersect};
use bailiwick_sandbox::Sandbox;
use bailiwick_store::SlotName;

use crate::components::Agent;
use crate::desk::Complain;
use crate::generations::{Generations, Pointer};
use crate::host::Host;
use crate::kept::Kept;
use crate::load::Opened;
use crate::pinned::project;
use crate::slots::Held;
use crate::swap::fits;

pub(crate) use left::{follow, swapped_in};

/// What a run follows, and the ground that it stands on.
pub(crate) struct Follows {
    run: RunId,
    project: String,
    generations: Arc<Generations>,
    sandbox: Arc<Sandbox>,
    kept: Arc<Kept>,
    grants: BTreeMap<Name, (Grants, RequestedLimits)>,
    resources: Resources,
    policy: Policy,
    from: Unseen,
    complain: Complain,
}

/// Which commits a run has not seen.
#[derive(Clone, Debug)]
pub(crate) enum Unseen {
    /// It began when there had been so many flips in this process.
    Flip(u64),
    /// It goes on: of each agent, commits since this moment.
    Since(BTreeMap<Name, Timestamp>),
}

impl Follows {
    pub(crate) fn new(
        host: &Host,
        generations: &Arc<Generations>,
        (run, opened): (&RunId, &Opened),
        from: Unseen,
        complain: Complain,
    ) -> Self {
        let agents = opened.project.agents.iter();
        Self {
            run: run.clone(),
            project: project(&opened.root),
            generations: Arc::clone(generations),
            sandbox: Arc::clone(&host.sandbox),
            kept: Arc::clone(&host.kept),
            grants: agents
                .map(|(name, agent)| (name.clone(), (agent.grants.clone(), agent.limits.clone())))
                .collect(),
            resources: opened.resources.clone(),
            policy: opened.policy.clone(),
            from,
            complain,
        }
    }

    pub(crate) fn serial(&self) -> u64 {
        self.generations.serial()
    }

    /// How many flips it has seen at first: one that goes on looks at once.
    pub(crate) fn seen(&self) -> u64 {
        match self.from {
            Unseen::Flip(serial) => serial,
            Unseen::Since(_) => u64::MAX,
        }
    }

    /// What an agent name of this run points at from now on; nothing where it stays.
    pub(crate) fn next(&self, name: &Name, now: &Generation, seen: u64) -> Option<Held> {
        let slot = SlotName { project: self.project.clone(), agent: name.clone() };
        let pointer = self.generations.pointer(&slot)?;
        let is_new = match &self.from {
            Unseen::Since(since) if seen == u64::MAX => {
                since.get(name).is_some_and(|since| pointer.since() >= *since)
            }
            _ => pointer.serial > seen,
        };
        if !is_new || pointer.component() == now.component {
            return None;
        }
        match self.fit(name, now, &pointer) {
            Ok(generation) => {
                let lease = self.kept.lease(pointer.component());
                Some(Held { generation: Arc::new(generation), lease })
            }
            Err(why) => {
                let (run, stays) = (&self.run, now.component.short());
                (self.complain)(format!("run {run} stays on {name} {stays}: {why}"));
                None
            }
        }
    }

    /// A run that goes never gets a power that it did not begin with, and its cells were
    /// checked against the schemas that it began with.
    fn fit(&self, name: &Name, now: &Generation, to: &Pointer) -> Result<Generation, String> {
        let Some((grants, limits)) = self.grants.get(name) else {
            return Err("its project has no such agent".into());
        };
        let bare = to.agent.as_ref().map_err(|why| why.message.clone())?;
        let whose = to.whose(&self.policy).map_err(|why| why.message)?;
        let agent = Agent { identity: whose.identity, signed: whose.signed, ..bare.clone() };
        // Ceilings of others may say whom they call.
        if agent.identity != now.identity {
            return Err(format!("it is {} and not {}", agent.identity, now.identity));
        }
        let (effective, _) =
            intersect(&agent.identity, grants, limits, &self.resources, &self.policy);
        let admitted = self.sandbox.admit(&to.component(), name, &effective.grants);
        admitted.map_err(|refused| refused.to_string())?;
        let (input, output) = &agent.schemas;
        if let Some(why) = fits::input(now.input.value(), input.value()) {
            return Err(format!("its input would not fit: {why}"));
        }
        if let Some(why) = fits::output(now.output.value(), output.value()) {
            return Err(format!("its output would not fit: {why}"));
        }
        // The digest of what it depends on follows from these powers.
        let generation = agent.generation(Digest::of(b""));
        Ok(Generation { powers: effective.digest(), effective, ..generation })
    }
}
