//! `cache = true`, end to end: an equal attempt of a later run costs nothing, is shown as what it is, and is made where it would not be the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use end_to_end::journal::Journal;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, agent};

const PIPELINE: &str = "pipelines/fan_out.toml";

/// The example whose notes are cached.
fn project(desk: &Desk) -> Project {
    for name in ["topics", "note", "check", "digest"] {
        agent(name);
    }
    let project = Project::like(desk, "02-fan-out");
    project.change(PIPELINE, "agent = \"note\"", "agent = \"note\"\ncache = true");
    project
}

fn run(desk: &Desk, project: &Project, id: &str) -> Call {
    let input = project.path().join("input.json");
    desk.run(project.path()).option("input", input).option("run-id", id)
}

fn reused(desk: &Desk, id: &str) -> usize {
    Journal::of(desk, id).count("CellReused")
}

#[test]
fn a_second_run_pays_for_nothing_that_is_the_same() {
    let desk = Desk::new();
    let project = project(&desk);
    let first = run(&desk, &project, "first").ends(0);
    assert_eq!(reused(&desk, "first"), 0);
    let second = run(&desk, &project, "second").ends(0);
    assert_eq!(first.stdout, second.stdout);
    let told = Journal::of(&desk, "second");
    assert_eq!(told.count("CellReused"), 6, "each note");
    assert!(told.named("CellReused").all(|fact| fact["from"] == "first"));
    assert_eq!(told.count("CallIntended"), 0);
    assert_eq!(desk.shown("second")["calls"], 0);
    assert!(second.stderr.contains("6 reused"), "{}", second.stderr);
    assert!(desk.told("second").contains("reused from first: note round 0"));
    // Judges judge again, and what is not cached is made.
    assert!(told.count("CellStarted") > 6);
    // For another reader each note is another one.
    let other = desk.file("other.json", r#"{"subject": "bees", "readers": ["gardeners"]}"#);
    desk.run(project.path())
        .option("input", other)
        .option("run-id", "third")
        .ends_with_one_of(&[0, 1]);
    assert_eq!(reused(&desk, "third"), 0);
}

#[test]
fn what_could_be_another_output_is_made() {
    let desk = Desk::new();
    let project = project(&desk);
    run(&desk, &project, "first").ends(0);
    // By another route the answer may be another one.
    project.change(
        OPERATORS,
        "{ provider = \"builtin\" }",
        "{ provider = \"builtin\" }, { provider = \"openai\", model = \"m\" }",
    );
    run(&desk, &project, "second").ends(0);
    assert_eq!(reused(&desk, "second"), 0);
    // A step that is not cached any more takes nothing.
    project.change(PIPELINE, "\ncache = true", "");
    run(&desk, &project, "third").ends(0);
    assert_eq!(reused(&desk, "third"), 0);
}

/// What it was let read and what it could find there: not only what it did read.
#[test]
fn what_it_could_have_read_is_in_the_key() {
    let desk = Desk::new();
    let operators = format!(
        "[agents.topics]\ncomponent = {:?}\ngrants.knowledge = [\"handbook\"]\n\
         [models.vectors]\nroutes = [{{ provider = \"builtin\" }}]\n\
         [knowledge.handbook]\nfolder = \"handbook\"\n[knowledge.other]\nfolder = \"other\"\n",
        agent("topics")
    );
    let pipeline = "input = { subject = \"string\" }\n[step.topics]\nagent = \"topics\"\n\
         input = { subject = \"${input.subject}\", count = 1 }\ncache = true\n\
         [output]\ntopics = \"${topics}\"\n";
    let handbook = "# Bees\n\n## Tools\n\nA smoker calms bees. A veil calms the keeper.\n";
    let files = [
        (OPERATORS, operators.as_str()),
        ("pipelines/topics.toml", pipeline),
        ("handbook/bees.md", handbook),
        ("other/bees.md", handbook),
        ("input.json", r#"{ "subject": "bees" }"#),
    ];
    let project = Project::of(&desk, &files);
    let mut runs = 0;
    let mut is_reused = || {
        runs += 1;
        let id = format!("r{runs}");
        run(&desk, &project, &id).ends(0);
        reused(&desk, &id) == 1
    };
    assert!(!is_reused() && is_reused());
    for (file, from, to) in [
        ("handbook/bees.md", "A smoker", "Smoke"),
        (OPERATORS, "[\"handbook\"]", "[\"handbook\", \"other\"]"),
        (OPERATORS, "folder = \"handbook\"", "folder = \"handbook\"\nembed = \"vectors\""),
    ] {
        project.change(file, from, to);
        assert!(!is_reused(), "{to}");
        project.change(file, to, from);
        assert!(is_reused(), "{from}");
    }
}

#[test]
fn a_cache_that_is_lost_or_behind_costs_attempts_and_nothing_else() {
    let desk = Desk::new();
    let project = project(&desk);
    run(&desk, &project, "first").ends(0);
    std::fs::remove_file(desk.data().join("outputs.db")).unwrap();
    let second = run(&desk, &project, "second").ends(0);
    assert_eq!(reused(&desk, "second"), 0);
    std::fs::write(desk.data().join("outputs.db"), "nonsense".repeat(9_999)).unwrap();
    let third = run(&desk, &project, "third").ends(0);
    assert_eq!((reused(&desk, "third"), &second.stdout), (0, &third.stdout));
    // A host that is killed remembers what was durable when it goes on.
    let desk = Desk::new();
    run(&desk, &project, "cut").option("inject", "crash-after=CellFinished:4").dies();
    let resume = desk.bailiwick(["resume", "cut"]).option("project", project.path());
    resume.option("data", desk.data()).ends(0);
    run(&desk, &project, "after").ends(0);
    assert_eq!(reused(&desk, "after"), 6);
}

#[test]
fn what_retention_took_is_no_hit() {
    let desk = Desk::new();
    let project = project(&desk);
    run(&desk, &project, "first").ends(0);
    // As `gc` does: the run that made it is gone.
    std::fs::remove_file(desk.data().join("store.db")).unwrap();
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(desk.data().join(format!("store.db{end}")));
    }
    run(&desk, &project, "second").ends(0);
    assert_eq!(reused(&desk, "second"), 0);
    run(&desk, &project, "third").ends(0);
    assert_eq!(reused(&desk, "third"), 6);
}

#[test]
fn a_fork_that_was_killed_goes_on_as_a_fork() {
    let desk = Desk::new();
    let project = project(&desk);
    project.change(PIPELINE, "\ncache = true", "");
    run(&desk, &project, "old").ends(0);
    let fork = desk.bailiwick(["fork", "old"]).option("project", project.path());
    let fork = fork.option("data", desk.data()).option("from", "digest").option("run-id", "new");
    fork.option("inject", "crash-after=CellReused:2").dies();
    let resume = desk.bailiwick(["resume", "new"]).option("project", project.path());
    resume.option("data", desk.data()).ends(0);
    assert_eq!(Journal::of(&desk, "new").count("CellStarted"), 2, "the pages alone");
}

#[test]
fn a_judge_is_never_cached() {
    let desk = Desk::new();
    let project = project(&desk);
    project.change(PIPELINE, "judges = \"note\"", "judges = \"note\"\ncache = true");
    let refused = run(&desk, &project, "no").ends(2).stderr;
    assert!(
        refused.contains("E042") && refused.contains("a judge judges each candidate"),
        "{refused}"
    );
}
