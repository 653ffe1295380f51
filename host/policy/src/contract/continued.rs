//! What holds for attempts with a past: they come back to where they were at no cost, and go on as if nothing had been. Each case takes a fresh trial.

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Fact, FailureKind, ParkReason};
use bailiwick_core::{Cost, Digest};
use serde_json::json;

use super::Deed;
use super::cases::{drop_when, keys, nothing_new};
use super::model::{Mood, words};
use super::notebook::Notebook;
use super::trial::{Errand, Trial, name};
use crate::Limits;
use crate::ports::Patience;

/// The deeds that are told something and end.
const TOLD: [Deed; 3] = [Deed::Keep, Deed::Ask, Deed::Work];

/// Everything was answered: the same output, no fact, no request.
pub async fn on_its_whole_record_it_asks_nobody_and_writes_nothing(trial: &Trial<'_>) {
    for deed in TOLD {
        let first = trial.run(Errand::of(deed)).await;
        let asked = trial.model.asked().len();
        trial.model.is(Mood::Silent);
        let again = trial.run(Errand::after(deed, first.notebook.kept())).await;
        assert_eq!(again.output(), first.output(), "{deed:?}");
        assert_eq!(again.facts(), [], "{deed:?}");
        assert_eq!(again.outcome.used.gate_calls, first.outcome.used.gate_calls);
        assert_eq!(trial.model.asked().len(), asked, "{deed:?}");
        trial.model.is(Mood::Ready);
    }
    trial.expect_well().await;
}

/// After each fact of an attempt: what follows is what followed then, and only a call
/// without an answer is asked again.
pub async fn cut_anywhere_it_goes_on_to_the_same_end(trial: &Trial<'_>) {
    let whole = trial.run(Errand::of(Deed::Work)).await;
    let facts = whole.facts();
    for cut in 0..=facts.len() {
        let asked = trial.model.asked().len();
        let done = trial.run(Errand::after(Deed::Work, whole.notebook.cut(cut))).await;
        assert_eq!(done.output(), whole.output(), "after {cut} facts");
        // An intent whose answer never came stands twice.
        let open = usize::from(matches!(facts[..cut].last(), Some(Fact::CallIntended { .. })));
        assert_eq!(done.facts(), facts[cut - open..], "after {cut} facts");
        let left = trial.model.asked().len() - asked;
        assert_eq!(left, keys(&done).len(), "after {cut} facts");
    }
}

/// Its host ended in the middle of it: the call that left is made once more, and the
/// other side can know it again.
pub async fn an_open_call_is_asked_again_with_the_same_key(trial: &Trial<'_>) {
    let first = trial.run(Errand::of(Deed::Ask)).await;
    let again = trial.run(Errand::after(Deed::Ask, first.notebook.cut(1))).await;
    assert_eq!(again.output(), first.output());
    assert_eq!(again.facts(), first.facts());
    let asked = trial.model.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0], asked[1]);
}

/// At whichever call: the attempt ends there, and nothing is guessed.
pub async fn another_request_than_recorded_diverges(trial: &Trial<'_>) {
    let whole = trial.run(Errand::of(Deed::Work)).await;
    let facts = whole.facts();
    let asked = trial.model.asked().len();
    for (place, fact) in facts.iter().enumerate() {
        let stranger = Digest::of(b"something else");
        let other = match fact.clone() {
            Fact::CallIntended { attempt, index, capability, key, reserved, changes, .. } => {
                let request = stranger;
                Fact::CallIntended { attempt, index, capability, request, key, reserved, changes }
            }
            // The intent before it would be of another request than its answer.
            Fact::CallAnswered { attempt, index, capability, answer, cost, .. }
                if !matches!(facts[place - 1], Fact::CallIntended { .. }) =>
            {
                let request = stranger;
                Fact::CallAnswered { attempt, index, capability, request, answer, cost }
            }
            _ => continue,
        };
        let past = whole.notebook.cut(place).with(other);
        let done = trial.run(Errand::after(Deed::Work, past)).await;
        assert_eq!(done.failure().kind, FailureKind::Diverged, "at fact {place}");
        assert!(nothing_new(&done.notebook), "{:?}", done.facts());
        assert_eq!(trial.model.asked().len(), asked, "at fact {place}");
    }
    trial.expect_well().await;
}

/// However it ends by itself: who leaves out what it once asked is not who it was. What
/// a limit does to it on the way is the limit's.
pub async fn who_ends_before_it_asked_everything_has_diverged(trial: &Trial<'_>) {
    let whole = trial.run(Errand::of(Deed::Work)).await;
    let asked = trial.model.asked().len();
    for (deed, left_out) in [
        (Deed::Say, "call 0 was model "),
        (Deed::Fail, "call 0 was model "),
        (Deed::Trap, "call 0 was model "),
        (Deed::OutOfSchema, "call 0 was model "),
        (Deed::Foreign, "call 0 was model "),
        (Deed::Ask, "call 1 was artifacts "),
    ] {
        let done = trial.run(Errand::after(deed, whole.notebook.kept())).await;
        let failure = done.failure();
        assert_eq!(failure.kind, FailureKind::Diverged, "{deed:?}: {failure}");
        assert!(failure.message.starts_with(left_out), "{deed:?}: {failure}");
        assert!(nothing_new(&done.notebook), "{deed:?}: {:?}", done.facts());
    }
    // The last call, which had no answer yet when its host ended, was asked as well.
    let open = whole.notebook.cut(1).with(whole.facts()[1].clone());
    assert_eq!(
        trial.run(Errand::after(Deed::Say, open)).await.failure().kind,
        FailureKind::Diverged
    );
    let limits = Limits { cpu: Duration::from_millis(50), ..Limits::DEFAULT };
    let loops = Errand { limits, ..Errand::after(Deed::Loop, whole.notebook.kept()) };
    assert_eq!(trial.run(loops).await.failure().kind, FailureKind::Limit);
    assert_eq!(trial.model.asked().len(), asked);
    trial.expect_well().await;
}

/// What it knows it may not know any more; what it was denied stays denied.
pub async fn an_answer_of_a_power_that_is_gone_ends_it_as_revoked(trial: &Trial<'_>) {
    let first = trial.run(Errand::of(Deed::Ask)).await;
    let revoked =
        Errand { alias: name("another"), ..Errand::after(Deed::Ask, first.notebook.kept()) };
    let done = trial.run(revoked).await;
    assert_eq!(done.failure().kind, FailureKind::Revoked);
    assert!(nothing_new(&done.notebook), "{:?}", done.facts());
    let denied = trial.run(Errand { alias: name("another"), ..Errand::of(Deed::Ask) }).await;
    let granted = trial.run(Errand::after(Deed::Ask, denied.notebook.kept())).await;
    assert_eq!(granted.output(), json!("denied"));
    assert_eq!(trial.model.asked().len(), 1);
}

/// Parked the call stays open, and what it cost is charged; told it is answered.
pub async fn a_call_that_nobody_answers_parks_the_attempt_or_is_told(trial: &Trial<'_>) {
    trial.model.is(Mood::Silent);
    let parked = trial.run(Errand { patience: Patience::Park, ..Errand::of(Deed::Ask) }).await;
    assert_eq!(parked.park().reason, ParkReason::Unavailable);
    let facts = parked.facts();
    let [Fact::CallIntended { reserved, .. }, Fact::CallLost { index: 0, cost, .. }] = &facts[..]
    else {
        panic!("{facts:?}");
    };
    assert!(*cost != Cost::ZERO && cost.max(*reserved) == *reserved, "{cost:?} of {reserved:?}");
    trial.expect_well().await;
    let told = trial.run(Errand { patience: Patience::Answer, ..Errand::of(Deed::Ask) }).await;
    assert_eq!(told.output(), json!("nobody"));
    let facts = told.facts();
    let [Fact::CallIntended { .. }, Fact::CallAnswered { answer, .. }] = &facts[..] else {
        panic!("{facts:?}");
    };
    assert!(matches!(answer, CallAnswer::Unavailable { .. }), "{answer:?}");
    // What was told stays told, also where somebody would answer by now.
    trial.model.is(Mood::Ready);
    let asked = trial.model.asked().len();
    let again = trial.run(Errand::after(Deed::Ask, told.notebook.kept())).await;
    assert_eq!((again.output(), trial.model.asked().len()), (json!("nobody"), asked));
}

/// At the call that it could not make, with the same key; what was told before is not told anew.
pub async fn what_was_parked_asks_again_and_ends(trial: &Trial<'_>) {
    let whole = trial.run(Errand::of(Deed::Work)).await;
    // Up to the second line: what is missing is the second question.
    let before: usize = 5;
    let patience = Patience::Park;
    let mut past = whole.notebook.cut(before);
    trial.model.is(Mood::Silent);
    for _ in 0..3 {
        let parked = trial.run(Errand { patience, ..Errand::after(Deed::Work, past) }).await;
        assert_eq!(parked.park().reason, ParkReason::Unavailable);
        assert_eq!(parked.names(), ["CallIntended", "CallLost"]);
        past = parked.notebook.kept();
    }
    trial.model.is(Mood::Ready);
    let done = trial.run(Errand { patience, ..Errand::after(Deed::Work, past) }).await;
    assert_eq!(done.output(), whole.output());
    assert_eq!(done.facts(), whole.facts()[before..]);
    let asked = trial.model.asked();
    assert_eq!(asked.len(), 2 + 3 + 1);
    assert!(asked[2..].iter().all(|one| *one == asked[1]), "{asked:?}");
}

/// Twice in the middle of its second question, and then it may end.
pub async fn a_continued_attempt_that_is_dropped_can_continue_again(trial: &Trial<'_>) {
    let whole = trial.run(Errand::of(Deed::Work)).await;
    let mut past: Notebook = whole.notebook.cut(5);
    trial.model.is(Mood::Thinking);
    for _ in 0..2 {
        let errand = Errand::after(Deed::Work, past);
        let notebook = Arc::clone(&errand.notebook);
        let asked = trial.model.asked().len();
        drop_when(trial, errand, trial.model.was_asked(asked + 1)).await;
        assert!(matches!(&notebook.facts()[..], [Fact::CallIntended { index: 2, .. }]));
        past = notebook.kept();
    }
    trial.model.is(Mood::Ready);
    let done = trial.run(Errand::after(Deed::Work, past)).await;
    assert_eq!(done.output().to_string(), words(&words(r#"{"topic":"bees"}"#)));
    assert_eq!(done.facts(), whole.facts()[5..]);
    trial.expect_well().await;
}
