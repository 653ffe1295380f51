//! `bailiwick test`: cases of an agent as folders, the answers that they give it, and what is told where something is not as expected.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use support::{Does, Guest, ONE, World, given, told};

const KV: &str = r#"
  (import "bailiwick:agent/kv@0.1.0" "get" (func $get (param i32 i32 i32)))
  (data (i32.const 9000) "key")
  (data (i32.const 9100) "null")"#;

/// Answers the value of the key, or `null`.
const GETS: &str = "(call $get (i32.const 9000) (i32.const 3) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (i32.store (i32.const 1024) (i32.const 0))
    (i32.store (i32.const 1028) (i32.const 9100))
    (i32.store (i32.const 1032) (i32.const 4))
    (if (i32.load8_u (i32.const 1204)) (then
        (i32.store (i32.const 1028) (i32.load (i32.const 1208)))
        (i32.store (i32.const 1032) (i32.load (i32.const 1212)))))
    (return (i32.const 1024))";

const READS: &str = "[wants]\nkv = { reason = \"reads\" }\n";

fn world() -> World {
    let world = World::new();
    let reads = Guest { imports: KV.into(), ..Guest::does(Does::Runs(GETS.into())) };
    for (name, guest, wants) in [
        ("reads", reads, READS),
        ("says", Guest::answers(r#"{"a":[1,"x"],"b":2}"#), ""),
        ("traps", Guest::does(Does::Traps), ""),
    ] {
        world.source(name, &guest, wants);
        let built = world.run(["build", &format!("agents/{name}")]);
        assert!(built.status.success(), "{}", told(&built));
    }
    world
}

fn case(world: &World, agent: &str, name: &str, files: &[(&str, &str)]) {
    for (file, text) in [("input.json", "1")].iter().chain(files) {
        world.write(&format!("agents/{agent}/cases/{name}/{file}"), text);
    }
}

/// What is printed, and the code.
fn tested(world: &World, words: &[&str]) -> (Option<i32>, String) {
    let ended = world.run(["test"].iter().chain(words));
    (ended.status.code(), format!("{}{}", given(&ended), told(&ended)))
}

#[test]
fn what_is_as_expected_passes() {
    let world = world();
    case(&world, "says", "whole", &[("expected.json", r#"{"b": 2, "a": [1, "x"]}"#)]);
    case(&world, "says", "like", &[("expected.schema.json", r#"{"required": ["a"]}"#)]);
    assert_eq!(
        tested(&world, &["agents/says"]),
        (Some(0), "ok   like\nok   whole\n2 cases: 2 passed, 0 failed\n".to_owned())
    );
    case(
        &world,
        "traps",
        "gives_up",
        &[("failure.json", r#"{"kind": "trap", "contains": "gave up"}"#)],
    );
    assert_eq!(tested(&world, &["agents/traps"]).0, Some(0));
    let held = r#"{"kv": {"key": {"from": "answers"}}}"#;
    case(
        &world,
        "reads",
        "held",
        &[("answers.json", held), ("expected.json", r#"{"from": "answers"}"#)],
    );
    case(&world, "reads", "empty", &[("expected.json", "null")]);
    assert_eq!(tested(&world, &["agents/reads"]).0, Some(0));
}

#[test]
fn what_is_not_is_told_with_the_place_and_both_sides() {
    let world = world();
    case(&world, "says", "whole", &[("expected.json", r#"{"a": [1, "y"], "b": 2}"#)]);
    case(&world, "says", "like", &[("expected.schema.json", r#"{"required": ["c"]}"#)]);
    case(&world, "says", "fails", &[("failure.json", r#"{"kind": "fatal"}"#)]);
    let (code, text) = tested(&world, &["agents/says"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        text,
        r#"BAD  fails
  it has an output, and no failure: {"a":[1,"x"],"b":2}
BAD  like
  the output is not like expected.schema.json: at the root: `c` is missing
BAD  whole
  the output is another one:
  /a/1
    expected "y"
    found    "x"
3 cases: 0 passed, 3 failed
"#
    );
    let (code, text) = tested(&world, &["agents/says", "--case", "whole", "--json"]);
    assert_eq!(code, Some(1));
    assert!(text.contains(r#""at":"/a/1""#) && text.lines().count() == 1, "{text}");
    case(&world, "traps", "wants_output", &[("expected.json", "1")]);
    case(
        &world,
        "traps",
        "wants_words",
        &[("failure.json", r#"{"kind": "trap", "contains": "xyzzy"}"#)],
    );
    let (code, text) = tested(&world, &["agents/traps"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("no output: ") && text.contains("it failed otherwise: "), "{text}");
}

#[test]
fn answers_that_nobody_asks_for_fail_a_case() {
    let world = world();
    let answers = r#"{"model": {"writer": ["never"]}}"#;
    let files = [("expected.schema.json", "true"), ("answers.json", answers)];
    case(&world, "says", "unasked", &files);
    let (code, text) = tested(&world, &["agents/says"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("writer was asked 0 times; answers.json has 1 answer"), "{text}");
}

#[test]
fn a_case_that_cannot_be_read_or_expects_nothing_is_refused_before_anything_runs() {
    let world = world();
    for (files, words) in [
        (&[][..], "expects nothing"),
        (&[("expected.json", "{")][..], "expected.json"),
        (&[("expected.schema.json", r#"{"type": 1}"#)][..], "expected.schema.json"),
        (&[("failure.json", r#"{"kind": "odd"}"#)][..], "failure.json"),
        (&[("expected.json", "1"), ("failure.json", r#"{"kind": "fatal"}"#)][..], "as well"),
        (&[("expected.json", "1"), ("answers.json", r#"{"modle": {}}"#)][..], "modle"),
    ] {
        let folder = world.root().join("agents/says/cases");
        let _ = std::fs::remove_dir_all(&folder);
        case(&world, "says", "odd", files);
        let (code, text) = tested(&world, &["agents/says"]);
        assert_eq!(code, Some(2), "{text}");
        assert!(
            text.contains("E196") && text.replace('\n', " ").contains(words),
            "{words}: {text}"
        );
    }
    let (code, text) = tested(&world, &["agents/reads"]);
    assert!(code == Some(2) && text.contains("has no cases"), "{text}");
    let (code, text) = tested(&world, &["agents/says", "--case", "none"]);
    assert!(code == Some(2) && text.contains("has no case"), "{text}");
}

/// Builds `agents/one` anew, with these wants.
fn build_one(world: &World, guest: &Guest) {
    world.source("one", guest, READS);
    let built = world.run(["build", "agents/one"]);
    assert!(built.status.success(), "{}", told(&built));
}

#[test]
fn a_case_of_a_real_run_passes_until_the_agent_asks_or_answers_otherwise() {
    let world = World::new();
    let reads = |key: &str| Guest {
        imports: KV.replace("\"key\"", &format!("{key:?}")),
        ..Guest::does(Does::Runs(GETS.into()))
    };
    build_one(&world, &reads("key"));
    let grants = "grants.kv = { namespace = \"notes\" }\n[kv.notes]\nreaders = [\"one\"]\n";
    world.write("bailiwick.toml", format!("[agents.one]\ncomponent = \"agents/one\"\n{grants}"));
    world.write("pipelines/main.toml", ONE);
    let run = world.run(["run", "--run-id", "r1"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));

    let (code, text) = tested(&world, &["agents/one", "--record", "r1"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ok   r1_one\n1 case: 1 passed, 0 failed\n"), "{text}");
    let (code, text) = tested(&world, &["agents/one", "--record", "r1"]);
    assert!(code == Some(2) && text.contains("E197"), "never over a case that is there: {text}");
    // The run may go: the case has all that it needs.
    std::fs::remove_dir_all(world.root().join(".bailiwick")).unwrap();
    assert_eq!(tested(&world, &["agents/one"]).0, Some(0));

    build_one(&world, &reads("kez"));
    let (code, text) = tested(&world, &["agents/one"]);
    assert!(code == Some(1) && text.contains("call 0: asked kv then, kv now"), "{text}");
    let other = GETS.replace("(i32.const 4))\n", "(i32.const 4)) (i32.store8 (i32.const 9100) (i32.const 48)) (i32.store (i32.const 1032) (i32.const 1))\n");
    let other = Guest { imports: KV.into(), ..Guest::does(Does::Runs(other)) };
    build_one(&world, &other);
    let (code, text) = tested(&world, &["agents/one"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("then null") && text.contains("now  0"), "{text}");
}

#[test]
fn a_run_without_such_an_attempt_makes_no_case() {
    let world = World::new();
    world.project(&Guest::answers("1"), ONE);
    let run = world.run(["run", "--run-id", "r1"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));
    for (words, code) in [
        (&["--record", "r2"][..], "E134"),
        (&["--record", "r1", "--cell", "locale=de"][..], "E197"),
    ] {
        let words: Vec<&str> = ["agents/one"].iter().chain(words).copied().collect();
        let (ended, text) = tested(&world, &words);
        assert!(ended == Some(2) && text.contains(code), "{code}: {text}");
        assert!(!world.root().join("agents/one/cases").exists(), "{text}");
    }
}
