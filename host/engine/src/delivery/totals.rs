//! A run in numbers, and what it did not bring. Knows no file.

use bailiwick_core::fact::FailureKind;
use bailiwick_core::run::End;
use bailiwick_core::{Cost, Name, RunState};
use serde::Serialize;

use super::asset::Part;
use super::trace::Trace;

/// How many of everything.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Totals {
    pub(super) assets: usize,
    pub(super) cells: Ends,
    pub(super) attempts: usize,
    pub(super) revisions: usize,
    pub(super) questions: usize,
    pub(super) answered: usize,
    pub(super) cost: Cost,
}

/// How the cells ended; judges have none of their own.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Ends {
    pub(super) released: usize,
    pub(super) dropped: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) unfinished: usize,
}

/// A cell that brought nothing.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Lost {
    pub(super) step: Name,
    pub(super) cell: bailiwick_core::CellKey,
    /// `dropped` or `failed`.
    pub(super) end: &'static str,
    /// For a failure.
    pub(super) kind: Option<FailureKind>,
    pub(super) reason: String,
    /// What the operator can do about it.
    pub(super) hint: Option<String>,
}

pub(super) fn totals(trace: &Trace<'_>, parts: &[Part]) -> Totals {
    let state = trace.state;
    let mut ends = Ends::default();
    let cells = || state.steps.iter().flat_map(|step| step.cells.values());
    for cell in cells() {
        match cell.end() {
            Some(End::Released { .. }) => ends.released += 1,
            Some(End::Dropped { .. }) => ends.dropped += 1,
            Some(End::Failed { .. }) => ends.failed += 1,
            Some(End::Skipped) => ends.skipped += 1,
            None => ends.unfinished += 1,
        }
    }
    Totals {
        assets: parts
            .iter()
            .flat_map(|part| &part.elements)
            .map(|element| element.assets.len())
            .sum(),
        cells: ends,
        attempts: trace.record.len(),
        revisions: cells().map(|cell| cell.candidates.len().saturating_sub(1)).sum(),
        questions: state.asks.len(),
        answered: state.asks.values().filter(|ask| ask.answer.is_some()).count(),
        cost: state.cost,
    }
}

/// Every dropped or failed cell, in file and axis order.
pub(super) fn lost(state: &RunState) -> Vec<Lost> {
    let mut lost = Vec::new();
    for step in &state.steps {
        for key in &step.order {
            let (end, kind, reason, hint) = match step.cells.get(key).and_then(|cell| cell.end()) {
                Some(End::Dropped { reason }) => ("dropped", None, reason.clone(), None),
                Some(End::Failed { failure }) => {
                    ("failed", Some(failure.kind), failure.message.clone(), failure.hint.clone())
                }
                _ => continue,
            };
            lost.push(Lost {
                step: step.shape.name.clone(),
                cell: key.clone(),
                end,
                kind,
                reason,
                hint,
            });
        }
    }
    lost
}
