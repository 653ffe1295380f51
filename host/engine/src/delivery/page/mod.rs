//! `index.html`: the gallery that people open. One self-contained page without script; knows no run beyond what it is handed.

mod card;
mod copy;
mod revisions;
mod shelf;

use bailiwick_core::fact::FailureKind;
use bailiwick_core::run::RunStatus;
use bailiwick_core::{Currency, RunState};

use super::asset::{Earlier, Part};
use super::file_name::FilePath;
use super::html::{Attr, Html};
use super::totals::{Lost, Totals, lost, totals};
use super::trace::Trace;

/// Pictures are files beside the page, styles stand in it, and nothing comes from anywhere
/// else. (Chromium was seen to take files for `'self'` when the page itself is a file.)
const POLICY: &str = "default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'";

const STYLE: &str = include_str!("style.css");

/// The most lost cells that the page lists: a run has at most ten thousand, and the
/// manifest has them all.
const LOST_MAX: usize = 500;

/// The page.
pub(super) fn page(
    trace: &Trace<'_>,
    parts: &[Part],
    earlier: &[Earlier],
    manifest: &FilePath,
) -> String {
    let (state, totals, lost) = (trace.state, totals(trace, parts), lost(trace.state));
    let mut html = Html::default();
    html.tag("html", &[Attr::Is("lang", "en")], |html| {
        head(html, state);
        html.tag("body", &[], |html| {
            header(html, state, parts, manifest);
            numbers(html, &totals, state.currency());
            html.tag("main", &[], |html| {
                let mut shelf = shelf::Shelf::new(trace, earlier);
                parts.iter().for_each(|part| shelf.part(html, part));
                if !lost.is_empty() {
                    losses(html, &lost);
                }
            });
            footer(html, state);
        });
    });
    html.newline();
    html.into_page()
}

fn head(html: &mut Html, state: &RunState) {
    html.tag("head", &[], |html| {
        html.tag("meta", &[Attr::Is("charset", "utf-8")], |_| ());
        let policy =
            [Attr::Is("http-equiv", "Content-Security-Policy"), Attr::Is("content", POLICY)];
        html.tag("meta", &policy, |_| ());
        let viewport = [
            Attr::Is("name", "viewport"),
            Attr::Is("content", "width=device-width, initial-scale=1"),
        ];
        html.tag("meta", &viewport, |_| ());
        html.tag(
            "meta",
            &[Attr::Is("name", "referrer"), Attr::Is("content", "no-referrer")],
            |_| (),
        );
        html.tag("title", &[], |html| {
            html.text(state.pipeline.as_str()).text(" · ").text(state.run.as_str());
        });
        html.style(STYLE);
    });
}

fn header(html: &mut Html, state: &RunState, parts: &[Part], manifest: &FilePath) {
    html.newline().tag("header", &[Attr::Is("class", "top")], |html| {
        html.class("div", "title", |html| {
            html.line("p", "eyebrow", "Bailiwick delivery");
            html.line("h1", "name", &words(state.pipeline.as_str()));
            html.class("p", "run", |html| {
                let status = state.status();
                html.line("span", status_class(status), status.as_str());
                html.text(" run ").line("code", "id", state.run.as_str()).text(", started by ");
                html.line("strong", "by", &state.by);
            });
            if let Some(reason) = &state.reason {
                html.line("p", "reason", reason);
            }
            lowered(html, state);
        });
        html.tag("nav", &[Attr::Is("aria-label", "Files")], |html| {
            for file in parts.iter().map(|part| &part.file).chain([manifest]) {
                html.tag("a", &[Attr::File("href", file)], |html| {
                    html.text(file.as_str());
                });
            }
        });
    });
}

/// By whom labels fell, and whether who started the run could do that alone.
fn lowered(html: &mut Html, state: &RunState) {
    for (judge, step) in state.labels.iter().flat_map(|labels| &labels.steps) {
        let Some(lowers) = &step.lowers else { continue };
        let who = match lowers.own {
            true => "the approval of who started the run counts",
            false => "the approval of who started the run does not count",
        };
        let (judge, from, to) = (words(judge.as_str()), &step.label, &lowers.to);
        html.line("p", "reason", &format!("{judge} lowers {from} to {to}; {who}."));
    }
}

fn status_class(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Done => "chip pass",
        RunStatus::Failed | RunStatus::Cancelled => "chip veto",
        RunStatus::Interrupted | RunStatus::Waiting | RunStatus::Paused | RunStatus::Running => {
            "chip revise"
        }
    }
}

fn numbers(html: &mut Html, totals: &Totals, currency: Option<Currency>) {
    let (ends, cost) = (totals.cells, totals.cost);
    let tiles = [
        (totals.assets as u64, "assets", true),
        (ends.released as u64, "cells released", true),
        (ends.dropped as u64, "dropped", true),
        (ends.failed as u64, "failed", true),
        (ends.skipped as u64, "skipped", ends.skipped > 0),
        (ends.unfinished as u64, "unfinished", ends.unfinished > 0),
        (totals.attempts as u64, "attempts", true),
        (totals.revisions as u64, "revisions", true),
        (totals.answered as u64, "questions answered", true),
        (
            (totals.questions - totals.answered.min(totals.questions)) as u64,
            "questions open",
            totals.answered < totals.questions,
        ),
        (cost.calls.0, "model calls", true),
        (cost.tokens.0, "tokens", true),
    ];
    html.newline().tag("dl", &[Attr::Is("class", "numbers")], |html| {
        let mut tile = |number: &str, label: &str| {
            html.tag("div", &[], |html| {
                html.line("dd", "number", number).line("dt", "label", label);
            });
        };
        for (number, label, _) in tiles.into_iter().filter(|(_, _, shown)| *shown) {
            tile(&grouped(number), label);
        }
        if !cost.money.is_zero() {
            let label = currency.map_or("money".to_owned(), |currency| currency.to_string());
            tile(&cost.money.to_string(), &label);
        }
    });
}

fn losses(html: &mut Html, lost: &[Lost]) {
    html.newline().tag("section", &[Attr::Is("class", "lost")], |html| {
        html.line("h2", "key", "Not delivered");
        html.line("p", "lead", "Cells that ended without a value, and why.");
        html.class("ul", "losses", |html| {
            for cell in lost.iter().take(LOST_MAX) {
                html.newline().tag("li", &[], |html| {
                    let class = if cell.end == "failed" { "chip veto" } else { "chip revise" };
                    html.line("span", class, cell.end);
                    html.line("strong", "step", &words(cell.step.as_str()));
                    html.line("code", "cell", cell.cell.as_str());
                    // The reason of a limit names it already.
                    let kind = cell.kind.filter(|kind| *kind != FailureKind::Limit);
                    let kind = kind.map(|kind| format!("{}: ", kind.as_str()));
                    html.line("p", "why", &format!("{}{}", kind.unwrap_or_default(), cell.reason));
                    if let Some(hint) = &cell.hint {
                        html.line("p", "hint", hint);
                    }
                });
            }
        });
        if lost.len() > LOST_MAX {
            html.line(
                "p",
                "lead",
                &format!("{} more stand in manifest.json.", lost.len() - LOST_MAX),
            );
        }
    });
}

fn footer(html: &mut Html, state: &RunState) {
    html.newline().tag("footer", &[], |html| {
        html.line("p", "lead", "Every agent of this run was a WebAssembly component that could reach only what it was granted:");
        html.class("ul", "agents", |html| {
            for (agent, pin) in &state.agents {
                html.tag("li", &[], |html| {
                    html.line("strong", "agent", agent.as_str()).text(" ");
                    html.text(&pin.profile).text(" ").line("code", "digest", &pin.component.short());
                });
            }
        });
    });
}

/// `copy_desk` as people write it.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// `12 345`: a thin space every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}
