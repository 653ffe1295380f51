//! The web as guests reach it, by the contract and by `wasi:http`: one gate, the same grants, and the whole request before anything leaves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use bailiwick_core::Bytes;
use bailiwick_core::fact::{CallAnswer, Fact, FailureKind};
use bailiwick_policy::http::{Headers, HostPattern, Method, PathPattern, Scheme};
use bailiwick_policy::ports::Left;
use bailiwick_policy::{HttpPower, HttpRule, Network};
use serde_json::json;
use support::guest::Guest;
use support::{ANSWER, Host};

/// Texts at 10000 and above, each at its own hundred.
const TEXTS: [&str; 8] = [
    "api.example.com",
    "/v1/x?q=1",
    "content-type",
    "application/json",
    "content-length",
    "{\"n\":1}",
    "GET",
    "https://api.example.com/v1/x?q=1",
];

fn texts() -> String {
    let data = TEXTS.iter().enumerate().map(|(place, text)| {
        let bytes: String = text.bytes().map(|b| format!("\\{b:02x}")).collect();
        format!("(data (i32.const {}) \"{bytes}\")\n", 10_000 + place * 100)
    });
    data.collect()
}

/// Pointer and length of a text.
fn text(place: usize) -> String {
    format!("(i32.const {}) (i32.const {})", 10_000 + place * 100, TEXTS[place].len())
}

fn host() -> Host {
    let mut host = Host::new();
    let rule = HttpRule {
        scheme: Scheme::Https,
        host: HostPattern::parse("api.example.com").unwrap(),
        port: Some(443),
        methods: [Method::Get, Method::Post].into(),
        paths: vec![PathPattern::parse("/v1/*").unwrap()],
        headers: Headers::usual(),
        request: None,
        response: None,
        credential: None,
        network: Network::Public,
        even_if_outside: false,
    };
    host.grants.http = HttpPower { rules: vec![rule], ..HttpPower::none() };
    host
}

#[tokio::test]
async fn fetch_of_the_contract_goes_through_the_gate() {
    let imports = r#"(import "bailiwick:agent/http@0.1.0" "fetch"
        (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;
    let perform = format!(
        "(call $fetch {} {} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1200))
         (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
         (if (i32.ne (i32.load16_u (i32.const 1204)) (i32.const 201)) (then (unreachable)))
         (return (call $ok (i32.load (i32.const 1216)) (i32.load (i32.const 1220))))",
        text(6),
        text(7)
    );
    let guest = Guest { imports: imports.into(), extra: texts(), perform, ..Guest::default() };
    let host = host();
    assert_eq!(host.answer(&guest.component()).await, json!({"from": "the web"}));
    let asked = host.web.asked.lock().unwrap().clone();
    assert_eq!(asked, [("GET https://api.example.com/v1/x?q=1".into(), vec![], vec![])]);
}

/// What an ordinary client of `wasi:http` calls.
const CLIENT: &str = r#"
  (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
  (import "wasi:http/types@0.2.12" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-method" (func $method (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority" (func $authority (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query" (func $path (param i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme" (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]outgoing-request" (func $drop_request (param i32)))
  (import "wasi:http/types@0.2.12" "[resource-drop]outgoing-body" (func $drop_body (param i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-request.body" (func $body (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $stream_of (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get" (func $get (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.status" (func $status (param i32) (result i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-response.consume" (func $consume (param i32 i32)))
  (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
  (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
  (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
  (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop_stream (param i32)))
  (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
"#;

/// `$fail N` answers a number; `$answered` waits for the answer and puts out its body, or
/// the number of its error.
const HELPERS: &str = r#"
  (global $large (mut i32) (i32.const 0))
  (global $fields_ (mut i32) (i32.const 0))
  (global $request_ (mut i32) (i32.const 0))
  (global $body_ (mut i32) (i32.const 0))
  (global $out_ (mut i32) (i32.const 0))
  (global $future_ (mut i32) (i32.const 0))
  (func $number (param $n i32) (result i32)
    (i32.store8 (i32.const 9000) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
    (i32.store8 (i32.const 9001) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
    (if (result i32) (i32.lt_u (local.get $n) (i32.const 10))
      (then (call $ok (i32.const 9001) (i32.const 1)))
      (else (call $ok (i32.const 9000) (i32.const 2)))))
  (func $queue
    (call $handle (global.get $request_) (i32.const 0) (i32.const 0) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (global.set $future_ (i32.load (i32.const 1208))))
  (func $take_body
    (call $body (global.get $request_) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (global.set $body_ (i32.load (i32.const 1204)))
    (call $stream_of (global.get $body_) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (global.set $out_ (i32.load (i32.const 1204))))
  (func $answered (result i32)
    (call $block (call $subscribe (global.get $future_)))
    (call $get (global.get $future_) (i32.const 1200))
    (if (i32.eqz (i32.load8_u (i32.const 1200))) (then (unreachable)))
    (if (i32.load8_u (i32.const 1208)) (then (unreachable)))
    (if (i32.load8_u (i32.const 1216)) (then (return (call $number (i32.load8_u (i32.const 1224))))))
    (if (i32.ne (call $status (i32.load (i32.const 1224))) (i32.const 201)) (then (unreachable)))
    (call $consume (i32.load (i32.const 1224)) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (call $stream (i32.load (i32.const 1204)) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (call $read (i32.load (i32.const 1204)) (i64.const 4096) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (call $ok (i32.load (i32.const 1204)) (i32.load (i32.const 1208))))
"#;

/// A client whose `perform` is this.
fn client(perform: &str) -> Vec<u8> {
    let (imports, extra) = (CLIENT.to_owned(), format!("{}{HELPERS}", texts()));
    Guest { imports, extra, perform: perform.into(), wasi: true, ..Guest::default() }.component()
}

/// Puts a request together: method by its number, these headers.
fn request(method: u32, headers: &[(usize, usize)]) -> String {
    let append = headers.iter().map(|(name, value)| {
        format!(
            "(call $append (global.get $fields_) {} {} (i32.const 1200))
             (if (i32.load8_u (i32.const 1200)) (then (unreachable)))",
            text(*name),
            text(*value)
        )
    });
    format!(
        "(global.set $fields_ (call $fields)) {}
         (global.set $request_ (call $request (global.get $fields_)))
         (drop (call $method (global.get $request_) (i32.const {method}) (i32.const 0) (i32.const 0)))
         (drop (call $authority (global.get $request_) (i32.const 1) {}))
         (drop (call $path (global.get $request_) (i32.const 1) {}))",
        append.collect::<String>(),
        text(0),
        text(1)
    )
}

/// Writes the body, and ends it.
fn written() -> String {
    format!(
        "(call $write (global.get $out_) {} (i32.const 1200))
         (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
         (call $drop_stream (global.get $out_))",
        text(5)
    )
}

const FINISH: &str =
    "(call $finish (global.get $body_) (i32.const 0) (i32.const 0) (i32.const 1200))";

const DENIED: u32 = 15;
const BODY_SIZE: u32 = 17;
const URI_INVALID: u32 = 19;

#[tokio::test]
async fn an_ordinary_client_is_held_by_the_same_grants() {
    let get = client(&format!("{} (call $queue) (return (call $answered))", request(0, &[])));
    let host = host();
    assert_eq!(host.answer(&get).await, json!({"from": "the web"}));
    let asked = host.web.asked.lock().unwrap().clone();
    assert_eq!(asked, [("GET https://api.example.com/v1/x?q=1".into(), vec![], vec![])]);
    // The path that is granted is another one now.
    let mut denied = self::host();
    denied.grants.http.rules[0].paths = vec![PathPattern::parse("/v2/*").unwrap()];
    assert_eq!(denied.answer(&get).await, json!(DENIED));
    assert!(denied.web.asked.lock().unwrap().is_empty());
    let facts = denied.facts.all();
    let answers = facts.iter().filter_map(|fact| match fact {
        Fact::CallAnswered { answer, .. } => Some(answer),
        _ => None,
    });
    let [CallAnswer::Denied { hint: Some(hint), .. }] = answers.collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert!(hint.contains("/v1/x"), "{hint}");
}

#[tokio::test]
async fn nothing_leaves_before_the_body_is_finished() {
    let post = format!(
        "{} (call $take_body) (call $queue)
         (call $get (global.get $future_) (i32.const 1200))
         (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
         {} {FINISH} (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
         (return (call $answered))",
        request(2, &[(2, 3)]),
        written()
    );
    let host = host();
    assert_eq!(host.answer(&client(&post)).await, json!({"from": "the web"}));
    let asked = host.web.asked.lock().unwrap().clone();
    let [(what, headers, body)] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(what, "POST https://api.example.com/v1/x?q=1");
    assert_eq!(*headers, [("content-type".to_owned(), "application/json".to_owned())]);
    assert_eq!(body, b"{\"n\":1}");
}

#[tokio::test]
async fn a_body_is_what_was_announced_or_nothing_is_sent() {
    // "GET" is no number, so no body has that length.
    let post = format!(
        "{} (call $take_body) (call $queue) {} {FINISH}
         (if (i32.eqz (i32.load8_u (i32.const 1200))) (then (unreachable)))
         (return (call $answered))",
        request(2, &[(4, 6)]),
        written()
    );
    let host = host();
    assert_eq!(host.answer(&client(&post)).await, json!(BODY_SIZE));
    assert!(host.web.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_cannot_grow_after_it_was_finished_and_has_no_trailers() {
    // The stream is kept: after the end it is closed, and the request has what it had.
    let late = format!(
        "{} (call $take_body) (call $queue)
         (call $write (global.get $out_) {body} (i32.const 1200))
         {FINISH} (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
         (call $write (global.get $out_) {body} (i32.const 1200))
         (if (i32.eqz (i32.load8_u (i32.const 1200))) (then (unreachable)))
         (return (call $answered))",
        request(2, &[]),
        body = text(5)
    );
    let host = host();
    // What was finished is not open any more: a write after it ends the request instead.
    assert_eq!(host.answer(&client(&late)).await, json!(BODY_SIZE));
    assert!(host.web.asked.lock().unwrap().is_empty());
    let trailers = format!(
        "{} (call $take_body) (call $queue) {}
         (global.set $fields_ (call $fields))
         (call $append (global.get $fields_) {} {} (i32.const 1200))
         (call $finish (global.get $body_) (i32.const 1) (global.get $fields_) (i32.const 1200))
         (if (i32.eqz (i32.load8_u (i32.const 1200))) (then (unreachable)))
         (return (call $answered))",
        request(2, &[]),
        written(),
        text(2),
        text(3)
    );
    assert_eq!(host.answer(&client(&trailers)).await, json!(BODY_SIZE));
    assert!(host.web.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn parts_of_a_url_stay_parts() {
    // The path as the authority: what would be put together is another place.
    let odd = format!(
        "{} (drop (call $authority (global.get $request_) (i32.const 1) {}))
         (call $queue) (return (call $answered))",
        request(0, &[]),
        text(7)
    );
    let path = format!(
        "{} (drop (call $path (global.get $request_) (i32.const 1) {}))
         (call $queue) (return (call $answered))",
        request(0, &[]),
        text(0)
    );
    let host = host();
    for perform in [odd, path] {
        assert_eq!(host.answer(&client(&perform)).await, json!(URI_INVALID));
    }
    assert!(host.web.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn who_waits_for_a_request_that_is_not_finished_is_told() {
    let stuck =
        format!("{} (call $take_body) (call $queue) (return (call $answered))", request(2, &[]));
    let failure = host().failure(&client(&stuck)).await;
    assert_eq!(failure.kind, FailureKind::Trap);
    assert!(failure.message.contains("has not finished the body"), "{failure}");
}

#[tokio::test]
async fn without_the_grant_it_is_not_loaded() {
    let get = client(&format!("{} (call $queue) (return (call $answered))", request(0, &[])));
    let mut host = host();
    host.grants.http = HttpPower::none();
    let failure = host.failure(&get).await;
    assert!(failure.message.contains("wasi:http/outgoing-handler"), "{failure}");
    assert!(ANSWER.len() > 1);
}

/// `$large` is where so many letters lie, and `$each` what is done again and again.
fn flood(letters: u32, again: u32, each: &str) -> String {
    format!(
        "(global.set $large (i32.shl (memory.grow (i32.const {pages})) (i32.const 16)))
         (memory.fill (global.get $large) (i32.const 120) (i32.const {letters}))
         (loop $next
           {each}
           (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const {again}))))
         (return (call $number (local.get $j)))",
        pages = letters / 65_536 + 1
    )
}

const REQUEST: &str = "(global.set $request_ (call $request (call $fields)))";

#[tokio::test]
async fn a_part_of_a_request_that_is_too_long_to_be_sent_is_not_kept() {
    // Four megabytes for each part of ten requests: forty parts that are refused.
    let large = "(global.get $large) (i32.const 4000000)";
    let refused = |call: &str| format!("(local.set $j (i32.add (local.get $j) {call}))");
    let each = [
        format!("(call $path (global.get $request_) (i32.const 1) {large})"),
        format!("(call $authority (global.get $request_) (i32.const 1) {large})"),
        format!("(call $method (global.get $request_) (i32.const 9) {large})"),
        format!("(call $scheme (global.get $request_) (i32.const 1) (i32.const 2) {large})"),
    ];
    let each: String = each.iter().map(|call| refused(call)).collect();
    let perform = flood(4_000_000, 10, &format!("{REQUEST} {each}"));
    let host = host();
    assert_eq!(host.answer(&client(&perform)).await, json!(40));
    // What is as long as it may be is kept, and counted: 1024 paths of 8 KiB are 8 MiB.
    let most = format!(
        "{REQUEST} (drop (call $path (global.get $request_) (i32.const 1) (global.get $large) (i32.const 8192)))"
    );
    let mut small = self::host();
    small.limits.memory = Bytes::mib(4);
    let failure = small.failure(&client(&flood(8_192, 900, &most))).await;
    assert_eq!(failure.kind, FailureKind::Limit);
    assert!(failure.message.starts_with("limit:memory used 4.0 MiB of 4 MiB"), "{failure}");
}

#[tokio::test]
async fn what_the_host_keeps_behind_handles_counts_with_the_memory() {
    let write = "(call $take_body)
        (call $write (global.get $out_) (global.get $large) (i32.const 4194304) (i32.const 1200))
        (if (i32.load8_u (i32.const 1200)) (then (unreachable)))";
    let header = format!(
        "(global.set $fields_ (call $fields))
         (call $append (global.get $fields_) {} (global.get $large) (i32.const 60000) (i32.const 1200))
         (if (i32.load8_u (i32.const 1200)) (then (unreachable)))",
        text(2)
    );
    let bodies = flood(4_194_304, 40, &format!("{REQUEST} {write}"));
    let headers = flood(4_194_304, 900, &header);
    let mut host = host();
    host.limits.memory = Bytes::mib(32);
    for perform in [bodies, headers] {
        let component = host.load(&client(&perform)).await;
        let outcome = host.run(component).await;
        let Err(Left::Failed(failure)) = outcome.result else { panic!("{:?}", outcome.result) };
        assert_eq!(failure.kind, FailureKind::Limit);
        assert!(failure.message.starts_with("limit:memory used "), "{failure}");
        assert!(failure.message.contains(" of 32 MiB, and "), "{failure}");
        let used = outcome.used.memory_bytes;
        assert!(used <= Bytes::mib(32).0 && used > Bytes::mib(24).0, "{used}");
    }
    // What is dropped is not held: the same, one after the other.
    let dropped = format!(
        "{REQUEST} {write} (call $drop_stream (global.get $out_)) (call $drop_body (global.get $body_))
         (call $drop_request (global.get $request_))"
    );
    assert_eq!(host.answer(&client(&flood(4_194_304, 40, &dropped))).await, json!(0));
}
