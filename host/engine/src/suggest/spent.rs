//! What the facts of one run say of its agents without executing anything: what was spent and reserved at one moment, what attempts took of the host. Knows no request.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Capability, Entry, FailureKind, StepBy, Used};
use bailiwick_core::{AttemptId, Bytes, Cost, Fact, Name, RunState};

use super::usage::HostUse;

/// One run by its facts.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// The most that was spent and reserved at one moment, by agent: what a grant must
    /// hold so that nobody waits or is refused.
    pub(crate) peaks: BTreeMap<Name, Cost>,
    /// Powers of which an agent, or one whom it called, was told that there is no more.
    pub(crate) exhausted: BTreeMap<Name, BTreeSet<Capability>>,
    /// What attempts took of the host, at most.
    pub(crate) host: BTreeMap<Name, HostUse>,
    /// How often a call to the web left, where that is more than once.
    pub(crate) left: HashMap<(AttemptId, u32), u32>,
    agents: HashMap<AttemptId, Name>,
    open: HashMap<(AttemptId, u32), Cost>,
    sums: BTreeMap<Name, Cost>,
}

impl Spent {
    /// Reads the facts of a run.
    pub(crate) fn of(state: &RunState, entries: &[Entry]) -> Self {
        let mut spent = Self::default();
        for fact in entries.iter().flat_map(|entry| &entry.facts) {
            spent.take(state, fact);
        }
        spent.left.retain(|_, times| *times > 1);
        spent
    }

    fn take(&mut self, state: &RunState, fact: &Fact) {
        match fact {
            Fact::CellStarted { attempt, .. } => {
                let shape = state.step(&attempt.cell.step).map(|step| &step.shape.by);
                if let Some(StepBy::Agent(agent)) = shape {
                    self.agents.insert(attempt.clone(), agent.clone());
                }
            }
            Fact::Delegated { attempt, index, agent, .. } => {
                self.agents.insert(attempt.callee(*index), agent.clone());
            }
            Fact::CallIntended { attempt, index, capability, reserved, .. } => {
                let call = (attempt.clone(), *index);
                // Requests to the web take nothing from a grant.
                if *capability == Capability::Http {
                    *self.left.entry(call).or_default() += 1;
                    return;
                }
                self.add(attempt, *reserved);
                self.open.insert(call, *reserved);
            }
            Fact::CallAnswered { attempt, index, capability, answer, cost, .. } => {
                self.settle(attempt, *index, *capability, *cost);
                if matches!(answer, CallAnswer::Exhausted { .. }) {
                    // Whoever waits for it may be the one that had no more.
                    for agent in self.payers(attempt) {
                        self.exhausted.entry(agent).or_default().insert(*capability);
                    }
                }
            }
            Fact::CallLost { attempt, index, cost } => {
                self.settle(attempt, *index, Capability::Model, *cost);
            }
            Fact::AttemptFailed { attempt, failure, used, .. } => {
                self.took(attempt, *used, failure.kind == FailureKind::Limit);
            }
            Fact::CellFinished { attempt, used, .. } => self.took(attempt, *used, false),
            _ => {}
        }
    }

    /// What it reserved is given back, and what it cost is taken.
    fn settle(&mut self, attempt: &AttemptId, index: u32, power: Capability, cost: Cost) {
        let Some(reserved) = self.open.remove(&(attempt.clone(), index)) else { return };
        for agent in self.payers(attempt) {
            if let Some(sum) = self.sums.get_mut(&agent) {
                *sum = sum.minus(reserved);
            }
        }
        if power != Capability::Http {
            self.add(attempt, cost);
        }
    }

    fn add(&mut self, attempt: &AttemptId, cost: Cost) {
        for agent in self.payers(attempt) {
            let sum = self.sums.entry(agent.clone()).or_insert(Cost::ZERO);
            *sum = sum.plus(cost);
            let sum = *sum;
            let peak = self.peaks.entry(agent).or_insert(Cost::ZERO);
            *peak = peak.max(sum);
        }
    }

    /// Its agent, and all that wait for it.
    fn payers(&self, attempt: &AttemptId) -> Vec<Name> {
        let (mut payers, mut path) = (Vec::new(), Some(attempt.path.clone()));
        while let Some(here) = path {
            path = here.caller().map(|(above, _)| above);
            let id = AttemptId { path: here, ..attempt.clone() };
            payers.extend(self.agents.get(&id).cloned());
        }
        payers
    }

    fn took(&mut self, attempt: &AttemptId, used: Used, limited: bool) {
        let Some(agent) = self.agents.get(attempt).cloned() else { return };
        let took = HostUse {
            cpu: Duration::from_millis(used.cpu_millis),
            memory: Bytes(used.memory_bytes),
            gate_calls: used.gate_calls,
            known: true,
            limited,
        };
        let most = self.host.entry(agent).or_default();
        *most = most.max(took);
    }
}
