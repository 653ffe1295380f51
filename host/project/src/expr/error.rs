//! What can go wrong when an expression is evaluated, with the place where it stands. Decides nothing about it.

use std::fmt;

use bailiwick_core::Place;
use bailiwick_core::cell::NotAnAxisValue;
use bailiwick_core::document::DOCUMENT_MAX_BYTES;
use bailiwick_core::text::{Lines, clip, visible};

use super::meter::ITEMS_MAX;
use crate::matrix::CELLS_MAX;
use crate::template::RESULT_DEPTH_MAX;

/// The most of a message of the evaluator that is kept, in bytes: it quotes values.
const MESSAGE_MAX_BYTES: usize = 300;

/// An expression that failed, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExprError {
    /// Where the expression stands.
    pub place: Place,
    /// What went wrong.
    pub kind: ExprErrorKind,
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line, column, .. } = &self.place;
        write!(f, "{file}:{line}:{column}: {}", self.kind)
    }
}

impl std::error::Error for ExprError {}

impl ExprError {
    /// Whether the result names an artifact that was not in scope: the failure
    /// `foreign-artifact` instead of `expression`.
    #[must_use]
    pub fn is_foreign_artifact(&self) -> bool {
        matches!(self.kind, ExprErrorKind::ForeignArtifact(_))
    }
}

/// The ways in which evaluation ends without a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExprErrorKind {
    /// A path that the scope does not have.
    #[error("`{0}` does not exist")]
    Missing(String),
    /// The evaluator says so: a type, an index, a division.
    #[error("{0}")]
    Failed(String),
    /// The result is no JSON.
    #[error("the result is {0}")]
    NotJson(&'static str),
    /// A `when` that is no boolean.
    #[error("`when` must give true or false; it gives {0}")]
    NotBoolean(&'static str),
    /// An axis or `exclude` that is no list.
    #[error("a list is needed; this gives {0}")]
    NotAList(&'static str),
    /// An item of an axis that cannot be one.
    #[error("item {0} of the axis: {1}")]
    AxisValue(usize, NotAnAxisValue),
    /// Two items of an axis with one id.
    #[error("the axis has {0:?} twice")]
    AxisTwice(String),
    /// An item of `exclude` that is no table of axis to value.
    #[error(
        "item {0} of `exclude` must be an object that names axes and gives a text or an integer for each"
    )]
    BadExclude(usize),
    /// Over the limit of a list.
    #[error("the list has {0} items; at most {ITEMS_MAX} are allowed")]
    TooManyItems(usize),
    /// Over the limit of a run.
    #[error("the axes give more than {CELLS_MAX} cells; thin them with [matrix] exclude or sample")]
    TooManyCells,
    /// Over the limit of a document.
    #[error("the result has more than {DOCUMENT_MAX_BYTES} bytes")]
    TooLarge,
    /// Nested deeper than a document may be.
    #[error("the result has lists and objects nested more than {RESULT_DEPTH_MAX} deep")]
    TooDeep,
    /// The meter ran out.
    #[error("the expression is too much work; let an agent do it")]
    TooMuchWork,
    /// A reference that nobody in scope gave.
    #[error("at {0}: the result names an artifact that nothing in scope has")]
    ForeignArtifact(String),
    /// The evaluator panicked; the host goes on.
    #[error("the evaluator gave up on this expression")]
    Panicked,
}

impl ExprErrorKind {
    /// The evaluator's own words: clipped, visible, on one line.
    pub(super) fn failed(message: &str) -> Self {
        Self::Failed(visible(clip(message, MESSAGE_MAX_BYTES), Lines::Escape))
    }
}

/// What kind of JSON a value is, for messages.
#[must_use]
pub(crate) fn kind_of(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a text",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "an object",
    }
}
