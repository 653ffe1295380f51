//! Runners that are right but for one thing: a suite is worth as much as the faults that it finds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bailiwick_core::fact::{Fact, Failure, FailureKind};
use bailiwick_core::ports::{BoxFuture, Durable, JournalError, Recorder, Ticket};
use bailiwick_core::{Digest, Document, RunId, Timestamp};
use bailiwick_policy::contract::{self, Deed, Model, Workshop, hold_to};
use bailiwick_policy::ports::{Job, Left, Outcome, Patience, StepRunner};

use crate::Shop;

/// What is wrong with a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// None: what fails without one is this test.
    Nothing,
    /// It begins anew, whatever was told before.
    Forgets,
    /// It tells the guest what it should have waited for.
    Impatient,
    /// It takes everything for durable at once.
    Hasty,
    /// It goes on when nobody waits for it any more.
    GoesOn,
    /// It says every line twice.
    Stutters,
    /// It gives everybody the first output that it had.
    Confuses,
    /// One failure is as good as another.
    Vague,
    /// Each try has a key of its own.
    Rekeys,
}

struct Faulty {
    shop: Shop,
    fault: Fault,
    first: Mutex<Option<Document>>,
    tries: AtomicU32,
}

impl Faulty {
    fn new(model: Arc<Model>, fault: Fault) -> Self {
        Self { shop: Shop::new(model), fault, first: Mutex::default(), tries: AtomicU32::new(0) }
    }

    fn job(&self, mut job: Job) -> Job {
        match self.fault {
            Fault::Forgets => job.record = Arc::default(),
            Fault::Impatient => job.patience = Patience::Answer,
            Fault::Hasty | Fault::Stutters => {
                job.recorder = Arc::new(Bent { recorder: job.recorder, fault: self.fault });
            }
            Fault::Rekeys => {
                let number = self.tries.fetch_add(1, Ordering::SeqCst);
                job.run = RunId::new(&format!("{}-{number}", job.run)).unwrap();
            }
            _ => {}
        }
        job
    }

    fn outcome(&self, mut outcome: Outcome) -> Outcome {
        match (self.fault, &mut outcome.result) {
            (Fault::Confuses, Ok(output)) => {
                let mut first = self.first.lock().unwrap();
                *output = first.get_or_insert_with(|| output.clone()).clone();
            }
            (Fault::Vague, Err(Left::Failed(Failure { kind, .. }))) => *kind = FailureKind::Fatal,
            _ => {}
        }
        outcome
    }
}

impl StepRunner for Faulty {
    fn run(&self, job: Job) -> BoxFuture<'_, Outcome> {
        let job = self.job(job);
        if self.fault == Fault::GoesOn {
            let runner = Arc::clone(&self.shop.runner);
            let ending = self.shop.runtime.spawn(async move { runner.run(job).await });
            return Box::pin(async { ending.await.unwrap() });
        }
        Box::pin(async { self.outcome(self.shop.runner.run(job).await) })
    }
}

/// A recorder that is not quite told, or does not quite tell.
struct Bent {
    recorder: Arc<dyn Recorder>,
    fault: Fault,
}

impl Recorder for Bent {
    fn record(&self, fact: Fact) -> BoxFuture<'_, Result<(Ticket, Timestamp), JournalError>> {
        Box::pin(async move {
            if self.fault == Fault::Stutters && matches!(fact, Fact::Logged { .. }) {
                self.recorder.record(fact.clone()).await?;
            }
            let (ticket, at) = self.recorder.record(fact).await?;
            let durable = Ticket::new(std::future::ready(Ok(Durable::attest(1))));
            Ok((if self.fault == Fault::Hasty { durable } else { ticket }, at))
        })
    }
}

impl Workshop for Faulty {
    fn runner(&self) -> &dyn StepRunner {
        self
    }

    fn component(&self, deed: Deed) -> BoxFuture<'_, Digest> {
        self.shop.component(deed)
    }

    fn held(&self) -> BoxFuture<'_, usize> {
        self.shop.held()
    }

    fn drive(&self, trial: BoxFuture<'_, ()>) {
        self.shop.drive(trial);
    }
}

/// Which case finds a fault, and by which words.
macro_rules! finds {
    ($($name:ident: $fault:ident, $case:ident, $words:literal;)*) => {
        $(
            #[test]
            #[should_panic(expected = $words)]
            fn $name() {
                check(Fault::$fault, |trial| Box::pin(contract::$case(trial)));
            }
        )*
    };
}

fn check(fault: Fault, case: impl for<'a> FnOnce(&'a contract::Trial<'a>) -> BoxFuture<'a, ()>) {
    let model = Arc::<Model>::default();
    hold_to(&Faulty::new(Arc::clone(&model), fault), model, case);
}

finds! {
    a_record_that_is_not_read: Forgets, on_its_whole_record_it_asks_nobody_and_writes_nothing,
        "the call is answered already";
    a_record_that_is_not_compared: Forgets, another_request_than_recorded_diverges, "the call was another one";
    a_record_that_is_left_out: Forgets, who_ends_before_it_asked_everything_has_diverged, "Ok(";
    an_answer_that_should_have_been_waited_for: Impatient, what_was_parked_asks_again_and_ends, "Ok(";
    a_request_before_its_intent: Hasty, an_intent_is_durable_before_anybody_is_asked,
        "asked before the intent was durable";
    an_attempt_that_nobody_waits_for: GoesOn, dropping_it_ends_an_attempt_and_frees_what_it_held,
        "something is still held";
    a_line_that_is_said_twice: Stutters, facts_come_in_order_and_no_answer_before_its_intent,
        "left == right";
    an_output_of_somebody_else: Confuses, many_at_once_do_not_see_each_other, "left == right";
    a_failure_of_another_kind: Vague, each_failure_has_its_kind_and_the_host_goes_on, "Fail: fatal";
    a_key_for_each_try: Rekeys, a_key_names_the_call_and_not_the_try, "another try";
}

#[test]
fn without_a_fault_it_passes() {
    check(Fault::Nothing, |trial| {
        Box::pin(contract::cut_anywhere_it_goes_on_to_the_same_end(trial))
    });
}
