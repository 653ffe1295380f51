//! Watches a run: folds its facts, keeps what the summary needs, and shows it as somebody wants to see it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bailiwick_core::RunState;
use bailiwick_core::fact::{Entry, Fact};
use bailiwick_core::ports::Durable;
use bailiwick_engine::Observer;
use serde_json::{Map, Value};

use super::frame::{Palette, frame};
use super::told;
use crate::denials::Denials;
use crate::stdout;
use crate::talk::Talk;

/// Documents above this size stand in events with digest and size only, as in the
/// journal; the output of the run is always whole.
const INLINE_MAX_BYTES: u64 = 16 * 1024;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// As a tree that is drawn in place, on a terminal.
    Tree,
    /// In lines.
    Lines,
    /// As events on standard output, one a line.
    Events,
}

/// The observer of a foreground run.
pub(crate) struct Watcher {
    talk: Talk,
    view: View,
    palette: Palette,
    since: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    state: Option<RunState>,
    denials: Denials,
    /// Standard output has no reader any more. The run goes on: it is paid work.
    deaf: bool,
    /// Somebody is being asked: the tree stays away.
    paused: bool,
}

impl Watcher {
    pub(crate) fn new(talk: Talk, view: View, colours: bool) -> Self {
        Self {
            talk,
            view,
            palette: Palette::new(colours),
            since: Instant::now(),
            seen: Mutex::default(),
        }
    }

    /// Draws the tree, where one is drawn.
    pub(crate) fn draw(&self) {
        let seen = self.seen();
        if self.view == View::Tree
            && !seen.paused
            && let Some(state) = &seen.state
        {
            self.talk.draw(|_| frame(state, self.since.elapsed(), &self.palette));
        }
    }

    /// Takes the tree away while somebody is asked, or lets it come back.
    pub(crate) fn pause(&self, paused: bool) {
        self.seen().paused = paused;
        if paused {
            self.talk.clear();
        } else {
            self.draw();
        }
    }

    /// How long it has gone.
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.since.elapsed()
    }

    /// The denials so far, each kind once.
    pub(crate) fn denials(&self) -> Denials {
        self.seen().denials.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watcher {
    fn before(&self, entries: &[Entry]) {
        let mut seen = self.seen();
        for entry in entries {
            entry.facts.iter().for_each(|fact| seen.fold(fact, entry));
        }
    }

    fn entry(&self, _: &Durable, entry: &Entry) {
        let mut seen = self.seen();
        for fact in &entry.facts {
            seen.fold(fact, entry);
            match self.view {
                View::Events if !seen.deaf => {
                    seen.deaf = stdout::write(&stdout::line(&event(fact, entry))).is_err();
                }
                View::Lines => {
                    let lines = seen.state.as_ref().map(|state| told::lines(fact, state));
                    lines.into_iter().flatten().for_each(|line| self.talk.say(&line));
                }
                _ => {}
            }
        }
    }
}

impl Seen {
    fn fold(&mut self, fact: &Fact, entry: &Entry) {
        match &mut self.state {
            // What is durable is legal: the host folded it before.
            Some(state) => drop(state.next(fact, entry.at)),
            None => self.state = RunState::begin(fact, entry.at).ok(),
        }
        self.denials.note(fact);
    }
}

/// A fact as an event: `{ "at": MILLISECONDS, "fact": NAME, … }`, its documents with
/// their values beside digest and size.
pub(crate) fn event(fact: &Fact, entry: &Entry) -> Value {
    let mut value = serde_json::to_value(fact).unwrap_or(Value::Null);
    let whole = matches!(fact, Fact::RunEnded { .. });
    for document in fact.documents() {
        if document.text().is_some() && (whole || document.bytes() <= INLINE_MAX_BYTES) {
            fill(&mut value, &document.digest().to_string(), &document.value());
        }
    }
    if let Value::Object(map) = &mut value {
        map.insert("at".into(), entry.at.0.into());
    }
    value
}

/// Puts the value of a document beside its digest, wherever that stands in a fact.
fn fill(value: &mut Value, digest: &str, document: &Value) {
    match value {
        Value::Object(map) if is_document(map, digest) => {
            map.insert("value".into(), document.clone());
        }
        Value::Object(map) => map.values_mut().for_each(|member| fill(member, digest, document)),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, digest, document)),
        _ => {}
    }
}

fn is_document(map: &Map<String, Value>, digest: &str) -> bool {
    map.get("digest").and_then(Value::as_str) == Some(digest)
        && map.contains_key("bytes")
        && map.len() == 2
}
