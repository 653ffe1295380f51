//! Counters of one agent in one run: reserved before a request leaves, settled after. Knows no price and no reason.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bailiwick_core::fact::Limit;
use bailiwick_core::{Bytes, Calls, Cost, Name, RunId, Tokens};
use tokio::sync::Notify;

/// The most that all attempts of one run may put together: a thousand campaigns of
/// pictures, and a share of a small disk that can be missed.
pub const RUN_BLOBS_MAX: Bytes = Bytes::mib(4096);

/// All accounts of a host.
#[derive(Default)]
pub struct Ledger {
    accounts: Mutex<HashMap<(RunId, Name), Arc<Account>>>,
    shelves: Mutex<HashMap<RunId, Arc<Shelf>>>,
}

/// What the attempts of one run have put together.
#[derive(Default)]
pub struct Shelf(AtomicU64);

impl Shelf {
    /// Takes room for these bytes.
    ///
    /// # Errors
    /// What is used already, where they do not fit below [`RUN_BLOBS_MAX`].
    pub fn take(&self, bytes: Bytes) -> Result<(), Bytes> {
        let fits = |used: u64| used.checked_add(bytes.0).filter(|sum| *sum <= RUN_BLOBS_MAX.0);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(|_| ()).map_err(Bytes)
    }
}

/// What one agent name has used and may use in one run.
#[derive(Default)]
pub struct Account {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Clone, Copy, Default)]
struct State {
    spent: Cost,
    reserved: Cost,
}

/// The most that an account may spend; an unset number is no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Requests that leave.
    pub calls: Option<Calls>,
    /// Input and output tokens.
    pub tokens: Option<Tokens>,
}

/// A reservation. Dropped without a word it counts as lost, and lost is charged in
/// full: the request may have been worked on.
#[must_use = "a reservation is settled or refunded; dropped it is charged in full"]
pub struct Hold {
    account: Arc<Account>,
    reserved: Cost,
    open: bool,
}

impl Ledger {
    /// The account of an agent in a run, made at the first use.
    #[must_use]
    pub fn account(&self, run: &RunId, agent: &Name) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(accounts.entry((run.clone(), agent.clone())).or_default())
    }

    /// The shelf of a run, made at the first use.
    #[must_use]
    pub fn shelf(&self, run: &RunId) -> Arc<Shelf> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shelves.entry(run.clone()).or_default())
    }

    /// Forgets the accounts of a run that ended.
    pub fn close(&self, run: &RunId) {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| of != run);
    }
}

impl Account {
    /// Reserves a worst case. Where it does not fit now but may when other calls of
    /// this account were settled below their own worst case, it waits for them:
    /// `exhausted` means that even then there is no room.
    ///
    /// # Errors
    /// The limit that is spent, with a sentence for the operator.
    pub async fn reserve(
        self: &Arc<Self>,
        worst: Cost,
        allowance: Allowance,
    ) -> Result<Hold, (Limit, String)> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Registered before the look, so that a settlement in between is not missed.
            freed.as_mut().enable();
            match self.try_reserve(worst, allowance) {
                Verdict::Held => {
                    return Ok(Hold { account: Arc::clone(self), reserved: worst, open: true });
                }
                Verdict::Never(limit, detail) => return Err((limit, detail)),
                Verdict::Later => freed.await,
            }
        }
    }

    fn try_reserve(&self, worst: Cost, allowance: Allowance) -> Verdict {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = state.spent.plus(worst);
        if let Some(most) = allowance.calls.filter(|most| settled.calls > *most) {
            let detail =
                format!("{} of {} calls of this run are used", state.spent.calls.0, most.0);
            return Verdict::Never(Limit::Calls, detail);
        }
        if let Some(most) = allowance.tokens.filter(|most| settled.tokens > *most) {
            let detail = format!(
                "{} of {} tokens of this run are used; this call may need {}",
                state.spent.tokens.0, most.0, worst.tokens.0
            );
            return Verdict::Never(Limit::Tokens, detail);
        }
        let claimed = settled.plus(state.reserved);
        let fits = allowance.calls.is_none_or(|most| claimed.calls <= most)
            && allowance.tokens.is_none_or(|most| claimed.tokens <= most);
        if !fits {
            return Verdict::Later;
        }
        state.reserved = state.reserved.plus(worst);
        Verdict::Held
    }

    /// What was spent so far.
    #[must_use]
    pub fn spent(&self) -> Cost {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).spent
    }

    fn close(&self, reserved: Cost, spent: Cost) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reserved = state.reserved.minus(reserved);
        state.spent = state.spent.plus(spent);
        drop(state);
        self.freed.notify_waiters();
    }
}

enum Verdict {
    Held,
    Later,
    Never(Limit, String),
}

impl Hold {
    /// What was reserved.
    #[must_use]
    pub fn reserved(&self) -> Cost {
        self.reserved
    }

    /// The call took this. More than reserved is still charged: it was spent.
    pub fn settle(mut self, spent: Cost) {
        self.open = false;
        self.account.close(self.reserved, spent);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.open {
            self.account.close(self.reserved, self.reserved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(tokens: u64, calls: u64) -> Cost {
        Cost { tokens: Tokens(tokens), calls: Calls(calls), ..Cost::ZERO }
    }

    fn tokens(most: u64) -> Allowance {
        Allowance { calls: None, tokens: Some(Tokens(most)) }
    }

    #[tokio::test]
    async fn what_is_left_after_settling_can_be_used() {
        let account = Arc::new(Account::default());
        account.reserve(cost(100, 1), tokens(100)).await.ok().unwrap().settle(cost(40, 1));
        assert!(account.reserve(cost(61, 1), tokens(100)).await.is_err());
        account.reserve(cost(60, 1), tokens(100)).await.ok().unwrap().settle(cost(60, 1));
        assert_eq!(account.spent(), cost(100, 2));
    }

    #[tokio::test]
    async fn a_dropped_reservation_is_charged_in_full() {
        let account = Arc::new(Account::default());
        drop(account.reserve(cost(70, 1), tokens(100)).await.ok().unwrap());
        assert_eq!(account.spent(), cost(70, 1));
    }

    #[tokio::test]
    async fn sixty_four_at_the_edge_overshoot_by_nothing() {
        let account = Arc::new(Account::default());
        let allowance = Allowance { calls: Some(Calls(10)), tokens: Some(Tokens(500)) };
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let account = Arc::clone(&account);
                tokio::spawn(async move {
                    let Ok(hold) = account.reserve(cost(60, 1), allowance).await else {
                        return false;
                    };
                    tokio::task::yield_now().await;
                    hold.settle(cost(45, 1));
                    true
                })
            })
            .collect();
        let mut served = 0;
        for task in tasks {
            served += u32::from(task.await.unwrap());
        }
        assert_eq!(served, 10, "waiting for settlements lets all ten calls through");
        assert_eq!(account.spent(), cost(450, 10));
    }

    #[test]
    fn a_run_has_room_for_so_much_and_no_more() {
        let ledger = Ledger::default();
        let (one, other) = (RunId::new("one").unwrap(), RunId::new("other").unwrap());
        assert_eq!(ledger.shelf(&one).take(RUN_BLOBS_MAX), Ok(()));
        assert_eq!(ledger.shelf(&one).take(Bytes(1)), Err(RUN_BLOBS_MAX));
        assert_eq!(ledger.shelf(&other).take(Bytes(u64::MAX)), Err(Bytes(0)));
        ledger.close(&one);
        assert_eq!(ledger.shelf(&one).take(Bytes(1)), Ok(()));
    }

    #[tokio::test]
    async fn the_spent_limit_is_named() {
        let account = Arc::new(Account::default());
        let allowance = Allowance { calls: Some(Calls(0)), tokens: None };
        let (limit, detail) = account.reserve(cost(1, 1), allowance).await.err().unwrap();
        assert_eq!((limit, detail.as_str()), (Limit::Calls, "0 of 0 calls of this run are used"));
    }
}
