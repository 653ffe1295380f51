//! Every message of the control socket, version 1. Data only: what each means stands where it is answered.
//!
//! A connection begins with [`Hello`] and is answered by [`Greeting`]. After that the
//! client asks and the host answers, one thing after the other. Bytes are never in a
//! message: who wants them says which, by digest, and they follow as frames of their own.

use std::collections::BTreeMap;

use bailiwick_core::fact::{AskId, Decision, Entry, Fact, PauseReason};
use bailiwick_core::{
    CellId, Currency, Diagnostic, Digest, Document, Name, RunId, Severity, Timestamp,
};
use bailiwick_engine::Problems;
use bailiwick_engine::approvals::{Given, OpenQuestion, Taken};
use bailiwick_engine::rules;
use bailiwick_engine::serve::{Offer, Piece};
use bailiwick_engine::swap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of everything here. A change that an older side would not understand
/// raises it.
pub(crate) const VERSION: u32 = 1;

/// The first word of a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) version: u32,
}

/// The first word of a host.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Greeting {
    /// It listens.
    Welcome { version: u32, pid: u32, projects: Vec<String> },
    /// It does not, and closes.
    Refused(Wrong),
}

/// What a client asks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// Run this. Answered by [`Answer::Want`] until everything is there.
    Submit {
        project: Option<String>,
        pipeline: Option<Name>,
        offer: Offer,
    },
    /// Answers of people. The value of an edit is wanted as bytes.
    Decide {
        given: Vec<Decided>,
    },
    Cancel {
        run: RunId,
    },
    Pause {
        run: RunId,
    },
    Resume {
        run: RunId,
        retry_failed: bool,
        repin: Vec<String>,
        /// A `decisions.toml`, wanted as bytes.
        decisions: Option<Piece>,
    },
    /// Every entry from the first on; with `wait` until the run ends or rests, else as
    /// many as there are.
    Follow {
        run: RunId,
        wait: bool,
    },
    /// What a delivery needs to know of the plan.
    Outline {
        run: RunId,
    },
    /// Bytes of a run, by digest.
    Bytes {
        run: RunId,
        digest: Digest,
    },
    Runs {
        limit: u32,
    },
    Questions {
        run: Option<RunId>,
    },
    /// Takes a power away, or gives it back.
    Revoke {
        holder: String,
        power: String,
        undo: bool,
    },
    /// What is taken away.
    Revoked,
    /// Points an agent name at another component, wanted as bytes; without one, at the one
    /// before. Answered by [`Answer::Swapped`].
    Swap {
        project: Option<String>,
        agent: Name,
        component: Option<Piece>,
        /// The text of its signature.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
        accept: bool,
        #[serde(default)]
        downgrade: bool,
        rehearse: u32,
        require_equal: bool,
    },
    /// What agent names were swapped to.
    Slots,
}

/// What a host answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// What was asked is done.
    Done,
    /// It is not, and why.
    Refused(Wrong),
    /// Send these bytes, from there on; at most one frame.
    Want {
        digest: Digest,
        from: u64,
    },
    /// The run is accepted: it survives a power cut.
    Submitted {
        run: RunId,
    },
    Taken(Vec<Noted>),
    Entry(Told),
    /// Nothing more follows.
    Over,
    Outline(Value),
    /// So many bytes follow, in frames.
    Bytes {
        bytes: u64,
    },
    Runs(Vec<Listed>),
    Questions(Vec<Asked>),
    /// What was asked is so; whether it was not before.
    Changed(bool),
    Revoked(Vec<Gone>),
    Swapped(Box<swap::Report>),
    Slots(Vec<Slot>),
}

/// An agent name that was swapped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Slot {
    project: String,
    agent: Name,
    component: Digest,
    was: Option<Digest>,
    back: bool,
    by: String,
    at: Timestamp,
}

impl From<swap::Slot> for Slot {
    fn from(slot: swap::Slot) -> Self {
        let swap::Slot { project, agent, component, was, back, by, at } = slot;
        Self { project, agent, component, was, back, by, at }
    }
}

impl From<Slot> for swap::Slot {
    fn from(slot: Slot) -> Self {
        let Slot { project, agent, component, was, back, by, at } = slot;
        Self { project, agent, component, was, back, by, at }
    }
}

/// A power that is taken away.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Gone {
    holder: String,
    power: String,
    by: String,
    at: Timestamp,
}

impl From<rules::Taken> for Gone {
    fn from(taken: rules::Taken) -> Self {
        let rules::Taken { holder, power, by, at } = taken;
        Self { holder, power, by, at }
    }
}

impl From<Gone> for rules::Taken {
    fn from(gone: Gone) -> Self {
        let Gone { holder, power, by, at } = gone;
        Self { holder, power, by, at }
    }
}

/// One answer of a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decided {
    pub(crate) ask: AskId,
    pub(crate) decision: Decision,
    pub(crate) subject: Option<Digest>,
    /// The text of an edit's value.
    pub(crate) value: Option<Piece>,
}

impl From<&Given> for Decided {
    fn from(given: &Given) -> Self {
        let value = edit(&given.decision).map(|value| Piece {
            name: String::new(),
            digest: value.digest(),
            bytes: value.bytes(),
        });
        let Given { ask, decision, subject } = given.clone();
        Self { ask, decision, subject, value }
    }
}

impl From<Decided> for Given {
    fn from(decided: Decided) -> Self {
        let Decided { ask, decision, subject, .. } = decided;
        Self { ask, decision, subject }
    }
}

/// The value that a decision puts in the place of a candidate.
pub(crate) fn edit(decision: &Decision) -> Option<&Document> {
    match decision {
        Decision::Edit { value, .. } => Some(value),
        _ => None,
    }
}

/// What became of an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Noted {
    ask: AskId,
    run: RunId,
    by: String,
    already: Option<String>,
    votes: Option<(usize, u32)>,
}

impl From<Taken> for Noted {
    fn from(taken: Taken) -> Self {
        let Taken { ask, run, by, already, votes, .. } = taken;
        Self { ask, run, by, already, votes }
    }
}

impl From<Noted> for Taken {
    fn from(noted: Noted) -> Self {
        let Noted { ask, run, by, already, votes } = noted;
        // A host that stays takes the run up by itself.
        Self { ask, run, by, already, votes, live: true }
    }
}

/// One entry of a run. Documents stand in facts by digest; their texts stand beside them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    at: Timestamp,
    facts: Vec<Fact>,
    texts: BTreeMap<String, String>,
}

impl From<&Entry> for Told {
    fn from(entry: &Entry) -> Self {
        let documents = entry.facts.iter().flat_map(Fact::documents);
        let texts = documents
            .filter_map(|one| Some((one.digest().to_string(), one.text()?.to_string())))
            .collect();
        Self { at: entry.at, facts: entry.facts.clone(), texts }
    }
}

impl From<Told> for Entry {
    fn from(told: Told) -> Self {
        let Told { at, mut facts, texts } = told;
        for document in facts.iter_mut().flat_map(Fact::documents_mut) {
            if let Some(text) = texts.get(&document.digest().to_string()) {
                // A text that is another one is not attached.
                document.load(text.as_str().into());
            }
        }
        Self { at, facts }
    }
}

/// A run in a listing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) run: RunId,
    pub(crate) pipeline: Option<Name>,
    pub(crate) project: String,
    pub(crate) state: String,
    pub(crate) started: Option<Timestamp>,
    pub(crate) latest: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) cost: bailiwick_core::Cost,
    pub(crate) currency: Option<Currency>,
    pub(crate) rests: Option<(PauseReason, Timestamp)>,
}

/// An open question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    ask: AskId,
    run: RunId,
    step: Name,
    cell: CellId,
    round: u32,
    asked: Timestamp,
    age_s: u64,
    until: Option<Timestamp>,
    groups: Vec<String>,
    quorum: u32,
    votes: Vec<String>,
    subject: Digest,
    candidate: Option<(Document, Option<String>)>,
    show: (Document, Option<String>),
}

impl From<OpenQuestion> for Asked {
    fn from(open: OpenQuestion) -> Self {
        Self {
            ask: open.ask,
            run: open.run,
            step: open.step,
            cell: open.cell,
            round: open.round,
            asked: open.asked,
            age_s: open.age.as_secs(),
            until: open.until,
            groups: open.groups,
            quorum: open.quorum,
            votes: open.votes,
            subject: open.subject,
            candidate: open.candidate.map(with_text),
            show: with_text(open.show),
        }
    }
}

impl From<Asked> for OpenQuestion {
    fn from(asked: Asked) -> Self {
        Self {
            ask: asked.ask,
            run: asked.run,
            step: asked.step,
            cell: asked.cell,
            round: asked.round,
            asked: asked.asked,
            age: std::time::Duration::from_secs(asked.age_s),
            until: asked.until,
            groups: asked.groups,
            quorum: asked.quorum,
            votes: asked.votes,
            subject: asked.subject,
            candidate: asked.candidate.map(from_text),
            show: from_text(asked.show),
        }
    }
}

fn with_text(document: Document) -> (Document, Option<String>) {
    let text = document.text().map(ToString::to_string);
    (document, text)
}

fn from_text((mut document, text): (Document, Option<String>)) -> Document {
    if let Some(text) = text {
        document.load(text.into());
    }
    document
}

/// What is wrong, as the engine said it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wrong {
    what: Vec<Found>,
    sources: BTreeMap<String, String>,
    /// Whether it is a fault of what was asked, and nothing was begun.
    pub(crate) input: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Found {
    code: String,
    warning: bool,
    message: String,
    place: Option<(String, usize, usize)>,
    hint: Option<String>,
}

impl Wrong {
    /// What is wrong with what was asked.
    pub(crate) fn asked(problems: &Problems) -> Self {
        Self { input: true, ..Self::broke(problems) }
    }

    /// What went wrong with it.
    pub(crate) fn broke(problems: &Problems) -> Self {
        let found = problems.diagnostics.iter().map(|found| Found {
            code: found.code.to_owned(),
            warning: found.severity == Severity::Warning,
            message: found.message.clone(),
            place: found
                .place
                .as_ref()
                .map(|place| (place.file.clone(), place.span.start, place.span.end)),
            hint: found.hint.clone(),
        });
        Self { what: found.collect(), sources: problems.sources.clone(), input: false }
    }
}

impl From<Wrong> for Problems {
    fn from(wrong: Wrong) -> Self {
        let sources = wrong.sources;
        let diagnostics = wrong.what.into_iter().map(|found| {
            use bailiwick_engine::codes;
            let code = codes::page(&found.code).map_or(codes::CONTROL, |page| page.code);
            let mut diagnostic = match found.warning {
                true => Diagnostic::warning(code, found.message),
                false => Diagnostic::error(code, found.message),
            };
            if let Some((file, from, to)) = found.place
                && let Some(text) = sources.get(&file)
                && text.get(from..to).is_some()
            {
                diagnostic = diagnostic.at(bailiwick_core::Place::of(&file, text, from..to));
            }
            diagnostic.hint = found.hint;
            diagnostic
        });
        let diagnostics = diagnostics.collect();
        Self { diagnostics, sources }
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::fact::RunEnd;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_keeps_its_texts_and_takes_no_others() {
        let output = Document::of(&json!({"a": 1}));
        let fact = Fact::RunEnded { end: RunEnd::Done, output: Some(output), reason: None };
        let entry = Entry { at: Timestamp(7), facts: vec![fact] };
        let told = serde_json::to_string(&Told::from(&entry)).unwrap();
        let text = |told: &str| -> Option<String> {
            let entry = Entry::from(serde_json::from_str::<Told>(told).unwrap());
            entry.facts[0].documents()[0].text().map(ToString::to_string)
        };
        assert_eq!(text(&told).as_deref(), Some("{\"a\":1}"));
        assert_eq!(text(&told.replace("{\\\"a\\\":1}", "{\\\"a\\\":2}")), None);
    }

    #[test]
    fn problems_come_across_with_their_places() {
        let place = bailiwick_core::Place::of("the input", "one two", 4..7);
        let problems = Problems {
            diagnostics: vec![
                Diagnostic::error("E120", "wrong").at(place).hint("so"),
                Diagnostic::warning("E101", "hm"),
            ],
            sources: [("the input".to_owned(), "one two".to_owned())].into(),
        };
        let sent = serde_json::to_string(&Wrong::asked(&problems)).unwrap();
        let came = Problems::from(serde_json::from_str::<Wrong>(&sent).unwrap());
        assert_eq!(came, problems);
    }
}
