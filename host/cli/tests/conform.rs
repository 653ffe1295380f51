//! `bailiwick conform`: every agent of this repository keeps the contract, and each way of not keeping it is found by its own check.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use end_to_end::{Desk, root};
use serde_json::Value;
use support::{Does, Guest, World, given, told};

const KV: &str = r#"
  (import "bailiwick:agent/kv@0.1.0" "get" (func $get (param i32 i32 i32)))
  (data (i32.const 9000) "key")
  (data (i32.const 9100) "null")"#;

/// Takes it for granted that it may read: what was told is no answer but an error.
const TRUSTS: &str = "(call $get (i32.const 9000) (i32.const 3) (i32.const 1200))
    (if (i32.load8_u (i32.const 1200)) (then (unreachable)))
    (i32.store (i32.const 1024) (i32.const 0))
    (i32.store (i32.const 1028) (i32.const 9100))
    (i32.store (i32.const 1032) (i32.const 4))
    (return (i32.const 1024))";

const READS: &str = "[wants]\nkv = { reason = \"reads\" }\n";

/// The documents that were printed.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What each check of a component came to.
fn checks(document: &Value) -> BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = document["checks"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["check"]), (text(&row["found"]), text(&row["seen"])))).collect()
}

/// Builds a guest, and conforms it.
fn conform(world: &World, name: &str, guest: &Guest, wants: &str) -> (Option<i32>, Value) {
    world.source(name, guest, wants);
    let built = world.run(["build", &format!("agents/{name}")]);
    assert!(built.status.success(), "{}", told(&built));
    let found = world.run(["conform", &format!("agents/{name}"), "--json"]);
    (found.status.code(), lines(&String::from_utf8(found.stdout).unwrap())[0].clone())
}

#[test]
fn an_agent_that_keeps_the_contract_conforms() {
    let world = World::new();
    let (code, document) = conform(&world, "honest", &Guest::answers("1"), "");
    assert_eq!((code, &document["conforms"]), (Some(0), &Value::Bool(true)), "{document}");
    let checks = checks(&document);
    assert!(checks.values().all(|(found, _)| found == "holds"), "{checks:#?}");
    let table = given(&world.run(["conform", "agents/honest"]));
    assert!(table.starts_with("fixture 1.0.0, agents/honest\nok   exports"), "{table}");
    assert!(table.ends_with("it conforms\n"), "{table}");
}

#[test]
fn each_fault_is_found_by_its_own_check() {
    let one = || r#"{"const": 1}"#.to_owned();
    let plain = |does| Guest { input_schema: one(), ..Guest::does(does) };
    let words =
        Guest { output_schema: r#"{"type": "string"}"#.into(), ..plain(Does::Answers("1".into())) };
    let trusts = Guest { imports: KV.into(), ..plain(Does::Runs(TRUSTS.into())) };
    let nothing = Guest { input_schema: "false".into(), ..Guest::answers("1") };
    let world = World::new();
    for (name, guest, wants, broken, seen) in [
        ("traps", plain(Does::Traps), "", "failures", "gave up"),
        ("loops", plain(Does::Loops), "", "limits", "used 5 s of 5 s"),
        ("words", words, "", "output", "must be of type string"),
        ("trusts", trusts, READS, "denials", "without kv"),
    ] {
        let (code, document) = conform(&world, name, &guest, wants);
        assert_eq!(code, Some(1), "{name}: {document}");
        for (check, (found, why)) in checks(&document) {
            match check == broken {
                true => assert!(found == "broken" && why.contains(seen), "{name}: {why}"),
                false => assert_ne!(found, "broken", "{name}: {check}: {why}"),
            }
        }
    }
    let (code, document) = conform(&world, "nothing", &nothing, "");
    assert_eq!(code, Some(0), "nothing is against it: {document}");
    assert_eq!(checks(&document)["inputs"].0, "unseen", "{document}");
}

#[test]
fn a_file_that_is_none_or_was_changed_or_has_an_unfit_case_does_not_conform() {
    let world = World::new();
    let strict = Guest { input_schema: r#"{"type": "integer"}"#.into(), ..Guest::answers("1") };
    let (code, _) = conform(&world, "strict", &strict, "");
    assert_eq!(code, Some(0));
    let built = world.root().join("agents/strict/dist/fixture.wasm");
    let broken = |path: &str, broken: &str, words: &str| {
        let found = world.run(["conform", path, "--json"]);
        assert_eq!(found.status.code(), Some(1), "{}", told(&found));
        let document = lines(&String::from_utf8(found.stdout).unwrap())[0].clone();
        let (found, why) = &checks(&document)[broken];
        assert!(found == "broken" && why.contains(words), "{broken}: {found}: {why}");
    };
    let case = world.root().join("agents/strict/cases/odd");
    fs::create_dir_all(&case).unwrap();
    fs::write(case.join("input.json"), "\"text\"").unwrap();
    broken("agents/strict", "inputs", "the case odd: at the root: must be of type integer");
    fs::write(case.join("input.json"), "{").unwrap();
    let unread = world.run(["conform", "agents/strict"]);
    assert_eq!(unread.status.code(), Some(2), "{}", told(&unread));
    assert!(told(&unread).contains("E196"), "{}", told(&unread));

    let mut bytes = fs::read(&built).unwrap();
    // The first is in the code, the second in the section that the builder embedded.
    let summary = b"A guest of the tests.";
    let at = bytes.windows(summary.len()).position(|text| text == summary).unwrap();
    bytes[at] = b'B';
    fs::write(world.root().join("changed.wasm"), &bytes).unwrap();
    broken("changed.wasm", "profile", "build it again");
    fs::write(world.root().join("text.wasm"), "text").unwrap();
    broken("text.wasm", "exports", "no WebAssembly component");
    fs::write(world.root().join("cut.wasm"), &bytes[..bytes.len() / 2]).unwrap();
    broken("cut.wasm", "exports", "");
}

/// The agents of a folder.
fn agents(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let mut agents: Vec<_> = folders.filter(|path| path.join("agent.toml").is_file()).collect();
    agents.sort();
    agents.into_iter().map(|path| path.display().to_string()).collect()
}

/// What cannot be seen without a project: an agent, and a check of it.
const UNSEEN: [(&str, &str); 2] = [
    // Its inputs are the fonts and logos of the campaign; without them it asks for nothing.
    ("agents/visual", "output"),
    ("agents/visual", "denials"),
];

#[test]
fn every_agent_of_this_repository_conforms() {
    // Compiled code is kept from test to test there: CPython takes seconds.
    let desk = Desk::new();
    let all = [agents("agents"), agents("examples/08-languages/agents")].concat();
    assert!(all.len() >= 20, "{all:?}");
    let words = ["conform".to_owned(), "--json".to_owned()].into_iter().chain(all.clone());
    let found = desk.bailiwick(words).ends_with_one_of(&[0, 1]);
    let documents = lines(&found.stdout);
    assert_eq!(documents.len(), all.len(), "{}", found.stderr);
    for document in &documents {
        let path = document["path"].as_str().unwrap();
        for (check, (found, why)) in checks(document) {
            let unseen = UNSEEN.iter().any(|(agent, row)| path.ends_with(agent) && check == *row);
            let expected = if unseen { "unseen" } else { "holds" };
            assert_eq!(found, expected, "{path}: {check}: {why}");
        }
    }
    assert_eq!(found.code, Some(0), "{}", found.stderr);
}

#[test]
fn every_case_of_the_agents_of_this_repository_passes_in_the_sandbox() {
    let desk = Desk::new();
    let all = agents("agents").into_iter().map(PathBuf::from);
    let with_cases: Vec<_> = all.filter(|agent| agent.join("cases").is_dir()).collect();
    assert!(with_cases.len() >= 15, "{with_cases:?}");
    for agent in with_cases {
        let ended = desk.bailiwick(["test"]).word(&agent).ends_with_one_of(&[0, 1]);
        assert_eq!(ended.code, Some(0), "{}\n{}", agent.display(), ended.stdout);
    }
}
