//! Expressions on two threads of their own: they can be neither metered nor stopped, so a slow one must not hold up a run.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_project::{ExprError, Scope, Step};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

/// How many expressions are evaluated at a time, in all runs of a host.
const THREADS: usize = 2;

/// The CPU time above which an expression fails its cell when it returns. The static
/// bounds keep honest ones a thousand times below.
const CPU_MAX: Duration = Duration::from_millis(250);

/// The two threads.
#[derive(Clone)]
pub(crate) struct Evaluator(Arc<Semaphore>);

impl Default for Evaluator {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(THREADS)))
    }
}

/// What is known once the expressions of a cell, a judge or a question were evaluated.
pub(crate) enum Prepared {
    /// `when` is false.
    Skip,
    /// The input; for people what is shown.
    Input(Value),
}

impl Evaluator {
    /// Runs `work` on one of the threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Fn() -> Result<T, ExprError> + Send + 'static,
    ) -> Result<T, Failure> {
        // Closed it is never; an error would only mean that nobody limits us.
        let _place = self.0.acquire().await;
        let work = move || {
            let timed = || {
                let before = thread_cpu();
                (work(), thread_cpu().saturating_sub(before))
            };
            let (first, took) = timed();
            if took <= CPU_MAX {
                return (first, took);
            }
            // A virtual machine counts the time in which it did not run as its threads'
            // own: what is slow by itself is slow twice.
            let (second, again) = timed();
            (second, took.min(again))
        };
        // A host that has but one thread has none to spare. It is also what makes a
        // simulation repeatable: nothing there depends on how threads take turns.
        let done = match Handle::current().runtime_flavor() {
            RuntimeFlavor::CurrentThread => Ok(work()),
            _ => tokio::task::spawn_blocking(work).await,
        };
        match done {
            Ok((Ok(_), took)) if took > CPU_MAX => Err(failure(format!(
                "its expressions took {} ms of CPU; {} ms are allowed",
                took.as_millis(),
                CPU_MAX.as_millis()
            ))),
            Ok((result, _)) => result.map_err(|error| failure(error.to_string())),
            Err(_) => Err(failure("an expression ended its thread".into())),
        }
    }

    /// `when`, then `input` or `show`.
    pub(crate) async fn prepare(&self, step: Step, scope: Scope) -> Result<Prepared, Failure> {
        self.run(move || {
            if let Some(when) = &step.when
                && !when.holds(&scope)?
            {
                return Ok(Prepared::Skip);
            }
            match (step.agent(), &step.show) {
                (Some(_), _) => step.input.evaluate(&scope).map(Prepared::Input),
                (None, Some(show)) => show.evaluate(&scope).map(Prepared::Input),
                (None, None) => Ok(Prepared::Input(Value::Object(serde_json::Map::new()))),
            }
        })
        .await
    }
}

fn failure(message: String) -> Failure {
    Failure { kind: FailureKind::Expression, message, hint: None }
}

/// CPU time, not the time of day: a busy machine is not held against an expression.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
