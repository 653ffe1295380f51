//! The real binary, command by command: what scripts rely on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{ASKS, Does, Guest, ONE, World, given, told};

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[test]
fn a_run_gives_its_output_and_can_be_looked_at() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"a\\u202eb\"}"), ONE);
    let run = world.run(["run", "--run-id", "r1"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));
    assert_eq!(given(&run), "{\n  \"result\": {\n    \"text\": \"a\\u202eb\"\n  }\n}\n");
    assert!(told(&run).contains("run r1 is done"), "{}", told(&run));

    let listed = lines(&given(&world.run(["runs", "--json"])));
    assert_eq!(listed.len(), 1);
    for (key, value) in [("run", "r1"), ("pipeline", "main"), ("state", "done")] {
        assert_eq!(listed[0][key], value);
    }
    assert!(given(&world.run(["runs"])).starts_with("r1 "));

    let shown = given(&world.run(["show", "r1"]));
    assert!(shown.contains("one, agent one\n  - done"), "{shown}");
    let shown = lines(&given(&world.run(["show", "r1", "--json"])));
    assert_eq!(shown[0]["steps"][0]["cells"][0]["state"], "done");
    let cell = given(&world.run(["show", "r1", "--cell", "one"]));
    assert!(cell.contains("attempt one/-/0/1") && cell.contains("log info: hello"), "{cell}");
    assert!(cell.contains("a\\u202eb"), "{cell}");
    let cell = lines(&given(&world.run(["show", "r1", "--cell", "one/-", "--json"])));
    assert_eq!(cell[0]["attempts"][0]["output"]["text"], "a\u{202e}b");

    let logs = given(&world.run(["logs", "r1", "--step", "one"]));
    assert!(logs.trim_end().ends_with("one/-/0/1 info  hello"), "{logs}");
    for (arguments, code) in [
        (vec!["logs", "r1", "--step", "two"], "E134"),
        (vec!["show", "r2"], "E134"),
        (vec!["show", "r1", "--cell", "one/x=1"], "E134"),
        (vec!["show", "../r1"], "E126"),
    ] {
        let missing = world.run(&arguments);
        assert_eq!(missing.status.code(), Some(2), "{arguments:?}");
        assert!(told(&missing).contains(code), "{}", told(&missing));
    }
}

#[test]
fn events_are_json_and_nothing_else_is_on_standard_output() {
    let world = World::new();
    world.project(&Guest::answers("[1]"), ONE);
    let run = world.run(["run", "main", "--json"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));
    let events = lines(&given(&run));
    let names: Vec<_> = events.iter().map(|event| event["fact"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "RunStarted",
            "StepLaidOut",
            "CellStarted",
            "Logged",
            "CellFinished",
            "Released",
            "RunEnded"
        ]
    );
    assert!(events.iter().all(|event| event["at"].is_u64()));
    assert_eq!(events.last().unwrap()["output"]["value"]["result"][0], 1);
}

#[test]
fn out_is_where_the_gallery_is() {
    let world = World::new();
    world.project(&Guest::answers("[1]"), ONE);
    let run = world.run(["run", "--out", "out"]);
    assert_eq!(
        (run.status.code(), given(&run).as_str()),
        (Some(0), "out/index.html\n"),
        "{}",
        told(&run)
    );
    assert_eq!(
        std::fs::read_to_string(world.root().join("out/result.json")).unwrap(),
        "[\n  1\n]\n"
    );
    world.write("mine/letter.txt", "dear");
    let before = world.files();
    let run = world.run(["run", "--out", "mine"]);
    assert_eq!(run.status.code(), Some(2), "{}", told(&run));
    assert!(told(&run).contains("E132"), "{}", told(&run));
    assert_eq!(world.files(), before);
}

#[test]
fn a_failed_run_says_why_and_exits_1() {
    let world = World::new();
    world.project(&Guest::does(Does::Traps), ONE);
    let run = world.run(["run"]);
    assert_eq!(run.status.code(), Some(1), "{}", told(&run));
    assert_eq!(given(&run), "");
    assert!(told(&run).contains("one/- failed: trap"), "{}", told(&run));
}

#[test]
fn whoever_waits_for_people_gets_the_command_that_goes_on() {
    let world = World::new();
    world.project(&Guest::answers("{\"text\":\"x\"}"), ASKS);
    let run = world.run(["run", "main", "--run-id", "r1"]);
    assert_eq!(run.status.code(), Some(3), "{}", told(&run));
    assert_eq!(given(&run), "");
    let told_it = told(&run);
    assert!(told_it.contains("bailiwick approvals r1"), "{told_it}");
    assert!(told_it.contains("nothing that is done is done again"), "{told_it}");
    let hint = told_it.lines().find(|line| line.contains("--decisions")).unwrap();
    let rules: String = told_it
        .lines()
        .skip_while(|line| *line != "[[decide]]")
        .take_while(|line| !line.starts_with("then"))
        .map(|line| format!("{line}\n"))
        .collect();
    world.write("decisions.toml", rules);
    assert_eq!(lines(&given(&world.run(["runs", "--json"])))[0]["state"], "waiting");
    // The hint is a command line; its words are typed as a shell would give them.
    let words: Vec<_> = hint.split_whitespace().skip(1).collect();
    assert_eq!(words[..2], ["resume", "r1"], "{hint}");
    let again = world.run(&words);
    assert_eq!(again.status.code(), Some(0), "{}", told(&again));
}

/// Starts a run whose agent never ends, and waits until it does so.
fn endless(world: &World) -> (Child, BufReader<std::process::ChildStdout>) {
    world.agent("one", &Guest::does(Does::Loops));
    world.write("bailiwick.toml", "[agents.one]\ncomponent = \"agents/one\"\nlimits = { cpu = \"1 min\", wall = \"10 min\" }\n");
    world.write("pipelines/main.toml", ONE);
    let mut command = world.command(["run", "--json", "--run-id", "r1"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("CellStarted") {
        line.clear();
        assert!(events.read_line(&mut line).unwrap() > 0, "the run ended");
    }
    (child, events)
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[test]
fn ctrl_c_twice_stops_at_once_and_says_how_to_go_on() {
    let world = World::new();
    let (mut child, mut events) = endless(&world);

    // Meanwhile nobody else may write there, and reading goes on.
    let second = world.run(["run"]);
    assert_eq!(second.status.code(), Some(2), "{}", told(&second));
    assert!(told(&second).contains("E130"), "{}", told(&second));
    assert_eq!(lines(&given(&world.run(["runs", "--json"])))[0]["state"], "running");

    let mut talk = BufReader::new(child.stderr.take().unwrap());
    interrupt(&child);
    let mut said = String::new();
    while !said.contains("once more") {
        assert!(talk.read_line(&mut said).unwrap() > 0, "{said}");
    }
    interrupt(&child);
    talk.read_to_string(&mut said).unwrap();
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert_eq!(lines(&rest).last().unwrap()["end"], "interrupted");
    assert!(said.contains("to go on where it was:\n  bailiwick resume r1"), "{said}");
    assert_eq!(lines(&given(&world.run(["runs", "--json"])))[0]["state"], "interrupted");
}

#[test]
fn a_reader_that_went_away_ends_it_quietly() {
    let world = World::new();
    world.project(&Guest::answers("[1]"), ONE);
    for (arguments, code) in
        [(vec!["schema"], 0), (vec!["run"], 0), (vec!["run", "--json"], 0), (vec!["check"], 0)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = world.command(&arguments).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}: {}", told(&ended));
        assert!(
            !told(&ended).contains("panicked") && !told(&ended).contains("error:"),
            "{}",
            told(&ended)
        );
    }
}

#[test]
fn what_agents_wrote_cannot_repaint_the_screen() {
    let world = World::new();
    let guest = Guest { log: "\u{1b}[2J\u{202e}!".into(), ..Guest::answers("1") };
    world.project(&guest, ONE);
    let run = world.run(["run", "--run-id", "r1"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));
    for arguments in [vec!["logs", "r1"], vec!["show", "r1", "--cell", "one"]] {
        let shown = given(&world.run(&arguments));
        assert!(shown.contains("\\u{1b}[2J\\u{202e}!"), "{shown}");
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
    }
}

#[test]
fn build_inspect_and_check_say_what_an_agent_may_do() {
    let world = World::new();
    world.project(&Guest::answers("[1]"), ONE);
    let inspected = given(&world.run(["inspect", "agents/one"]));
    assert!(
        inspected.contains("bailiwick:agent/log@0.1.0") && inspected.contains("fixture 1.0.0"),
        "{inspected}"
    );
    let inspected =
        lines(&given(&world.run(["inspect", "agents/one/dist/fixture.wasm", "--json"])));
    assert_eq!(inspected[0]["profile"]["name"], "fixture");
    let checked = world.run(["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", told(&checked));
    let text = given(&checked);
    for part in [
        "policy: the built-in one; it advises",
        "agent one: local/fixture 1.0.0",
        "effective",
        "pipeline main",
        "1 attempt",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    world.write(
        "bailiwick.toml",
        "[agents.one]\ncomponent = \"agents/one\"\ngrant = 1\nlimit = 2\n",
    );
    let checked = world.run(["check", "--json"]);
    assert_eq!(checked.status.code(), Some(2));
    let found = lines(&given(&checked));
    assert_eq!(
        (found.len(), &found[1]["code"], &found[1]["place"]["line"]),
        (2, &"E002".into(), &4.into())
    );
    world.write("bailiwick.toml", "[agents.one]\ncomponent = \"agents/one\"\n");
    world.write("own.toml", "[people.me]\nuid = 0\ngroups = [\"editors\"]\nmay = [\"approve\"]\n");
    let checked = world.run(["check", "--policy", "own.toml"]);
    assert!(given(&checked).contains("own.toml; it advises"), "{}", given(&checked));
}

#[test]
fn small_commands_give_what_they_name() {
    let world = World::new();
    for file in ["pipeline", "project", "policy", "decisions"] {
        let schema: Value = serde_json::from_str(&given(&world.run(["schema", file]))).unwrap();
        assert!(schema.is_object(), "{file}");
    }
    assert!(given(&world.run(["explain", "e031"])).starts_with("E031: "));
    assert_eq!(world.run(["explain", "E999"]).status.code(), Some(2));
    for shell in ["bash", "zsh", "fish"] {
        let script = given(&world.run(["completions", shell]));
        assert!(script.contains("bailiwick") && !script.contains("__compile"), "{shell}");
    }
    let doctor = given(&world.run(["doctor"]));
    for subject in
        ["toolchain", "engine", "serving", "compiling", "data", "disk", "policy", "paths"]
    {
        assert!(doctor.contains(subject), "{doctor}");
    }
    assert!(given(&world.run(["runs", "--data", "nowhere", "--json"])).is_empty());
    let made = world.run(["init", "new"]);
    assert_eq!(made.status.code(), Some(0), "{}", told(&made));
    assert_eq!(world.run(["init", "new"]).status.code(), Some(2), "what is there stays");
}
