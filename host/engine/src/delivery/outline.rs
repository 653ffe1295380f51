//! As much of a plan as lineage needs: the order of keys and axes, and who reads whom. Knows no run.

use std::collections::BTreeMap;

use bailiwick_core::Name;
use bailiwick_project::{Plan, Read};

/// What a pipeline says of the order and of the reads of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The keys of `[output]`, in file order.
    pub keys: Vec<Name>,
    /// The axes, in declaration order.
    pub axes: Vec<Name>,
    /// What each step reads, as data: `input`, `when` and `show`.
    pub reads: BTreeMap<Name, Vec<Read>>,
    /// The steps that the values of an axis come from.
    pub sources: BTreeMap<Name, Vec<Name>>,
}

impl Outline {
    /// The outline of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let sources =
            plan.axes.iter().map(|axis| (axis.name.clone(), axis.reads.iter().cloned().collect()));
        Self {
            keys: plan.output.iter().map(|(key, _)| key.clone()).collect(),
            axes: plan.axes.iter().map(|axis| axis.name.clone()).collect(),
            reads: plan.steps.iter().map(|step| (step.name.clone(), step.reads.clone())).collect(),
            sources: sources.collect(),
        }
    }
}
