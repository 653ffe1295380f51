//! What expressions see: the values of one cell's surroundings. Knows nothing of how they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bailiwick_core::Name;
use serde_json::{Map, Value, json};

use crate::expr::{Path, Segment};

/// The names that every expression may have in scope besides steps.
pub const SCOPE_NAMES: &[&str] =
    &["input", "axis", "round", "feedback", "subject", "assets", "run"];

/// Everything that the expressions of one cell can read.
///
/// It needs only what [`crate::Template::reads`] names; the rest may stay empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// The run's input.
    pub input: Value,
    /// What each step gives to this cell: the aligned or broadcast value; for a step
    /// with collected axes the list `[{ axis: {…}, value: … }]`, in axis order; `null`
    /// for a skipped cell; for an earlier judge its verdict.
    pub steps: BTreeMap<Name, Value>,
    /// The values of this cell's axes.
    pub axis: BTreeMap<Name, Value>,
    /// How often this cell was revised.
    pub round: u32,
    /// `[{ by, round, reasons }]`; an empty list in round 0.
    pub feedback: Value,
    /// In a judge: the candidate.
    pub subject: Option<Value>,
    /// Folder to file name to reference.
    pub assets: Value,
    /// What `run.id` gives.
    pub run_id: String,
}

impl Scope {
    /// The value at a path; nothing where it does not exist.
    #[must_use]
    pub fn lookup(&self, path: &Path) -> Option<Cow<'_, Value>> {
        let whole = match path.root.as_str() {
            "input" => &self.input,
            "feedback" => &self.feedback,
            "assets" => &self.assets,
            "subject" => self.subject.as_ref()?,
            "round" => return owned(Value::from(self.round), &path.rest),
            "run" => return owned(json!({ "id": self.run_id }), &path.rest),
            "axis" => match path.rest.split_first() {
                Some((Segment::Field(name), rest)) => {
                    return descend(self.axis.get(name.as_str())?, rest).map(Cow::Borrowed);
                }
                Some(_) => return None,
                None => return Some(Cow::Owned(self.axes())),
            },
            step => self.steps.get(step)?,
        };
        descend(whole, &path.rest).map(Cow::Borrowed)
    }

    fn axes(&self) -> Value {
        let axes: Map<_, _> =
            self.axis.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        Value::Object(axes)
    }
}

fn owned(value: Value, rest: &[Segment]) -> Option<Cow<'static, Value>> {
    descend(&value, rest).cloned().map(Cow::Owned)
}

fn descend<'v>(value: &'v Value, rest: &[Segment]) -> Option<&'v Value> {
    rest.iter().try_fold(value, |value, segment| match (value, segment) {
        (Value::Object(map), Segment::Field(name)) => map.get(name),
        (Value::Array(items), Segment::Item(index)) => items.get(*index),
        _ => None,
    })
}
