//! An attempt with a record is, for its guest, the attempt that it was: clock, randomness and answers are the same at each point; the way back waits for nothing and is not paid from its CPU.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bailiwick_core::Digest;
use bailiwick_core::fact::{Fact, FailureKind};
use bailiwick_policy::ports::{Job, Outcome, StepRunner as _};
use serde_json::{Value, json};
use support::guest::{Guest, answer};
use support::{Facts, Host};

const IMPORTS: &str = r#"
  (import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $now (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $after (param i64) (result i32)))
  (import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "bailiwick:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "bailiwick:agent/artifacts@0.1.0" "put"
    (func $artifacts_put (param i32 i32 i32 i32 i32 i32 i32 i32)))"#;

/// `$note` appends a number to the list that is answered, `$notes` all that changes.
const EXTRA: &str = r#"
  (data (i32.const 9000) "kepttext/plainline")
  (data (i32.const 12000) "[")
  (global $end (mut i32) (i32.const 12001))
  (func $note (param $number i64)
    (local $i i32)
    (i32.store8 (global.get $end) (i32.const 34))
    (local.set $i (i32.add (global.get $end) (i32.const 21)))
    (i32.store8 (local.get $i) (i32.const 34))
    (i32.store8 (i32.add (local.get $i) (i32.const 1)) (i32.const 44))
    (loop $next
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (i32.store8 (local.get $i) (i32.wrap_i64 (i64.add (i64.const 48) (i64.rem_u (local.get $number) (i64.const 10)))))
      (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
      (br_if $next (i32.gt_u (local.get $i) (i32.add (global.get $end) (i32.const 1)))))
    (global.set $end (i32.add (global.get $end) (i32.const 23))))
  (func $notes
    (call $note (call $random))
    (call $note (call $now))
    (call $wall (i32.const 11000))
    (call $note (i64.load (i32.const 11000)))
    (call $note (i64.extend_i32_u (i32.load (i32.const 11008)))))
  (func $answer (result i32)
    (i32.store16 (global.get $end) (i32.const 0x5d30))
    (call $ok (i32.const 12000) (i32.sub (i32.add (global.get $end) (i32.const 2)) (i32.const 12000))))
  (func $line (call $log (i32.const 1) (i32.const 9014) (i32.const 4)))
  (func $put
    (call $artifacts_put (i32.const 9000) (i32.const 4) (i32.const 9004) (i32.const 10)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 11104))
    (if (i32.load8_u (i32.const 11104)) (then (unreachable))))
  (func $sleep (param $nanoseconds i64)
    (call $block (call $after (local.get $nanoseconds))))
  (func $number (param $text i32) (param $length i32) (result i64)
    (local $number i64)
    (loop $next
      (local.set $number (i64.add (i64.mul (local.get $number) (i64.const 10))
        (i64.extend_i32_u (i32.sub (i32.load8_u (local.get $text)) (i32.const 48)))))
      (local.set $text (i32.add (local.get $text) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br_if $next (local.get $length)))
    (local.get $number))
  (func $spin (param $times i64)
    (local $i i64)
    (loop $again
      (local.set $i (i64.add (local.get $i) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $i) (local.get $times)))))"#;

/// The input, which is a number.
const INPUT: &str = "(call $number (local.get $input) (local.get $input_length))";

fn guest(perform: &str) -> Vec<u8> {
    let (imports, extra, perform) = (IMPORTS.into(), EXTRA.into(), perform.into());
    Guest { imports, extra, perform, wasi: true, ..Guest::default() }.component()
}

/// The same attempt, executed again after the first `count` of these facts.
fn after(host: &Host, component: Digest, facts: &[Fact], count: usize) -> (Job, Arc<Facts>) {
    let past = Arc::new(Facts::after(&facts[..count]));
    let record = Arc::new(past.record());
    (Job { record, recorder: Arc::clone(&past) as _, ..host.job(component) }, past)
}

async fn again(host: &Host, component: Digest, facts: &[Fact], count: usize) -> Outcome {
    host.runner.run(after(host, component, facts, count).0).await
}

fn limit(outcome: Outcome) -> String {
    let left = outcome.result.unwrap_err();
    let failure = left.failure().unwrap();
    assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
    failure.message.clone()
}

#[tokio::test]
async fn clock_and_randomness_are_the_same_at_each_point_wherever_it_was_cut() {
    let host = Host::new();
    let steps = [
        "(call $line)",
        "(call $sleep (i64.const 150000000))",
        "(call $put)",
        "(call $line)",
        "(call $line)",
        "(call $put)",
        "(call $sleep (i64.const 20000000))",
        "(call $put)",
    ];
    let body: String = steps.iter().map(|step| format!("(call $notes) {step}")).collect();
    let component =
        host.load(&guest(&format!("{body} (call $notes) (return (call $answer))"))).await;
    let whole = host.run(component).await.result.unwrap().value();
    let facts = host.facts.all();
    assert_eq!(facts.len(), 6, "{facts:?}");
    // Four notes at each point, and a zero after the last comma.
    let notes = whole.as_array().unwrap();
    assert_eq!(notes.len(), 4 * (steps.len() + 1) + 1);
    let clocks: Vec<&Value> = notes.iter().skip(1).step_by(4).collect();
    let moved = clocks.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(moved >= 7, "a clock that stands shows nothing: {clocks:?}");
    for cut in 0..=facts.len() {
        let (job, book) = after(&host, component, &facts, cut);
        let output = host.runner.run(job).await.result.unwrap().value();
        assert_eq!(output, whole, "after {cut} facts");
        assert_eq!(book.all(), facts, "after {cut} facts");
    }
}

#[tokio::test]
async fn a_sleep_that_was_slept_is_not_slept_again_and_the_next_one_is() {
    let mut host = Host::new();
    let body = format!(
        "(call $sleep (i64.mul {INPUT} (i64.const 1000000000))) (call $put)
         (call $note (call $now)) (return (call $answer))"
    );
    let component = host.load(&guest(&body)).await;
    host.input = json!(0);
    host.run(component).await.result.unwrap();
    let facts = host.facts.all();
    // An hour would end it at its wall clock.
    host.limits.wall = Duration::from_millis(300);
    host.input = json!(3_600);
    let failure = host.failure_of(component).await;
    assert_eq!(failure.message, "limit:wall used 300 ms of 300 ms");
    host.limits.wall = Duration::from_secs(60);
    let output = again(&host, component, &facts, 1).await.result.unwrap().value();
    assert_eq!(output[0].as_str().unwrap(), "00000003600000000000", "its clock shows the hour");
    // From where nothing is recorded any more, sleeping takes time.
    host.limits.wall = Duration::from_millis(300);
    let once_more = format!("(call $put) (call $sleep (i64.const 3600000000000)) {}", answer("0"));
    let component = host.load(&guest(&once_more)).await;
    let outcome = again(&host, component, &facts, 1).await;
    assert_eq!(limit(outcome), "limit:wall used 300 ms of 300 ms");
}

/// Work that is long; a call; two fifths of a third of it, and a line that says so.
fn after_prework(then: &str) -> Vec<u8> {
    guest(&format!(
        "(call $spin {INPUT}) (call $put)
         (call $spin (i64.div_u (i64.mul {INPUT} (i64.const 2)) (i64.const 15))) (call $line) {then}"
    ))
}

/// Runs it once, with as many turns as take a while here, whatever this machine is and does
/// besides; then it may use a third of that.
async fn measured(host: &mut Host) -> Digest {
    let component = host.load(&after_prework(&answer("1"))).await;
    let mut turns = 50_000_000u64;
    loop {
        (host.input, host.facts) = (json!(turns), Arc::default());
        host.limits.cpu = Duration::from_secs(60);
        let outcome = host.run(component).await;
        outcome.result.unwrap();
        if outcome.used.cpu_millis >= 300 {
            host.limits.cpu = Duration::from_millis(outcome.used.cpu_millis) / 3;
            return component;
        }
        turns *= 2;
    }
}

#[tokio::test]
async fn the_way_back_is_not_paid_from_its_cpu() {
    let mut host = Host::new();
    let component = measured(&mut host).await;
    let facts = host.facts.all();
    let fresh = host.run(component).await;
    assert!(limit(fresh).starts_with("limit:cpu "), "it is too much for a new attempt");
    let continued = again(&host, component, &facts, 1).await;
    assert_eq!(continued.result.unwrap().value(), json!(1));
}

#[tokio::test]
async fn where_it_is_back_it_has_its_whole_cpu_and_no_more() {
    let mut host = Host::new();
    measured(&mut host).await;
    let facts = host.facts.all();
    let component = host.load(&after_prework("(loop $forever (br $forever))")).await;
    let (job, book) = after(&host, component, &facts, 1);
    let outcome = host.runner.run(job).await;
    assert_eq!(book.logged(), ["line"], "two fifths of its CPU lie before the line");
    // The way back took three of its budgets or so; ten it might have taken, and then one.
    let most = 8 * u64::try_from(host.limits.cpu.as_millis()).unwrap();
    assert!(outcome.used.cpu_millis < most, "{:?} of {most}", outcome.used);
    assert!(limit(outcome).starts_with("limit:cpu "));
}

#[tokio::test]
async fn a_way_back_without_end_has_an_end() {
    let mut host = Host::new();
    let component = host.load(&guest(&format!("(call $put) {}", answer("1")))).await;
    host.run(component).await.result.unwrap();
    let facts = host.facts.all();
    host.limits.cpu = Duration::from_millis(50);
    let component = host.load(&guest("(loop $forever (br $forever)) (call $put)")).await;
    let outcome = again(&host, component, &facts, 1).await;
    assert!(outcome.used.cpu_millis >= 500, "ten times its budget: {:?}", outcome.used);
    assert_eq!(limit(outcome), "limit:cpu used 50 ms of 50 ms");
}
