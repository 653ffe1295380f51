//! A hostile guest for each limit: it ends in a typed refusal with used and allowed, and never in a panic of the host.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bailiwick_core::fact::{Fact, FailureKind};
use bailiwick_core::ports::Blobs as _;
use bailiwick_core::{Artifact, Bytes};
use bailiwick_sandbox::Refused;
use bailiwick_sandbox::profile::ProfileError;
use serde_json::json;
use support::guest::{Guest, answer, performs, with_instances};
use support::{Host, Memory};

const LOOP: &str = "(loop $forever (br $forever))";

fn limit(failure: &bailiwick_core::fact::Failure, message: &str) {
    assert_eq!(failure.kind, FailureKind::Limit, "{failure}");
    assert!(failure.message.starts_with(message), "{failure}");
    assert!(!failure.message.contains("trap"), "{failure}");
}

#[tokio::test]
async fn an_endless_loop_ends_at_its_cpu() {
    let mut host = Host::new();
    host.limits.cpu = Duration::from_millis(200);
    let digest = host.load(&performs(LOOP).component()).await;
    let outcome = host.run(digest).await;
    limit(outcome.result.unwrap_err().failure().unwrap(), "limit:cpu used 200 ms of 200 ms");
    assert!((200..2_000).contains(&outcome.used.cpu_millis), "{:?}", outcome.used);
}

#[tokio::test]
async fn what_people_are_shown_is_made_within_the_limits_of_its_attempt() {
    // Sixteen megabytes of lines in which every second letter is composed anew.
    let text = "e\u{301}a o\u{308}\n".repeat(2_000_000);
    let blobs = Memory::default();
    let digest = blobs.put(text.into_bytes()).await.unwrap();
    let text = Artifact {
        digest,
        media_type: "text/plain".into(),
        bytes: Bytes(18_000_000),
        name: Some("long.txt".into()),
    };
    let keeps = Host::new();
    let mut host = Host::lowering(Arc::clone(&keeps.sandbox), &["step"], blobs);
    host.input = text.to_json();
    host.limits.cpu = Duration::from_millis(100);
    let says = performs(&answer(&text.to_json().to_string()));
    let component = host.load(&says.component()).await;
    // This thread has other work meanwhile, and does it.
    let turns = Arc::new(AtomicUsize::new(0));
    let neighbour = tokio::spawn({
        let turns = Arc::clone(&turns);
        async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let outcome = host.run(component).await;
    neighbour.abort();
    limit(outcome.result.unwrap_err().failure().unwrap(), "limit:cpu used 100 ms of 100 ms");
    assert!((100..1_000).contains(&outcome.used.cpu_millis), "{:?}", outcome.used);
    assert!(turns.load(Ordering::Relaxed) > 5, "{turns:?}");
}

#[tokio::test]
async fn a_loop_in_the_start_function_ends_at_its_cpu() {
    let mut host = Host::new();
    host.limits.cpu = Duration::from_millis(200);
    let start = format!("(func $start {LOOP}) (start $start)");
    let guest = Guest { start, ..Guest::default() };
    limit(&host.failure(&guest.component()).await, "limit:cpu used 200 ms of 200 ms");
}

#[tokio::test]
async fn a_loop_in_profile_ends_at_its_cpu() {
    let host = Host::new();
    let guest = Guest { profile: LOOP.into(), ..Guest::default() };
    let digest = host.load(&guest.component()).await;
    let Err(ProfileError::Failed(failure)) = host.sandbox.profile(&digest).await else { panic!() };
    limit(&failure, "limit:cpu used 2 s of 2 s");
}

#[tokio::test]
async fn a_neighbours_step_goes_on_beside_a_loop() {
    let mut host = Host::new();
    host.limits.cpu = Duration::from_secs(2);
    let hostile = host.load(&performs(LOOP).component()).await;
    let honest = host.load(&Guest::default().component()).await;
    let over = Arc::new(AtomicBool::new(false));
    // One thread: without yielding the honest one would have to wait for the end.
    let (looped, answered) = tokio::join!(
        async {
            let outcome = host.run(hostile).await;
            over.store(true, Ordering::SeqCst);
            outcome
        },
        async {
            for _ in 0..20 {
                assert_eq!(host.run(honest).await.result.unwrap().value(), json!({"ok": true}));
            }
            !over.load(Ordering::SeqCst)
        }
    );
    limit(looped.result.unwrap_err().failure().unwrap(), "limit:cpu");
    assert!(answered, "the honest steps ended before the loop was ended");
}

#[tokio::test]
async fn a_neighbours_step_goes_on_beside_each_of_them() {
    let mut host = Host::new();
    host.limits.cpu = Duration::from_millis(500);
    let honest = host.load(&Guest::default().component()).await;
    let deep =
        "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))";
    let grow = "(loop $grow (br_if $grow (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let huge = "(drop (memory.grow (i32.const 1700))) (return (call $ok (i32.const 0) (i32.const 100000000)))";
    for (guest, message) in [
        (performs(LOOP), "limit:cpu"),
        (
            Guest { extra: deep.into(), ..performs("(drop (call $deep (i32.const 1)))") },
            "limit:stack",
        ),
        (performs(grow), "limit:memory"),
        (performs(huge), "limit:output"),
    ] {
        let hostile = host.load(&guest.component()).await;
        let honest = async {
            for _ in 0..20 {
                assert_eq!(host.run(honest).await.result.unwrap().value(), json!({"ok": true}));
            }
        };
        let (ended, ()) = tokio::join!(host.run(hostile), honest);
        limit(ended.result.unwrap_err().failure().unwrap(), message);
    }
}

#[tokio::test]
async fn the_check_of_an_output_is_charged_to_the_agent() {
    let mut host = Host::new();
    host.limits.cpu = Duration::from_millis(5);
    // Four megabytes of numbers take longer to read than that, and next to nothing to return.
    let zeroes = format!("[{}0]", "0,".repeat(2_000_000));
    let failure = host.failure(&performs(&answer(&zeroes)).component()).await;
    limit(&failure, "limit:cpu used 5 ms of 5 ms");
}

#[tokio::test]
async fn an_output_that_takes_more_than_the_memory_is_not_read() {
    // Half a megabyte of objects that take a hundred times as much.
    let mut host = Host::new();
    host.limits.memory = Bytes::mib(32);
    let objects = format!("[{}0]", "{\"\":0},".repeat(75_000));
    let failure = host.failure(&performs(&answer(&objects)).component()).await;
    limit(&failure, "limit:memory used ");
    assert!(failure.message.ends_with(" of 32 MiB: that is what its output takes when it is read"));
    // With the memory for it, it is an output.
    host.limits.memory = Bytes::mib(128);
    assert_eq!(host.answer(&performs(&answer(&objects)).component()).await[75_000], json!(0));
}

#[tokio::test]
async fn growing_memory_ends_at_the_limit() {
    let host = Host::new();
    let body = "(loop $grow (br_if $grow (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    let digest = host.load(&performs(body).component()).await;
    let outcome = host.run(digest).await;
    limit(
        outcome.result.unwrap_err().failure().unwrap(),
        "limit:memory used 127.1 MiB of 128 MiB, and 1 MiB more were asked for",
    );
    assert!(outcome.used.memory_bytes > 127 << 20, "{:?}", outcome.used);
}

#[tokio::test]
async fn a_guest_that_copes_with_a_refused_growth_goes_on() {
    let host = Host::new();
    let body = format!("(drop (memory.grow (i32.const 60000))) {}", answer("1"));
    assert_eq!(host.answer(&performs(&body).component()).await, json!(1));
}

#[tokio::test]
async fn several_memories_count_together() {
    let host = Host::new();
    let guest = Guest::default().component();
    // Each is within 128 MiB: three of them are not.
    let one = "(module (memory 900))";
    assert_eq!(host.answer(&with_instances(&guest, one, 2)).await, json!({"ok": true}));
    limit(
        &host.failure(&with_instances(&guest, one, 3)).await,
        "limit:memory used 112.6 MiB of 128 MiB",
    );
}

#[tokio::test]
async fn memories_tables_and_instances_are_counted() {
    let host = Host::new();
    let guest = Guest::default().component();
    let refused = host.refused(&with_instances(&guest, "(module (memory 0))", 8)).await;
    assert!(
        matches!(refused, Refused::TooMany { what: "memories", found: 9, most: 8 }),
        "{refused}"
    );
    let refused = host.refused(&with_instances(&guest, "(module (table 1 funcref))", 17)).await;
    assert!(
        matches!(refused, Refused::TooMany { what: "tables", found: 17, most: 16 }),
        "{refused}"
    );
    let instances = host.failure(&with_instances(&guest, "(module)", 64)).await;
    limit(&instances, "limit:instances used 64 and asked for more of 64");
}

#[tokio::test]
async fn table_elements_count_together() {
    let host = Host::new();
    let grow = "(if (i32.eq (table.grow $t (ref.null func) (i32.const 30000)) (i32.const -1)) (then (unreachable)))";
    let guest = Guest { extra: "(table $t 1 funcref)".into(), ..performs(grow) };
    limit(
        &host.failure(&guest.component()).await,
        "limit:table-elements used 1 of 20000, and 30000 more",
    );
    let many = with_instances(&Guest::default().component(), "(module (table 9000 funcref))", 3);
    limit(&host.failure(&many).await, "limit:table-elements used 18000 of 20000, and 9000 more");
}

/// A guest that fills its stack.
fn recursing() -> Guest {
    let deep =
        "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))";
    Guest { extra: deep.into(), ..performs("(drop (call $deep (i32.const 1)))") }
}

#[tokio::test]
async fn deep_recursion_ends_at_the_stack() {
    let host = Host::new();
    limit(&host.failure(&recursing().component()).await, "limit:stack used 512 KiB of 512 KiB");
}

/// The pool hands out every stack once before it hands out one twice: kept as they are, these
/// would be 100 MiB.
#[tokio::test]
async fn stacks_that_guests_have_filled_go_back_to_the_system() {
    let host = Host::new();
    let digest = host.load(&recursing().component()).await;
    host.run(digest).await.result.unwrap_err();
    let before = resident_bytes();
    for _ in 0..200 {
        host.run(digest).await.result.unwrap_err();
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 20 << 20, "{} MiB more", grown >> 20);
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[tokio::test]
async fn a_huge_output_is_refused_before_it_is_copied() {
    let host = Host::new();
    let huge = "(drop (memory.grow (i32.const 1700))) (return (call $ok (i32.const 0) (i32.const 100000000)))";
    let failure = host.failure(&performs(huge).component()).await;
    limit(&failure, "limit:output used more than 8 MiB of 4 MiB");
    let large = "(drop (memory.grow (i32.const 100))) (return (call $ok (i32.const 0) (i32.const 5242880)))";
    limit(&host.failure(&performs(large).component()).await, "limit:output used 5 MiB of 4 MiB");
}

const PUT: &str = r#"(import "bailiwick:agent/artifacts@0.1.0" "put"
    (func $put (param i32 i32 i32 i32 i32 i32 i32 i32)))"#;
const SEARCH: &str = r#"(import "bailiwick:agent/knowledge@0.1.0" "search"
    (func $search (param i32 i32 i32 i32 i32 i32)))"#;
const LOG: &str = r#"(import "bailiwick:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;

#[tokio::test]
async fn a_huge_list_to_the_host_is_refused_before_it_is_copied() {
    let host = Host::new();
    let body = "(drop (memory.grow (i32.const 200)))
        (call $put (i32.const 0) (i32.const 10000000) (i32.const 0) (i32.const 0)
                   (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1200))";
    let guest = Guest { imports: PUT.into(), ..performs(body) };
    limit(
        &host.failure(&guest.component()).await,
        "limit:hostcall-bytes used more than 8 MiB of 8 MiB",
    );
}

#[tokio::test]
async fn a_flood_of_calls_ends_at_their_number() {
    let mut host = Host::new();
    host.limits.gate_calls = 50;
    // Text `brand` as the collection; the query is empty.
    let body = "(loop $again
        (call $search (i32.const 9000) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1200))
        (br $again))";
    let extra = "(data (i32.const 9000) \"brand\")".into();
    let guest = Guest { imports: SEARCH.into(), extra, ..performs(body) };
    limit(&host.failure(&guest.component()).await, "limit:gate-calls used 51 of 50");
}

#[tokio::test]
async fn a_flood_of_denials_ends_at_their_number() {
    let mut host = Host::new();
    host.limits.denials = 10;
    let body = "(loop $again
        (call $search (i32.const 9000) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1200))
        (br $again))";
    let extra = "(data (i32.const 9000) \"other\")".into();
    let guest = Guest { imports: SEARCH.into(), extra, ..performs(body) };
    limit(&host.failure(&guest.component()).await, "limit:denials used 11 of 10");
}

#[tokio::test]
async fn a_flood_of_words_is_dropped_and_counted() {
    let host = Host::new();
    let body = format!(
        "(loop $again
            (call $log (i32.const 1) (i32.const 9000) (i32.const 2))
            (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5000))))
         {}",
        answer("1")
    );
    let extra = "(data (i32.const 9000) \"hi\")".into();
    let guest = Guest { imports: LOG.into(), extra, ..performs(&body) };
    assert_eq!(host.answer(&guest.component()).await, json!(1));
    let logged = host.facts.logged();
    assert_eq!(logged.len(), 1_001);
    assert!(logged[1_000].starts_with("4000 more lines were dropped"), "{}", logged[1_000]);
    assert!(host.facts.all().iter().all(|fact| matches!(fact, Fact::Logged { .. })));
}

#[tokio::test]
async fn a_lower_limit_of_the_operator_holds() {
    let mut host = Host::new();
    host.limits.memory = Bytes::mib(1);
    let guest = with_instances(&Guest::default().component(), "(module (memory 20))", 1);
    limit(&host.failure(&guest).await, "limit:memory used 128 KiB of 1 MiB");
    host.limits.output = Bytes(4);
    limit(&host.failure(&Guest::default().component()).await, "limit:output used 11 B of 4 B");
}

#[tokio::test]
async fn dropping_the_future_frees_what_the_attempt_held() {
    let mut host = Host::new();
    host.limits.cpu = Duration::from_secs(60);
    let digest = host.load(&performs(LOOP).component()).await;
    for _ in 0..8 {
        let cut = tokio::time::timeout(Duration::from_millis(30), host.run(digest)).await;
        assert!(cut.is_err(), "the loop is still running when it is dropped");
    }
    // Were a store, a fiber or a share of the pool left, 600 more would not find room.
    let honest = host.load(&Guest::default().component()).await;
    for _ in 0..600 {
        assert!(host.run(honest).await.result.is_ok());
    }
}
