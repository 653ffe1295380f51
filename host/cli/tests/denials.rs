//! What an agent was not granted: refused by `check` or at load, or denied at the gate, each with the line that allows it; and that line does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use end_to_end::guest::Guest;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, agent};
use serde_json::{Value, json};

/// What `check --json` finds wrong. It and `run` refuse the project, and nothing is written.
fn refusals(desk: &Desk, project: &Project, options: &[(&str, &str)]) -> Vec<Value> {
    let with =
        |call: Call| options.iter().fold(call, |call, (name, value)| call.option(name, value));
    let refused = with(desk.run(project.path())).ends(2);
    assert_eq!(refused.stdout, "");
    assert!(!desk.data().exists(), "a refused run writes nothing");
    let checked =
        with(desk.bailiwick(["check", "--json"]).option("project", project.path())).ends(2);
    let found = checked.lines();
    for found in &found {
        assert_eq!(found["severity"], "error", "{found}");
        // The screen breaks long lines; its words are the same.
        let words =
            |text: &str| text.replace(|c: char| c.is_whitespace() || "│╰─×".contains(c), "");
        for told in ["code", "message", "hint"] {
            let told = found[told].as_str().unwrap_or_else(|| panic!("{told}: {found}"));
            assert!(
                words(&refused.stderr).contains(&words(told)),
                "{told} is not in\n{}",
                refused.stderr
            );
        }
    }
    found
}

fn texts(found: &[Value]) -> Vec<(&str, &str)> {
    found
        .iter()
        .map(|found| (found["message"].as_str().unwrap(), found["hint"].as_str().unwrap()))
        .collect()
}

/// The one denial of a run that failed for it: in the summary, and in the view of the
/// cell. Gives the hint.
fn denial(desk: &Desk, call: Call, run: &str, step: &str, reason: &str) -> String {
    let ended = call.option("run-id", run).ends(1);
    // Which of its cells meets it first is chance; the others may never begin.
    let steps = desk.shown(run)["steps"].clone();
    let of_step = steps.as_array().unwrap().iter().find(|one| one["step"] == step).unwrap();
    let mut cells = of_step["cells"].as_array().unwrap().iter();
    let failed = cells.find(|cell| cell["state"] == "failed").unwrap();
    let shown = desk.cell(run, &format!("{step}/{}", failed["cell"].as_str().unwrap()));
    let calls = shown["attempts"][0]["calls"].as_array().unwrap();
    let denied: Vec<_> = calls.iter().filter(|call| call["answer"] == "denied").collect();
    let [denied] = denied[..] else { panic!("one denial: {shown}") };
    assert_eq!(denied["detail"], reason);
    assert_eq!(
        (&denied["tokens"], &denied["calls"]),
        (&json!(0), &json!(0)),
        "a denial costs nothing"
    );
    assert_eq!(shown["attempts"][0]["failure"]["kind"], "refused", "{shown}");
    assert_eq!(shown["attempts"].as_array().map(Vec::len), Some(1), "a denial is not tried again");
    let hint = denied["hint"].as_str().unwrap().to_owned();
    let of_run = desk.shown(run)["denials"].clone();
    assert_eq!(of_run[0]["hint"], json!(hint), "the view of the run has it too: {of_run}");
    for told in [format!(": {reason}"), format!("hint: {hint}")] {
        assert!(ended.stderr.contains(&told), "{told} is not in\n{}", ended.stderr);
    }
    hint
}

fn campaign(desk: &Desk, project: &Project) -> Call {
    desk.run(project.path())
        .option("input", project.path().join("brief.json"))
        .option("decisions", project.path().join("decisions.toml"))
}

#[test]
fn an_asset_in_the_input_of_an_agent_without_it_is_refused_by_check() {
    let desk = Desk::new();
    let project = Project::like(&desk, "10-campaign");
    project.change(OPERATORS, "grants.assets    = [\"brand\"]\n", "");
    let found = refusals(&desk, &project, &[]);
    assert_eq!(
        texts(&found),
        [
            (
                "`visual` gives files of `brand` to the agent `visual`, which is not granted them",
                "if it may have them, write in bailiwick.toml under [agents.visual]: grants.assets = [\"brand\"]"
            ),
            (
                "`brand` gives files of `brand` to the agent `brand`, which is not granted them",
                "if it may have them, write in bailiwick.toml under [agents.brand]: grants.assets = [\"brand\"]"
            ),
        ]
    );
    for (_, hint) in texts(&found) {
        project.apply(hint);
    }
    desk.bailiwick(["check"]).option("project", project.path()).ends(0);
}

#[test]
fn a_model_that_was_not_granted_is_denied_until_the_hint_is_applied() {
    let desk = Desk::new();
    agent("draft");
    let project = Project::like(&desk, "10-campaign");
    let granted = "grants.model = { use = [\"writer\"], calls = 60, tokens = 200_000 }";
    project.change(OPERATORS, granted, "grants.model = { use = [\"critic\"] }");
    let reason = "the model \"writer\" is not granted to draft";
    let cell = "draft/locale=en-GB,channel=web";
    let hint = denial(&desk, campaign(&desk, &project), "before", "draft", reason);
    project.apply(&hint);
    campaign(&desk, &project).option("run-id", "after").ends(0);
    assert_eq!(desk.cell("after", cell)["attempts"][0]["calls"][0]["answer"], "ok");
}

#[test]
fn a_collection_that_was_not_granted_is_denied_until_the_hint_is_applied() {
    let desk = Desk::new();
    agent("topics");
    let project = Project::like(&desk, "02-fan-out");
    project.change(
        OPERATORS,
        "grants.knowledge = [\"handbook\"]",
        "grants.knowledge = [\"cellar\"]",
    );
    project.change(
        OPERATORS,
        "[knowledge.handbook]",
        "[knowledge.cellar]\nfolder = \"handbook\"\n[knowledge.handbook]",
    );
    let run = || desk.run(project.path()).option("input", project.path().join("input.json"));
    let reason = "the collection \"handbook\" is not granted to topics";
    let hint = denial(&desk, run(), "before", "topics", reason);
    project.apply(&hint);
    run().option("run-id", "after").ends(0);
}

#[test]
fn a_hint_takes_away_nothing_that_was_granted() {
    let desk = Desk::new();
    agent("research");
    let project = Project::like(&desk, "10-campaign");
    project.change(OPERATORS, "[\"brand\", \"performance\"]", "[\"brand\"]");
    let reason = "the collection \"performance\" is not granted to research";
    let hint = denial(&desk, campaign(&desk, &project), "before", "research", reason);
    assert!(hint.ends_with("grants.knowledge = [\"brand\", \"performance\"]"), "{hint}");
    project.apply(&hint);
    // People decide nothing here: the copy waits for them, and that is far enough.
    let input = project.path().join("brief.json");
    desk.run(project.path()).option("input", input).option("run-id", "after").ends(3);
    assert_eq!(desk.shown("after")["steps"][0]["cells"][0]["state"], "done");
}

/// Asks for the bytes of an artifact by its digest, whether or not its input names it.
fn grabber(digest: &str, bytes: usize) -> Guest {
    let data = format!(
        r#"(data (i32.const 4096) "{digest}")
           (data (i32.const 4200) "text/plain")
           (data (i32.const 4300) "{{\"read\":true}}")
           (data (i32.const 4400) "artifacts")"#
    );
    let name = "(i32.const 1) (i32.const 4500) (i32.const 8)";
    let perform = format!(
        "(call $get (i32.const 4096) (i32.const {}) (i32.const 4200) (i32.const 10) (i64.const {bytes})
            {name} (i32.const 1200))
         (if (i32.load8_u (i32.const 1200)) (then (return (call $refused (i32.const 4400) (i32.const 9)))))
         (return (call $ok (i32.const 4300) (i32.const 13)))",
        digest.len()
    );
    Guest {
        wants: "artifacts = { reason = \"reads what it is not given\" }",
        imports: r#"(import "bailiwick:agent/artifacts@0.1.0" "get"
            (func $get (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))"#,
        extra: format!("{data}(data (i32.const 4500) \"note.txt\")"),
        ..Guest::new("grabber", &perform)
    }
}

#[test]
fn an_artifact_that_the_input_does_not_name_is_denied_until_it_does() {
    let desk = Desk::new();
    let secret = "what only a granted agent reads";
    let digest = format!("blake3:{}", blake3::hash(secret.as_bytes()));
    let folder = grabber(&digest, secret.len()).build(&desk);
    let operators = format!(
        "[agents.grabber]\ncomponent = {folder:?}\ngrants.artifacts = {{}}\ngrants.assets = [\"notes\"]\n\
         [assets.notes]\nfolder = \"notes\"\n"
    );
    let pipeline = "[step.grab]\nagent = \"grabber\"\ninput = {}\n\
        # The file is in the store of the run, because another step names it.\n\
        [step.honest]\nagent = \"grabber\"\nneeds = [\"grab\"]\ninput = { file = '${assets.notes[\"note.txt\"]}' }\n\
        [output]\ngrab = \"${grab}\"\n";
    let files = [
        (OPERATORS, operators.as_str()),
        ("pipelines/grab.toml", pipeline),
        ("notes/note.txt", secret),
    ];
    let project = Project::of(&desk, &files);
    let run = || desk.run(project.path());
    let reason = format!(
        "the artifact {}… is neither in the input of grabber nor put by this attempt",
        &digest[..19]
    );
    let hint = denial(&desk, run(), "before", "grab", &reason);
    assert_eq!(hint, "name it in the step's `input`: an agent reads what its input names");
    project.change(
        "pipelines/grab.toml",
        "input = {}",
        "input = { file = '${assets.notes[\"note.txt\"]}' }",
    );
    let ended = run().option("run-id", "after").ends(0);
    assert_eq!(ended.json(), json!({"grab": {"read": true}}));
}

#[test]
fn an_import_without_grant_is_refused_at_load() {
    let desk = Desk::new();
    agent("note");
    let project = Project::like(&desk, "03-approval");
    project.change(
        OPERATORS,
        "grants.model = { use = [\"writer\"], calls = 20, tokens = 20_000 }\n",
        "",
    );
    let input = project.path().join("input.json");
    let refused = desk.run(project.path()).option("input", input).ends(2);
    assert!(
        refused.stderr.contains("the component of `note` imports `model`, which is not granted")
    );
    let found = refusals(&desk, &project, &[]);
    let [(message, hint)] = texts(&found)[..] else { panic!("{found:?}") };
    assert_eq!(message, "the component of `note` imports `model`, which is not granted");
    assert!(hint.starts_with("under [agents.note]: grants.model = { use = ["), "{hint}");
}

#[test]
fn a_grant_above_the_ceiling_is_refused_by_check() {
    let desk = Desk::new();
    let project = Project::like(&desk, "02-fan-out");
    ["topics", "note", "check", "digest"].iter().for_each(|name| drop(agent(name)));
    let policy = desk
        .file("policy.toml", "[ceiling.\"local/*\"]\nmodel = { calls = 50, tokens = 2_000_000 }\n");
    let policy = policy.to_str().unwrap();
    let found = refusals(&desk, &project, &[("policy", policy)]);
    let hint = "[ceiling.\"local/*\"] in policy.toml says so; lower the grant or ask the admin";
    assert!(found.iter().all(|found| found["hint"] == hint), "{found:?}");
    let handbook = project.path().join("handbook");
    let above = [
        "`note` is granted more than the ceiling: grants.model.calls is 60; the ceiling: 50"
            .to_owned(),
        "`note` is granted more than the ceiling: limits.wall is 10 min; the ceiling: 2 min"
            .to_owned(),
        format!(
            "`topics` is granted more than the ceiling: grants.knowledge handbook is {}; the ceiling: not allowed",
            handbook.display()
        ),
    ];
    assert_eq!(texts(&found).into_iter().map(|(message, _)| message).collect::<Vec<_>>(), above);
    let place = |found: &Value| (found["place"]["file"].clone(), found["place"]["line"].clone());
    assert_eq!(place(&found[0]), (json!(OPERATORS), json!(7)));
    assert_eq!(place(&found[1]), (json!(OPERATORS), json!(8)));
    project.change(OPERATORS, "calls = 60", "calls = 50");
    project.change(OPERATORS, "10 min", "2 min");
    project.change(OPERATORS, "grants.knowledge = [\"handbook\"]\n", "");
    let lowered = refusals(&desk, &project, &[("policy", policy)]);
    let [(message, _)] = texts(&lowered)[..] else { panic!("{lowered:?}") };
    assert_eq!(message, "the component of `topics` imports `knowledge`, which is not granted");
}
