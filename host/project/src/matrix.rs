//! Axes and the points of a step: the product, thinned by `[matrix]`. Knows no steps but by their axes.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::{AxisValue, CellKey, Digest, Name, Place};
use serde_json::Value;

use crate::expr::{ExprError, ExprErrorKind, ITEMS_MAX, kind_of};
use crate::scope::Scope;
use crate::template::Template;

/// The most cells of one step, and so of a run: what `20-powers` admits; the journal
/// and the gallery are tried with as many.
pub const CELLS_MAX: usize = 10_000;

/// The most points that are looked at before they are thinned: a matrix of which
/// less than one in ten is wanted is a list, not a matrix.
const PRODUCT_MAX: usize = 100_000;

/// One axis, as the pipeline declares it.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Its name.
    pub name: Name,
    /// A literal list, or one `${…}` that gives one.
    pub values: Template,
    /// The steps that it reads; none of them has axes.
    pub reads: BTreeSet<Name>,
}

impl Axis {
    /// The values of this axis, once everything that it reads is there.
    ///
    /// # Errors
    /// [`ExprError`] where the result is no list of at most 10 000 unique texts,
    /// integers or objects with a text `id`.
    pub fn resolve(&self, scope: &Scope) -> Result<Vec<AxisValue>, ExprError> {
        let value = self.values.evaluate(scope)?;
        values(value).map_err(|kind| ExprError { place: self.values.place().clone(), kind })
    }
}

fn values(value: Value) -> Result<Vec<AxisValue>, ExprErrorKind> {
    let Value::Array(items) = value else {
        return Err(ExprErrorKind::NotAList(kind_of(&value)));
    };
    if items.len() > ITEMS_MAX {
        return Err(ExprErrorKind::TooManyItems(items.len()));
    }
    let mut seen = BTreeSet::new();
    let mut values = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let value =
            AxisValue::try_from(item).map_err(|error| ExprErrorKind::AxisValue(index, error))?;
        if !seen.insert(value.id().to_owned()) {
            return Err(ExprErrorKind::AxisTwice(value.id().to_owned()));
        }
        values.push(value);
    }
    Ok(values)
}

/// What thins the product of axes, for each step that has all axes it names.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Where `[matrix]` stands; where there is none, `[axes]`.
    pub place: Place,
    /// A list of objects from axis to value, or one `${…}` over `input` that gives it.
    pub exclude: Option<Template>,
    /// A random choice that is the same each time.
    pub sample: Option<Sample>,
}

/// A deterministic choice of at most so many combinations of some axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The axes, in declaration order.
    pub over: Vec<Name>,
    /// How many of their combinations stay.
    pub max: u32,
    /// Another seed chooses others.
    pub seed: u64,
    /// Where it stands.
    pub place: Place,
}

/// One point of a step's axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its text form.
    pub key: CellKey,
    /// Axis and value, in declaration order; empty for a step without axes.
    pub values: Vec<(Name, AxisValue)>,
}

impl Point {
    fn of(values: Vec<(Name, AxisValue)>) -> Self {
        let key = CellKey::of(values.iter().map(|(axis, value)| (axis, value.id())));
        Self { key, values }
    }

    /// The value along an axis.
    #[must_use]
    pub fn value(&self, axis: &Name) -> Option<&AxisValue> {
        self.values.iter().find(|(name, _)| name == axis).map(|(_, value)| value)
    }

    /// The same point seen along fewer axes.
    #[must_use]
    pub fn along(&self, axes: &[Name]) -> Self {
        Self::of(self.values.iter().filter(|(name, _)| axes.contains(name)).cloned().collect())
    }
}

/// Axis to id: what one item of `exclude` says.
type Exclusion = BTreeMap<String, String>;

impl Matrix {
    /// The points of a step with these axes, in axis order: the first axis varies
    /// slowest. `over` is in declaration order; every axis of it is in `values`. The
    /// one point of a step without axes has the key `-`.
    ///
    /// `exclude` and `sample` hold for a step that has all axes they name. The sample
    /// takes those combinations of its axes, excluded ones left out, whose
    /// blake3(seed, key) is smallest; no generator of random numbers is involved, so
    /// the choice is the same on every machine and in every version.
    ///
    /// # Errors
    /// [`ExprError`] where `exclude` fails or is no list of objects, or where more
    /// than [`CELLS_MAX`] points remain.
    pub fn points(
        &self,
        over: &[Name],
        values: &BTreeMap<Name, Vec<AxisValue>>,
        scope: &Scope,
    ) -> Result<Vec<Point>, ExprError> {
        let excluded = self.exclusions(scope)?;
        let sampled = match &self.sample {
            Some(sample) if sample.over.iter().all(|axis| over.contains(axis)) => {
                let all = product(&sample.over, values, &excluded, PRODUCT_MAX);
                let all = all.ok_or_else(|| too_many(&sample.place))?;
                Some((sample, sample.choose(all)))
            }
            _ => None,
        };
        let most = if sampled.is_some() { PRODUCT_MAX } else { CELLS_MAX };
        let refused = || too_many(&self.place);
        let mut points = product(over, values, &excluded, most).ok_or_else(refused)?;
        if let Some((sample, chosen)) = &sampled {
            points.retain(|point| chosen.contains(&point.along(&sample.over).key));
        }
        if points.len() > CELLS_MAX { Err(refused()) } else { Ok(points) }
    }

    fn exclusions(&self, scope: &Scope) -> Result<Vec<Exclusion>, ExprError> {
        let Some(exclude) = &self.exclude else { return Ok(Vec::new()) };
        let value = exclude.evaluate(scope)?;
        exclusions(&value).map_err(|kind| ExprError { place: exclude.place().clone(), kind })
    }
}

fn too_many(place: &Place) -> ExprError {
    ExprError { place: place.clone(), kind: ExprErrorKind::TooManyCells }
}

fn exclusions(value: &Value) -> Result<Vec<Exclusion>, ExprErrorKind> {
    let Value::Array(items) = value else {
        return Err(ExprErrorKind::NotAList(kind_of(value)));
    };
    if items.len() > ITEMS_MAX {
        return Err(ExprErrorKind::TooManyItems(items.len()));
    }
    let id = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let named = item.as_object().filter(|map| !map.is_empty());
            let pairs = named.and_then(|map| {
                map.iter().map(|(axis, value)| Some((axis.clone(), id(value)?))).collect()
            });
            pairs.ok_or(ExprErrorKind::BadExclude(index))
        })
        .collect()
}

/// The product without what is excluded; nothing where more than `most` would remain
/// or more than [`PRODUCT_MAX`] would have to be looked at.
fn product(
    over: &[Name],
    values: &BTreeMap<Name, Vec<AxisValue>>,
    excluded: &[Exclusion],
    most: usize,
) -> Option<Vec<Point>> {
    let none = Vec::new();
    let mut rows: Vec<Vec<(Name, AxisValue)>> = vec![Vec::new()];
    for (index, axis) in over.iter().enumerate() {
        let along = values.get(axis).unwrap_or(&none);
        if rows.len().checked_mul(along.len()).is_none_or(|looked_at| looked_at > PRODUCT_MAX) {
            return None;
        }
        let known = over.get(..=index).unwrap_or(over);
        // An exclusion is looked at once, when the last axis that it names is there.
        let due: Vec<&Exclusion> = excluded
            .iter()
            .filter(|exclusion| {
                exclusion.contains_key(axis.as_str())
                    && exclusion.keys().all(|name| known.iter().any(|k| k.as_str() == name))
            })
            .collect();
        rows = rows
            .iter()
            .flat_map(|row| {
                along.iter().map(move |value| {
                    let mut longer = row.clone();
                    longer.push((axis.clone(), value.clone()));
                    longer
                })
            })
            .filter(|row| !due.iter().any(|exclusion| covers(exclusion, row)))
            .collect();
    }
    (rows.len() <= most).then(|| rows.into_iter().map(Point::of).collect())
}

fn covers(exclusion: &Exclusion, row: &[(Name, AxisValue)]) -> bool {
    exclusion
        .iter()
        .all(|(axis, id)| row.iter().any(|(name, value)| name.as_str() == axis && value.id() == id))
}

impl Sample {
    fn choose(&self, points: Vec<Point>) -> BTreeSet<CellKey> {
        let mut ranked: Vec<(Digest, CellKey)> = points
            .into_iter()
            .map(|point| {
                let parts: [&[u8]; 3] =
                    [b"sample", &self.seed.to_le_bytes(), point.key.as_str().as_bytes()];
                (Digest::of_parts(&parts), point.key)
            })
            .collect();
        ranked.sort();
        ranked.truncate(self.max as usize);
        ranked.into_iter().map(|(_, key)| key).collect()
    }
}
