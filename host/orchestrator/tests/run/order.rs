//! What must hold of every run, whatever it does.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::fact::{Fact, RunEnd};
use bailiwick_core::{CellId, CellKey, Name, RunState};
use bailiwick_project::{Plan, Step};

use crate::house::House;

/// Checks a run that was left, ended or waiting, against its journal.
pub(crate) fn hold_against(house: &House, state: &RunState) {
    let entries = house.entries();
    let replayed =
        RunState::replay(&entries).expect("the journal is legal").expect("something was written");
    assert_eq!(&replayed, state, "what is on disk is what the run knows");
    assert_eq!(house.seen.entries(), entries, "everything was shown, once and in order");
    let facts = house.facts();
    started_after_what_they_read(&house.plan, &facts);
    assert_eq!(state.running(), 0, "attempts run");
    assert_eq!(house.runner.gauge.now(), 0, "guests run");
    bounded(house);
    if state.end == Some(RunEnd::Done) {
        for step in state.steps.iter().filter(|step| step.shape.judges.is_none()) {
            let open: Vec<_> = step.cells.iter().filter(|(_, cell)| cell.end().is_none()).collect();
            assert!(
                step.laid_out && open.is_empty(),
                "{} has open cells: {open:?}",
                step.shape.name
            );
        }
    }
}

fn bounded(house: &House) {
    let gauge = &house.runner.gauge;
    assert!(gauge.most("") <= house.concurrency, "{} ran at a time", gauge.most(""));
    for step in &house.plan.steps {
        let most = step.concurrency.map_or(usize::MAX, std::num::NonZeroUsize::get);
        assert!(
            gauge.most(step.name.as_str()) <= most,
            "{} of {} ran",
            gauge.most(step.name.as_str()),
            step.name
        );
    }
}

/// Nobody starts before the end of every cell that it reads or needs, and no attempt twice.
pub(crate) fn started_after_what_they_read(plan: &Plan, facts: &[Fact]) {
    let mut cells: BTreeMap<Name, Vec<CellKey>> = BTreeMap::new();
    let mut ended: BTreeSet<CellId> = BTreeSet::new();
    let mut started = BTreeSet::new();
    for fact in facts {
        match fact {
            Fact::StepLaidOut { step, cells: keys } => {
                cells.insert(step.clone(), keys.clone());
            }
            Fact::CellSkipped { cell }
            | Fact::Released { cell, .. }
            | Fact::Dropped { cell, .. }
            | Fact::CellFailed { cell, .. } => {
                ended.insert(cell.clone());
            }
            Fact::CellStarted { attempt, .. } => {
                assert!(started.insert(attempt.to_string()), "{attempt} started twice");
                let step = plan.step(&attempt.cell.step).unwrap();
                for source in sources(plan, step, &attempt.cell.key, &cells) {
                    assert!(
                        ended.contains(&source),
                        "{attempt} started before the end of {source}"
                    );
                }
            }
            Fact::Asked { ask, cell, .. } => {
                assert!(!ended.contains(cell), "{ask} is about a cell that has ended")
            }
            _ => {}
        }
    }
}

/// The cells that a cell reads or needs, worked out from their keys alone.
fn sources(
    plan: &Plan,
    step: &Step,
    key: &CellKey,
    cells: &BTreeMap<Name, Vec<CellKey>>,
) -> Vec<CellId> {
    let mine: BTreeMap<String, String> =
        key.pairs().map(|(axis, id)| (axis.to_owned(), id)).collect();
    let read = step.reads.iter().map(|read| &read.step).chain(&step.needs);
    let read = read.filter(|name| plan.step(name).is_some_and(|other| other.judges.is_none()));
    let mut found = Vec::new();
    for name in read {
        let keys = cells
            .get(name)
            .unwrap_or_else(|| panic!("{} started before {name} had cells", step.name));
        let aligned = keys.iter().filter(|other| {
            other.pairs().all(|(axis, id)| mine.get(axis).is_none_or(|own| *own == id))
        });
        found.extend(aligned.map(|key| CellId { step: name.clone(), key: key.clone() }));
    }
    found
}
