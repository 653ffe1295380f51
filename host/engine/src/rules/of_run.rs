//! What holds for the agents of one run: the powers it is pinned to, narrowed by the rules of now. One snapshot for each version of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::fact::RunLabels;
use bailiwick_core::{Digest, Name, RunId};
use bailiwick_policy::intersect::{RequestedLimits, Resources};
use bailiwick_policy::{
    Credential, Effective, Generation, Grants, Narrowing, Rules, Says, Standing,
};

use super::{HostRules, Watched};
use crate::labels;
use crate::load::Opened;
use crate::powers::{CAPABILITIES, shown_grant};

/// Whose powers: an agent name on a component with what it began with.
type Key = (Name, Digest, Digest);

/// How many versions of the rules an agent is still known under that was not asked about
/// since: an attempt looks at each of its calls, and one that waits longer is made anew.
const VERSIONS_KEPT: u64 = 16;

/// What holds for an agent, and what it began with.
pub(crate) type Known = (Arc<Standing>, Arc<Generation>);

/// The rules as one run meets them.
pub(crate) struct RunRules {
    run: RunId,
    host: Arc<HostRules>,
    files: Arc<Watched>,
    resources: Resources,
    labels: RunLabels,
    /// As they were when the run began: under another definition the same name is another one.
    credentials: BTreeMap<Name, Credential>,
    known: Mutex<HashMap<Key, Known>>,
}

impl RunRules {
    /// For a run of a project as it is pinned.
    pub(crate) fn new(
        run: RunId,
        (host, files): (Arc<HostRules>, Arc<Watched>),
        opened: &Opened,
        labels: &RunLabels,
    ) -> Arc<Self> {
        let rules = Arc::new(Self {
            run,
            host,
            files: Arc::clone(&files),
            resources: opened.resources.clone(),
            labels: labels.clone(),
            credentials: opened.policy.credentials.clone(),
            known: Mutex::default(),
        });
        files.joined(&rules);
        rules
    }

    fn made(&self, generation: &Generation, version: u64) -> Standing {
        let files = self.files.files();
        let (mut granted, limits) = match files.project.agents.get(&generation.agent) {
            Some(agent) => (agent.grants.clone(), agent.limits.clone()),
            None => (Grants::none(), RequestedLimits::default()),
        };
        granted.http.rules.retain(|rule| {
            let same = |name| files.policy.credentials.get(name) == self.credentials.get(name);
            rule.credential.as_ref().is_none_or(same)
        });
        let revoked = self.host.revoked();
        let narrowing = Narrowing {
            agent: &generation.agent,
            identity: &generation.identity,
            component: generation.component,
            key: generation.key,
            granted: &granted,
            limits: &limits,
            resources: &self.resources,
            policy: &files.policy,
            revoked: &revoked,
        };
        let clearances = labels::clearances(&files.policy, &self.labels);
        Standing::of(&generation.effective, &narrowing, clearances, version)
    }

    /// What holds for each agent of this run at this moment.
    pub(crate) fn known(&self) -> Vec<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().cloned().collect()
    }

    /// What the agents of this run have lost since then, each power with who says so.
    pub(crate) fn lost(&self, since: &[Known]) -> Vec<String> {
        let mut lost = Vec::new();
        for (before, generation) in since {
            let now = self.made(generation, self.version());
            for capability in CAPABILITIES {
                let shown = |powers: &Effective| shown_grant(&powers.grants, capability);
                let (was, is) = (shown(before.effective()), shown(now.effective()));
                if was == is {
                    continue;
                }
                let step = now.steps().iter().find(|step| shown(&step.left) == is);
                let who = step.map_or_else(String::new, |step| says(&step.says, &generation.agent));
                let words = |text: Option<String>| text.unwrap_or_else(|| "nothing".to_owned());
                lost.push(format!(
                    "run {}, {}: {capability} was {}, and is {}{who}",
                    self.run,
                    generation.agent,
                    words(was),
                    words(is)
                ));
            }
        }
        lost.sort();
        lost.dedup();
        lost
    }
}

/// `: [ceiling."local/*"] in policy.toml`.
fn says(says: &Says, agent: &Name) -> String {
    match says {
        Says::Grants => format!(": [agents.{agent}] in bailiwick.toml"),
        Says::Ceiling(Some(pattern)) => {
            format!(": [ceiling.{:?}] in policy.toml", pattern.as_str())
        }
        Says::Ceiling(None) => ": no [ceiling] of policy.toml matches it".to_owned(),
        Says::Revoked(gone) => format!(": bailiwick revoke {gone}"),
        Says::Withdrawn(gone) => format!(": {gone}"),
    }
}

impl Rules for RunRules {
    fn version(&self) -> u64 {
        self.host.version()
    }

    fn standing(&self, generation: &Generation) -> Arc<Standing> {
        // Before the files: what changes meanwhile is looked at again.
        let version = self.version();
        let key = (generation.agent.clone(), generation.component, generation.powers);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((standing, _)) = known.get(&key)
            && standing.version == version
        {
            return Arc::clone(standing);
        }
        let standing = Arc::new(self.made(generation, version));
        known.retain(|_, (one, _)| one.version.saturating_add(VERSIONS_KEPT) >= version);
        known.insert(key, (Arc::clone(&standing), Arc::new(generation.clone())));
        standing
    }
}
