//! WASI is inert and derived: the same attempt sees the same numbers and times, another does not, and nothing is behind files and sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::time::{Duration, Instant};

use bailiwick_core::fact::FailureKind;
use serde_json::{Value, json};
use support::Host;
use support::guest::{Guest, answer};

/// Digits of two numbers from `random` and the clock, as `[random, monotonic, seconds]`.
const REPORT: &str = r#"
  (func $digits (param $number i64) (param $at i32) (result i32)
    (local $end i32) (local $i i32)
    (local.set $end (i32.add (local.get $at) (i32.const 20)))
    (local.set $i (local.get $end))
    (loop $next
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (i32.store8 (local.get $i) (i32.wrap_i64 (i64.add (i64.const 48) (i64.rem_u (local.get $number) (i64.const 10)))))
      (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
      (br_if $next (i32.gt_u (local.get $i) (local.get $at))))
    (local.get $end))
  (data (i32.const 10000) "[\"--------------------\",\"--------------------\",\"--------------------\"]")"#;

const IMPORTS: &str = r#"
  (import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $now (result i64)))
  (import "wasi:clocks/wall-clock@0.2.12" "now" (func $wall (param i32)))"#;

fn report(before: &str) -> Vec<u8> {
    let perform = format!(
        "{before}
         (drop (call $digits (call $random) (i32.const 10002)))
         (drop (call $digits (call $now) (i32.const 10025)))
         (call $wall (i32.const 12000))
         (drop (call $digits (i64.load (i32.const 12000)) (i32.const 10048)))
         (return (call $ok (i32.const 10000) (i32.const 70)))"
    );
    guest(IMPORTS, REPORT, &perform)
}

fn guest(imports: &str, extra: &str, perform: &str) -> Vec<u8> {
    let (imports, extra, perform) = (imports.into(), extra.into(), perform.into());
    Guest { imports, extra, perform, wasi: true, ..Guest::default() }.component()
}

fn number(report: &Value, index: usize) -> u64 {
    report[index].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_same_attempt_sees_the_same_and_another_does_not() {
    let mut host = Host::new();
    let component = report("");
    let first = host.answer(&component).await;
    let again = host.answer(&component).await;
    assert_eq!(first, again);
    assert_eq!(number(&first, 1), 0, "the clock stands where the attempt started");
    assert_eq!(number(&first, 2), support::STARTED.0 / 1_000);
    host.attempt = 2;
    let other = host.answer(&component).await;
    assert_ne!(number(&first, 0), number(&other, 0));
    assert_eq!(first[2], other[2]);
}

#[tokio::test]
async fn the_clock_does_not_see_work_and_sees_facts() {
    let host = Host::new();
    let work = "(loop $work (br_if $work (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50000000))))";
    assert_eq!(number(&host.answer(&report(work)).await, 1), 0);
    let print = "(call $write (call $out) (i32.const 12000) (i32.const 6) (i32.const 12100))";
    let imports = format!(
        r#"{IMPORTS} (import "wasi:cli/stdout@0.2.12" "get-stdout" (func $out (result i32)))
        (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#
    );
    let extra = format!("{REPORT} (data (i32.const 12000) \"hello\\n\")");
    let perform = format!(
        "{print} (drop (call $digits (call $now) (i32.const 10025))) (return (call $ok (i32.const 10000) (i32.const 70)))"
    );
    let report = host.answer(&guest(&imports, &extra, &perform)).await;
    assert_eq!(number(&report, 1), 1_000_000_000, "the line is a fact, a second later");
    assert_eq!(host.facts.logged(), ["hello"]);
}

#[tokio::test]
async fn a_sleep_waits_and_moves_the_clock() {
    let host = Host::new();
    let sleep = r#"(call $block (call $after (i64.const 150000000)))"#;
    let imports = format!(
        r#"{IMPORTS} (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $after (param i64) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#
    );
    let perform = format!(
        "{sleep} (drop (call $digits (call $now) (i32.const 10025))) (return (call $ok (i32.const 10000) (i32.const 70)))"
    );
    let component = guest(&imports, REPORT, &perform);
    let digest = host.load(&component).await;
    let before = Instant::now();
    let outcome = host.run(digest).await;
    assert!(before.elapsed() >= Duration::from_millis(150));
    assert!(outcome.used.cpu_millis < 100, "a sleep is no work: {:?}", outcome.used);
    assert_eq!(number(&outcome.result.unwrap().value(), 1), 150_000_000);
}

#[tokio::test]
async fn an_endless_sleep_ends_at_the_wall_clock() {
    let mut host = Host::new();
    host.limits.wall = Duration::from_millis(200);
    let imports = r#"(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $after (param i64) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;
    let failure =
        host.failure(&guest(imports, "", "(call $block (call $after (i64.const -1)))")).await;
    assert_eq!(failure.message, "limit:wall used 200 ms of 200 ms");
}

#[tokio::test]
async fn handles_are_counted() {
    let host = Host::new();
    let imports = r#"(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $after (param i64) (result i32)))"#;
    let failure = host
        .failure(&guest(
            imports,
            "",
            "(loop $again (drop (call $after (i64.const 1))) (br $again))",
        ))
        .await;
    assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
    assert!(failure.message.ends_with("used 1024 of 1024"), "{failure}");
}

#[tokio::test]
async fn too_much_randomness_is_refused() {
    let host = Host::new();
    let imports =
        r#"(import "wasi:random/random@0.2.12" "get-random-bytes" (func $bytes (param i64 i32)))"#;
    let failure = host
        .failure(&guest(imports, "", "(call $bytes (i64.const 100000000) (i32.const 1200))"))
        .await;
    assert_eq!(failure.message, "limit:random-bytes used 95.4 MiB of 1 MiB");
}

#[tokio::test]
async fn an_exit_is_no_answer() {
    let host = Host::new();
    let imports = r#"(import "wasi:cli/exit@0.2.12" "exit" (func $exit (param i32)))"#;
    let failure = host.failure(&guest(imports, "", "(call $exit (i32.const 0))")).await;
    assert_eq!(failure.kind, FailureKind::Trap);
    assert_eq!(failure.message, "the agent exited (success) instead of answering");
}

#[tokio::test]
async fn there_is_no_environment() {
    let host = Host::new();
    let imports =
        r#"(import "wasi:cli/environment@0.2.12" "get-environment" (func $env (param i32)))"#;
    let body = format!(
        "(call $env (i32.const 1200)) (if (i32.load (i32.const 1204)) (then (unreachable))) {}",
        answer("0")
    );
    assert_eq!(host.answer(&guest(imports, "", &body)).await, json!(0));
}

#[tokio::test]
async fn a_socket_is_refused_by_a_constant() {
    let host = Host::new();
    let imports = r#"(import "wasi:sockets/tcp-create-socket@0.2.3" "create-tcp-socket" (func $socket (param i32 i32)))
        (import "wasi:sockets/instance-network@0.2.3" "instance-network" (func $network (result i32)))"#;
    // result<own<tcp-socket>, error-code>: 1 is an error, and 1 in it is access-denied.
    let body = format!(
        "(drop (call $network)) (call $socket (i32.const 0) (i32.const 1200))
         (if (i32.ne (i32.load8_u (i32.const 1200)) (i32.const 1)) (then (unreachable)))
         (if (i32.ne (i32.load8_u (i32.const 1204)) (i32.const 1)) (then (unreachable)))
         {}",
        answer("\"refused\"")
    );
    assert_eq!(host.answer(&guest(imports, "", &body)).await, json!("refused"));
}
