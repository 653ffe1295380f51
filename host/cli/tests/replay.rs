//! `bailiwick replay`, end to end: what was done is done again on its record alone, and what is not the same is shown.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::path::{Path, PathBuf};

use end_to_end::guest::Guest;
use end_to_end::journal::Journal;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, agent, example, folder};

fn replay(desk: &Desk, run: &str) -> Call {
    desk.bailiwick(["replay", run]).option("data", desk.data())
}

/// A run of an example with this id.
fn run(desk: &Desk, name: &str, input: &str) -> Call {
    let project = example(name);
    let input = project.join(input);
    desk.run(&project).option("input", input).option("run-id", "then")
}

#[test]
fn every_example_replays_equal() {
    for (name, input) in [
        ("01-hello", "input.json"),
        ("02-fan-out", "input.json"),
        ("03-approval", "input.json"),
        ("10-campaign", "brief.json"),
    ] {
        let desk = Desk::new();
        let call = run(&desk, name, input);
        match example(name).join("decisions.toml") {
            decisions if decisions.exists() => call.option("decisions", decisions).ends(0),
            _ => call.ends(0),
        };
        let ended = Journal::of(&desk, "then");
        let attempts = ended.count("CellFinished") + ended.count("AttemptFailed");
        let said = replay(&desk, "then").word("--json").ends(0).json();
        assert_eq!(said["equal"], attempts, "{name}: {said}");
        assert_eq!(said["attempts"].as_array().unwrap().len(), attempts, "{name}");
    }
}

#[test]
fn an_attempt_that_was_resumed_replays_equal_and_nothing_is_written() {
    let desk = Desk::new();
    run(&desk, "02-fan-out", "input.json").option("inject", "crash-after=CallAnswered:4").dies();
    let resumed = desk.bailiwick(["resume", "then"]).option("project", example("02-fan-out"));
    resumed.option("data", desk.data()).ends(0);
    assert!(Journal::of(&desk, "then").count("AttemptContinued") > 0);
    let before = kept(&desk.data());
    let said = replay(&desk, "then").ends(0).stdout;
    assert!(said.contains("15 attempts of run then replayed: 15 equal"), "{said}");
    assert_eq!(before, kept(&desk.data()), "a replay writes nothing");
}

/// The files of a data folder, without those that SQLite keeps for readers.
fn kept(data: &Path) -> Vec<(String, Vec<u8>)> {
    let all = folder::files(data).into_iter();
    all.filter(|(name, _)| !name.ends_with("-shm") && !name.ends_with("-wal")).collect()
}

#[test]
fn a_part_of_a_run_replays_by_step_and_cell() {
    let desk = Desk::new();
    run(&desk, "02-fan-out", "input.json").ends(0);
    let of_step = replay(&desk, "then").option("step", "digest").word("--json").ends(0).json();
    assert_eq!(of_step["equal"], 2, "{of_step}");
    let cell = of_step["attempts"][0]["attempt"].as_str().unwrap().split('/').nth(1).unwrap();
    let of_cell = replay(&desk, "then").option("step", "digest").option("cell", cell);
    assert_eq!(of_cell.word("--json").ends(0).json()["equal"], 1);
    replay(&desk, "then").option("step", "nothing").ends(2);
    let none = replay(&desk, "then").option("step", "digest").option("cell", "reader=nobody");
    assert!(none.ends(2).stderr.contains("E144"));
    let people = replay(&desk, "then").option("with", "x.wasm").ends(2);
    assert!(people.stderr.contains("--step"), "{}", people.stderr);
}

/// An agent that searches the handbook for these words, one after the other, and answers this.
fn searcher(desk: &Desk, name: &'static str, queries: &[&str], answer: &str) -> PathBuf {
    let mut extra =
        format!("(data (i32.const 4096) \"handbook\")(data (i32.const 4600) {answer:?})");
    let mut perform = String::new();
    for (index, query) in queries.iter().enumerate() {
        let at = 4200 + index * 50;
        extra.push_str(&format!("(data (i32.const {at}) {query:?})"));
        perform.push_str(&format!(
            "(call $search (i32.const 4096) (i32.const 8) (i32.const {at}) (i32.const {}) (i32.const 1) (i32.const 1200))\n",
            query.len()
        ));
    }
    perform.push_str(&format!("(return (call $ok (i32.const 4600) (i32.const {})))", answer.len()));
    let guest = Guest {
        wants: "knowledge = { use = [\"handbook\"], reason = \"reads it\" }",
        imports: r#"(import "bailiwick:agent/knowledge@0.1.0" "search"
            (func $search (param i32 i32 i32 i32 i32 i32)))"#,
        extra,
        ..Guest::new(name, &perform)
    };
    guest.build(desk)
}

/// A run of one agent that searched for bees, and then for wasps.
fn searched(desk: &Desk) -> Project {
    let own = searcher(desk, "own", &["bees", "wasps"], r#"{"found":1}"#);
    let operators = format!(
        "[agents.own]\ncomponent = {own:?}\ngrants.knowledge = [\"handbook\"]\n\
         [knowledge.handbook]\nfolder = \"handbook\"\n"
    );
    let project = Project::of(
        desk,
        &[
            (OPERATORS, operators.as_str()),
            (
                "pipelines/one.toml",
                "[step.one]\nagent = \"own\"\ninput = {}\n[output]\none = \"${one}\"\n",
            ),
            ("handbook/bees.md", "# Bees\n\nBees make honey. Wasps do not.\n"),
        ],
    );
    desk.run(project.path()).option("run-id", "then").ends(0);
    project
}

fn with(desk: &Desk, component: &Path) -> Call {
    replay(desk, "then").option("step", "one").option("with", component)
}

#[test]
fn another_component_is_compared_call_by_call() {
    let desk = Desk::new();
    let project = searched(&desk);
    // The agent of today is another one, or none at all: a replay runs on that of then.
    std::fs::remove_dir_all(desk.path("own")).unwrap();
    std::fs::remove_dir_all(project.path()).unwrap();
    replay(&desk, "then").ends(0);

    let same = searcher(&desk, "same", &["bees", "wasps"], r#"{"found":1}"#);
    with(&desk, &same).ends(0);

    let other = searcher(&desk, "other", &["bees", "wasps"], r#"{"found":2}"#);
    let said = with(&desk, &other).ends(5).stdout;
    for line in ["different one/-/0/1", "  /found", "then 1", "now  2", "0 equal, 1 different"] {
        assert!(said.contains(line), "{line}: {said}");
    }

    let strays = searcher(&desk, "strays", &["bees", "hornets"], r#"{"found":1}"#);
    let said = with(&desk, &strays).ends(6).stdout;
    for line in [
        "diverged one/-/0/1",
        "call 1: asked knowledge then, knowledge now",
        "  /search/query",
        "then \"wasps\"",
        "now  \"hornets\"",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }

    let goes_on = searcher(&desk, "goes_on", &["bees", "wasps", "ants"], r#"{"found":1}"#);
    let said = with(&desk, &goes_on).word("--json").ends(6).json();
    let call = &said["attempts"][0]["call"];
    assert_eq!((&call["index"], &call["was"]), (&2.into(), &serde_json::Value::Null), "{said}");
    assert_eq!(call["is"]["request"]["search"]["query"], "ants");

    let stops = searcher(&desk, "stops", &["bees"], r#"{"found":1}"#);
    let said = with(&desk, &stops).ends(6).stdout;
    assert!(said.contains("call 1: asked knowledge then, ended without it now"), "{said}");
}

#[test]
fn a_component_that_wants_more_than_was_granted_is_not_begun() {
    let desk = Desk::new();
    searched(&desk);
    let refused = with(&desk, &agent("note")).ends(2);
    assert!(refused.stderr.contains("E114"), "{}", refused.stderr);
}

#[test]
fn what_a_limit_ended_is_compared_up_to_there() {
    let desk = Desk::new();
    let loops = Guest::new("loops", "(loop $on (br $on))").build(&desk);
    let operators =
        format!("[agents.loops]\ncomponent = {loops:?}\nlimits = {{ cpu = \"100 ms\" }}\n");
    let pipeline = "[step.one]\nagent = \"loops\"\ninput = {}\non-failure = { tolerate = \"100%\" }\n[output]\none = \"${one}\"\n";
    let project =
        Project::of(&desk, &[(OPERATORS, operators.as_str()), ("pipelines/one.toml", pipeline)]);
    desk.run(project.path()).option("run-id", "then").ends_with_one_of(&[0, 1]);
    let said = replay(&desk, "then").word("--json").ends(0).json();
    let until = said["attempts"][0]["until"].as_str().unwrap();
    assert!(until.starts_with("limit:cpu"), "{said}");
}

#[test]
fn a_failure_of_the_agent_itself_is_compared_to_its_words() {
    let desk = Desk::new();
    let shaky = Guest::new("shaky", "").build(&desk);
    let operators = format!("[agents.shaky]\ncomponent = {shaky:?}\n");
    let pipeline = "[step.one]\nagent = \"shaky\"\ninput = {}\nretry = { attempts = 2, backoff = \"1 ms\" }\non-failure = { tolerate = \"100%\" }\n[output]\none = \"${one}\"\n";
    let project =
        Project::of(&desk, &[(OPERATORS, operators.as_str()), ("pipelines/one.toml", pipeline)]);
    desk.run(project.path()).option("run-id", "then").ends_with_one_of(&[0, 1]);
    assert_eq!(replay(&desk, "then").word("--json").ends(0).json()["equal"], 2);
    let well = Guest {
        extra: "(data (i32.const 4096) \"{}\")".into(),
        ..Guest::new("well", "(return (call $ok (i32.const 4096) (i32.const 2)))")
    };
    let said = with(&desk, &well.build(&desk)).ends(5).stdout;
    assert!(said.contains("then trap: the agent gave up") && said.contains("now  {}"), "{said}");
}
