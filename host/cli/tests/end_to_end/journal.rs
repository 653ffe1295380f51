//! The journal of a run as `show --facts` prints it, and what has to hold in it however often its host was killed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Desk;

/// Every fact of a run, in order.
pub(crate) struct Journal(pub(crate) Vec<Value>);

impl Journal {
    pub(crate) fn of(desk: &Desk, run: &str) -> Self {
        let call = desk.bailiwick(["show", run, "--facts"]).option("data", desk.data());
        Self(call.ends(0).lines())
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.named(name).count()
    }

    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |fact| fact["fact"] == name)
    }

    /// Each fact by its name and how many of that name came up to it: `CellFinished:3`.
    pub(crate) fn points(&self) -> Vec<String> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        let names = self.0.iter().map(|fact| fact["fact"].as_str().unwrap());
        names
            .map(|name| {
                let count = counts.entry(name).or_default();
                *count += 1;
                format!("{name}:{count}")
            })
            .collect()
    }

    /// No finished cell ran again, no answered call was made again, nobody was asked or
    /// has decided twice, nothing went out twice.
    pub(crate) fn did_nothing_twice(&self) {
        let mut over: BTreeSet<String> = BTreeSet::new();
        for fact in &self.0 {
            let attempt = &fact["attempt"];
            let round = format!("round {} {}", attempt["cell"], attempt["round"]);
            let call = format!("call {attempt} {}", fact["index"]);
            let name = fact["fact"].as_str().unwrap();
            let (once, never_after) = match name {
                "CellFinished" => (Some(round.clone()), Some(round)),
                "CellStarted" | "AttemptContinued" => (None, Some(round)),
                "CallAnswered" => (Some(call.clone()), Some(call)),
                "CallIntended" => (None, Some(call)),
                "Asked" | "Decided" => {
                    let ask = format!("{name} {}", fact["ask"]);
                    (Some(ask.clone()), Some(ask))
                }
                "Released" => {
                    let cell = format!("released {}", fact["cell"]);
                    (Some(cell.clone()), Some(cell))
                }
                _ => (None, None),
            };
            if let Some(key) = never_after {
                assert!(!over.contains(&key), "{key} is over, and then: {fact}");
            }
            over.extend(once);
        }
    }
}
