//! One ledger for each project of a host: its runs share the project's day, and what earlier processes spent today is read once. Knows no budget.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::Clock;
use bailiwick_core::{Cost, Day, Diagnostic, RunId, RunState, Timestamp};
use bailiwick_gate::ledger::{Ledger, put_in};
use bailiwick_orchestrator::Books;
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

/// The accounts of a run that goes on: with what it has spent and put, and with what its
/// open calls may have. Those are written off a moment later, by the task of the run.
pub(crate) fn go_on(
    ledger: &Ledger,
    (state, entries): (&RunState, &[Entry]),
    budgets: Budgets,
    now: Timestamp,
) {
    let committed = state.committed();
    let sum = committed.by_agent.values().fold(Cost::ZERO, |sum, cost| sum.plus(*cost));
    let spent = state.spent.by_agent.values().fold(Cost::ZERO, |sum, cost| sum.plus(*cost));
    ledger.lose(Day::of(now), sum.minus(spent));
    ledger.seed(&state.run, committed.by_agent, committed.by_step);
    ledger.shelf(&state.run).seed(put_in(entries));
    ledger.open(&state.run, Arc::new(budgets));
}

/// The accounts of runs whose journal fails while this host goes on.
pub(crate) struct Accounts {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Books for Accounts {
    fn set(&self, state: &RunState) {
        let committed = state.committed();
        let today = Day::of(self.clock.now());
        self.ledger.recount(&state.run, today, committed.by_agent, committed.by_step);
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::{CallAnswer, Capability, Fact, StepBy, StepShape};
    use bailiwick_core::{
        Artifact, AttemptId, Bytes, CellId, CellKey, Digest, Document, Name, RunId,
    };
    use bailiwick_gate::ledger::RUN_BLOBS_MAX;
    use serde_json::json;

    use super::*;

    /// Else each host would give a run 4 GiB more.
    #[test]
    fn what_a_run_has_put_counts_in_the_next_host_too() {
        let (run, step) = (RunId::new("r").unwrap(), Name::new("draft").unwrap());
        let cell = CellId { step: step.clone(), key: CellKey::single() };
        let attempt = AttemptId::new(cell.clone(), 0, 1);
        let (any, nothing) = (Digest::of(b""), Document::of(&json!({})));
        let kept = Artifact {
            digest: any,
            media_type: "image/png".into(),
            bytes: Bytes(RUN_BLOBS_MAX.0 - 1),
            name: None,
        };
        let shape = StepShape { name: step.clone(), by: StepBy::Agent(step.clone()), judges: None };
        let facts = vec![
            Fact::RunStarted {
                run: run.clone(),
                pipeline: step.clone(),
                input: nothing.clone(),
                shape: vec![shape],
                agents: BTreeMap::new(),
                imported: Vec::new(),
                by: "ana".into(),
                pin: None,
                forked: None,
                labels: None,
            },
            Fact::StepLaidOut { step, cells: vec![cell.key] },
            Fact::CellStarted {
                attempt: attempt.clone(),
                component: any,
                powers: any,
                input: nothing,
                content: None,
            },
            Fact::CallAnswered {
                attempt,
                index: 0,
                capability: Capability::Artifacts,
                request: any,
                answer: CallAnswer::Ok { value: Document::of(&kept.to_json()), via: None },
                cost: Cost::ZERO,
            },
        ];
        let entries = [Entry { at: Timestamp(1), facts }];
        let state = RunState::replay(&entries).unwrap().unwrap();
        let ledger = Ledger::default();
        go_on(&ledger, (&state, &entries), Budgets::default(), Timestamp(2));
        let shelf = ledger.shelf(&run);
        assert_eq!(shelf.take(Bytes(2)), Err(kept.bytes));
        assert_eq!(shelf.take(Bytes(1)), Ok(()));
    }
}
