//! `bailiwick fork`, end to end: a new run repeats nothing of the older one above its step, asks nobody again, and does the rest anew.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use end_to_end::journal::Journal;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, agent, example, folder};
use serde_json::Value;

/// The example with approvals, run to its end.
fn approved(desk: &Desk) -> Project {
    agent("note");
    let project = Project::like(desk, "03-approval");
    let run = desk.run(project.path()).option("input", project.path().join("input.json"));
    let run = run.option("decisions", project.path().join("decisions.toml"));
    run.option("run-id", "old").option("out", desk.path("old")).ends(0);
    project
}

fn fork(desk: &Desk, project: &Project, from: &str) -> Call {
    let call = desk.bailiwick(["fork", "old"]).option("project", project.path());
    call.option("data", desk.data()).option("run-id", "new").option("from", from)
}

/// How many facts of a kind are about a step.
fn of_step(journal: &Journal, fact: &str, step: &str) -> usize {
    let about = |fact: &&Value| fact["attempt"]["cell"]["step"] == step;
    journal.named(fact).filter(about).count()
}

#[test]
fn what_is_above_the_step_is_neither_done_nor_asked_nor_paid_again() {
    let desk = Desk::new();
    for name in ["topics", "note", "check", "digest"] {
        agent(name);
    }
    let project = Project::like(&desk, "02-fan-out");
    let input = project.path().join("input.json");
    desk.run(project.path()).option("input", input).option("run-id", "old").ends(0);
    fork(&desk, &project, "digest").option("out", desk.out()).ends(0);
    let (old, new) = (Journal::of(&desk, "old"), Journal::of(&desk, "new"));
    assert_eq!(new.count("CallIntended"), 0, "nothing is paid again");
    for step in ["topics", "note", "check"] {
        assert_eq!(of_step(&new, "CellStarted", step), 0, "{step}");
        assert_eq!(
            of_step(&new, "CellReused", step),
            of_step(&old, "CellFinished", step),
            "{step}"
        );
    }
    assert_eq!(of_step(&new, "CellStarted", "digest"), 2, "done anew");
    assert_eq!(desk.shown("old")["output"], desk.shown("new")["output"]);
    assert_eq!(desk.shown("new")["calls"], 0);
    let told = desk.told("new");
    for line in ["forked from old at digest", "reused from old: note round 0, check round 0"] {
        assert!(
            told.contains(line) || told.contains("check round 0, note round 0"),
            "{line}: {told}"
        );
    }
    // A fork of the fork finds what the first run made, and an untouched one all of it.
    let again = desk.bailiwick(["fork", "new"]).option("project", project.path());
    again.option("data", desk.data()).option("run-id", "third").option("from", "digest").ends(0);
    assert_eq!(Journal::of(&desk, "third").count("CellStarted"), 2);
}

#[test]
fn decisions_count_again_where_the_candidate_is_the_same() {
    let desk = Desk::new();
    let project = approved(&desk);
    // Above a step that the example does not have, everything was decided.
    let path = project.path().join("pipelines/approval.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let last = "[step.last]\nagent = \"note\"\ncollect = [\"topic\"]\ninput = { topic = \"all\", points = [\"${note[0].value.title}\"] }\n\n[output]\nlast = \"${last}\"\n";
    std::fs::write(&path, text.replace("[output]\n", last)).unwrap();
    fork(&desk, &project, "last").ends(0);
    let (old, new) = (Journal::of(&desk, "old"), Journal::of(&desk, "new"));
    assert_eq!(new.count("Decided"), old.count("Decided"));
    assert_eq!(of_step(&new, "CellStarted", "note"), 0);
    assert_eq!(of_step(&new, "CellReused", "note"), of_step(&old, "CellFinished", "note"));
    let told = desk.told("new");
    for line in ["as in run old, the candidate is the same", ", in run old: Shorter, please."] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert_eq!(desk.shown("new")["output"]["notes"], desk.shown("old")["output"]["notes"]);
}

#[test]
fn the_judges_of_the_step_are_asked_anew() {
    let desk = Desk::new();
    let project = approved(&desk);
    fork(&desk, &project, "note").ends(3);
    let new = Journal::of(&desk, "new");
    assert_eq!((new.count("Decided"), new.count("CellReused")), (0, 0));
    assert!(new.count("Asked") > 0);
    let desk = Desk::new();
    let project = approved(&desk);
    // From the judge on: what it judges is there, but not what it said.
    fork(&desk, &project, "editor").ends(3);
    let new = Journal::of(&desk, "new");
    assert_eq!(new.count("Decided"), 0);
    assert_eq!(new.count("CellReused"), new.count("Asked"));
}

#[test]
fn another_input_or_model_is_another_output() {
    let desk = Desk::new();
    for name in ["topics", "note", "check", "digest"] {
        agent(name);
    }
    let project = Project::like(&desk, "02-fan-out");
    let input = project.path().join("input.json");
    desk.run(project.path()).option("input", input).option("run-id", "old").ends(0);
    fork(&desk, &project, "digest").option("set", "subject=\"honey bees\"").ends(0);
    let new = Journal::of(&desk, "new");
    assert_eq!(of_step(&new, "CellReused", "topics"), 0, "it reads what was set");
    let said = fork(&desk, &project, "digest").option("set", "readers.9=x").ends(2).stderr;
    assert!(said.contains("E145") && said.contains("no item \"9\""), "{said}");
    let said = fork(&desk, &project, "digest").option("set", "subject=[1]").ends(2).stderr;
    assert!(said.contains("E120"), "against the schema: {said}");
    let forged = r#"subject={"$artifact":"blake3:00"}"#;
    assert!(fork(&desk, &project, "digest").option("set", forged).ends(2).stderr.contains("E145"));
    let said = fork(&desk, &project, "nothing").ends(2).stderr;
    assert!(
        said.contains("E146") && said.contains("it has topics") || said.contains("has topics"),
        "{said}"
    );

    project.change(
        OPERATORS,
        "{ provider = \"builtin\" }",
        "{ provider = \"builtin\" }, { provider = \"openai\", model = \"m\" }",
    );
    let call = desk.bailiwick(["fork", "old"]).option("project", project.path());
    call.option("data", desk.data()).option("run-id", "routed").option("from", "digest").ends(0);
    let routed = Journal::of(&desk, "routed");
    assert_eq!(of_step(&routed, "CellReused", "note"), 0, "it may be answered by another route");
    assert!(of_step(&routed, "CellReused", "topics") > 0);
}

#[test]
fn a_fork_of_the_campaign_pays_for_no_picture_again() {
    let desk = Desk::new();
    let project = example("10-campaign");
    let decisions = project.join("decisions.toml");
    let run =
        desk.run(&project).option("input", project.join("brief.json")).option("run-id", "old");
    run.option("decisions", &decisions).option("out", desk.path("old")).ends(0);
    let fork =
        desk.bailiwick(["fork", "old"]).option("project", &project).option("data", desk.data());
    fork.option("from", "bundle").option("run-id", "new").option("out", desk.path("new")).ends(0);
    let new = Journal::of(&desk, "new");
    for step in ["research", "draft", "visual", "seo", "claims", "tone", "brand"] {
        assert_eq!(of_step(&new, "CellStarted", step), 0, "{step}");
    }
    assert!(of_step(&new, "CellStarted", "bundle") > 0);
    // The same pictures, from the same hands.
    let (old, mut new) = (folder::files(&desk.path("old")), folder::files(&desk.path("new")));
    let told: Value = serde_json::from_slice(&new.remove("manifest.json").unwrap()).unwrap();
    let was: Value = serde_json::from_slice(&old["manifest.json"]).unwrap();
    new.remove("index.html");
    assert!(new.iter().all(|(name, bytes)| old.get(name) == Some(bytes)), "the same files");
    let parents = |manifest: &Value| -> Vec<Value> {
        manifest["assets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|asset| asset["parents"].clone())
            .collect()
    };
    assert_eq!(parents(&was), parents(&told));
    assert!(told.to_string().contains(r#""reused":"old""#) && !was.to_string().contains("reused"));
}
