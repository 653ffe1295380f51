//! An agent that calls another, with the real binary: what it makes, how it is shown, and what is left of it when its host is killed after each of its facts.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::collections::BTreeMap;

use end_to_end::journal::Journal;
use end_to_end::project::{OPERATORS, Project};
use end_to_end::{Call, Desk, agent, example};
use serde_json::{Value, json};

const EXAMPLE: &str = "07-delegate";

fn run(desk: &Desk, id: &str) -> Call {
    for name in ["explain", "fact_finder"] {
        agent(name);
    }
    let project = example(EXAMPLE);
    let input = desk.file("input.json", r#"{ "topics": ["Bees"], "reader": "beginners" }"#);
    desk.run(&project).option("input", input).option("run-id", id)
}

/// The facts of a run by name, in order.
fn facts(desk: &Desk, id: &str) -> Vec<String> {
    let shown = desk.bailiwick(["show", id, "--facts"]).option("data", desk.data());
    let lines = shown.ends(0).lines();
    lines.iter().map(|line| line["fact"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn explanations_rest_on_what_another_agent_found() {
    let desk = Desk::new();
    let output = run(&desk, "bees").ends(0).json();
    let explained = &output["explanations"][0]["value"];
    assert_eq!(explained["sources"], json!(["bees.md"]), "{explained}");
    let cell = desk.cell("bees", "explain/topic=Bees");
    let attempt = &cell["attempts"][0];
    assert_eq!(attempt["agents"][0]["agent"], "fact_finder", "{attempt}");
    assert_eq!(attempt["agents"][0]["path"], "0");
    let calls: Vec<(&str, &str)> = attempt["calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| (call["path"].as_str().unwrap(), call["capability"].as_str().unwrap()))
        .collect();
    assert_eq!(calls, [("0/0", "knowledge"), ("0", "delegate"), ("1", "model")]);
    let replayed = desk.bailiwick(["replay", "bees", "--json"]).option("data", desk.data());
    assert_eq!(replayed.ends(0).json()["equal"], 2, "who was called is compared as well");
    let id = "bees/explain/topic=Bees/0/1/0#0";
    let why = desk.bailiwick(["audit", "explain", id]).option("data", desk.data()).ends(0);
    assert!(why.stdout.contains("[agents.fact_finder], grants.knowledge"), "{}", why.stdout);
}

#[test]
fn a_run_that_is_killed_after_any_fact_of_two_agents_comes_out_the_same() {
    let desk = Desk::new();
    let whole = run(&desk, "whole").ends(0);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (place, fact) in facts(&desk, "whole").into_iter().enumerate() {
        let number = counts.entry(fact.clone()).or_default();
        *number += 1;
        let id = format!("cut{place}");
        let fault = format!("crash-after={fact}:{number}");
        run(&desk, &id).option("inject", &fault).dies();
        if fact == "RunEnded" {
            // Nothing was left to do.
            continue;
        }
        let resume = desk.bailiwick(["resume", &id]).option("project", example(EXAMPLE));
        let resumed = resume.option("data", desk.data()).ends(0);
        assert_eq!(resumed.stdout, whole.stdout, "{fault}");
        let names = facts(&desk, &id);
        let count = |name: &str| names.iter().filter(|one| *one == name).count();
        assert_eq!(count("Delegated"), 1, "{fault}: the other agent began once");
        assert_eq!(count("CallAnswered"), 3, "{fault}: nothing was answered twice");
    }
    assert!(counts.contains_key("Delegated"), "{counts:?}");
}

/// The gate judges a call by the same ceiling as `check`, in a run that begins and in one
/// that goes on.
#[test]
fn a_ceiling_that_names_profiles_lets_those_be_called() {
    let desk = Desk::new();
    let policy = desk.file(
        "policy.toml",
        "labels = { unlabelled = \"public\" }\n[ceiling.\"local/*\"]\nmodel = {}\nknowledge = {}\n\
         delegate = [\"local/fact_finder\"]\nlimits = { wall = \"30 min\" }\n",
    );
    let output = run(&desk, "bees").option("policy", &policy).ends(0).json();
    assert_eq!(output["explanations"][0]["value"]["sources"], json!(["bees.md"]), "{output}");
    run(&desk, "cut")
        .option("policy", &policy)
        .option("inject", "crash-after=CellStarted:1")
        .dies();
    let resume = desk.bailiwick(["resume", "cut"]).option("project", example(EXAMPLE));
    let resumed = resume.option("data", desk.data()).option("policy", &policy).ends(0);
    assert_eq!(resumed.json(), output);
    let project = example(EXAMPLE);
    let tried = desk.bailiwick(["check", "--try", "explain delegate fact_finder"]);
    tried.option("project", &project).option("policy", &policy).ends(0);
    // And a swap is judged so, too: who calls, and who is called.
    let swap = |agent: &str, to: &str| {
        let call = desk
            .bailiwick(["swap", agent])
            .word(end_to_end::agent(to).join(format!("dist/{to}.wasm")));
        call.option("project", &project).option("data", desk.data()).option("policy", &policy)
    };
    swap("explain", "explain").word("--accept").ends(0);
    let stranger = swap("fact_finder", "research").word("--accept").ends(2);
    assert!(stranger.stderr.contains("grants.delegate fact_finder"), "{}", stranger.stderr);
}

/// An attempt that began before another agent was swapped, and called it after: its output
/// was made by the new one, and its beginning names the old one. It is nobody's to use again.
#[test]
fn an_output_that_a_swapped_agent_had_a_part_in_is_not_taken_for_one_of_the_old_one() {
    let desk = Desk::new();
    for name in ["explain", "fact_finder"] {
        agent(name);
    }
    let project = Project::like(&desk, EXAMPLE);
    project.change(OPERATORS, "[models.writer]", "[run]\npin = \"step\"\n\n[models.writer]");
    // A step more, so that a fork has something to do anew.
    let two = "[step.again]\nagent = \"explain\"\nover = [\"topic\"]\nneeds = [\"explain\"]\n\
               input = { topic = \"${axis.topic}\", reader = \"experts\" }\n\n[output]";
    project.change("pipelines/explain.toml", "[output]", two);
    let call = |words: &[&str]| {
        let call = desk.bailiwick(words).option("project", project.path());
        call.option("data", desk.data())
    };
    let input = desk.file("input.json", r#"{ "topics": ["Bees"], "reader": "beginners" }"#);
    let begins = |id: &str| call(&["run", "--run-id", id]).option("input", &input);
    let reused = |of: &str, id: &str| {
        call(&["fork", of, "--from", "again", "--run-id", id]).ends(0);
        let journal = Journal::of(&desk, id);
        let explained = |fact: &&Value| {
            fact["cell"]["step"] == "explain" || fact["attempt"]["cell"]["step"] == "explain"
        };
        journal.named("CellReused").filter(explained).count()
    };
    begins("whole").ends(0);
    assert_eq!(reused("whole", "whole-again"), 1, "nothing has changed");

    // It dies with its cell begun and before its first call. The two may be written together,
    // and are lost together then.
    let mixed = (0..20).map(|number| format!("mixed-{number}")).find(|id| {
        begins(id).option("inject", "crash-before=Delegated:1").dies();
        Journal::of(&desk, id).named("CellStarted").next().is_some()
    });
    let mixed = mixed.unwrap();
    let own = std::fs::read(agent("fact_finder").join("dist/fact_finder.wasm")).unwrap();
    let other = desk.path("other.wasm");
    std::fs::write(&other, [&own[..], b"\x00\x02\x01x"].concat()).unwrap();
    call(&["swap", "fact_finder"]).word(&other).ends(0);
    call(&["resume", &mixed]).ends(0);
    let journal = Journal::of(&desk, &mixed);
    let called = journal.named("Delegated").next().unwrap()["component"].clone();
    assert_eq!(called, format!("blake3:{}", blake3::hash(&std::fs::read(&other).unwrap())));

    // The old one serves again: what the cell began with is what it would begin with now.
    call(&["swap", "fact_finder", "--rollback"]).ends(0);
    let content = |id: &str| journal_of_explain(&desk, id)["content"].clone();
    assert_eq!(content(&mixed), content("whole"));
    assert_eq!(reused(&mixed, "mixed-again"), 0, "what another agent made");
    assert_eq!(reused("whole", "whole-once-more"), 1);
}

/// How the first cell of `explain` began.
fn journal_of_explain(desk: &Desk, run: &str) -> Value {
    let journal = Journal::of(desk, run);
    let mut began = journal.named("CellStarted");
    began.find(|fact| fact["attempt"]["cell"]["step"] == "explain").unwrap().clone()
}

#[test]
fn check_says_who_may_call_whom_and_refuses_what_policy_does_not_allow() {
    let desk = Desk::new();
    run(&desk, "ready").ends(0);
    let project = example(EXAMPLE);
    let checked = desk.bailiwick(["check"]).option("project", &project).ends(0);
    let told = format!("{}{}", checked.stdout, checked.stderr);
    assert!(told.contains("delegate") && told.contains("fact_finder"), "{told}");
    let policy = |delegate: &str| {
        desk.file(
            "policy.toml",
            &format!(
                "labels = {{ unlabelled = \"public\" }}\n[ceiling.\"local/*\"]\nmodel = {{}}\n\
                 knowledge = {{}}\n{delegate}\nlimits = {{ wall = \"30 min\" }}\n"
            ),
        )
    };
    let check = |delegate: &str| {
        let call = desk.bailiwick(["check"]).option("project", &project);
        call.option("policy", policy(delegate))
    };
    check("delegate = [\"local/fact_finder\"]").ends(0);
    check("delegate = true").ends(0);
    for refused in ["", "delegate = false", "delegate = [\"local/other\"]"] {
        let ended = check(refused).ends(2);
        assert!(
            ended.stderr.contains("grants.delegate fact_finder"),
            "{refused}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_graph_of_calls_without_an_end_is_refused_before_anything_runs() {
    let desk = Desk::new();
    let finder = agent("fact_finder");
    let shown = finder.display();
    let project = desk.path("circle");
    std::fs::create_dir_all(project.join("pipelines")).unwrap();
    let agents = format!(
        "[agents.a]\ncomponent = \"{shown}\"\ngrants.knowledge = [\"facts\"]\ngrants.delegate = [\"b\"]\n\
         [agents.b]\ncomponent = \"{shown}\"\ngrants.knowledge = [\"facts\"]\ngrants.delegate = [\"a\"]\n\
         [knowledge.facts]\nfolder = \"facts\"\n"
    );
    std::fs::create_dir_all(project.join("facts")).unwrap();
    std::fs::write(project.join("bailiwick.toml"), agents).unwrap();
    let step = "[step.a]\nagent = \"a\"\ninput = { question = \"x\" }\n[output]\na = \"${a}\"\n";
    std::fs::write(project.join("pipelines/p.toml"), step).unwrap();
    let ended = desk.run(&project).ends(2);
    assert!(
        ended.stderr.contains("E035") && ended.stderr.contains("calls itself"),
        "{}",
        ended.stderr
    );
}
