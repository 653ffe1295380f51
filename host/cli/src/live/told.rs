//! A run told in lines, for those who see no tree: what begins, what is lost, what ends. Knows no terminal.

use bailiwick_core::fact::{AskId, Fact, StepBy};
use bailiwick_core::text::{Lines, visible};
use bailiwick_core::{CellId, Name, RunState};

use super::tally::{self, Tally};
use crate::words;

/// The lines that a fact is worth; `state` is the one after it.
pub(crate) fn lines(fact: &Fact, state: &RunState) -> Vec<String> {
    match fact {
        Fact::RunStarted { run, pipeline, .. } => vec![format!("run {run} of {pipeline} begins")],
        Fact::Embedded { collection, route, passages, .. } => {
            let passages = words::many(usize::try_from(*passages).unwrap_or(usize::MAX), "passage");
            vec![format!("{collection}: {passages} embedded by {}", visible(route, Lines::Escape))]
        }
        Fact::StepLaidOut { step, cells } => {
            vec![format!("{step}: {}", words::many(cells.len(), "cell"))]
        }
        Fact::AttemptFailed { attempt, failure, retry: Some(_), .. } => {
            vec![format!(
                "{attempt} failed and is tried again: {}",
                visible(&failure.to_string(), Lines::Escape)
            )]
        }
        Fact::Asked { ask, .. } => vec![format!("asked: {ask}")],
        Fact::Reminded { ask } => vec![reminder(ask, state)],
        Fact::Decided { ask, decision, by } => {
            vec![format!("{ask}: {} says {}", visible(by, Lines::Escape), decision.as_str())]
        }
        Fact::Dropped { cell, reason } => {
            let line = format!("{cell} is dropped: {}", visible(reason, Lines::Escape));
            std::iter::once(line).chain(ended(cell, state)).collect()
        }
        Fact::CellFailed { cell, failure } => {
            let line = format!("{cell} failed: {}", visible(&failure.to_string(), Lines::Escape));
            std::iter::once(line).chain(ended(cell, state)).collect()
        }
        Fact::Released { cell, .. } | Fact::CellSkipped { cell } => {
            ended(cell, state).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// `reminder: editor asks editors since 4 h 00 min: r1/editor/locale=de/0`.
fn reminder(id: &AskId, state: &RunState) -> String {
    let Some(ask) = state.asks.get(id) else { return format!("reminder: {id}") };
    let groups = match state.step(&ask.judge).map(|step| &step.shape.by) {
        Some(StepBy::People(groups)) => visible(&groups.join(", "), Lines::Escape),
        _ => String::new(),
    };
    let since = words::elapsed(state.span.1.since(ask.at));
    format!("reminder: {} asks {groups} since {since}: {id}", ask.judge)
}

/// A line where this was the last cell of its step.
fn ended(cell: &CellId, state: &RunState) -> Option<String> {
    let tally = tally::of(state.step(&cell.step)?);
    (tally.ended() == tally.all()).then(|| whole(&cell.step, &tally))
}

fn whole(step: &Name, tally: &Tally) -> String {
    let counts: Vec<_> = tally
        .words()
        .into_iter()
        .map(|(word, count)| format!("{count} {}", word.as_str()))
        .collect();
    format!("{step}: {}", counts.join(", "))
}
