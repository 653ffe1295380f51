//! What comes in and goes out: components that are refused at load, outputs that do not leave, failures as the agent says them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use bailiwick_core::Digest;
use bailiwick_core::fact::{CallAnswer, Fact, FailureKind};
use bailiwick_policy::Grants;
use bailiwick_sandbox::profile::ProfileError;
use bailiwick_sandbox::{CompileError, Refused};
use serde_json::json;
use support::guest::{Guest, answer, performs};
use support::{Host, name};

const GET: &str = r#"(import "bailiwick:agent/artifacts@0.1.0" "get"
    (func $get (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))"#;

#[tokio::test]
async fn an_agent_says_who_it_is_and_does_its_work() {
    let host = Host::new();
    let guest = Guest { input_schema: r#"{"type":"object"}"#.into(), ..Guest::default() };
    let admitted = host.sandbox.prepare(&guest.component()).await.unwrap();
    // Types of the contract are no power.
    assert_eq!(admitted.imports, ["bailiwick:agent/types@0.1.0"]);
    let profile = host.sandbox.profile(&admitted.digest).await.unwrap();
    assert_eq!((profile.name.as_str(), profile.version.as_str()), ("fixture", "1.0.0"));
    assert_eq!(profile.input.value(), &json!({"type": "object"}));
    let outcome = host.run(admitted.digest).await;
    assert_eq!(outcome.result.unwrap().value(), json!({"ok": true}));
    assert!(outcome.used.memory_bytes >= 128 * 1024, "{:?}", outcome.used);
}

#[tokio::test]
async fn an_import_without_grant_is_refused_at_load_and_at_the_start() {
    let mut host = Host::new();
    let body = "(call $get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1200))";
    let guest = Guest { imports: GET.into(), ..performs(body) };
    let admitted = host.sandbox.prepare(&guest.component()).await.unwrap();
    let agent = name("draft");
    let refused = host.sandbox.admit(&admitted.digest, &agent, &Grants::none()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "draft imports bailiwick:agent/artifacts@0.1.0, which is not granted to it; \
         in bailiwick.toml, under [agents.draft]: grants.artifacts = {}"
    );
    assert!(host.sandbox.admit(&admitted.digest, &agent, &support::everything()).is_ok());
    host.grants = Grants::none();
    let failure = host.failure_of(admitted.digest).await;
    assert_eq!(failure.kind, FailureKind::Component);
    assert!(failure.message.contains("not granted"), "{failure}");
}

#[tokio::test]
async fn a_forged_reference_is_denied_and_the_operator_learns_why() {
    let host = Host::new();
    let forged = Digest::of(b"somebody else's").to_string();
    let body = format!(
        "(call $get (i32.const 9000) (i32.const {}) (i32.const 9200) (i32.const 9) (i64.const 5)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1200))
         (if (i32.or (i32.ne (i32.load8_u (i32.const 1200)) (i32.const 1))
                     (i32.ne (i32.load8_u (i32.const 1204)) (i32.const 0))) (then (unreachable)))
         {}",
        forged.len(),
        answer("\"denied\"")
    );
    let extra =
        format!("(data (i32.const 9000) \"{forged}\") (data (i32.const 9200) \"image/png\")");
    let guest = Guest { imports: GET.into(), extra, ..performs(&body) };
    assert_eq!(host.answer(&guest.component()).await, json!("denied"));
    let answers = host.facts.all().into_iter().filter_map(|fact| match fact {
        Fact::CallAnswered { answer, .. } => Some(answer),
        _ => None,
    });
    let answers: Vec<CallAnswer> = answers.collect();
    assert!(matches!(&answers[..], [CallAnswer::Denied { hint: Some(_), .. }]), "{answers:?}");
}

const SET: &str = r#"(import "bailiwick:agent/kv@0.1.0" "set"
    (func $set (param i32 i32 i32 i32 i32)))"#;

/// Sets the key `k` to so many bytes from 9000 on, and goes on with `then`; traps where
/// the answer is another one than expected: nothing for done, or the number of the error.
fn sets(bytes: usize, error: Option<u8>, then: &str) -> Guest {
    let (is_error, case) = (u8::from(error.is_some()), error.unwrap_or(0));
    let body = format!(
        "(call $set (i32.const 8900) (i32.const 1) (i32.const 9000) (i32.const {bytes}) (i32.const 1200))
         (if (i32.ne (i32.load8_u (i32.const 1200)) (i32.const {is_error})) (then (unreachable)))
         (if (i32.and (i32.const {is_error}) (i32.ne (i32.load8_u (i32.const 1204)) (i32.const {case})))
             (then (unreachable)))
         {then}"
    );
    let extra = "(data (i32.const 8900) \"k\") (data (i32.const 9000) \"[1]\")".to_owned();
    Guest { imports: SET.into(), extra, ..performs(&body) }
}

#[tokio::test]
async fn what_an_attempt_sets_is_staged_with_its_output_and_lost_with_its_failure() {
    let mut host = Host::new();
    let digest = host.load(&sets(3, None, &answer("true")).component()).await;
    let outcome = host.run(digest).await;
    let [staged] = &outcome.writes[..] else { panic!("{:?}", outcome.writes) };
    assert_eq!(staged.namespace, name("notes"));
    assert_eq!(staged.writes.value(), json!({"set": {"k": [1]}, "delete": []}));
    let traps = host.load(&sets(3, None, "(unreachable)").component()).await;
    let outcome = host.run(traps).await;
    assert!(outcome.result.is_err() && outcome.writes.is_empty(), "{outcome:?}");
    let wrong = host.load(&sets(3, None, &answer("no json")).component()).await;
    assert!(host.run(wrong).await.writes.is_empty());
    // A reader writes nothing: denied.
    if let Some(kv) = &mut host.grants.kv {
        kv.write = false;
    }
    let denied = host.load(&sets(3, Some(0), &answer("\"denied\"")).component()).await;
    let outcome = host.run(denied).await;
    assert_eq!(outcome.result.unwrap().value(), json!("denied"));
    assert!(outcome.writes.is_empty());
}

#[tokio::test]
async fn a_namespace_takes_no_more_than_its_quota_and_no_huge_value() {
    let mut host = Host::new();
    // A megabyte that is no document: it is measured before it is read.
    let mut huge = sets(1 << 20, Some(3), &answer("\"invalid\""));
    huge.extra.push_str("(data (i32.const 9003) \"x\")");
    huge.perform.insert_str(0, "(drop (memory.grow (i32.const 32)))");
    assert_eq!(host.answer(&huge.component()).await, json!("invalid"));
    assert!(host.facts.all().iter().all(|fact| !matches!(fact, Fact::CallAnswered { .. })));
    if let Some(kv) = &mut host.grants.kv {
        kv.quota = bailiwick_core::Bytes(3);
    }
    let full = sets(3, Some(1), &answer("\"exhausted\"")).component();
    assert_eq!(host.answer(&full).await, json!("exhausted"));
}

#[tokio::test]
async fn outputs_that_are_none_do_not_leave() {
    let mut host = Host::new();
    host.output_schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}});
    let reference =
        json!({"$artifact": Digest::of(b"x").to_string(), "media_type": "image/png", "bytes": 1});
    let deep = "[".repeat(2_000);
    for (output, kind, words) in [
        ("no json".to_owned(), FailureKind::OutOfSchema, "the output: not a JSON document"),
        (deep, FailureKind::OutOfSchema, "the output: not a JSON document"),
        (
            "[1]".into(),
            FailureKind::OutOfSchema,
            "the output is not in the agent's schema: at the root: must be of type object",
        ),
        (
            "{\"ok\":\"secret\"}".into(),
            FailureKind::OutOfSchema,
            "the output is not in the agent's schema: at /ok: must be of type boolean",
        ),
        (
            json!({"a": [reference]}).to_string(),
            FailureKind::ForeignArtifact,
            "at /a/0: the artifact",
        ),
    ] {
        let failure = host.failure(&performs(&answer(&output)).component()).await;
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.starts_with(words), "{failure}");
        assert!(!failure.message.contains("secret"), "{failure}");
    }
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_no_output() {
    let host = Host::new();
    let body = "(i32.store (i32.const 9000) (i32.const -1)) (return (call $ok (i32.const 9000) (i32.const 4)))";
    let failure = host.failure(&performs(body).component()).await;
    assert_eq!(failure.kind, FailureKind::Trap, "{failure}");
    let outside = "(return (call $ok (i32.const 131000) (i32.const 4000)))";
    let failure = host.failure(&performs(outside).component()).await;
    assert_eq!(failure.kind, FailureKind::Trap, "{failure}");
    assert!(failure.message.contains("out of bounds"), "{failure}");
}

#[tokio::test]
async fn a_panic_is_told_as_one() {
    let host = Host::new();
    let failure = host.failure(&performs("(unreachable)").component()).await;
    assert_eq!(failure.kind, FailureKind::Trap);
    assert!(failure.message.starts_with("the agent gave up"), "{failure}");
    let outside = performs("(drop (i32.load (i32.const 100000000)))");
    let failure = host.failure(&outside.component()).await;
    assert!(
        failure.message.starts_with("the agent trapped: out of bounds memory access"),
        "{failure}"
    );
}

#[tokio::test]
async fn failures_of_the_agent_keep_their_kind_and_are_made_visible() {
    let host = Host::new();
    let kinds = [
        (0, FailureKind::InvalidInput, "\\u{1b}[2Jx"),
        (1, FailureKind::Refused, "it cannot do without \"\\u{1b}[2Jx\""),
        (2, FailureKind::Retryable, "\\u{1b}[2Jx"),
        (3, FailureKind::Fatal, "\\u{1b}[2Jx"),
    ];
    for (case, kind, words) in kinds {
        let body = format!(
            "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store8 (i32.const 1028) (i32.const {case}))
             (i32.store (i32.const 1032) (i32.const 9000)) (i32.store (i32.const 1036) (i32.const 5))
             (return (i32.const 1024))"
        );
        let extra = "(data (i32.const 9000) \"\\1b[2Jx\")".into();
        let failure = host.failure(&Guest { extra, ..performs(&body) }.component()).await;
        assert_eq!(failure.kind, kind);
        assert!(failure.message.starts_with(words), "{failure}");
    }
}

#[tokio::test]
async fn an_input_out_of_schema_never_reaches_the_agent() {
    let mut host = Host::new();
    host.input_schema = json!({"required": ["topic"]});
    let failure = host.failure(&performs("(unreachable)").component()).await;
    assert_eq!(failure.kind, FailureKind::InvalidInput);
    assert!(failure.message.contains("`topic` is missing"), "{failure}");
}

#[tokio::test]
async fn a_schema_that_references_the_network_is_no_schema() {
    let host = Host::new();
    let output_schema = r#"{"$ref":"https://example.com/schema"}"#.into();
    let digest = host.load(&Guest { output_schema, ..Guest::default() }.component()).await;
    let refused = host.sandbox.profile(&digest).await.unwrap_err();
    assert!(matches!(refused, ProfileError::Schema { field: "output-schema", .. }), "{refused}");
}

#[tokio::test]
async fn other_worlds_are_refused_by_name() {
    let host = Host::new();
    let store = r#"(component (import "wasi:keyvalue/store@0.2.0" (instance)))"#;
    let next = r#"(component (import "bailiwick:agent/log@0.2.0" (instance)))"#;
    let none = "(component)";
    let other = r#"(component (instance $i) (export "bailiwick:agent/agent@0.9.0" (instance $i)))"#;
    let empty = r#"(component (instance $i) (export "bailiwick:agent/agent@0.1.0" (instance $i)))"#;
    for (wat, words) in [
        (store, "the component imports wasi:keyvalue/store@0.2.0, which this host does not offer"),
        (
            next,
            "the component speaks contract 0.2.0 (bailiwick:agent/log@0.2.0), and this host serves 0.1.0: ",
        ),
        (none, "the component is no agent: it does not export bailiwick:agent/agent@0.1.0"),
        (
            other,
            "the component speaks contract 0.9.0 (bailiwick:agent/agent@0.9.0), and this host serves 0.1.0: ",
        ),
        (
            empty,
            "the component does not keep the contract: bailiwick:agent/agent@0.1.0 has no function `profile`",
        ),
    ] {
        let refused = host.refused(&wat::parse_str(wat).unwrap()).await.to_string();
        assert!(refused.starts_with(words), "{refused}");
    }
}

#[tokio::test]
async fn files_that_are_no_components_are_told_apart() {
    let host = Host::new();
    let module = wat::parse_str("(module)").unwrap();
    for (bytes, words) in [
        (&b"hello"[..], "this file is no WebAssembly component"),
        (b"", "this file is no WebAssembly component"),
        (&module, "this file is a core WebAssembly module"),
        (b"\0asm\x0d", "the component is truncated"),
    ] {
        let refused = host.refused(bytes).await.to_string();
        assert!(refused.starts_with(words), "{refused}");
    }
}

/// What looks like an agent by its names, so that it comes as far as the compiler.
const AGENT: &str = r#"(instance $i) (export "bailiwick:agent/agent@0.1.0" (instance $i))"#;

#[tokio::test]
async fn what_is_switched_off_is_refused() {
    let host = Host::new();
    for module in [
        "(memory 1 1 shared)",
        "(memory 1) (memory 1)",
        "(memory i64 1)",
        "(tag)",
        "(type (struct))",
        "(func (result v128) (i32x4.relaxed_trunc_f32x4_s (v128.const i32x4 0 0 0 0)))",
    ] {
        let wat = format!("(component (core module {module}) {AGENT})");
        let refused = host.refused(&wat::parse_str(&wat).unwrap()).await.to_string();
        assert!(
            refused.starts_with("the component uses what this host does not offer"),
            "{module}: {refused}"
        );
    }
}

#[tokio::test]
async fn functions_that_no_compiler_should_see_are_refused() {
    let host = Host::new();
    let nested = format!("{}{}", "block ".repeat(20_000), "end ".repeat(20_000));
    let deep = format!("(component (core module (func {nested})) {AGENT})");
    let refused = host.refused(&wat::parse_str(&deep).unwrap()).await.to_string();
    assert!(refused.starts_with("the component nests blocks more than 10000 deep"), "{refused}");
    let drops = "i32.const 1000000 drop ".repeat(1_100_000);
    let long = format!("(component (core module (func {drops})) {AGENT})");
    let refused = host.refused(&wat::parse_str(&long).unwrap()).await.to_string();
    assert!(refused.starts_with("a function of the component has"), "{refused}");
}

#[tokio::test]
async fn a_truncated_component_is_refused_wherever_it_is_cut() {
    let host = Host::new();
    let whole = Guest { imports: GET.into(), ..performs("(unreachable)") }.component();
    for cut in (0..whole.len()).step_by(whole.len() / 40) {
        let refused = host.refused(&whole[..cut]).await;
        // A cut between two sections leaves a valid component, which is no agent any more.
        let typed = matches!(&refused, Refused::Compile(CompileError::Rejected(_)))
            || matches!(&refused, Refused::NoAgent { .. });
        assert!(typed, "cut at {cut}: {refused:?}");
    }
}
