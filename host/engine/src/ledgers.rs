//! One ledger for each project of a host: its runs share the project's day, and what earlier processes spent today is read once. Knows no budget.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::ports::Clock;
use bailiwick_core::{Cost, Day, Diagnostic, RunId, RunState, Timestamp};
use bailiwick_gate::ledger::Ledger;
use bailiwick_policy::Budgets;
use bailiwick_store::Store;
use tokio::sync::Mutex;

use crate::codes;
use crate::problems::Problems;

/// The ledgers by the name that runs are pinned to. Nobody but this process spends on
/// behalf of a project whose journals it holds, so one look at them is enough.
#[derive(Default)]
pub(crate) struct Ledgers(Mutex<BTreeMap<String, Ledger>>);

impl Ledgers {
    /// The ledger of a project, made and seeded at the first use.
    pub(crate) async fn of(
        &self,
        project: &str,
        store: &Store,
        clock: &dyn Clock,
    ) -> Result<Ledger, Problems> {
        let mut ledgers = self.0.lock().await;
        if let Some(known) = ledgers.get(project) {
            return Ok(known.clone());
        }
        let now = clock.now();
        let spent = store.archive().spent_on(project.to_owned(), now).await;
        let spent = spent
            .map_err(|error| Problems::one(Diagnostic::error(codes::STORAGE, error.to_string())))?;
        let ledger = Ledger::default();
        ledger.seed_day(Day::of(now), spent);
        ledgers.insert(project.to_owned(), ledger.clone());
        Ok(ledger)
    }
}

/// The accounts of a run that begins.
pub(crate) fn begin(ledger: &Ledger, run: &RunId, budgets: Budgets) {
    ledger.open(run, Arc::new(budgets));
}

/// The accounts of a run that goes on: with what it has spent, and with what its open
/// calls may have. Those are written off a moment later, by the task of the run.
pub(crate) fn go_on(ledger: &Ledger, state: &RunState, budgets: Budgets, now: Timestamp) {
    let committed = state.committed();
    let sum = committed.by_agent.values().fold(Cost::ZERO, |sum, cost| sum.plus(*cost));
    let spent = state.spent.by_agent.values().fold(Cost::ZERO, |sum, cost| sum.plus(*cost));
    ledger.lose(Day::of(now), sum.minus(spent));
    ledger.seed(&state.run, committed.by_agent, committed.by_step);
    ledger.open(&state.run, Arc::new(budgets));
}
