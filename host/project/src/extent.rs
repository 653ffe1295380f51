//! How many cells a plan has as far as its text says: axes that are lists are counted, others stand for one value. Knows no run.

use std::collections::BTreeMap;

use bailiwick_core::{AxisValue, Name};
use serde_json::Value;

use crate::matrix::Matrix;
use crate::plan::Plan;
use crate::scope::Scope;

/// The cells of a plan before its input is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Cells of each step; judges have those of their subject and are not in it.
    pub cells: BTreeMap<Name, u64>,
    /// Axes whose values come from the input or from a step. For so many values of one,
    /// the cells of a step that has it are so many times more.
    pub open: Vec<Name>,
}

impl Plan {
    /// The product of the literal axes of each step, thinned by what `[matrix]` says
    /// literally.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let nothing = Scope::default();
        let mut open = Vec::new();
        let mut values = BTreeMap::new();
        for axis in &self.axes {
            let listed = axis.values.as_literal().and_then(|_| axis.resolve(&nothing).ok());
            let listed = listed.unwrap_or_else(|| {
                open.push(axis.name.clone());
                AxisValue::try_from(Value::from("any")).into_iter().collect()
            });
            values.insert(axis.name.clone(), listed);
        }
        let exclude = self.matrix.exclude.clone().filter(|list| list.as_literal().is_some());
        let matrix = Matrix { exclude, ..self.matrix.clone() };
        let own = self.steps.iter().filter(|step| step.judges.is_none());
        let cells = own.map(|step| {
            let points = matrix.points(&step.over, &values, &nothing).map(|points| points.len());
            let product = || {
                let of = |axis: &Name| values.get(axis).map_or(1, Vec::len);
                step.over.iter().map(of).fold(1, usize::saturating_mul)
            };
            (step.name.clone(), points.unwrap_or_else(|_| product()) as u64)
        });
        Extent { cells: cells.collect(), open }
    }
}
