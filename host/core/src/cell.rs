//! Where in a run something is: axis values, cells, attempts. Knows nothing of what happens there.

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CallPath, Name};

/// The longest text of one axis value, in bytes: cell keys are path elements and log columns.
pub const AXIS_VALUE_MAX_BYTES: usize = 128;

/// Everything but letters, digits, `-`, `.`, `_` and `:` is escaped: `,` and `=`
/// structure the key, `/` would be a folder. `:` stays, for aspects such as `16:9`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b':');

/// One value of an axis: a string, an integer, or an object with a string `id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct AxisValue {
    id: Arc<str>,
    value: Value,
}

/// A JSON value that cannot be an axis value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAxisValue {
    /// Neither string, integer nor object with `id`.
    #[error("an axis value is a string, an integer, or an object with a string `id`; this is {0}")]
    Kind(&'static str),
    /// Empty or too long.
    #[error("the text of an axis value has 1 to {AXIS_VALUE_MAX_BYTES} bytes; this one has {0}")]
    Size(usize),
}

impl AxisValue {
    /// The text that tells this value from its siblings.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What `axis.NAME` reads as.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl TryFrom<Value> for AxisValue {
    type Error = NotAnAxisValue;

    fn try_from(value: Value) -> Result<Self, NotAnAxisValue> {
        let id = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            Value::Number(_) => return Err(NotAnAxisValue::Kind("a number with a fraction")),
            Value::Object(map) => match map.get("id") {
                Some(Value::String(id)) => id.clone(),
                _ => return Err(NotAnAxisValue::Kind("an object without a string `id`")),
            },
            Value::Null => return Err(NotAnAxisValue::Kind("null")),
            Value::Bool(_) => return Err(NotAnAxisValue::Kind("a boolean")),
            Value::Array(_) => return Err(NotAnAxisValue::Kind("a list")),
        };
        if id.is_empty() || id.len() > AXIS_VALUE_MAX_BYTES {
            return Err(NotAnAxisValue::Size(id.len()));
        }
        Ok(Self { id: id.into(), value })
    }
}

impl From<AxisValue> for Value {
    fn from(axis: AxisValue) -> Value {
        axis.value
    }
}

/// The text form of a point: `locale=de,style=bold` in the order in which the
/// pipeline declares its axes, percent-encoded; `-` for a step without axes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CellKey(Arc<str>);

impl CellKey {
    /// The key of the one cell of a step without axes.
    #[must_use]
    pub fn single() -> Self {
        Self("-".into())
    }

    /// The key of a point; the pairs come in declaration order.
    #[must_use]
    pub fn of<'a>(point: impl IntoIterator<Item = (&'a Name, &'a str)>) -> Self {
        let pairs: Vec<String> = point
            .into_iter()
            .map(|(axis, id)| format!("{axis}={}", utf8_percent_encode(id, ESCAPED)))
            .collect();
        if pairs.is_empty() { Self::single() } else { Self(pairs.join(",").into()) }
    }

    /// A key as somebody typed it or a journal has it. Whether such a cell exists is not known here.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The axes and ids of this key, decoded.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, String)> {
        self.0
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(axis, id)| (axis, percent_decode_str(id).decode_utf8_lossy().into_owned()))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CellKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One point of one step's axes. Text form: `step/key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CellId {
    /// The step.
    pub step: Name,
    /// The point of its axes.
    pub key: CellKey,
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.step, self.key)
    }
}

/// One try of an agent at one round of one cell. Text form: `step/key/round/attempt`; of
/// one that another attempt called, `/` and the way to it follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptId {
    /// The cell; for a judge: the judge's step at the point of the judged cell.
    pub cell: CellId,
    /// 0, then the number of revisions so far; for a judge: of the judged cell.
    pub round: u32,
    /// 1 for the first try of this round.
    pub attempt: u32,
    /// The way to it from the attempt of the step; empty for that one itself.
    #[serde(default, skip_serializing_if = "CallPath::is_empty")]
    pub path: CallPath,
}

impl AttemptId {
    /// An attempt of a step.
    #[must_use]
    pub fn new(cell: CellId, round: u32, attempt: u32) -> Self {
        Self { cell, round, attempt, path: CallPath::default() }
    }

    /// The attempt that this one called with its call of this number.
    #[must_use]
    pub fn callee(&self, index: u32) -> Self {
        Self { path: self.path.then(index), ..self.clone() }
    }

    /// The attempt of the step above it; itself, where it is that.
    #[must_use]
    pub fn of_step(&self) -> Self {
        Self { path: CallPath::default(), ..self.clone() }
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cell, self.round, self.attempt)?;
        if self.path.is_empty() {
            return Ok(());
        }
        write!(f, "/{}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn keys_escape_what_structures_them() {
        let (locale, topic) = (name("locale"), name("topic"));
        let key = CellKey::of([(&locale, "de"), (&topic, "a,b=c/ü 16:9")]);
        assert_eq!(key.as_str(), "locale=de,topic=a%2Cb%3Dc%2F%C3%BC%2016:9");
        let pairs: Vec<_> = key.pairs().collect();
        assert_eq!(pairs, [("locale", "de".into()), ("topic", "a,b=c/ü 16:9".into())]);
        assert_eq!(CellKey::of([]).as_str(), "-");
    }

    #[test]
    fn axis_values_are_strings_integers_or_objects_with_id() {
        for good in [json!("de"), json!(7), json!({"id": "square", "w": 1080})] {
            assert!(AxisValue::try_from(good.clone()).is_ok(), "{good}");
        }
        for bad in
            [json!(null), json!(1.5), json!([]), json!({"w": 1}), json!(""), json!({"id": 3})]
        {
            assert!(AxisValue::try_from(bad.clone()).is_err(), "{bad}");
        }
    }
}
