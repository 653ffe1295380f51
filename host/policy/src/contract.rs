//! What every runner of attempts must do, as tests that run on any of them. Knows no implementation, no async runtime and no WebAssembly.
//!
//! A crate with a runner brings a [`Workshop`]: agents that do one [`Deed`] each, and a
//! way to its model that ends at the suite's [`Model`]. Everything else is the suite's:
//! it makes the jobs, takes the facts down, says when they are durable, and counts what
//! was asked. See `host/sandbox/tests/contract.rs` for one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests"
)]

mod bell;
mod cases;
mod continued;
mod model;
mod notebook;
mod trial;

use std::sync::Arc;

use bailiwick_core::Digest;
use bailiwick_core::ports::BoxFuture;

use crate::ports::StepRunner;

pub use cases::*;
pub use continued::*;
pub use model::{Model, Silent};
pub use notebook::Notebook;
pub use trial::{Done, Errand, Trial};

/// What an agent of the suite does. None of them looks at clock or randomness; what they
/// are told they take as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// Answers `{"said":"hello"}`.
    Say,
    /// Logs `keeps`, puts the bytes `kept` as `text/plain` under the name `kept.txt`, and
    /// answers the reference that it was given.
    Keep,
    /// Asks `writer` with its input (the text as it came) as the only part of the only
    /// message, 16 tokens at most, and answers the words as they are. Where it is told
    /// that it may not, it answers `"denied"`; where nobody answers, `"nobody"`.
    Ask,
    /// Logs `first`; asks as above; puts as above; logs `second`; asks with the words that
    /// it heard; answers the words that it hears then.
    Work,
    /// Fails as `retryable`, with the words `not today`.
    Fail,
    /// Traps.
    Trap,
    /// Logs `round`, and then computes for ever.
    Loop,
    /// Answers `[]`, which is in no schema of the suite.
    OutOfSchema,
    /// Answers the reference to `text/plain` of one byte that the host never made.
    Foreign,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Say,
        Self::Keep,
        Self::Ask,
        Self::Work,
        Self::Fail,
        Self::Trap,
        Self::Loop,
        Self::OutOfSchema,
        Self::Foreign,
    ];
}

/// A runner, and the agents that the suite wants from it.
pub trait Workshop: Send + Sync {
    /// The runner. The alias `writer` has one route, and each request to it is handed to
    /// [`Model::ask`] of the model that the workshop was made with.
    fn runner(&self) -> &dyn StepRunner;

    /// The component that does this, ready to run. The suite makes the generation.
    fn component(&self, deed: Deed) -> BoxFuture<'_, Digest>;

    /// How many attempts hold anything of the host's now: places, memory, connections.
    /// Waits for what goes by itself when an attempt was let go.
    fn held(&self) -> BoxFuture<'_, usize>;

    /// Runs a trial to its end, with whatever runtime the runner needs.
    fn drive(&self, trial: BoxFuture<'_, ()>);
}

/// Runs one case on one workshop: what [`step_runner_contract!`](crate::step_runner_contract)
/// makes a test of.
pub fn hold_to(
    workshop: &dyn Workshop,
    model: Arc<Model>,
    case: impl for<'a> FnOnce(&'a Trial<'a>) -> BoxFuture<'a, ()>,
) {
    let trial = Trial::new(workshop, model);
    workshop.drive(case(&trial));
}

/// Makes one test of each case; the expression is a function from `Arc<Model>` to a fresh
/// [`Workshop`].
#[macro_export]
macro_rules! step_runner_contract {
    ($workshop:expr) => {
        $crate::step_runner_contract!($workshop;
            the_output_is_what_the_agent_says,
            the_same_job_has_the_same_outcome_and_the_same_facts,
            facts_come_in_order_and_no_answer_before_its_intent,
            an_intent_is_durable_before_anybody_is_asked,
            what_does_not_leave_waits_for_nothing,
            a_power_that_was_not_granted_is_denied_and_nobody_is_asked,
            each_failure_has_its_kind_and_the_host_goes_on,
            each_limit_ends_an_attempt_under_its_name,
            a_journal_that_is_gone_ends_the_attempt,
            a_key_names_the_call_and_not_the_try,
            dropping_it_ends_an_attempt_and_frees_what_it_held,
            many_at_once_do_not_see_each_other,
            on_its_whole_record_it_asks_nobody_and_writes_nothing,
            cut_anywhere_it_goes_on_to_the_same_end,
            an_open_call_is_asked_again_with_the_same_key,
            another_request_than_recorded_diverges,
            who_ends_before_it_asked_everything_has_diverged,
            an_answer_of_a_power_that_is_gone_ends_it_as_revoked,
            a_call_that_nobody_answers_parks_the_attempt_or_is_told,
            what_was_parked_asks_again_and_ends,
            a_continued_attempt_that_is_dropped_can_continue_again,
        );
    };
    ($workshop:expr; $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                let model = ::std::sync::Arc::<$crate::contract::Model>::default();
                let workshop = ($workshop)(::std::sync::Arc::clone(&model));
                $crate::contract::hold_to(&workshop, model, |trial| {
                    ::std::boxed::Box::pin($crate::contract::$case(trial))
                });
            }
        )*
    };
}
