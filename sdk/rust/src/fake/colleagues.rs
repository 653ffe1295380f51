//! The other agents of a fake: scripts by name. Knows no sandbox.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::delegate::Fault;
use crate::failure::HostError;
use crate::fake::{Capability, denied, ensure};
use crate::limits;

type Script = Box<dyn FnMut(&Value) -> Result<Value, Fault>>;

/// Who may be called, and who was.
#[derive(Default)]
pub(crate) struct Colleagues {
    scripts: BTreeMap<String, Script>,
    pub(crate) called: Vec<(String, Value)>,
}

impl Colleagues {
    pub(crate) fn add(
        &mut self,
        agent: &str,
        script: impl FnMut(&Value) -> Result<Value, Fault> + 'static,
    ) {
        self.scripts.insert(agent.to_owned(), Box::new(script));
    }

    /// The script of an agent, while it works: nobody calls who works already.
    pub(crate) fn take(&mut self, agent: &str, input: &Value) -> Result<Script, HostError> {
        ensure((1..=limits::AGENT_NAME_BYTES).contains(&agent.len()), "agent")?;
        let script = self.scripts.remove(agent).ok_or_else(|| denied(Capability::Delegate))?;
        self.called.push((agent.to_owned(), input.clone()));
        Ok(script)
    }

    pub(crate) fn put_back(&mut self, agent: &str, script: Script) {
        self.scripts.insert(agent.to_owned(), script);
    }
}
