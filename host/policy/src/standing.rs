//! What holds for an agent at one moment: what it began with, and everything that narrows it since, one step after the other. Pure; who reads the files and when is another's business.

use std::sync::Arc;

use bailiwick_core::{Digest, Name};

use crate::budget::Budget;
use crate::ceiling::{Ceiling, Pattern, Policy};
use crate::flow::Clearances;
use crate::generation::Generation;
use crate::grants::{Grants, ModelGrant};
use crate::intersect::{Effective, Excess, RequestedLimits, Resources, intersect};
use crate::publishers::{SignedWith, Withdrawn};
use crate::revoked::Revocation;

/// Who says how far a power reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// The agent's table in `bailiwick.toml`, as it is now.
    Grants,
    /// This rule of `policy.toml`, as it is now; nothing: that none matches the agent.
    Ceiling(Option<Pattern>),
    /// Somebody, who took a power away.
    Revoked(Revocation),
    /// The admin, who admits the component no more.
    Withdrawn(Withdrawn),
}

/// One step of the narrowing: who spoke, and what was left then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who.
    pub says: Says,
    /// What was left.
    pub left: Effective,
    /// For a rule of the ceiling: what the grants have above it.
    pub above: Vec<Excess>,
}

/// What holds for an agent at one moment. A request that is refused can be held against
/// each step: the first that refuses it is the one that decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Which version of the rules it was made from.
    pub version: u64,
    /// What may be sent where.
    pub clearances: Clearances,
    /// What the agent may spend in a run by the grants and ceilings of now.
    pub most: Budget,
    /// The least numbers for models of the ceilings of now that match it, whether it is
    /// granted a model or not: what a collection that it searches takes of one, counts here.
    pub ceiling: Budget,
    /// What its project may spend in a day by the policy of now.
    pub day: Budget,
    first: Effective,
    steps: Vec<Step>,
}

/// Everything that narrows an agent's powers.
#[derive(Clone, Copy, Debug)]
pub struct Narrowing<'a> {
    /// The operator's name for the agent.
    pub agent: &'a Name,
    /// `publisher/name` of its component.
    pub identity: &'a str,
    /// The component's bytes.
    pub component: Digest,
    /// What it is signed with, and when, where it is.
    pub key: Option<SignedWith>,
    /// What `bailiwick.toml` grants it.
    pub granted: &'a Grants,
    /// The limits that it asks for there.
    pub limits: &'a RequestedLimits,
    /// What the grants are about.
    pub resources: &'a Resources,
    /// The ceiling.
    pub policy: &'a Policy,
    /// What was taken away.
    pub revoked: &'a [Revocation],
}

impl Narrowing<'_> {
    /// Every step, in the order in which they are asked: grants, each rule of the ceiling
    /// that matches, each revocation, and whether the component is still admitted. What a step leaves is what is left of `first` by then.
    fn steps(&self, first: &Effective) -> Vec<Step> {
        let granted = Effective { grants: self.granted.clone(), limits: self.limits.limits };
        let mut steps: Vec<Step> = Vec::new();
        let mut narrow = |says, by: &Effective, above| {
            let before = steps.last().map_or(first, |step| &step.left);
            let left = before.narrowed(by);
            steps.push(Step { says, left, above });
        };
        narrow(Says::Grants, &granted, Vec::new());
        let mut matched = false;
        for (pattern, ceiling) in self.policy.matching(self.identity) {
            matched = true;
            let (left, above) = self.under(pattern, ceiling);
            narrow(Says::Ceiling(Some(pattern.clone())), &left, above);
        }
        if !matched {
            let nothing = Effective { grants: Grants::none(), limits: self.limits.limits };
            narrow(Says::Ceiling(None), &nothing, Vec::new());
        }
        for gone in self.revoked.iter().filter(|gone| gone.holder.is(self.agent, self.identity)) {
            let before = steps.last().map_or(first, |step| &step.left);
            let grants = before.grants.clone().without(&gone.power);
            let left = Effective { grants, limits: before.limits };
            steps.push(Step { says: Says::Revoked(gone.clone()), left, above: Vec::new() });
        }
        if let Some(gone) = self.withdrawn() {
            let limits = steps.last().map_or(first, |step| &step.left).limits;
            let left = Effective { grants: Grants::none(), limits };
            steps.push(Step { says: Says::Withdrawn(gone), left, above: Vec::new() });
        }
        steps
    }

    fn withdrawn(&self) -> Option<Withdrawn> {
        self.policy.withdrawn(&self.component, self.key, self.identity)
    }

    /// What the grants are under one rule alone, and what of them is above it.
    fn under(&self, pattern: &Pattern, ceiling: &Ceiling) -> (Effective, Vec<Excess>) {
        let ceilings = vec![(pattern.clone(), ceiling.clone())];
        let policy = Policy { ceilings, ..Policy::built_in() };
        intersect(self.identity, self.granted, self.limits, self.resources, &policy)
    }
}

impl Standing {
    /// What is left of powers.
    #[must_use]
    pub fn of(
        first: &Effective,
        narrowing: &Narrowing<'_>,
        clearances: Clearances,
        version: u64,
    ) -> Self {
        let Narrowing { identity, granted, limits, resources, policy, .. } = narrowing;
        let (today, _) = intersect(identity, granted, limits, resources, policy);
        Self {
            version,
            clearances,
            most: today.grants.model.as_ref().map(ModelGrant::budget).unwrap_or_default(),
            ceiling: policy.of_models(identity),
            day: policy.per_day,
            first: first.clone(),
            steps: narrowing.steps(first),
        }
    }

    /// What holds where nothing narrows anything.
    #[must_use]
    pub fn unnarrowed(first: &Effective, clearances: Clearances) -> Self {
        Self {
            version: 0,
            clearances,
            most: Budget::NONE,
            ceiling: Budget::NONE,
            day: Budget::NONE,
            first: first.clone(),
            steps: Vec::new(),
        }
    }

    /// What holds in the end.
    #[must_use]
    pub fn effective(&self) -> &Effective {
        self.steps.last().map_or(&self.first, |step| &step.left)
    }

    /// What it began with.
    #[must_use]
    pub fn first(&self) -> &Effective {
        &self.first
    }

    /// Why the component is admitted no more, where it is not.
    #[must_use]
    pub fn withdrawn(&self) -> Option<&Withdrawn> {
        self.steps.iter().find_map(|step| match &step.says {
            Says::Withdrawn(gone) => Some(gone),
            _ => None,
        })
    }

    /// Who took a model away, by its alias or all of them, where somebody did.
    #[must_use]
    pub fn revoked_model(&self, alias: &str) -> Option<&Revocation> {
        self.steps.iter().find_map(|step| match &step.says {
            Says::Revoked(gone) if gone.power.is_model(alias) => Some(gone),
            _ => None,
        })
    }

    /// Every step of the narrowing since.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// What holds on a host, from moment to moment.
pub trait Rules: Send + Sync {
    /// Rises whenever anything of it has changed. Asked at every call: it takes nanoseconds.
    fn version(&self) -> u64;

    /// What holds for a generation now, as one snapshot.
    fn standing(&self, generation: &Generation) -> Arc<Standing>;
}

/// Rules that never change: where there is no file that could.
#[derive(Clone, Debug)]
pub struct Unchanging(pub Clearances);

impl Rules for Unchanging {
    fn version(&self) -> u64 {
        0
    }

    fn standing(&self, generation: &Generation) -> Arc<Standing> {
        Arc::new(Standing::unnarrowed(&generation.effective, self.0.clone()))
    }
}
