//! A swap for people: what changes, what recorded cells say, what became of it.

use bailiwick_core::Digest;
use bailiwick_core::text::{Lines, visible};
use bailiwick_engine::swap::{Cell, Change, How, Outcome, Place, Rehearsal, Report, Slot};
use serde_json::{Value, json};

use crate::words::{self, many};

/// The whole report.
pub(crate) fn as_text(report: &Report) -> String {
    let Report { agent, was, is, version, changes, rehearsal, outcome, .. } = report;
    let from = was.map_or_else(|| "its own file".to_owned(), |was| was.short());
    let mut text = format!("{agent}: {from} -> {} ({})\n", is.short(), shown(version));
    if changes.is_empty() && was.is_some() {
        text.push_str("  imports, wants, grants and schemas are as before\n");
    }
    changes.iter().for_each(|change| text.push_str(&row(change)));
    if let Some(told) = rehearsal {
        text.push_str(&rehearsed(told));
    }
    text.push_str(match outcome {
        Outcome::Committed => {
            "  committed: new cells take it; runs of projects with pin = \"run\" keep theirs\n"
        }
        Outcome::Already => "  it serves already\n",
        Outcome::NotAccepted | Outcome::NotEqual => "  not committed\n",
    });
    text
}

fn row(change: &Change) -> String {
    let Change { what, was, is, accept } = change;
    let side = |side: &Option<String>| side.as_deref().map_or("nothing".to_owned(), shown);
    let moved = match was {
        None if what == "input" || what == "output" => side(is),
        _ => format!("{} -> {}", side(was), side(is)),
    };
    let mark = if accept.is_some() { "  ! " } else { "    " };
    let why = match accept {
        Some(why) if was.is_some() || !(what == "input" || what == "output") => {
            format!(" ({})", shown(why))
        }
        _ => String::new(),
    };
    format!("{mark}{what}: {moved}{why}\n")
}

fn rehearsed(told: &Rehearsal) -> String {
    let counts = told.counts;
    let kinds = [
        (counts.equal, "equal"),
        (counts.different, "different"),
        (counts.diverged, "diverged"),
        (counts.impossible, "not comparable"),
    ];
    let all: u32 = kinds.iter().map(|(count, _)| count).sum();
    let said: Vec<String> = kinds
        .iter()
        .filter(|(count, kind)| *count > 0 || *kind == "equal")
        .map(|(count, kind)| format!("{count} {kind}"))
        .collect();
    let cells = many(usize::try_from(all).unwrap_or(usize::MAX), "recorded cell");
    let mut text = format!("  {cells} done again: {}", said.join(", "));
    if told.hidden > 0 {
        text.push_str(&format!("; {} not yours to see, left out", many(told.hidden, "run")));
    }
    text.push('\n');
    told.cells.iter().for_each(|one| text.push_str(&cell(one)));
    text
}

fn cell(one: &Cell) -> String {
    let Cell { run, attempt, how } = one;
    let at = format!("{run} {}", shown(attempt));
    match how {
        How::Different(differences) => format!("    different {at}\n{}", places(differences)),
        How::Impossible(why) => format!("    not comparable {at}\n      {}\n", shown(why)),
        How::Diverged { call, was, is, at: differences } => {
            let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".into());
            let asked = match differences.is_empty() {
                true => format!("      then {}\n      now  {}\n", side(was), side(is)),
                false => places(differences),
            };
            format!("    diverged {at}\n      at call {call}\n{asked}")
        }
    }
}

fn places(differences: &[Place]) -> String {
    let line = |place: &Place| {
        let at = if place.at.is_empty() { "(the whole)" } else { &place.at };
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".into());
        format!("      {at}\n        then {}\n        now  {}\n", side(&place.was), side(&place.is))
    };
    differences.iter().map(line).collect()
}

/// `work/draft 1a2b… (was 3c4d…), by ana, 2026-11-23T00:00:00Z`.
pub(crate) fn slot_as_text(slot: &Slot) -> String {
    let Slot { project, agent, component, was, back, by, at } = slot;
    let was = was.as_ref().map(|was| format!(" (was {})", was.short())).unwrap_or_default();
    let back = if *back { ", a rollback" } else { "" };
    let line = format!(
        "{project} {agent} {}{was}{back}, by {by}, {}",
        component.short(),
        words::instant(*at)
    );
    format!("{}\n", shown(&line))
}

/// For scripts.
pub(crate) fn slot_as_json(slot: &Slot) -> Value {
    let Slot { project, agent, component, was, back, by, at } = slot;
    let digest = |digest: &Digest| digest.to_string();
    json!({
        "project": project,
        "agent": agent,
        "component": digest(component),
        "was": was.as_ref().map(digest),
        "rollback": back,
        "by": by,
        "at": words::instant(*at),
    })
}

fn shown(text: &str) -> String {
    visible(text, Lines::Escape)
}
