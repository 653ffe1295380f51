//! Who answers questions of a foreground run: `decisions.toml` first, then somebody at the terminal.

use std::sync::Arc;

use bailiwick_core::fact::RunLabels;
use bailiwick_core::ports::{BoxFuture, Durable};
use bailiwick_orchestrator::{Desk, Question, RunHandle};
use bailiwick_policy::{Caller, Policy};
use bailiwick_project::Decisions;

/// Somebody who can be asked while the host runs.
pub trait Prompter: Send + Sync {
    /// Shows a question. The answer goes to the handle, under this name, when there is one.
    fn prompt(&self, durable: &Durable, question: Question, by: &str, run: &RunHandle);

    /// Whether an answer may still come to something that was put here. Who turns this
    /// to `false` tells the run by [`RunHandle::unattended`].
    fn is_attending(&self) -> bool;
}

/// What became of a rule of `decisions.toml` that could not be taken, for the operator.
pub type Complain = Arc<dyn Fn(String) + Send + Sync>;

/// The desk of a foreground run.
pub(crate) struct ForegroundDesk {
    pub(crate) decisions: Decisions,
    pub(crate) policy: Policy,
    /// How confidential the run is: nobody decides about what he may not see.
    pub(crate) labels: RunLabels,
    /// The OS user who runs the command, as whom the file and the terminal decide.
    pub(crate) uid: u32,
    pub(crate) prompter: Option<Arc<dyn Prompter>>,
    pub(crate) complain: Complain,
}

impl Desk for ForegroundDesk {
    fn ask<'a>(
        &'a self,
        durable: &'a Durable,
        question: Question,
        run: &'a RunHandle,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let caller = Caller::who_runs_it(self.uid);
            let label = self.labels.steps.get(&question.cell.step);
            let label = label.map_or(self.labels.whole.as_str(), |step| step.label.as_str());
            let by = match self.policy.may_decide(caller, &question.groups, Some(label)) {
                Ok(by) => by,
                Err(refused) => {
                    let ask = &question.ask;
                    (self.complain)(format!("{ask}: {refused}; the question stays open"));
                    return;
                }
            };
            if let Some(decision) =
                self.decisions.decide(&question.step, &question.cell.key, question.round)
            {
                match run.decide(question.ask.clone(), decision, by.clone()).await {
                    Ok(_) => return,
                    Err(refused) => {
                        (self.complain)(format!("decisions.toml: {}: {refused}", question.ask));
                    }
                }
            }
            if let Some(prompter) = &self.prompter {
                prompter.prompt(durable, question, &by, run);
            }
        })
    }

    fn is_attended(&self) -> bool {
        self.prompter.as_ref().is_some_and(|prompter| prompter.is_attending())
    }
}
