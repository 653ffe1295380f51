//! The one table of what is enforced: no key of a file without its case, no row without its guest, no page that says something else.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "UPDATE_EXPECT asks for new files")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bailiwick_builder::Profile;
use bailiwick_engine::doctor::matrix::cases::{CASES, Case};
use bailiwick_engine::doctor::matrix::{keys, page, rows};
use serde_json::{Value, json};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn updates() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

#[test]
fn no_key_of_the_three_files_is_without_its_hostile_case() {
    let all = keys::all();
    assert!(all.len() > 100, "the keys were not found");
    let forgotten: Vec<_> =
        all.iter().filter(|(_, standing)| standing.is_none()).map(|(key, _)| key).collect();
    assert!(
        forgotten.is_empty(),
        "each of these needs a row in doctor/matrix/rows that runs into it, a test, or a word \
         on why it restricts nobody (doctor/matrix/keys.rs): {forgotten:#?}"
    );
}

#[test]
fn what_is_said_of_keys_is_said_of_keys_that_there_are() {
    let keys: BTreeSet<String> = keys::all().into_iter().map(|(key, _)| key).collect();
    let guards = rows::all().flat_map(|row| row.guards.iter().copied());
    let guards = guards.filter(|guard| !guard.starts_with("limit "));
    let wrong: Vec<_> = keys::said().chain(guards).filter(|key| !keys.contains(*key)).collect();
    assert!(wrong.is_empty(), "no file has these keys: {wrong:#?}");
}

#[test]
fn rows_have_names_of_their_own() {
    let names: Vec<_> = rows::all().map(|row| row.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn every_promised_case_has_a_proof_and_every_row_that_is_named_is_there() {
    for Case { case, rows, tests } in CASES {
        assert!(!(rows.is_empty() && tests.is_empty()), "{case}");
        for row in *rows {
            assert!(rows::named(row).is_some(), "{case}: there is no row {row}");
        }
    }
    let cases: BTreeSet<_> = CASES.iter().map(|case| case.case).collect();
    assert_eq!(cases.len(), CASES.len());
}

/// `UPDATE_EXPECT=1` writes it anew.
#[test]
fn the_page_is_what_the_table_says() {
    let path = here("../../docs/enforcement.md");
    if updates() {
        fs::write(&path, page::page()).unwrap();
    }
    assert!(fs::read_to_string(path).unwrap() == page::page(), "docs/enforcement.md is stale");
}

/// What the guests want, and say of themselves. Those that say nothing are given a name, so
/// that they come as far as being asked.
const GUESTS: [(&str, &str); 3] = [
    (
        "hostile",
        "model = { use = [\"tame\"], reason = \"attacks\" }\n\
         knowledge = { use = [\"open\"], reason = \"attacks\" }\n\
         artifacts = { put = \"64 MiB\", reason = \"attacks\" }\n\
         http = { hosts = [\"127.0.0.1\"], reason = \"attacks\" }\n\
         kv = { write = true, reason = \"attacks\" }\n",
    ),
    ("start_loop", ""),
    ("profile_loop", ""),
];

fn profile(name: &str) -> Profile {
    let (input, output) = match name {
        "hostile" => (json!({"type": "object"}), json!({"type": ["boolean", "object"]})),
        _ => (Value::Bool(true), Value::Bool(true)),
    };
    Profile {
        name: name.into(),
        version: "1.0.0".into(),
        summary: "Does what no agent should, so that a host can show that it is in vain.".into(),
        input_schema: input,
        output_schema: output,
    }
}

/// `UPDATE_EXPECT=1` writes them anew.
#[test]
fn the_hostile_guests_are_made_from_their_texts() {
    let beside = here("src/doctor/guests");
    for (name, wants) in GUESTS {
        let folder = tempfile::tempdir().unwrap();
        let module = wat::parse_file(beside.join(format!("{name}.wat"))).unwrap();
        fs::write(folder.path().join("module.wasm"), module).unwrap();
        let manifest = format!("[wants]\n{wants}\n[build]\nmodule = \"module.wasm\"\n");
        fs::write(folder.path().join("agent.toml"), manifest).unwrap();
        let unprofiled = bailiwick_builder::build(folder.path(), &mut |_| {}).unwrap();
        let built = unprofiled.finish(&profile(name)).unwrap().write().unwrap();
        let (made, kept) = (fs::read(built.path).unwrap(), beside.join(format!("{name}.wasm")));
        if updates() {
            fs::write(&kept, &made).unwrap();
        }
        assert!(fs::read(&kept).unwrap() == made, "{name}.wasm is not what {name}.wat says");
    }
}
