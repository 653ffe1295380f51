//! `agent`: what a component of this version exports. Converts, decides nothing.

use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::ports::BoxFuture;
use bailiwick_core::text::clip;
use wasmtime::Store;

use super::generated::FullPre;
use super::generated::exports::bailiwick::agent::agent;
use super::types;
use crate::bind::{About, Agent, Task};
use crate::ended::plain;
use crate::state::State;

/// The most of a capability's name that an agent gives back, in bytes: ours are shorter.
const CAPABILITY_MAX_BYTES: usize = 64;

/// A linked component of this version.
pub(super) struct Linked(pub(super) FullPre<State>);

impl Agent for Linked {
    fn profile(&self, mut store: Store<State>) -> BoxFuture<'_, wasmtime::Result<About>> {
        Box::pin(async move {
            let agent = self.0.instantiate_async(&mut store).await?;
            let said = agent.bailiwick_agent_agent().call_profile(&mut store).await?;
            let agent::About { name, version, summary, input_schema, output_schema } = said;
            Ok(About { name, version, summary, input_schema, output_schema })
        })
    }

    fn perform<'a>(
        &'a self,
        store: &'a mut Store<State>,
        task: Task<'a>,
    ) -> BoxFuture<'a, wasmtime::Result<Result<String, Failure>>> {
        let Task { step, cell, round, input } = task;
        Box::pin(async move {
            let agent = self.0.instantiate_async(&mut *store).await?;
            let task = agent::Task { step, cell, round, input };
            let said = agent.bailiwick_agent_agent().call_perform(store, task).await?;
            Ok(said.map_err(failure))
        })
    }
}

/// The agent's own account of why there is no output.
fn failure(said: agent::Failure) -> Failure {
    match said {
        agent::Failure::InvalidInput(words) => plain(FailureKind::InvalidInput, &words),
        agent::Failure::Retryable(words) => plain(FailureKind::Retryable, &words),
        agent::Failure::Fatal(words) => plain(FailureKind::Fatal, &words),
        agent::Failure::Refused(denial) => cannot_do_without(&denial),
    }
}

/// How an agent fails that was denied what it needs.
pub(crate) fn cannot_do_without(denial: &types::Denial) -> Failure {
    let capability = clip(&denial.capability, CAPABILITY_MAX_BYTES);
    let words = format!(
        "it cannot do without {capability:?}, which was denied; the calls of the attempt say why"
    );
    plain(FailureKind::Refused, &words)
}
