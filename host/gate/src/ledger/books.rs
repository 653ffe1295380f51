//! The numbers behind the ledger, under one lock: a reservation takes from every account or from none. Waits for nobody.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bailiwick_core::{Cost, Day, Name, RunId};
use bailiwick_policy::{Budget, Budgets};
use tokio::sync::Notify;

use super::spent::{Purse, Spent};
use super::{Allowance, Payer};

/// How many days are counted before old ones are let go: a clock that is wrong by more than
/// a year is seen by whoever looks at it, and a day takes some dozen bytes.
const DAYS_KEPT: usize = 400;

/// The accounts, and the bell that rings when something was settled.
#[derive(Default)]
pub(super) struct Books {
    accounts: Mutex<Accounts>,
    pub(super) freed: Notify,
}

#[derive(Default)]
pub(super) struct Accounts {
    pub(super) runs: HashMap<RunId, OfRun>,
    pub(super) days: BTreeMap<Day, Sums>,
}

#[derive(Default)]
pub(super) struct OfRun {
    pub(super) budgets: Arc<Budgets>,
    pub(super) agents: HashMap<Name, Sums>,
    pub(super) steps: HashMap<Name, Sums>,
    /// What the host asked for agents before the first cell: counts against their ceilings
    /// and not against what they were granted.
    pub(super) prepared: HashMap<Name, Sums>,
}

/// One account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) spent: Cost,
    pub(super) reserved: Cost,
    /// For a day: what earlier processes spent is in it.
    pub(super) seeded: bool,
}

/// From which accounts something is reserved. The day is that of the reservation: what
/// is settled after midnight belongs to the day before.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) run: RunId,
    /// The agents and the step.
    pub(super) by: Option<(Vec<Name>, Name)>,
    /// Nobody's step: the agents for whom the host asks.
    prepared: Vec<Name>,
    pub(super) day: Day,
    pub(super) reserved: Cost,
}

pub(super) enum Verdict {
    Held(Taken),
    Later,
    Never(Spent),
}

impl Books {
    pub(super) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives back what was reserved and charges what was spent.
    pub(super) fn close(&self, taken: &Taken, spent: Cost) {
        let mut accounts = self.accounts();
        accounts.each(taken, |sums| {
            sums.reserved = sums.reserved.minus(taken.reserved);
            sums.spent = sums.spent.plus(spent);
        });
        drop(accounts);
        self.freed.notify_waiters();
    }
}

impl Accounts {
    pub(super) fn of_run(&mut self, run: &RunId) -> &mut OfRun {
        // Asked for far more often than made.
        if !self.runs.contains_key(run) {
            self.runs.insert(run.clone(), OfRun::default());
        }
        self.runs.entry(run.clone()).or_default()
    }

    pub(super) fn reserve(&mut self, payer: Payer<'_>, worst: Cost, today: Day) -> Verdict {
        // A day that is over may come again: a clock that was put forward is put back.
        if self.days.len() > DAYS_KEPT {
            let over = today.0.saturating_sub(DAYS_KEPT as u64);
            self.days.retain(|day, sums| day.0 >= over || sums.reserved != Cost::ZERO);
        }
        let day = self.days.entry(today).or_default().to_owned();
        let of_run = self.of_run(payer.run);
        let mut later = false;
        for (account, most, sums) in
            of_run.asked(payer).into_iter().chain([(Purse::Day, of_run.day(payer), day)])
        {
            let when = of_run.when(&account);
            let word = (when, of_run.budgets.currency);
            if let Err(spent) = account.check(most, sums.spent, worst, word) {
                return Verdict::Never(spent);
            }
            later |= !most.holds(sums.spent.plus(sums.reserved).plus(worst));
        }
        if later {
            return Verdict::Later;
        }
        let by = payer.by.map(|(agent, step)| {
            let agents = payer.agents(agent).map(|(agent, _)| agent.clone()).collect();
            (agents, step.clone())
        });
        let prepared = payer.prepares().map(|(agent, _)| agent.clone()).collect();
        let run = payer.run.clone();
        let taken = Taken { run, by, prepared, day: today, reserved: worst };
        self.each(&taken, |sums| sums.reserved = sums.reserved.plus(worst));
        Verdict::Held(taken)
    }

    /// Does something to every account that was taken from. Those of a run that was
    /// closed meanwhile are gone; the day stays.
    fn each(&mut self, taken: &Taken, mut change: impl FnMut(&mut Sums)) {
        change(self.days.entry(taken.day).or_default());
        let Some(of_run) = self.runs.get_mut(&taken.run) else { return };
        for agent in &taken.prepared {
            change(of_run.prepared.entry(agent.clone()).or_default());
        }
        if let Some((agents, step)) = &taken.by {
            for agent in agents {
                change(of_run.agents.entry(agent.clone()).or_default());
            }
            change(of_run.steps.entry(step.clone()).or_default());
        }
    }
}

impl<'a> Payer<'a> {
    /// The agents that pay, each once, with what they may spend; nobody where the call does
    /// not count against grants.
    fn agents(self, own: Option<&'a Name>) -> impl Iterator<Item = (&'a Name, Allowance)> {
        let above = if own.is_some() { self.above } else { &[] };
        let above = above.iter().filter(move |(agent, _)| Some(agent) != own);
        own.map(|agent| (agent, self.own))
            .into_iter()
            .chain(above.map(|(agent, allowed)| (agent, *allowed)))
    }
}

impl<'a> Payer<'a> {
    /// The agents for whom the host asks before the first cell.
    fn prepares(self) -> impl Iterator<Item = (&'a Name, Allowance)> {
        let all = if self.by.is_none() { self.above } else { &[] };
        all.iter().map(|(agent, allowed)| (agent, *allowed))
    }
}

impl OfRun {
    /// The accounts of the run that this payer takes from, with their budgets.
    fn asked(&self, payer: Payer<'_>) -> Vec<(Purse, Budget, Sums)> {
        let Some((agent, step)) = payer.by else {
            return payer.prepares().map(|one| self.under_ceiling(one)).collect();
        };
        let in_step = self.budgets.steps.get(step).map_or(Budget::NONE, |budget| budget.most);
        let sums = |all: &HashMap<Name, Sums>, name| all.get(name).copied().unwrap_or_default();
        let mut asked = vec![(Purse::Step(step.clone()), in_step, sums(&self.steps, step))];
        asked.extend(payer.agents(agent).map(|(agent, allowed)| {
            let granted = self.granted(agent, allowed);
            (Purse::Agent(agent.clone()), granted, sums(&self.agents, agent))
        }));
        let bounded = payer.agents(agent).filter(|(_, allowed)| !allowed.ceiling.is_none());
        asked.extend(bounded.map(|one| self.under_ceiling(one)));
        asked
    }

    /// What an agent takes and what was taken for it, within its ceiling.
    fn under_ceiling(&self, (agent, allowed): (&Name, Allowance)) -> (Purse, Budget, Sums) {
        let both = [&self.agents, &self.prepared];
        let sums =
            both.iter().filter_map(|all| all.get(agent)).fold(Sums::default(), |sum, one| Sums {
                spent: sum.spent.plus(one.spent),
                reserved: sum.reserved.plus(one.reserved),
                ..sum
            });
        (Purse::Ceiling(agent.clone()), allowed.ceiling, sums)
    }

    fn granted(&self, agent: &Name, allowed: Allowance) -> Budget {
        self.budgets.agents.get(agent).copied().unwrap_or(allowed.granted).min(allowed.most)
    }

    fn day(&self, payer: Payer<'_>) -> Budget {
        self.budgets.day.min(payer.day)
    }

    fn when(&self, account: &Purse) -> bailiwick_policy::WhenSpent {
        match account {
            Purse::Step(step) => self.budgets.steps.get(step).map(|budget| budget.when),
            Purse::Agent(_) | Purse::Ceiling(_) | Purse::Day => None,
        }
        .unwrap_or(self.budgets.when)
    }

    pub(super) fn counts_money(&self, payer: Payer<'_>) -> bool {
        let named = payer.by.is_some_and(|(agent, step)| {
            let mut agents = payer.agents(agent);
            agents.any(|(agent, allowed)| {
                self.granted(agent, allowed).min(allowed.ceiling).money.is_some()
            }) || self.budgets.steps.get(step).is_some_and(|budget| budget.most.money.is_some())
        });
        let prepared = payer.prepares().any(|(_, allowed)| allowed.ceiling.money.is_some());
        named || prepared || self.day(payer).money.is_some()
    }
}
