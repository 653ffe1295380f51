//! The real binary, keeping a data folder: audit, anchors, retention, backup, and folders of older formats.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use support::{ASKS, Does, Guest, ONE, World, given, told};

/// A world with one finished run, `r1`.
fn ran() -> World {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"marked-output\"}"), ONE);
    run(&world, "r1");
    world
}

fn run(world: &World, id: &str) {
    let ran = world.run(["run", "--run-id", id]);
    assert_eq!(ran.status.code(), Some(0), "{}", told(&ran));
}

/// The output of a call that must end so.
fn ends(world: &World, arguments: &[&str], code: i32) -> String {
    let called = world.run(arguments);
    assert_eq!(
        called.status.code(),
        Some(code),
        "{arguments:?}\n{}{}",
        given(&called),
        told(&called)
    );
    given(&called)
}

/// Flips a bit of the first of these words in the database.
fn flip(world: &World, word: &str) {
    let path = world.root().join(".bailiwick/store.db");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(word.len()).position(|bytes| bytes == word.as_bytes()).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_whole_folder_is_consistent_up_to_its_head() {
    let world = ran();
    let head = ends(&world, &["audit", "head"], 0);
    assert!(head.trim().parse::<bailiwick_core::Digest>().is_ok(), "{head}");
    let want = format!(
        "consistent up to {}; completeness is proven only against an anchor\n",
        head.trim()
    );
    assert_eq!(ends(&world, &["audit", "verify"], 0), want);
    let of_run = ends(&world, &["audit", "verify", "r1"], 0);
    assert!(of_run.starts_with("consistent up to blake3:") && of_run != want, "{of_run}");
    run(&world, "r2");
    assert_ne!(ends(&world, &["audit", "head"], 0), head);
    ends(&world, &["audit", "verify", "nobody"], 2);
    ends(&world, &["audit", "verify", "--data", "nowhere"], 2);
}

#[test]
fn damage_is_named_and_ends_with_1() {
    let world = ran();
    flip(&world, "CellStarted");
    let found = ends(&world, &["audit", "verify"], 1);
    assert!(found.starts_with("run r1, append 3: it is not what was written"), "{found}");
    assert!(!found.contains("consistent"), "{found}");
    ends(&world, &["show", "r1"], 2);
}

#[test]
fn a_damaged_listing_is_made_anew_from_the_facts() {
    let world = ran();
    // The state in the row of the run, right before its numbers.
    flip(&world, "maindone");
    let found = ends(&world, &["audit", "verify"], 1);
    assert!(found.contains("run \"r1\", its row") || found.contains("run r1, its row"), "{found}");
    assert_ne!(world.run(["runs"]).status.code(), Some(0), "what is damaged is not listed");
    ends(&world, &["audit", "rebuild"], 0);
    assert!(ends(&world, &["runs"], 0).starts_with("r1 "));
    ends(&world, &["audit", "verify"], 0);
    ends(&world, &["audit", "rebuild", "--data", "nowhere"], 2);
}

#[test]
fn an_anchor_proves_that_nothing_is_gone() {
    let world = ran();
    let anchor = ends(&world, &["audit", "anchor"], 0);
    assert!(anchor.len() < 1_000, "{anchor}");
    world.write("kept/anchor.json", &anchor);
    let verify = ["audit", "verify", "--anchor", "kept/anchor.json"];
    assert!(ends(&world, &verify, 0).contains("; complete up to the anchor of "));
    run(&world, "r2");
    assert!(ends(&world, &verify, 0).contains("; complete up to the anchor of "));

    let mut forged: Value = serde_json::from_str(&anchor).unwrap();
    forged["appends"] = 3.into();
    world.write("kept/forged.json", forged.to_string());
    let found = ends(&world, &["audit", "verify", "--anchor", "kept/forged.json"], 1);
    assert!(found.contains("anchor: its signature"), "{found}");
    ends(&world, &["audit", "verify", "--anchor", "bailiwick.toml"], 2);
}

#[test]
fn a_folder_that_was_turned_back_is_found_by_the_anchor_alone() {
    let world = ran();
    let database = world.root().join(".bailiwick/store.db");
    let before = fs::read(&database).unwrap();
    run(&world, "r2");
    world.write("anchor.json", ends(&world, &["audit", "anchor"], 0));
    fs::write(&database, before).unwrap();
    assert!(ends(&world, &["audit", "verify"], 0).starts_with("consistent up to"));
    let verify = ["audit", "verify", "--anchor", "anchor.json"];
    let found = ends(&world, &verify, 1);
    assert!(found.starts_with("anchor: run/r2, append ") && found.contains(": gone"), "{found}");
    // Another run of the same name has another history.
    run(&world, "r2");
    let found = ends(&world, &verify, 1);
    let other = ["another history than the one that was anchored", "shorter than when it was"];
    assert!(other.iter().any(|words| found.contains(words)), "{found}");
}

#[test]
fn an_anchor_without_its_list_proves_nothing_and_says_so() {
    let world = ran();
    world.write("anchor.json", ends(&world, &["audit", "anchor"], 0));
    for list in fs::read_dir(world.root().join(".bailiwick/anchors")).unwrap() {
        fs::write(list.unwrap().path(), "[]").unwrap();
    }
    let found = ends(&world, &["audit", "verify", "--anchor", "anchor.json"], 1);
    assert!(found.contains("is not what was signed"), "{found}");
}

#[test]
fn the_export_can_be_checked_by_anybody() {
    let world = ran();
    let lines = ends(&world, &["audit", "export"], 0);
    let mut link = bailiwick_core::Digest::of_parts(&[b"bailiwick journal 1", b"r1"]);
    let mut names = Vec::new();
    for (index, line) in lines.lines().enumerate() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&entry["stream"], &entry["append"]), (&"run/r1".into(), &(index + 1).into()));
        // The facts stand verbatim between the two keys around them.
        let facts = line.split_once("\"facts\":").unwrap().1.split_once(",\"values\":").unwrap().0;
        let at = entry["at"].as_u64().unwrap().to_le_bytes();
        link = bailiwick_core::Digest::of_parts(&[link.as_bytes(), &at, facts.as_bytes()]);
        assert_eq!(entry["link"], link.to_string());
        names.extend(entry["facts"].as_array().unwrap().iter().map(|fact| fact["fact"].clone()));
        assert!(entry["values"].as_object().unwrap().keys().all(|key| key.starts_with("blake3:")));
    }
    assert!(names.contains(&"RunStarted".into()) && names.contains(&"RunEnded".into()));
    assert!(lines.contains("marked-output"));
    assert_eq!(ends(&world, &["audit", "export", "r1"], 0), lines);
}

#[test]
fn a_question_is_explained_by_who_decided_and_where_that_is_written() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"x\"}"), ASKS);
    world.write(
        "decisions.toml",
        "[[decide]]\nstep = \"editor\"\nwhere = { locale = \"de\" }\ndecision = \"reject\"\ncomment = \"too loud\"\n",
    );
    let waits = world.run(["run", "--run-id", "r1", "--decisions", "decisions.toml"]);
    assert_eq!(waits.status.code(), Some(3), "{}", told(&waits));
    let said = ends(&world, &["audit", "explain", "r1/editor/locale=de/0"], 0);
    assert!(said.contains("editors asked about one/locale=de, round 0, blake3:"), "{said}");
    assert!(said.contains("says reject: too loud"), "{said}");
    assert!(
        said.contains("decided by pipelines/main.toml:9 ([step.editor]; as the run was pinned)"),
        "{said}"
    );
    let open = ends(&world, &["audit", "explain", "r1/editor/locale=fr/0"], 0);
    assert!(open.contains("asked about one/locale=fr") && !open.contains("says"), "{open}");
    for wrong in ["r1/editor/locale=it/0", "r1/one/-/0/1#0", "nonsense", "r9/editor/-/0"] {
        ends(&world, &["audit", "explain", wrong], 2);
    }
}

#[test]
fn what_is_young_stays() {
    let world = ran();
    assert_eq!(ends(&world, &["gc"], 0), "", "nothing is said of retention, nothing goes");
    let project = fs::read_to_string(world.root().join("bailiwick.toml")).unwrap();
    let retention = "\n[retention]\nruns = \"2 days\"\nvalues = \"1 day\"\n";
    world.write("bailiwick.toml", project + retention);
    let swept = world.run(["gc"]);
    assert_eq!((swept.status.code(), given(&swept).as_str()), (Some(0), ""));
    assert!(told(&swept).contains("deleted 0 runs, values of 0 runs, 0 blobs"), "{}", told(&swept));
    assert!(ends(&world, &["audit", "export", "r1"], 0).contains("marked-output"));
    world.write("bailiwick.toml", "[retention]\nruns = \"90\"\n");
    ends(&world, &["gc"], 2);
}

#[test]
fn a_backup_is_a_folder_or_a_file_that_can_be_gone_on_with() {
    let world = ran();
    ends(&world, &["audit", "anchor"], 0);
    let head = ends(&world, &["audit", "head"], 0);
    assert_eq!(ends(&world, &["backup", "copy"], 0), "copy\n");
    assert_eq!(ends(&world, &["audit", "head", "--data", "copy"], 0), head);
    let next = world.run(["run", "--run-id", "r2", "--data", "copy"]);
    assert_eq!(next.status.code(), Some(0), "{}", told(&next));
    assert_eq!(ends(&world, &["audit", "head"], 0), head);

    ends(&world, &["backup", "copy.tar"], 0);
    assert_eq!(mode(&world.root().join("copy.tar")), 0o600);
    let unpacked = std::process::Command::new("tar")
        .args(["-xf", "copy.tar", "--one-top-level=unpacked"])
        .current_dir(world.root())
        .status()
        .unwrap();
    assert!(unpacked.success());
    assert_eq!(ends(&world, &["audit", "head", "--data", "unpacked/data"], 0), head);
    assert_eq!(mode(&world.root().join("unpacked/data/host.key")), 0o600);
    let left: Vec<_> =
        fs::read_dir(world.root()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains(".part")), "{left:?}");
    assert!(left.iter().all(|name| name != "copy.tar.folder"), "{left:?}");
    for target in ["copy", "copy.tar"] {
        let again = world.run(["backup", target]);
        assert_eq!(again.status.code(), Some(2), "{}", told(&again));
    }
    ends(&world, &["backup", "other", "--data", "nowhere"], 2);
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_damaged_folder_is_copied_and_said_to_be_damaged() {
    let world = ran();
    flip(&world, "CellStarted");
    let made = world.run(["backup", "copy"]);
    assert_eq!(made.status.code(), Some(1), "{}", told(&made));
    assert!(told(&made).contains("damaged: run r1, append 3"), "{}", told(&made));
}

#[test]
fn a_folder_that_somebody_writes_in_can_be_audited_and_copied_and_not_swept() {
    let world = World::new();
    world.project(&Guest::does(Does::Loops), ONE);
    let mut running = world.command(["run", "--run-id", "r1"]).spawn().unwrap();
    let lock = world.root().join(".bailiwick/lock");
    while !lock.exists() || given(&world.run(["runs"])).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    ends(&world, &["audit", "verify"], 0);
    ends(&world, &["backup", "copy"], 0);
    ends(&world, &["gc", "--dry-run"], 0);
    let swept = world.run(["gc"]);
    assert!(swept.status.code() == Some(2) && told(&swept).contains("E130"), "{}", told(&swept));
    running.kill().unwrap();
    running.wait().unwrap();
    ends(&world, &["gc"], 0);
}

/// The project and data folder that the first released format wrote.
fn format_1() -> World {
    let world = World::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1");
    copy(&fixture, &world.root());
    fs::set_permissions(world.root().join("data/host.key"), fs::Permissions::from_mode(0o600))
        .unwrap();
    world
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[test]
fn a_folder_of_the_first_format_is_read_and_verified() {
    let world = format_1();
    let data = ["--data", "data"];
    let with = |words: &[&'static str]| [words, &data[..]].concat();
    let listed = ends(&world, &with(&["runs", "--json"]), 0);
    let states: Vec<(String, String)> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|run| (run["run"].as_str().unwrap().into(), run["state"].as_str().unwrap().into()))
        .collect();
    let want = [("waiting", "waiting"), ("killed", "interrupted"), ("finished", "done")];
    assert_eq!(states, want.map(|(run, state)| (run.into(), state.into())));
    for (run, cells) in [("finished", 24), ("killed", 13), ("waiting", 1)] {
        let shown = ends(&world, &with(&["show", run]), 0);
        let done = |line: &&str| line.contains('=') && line.ends_with(" done");
        assert_eq!(shown.lines().filter(done).count(), cells, "{run}: {shown}");
    }
    let verified = ends(&world, &with(&["audit", "verify"]), 0);
    assert!(verified.starts_with("consistent up to blake3:"), "{verified}");
    let asked = ends(&world, &with(&["audit", "explain", "waiting/editor/locale=fr/0"]), 0);
    assert!(asked.contains("asked about write/locale=fr"), "{asked}");
}
