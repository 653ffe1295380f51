//! Questions to people, answered from other processes than the one that asked.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::{ASKS, Guest, World, given, told};

/// A project in which `editor` asks about `one` twice, left waiting as run `r1`.
fn asked(world: &World, guest: &Guest) {
    world.project(guest, ASKS);
    let run = world.run(["run", "--run-id", "r1"]);
    assert_eq!(run.status.code(), Some(3), "{}", told(&run));
}

fn approvals(world: &World, arguments: &[&str]) -> Vec<Value> {
    let listed = world.run([&["approvals", "--json"], arguments].concat());
    assert_eq!(listed.status.code(), Some(0), "{}", told(&listed));
    given(&listed).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn open(world: &World) -> Vec<String> {
    approvals(world, &[]).iter().map(|one| one["ask"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn ends(output: &Output, code: i32, words: &str) {
    let all = format!("{}{}", given(output), told(output));
    assert_eq!(output.status.code(), Some(code), "{all}");
    assert!(all.contains(words), "{words:?} is not in:\n{all}");
}

const DE: &str = "r1/editor/locale=de/0";
const FR: &str = "r1/editor/locale=fr/0";

#[test]
fn a_decision_given_while_no_host_runs_is_taken_at_the_next_start() {
    let world = World::new();
    asked(&world, &Guest::answers("{\"text\":\"Guten Tag\"}"));
    let listed = approvals(&world, &[]);
    assert_eq!(open(&world), [DE, FR]);
    let first = &listed[0];
    for (key, value) in [("run", "r1"), ("step", "editor"), ("cell", "one/locale=de")] {
        assert_eq!(first[key], value);
    }
    assert_eq!((&first["groups"][0], &first["quorum"]), (&"editors".into(), &1.into()));
    assert_eq!((&first["candidate"], &first["timeout"]), (&Value::Null, &Value::Null));
    let whole = approvals(&world, &["r1"]);
    assert_eq!(whole[1]["candidate"]["text"], "Guten Tag");
    let text = given(&world.run(["approvals", "r1"]));
    assert!(text.contains("editor asks editors about one/locale=de, round 0"), "{text}");
    assert!(text.contains("\"text\": \"Guten Tag\""), "{text}");

    let subject = first["subject"].as_str().unwrap();
    let approved = world.run(["approve", DE, "--subject", subject]);
    ends(&approved, 0, "approved by uid:");
    assert!(told(&approved).contains("bailiwick resume r1"), "{}", told(&approved));
    assert_eq!(open(&world), [FR], "what is decided is not listed");
    ends(&world.run(["reject", FR, "--comment", "shorter"]), 0, "rejected by uid:");
    assert!(open(&world).is_empty());

    // The rejected one is done again and asked about again, the approved one is not.
    let resumed = world.run(["resume", "r1"]);
    ends(&resumed, 3, "");
    assert_eq!(open(&world), ["r1/editor/locale=fr/1"]);
    ends(&world.run(["approve", "r1/editor/locale=fr/1"]), 0, "approved by");
    let resumed = world.run(["resume", "r1"]);
    ends(&resumed, 0, "run r1 is done");
    for (cell, attempts) in [("one/locale=de", 1), ("one/locale=fr", 2)] {
        let shown = given(&world.run(["show", "r1", "--cell", cell, "--json"]));
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["attempts"].as_array().unwrap().len(), attempts, "{cell}: {shown}");
    }
    ends(&world.run(["approve", DE]), 0, "already approved by uid:");
    ends(&world.run(["reject", DE, "--comment", "no"]), 1, "is approved already, by uid:");
}

#[test]
fn a_decision_counts_once_and_for_what_was_shown() {
    let world = World::new();
    asked(&world, &Guest::answers("{\"text\":\"a\"}"));
    let entries = || given(&world.run(["show", "r1", "--json"]));
    let before = entries();
    let other = format!("blake3:{}", "0".repeat(64));
    ends(&world.run(["approve", DE, "--subject", &other]), 1, "and you were shown blake3:0000");
    ends(&world.run(["approve", DE, "--subject", "nothing"]), 2, "E138");
    ends(&world.run(["approve", DE, FR, "--subject", &other]), 2, "E138");
    for unknown in ["r1/editor/locale=it/0", "r2/editor/locale=de/0", "..", ""] {
        ends(&world.run(["approve", unknown]), 2, "E136");
        // All or none: the good one is not taken either.
        ends(&world.run(["approve", DE, unknown]), 2, "E136");
    }
    assert_eq!(world.run(["reject", DE]).status.code(), Some(2), "a rejection has its reason");
    assert_eq!(entries(), before, "what was refused has changed nothing");

    ends(&world.run(["approve", DE, FR, DE, "--comment", "good"]), 0, "approved by uid:");
    let after = entries();
    ends(&world.run(["approve", DE, FR]), 0, "already approved by uid:");
    ends(&world.run(["reject", FR, "--comment", "no"]), 1, "E137");
    assert_eq!(entries(), after, "the same again writes nothing");
}

#[test]
fn an_edit_fits_the_schema_and_brings_in_no_files() {
    let world = World::new();
    let guest = Guest {
        output_schema: r#"{"type":"object","required":["text"],"properties":{"text":{"type":"string"},"image":{"type":"object"}}}"#.into(),
        ..Guest::answers("{\"text\":\"a\"}")
    };
    asked(&world, &guest);
    let foreign = format!(
        r#"{{"text":"b","image":{{"$artifact":"blake3:{}","media_type":"image/png","bytes":3}}}}"#,
        "0".repeat(64)
    );
    for (value, words) in [
        (r#"{"text":1}"#, "does not fit"),
        (foreign.as_str(), "does not fit"),
        (r#"{"text":"#, "E102"),
    ] {
        world.write("value.json", value);
        let edited = world.run(["edit", DE, "--value", "value.json"]);
        assert_ne!(edited.status.code(), Some(0), "{value}");
        assert!(told(&edited).contains(words), "{value}: {}", told(&edited));
    }
    assert_eq!(open(&world), [DE, FR]);
    world.write("value.json", r#"{"text":"by hand"}"#);
    ends(&world.run(["edit", DE, "--value", "value.json"]), 0, "edited by uid:");
    ends(&world.run(["edit", DE, "--value", "value.json"]), 0, "already edited by uid:");
    ends(&world.run(["resume", "r1"]), 3, "");
    assert_eq!(open(&world), ["r1/editor/locale=de/1", FR]);
    assert_eq!(approvals(&world, &["r1"])[0]["candidate"]["text"], "by hand");
    // Its one round is spent.
    ends(&world.run(["edit", "r1/editor/locale=de/1", "--value", "value.json"]), 1, "none is left");
}

#[test]
fn a_folder_that_a_host_holds_is_left_to_it() {
    let world = World::new();
    asked(&world, &Guest::answers("{\"text\":\"a\"}"));
    let path = world.root().join(".bailiwick/lock");
    let lock = std::fs::File::open(path).unwrap();
    lock.lock().unwrap();
    ends(&world.run(["approve", DE]), 2, "E130");
    // Looking takes no lock.
    assert_eq!(open(&world), [DE, FR]);
    lock.unlock().unwrap();
    ends(&world.run(["approve", DE]), 0, "approved by");
}

#[test]
fn a_timeout_that_is_over_decides_at_the_next_start_after_what_people_said() {
    let world = World::new();
    let timed = ASKS.replace(
        "{ groups = [\"editors\"] }",
        "{ groups = [\"editors\"], timeout = \"1 s\", on-timeout = \"approve\" }",
    );
    world.project(&Guest::answers("{\"text\":\"a\"}"), &timed);
    ends(&world.run(["run", "--run-id", "r1"]), 3, "");
    assert!(approvals(&world, &[])[0]["timeout"].is_string());
    // Until the second is over: what a person says then still comes first.
    while !given(&world.run(["approvals"])).contains("as soon as the run goes on") {
        std::thread::yield_now();
    }
    ends(&world.run(["reject", DE, "--comment", "no"]), 0, "rejected by uid:");
    let resumed = world.run(["resume", "r1", "--json"]);
    let decided: Vec<Value> = given(&resumed)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|fact| fact["fact"] == "Decided")
        .collect();
    let timeouts: Vec<_> =
        decided.iter().filter(|fact| fact["by"] == "timeout").map(|fact| &fact["ask"]).collect();
    assert!(timeouts.contains(&&Value::from(FR)), "{decided:?}");
    assert!(!timeouts.contains(&&Value::from(DE)), "{decided:?}");
}

/// Who may, by what the kernel says: needs two users, so it needs root.
#[test]
fn only_who_may_decides_and_only_in_his_own_folder() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = World::new();
    asked(&world, &Guest::answers("{\"text\":\"a\"}"));
    let policy = |rights: &str, groups: &str| {
        format!("[people.ana]\nuid = 0\ngroups = [{groups}]\nmay = [{rights}]\n")
    };
    for (text, words) in [
        (policy("\"submit\"", "\"editors\""), "ana may not approve"),
        (policy("\"approve\"", "\"legal\""), "ana is in none of the groups editors"),
        (
            "[people.bo]\nuid = 1\ngroups = [\"editors\"]\nmay = [\"approve\"]\n".into(),
            "uid 0 is nobody",
        ),
    ] {
        world.write("policy.toml", text);
        let refused = world.run(["approve", DE, "--policy", "policy.toml"]);
        ends(&refused, 1, words);
        assert!(told(&refused).contains("E124"), "{}", told(&refused));
    }
    world.write("policy.toml", policy("\"approve\"", "\"editors\""));
    ends(&world.run(["approve", DE, "--policy", "policy.toml"]), 0, "approved by ana");

    // Others may pass through the folder of the test.
    let above = world.root().parent().unwrap().to_owned();
    std::fs::set_permissions(above, std::fs::Permissions::from_mode(0o711)).unwrap();
    // The folder of another user: root could write in it, and decides nothing there.
    let owner = |uid: &str| {
        let changed = Command::new("chown").args(["-R", uid]).arg(world.root()).status().unwrap();
        assert!(changed.success());
    };
    owner("65534");
    ends(&world.run(["approve", FR]), 1, "belongs to uid 65534");
    let as_nobody = |arguments: &[&str]| {
        let own = world.command(arguments);
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"])
            .arg(own.get_program())
            .args(own.get_args())
            .current_dir(world.root())
            .env_clear()
            .env("HOME", world.root())
            .stdin(Stdio::null());
        command.output()
    };
    // Without setpriv, or where nobody else may start the binary, half of it was shown.
    let Ok(decided) = as_nobody(&["approve", FR, "--policy", "policy.toml"]) else { return };
    if told(&decided).contains("Permission denied") {
        return;
    }
    ends(&decided, 1, "uid 65534 is nobody");
    ends(&as_nobody(&["approve", FR]).unwrap(), 0, "approved by uid:65534");
}
