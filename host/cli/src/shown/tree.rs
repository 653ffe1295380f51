//! A whole run: its steps, their cells, how each ended and why, what was said of it, what it cost.

use bailiwick_core::CellKey;
use bailiwick_core::run::{CellState, StepState};
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::history::Record;
use serde_json::{Value, json};

use super::said;
use crate::denials::Denials;
use crate::live::tally::{self, Going};
use crate::words;

/// For people.
pub(crate) fn as_text(record: &Record) -> String {
    let state = &record.state;
    let (from, to) = state.span;
    let mut text = format!(
        "run {} of {}: {}\n  started {} by {}, {} long, {}\n",
        state.run,
        state.pipeline,
        record.phase.as_str(),
        words::instant(from),
        visible(&state.by, Lines::Escape),
        words::elapsed(to.since(from)),
        words::cost(state.cost, state.currency())
    );
    if let Some(pause) = &state.pause {
        let detail = visible(&pause.detail, Lines::Escape);
        text.push_str(&format!("  {}: {detail}\n", words::rests(pause.reason)));
    }
    if let Some(reason) = &state.reason {
        text.push_str(&format!("  {}\n", visible(reason, Lines::Escape)));
    }
    if let Some(forked) = &state.forked {
        text.push_str(&format!("  forked from {} at {}\n", forked.from, forked.step));
    }
    for step in state.steps.iter().filter(|step| step.shape.judges.is_none()) {
        text.push_str(&format!("{}, {}\n", step.shape.name, tally::by(&step.shape.by)));
        for judge in step.judges.iter().filter_map(|name| state.step(name)) {
            text.push_str(&format!(
                "  judged by {}, {}\n",
                judge.shape.name,
                tally::by(&judge.shape.by)
            ));
        }
        if !step.laid_out {
            text.push_str("  its cells were never known\n");
        }
        for (key, cell) in cells(step) {
            text.push_str(&of_cell(key, cell, record));
        }
    }
    let denials = denials(record).lines();
    if !denials.is_empty() {
        text.push_str(&format!("denials\n{}\n", denials.join("\n")));
    }
    let open: Vec<_> = state.open_asks().map(|(id, _)| format!("  {id}\n")).collect();
    if !open.is_empty() {
        text.push_str(&format!("open questions\n{}", open.concat()));
    }
    text
}

fn denials(record: &Record) -> Denials {
    Denials::of(record.entries.iter().flat_map(|entry| &entry.facts))
}

fn cells(step: &StepState) -> impl Iterator<Item = (&CellKey, &CellState)> {
    step.order.iter().filter_map(|key| Some((key, step.cells.get(key)?)))
}

fn of_cell(key: &CellKey, cell: &CellState, record: &Record) -> String {
    let (word, reason) = said::state(cell, Going::of(record.phase));
    let reason =
        reason.map(|reason| format!(": {}", visible(&reason, Lines::Escape))).unwrap_or_default();
    let rounds = if cell.round > 0 { format!(", round {}", cell.round) } else { String::new() };
    let cost = if cell.cost == bailiwick_core::Cost::ZERO {
        String::new()
    } else {
        format!(", {}", words::cost(cell.cost, record.state.currency()))
    };
    let reused = said::reused(cell).map(|from| format!(", {from}")).unwrap_or_default();
    let mut text = format!("  {key} {word}{reason}{rounds}{cost}{reused}\n");
    for line in cell.said.iter().flat_map(said::lines) {
        text.push_str(&format!("    {line}\n"));
    }
    text
}

/// For scripts: one document.
pub(crate) fn as_json(record: &Record) -> Value {
    let state = &record.state;
    let (from, to) = state.span;
    let steps = state.steps.iter().map(|step| {
        let cells = cells(step).map(|(key, cell)| {
            let (word, reason) = said::state(cell, Going::of(record.phase));
            json!({
                "cell": key,
                "state": word,
                "reason": reason,
                "round": cell.round,
                "reused": cell.reused.iter().map(|((step, round), run)| {
                    json!({ "step": step, "round": round, "run": run })
                }).collect::<Vec<_>>(),
                "said": cell.said.iter().map(said::as_json).collect::<Vec<_>>(),
                "tokens": cell.cost.tokens,
                "calls": cell.cost.calls,
                "money": cell.cost.money.to_string(),
            })
        });
        json!({
            "step": step.shape.name,
            "by": step.shape.by,
            "judges": step.shape.judges.as_ref().map(|judge| &judge.subject),
            "cells": cells.collect::<Vec<_>>(),
        })
    });
    json!({
        "run": state.run,
        "pipeline": state.pipeline,
        "state": record.phase.as_str(),
        "reason": state.reason,
        "rests": state.pause.as_ref().map(|pause| json!({
            "reason": pause.reason, "detail": pause.detail, "by": pause.by,
        })),
        "forked": state.forked,
        "by": state.by,
        "started": words::instant(from),
        "latest": words::instant(to),
        "tokens": state.cost.tokens,
        "calls": state.cost.calls,
        "money": state.cost.money.to_string(),
        "currency": state.currency(),
        "steps": steps.collect::<Vec<_>>(),
        "denials": denials(record).as_json(),
        "open": state.open_asks().map(|(id, _)| id).collect::<Vec<_>>(),
        "output": state.output.as_ref().map(bailiwick_core::Document::value),
    })
}
