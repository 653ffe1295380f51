//! As much of a plan as lineage needs: the order of keys and axes, and who reads whom. Knows no run.

use std::collections::BTreeMap;

use bailiwick_core::Name;
use bailiwick_project::{Plan, Read};
use serde_json::{Map, Value, json};

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

    /// As JSON, for a delivery in another process.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let reads = self.reads.iter().map(|(step, reads)| {
            let reads = reads.iter().map(|read| json!([read.step, read.shared, read.collected]));
            (step.to_string(), Value::from_iter(reads))
        });
        json!({
            "keys": self.keys,
            "axes": self.axes,
            "reads": Map::from_iter(reads),
            "sources": self.sources,
        })
    }

    /// What [`Outline::to_json`] has written; nothing where it is something else.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        type Reads = BTreeMap<Name, Vec<(Name, Vec<Name>, Vec<Name>)>>;
        let reads: Reads = serde_json::from_value(value.get("reads")?.clone()).ok()?;
        let read = |(step, shared, collected)| Read { step, shared, collected };
        let reads =
            reads.into_iter().map(|(step, reads)| (step, reads.into_iter().map(read).collect()));
        Some(Self {
            keys: serde_json::from_value(value.get("keys")?.clone()).ok()?,
            axes: serde_json::from_value(value.get("axes")?.clone()).ok()?,
            reads: reads.collect(),
            sources: serde_json::from_value(value.get("sources")?.clone()).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_from_json_as_it_was() {
        let name = |text: &str| Name::new(text).unwrap();
        let read = Read { step: name("a"), shared: vec![name("x")], collected: vec![name("y")] };
        let outline = Outline {
            keys: vec![name("k")],
            axes: vec![name("x"), name("y")],
            reads: [(name("b"), vec![read])].into(),
            sources: [(name("x"), vec![name("a")])].into(),
        };
        assert_eq!(Outline::from_json(&outline.to_json()), Some(outline));
        assert_eq!(Outline::from_json(&json!({"keys": []})), None);
    }
}
