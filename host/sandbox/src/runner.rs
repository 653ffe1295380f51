//! Runs attempts: the port `StepRunner` over a sandbox and the gateway of one project. Decides nothing about retries.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{Failure, FailureKind, Used};
use bailiwick_core::ports::BoxFuture;
use bailiwick_core::units::show_duration;
use bailiwick_core::{CellId, Document};
use bailiwick_gate::kv::AllStaged;
use bailiwick_gate::{
    Callees, Divergence, Effort, Formless, Gate, Gateway, Opened, Tree, Until, Witness,
};
use bailiwick_policy::Generation;
use bailiwick_policy::ports::{Job, Left, Outcome, StepRunner};

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::admit::granted;
use crate::bind::Task;
use crate::ended::{Ended, plain};
use crate::limits::HOSTCALL_MAX;
use crate::loaded::Loaded;
use crate::meter::{Meter, limit};
use crate::output;
use crate::sandbox::Sandbox;
use crate::state::{Identity, State};
use crate::store::Fresh;

/// Runs the attempts of one project. A clone is the same runner.
#[derive(Clone)]
pub struct Runner {
    sandbox: Arc<Sandbox>,
    gateway: Arc<Gateway>,
    callees: Option<Arc<dyn Callees>>,
}

impl Runner {
    /// Over the process's sandbox, with the project's way out.
    #[must_use]
    pub fn new(sandbox: Arc<Sandbox>, gateway: Arc<Gateway>) -> Self {
        Self { sandbox, gateway, callees: None }
    }

    /// The same, where somebody else plays the agents that attempts call.
    #[must_use]
    pub fn calling(self, callees: Arc<dyn Callees>) -> Self {
        Self { callees: Some(callees), ..self }
    }

    /// Executes an attempt again on its record alone: no call leaves, nothing is written.
    /// A witness is shown each call.
    pub async fn replay(
        &self,
        job: Job,
        until: Until,
        witness: Option<Arc<dyn Witness>>,
    ) -> Replayed {
        let (outcome, gate, _) = self
            .attempt(job, |gateway, job, input| {
                Gate::on_record(gateway, job, input, (until, witness))
            })
            .await;
        Replayed {
            result: outcome.result,
            divergence: gate.as_ref().and_then(|gate| gate.divergence()),
            over: gate.is_some_and(|gate| gate.is_over()),
        }
    }

    async fn attempt(
        &self,
        job: Job,
        open: impl FnOnce(Arc<Gateway>, &Job, &Value) -> Opened,
    ) -> (Outcome, Option<Arc<Gate>>, AllStaged) {
        let refused = |failure: Failure| (nothing(failure), None, AllStaged::new());
        let loaded = match self.admitted(&job.generation) {
            Ok(loaded) => loaded,
            Err(failure) => return refused(failure),
        };
        let value = job.input.value();
        if let Err(failure) = output::input(&job.generation, &value) {
            return refused(failure);
        }
        // Waiting for room is no work: the gate's clock starts after it.
        let _room = self.sandbox.room(&loaded, job.attempt.path.depth()).await;
        let gate = match open(Arc::clone(&self.gateway), &job, &value) {
            Ok(gate) => Arc::new(gate.calling(self.callees())),
            Err(failure) => return refused(failure),
        };
        let (limits, is_called) = (job.limits(), job.called.is_some());
        let Job { run, attempt, generation, input, .. } = job;
        let work = Work {
            cell: attempt.cell.clone(),
            round: attempt.round,
            input,
            generation,
            gate: &gate,
        };
        let state = State::of_attempt(Arc::clone(&gate), Identity { run, attempt }, &limits);
        let meter = Arc::clone(&state.meter);
        let result = match Fresh::new(self.sandbox.engine(), state, &limits, HOSTCALL_MAX) {
            Ok(store) => match work.perform(store, &loaded).await {
                // What is shown and read is the output of the step.
                Ok(document) if !is_called => in_form(&gate, &meter, document, limits.wall).await,
                left => left,
            },
            Err(failure) => Err(failure.into()),
        };
        let (mut writes, mut staged) = (Vec::new(), AllStaged::new());
        let result = match gate.ended(result) {
            Ok(output) if is_called => gate.stage().await.map(|all| {
                staged = all;
                output
            }),
            Ok(output) => gate.settle().await.map(|all| {
                writes = all;
                output
            }),
            Err(left) => Err(left),
        };
        // That the note about dropped lines is lost with the journal changes nothing.
        let _ = gate.close_log().await;
        let used = used(&meter, &gate);
        (Outcome { result, used, writes }, Some(gate), staged)
    }

    /// Who runs the agents that an attempt calls: this one, unless somebody else does.
    fn callees(&self) -> Arc<dyn Callees> {
        self.callees.clone().unwrap_or_else(|| Arc::new(self.clone()))
    }

    /// The component, where it is ready and its imports are granted. The same was asked
    /// when the generation was made; here it holds whatever happened since.
    fn admitted(&self, generation: &Generation) -> Result<Arc<Loaded>, Failure> {
        let loaded = self.sandbox.loaded(&generation.component);
        let loaded =
            loaded.map_err(|refused| plain(FailureKind::Component, &refused.to_string()))?;
        granted(&loaded.imports, &generation.agent, &generation.effective.grants)
            .map_err(|refused| plain(FailureKind::Component, &refused.to_string()))?;
        Ok(loaded)
    }
}

impl StepRunner for Runner {
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        Box::pin(async { self.attempt(job, Gate::open).await.0 })
    }
}

impl Callees for Runner {
    /// On a task of its own: what it computes is not its caller's CPU time, and a fault of
    /// the host's code there ends the attempt, not the host.
    fn call(&self, job: Job, tree: Arc<Tree>) -> BoxFuture<'static, (Outcome, AllStaged)> {
        let runner = self.clone();
        let called = tokio::spawn(async move {
            let open = |gateway: Arc<Gateway>, job: &Job, input: &Value| {
                Gate::open(gateway, job, input).map(|gate| gate.below(tree))
            };
            let (outcome, _, staged) = runner.attempt(job, open).await;
            (outcome, staged)
        });
        let mut called = Called(called);
        Box::pin(async move {
            (&mut called.0).await.unwrap_or_else(|_| {
                let failure = plain(FailureKind::Host, "the host's own code panicked");
                (nothing(failure), AllStaged::new())
            })
        })
    }
}

/// The task of an attempt that was called; it ends with whoever waits for it.
struct Called(JoinHandle<(Outcome, AllStaged)>);

impl Drop for Called {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn nothing(failure: Failure) -> Outcome {
    Outcome { result: Err(failure.into()), used: Used::default(), writes: Vec::new() }
}

/// What came of an attempt that executed again on its record.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The output, or how it ended.
    pub result: Result<Document, Left>,
    /// The first call that is another one than in the record.
    pub divergence: Option<Divergence>,
    /// Whether the record ended before the guest did: then `result` says nothing.
    pub over: bool,
}

/// One call of `perform`, and what its answer is checked against.
struct Work<'a> {
    cell: CellId,
    round: u32,
    input: Document,
    generation: Arc<Generation>,
    gate: &'a Gate,
}

impl Work<'_> {
    /// One instance, one call, and the check of what came back: all of it within the
    /// limits, because a document can cost as much as the code that wrote it.
    async fn perform(&self, store: Fresh, loaded: &Loaded) -> Result<Document, Left> {
        let Some(input) = self.input.text() else {
            return Err(plain(FailureKind::Host, "the input was not loaded").into());
        };
        let (step, cell) = (self.cell.step.as_str(), self.cell.key.as_str());
        let task = Task { step, cell, round: self.round, input };
        let done = store.run(|mut store| async move {
            let said = loaded.agent.perform(&mut store, task).await;
            // Whatever it printed last tells the operator most.
            store.data_mut().end_of_words().await?;
            // What the agent held is gone before the host holds what it said.
            drop(store);
            let checked = said?.and_then(|text| output::output(&self.generation, self.gate, &text));
            checked.map_err(|failure| Ended::from(failure).into())
        });
        done.await
    }
}

/// The document as people are shown it, where they lower its label: the last work of the
/// attempt, and within the same limits.
async fn in_form(
    gate: &Gate,
    meter: &Meter,
    document: Document,
    wall: Duration,
) -> Result<Document, Left> {
    let effort = Effort::of(meter.left());
    let formed = gate.in_form(document, &effort).await;
    meter.charge(effort.spent());
    let failure = match formed {
        Ok(document) => return meter.within_budget().map(|()| document).map_err(Left::from),
        Err(Formless::Failed(failure)) => failure,
        Err(Formless::Cpu) => meter.out_of_cpu(),
        Err(Formless::Wall) => {
            let wall = show_duration(wall);
            limit("wall", &wall, &wall)
        }
    };
    Err(failure.into())
}

fn used(meter: &Meter, gate: &Gate) -> Used {
    Used {
        cpu_millis: u64::try_from(meter.cpu().as_millis()).unwrap_or(u64::MAX),
        memory_bytes: meter.memory().0,
        gate_calls: gate.calls(),
    }
}
