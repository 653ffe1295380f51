//! What a swap came to, as it is told over the wire and to people: what changed, what the recorded cells say, whether it is committed. Plain data.

use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_core::{Digest, Name, RunId};
use bailiwick_store::Rehearsed;
use serde::{Deserialize, Serialize};

use super::changes::Change;
use super::rehearse::Done;
use crate::replay::{Asked, Comparison, Difference, Diverged, Worst};

/// The most bytes of a request that are told: a line of a terminal, twice.
const REQUEST_MAX_BYTES: usize = 240;

/// The most bytes of a pointer that are told: keys are as long as their author likes.
const POINTER_MAX_BYTES: usize = 160;

/// The most cells that are told of one by one: who has more of them reads the first.
const CELLS_MAX: usize = 64;

/// What a swap came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The folder of the project.
    pub project: String,
    /// The operator's name.
    pub agent: Name,
    /// What served; nothing where the project's own file was overwritten.
    pub was: Option<Digest>,
    /// What is to serve.
    pub is: Digest,
    /// Its version.
    pub version: String,
    /// What is another one.
    pub changes: Vec<Change>,
    /// What the recorded cells say, where that was asked for.
    pub rehearsal: Option<Rehearsal>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It serves: durable, and in force.
    Committed,
    /// It served already.
    Already,
    /// It wants more or does not fit, and nobody accepted that. Nothing has changed.
    NotAccepted,
    /// The recorded cells do not come to the same, and that was a condition. Nothing has
    /// changed.
    NotEqual,
}

/// What recorded cells say of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// How many of each kind.
    pub counts: Rehearsed,
    /// Those that are not equal.
    pub cells: Vec<Cell>,
    /// Runs that whoever asks may not see.
    pub hidden: usize,
}

/// A cell that is not equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its run.
    pub run: RunId,
    /// The attempt.
    pub attempt: String,
    /// How it differs.
    pub how: How,
}

/// How a cell differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the variants are documented")]
pub enum How {
    /// The output, at these places.
    Different(Vec<Place>),
    /// A call: its number, what was asked then and now, and where the two differ.
    Diverged { call: u32, was: Option<String>, is: Option<String>, at: Vec<Place> },
    /// It could not be done again.
    Impossible(String),
}

/// One place at which two documents differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// A JSON Pointer; empty for the whole.
    pub at: String,
    /// What stood there.
    pub was: Option<String>,
    /// What stands there now.
    pub is: Option<String>,
}

impl From<Difference> for Place {
    fn from(Difference { at, was, is }: Difference) -> Self {
        Self { at: clip(&at, POINTER_MAX_BYTES).to_owned(), was, is }
    }
}

impl Rehearsal {
    pub(crate) fn of(done: Vec<Done>, hidden: usize) -> Self {
        let count = |of: Worst| {
            let found = done.iter().filter(|one| one.compared.comparison.worst() == of).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        let counts = Rehearsed {
            equal: count(Worst::Equal),
            different: count(Worst::Different),
            diverged: count(Worst::Diverged),
            impossible: count(Worst::Impossible),
        };
        let cells = done.into_iter().filter_map(|one| {
            let how = how(one.compared.comparison)?;
            Some(Cell { run: one.run, attempt: one.compared.attempt.to_string(), how })
        });
        Self { counts, cells: cells.take(CELLS_MAX).collect(), hidden }
    }

    /// Whether there was something to compare, and all of it came to the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        let Rehearsed { equal, different, diverged, impossible } = self.counts;
        equal > 0 && different == 0 && diverged == 0 && impossible == 0
    }
}

fn how(comparison: Comparison) -> Option<How> {
    let places = |all: Vec<Difference>| all.into_iter().map(Place::from).collect();
    Some(match comparison {
        Comparison::Equal { .. } => return None,
        Comparison::Different(differences) => How::Different(places(differences)),
        Comparison::Impossible(why) => How::Impossible(why),
        Comparison::Diverged(diverged) => {
            let Diverged { call, was, is, differences } = *diverged;
            How::Diverged {
                call,
                was: was.map(|was| asked(&was)),
                is: is.map(|is| asked(&is)),
                at: places(differences),
            }
        }
    })
}

/// `model {"complete": …}`, clipped.
fn asked(asked: &Asked) -> String {
    let Some(request) = &asked.request else { return asked.capability.to_string() };
    let text = request.to_string();
    let clipped = clip(&text, REQUEST_MAX_BYTES);
    let more = if clipped.len() < text.len() { "…" } else { "" };
    format!("{} {}{more}", asked.capability, visible(clipped, Lines::Escape))
}
