//! Who looks at a data folder: a display is a sink with the clearance of its viewer. Shows nothing itself.

use bailiwick_core::{Name, RunState};
use bailiwick_policy::{Caller, Policy, Right, Unauthorized};

use crate::labels::may_see;
use crate::problems::Problems;

/// Somebody who looks, and the policy that says what he may see.
#[derive(Clone, Debug)]
pub struct Viewer {
    policy: Policy,
    caller: Caller,
}

impl Viewer {
    /// A viewer under a policy.
    #[must_use]
    pub fn new(policy: Policy, caller: Caller) -> Self {
        Self { policy, caller }
    }

    /// Somebody who sees everything.
    #[cfg(test)]
    pub(crate) fn host() -> Self {
        Self::new(Policy::built_in(), Caller::who_runs_it(0))
    }

    /// Whether he has a right besides.
    pub(crate) fn may(&self, right: Right) -> Result<String, Unauthorized> {
        self.policy.people.may(self.caller, right)
    }

    /// Whether he may see whatever there is, so that nothing has to be looked at for its label.
    pub(crate) fn sees_all(&self) -> bool {
        let clearance = self.policy.people.clearance(self.caller);
        clearance.covers(Some(self.policy.labels.order.highest()))
    }

    /// # Errors
    /// [`Problems`] where he may not see all of a folder.
    pub fn may_see_all(&self) -> Result<(), Problems> {
        let order = &self.policy.labels.order;
        may_see(&self.policy, self.caller, Some(order.name(order.highest())))
    }

    /// # Errors
    /// [`Problems`] where he may not see all of a run.
    pub fn may_see(&self, run: &RunState) -> Result<(), Problems> {
        let whole = run.labels.as_ref().map(|labels| labels.whole.as_str());
        may_see(&self.policy, self.caller, whole)
    }

    /// Whether he may see what a step of a run knows.
    pub(crate) fn sees_step(&self, run: &RunState, step: &Name) -> bool {
        may_see(&self.policy, self.caller, step_label(run, step)).is_ok()
    }
}

/// The label of a step as its run wrote it down; nothing where it did not. A step that is
/// not among those that it labelled is as high as the whole.
pub(crate) fn step_label<'a>(run: &'a RunState, step: &Name) -> Option<&'a str> {
    let labels = run.labels.as_ref()?;
    Some(labels.steps.get(step).map_or(labels.whole.as_str(), |step| step.label.as_str()))
}
