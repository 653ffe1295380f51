//! What holds for attempts without a past: outputs, facts and their order, ends, what is let go. Each case takes a fresh trial.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::fact::{CallAnswer, Capability, Fact, FailureKind};
use bailiwick_core::{Bytes, Cost, Digest, RunId};
use futures_util::future::{Either, join, join_all, select};
use serde_json::json;

use super::Deed;
use super::model::{Mood, words};
use super::notebook::Notebook;
use super::trial::{Done, Errand, Trial, name};
use crate::Limits;

/// The text of the usual input: what an agent asks with.
const INPUT: &str = r#"{"topic":"bees"}"#;

/// How often everybody has a turn before something is believed not to happen.
const TURNS: usize = 200;

/// Attempts that run at the same time: a runner that has fewer places than a small run
/// wants is none.
const TOGETHER: u32 = 16;

/// Each deed that answers, answers what it should, and holds nothing afterwards.
pub async fn the_output_is_what_the_agent_says(trial: &Trial<'_>) {
    assert_eq!(trial.run(Errand::of(Deed::Say)).await.output(), json!({ "said": "hello" }));
    let kept = trial.run(Errand::of(Deed::Keep)).await.output();
    let reference = json!({
        "$artifact": Digest::of(b"kept").to_string(),
        "bytes": 4,
        "media_type": "text/plain",
        "name": "kept.txt",
    });
    assert_eq!(kept, reference);
    let asked = trial.run(Errand::of(Deed::Ask)).await;
    assert_eq!(asked.output().to_string(), words(INPUT));
    assert_eq!(asked.outcome.used.gate_calls, 1);
    let work = trial.run(Errand::of(Deed::Work)).await;
    assert_eq!(work.output().to_string(), words(&words(INPUT)));
    assert_eq!(work.outcome.used.gate_calls, 3);
    trial.expect_well().await;
}

/// Whatever the end is: it and the facts before it depend on the job alone.
pub async fn the_same_job_has_the_same_outcome_and_the_same_facts(trial: &Trial<'_>) {
    for deed in Deed::ALL {
        let errand = || {
            let limits = Limits { cpu: Duration::from_millis(50), ..Limits::DEFAULT };
            Errand { limits, ..Errand::of(deed) }
        };
        let (first, second) = (trial.run(errand()).await, trial.run(errand()).await);
        assert_eq!(first.outcome.result, second.outcome.result, "{deed:?}");
        assert_eq!(first.facts(), second.facts(), "{deed:?}");
    }
}

/// Indices count the calls; an intent comes before its answer, names the same request,
/// and reserves no less than what the answer cost. What stays on the host has no intent.
pub async fn facts_come_in_order_and_no_answer_before_its_intent(trial: &Trial<'_>) {
    let done = trial.run(Errand::of(Deed::Work)).await;
    let (model, artifacts) = (Capability::Model, Capability::Artifacts);
    let mut intent = None;
    let mut seen = Vec::new();
    for fact in done.facts() {
        seen.push(match fact {
            Fact::Logged { entry, .. } => (entry.message, None),
            Fact::CallIntended { index, capability, request, reserved, .. } => {
                intent = Some((index, capability, request, reserved));
                ("intended".to_owned(), Some((index, capability)))
            }
            Fact::CallAnswered { index, capability, request, answer, cost, .. } => {
                assert!(matches!(answer, CallAnswer::Ok { .. }), "{answer:?}");
                match intent.take() {
                    Some((of, power, asked, reserved)) => {
                        assert_eq!((of, power, asked), (index, capability, request));
                        assert!(cost != Cost::ZERO && cost.max(reserved) == reserved, "{cost:?}");
                    }
                    None => assert_eq!((capability, cost), (artifacts, Cost::ZERO)),
                }
                ("answered".to_owned(), Some((index, capability)))
            }
            other => panic!("{other:?}"),
        });
    }
    let expected = [
        ("first", None),
        ("intended", Some((0, model))),
        ("answered", Some((0, model))),
        ("answered", Some((1, artifacts))),
        ("second", None),
        ("intended", Some((2, model))),
        ("answered", Some((2, model))),
    ];
    assert_eq!(seen, expected.map(|(word, call)| (word.to_owned(), call)));
}

/// While the intent may still be lost, no request leaves; and then it does.
pub async fn an_intent_is_durable_before_anybody_is_asked(trial: &Trial<'_>) {
    let errand = Errand::of(Deed::Ask);
    let notebook = Arc::clone(&errand.notebook);
    notebook.withhold();
    let watch = async {
        notebook.has(1).await;
        turns(trial).await;
        assert_eq!(trial.model.asked(), [], "asked before the intent was durable");
        notebook.flush();
        drop(notebook);
    };
    let (done, ()) = join(trial.run(errand), watch).await;
    assert_eq!(done.output().to_string(), words(INPUT));
    assert_eq!(trial.model.asked().len(), 1);
}

/// Words and artifacts can be had again: the guest runs ahead of the disk, to its end.
pub async fn what_does_not_leave_waits_for_nothing(trial: &Trial<'_>) {
    let errand = Errand::of(Deed::Keep);
    errand.notebook.withhold();
    let done = trial.run(errand).await;
    assert_eq!(done.output()["name"], "kept.txt");
    assert_eq!(done.names(), ["Logged", "CallAnswered"]);
}

/// The guest is told so; the reason is the operator's.
pub async fn a_power_that_was_not_granted_is_denied_and_nobody_is_asked(trial: &Trial<'_>) {
    let errand = Errand { alias: name("another"), ..Errand::of(Deed::Ask) };
    let done = trial.run(errand).await;
    assert_eq!(done.output(), json!("denied"));
    assert!(matches!(
        &done.facts()[..],
        [Fact::CallAnswered { answer: CallAnswer::Denied { .. }, .. }]
    ));
    assert_eq!(trial.model.asked(), []);
}

/// A failure is an outcome: nothing is held after it, and the next attempt is served.
pub async fn each_failure_has_its_kind_and_the_host_goes_on(trial: &Trial<'_>) {
    let broken = |deed| Errand::of(deed);
    let out_of_schema = Errand { input: json!("bees"), ..Errand::of(Deed::Say) };
    let nobody = Digest::of(b"a component that nobody loaded");
    let unknown = Errand { component: Some(nobody), ..Errand::of(Deed::Say) };
    for (errand, kind) in [
        (broken(Deed::Fail), FailureKind::Retryable),
        (broken(Deed::Trap), FailureKind::Trap),
        (broken(Deed::OutOfSchema), FailureKind::OutOfSchema),
        (broken(Deed::Foreign), FailureKind::ForeignArtifact),
        (out_of_schema, FailureKind::InvalidInput),
        (unknown, FailureKind::Component),
    ] {
        let deed = errand.deed;
        let failure = trial.run(errand).await.failure();
        assert_eq!(failure.kind, kind, "{deed:?}: {failure}");
        assert!(!failure.message.is_empty());
        trial.expect_well().await;
    }
}

/// The name of the limit is the first word for whoever reads it, and nobody is held up by it.
pub async fn each_limit_ends_an_attempt_under_its_name(trial: &Trial<'_>) {
    let soon = Duration::from_millis(50);
    let most = Limits::DEFAULT;
    for (deed, limits, word) in [
        (Deed::Loop, Limits { cpu: soon, ..most }, "limit:cpu "),
        (Deed::Loop, Limits { wall: soon, ..most }, "limit:wall "),
        (Deed::Ask, Limits { wall: soon, ..most }, "limit:wall "),
        (Deed::Work, Limits { gate_calls: 2, ..most }, "limit:gate-calls "),
        (Deed::Say, Limits { output: Bytes(4), ..most }, "limit:output "),
        (Deed::Say, Limits { memory: Bytes(1), ..most }, "limit:memory "),
    ] {
        trial.model.is(if deed == Deed::Ask { Mood::Thinking } else { Mood::Ready });
        let failure = trial.run(Errand { limits, ..Errand::of(deed) }).await.failure();
        assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
        assert!(failure.message.starts_with(word), "{failure}");
        trial.expect_well().await;
        assert_eq!(trial.model.waiting(), 0, "a request outlived its attempt");
    }
}

/// What cannot be written down does not happen: the attempt ends, as the host's failure.
pub async fn a_journal_that_is_gone_ends_the_attempt(trial: &Trial<'_>) {
    for deed in [Deed::Keep, Deed::Ask, Deed::Loop] {
        let errand = Errand::of(deed);
        errand.notebook.lose();
        let done = trial.run(errand).await;
        assert_eq!(done.failure().kind, FailureKind::Host, "{deed:?}");
        trial.expect_well().await;
    }
    assert_eq!(trial.model.asked(), []);
}

/// Equal over tries of the same round; another for another run, round or call.
pub async fn a_key_names_the_call_and_not_the_try(trial: &Trial<'_>) {
    let mut again = Errand::of(Deed::Ask);
    again.attempt.attempt = 2;
    let mut revised = Errand::of(Deed::Ask);
    revised.attempt.round = 1;
    let other = Errand { run: RunId::new("run-2").unwrap(), ..Errand::of(Deed::Ask) };
    for errand in [Errand::of(Deed::Ask), again, revised, other, Errand::of(Deed::Work)] {
        let done = trial.run(errand).await;
        // What is written down is what went along.
        let asked = trial.model.asked();
        let intended = keys(&done);
        let left: Vec<Digest> = asked[asked.len() - intended.len()..].iter().map(|a| a.0).collect();
        assert_eq!(left, intended);
    }
    let keys: Vec<Digest> = trial.model.asked().iter().map(|(key, _)| *key).collect();
    assert_eq!(keys[0], keys[1], "another try");
    // The first call of `Work` is the one call of `Ask`: same run, cell, round, number and request.
    assert_eq!(keys[0], keys[4]);
    let distinct: BTreeSet<Digest> = keys.iter().copied().collect();
    assert_eq!(distinct.len(), keys.len() - 2, "{keys:?}");
}

/// In the middle of guest code, while a fact is not durable, while a model thinks.
pub async fn dropping_it_ends_an_attempt_and_frees_what_it_held(trial: &Trial<'_>) {
    for (deed, withheld, thinks) in
        [(Deed::Loop, false, false), (Deed::Ask, true, false), (Deed::Ask, false, true)]
    {
        trial.model.is(if thinks { Mood::Thinking } else { Mood::Ready });
        let asked = trial.model.asked().len();
        let errand = Errand::of(deed);
        let notebook = Arc::clone(&errand.notebook);
        if withheld {
            notebook.withhold();
        }
        let there = async {
            notebook.has(1).await;
            if thinks {
                trial.model.was_asked(asked + 1).await;
            }
        };
        drop_when(trial, errand, there).await;
        assert_eq!(trial.model.waiting(), 0, "a request outlived its attempt");
        notebook.flush();
        turns(trial).await;
        assert_eq!(notebook.entries(), 1, "it went on");
        assert_eq!(trial.model.asked().len(), asked + usize::from(thinks), "it went on");
        assert_eq!(Arc::strong_count(&notebook), 1, "its recorder outlived the attempt");
        trial.expect_well().await;
    }
}

/// All of them are in the middle of a call at the same moment; each gets its own words.
pub async fn many_at_once_do_not_see_each_other(trial: &Trial<'_>) {
    trial.model.is(Mood::Together(TOGETHER as usize));
    let errands = (0..TOGETHER).map(|number| {
        let mut errand = Errand::of(Deed::Ask);
        errand.attempt.round = number;
        errand.input = json!({ "topic": number });
        trial.run(errand)
    });
    let all = join_all(errands).await;
    let mut intended = BTreeSet::new();
    for (number, done) in all.iter().enumerate() {
        let input = format!("{{\"topic\":{number}}}");
        assert_eq!(done.output().to_string(), words(&input));
        assert_eq!(done.names(), ["CallIntended", "CallAnswered"]);
        intended.extend(keys(done));
    }
    assert_eq!(intended.len(), TOGETHER as usize);
    let asked: BTreeSet<Digest> = trial.model.asked().into_iter().map(|(key, _)| key).collect();
    assert_eq!(asked, intended);
    trial.expect_well().await;
}

/// The keys that an execution wrote down, in order.
pub(super) fn keys(done: &Done) -> Vec<Digest> {
    let keys = done.facts().into_iter().filter_map(|fact| match fact {
        Fact::CallIntended { key, .. } => Some(key),
        _ => None,
    });
    keys.collect()
}

/// Runs it until something is there, and drops it then.
pub(super) async fn drop_when(trial: &Trial<'_>, errand: Errand, there: impl Future<Output = ()>) {
    let run = trial.begin(errand).await;
    match select(run, pin!(there)).await {
        Either::Left((outcome, _)) => panic!("it ended before it was dropped: {outcome:?}"),
        Either::Right(((), run)) => {
            assert_eq!(trial.workshop.held().await, 1, "what runs holds something");
            drop(run);
        }
    }
    assert_eq!(trial.workshop.held().await, 0, "something is still held");
}

/// Lets everybody who is ready go on for a while.
async fn turns(trial: &Trial<'_>) {
    for _ in 0..TURNS {
        let mut given = false;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            let before = std::mem::replace(&mut given, true);
            if before { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        trial.workshop.held().await;
    }
}

/// Whether a notebook has anything in it besides its past.
pub(super) fn nothing_new(notebook: &Notebook) -> bool {
    notebook.facts().is_empty()
}
