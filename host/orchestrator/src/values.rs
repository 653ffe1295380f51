//! What ended cells read as, for the expressions of others. Knows no plan beyond a read.

use std::collections::HashMap;

use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::{CellId, Name};
use bailiwick_project::{Point, Read};
use serde_json::{Map, Value, json};

use crate::graph::Graph;

/// How an ended cell reads.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// Released: its output.
    Value(Value),
    /// Skipped: null.
    Null,
    /// Dropped or failed: who reads it is dropped.
    Gone,
}

#[derive(Default)]
pub(crate) struct Values {
    readings: HashMap<CellId, Reading>,
}

/// Why something cannot begin.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// A cell that it reads was dropped or failed: it is dropped too.
    Gone(CellId),
    /// A collected list is too short, or an expression failed: it fails by itself.
    Failed(Failure),
}

impl Values {
    pub(crate) fn put(&mut self, cell: CellId, reading: Reading) {
        self.readings.insert(cell, reading);
    }

    /// Whether each cell that a read is about was left out by its `when`, on purpose.
    pub(crate) fn all_skipped(&self, graph: &mut Graph, read: &Read, point: &Point) -> bool {
        let mut members = graph.members(&read.step, &read.shared, point).into_iter();
        members.all(|key| {
            let cell = CellId { step: read.step.clone(), key };
            matches!(self.readings.get(&cell), Some(Reading::Null))
        })
    }

    /// The value of a read, seen from a point.
    pub(crate) fn read(
        &self,
        graph: &mut Graph,
        read: &Read,
        point: &Point,
        min: u32,
    ) -> Result<Value, Obstacle> {
        let members = graph.members(&read.step, &read.shared, point);
        let id = |key| CellId { step: read.step.clone(), key };
        if read.collected.is_empty() {
            let Some(cell) = members.into_iter().next().map(id) else {
                return Err(Obstacle::Gone(id(point.key.clone())));
            };
            return match self.readings.get(&cell) {
                Some(Reading::Value(value)) => Ok(value.clone()),
                Some(Reading::Null) => Ok(Value::Null),
                Some(Reading::Gone) | None => Err(Obstacle::Gone(cell)),
            };
        }
        let mut items = Vec::with_capacity(members.len());
        for cell in members.into_iter().map(id) {
            if let (Some(Reading::Value(value)), Some(point)) =
                (self.readings.get(&cell), graph.point(&cell))
            {
                items.push(json!({ "axis": axes(point, &read.collected), "value": value }));
            }
        }
        if items.len() < min as usize {
            return Err(Obstacle::Failed(too_few(&read.step, items.len(), min)));
        }
        Ok(Value::Array(items))
    }
}

fn too_few(step: &Name, found: usize, min: u32) -> Failure {
    Failure {
        kind: FailureKind::TooFew,
        message: format!("{found} cells of `{step}` were released, and `min` is {min}"),
        hint: Some("`bailiwick show RUN` says why each of the others was not".into()),
    }
}

fn axes(point: &Point, names: &[Name]) -> Value {
    let pairs = point.values.iter().filter(|(name, _)| names.contains(name));
    Value::Object(
        pairs.map(|(name, value)| (name.to_string(), value.value().clone())).collect::<Map<_, _>>(),
    )
}
