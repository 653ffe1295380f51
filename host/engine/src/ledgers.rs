//! One ledger for each project of a host: its runs share the project's day, and what earlier processes spent today is read once. Knows no budget.

use std::collections::BTreeMap;

use bailiwick_core::ports::Clock;
use bailiwick_core::{Day, Diagnostic};
use bailiwick_gate::ledger::Ledger;
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
