//! `agent.toml` files in `agent_toml/`, each with what is read from it or all that is wrong with it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::Path;

use bailiwick_builder::read_manifest;
use expect_test::expect_file;

/// Fewer than these would mean that the folder was not found.
const CASES_AT_LEAST: usize = 11;

#[test]
fn reads_every_case_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent_toml");
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).unwrap();
            expect_file![path.with_extension("txt")].assert_eq(&told(&text));
            cases += 1;
        }
    }
    assert!(cases >= CASES_AT_LEAST, "{cases} cases");
}

fn told(text: &str) -> String {
    match read_manifest("agent.toml", text) {
        Ok(manifest) => format!("{manifest:#?}\n"),
        Err(mistakes) => mistakes
            .iter()
            .map(|mistake| {
                let place = mistake.place.as_ref().unwrap();
                format!(
                    "{} {}:{}:{} {}\n     {}\n",
                    mistake.code,
                    place.file,
                    place.line,
                    place.column,
                    mistake.message,
                    mistake.hint.as_deref().unwrap(),
                )
            })
            .collect(),
    }
}

#[test]
fn limits_hold() {
    let reason = |bytes| format!("wants.artifacts = {{ reason = \"{}\" }}", "x".repeat(bytes));
    assert!(read_manifest("agent.toml", &reason(256)).is_ok());
    assert!(read_manifest("agent.toml", &reason(257)).is_err());
    let names = |count: usize| {
        let names: Vec<String> = (0..count).map(|n| format!("\"a{n}\"")).collect();
        format!("wants.model = {{ use = [{}], reason = \"x\" }}", names.join(", "))
    };
    assert!(read_manifest("agent.toml", &names(16)).is_ok());
    assert!(read_manifest("agent.toml", &names(17)).is_err());
}
