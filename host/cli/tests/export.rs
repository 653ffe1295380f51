//! `bailiwick export` and `bailiwick import`, end to end: a run goes to another folder as one file, is read and replayed there, and no byte of it can be another.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::path::{Path, PathBuf};

use end_to_end::{Call, Desk, agent, example};

/// How many bytes of a file are changed, one at a time; those of the archive's frame all
/// are, where it is read.
const CHANGED: usize = 96;

fn export(desk: &Desk, data: &Path, file: &Path) -> Call {
    desk.bailiwick(["export", "then"]).word(file).option("data", data)
}

/// An example that was run, with its file.
fn exported(desk: &Desk, name: &str, input: &str) -> PathBuf {
    let project = example(name);
    let call = desk.run(&project).option("input", project.join(input)).option("run-id", "then");
    match project.join("decisions.toml") {
        decisions if decisions.exists() => call.option("decisions", decisions).ends(0),
        _ => call.ends(0),
    };
    let file = desk.path("then.tar");
    export(desk, &desk.data(), &file).ends(0);
    file
}

fn import(desk: &Desk, file: &Path, target: &Path) -> Call {
    desk.bailiwick(["import"]).word(file).option("data", target)
}

fn shown(desk: &Desk, data: &Path) -> String {
    desk.bailiwick(["show", "then", "--facts"]).option("data", data).ends(0).stdout
}

#[test]
fn a_run_is_read_and_replayed_in_another_folder() {
    agent("visual");
    for (name, input) in [("02-fan-out", "input.json"), ("10-campaign", "brief.json")] {
        let desk = Desk::new();
        let file = exported(&desk, name, input);
        let there = desk.path("there");
        let said = import(&desk, &file, &there).ends(0);
        assert!(said.stderr.contains("everything is what was exported"), "{}", said.stderr);
        assert_eq!(shown(&desk, &desk.data()), shown(&desk, &there));
        std::fs::remove_dir_all(desk.data()).unwrap();
        let replayed = desk.bailiwick(["replay", "then"]).option("data", &there).ends(0).stdout;
        assert!(replayed.contains(" equal"), "{replayed}");
        // It is the same file again, whoever writes it and when.
        let again = desk.path("again.tar");
        export(&desk, &there, &again).ends(0);
        assert!(std::fs::read(&file).unwrap() == std::fs::read(&again).unwrap(), "{name}");
    }
}

#[test]
fn what_was_imported_is_only_read() {
    let desk = Desk::new();
    let file = exported(&desk, "01-hello", "input.json");
    let there = desk.path("there");
    import(&desk, &file, &there).ends(0);
    let project = example("01-hello");
    let run = desk.bailiwick(["run"]).option("project", &project).option("data", &there);
    let refused = run.option("input", project.join("input.json")).ends(2);
    assert!(refused.stderr.contains("holds an imported run"), "{}", refused.stderr);
    let taken = import(&desk, &file, &there).ends(2);
    assert!(taken.stderr.contains("exists already"), "{}", taken.stderr);
    export(&desk, &desk.data(), &file).ends(2);
}

#[test]
fn no_byte_can_be_another() {
    let desk = Desk::new();
    let file = exported(&desk, "01-hello", "input.json");
    let good = std::fs::read(&file).unwrap();
    let there = desk.path("there");
    let entries = 1_024.min(good.len())..8_192.min(good.len());
    let everywhere = (0..CHANGED / 2).map(|n| n * good.len() / (CHANGED / 2));
    let places = entries.clone().step_by(entries.len() / (CHANGED / 2)).chain(everywhere);
    for place in places {
        let mut bad = good.clone();
        bad[place] ^= 1;
        let file = desk.path("bad.tar");
        std::fs::write(&file, &bad).unwrap();
        let refused = import(&desk, &file, &there).ends(2);
        assert!(refused.stderr.contains("E148"), "byte {place}: {}", refused.stderr);
        assert!(!there.exists() && !desk.path("there.part").exists(), "byte {place}");
    }
    for cut in [0, 700, good.len() / 2, good.len() - 1] {
        let file = desk.path("cut.tar");
        std::fs::write(&file, &good[..cut]).unwrap();
        assert!(import(&desk, &file, &there).ends(2).stderr.contains("E148"), "cut at {cut}");
    }
}

#[test]
fn the_part_that_differs_is_named() {
    let desk = Desk::new();
    let file = exported(&desk, "01-hello", "input.json");
    let good = std::fs::read(&file).unwrap();
    let told = |from: &[u8], to: &[u8]| {
        let place = good.windows(from.len()).position(|window| window == from).unwrap();
        let mut bad = good.clone();
        bad[place..place + from.len()].copy_from_slice(to);
        let file = desk.path("bad.tar");
        std::fs::write(&file, &bad).unwrap();
        import(&desk, &file, &desk.path("there")).ends(2).stderr
    };
    let said = told(b"RunStarted", b"RunStopped");
    assert!(
        said.contains("entry 1: its facts or its time are not those that its link covers"),
        "{said}"
    );
    let said = told(br#""run":"then""#, br#""run":"than""#);
    assert!(said.contains("entry 1"), "{said}");
    let said = told(b"blobs/", b"blobz/");
    assert!(said.contains("its header is not what an export writes"), "{said}");
    // A component begins with this.
    let said = told(b"\0asm", b"\0asn");
    assert!(said.contains("its bytes are others"), "{said}");
}

#[test]
fn where_people_are_named_exporting_is_a_right() {
    let desk = Desk::new();
    exported(&desk, "01-hello", "input.json");
    let uid = rustix::process::geteuid().as_raw();
    let policy = |may: &str| {
        let text = format!("[people.ana]\nuid = {uid}\ngroups = []\nmay = [{may}]\n");
        desk.file("policy.toml", &text)
    };
    let call = |file: &str, may: &str| {
        export(&desk, &desk.data(), &desk.path(file)).option("policy", policy(may))
    };
    let refused = call("no.tar", "\"submit\"").ends(2).stderr;
    assert!(refused.contains("ana may not export") && refused.contains("E147"), "{refused}");
    assert!(!desk.path("no.tar").exists());
    call("yes.tar", "\"export\"").ends(0);
}
