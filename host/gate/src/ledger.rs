//! Accounts of runs and of the project's day: reserved from all at once before a request leaves, settled after. Knows no price and no file.

mod books;
mod shelf;
mod spent;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::ports::Clock;
use bailiwick_core::{Cost, Currency, Day, Name, RunId};
use bailiwick_policy::{Budget, Budgets};

use books::{Books, Taken, Verdict};
pub use shelf::{RUN_BLOBS_MAX, Shelf, put_in};
pub use spent::{Purse, Spent};

/// All accounts of a project. A clone is the same ledger: runs of one project share its day.
#[derive(Clone, Default)]
pub struct Ledger {
    books: Arc<Books>,
    shelves: Arc<Mutex<HashMap<RunId, Arc<Shelf>>>>,
}

/// Who pays for a request: the accounts that it takes from, besides the day's.
#[derive(Clone, Copy, Debug)]
pub struct Payer<'a> {
    /// The run.
    pub run: &'a RunId,
    /// Step, and the agent where the call counts against its grant; nothing for what the
    /// host asks before the first cell.
    pub by: Option<(Option<&'a Name>, &'a Name)>,
    /// What that agent may spend.
    pub own: Allowance,
    /// What the rules of now leave of the project's day, whatever the run began with.
    pub day: Budget,
    /// Where the agent was called by others: those. What it takes counts for each of them.
    /// For what the host asks before the first cell: for whom it does, by their ceilings.
    pub above: &'a [(Name, Allowance)],
}

/// What one agent may spend in a run.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// What its generation was granted: counts where the run's budgets do not name it.
    pub granted: Budget,
    /// What the rules of now leave of its numbers, whatever the run began with.
    pub most: Budget,
    /// What the ceilings of now leave: they also count what the host asked of a model for
    /// it before the first cell.
    pub ceiling: Budget,
}

impl Allowance {
    /// No bound but those of the run.
    pub const UNBOUND: Self =
        Self { granted: Budget::NONE, most: Budget::NONE, ceiling: Budget::NONE };
}

impl<'a> Payer<'a> {
    /// What the host pays for before the first cell, and who has no rules but those of the run.
    #[must_use]
    pub fn of(run: &'a RunId, by: Option<(Option<&'a Name>, &'a Name)>) -> Self {
        Self { run, by, own: Allowance::UNBOUND, day: Budget::NONE, above: &[] }
    }
}

/// A reservation. Dropped without a word it counts as lost, and lost is charged in
/// full: the request may have been worked on.
#[must_use = "a reservation is settled or refunded; dropped it is charged in full"]
pub struct Hold {
    books: Arc<Books>,
    taken: Taken,
    open: bool,
}

impl Ledger {
    /// Sets what a run may spend, or sets it anew: what it has spent stays.
    pub fn open(&self, run: &RunId, budgets: Arc<Budgets>) {
        self.books.accounts().of_run(run).budgets = budgets;
        self.books.freed.notify_waiters();
    }

    /// What a resumed run has spent already, as its journal says.
    pub fn seed(&self, run: &RunId, by_agent: BTreeMap<Name, Cost>, by_step: BTreeMap<Name, Cost>) {
        let mut accounts = self.books.accounts();
        let of_run = accounts.of_run(run);
        for (agent, spent) in by_agent {
            of_run.agents.entry(agent).or_default().spent = spent;
        }
        for (step, spent) in by_step {
            of_run.steps.entry(step).or_default().spent = spent;
        }
    }

    /// What was spent for agents before the first cell of a resumed run, as its journal says.
    pub fn seed_prepared(&self, run: &RunId, by_agent: BTreeMap<Name, Cost>) {
        let mut accounts = self.books.accounts();
        let of_run = accounts.of_run(run);
        for (agent, spent) in by_agent {
            of_run.prepared.entry(agent).or_default().spent = spent;
        }
    }

    /// What a run has spent by its journal, where its journal failed in this very process:
    /// that replaces what was counted here, and the day is set right by the difference.
    /// Nothing of the run may be reserved.
    pub fn recount(
        &self,
        run: &RunId,
        day: Day,
        by_agent: BTreeMap<Name, Cost>,
        by_step: BTreeMap<Name, Cost>,
    ) {
        let sum = |costs: &mut dyn Iterator<Item = Cost>| costs.fold(Cost::ZERO, Cost::plus);
        let mut accounts = self.books.accounts();
        let of_run = accounts.of_run(run);
        // Each call is one step's, but may count for several agents.
        let before = sum(&mut of_run.steps.values().map(|sums| sums.spent));
        let after = sum(&mut by_step.values().copied());
        for (all, spent) in [(&mut of_run.agents, by_agent), (&mut of_run.steps, by_step)] {
            all.values_mut().for_each(|sums| sums.spent = Cost::ZERO);
            for (name, spent) in spent {
                all.entry(name).or_default().spent = spent;
            }
        }
        let account = accounts.days.entry(day).or_default();
        account.spent = account.spent.plus(after.minus(before)).minus(before.minus(after));
        drop(accounts);
        self.books.freed.notify_waiters();
    }

    /// What the project has spent on a day already, as the journals say. Only the first
    /// word on a day counts: from then on the day is counted here.
    pub fn seed_day(&self, day: Day, spent: Cost) {
        let mut accounts = self.books.accounts();
        let account = accounts.days.entry(day).or_default();
        if !account.seeded {
            account.seeded = true;
            account.spent = account.spent.plus(spent);
        }
    }

    /// Charges the day for calls that an earlier process left open: nobody will settle them.
    pub fn lose(&self, day: Day, cost: Cost) {
        let mut accounts = self.books.accounts();
        let account = accounts.days.entry(day).or_default();
        account.spent = account.spent.plus(cost);
    }

    /// Whether money bounds what this payer does: then every request needs a price.
    #[must_use]
    pub fn counts_money(&self, payer: Payer<'_>) -> bool {
        self.books.accounts().of_run(payer.run).counts_money(payer)
    }

    /// Reserves a worst case from all accounts of the payer, or from none. Where it does
    /// not fit now but may when other calls were settled below their own worst case, it
    /// waits for them: an error means that even then there is no room.
    ///
    /// # Errors
    /// The account that is spent, and what is to follow from that.
    pub async fn reserve(
        &self,
        payer: Payer<'_>,
        worst: Cost,
        clock: &dyn Clock,
    ) -> Result<Hold, Spent> {
        loop {
            let freed = self.books.freed.notified();
            tokio::pin!(freed);
            // Registered before the look, so that a settlement in between is not missed.
            freed.as_mut().enable();
            let verdict = self.books.accounts().reserve(payer, worst, Day::of(clock.now()));
            match verdict {
                Verdict::Held(taken) => {
                    return Ok(Hold { books: Arc::clone(&self.books), taken, open: true });
                }
                Verdict::Never(spent) => return Err(spent),
                Verdict::Later => freed.await,
            }
        }
    }

    /// What money is in a run.
    #[must_use]
    pub fn currency(&self, run: &RunId) -> Option<Currency> {
        self.books.accounts().of_run(run).budgets.currency
    }

    /// What an agent has spent in a run so far, open reservations not counted.
    #[must_use]
    pub fn spent_by(&self, run: &RunId, agent: &Name) -> Cost {
        let mut accounts = self.books.accounts();
        accounts.of_run(run).agents.get(agent).copied().unwrap_or_default().spent
    }

    /// What a step has spent in a run so far, open reservations not counted.
    #[must_use]
    pub fn spent_in(&self, run: &RunId, step: &Name) -> Cost {
        let mut accounts = self.books.accounts();
        accounts.of_run(run).steps.get(step).copied().unwrap_or_default().spent
    }

    /// What the project has spent on a day so far, open reservations not counted.
    #[must_use]
    pub fn spent_on(&self, day: Day) -> Cost {
        self.books.accounts().days.get(&day).copied().unwrap_or_default().spent
    }

    /// The shelf of a run, made at the first use.
    #[must_use]
    pub fn shelf(&self, run: &RunId) -> Arc<Shelf> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shelves.entry(run.clone()).or_default())
    }

    /// Forgets the accounts of a run that ended; the day's keeps what it spent.
    pub fn close(&self, run: &RunId) {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
        self.books.accounts().runs.remove(run);
    }
}

impl Hold {
    /// What was reserved.
    #[must_use]
    pub fn reserved(&self) -> Cost {
        self.taken.reserved
    }

    /// The call took this. More than reserved is still charged: it was spent.
    pub fn settle(mut self, spent: Cost) {
        self.open = false;
        self.books.close(&self.taken, spent);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.open {
            self.books.close(&self.taken, self.taken.reserved);
        }
    }
}
