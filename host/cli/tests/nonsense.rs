//! The table of nonsense inputs: a folder a case, each with files, arguments and what is said. Each ends with 2 and has written nothing.
//!
//! In a case, `args` is a command line; `setup` has command lines that come before and
//! end well. Built agents lie beside the project as `agents/NAME.wasm`: see [`agents`].
//! `UPDATE_EXPECT=1` writes what is said now.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fs;
use std::path::Path;

use expect_test::expect_file;
use support::{Guest, World, told};

/// Fewer than these would mean that the folder was not found.
const CASES_AT_LEAST: usize = 40;

/// Finished components, for cases that are not about making them.
struct Agents(Vec<(&'static str, Vec<u8>)>);

fn agents() -> Agents {
    let world = World::new();
    let model =
        "(import \"bailiwick:agent/model@0.1.0\" \"embed\" (func (param i32 i32 i32 i32 i32)))";
    let wants = "[wants]\nmodel = { use = [\"writer\"], reason = \"writes\" }\n";
    let topic = "{\"type\":\"object\",\"properties\":{\"topic\":{\"type\":\"string\"}},\"required\":[\"topic\"],\"additionalProperties\":false}";
    let plain = Guest::answers("{\"text\":\"x\"}");
    let asks = Guest { imports: model.into(), ..Guest::answers("1") };
    let strict =
        Guest { input_schema: topic.into(), output_schema: topic.into(), ..Guest::answers("1") };
    let mut found = Vec::new();
    for (name, guest, wants) in
        [("plain", &plain, ""), ("asks", &asks, wants), ("strict", &strict, "")]
    {
        world.source(name, guest, wants);
        let built = world.run(["build", &format!("agents/{name}")]);
        assert!(built.status.success(), "{}", told(&built));
        found.push((
            name,
            fs::read(world.root().join(format!("agents/{name}/dist/fixture.wasm"))).unwrap(),
        ));
    }
    let half = found[0].1[..found[0].1.len() / 2].to_vec();
    let other = "(component (instance $run) (export \"wasi:cli/run@0.2.0\" (instance $run)))";
    found.push(("truncated", half));
    found.push(("other_world", wat::parse_str(other).unwrap()));
    found.push(("module", plain.module()));
    found.push(("text", b"no component\n".to_vec()));
    Agents(found)
}

#[test]
fn each_says_what_is_wrong_and_writes_nothing() {
    let agents = agents();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nonsense");
    let mut cases: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= CASES_AT_LEAST, "{} cases", cases.len());
    for case in &cases {
        let said = said(case, &agents);
        // The parser of the command line has no codes; everything else has, and a way out.
        let codes = said.lines().filter(|line| is_code(line)).count();
        let helped = said.matches("  help: ").count();
        assert!(
            said.contains("error: ") || (codes > 0 && helped == codes),
            "{}: {said}",
            case.display()
        );
        for code in said.lines().filter(|line| is_code(line)) {
            let page = World::new().run(["explain", code]);
            assert!(page.status.success(), "{}: {code} has no page", case.display());
        }
        expect_file![case.join("expected.txt")].assert_eq(&said);
    }
}

fn is_code(line: &str) -> bool {
    line.len() == 4 && line.starts_with('E') && line[1..].bytes().all(|byte| byte.is_ascii_digit())
}

/// What the command of a case says.
fn said(case: &Path, agents: &Agents) -> String {
    let world = World::new();
    copy(case, &world.root());
    for (name, bytes) in &agents.0 {
        world.write(&format!("agents/{name}.wasm"), bytes);
    }
    if case.ends_with("guest_schema_with_a_network_reference") {
        let schema = "{\"$ref\":\"https://example.com/x.json\"}";
        world.source("fetches", &Guest { input_schema: schema.into(), ..Guest::answers("1") }, "");
    }
    let setup = fs::read_to_string(case.join("setup")).unwrap_or_default();
    for line in setup.lines() {
        let done = world.run(line.split_whitespace());
        assert!(done.status.success(), "{}: {line}: {}", case.display(), told(&done));
    }
    let before = world.files();
    let arguments = fs::read_to_string(case.join("args")).unwrap();
    let output = world.run(arguments.split_whitespace());
    let said = told(&output).replace(world.root().to_str().unwrap(), "[CASE]");
    assert_eq!(output.status.code(), Some(2), "{}: {said}", case.display());
    assert!(!said.contains("panicked"), "{}: {said}", case.display());
    if setup.is_empty() {
        assert_eq!(world.files(), before, "{}: something was written", case.display());
    }
    said
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let target = to.join(name);
        if path.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else if name != "args" && name != "setup" && name != "expected.txt" {
            fs::copy(&path, &target).unwrap();
        }
    }
}
