//! Agents that a component on the rig may call: names that are played by somebody, without a component of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::schema::Schema;
use bailiwick_core::{Digest, Name};
use bailiwick_policy::ports::Slots;
use bailiwick_policy::{Effective, Generation, Grants, Limits};
use serde_json::Value;

use super::Answers;

/// Slots that point at nothing: who plays them looks at the name only.
pub(super) struct Colleagues(BTreeMap<Name, Arc<Generation>>);

impl Colleagues {
    /// Those that the answers are given for, and `caller` is not.
    pub(super) fn of(answers: &Answers, caller: &Generation) -> Self {
        let names = answers.callees.iter().flat_map(|(names, _)| names);
        let names = names.filter(|name| **name != caller.agent);
        Self(names.filter_map(|name| Some((name.clone(), Arc::new(played(name)?)))).collect())
    }
}

impl Slots for Colleagues {
    fn current(&self, agent: &Name) -> Option<Arc<Generation>> {
        self.0.get(agent).cloned()
    }
}

/// Somebody without powers, who takes and gives any document.
fn played(name: &Name) -> Option<Generation> {
    let effective = Effective { grants: Grants::none(), limits: Limits::DEFAULT };
    let any = Schema::admit(Value::Bool(true)).ok()?;
    Some(Generation {
        agent: name.clone(),
        identity: format!("local/{name}"),
        key: None,
        version: String::new(),
        component: Digest::of(name.as_str().as_bytes()),
        powers: effective.digest(),
        effective,
        sources: Digest::of(b""),
        input: any.clone(),
        output: any,
    })
}
