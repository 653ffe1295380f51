//! What `run --json` told, looked through: facts by name, in the order in which they became durable.

use serde_json::Value;

/// The events of a run.
pub(crate) struct Facts(Vec<Value>);

/// A cell, by its step and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) step: String,
    pub(crate) key: String,
}

impl Cell {
    fn of(value: &Value) -> Self {
        let text =
            |member: &str| value[member].as_str().unwrap_or_else(|| panic!("{value}")).to_owned();
        Self { step: text("step"), key: text("key") }
    }

    /// Whether each axis value of this one is also the other's: what a cell reads of a
    /// step that is made for fewer axes.
    pub(crate) fn is_above(&self, other: &Self) -> bool {
        self.key == "-"
            || self.key.split(',').all(|pair| other.key.split(',').any(|theirs| theirs == pair))
    }
}

impl Facts {
    pub(crate) fn new(lines: Vec<Value>) -> Self {
        assert!(
            lines.iter().all(|line| line["fact"].is_string() && line["at"].is_u64()),
            "{lines:?}"
        );
        Self(lines)
    }

    /// The facts of this name with their places in the order.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = (usize, &Value)> {
        self.0.iter().enumerate().filter(move |(_, fact)| fact["fact"] == name)
    }

    /// The attempts: place, cell, fact.
    pub(crate) fn started(&self) -> impl Iterator<Item = (usize, Cell, &Value)> {
        self.named("CellStarted")
            .map(|(place, fact)| (place, Cell::of(&fact["attempt"]["cell"]), fact))
    }

    /// What went out to readers: place, cell, fact.
    pub(crate) fn released(&self) -> impl Iterator<Item = (usize, Cell, &Value)> {
        self.named("Released").map(|(place, fact)| (place, Cell::of(&fact["cell"]), fact))
    }

    /// How many cells of a step went out.
    pub(crate) fn released_of(&self, step: &str) -> usize {
        self.released().filter(|(_, cell, _)| cell.step == step).count()
    }

    /// The answers to calls of a step's attempts.
    pub(crate) fn answers_to(&self, step: &str) -> impl Iterator<Item = &Value> {
        self.named("CallAnswered")
            .map(|(_, fact)| fact)
            .filter(move |fact| fact["attempt"]["cell"]["step"] == step)
    }

    /// The last of all.
    pub(crate) fn end(&self) -> &Value {
        let end = self.0.last().unwrap();
        assert_eq!(end["fact"], "RunEnded", "{end}");
        end
    }
}
