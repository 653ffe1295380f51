//! The rules of the house that a compiler does not keep: which crate may import which, what files are called and how they begin.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which crate may import which others of ours. Whoever adds an edge adds its reason
/// to ARCHITECTURE.md.
const EDGES: [(&str, &[&str]); 16] = [
    ("bailiwick-core", &[]),
    ("bailiwick-policy", &["core"]),
    ("bailiwick-project", &["core", "policy"]),
    ("bailiwick-orchestrator", &["core", "policy", "project"]),
    ("bailiwick-gate", &["core", "policy"]),
    ("bailiwick-lockdown", &[]),
    ("bailiwick-sandbox", &["core", "policy", "gate", "lockdown"]),
    ("bailiwick-provider", &["core", "policy", "gate"]),
    ("bailiwick-store", &["core", "policy", "gate"]),
    ("bailiwick-builder", &["core"]),
    (
        "bailiwick-engine",
        &[
            "core",
            "policy",
            "project",
            "orchestrator",
            "gate",
            "sandbox",
            "provider",
            "store",
            "builder",
            "lockdown",
        ],
    ),
    ("bailiwick-cli", &["core", "engine"]),
    // No part of the product: what tests and fuzzers feed.
    ("bailiwick-entries", &["core", "policy", "project", "gate", "builder", "sandbox"]),
    ("xtask", &[]),
    // What agents' authors import, and its macro: nothing of the host.
    ("bailiwick", &["bailiwick-macros"]),
    ("bailiwick-macros", &[]),
];

/// Crates of others that only one of ours may name. Tests may name `wit-component`:
/// they make guests without a toolchain; the others not even they.
const SOLE_USERS: [(&str, &str); 6] = [
    ("wasmtime", "bailiwick-sandbox"),
    ("wasmtime-wasi", "bailiwick-sandbox"),
    ("rusqlite", "bailiwick-store"),
    ("reqwest", "bailiwick-provider"),
    ("rustls", "bailiwick-provider"),
    ("wit-component", "bailiwick-builder"),
];

/// The crates without I/O, runtime, clock and randomness, and what would bring one.
const PURE: [&str; 3] = ["bailiwick-core", "bailiwick-policy", "bailiwick-project"];
const IMPURE: [&str; 6] = ["tokio", "rand", "rand_chacha", "getrandom", "tempfile", "tracing"];

/// Names that say nothing about what is in a file.
const EMPTY_WORDS: [&str; 9] =
    ["manager", "helper", "helpers", "util", "utils", "common", "misc", "info", "v2"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// What cargo knows of the packages of the workspace.
fn metadata() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The dependencies of each package in the workspace: name and kind (`normal`,
/// `dev`, `build`).
fn packages() -> BTreeMap<String, Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap_or("normal").to_owned();
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap();
        all.iter().map(|one| (text(&one["name"]), text(&one["kind"]))).collect()
    };
    metadata().iter().map(|package| (text(&package["name"]), dependencies(package))).collect()
}

/// Every Rust source of the host and the SDK. Files in folders below `tests/` are
/// data of tests.
fn sources() -> Vec<PathBuf> {
    rust_files(&|folder| folder.file_name().is_none_or(|name| name != "tests"))
}

/// The Rust files of the host and the SDK, below the folders whose folders are entered.
fn rust_files(enters_folders_of: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    fn walk(folder: &Path, enters: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") && enters(folder) {
                walk(&path, enters, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("host"), enters_folders_of, &mut found);
    walk(&root().join("sdk"), enters_folders_of, &mut found);
    found.sort();
    assert!(found.len() > 20, "the sources were not found");
    found
}

#[test]
fn crates_import_only_what_the_map_allows() {
    let packages = packages();
    let short = |name: &str| name.strip_prefix("bailiwick-").unwrap_or(name).to_owned();
    let allowed: BTreeMap<&str, Vec<String>> = EDGES
        .iter()
        .map(|(name, imports)| (*name, imports.iter().map(|import| short(import)).collect()))
        .collect();
    let mut wrong = Vec::new();
    for (name, dependencies) in &packages {
        let Some(allowed) = allowed.get(name.as_str()) else {
            wrong.push(format!("{name} is not in the map"));
            continue;
        };
        for (import, kind) in dependencies {
            let is_ours = packages.contains_key(import);
            if is_ours && kind != "dev" && !allowed.contains(&short(import)) {
                wrong.push(format!("{name} may not import {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The draft of a next version of the contract is for tests: nothing that is shipped has it.
#[test]
fn only_the_tests_of_the_sandbox_know_the_draft_of_the_contract() {
    let mut users = Vec::new();
    for package in metadata() {
        let name = package["name"].as_str().unwrap();
        for (feature, enables) in package["features"].as_object().unwrap() {
            let enables = enables.as_array().unwrap();
            assert!(
                !enables.iter().any(|one| one.as_str().unwrap().ends_with("draft")),
                "{name}: {feature} switches the draft on"
            );
        }
        for one in package["dependencies"].as_array().unwrap() {
            let features = one["features"].as_array().unwrap();
            if one["name"] == "bailiwick-sandbox" && features.iter().any(|has| has == "draft") {
                users.push((name.to_owned(), one["kind"].as_str().unwrap_or("normal").to_owned()));
            }
        }
    }
    assert_eq!(users, [("bailiwick-sandbox".to_owned(), "dev".to_owned())]);
}

#[test]
fn dangerous_crates_have_one_user_each() {
    let mut wrong = Vec::new();
    for (name, dependencies) in packages() {
        for (import, kind) in dependencies {
            if kind == "dev" && import == "wit-component" {
                continue;
            }
            let owner = SOLE_USERS.iter().find(|(dangerous, _)| *dangerous == import);
            if owner.is_some_and(|(_, owner)| *owner != name) {
                wrong.push(format!("{name} names {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_crates_name_nothing_impure() {
    let packages = packages();
    let mut wrong = Vec::new();
    for name in PURE {
        for (import, kind) in &packages[name] {
            if kind != "dev" && IMPURE.contains(&import.as_str()) {
                wrong.push(format!("{name} names {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_source_says_first_what_it_owns() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "))
        .map(|path| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "these do not start with a `//!` line:\n{}", silent.join("\n"));
}

#[test]
fn no_file_has_an_empty_name() {
    let empty: Vec<String> = sources()
        .into_iter()
        .filter(|path| {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            stem.split('_').any(|word| EMPTY_WORDS.contains(&word))
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(empty.is_empty(), "say what these are about:\n{}", empty.join("\n"));
}

/// Folders in which a test has its cases, each by its name.
const CASES: [&str; 2] = ["host/cli/tests/nonsense", "host/orchestrator/tests/cases"];

/// The words in backticks in the last column of the tables of a text.
fn named_in_last_column(text: &str) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with('|') && line.ends_with('|'));
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let is_test =
        |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b"_0123456789".contains(&b));
    words.filter(is_test).map(str::to_owned).collect()
}

#[test]
fn every_test_that_the_security_pages_name_is_there() {
    let page = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let named = named_in_last_column(&page("SECURITY.md"));
    assert!(named.len() > 50, "the tables were not found: {named:?}");
    let proofs = named_in_last_column(&page("docs/enforcement.md"));
    assert!(proofs.len() > 50, "the tables were not found: {proofs:?}");
    let files = rust_files(&|_| true);
    let sources: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let entries = fs::read_to_string(root().join("host/entries/src/lib.rs")).unwrap();
    let is_there = |name: &String| {
        sources.contains(&format!("fn {name}("))
            || entries.contains(&format!("name: \"{name}\""))
            || CASES.iter().any(|cases| root().join(cases).join(name).is_dir())
    };
    let missing: Vec<_> = named.iter().chain(&proofs).filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "a page names what is not there: {missing:?}");
}

#[test]
fn the_architecture_mentions_every_crate() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let missing: Vec<String> = fs::read_dir(root().join("host"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| {
            !text.contains(&format!("`{name}`")) && !text.contains(&format!("host/{name}"))
        })
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not mention {}", missing.join(", "));
}

/// A proof that anybody can write proves nothing: effects wait for the journal because
/// only the journal can say that something is on stable storage.
#[test]
fn only_the_journal_says_that_something_is_durable() {
    // The suite for runners plays the journal: it says what is durable, and when. So do
    // tests, and benches that time what comes before the journal.
    // The rig on which one component is tried plays it, too: whoever answers there is a part
    // of the same process, so no effect leaves that a proof would have to go before.
    let own = ["host/store", "host/policy/src/contract", "host/engine/src/rig"];
    let own = own.map(|folder| root().join(folder));
    let forgers: Vec<String> = sources()
        .into_iter()
        .filter(|path| {
            !own.iter().any(|own| path.starts_with(own))
                && !path
                    .components()
                    .any(|part| ["tests", "benches"].map(OsStr::new).contains(&part.as_os_str()))
        })
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            code.into_iter().any(|line| line.contains("Durable::attest"))
        })
        .map(|path| path.display().to_string())
        .collect();
    assert!(forgers.is_empty(), "these make proofs of their own:\n{}", forgers.join("\n"));
}
