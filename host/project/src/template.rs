//! JSON with compiled `${…}` in it: what steps, axes and `[output]` are written in. Knows no steps.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use bailiwick_core::artifact::references;
use bailiwick_core::document::DOCUMENT_MAX_BYTES;
use bailiwick_core::{Artifact, Place};
use serde_json::{Map, Value};

use crate::expr::{ExprError, ExprErrorKind, Expression, Path, kind_of};
use crate::scope::Scope;

/// The deepest result, in lists and objects around a value. A document is read back 127
/// deep, and `[output]` puts an object around its members: a deeper one would be lost.
pub(crate) const RESULT_DEPTH_MAX: usize = 126;

/// A JSON value in which texts may hold expressions.
///
/// A text that is exactly one `${…}` becomes what the expression gives, type kept. In
/// any other text the results are put in: texts as such, everything else as JSON.
/// `$${` stands for a literal `${`. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Template(Arc<Body>);

#[derive(Debug)]
struct Body {
    place: Place,
    part: Part,
}

#[derive(Debug)]
pub(crate) enum Part {
    /// Without expressions.
    Literal(Value),
    /// Exactly one expression.
    Whole(Placed),
    /// Text around expressions.
    Mixed(Vec<Piece>),
    List(Vec<Part>),
    Object(Vec<(String, Part)>),
}

#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Expression(Placed),
}

/// An expression and where it begins in the file.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) expression: Expression,
    pub(crate) place: Place,
    /// Where each of its reads stands, as exactly as the text allows.
    pub(crate) reads: Vec<(Path, Place)>,
}

impl Template {
    pub(crate) fn new(place: Place, part: Part) -> Self {
        Self(Arc::new(Body { place, part }))
    }

    /// A template that is this value, found at this place.
    #[must_use]
    pub fn literal(place: Place, value: Value) -> Self {
        Self::new(place, Part::Literal(value))
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// Every path that evaluation may look up, sorted.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<&Path> {
        self.placed_reads().into_iter().map(|(path, _)| path).collect()
    }

    /// The same with their places, in file order.
    pub(crate) fn placed_reads(&self) -> Vec<(&Path, &Place)> {
        let mut found = Vec::new();
        self.0.part.each(&mut |placed| {
            found.extend(placed.reads.iter().map(|(path, place)| (path, place)));
        });
        found
    }

    /// Whether something in it reads this name.
    #[must_use]
    pub fn reads_name(&self, name: &str) -> bool {
        self.reads().iter().any(|path| path.root == name)
    }

    /// The value, where it has no expressions.
    #[must_use]
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.0.part {
            Part::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The path that it is, where it is nothing else.
    pub(crate) fn as_path(&self) -> Option<&Path> {
        match &self.0.part {
            Part::Whole(placed) => placed.expression.as_path(),
            _ => None,
        }
    }

    pub(crate) fn part(&self) -> &Part {
        &self.0.part
    }

    /// Evaluates every expression in it. Same scope, same value.
    ///
    /// # Errors
    /// [`ExprError`] with the place of the expression that failed: a path that does
    /// not exist, a type, too much work, a result over 4 MiB or deeper than 126, a
    /// reference to an artifact that nothing in scope has.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, ExprError> {
        let value = self.0.part.evaluate(scope)?;
        let fail = |kind| ExprError { place: self.0.place.clone(), kind };
        measure(&value).map_err(fail)?;
        self.only_known_artifacts(&value, scope).map_err(fail)?;
        Ok(value)
    }

    /// Evaluates it to a boolean.
    ///
    /// # Errors
    /// As [`Template::evaluate`], and where the result is none.
    pub fn holds(&self, scope: &Scope) -> Result<bool, ExprError> {
        let value = self.evaluate(scope)?;
        let kind = ExprErrorKind::NotBoolean(kind_of(&value));
        value.as_bool().ok_or_else(|| ExprError { place: self.0.place.clone(), kind })
    }

    /// References can only be passed on. What is typed or put together is none, even
    /// if the digest exists.
    fn only_known_artifacts(&self, value: &Value, scope: &Scope) -> Result<(), ExprErrorKind> {
        if !mentions_artifact(value) {
            return Ok(());
        }
        let foreign = |path: String| {
            ExprErrorKind::ForeignArtifact(if path.is_empty() { "the root".into() } else { path })
        };
        let named = references(value).map_err(|malformed| foreign(malformed.path))?;
        let roots: BTreeSet<&str> =
            self.reads().into_iter().map(|path| path.root.as_str()).collect();
        let mut known: BTreeSet<Artifact> = BTreeSet::new();
        for root in roots {
            let whole = Path { root: root.to_owned(), rest: Vec::new() };
            if let Some(value) = scope.lookup(&whole)
                && let Ok(found) = references(&value)
            {
                known.extend(found.into_values());
            }
        }
        match named.into_iter().find(|(_, artifact)| !known.contains(artifact)) {
            Some((path, _)) => Err(foreign(path)),
            None => Ok(()),
        }
    }
}

/// Size and depth, without keeping the text.
fn measure(value: &Value) -> Result<(), ExprErrorKind> {
    if deeper_than(value, RESULT_DEPTH_MAX) {
        return Err(ExprErrorKind::TooDeep);
    }
    let counter = Counter { left: DOCUMENT_MAX_BYTES };
    serde_json::to_writer(counter, value).map_err(|_| ExprErrorKind::TooLarge)
}

fn deeper_than(value: &Value, levels: usize) -> bool {
    let inner = |item: &Value| deeper_than(item, levels.saturating_sub(1));
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(inner),
        Value::Object(map) => levels == 0 || map.values().any(inner),
        _ => false,
    }
}

/// Takes as many bytes as a document may have, and keeps none.
struct Counter {
    left: usize,
}

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len());
        self.left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn mentions_artifact(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key("$artifact") || map.values().any(mentions_artifact),
        Value::Array(items) => items.iter().any(mentions_artifact),
        _ => false,
    }
}

impl Part {
    fn each<'p>(&'p self, visit: &mut dyn FnMut(&'p Placed)) {
        match self {
            Self::Literal(_) => {}
            Self::Whole(placed) => visit(placed),
            Self::Mixed(pieces) => {
                for piece in pieces {
                    if let Piece::Expression(placed) = piece {
                        visit(placed);
                    }
                }
            }
            Self::List(items) => items.iter().for_each(|item| item.each(visit)),
            Self::Object(members) => members.iter().for_each(|(_, member)| member.each(visit)),
        }
    }

    fn evaluate(&self, scope: &Scope) -> Result<Value, ExprError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Whole(placed) => placed.evaluate(scope),
            Self::Mixed(pieces) => mixed(pieces, scope).map(Value::String),
            Self::List(items) => items.iter().map(|item| item.evaluate(scope)).collect(),
            Self::Object(members) => members
                .iter()
                .map(|(key, member)| Ok((key.clone(), member.evaluate(scope)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
        }
    }
}

fn mixed(pieces: &[Piece], scope: &Scope) -> Result<String, ExprError> {
    let mut text = String::new();
    for piece in pieces {
        let placed = match piece {
            Piece::Text(literal) => {
                text.push_str(literal);
                continue;
            }
            Piece::Expression(placed) => placed,
        };
        match placed.evaluate(scope)? {
            Value::String(value) => text.push_str(&value),
            other => text.push_str(&other.to_string()),
        }
        if text.len() > DOCUMENT_MAX_BYTES {
            let place = placed.place.clone();
            return Err(ExprError { place, kind: ExprErrorKind::TooLarge });
        }
    }
    Ok(text)
}

impl Placed {
    fn evaluate(&self, scope: &Scope) -> Result<Value, ExprError> {
        let fail = |kind| ExprError { place: self.place.clone(), kind };
        self.expression.evaluate(scope).map_err(fail)
    }
}
