//! Runs attempts: the port `StepRunner` over a sandbox and the gateway of one project. Decides nothing about retries.

use std::sync::Arc;

use bailiwick_core::fact::{Failure, FailureKind, Used};
use bailiwick_core::ports::BoxFuture;
use bailiwick_core::Document;
use bailiwick_gate::{Gate, Gateway};
use bailiwick_policy::Generation;
use bailiwick_policy::ports::{Job, Outcome, StepRunner};

use crate::admit::granted;
use crate::bind::v0_1::{agent, failure};
use crate::ended::plain;
use crate::limits::HOSTCALL_MAX;
use crate::loaded::Loaded;
use crate::meter::Meter;
use crate::output;
use crate::sandbox::Sandbox;
use crate::state::{Identity, State};
use crate::store::Fresh;

/// Runs the attempts of one project.
pub struct Runner {
    sandbox: Arc<Sandbox>,
    gateway: Arc<Gateway>,
}

impl Runner {
    /// Over the process's sandbox, with the project's way out.
    #[must_use]
    pub fn new(sandbox: Arc<Sandbox>, gateway: Arc<Gateway>) -> Self {
        Self { sandbox, gateway }
    }

    async fn attempt(&self, job: Job) -> Outcome {
        let refused = |result| Outcome { result: Err(result), used: Used::default() };
        let loaded = match self.admitted(&job.generation) {
            Ok(loaded) => loaded,
            Err(failure) => return refused(failure),
        };
        if let Err(failure) = output::input(&job.generation, &job.input.value()) {
            return refused(failure);
        }
        // Waiting for room is no work: the gate's clock starts after it.
        let _room = self.sandbox.room(&loaded).await;
        let gate = match Gate::open(Arc::clone(&self.gateway), &job) {
            Ok(gate) => Arc::new(gate),
            Err(failure) => return refused(failure),
        };
        let limits = job.generation.effective.limits;
        let Job { run, attempt, generation, input, .. } = job;
        let task = Work { step: attempt.cell.step.to_string(), cell: attempt.cell.key.to_string(), round: attempt.round };
        let state = State::of_attempt(Arc::clone(&gate), Identity { run, attempt }, &limits);
        let meter = Arc::clone(&state.meter);
        let result = match Fresh::new(self.sandbox.engine(), state, &limits, HOSTCALL_MAX) {
            Ok(store) => perform(store, &loaded, &task, &input).await,
            Err(failure) => Err(failure),
        };
        let result = match result {
            Ok(text) => meter.count(async { output::output(&generation, &gate, &text) }).await,
            Err(failure) => Err(failure),
        };
        // That the note about dropped lines is lost with the journal changes nothing.
        let _ = gate.close_log().await;
        Outcome { result, used: used(&meter, &gate) }
    }

    /// The component, where it is ready and its imports are granted. The same was asked
    /// when the generation was made; here it holds whatever happened since.
    fn admitted(&self, generation: &Generation) -> Result<Arc<Loaded>, Failure> {
        let loaded = self.sandbox.loaded(&generation.component);
        let loaded = loaded.map_err(|refused| plain(FailureKind::Component, &refused.to_string()))?;
        granted(&loaded.imports, &generation.agent, &generation.effective.grants)
            .map_err(|refused| plain(FailureKind::Component, &refused.to_string()))?;
        Ok(loaded)
    }
}

impl StepRunner for Runner {
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        Box::pin(self.attempt(job))
    }
}

/// What the guest is told of its task, besides the input.
struct Work {
    step: String,
    cell: String,
    round: u32,
}

/// One instance, one call.
async fn perform(store: Fresh, loaded: &Loaded, work: &Work, input: &Document) -> Result<String, Failure> {
    let Some(input) = input.text() else {
        return Err(plain(FailureKind::Host, "the input was not loaded"));
    };
    let task = agent::Task { step: &work.step, cell: &work.cell, round: work.round, input };
    let said = store.run(|mut store| async move {
        let instance = loaded.pre.instantiate_async(&mut store).await;
        let said = match instance {
            Ok(instance) => instance.bailiwick_agent_agent().call_perform(&mut store, task).await,
            Err(error) => Err(error),
        };
        // Whatever it printed last tells the operator most.
        store.data_mut().end_of_words().await?;
        said
    });
    said.await?.map_err(failure)
}

fn used(meter: &Meter, gate: &Gate) -> Used {
    Used {
        cpu_millis: u64::try_from(meter.cpu().as_millis()).unwrap_or(u64::MAX),
        memory_bytes: meter.memory().0,
        gate_calls: gate.calls(),
    }
}
