//! One cell: each attempt with its input, calls, logs and end; what was said; what went out.

use bailiwick_core::fact::{CallAnswer, Fact, LogEntry};
use bailiwick_core::text::{Lines, visible};
use bailiwick_core::{AttemptId, CellId, Currency, Document, Timestamp};
use bailiwick_engine::history::Record;
use serde_json::{Value, json};

use super::said;
use crate::live::tally::Going;
use crate::stdout::pretty;
use crate::words;

/// A cell of a run, gathered from the journal.
pub(crate) struct Shown<'a> {
    id: &'a CellId,
    record: &'a Record,
    attempts: Vec<Attempt<'a>>,
}

struct Attempt<'a> {
    id: &'a AttemptId,
    at: Timestamp,
    input: &'a Document,
    /// Calls and logs, in order.
    events: Vec<&'a Fact>,
    end: Option<&'a Fact>,
}

/// Gathers it.
pub(crate) fn cell<'a>(record: &'a Record, id: &'a CellId) -> Shown<'a> {
    let mut attempts: Vec<Attempt<'a>> = Vec::new();
    for entry in &record.entries {
        for fact in &entry.facts {
            match fact {
                Fact::CellStarted { attempt, input, .. } if attempt.cell == *id => {
                    attempts.push(Attempt {
                        id: attempt,
                        at: entry.at,
                        input,
                        events: Vec::new(),
                        end: None,
                    });
                }
                Fact::CallAnswered { attempt, .. }
                | Fact::Delegated { attempt, .. }
                | Fact::Logged { attempt, .. } => {
                    let of_step = attempt.of_step();
                    if let Some(known) = attempts.iter_mut().find(|known| *known.id == of_step) {
                        known.events.push(fact);
                    }
                }
                Fact::CellFinished { attempt, .. } | Fact::AttemptFailed { attempt, .. } => {
                    if let Some(known) = attempts.iter_mut().find(|known| known.id == attempt) {
                        known.end = Some(fact);
                    }
                }
                _ => {}
            }
        }
    }
    Shown { id, record, attempts }
}

impl Shown<'_> {
    /// For people.
    pub(crate) fn as_text(&self) -> String {
        let mut text = format!("cell {} of run {}\n", self.id, self.record.state.run);
        if let Some(cell) = self.record.state.cell(self.id) {
            let (word, reason) = said::state(cell, Going::of(self.record.phase));
            let reason = reason
                .map(|reason| format!(": {}", visible(&reason, Lines::Escape)))
                .unwrap_or_default();
            text.push_str(&format!(
                "{word}{reason}, {}\n",
                words::cost(cell.cost, self.record.state.currency())
            ));
            if let Some(reused) = said::reused(cell) {
                text.push_str(&format!("{reused}\n"));
            }
        }
        let currency = self.record.state.currency();
        self.attempts.iter().for_each(|attempt| text.push_str(&attempt.as_text(currency)));
        if let Some(cell) = self.record.state.cell(self.id) {
            let lines = cell.said.iter().flat_map(said::lines);
            lines.for_each(|line| text.push_str(&format!("{line}\n")));
        }
        text
    }

    /// For scripts.
    pub(crate) fn as_json(&self) -> Value {
        let cell = self.record.state.cell(self.id);
        let going = Going::of(self.record.phase);
        let state = cell.map(|cell| said::state(cell, going));
        json!({
            "run": self.record.state.run,
            "cell": self.id.to_string(),
            "state": state.as_ref().map(|(word, _)| *word),
            "reason": state.and_then(|(_, reason)| reason),
            "reused": cell.and_then(said::reused),
            "attempts": self.attempts.iter().map(Attempt::as_json).collect::<Vec<_>>(),
            "said": cell.map(|cell| cell.said.iter().map(said::as_json).collect::<Vec<_>>()),
        })
    }
}

impl Attempt<'_> {
    fn as_text(&self, currency: Option<Currency>) -> String {
        let mut text = format!("attempt {} at {}\n", self.id, words::instant(self.at));
        text.push_str(&document("input", self.input));
        for event in &self.events {
            match event {
                Fact::Delegated { attempt, index, agent, input, .. } => {
                    let depth = indent(attempt);
                    text.push_str(&format!(
                        "  {depth}call {} of `{agent}`\n",
                        way(attempt, *index)
                    ));
                    let below = indent(&attempt.callee(*index));
                    let input = document("input", input).replace('\n', &format!("\n{below}"));
                    text.push_str(&format!("{below}{}\n", input.trim_end()));
                }
                Fact::CallAnswered { attempt, index, capability, answer, cost, .. } => {
                    let (kind, detail) = told(answer);
                    let via = via(answer).map(|via| format!(" via {via}")).unwrap_or_default();
                    let line = format!(
                        "call {} {capability}: {kind}{via}, {}{detail}",
                        way(attempt, *index),
                        words::cost(*cost, currency)
                    );
                    let depth = indent(attempt);
                    text.push_str(&format!("  {depth}{}\n", visible(&line, Lines::Escape)));
                }
                Fact::Logged { attempt, entry: LogEntry { level, message, .. } } => {
                    let message = visible(message, Lines::Escape);
                    text.push_str(&format!(
                        "  {}log {}: {message}\n",
                        indent(attempt),
                        format!("{level:?}").to_lowercase()
                    ));
                }
                _ => {}
            }
        }
        match self.end {
            Some(Fact::CellFinished { output, .. }) => text.push_str(&document("output", output)),
            Some(Fact::AttemptFailed { failure, retry, .. }) => {
                let again = if retry.is_some() { ", and is tried again" } else { "" };
                text.push_str(&format!(
                    "  failed{again}: {}\n",
                    visible(&failure.to_string(), Lines::Escape)
                ));
                if let Some(hint) = &failure.hint {
                    text.push_str(&format!("    hint: {}\n", visible(hint, Lines::Escape)));
                }
            }
            _ => text.push_str("  has not ended\n"),
        }
        text
    }

    fn as_json(&self) -> Value {
        let events = |wanted: fn(&Fact) -> bool| {
            self.events
                .iter()
                .copied()
                .filter(move |fact| wanted(fact))
                .map(event)
                .collect::<Vec<_>>()
        };
        let (output, failure, used) = match self.end {
            Some(Fact::CellFinished { output, used, .. }) => {
                (json!(output.value()), json!(null), json!(used))
            }
            Some(Fact::AttemptFailed { failure, used, .. }) => {
                (json!(null), json!(failure), json!(used))
            }
            _ => (json!(null), json!(null), json!(null)),
        };
        json!({
            "round": self.id.round,
            "attempt": self.id.attempt,
            "started": words::instant(self.at),
            "input": self.input.value(),
            "agents": events(|fact| matches!(fact, Fact::Delegated { .. })),
            "calls": events(|fact| matches!(fact, Fact::CallAnswered { .. })),
            "logs": events(|fact| matches!(fact, Fact::Logged { .. })),
            "output": output,
            "failure": failure,
            "used": used,
        })
    }
}

fn event(fact: &Fact) -> Value {
    match fact {
        Fact::Delegated { attempt, index, agent, component, input, .. } => json!({
            "path": attempt.callee(*index).path.to_string(),
            "agent": agent,
            "component": component,
            "input": input.value(),
        }),
        Fact::CallAnswered { attempt, index, capability, answer, cost, .. } => json!({
            "index": index,
            "path": way(attempt, *index),
            "capability": capability,
            "answer": told(answer).0,
            "via": via(answer),
            "value": match answer {
                CallAnswer::Ok { value, .. } => value.value(),
                _ => Value::Null,
            },
            "detail": detail(answer),
            "hint": match answer {
                CallAnswer::Denied { hint, .. } => json!(hint),
                _ => Value::Null,
            },
            "tokens": cost.tokens,
            "calls": cost.calls,
            "money": cost.money.to_string(),
        }),
        Fact::Logged { entry, .. } => json!(entry),
        _ => Value::Null,
    }
}

/// The number of a call; of an agent that was called, after the way to it.
fn way(attempt: &AttemptId, index: u32) -> String {
    attempt.path.then(index).to_string()
}

/// Agents that were called stand below who called them.
fn indent(attempt: &AttemptId) -> String {
    "  ".repeat(attempt.path.depth())
}

/// The kind of an answer, and the rest of its line.
fn told(answer: &CallAnswer) -> (&'static str, String) {
    let kind = match answer {
        CallAnswer::Ok { .. } => "ok",
        CallAnswer::Denied { .. } => "denied",
        CallAnswer::Exhausted { .. } => "exhausted",
        CallAnswer::Unavailable { .. } => "unavailable",
        CallAnswer::Invalid { .. } => "invalid",
        CallAnswer::Failed { .. } => "failed",
    };
    let hint = match answer {
        CallAnswer::Denied { hint: Some(hint), .. } => format!(" (hint: {hint})"),
        _ => String::new(),
    };
    (kind, detail(answer).map(|detail| format!(": {detail}{hint}")).unwrap_or_default())
}

fn detail(answer: &CallAnswer) -> Option<&str> {
    match answer {
        CallAnswer::Ok { .. } => None,
        CallAnswer::Denied { reason: detail, .. }
        | CallAnswer::Exhausted { detail, .. }
        | CallAnswer::Unavailable { detail }
        | CallAnswer::Invalid { detail } => Some(detail),
        CallAnswer::Failed { failure } => Some(&failure.message),
    }
}

fn via(answer: &CallAnswer) -> Option<&str> {
    match answer {
        CallAnswer::Ok { via, .. } => via.as_deref(),
        _ => None,
    }
}

fn document(what: &str, document: &Document) -> String {
    let text = match document.text() {
        Some(_) => pretty(&document.value()),
        None => format!("{} ({} bytes, not kept)", document.digest(), document.bytes()),
    };
    format!("  {what}\n    {}\n", text.replace('\n', "\n    "))
}
