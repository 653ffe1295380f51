//! Data folders of released formats on the binary of today: a run that was half done goes on, one that waits takes its answer, one that is done is shown.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use end_to_end::journal::Journal;
use end_to_end::{Call, Desk, folder};
use serde_json::json;

/// The cells of the run that was killed.
const CELLS: usize = 24;

/// A copy of the project and the data folder that the first format left.
fn format_1(desk: &Desk) -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1");
    for (name, bytes) in folder::files(&kept) {
        let place = name
            .strip_prefix("data/")
            .map_or_else(|| desk.path("project").join(&name), |name| desk.data().join(name));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, bytes).unwrap();
    }
    let key = desk.data().join("host.key");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
    desk.path("project")
}

fn resume(desk: &Desk, project: &Path, run: &str) -> Call {
    desk.bailiwick(["resume", run])
        .option("project", project)
        .option("data", desk.data())
        .option("out", desk.out())
}

#[test]
fn a_run_that_the_first_format_left_half_done_is_done() {
    let desk = Desk::new();
    let project = format_1(&desk);
    let before = Journal::of(&desk, "killed");
    assert!((1..CELLS).contains(&before.count("Released")), "it is half done");
    resume(&desk, &project, "killed").ends(0);
    let after = Journal::of(&desk, "killed");
    assert_eq!(after.0[..before.0.len()], before.0, "what was written stands");
    after.did_nothing_twice();
    assert_eq!(after.count("Released"), CELLS);

    // The same as the one that was never killed.
    let finished = Journal::of(&desk, "finished");
    let output = |journal: &Journal| journal.0.last().unwrap()["output"].clone();
    assert_eq!(output(&after), output(&finished));
}

#[test]
fn a_question_that_the_first_format_left_open_is_answered() {
    let desk = Desk::new();
    let project = format_1(&desk);
    let asked = Journal::of(&desk, "waiting");
    let (asks, decided) = (asked.count("Asked"), asked.count("Decided"));
    assert!(decided < asks, "{asks} questions, {decided} answers");
    let answers =
        desk.file("answers.toml", "[[decide]]\nstep = \"editor\"\ndecision = \"approve\"\n");
    resume(&desk, &project, "waiting").option("decisions", answers).ends(0);
    let after = Journal::of(&desk, "waiting");
    after.did_nothing_twice();
    assert_eq!(after.count("Asked"), asks, "nobody was asked again");
    assert_eq!(after.count("Decided"), asks);
}

#[test]
fn a_run_that_the_first_format_finished_is_shown_and_delivered() {
    let desk = Desk::new();
    let project = format_1(&desk);
    assert_eq!(desk.shown("finished")["state"], json!("done"));
    resume(&desk, &project, "finished").ends(0);
    assert!(desk.out().join("manifest.json").is_file());
}
