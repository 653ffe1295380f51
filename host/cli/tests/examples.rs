//! The small examples run as their READMEs say, print what they always print, and say how to go on where people are waited for.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use end_to_end::{Call, Desk, agent, example, folder, readme};
use expect_test::expect_file;
use serde_json::json;

/// A run of an example on its input, with this id.
fn run(desk: &Desk, name: &str, agents: &[&str], id: &str) -> Call {
    agents.iter().for_each(|name| drop(agent(name)));
    let project = example(name);
    desk.run(&project).option("input", project.join("input.json")).option("run-id", id)
}

#[test]
fn hello_greets() {
    let desk = Desk::new();
    let ended = run(&desk, "01-hello", &["hello"], "hello").ends(0);
    expect_file!["end_to_end/expected/01-hello.json"].assert_eq(&ended.stdout);
    assert!(ended.stderr.contains("run hello is done"), "{}", ended.stderr);
}

#[test]
fn fan_out_makes_a_page_for_each_reader() {
    let desk = Desk::new();
    let agents = ["topics", "note", "check", "digest"];
    let ended = run(&desk, "02-fan-out", &agents, "pages").ends(0);
    expect_file!["end_to_end/expected/02-fan-out.json"].assert_eq(&ended.stdout);
    let pages = &ended.json()["digest"];
    assert_eq!(pages.as_array().map(Vec::len), Some(2));
    assert!(
        pages.as_array().unwrap().iter().all(|page| page["value"]["count"] == json!(3)),
        "{pages}"
    );
}

#[test]
fn memory_writes_about_nothing_twice() {
    let desk = Desk::new();
    let output = |id: &str| {
        let ended = run(&desk, "06-memory", &["remember", "note"], id).ends(0);
        serde_json::from_str::<serde_json::Value>(&ended.stdout).unwrap()
    };
    let (first, second) = (output("first"), output("second"));
    assert_eq!(first["notes"].as_array().unwrap().len(), 3);
    assert_eq!(second["notes"], json!([]));
    let seen = second["seen"].as_array().unwrap();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|cell| cell["value"]["known"][0]["times"] == 2), "{seen:?}");
}

#[test]
fn approval_ends_with_what_people_let_pass() {
    let desk = Desk::new();
    let decisions = example("03-approval").join("decisions.toml");
    let ended =
        run(&desk, "03-approval", &["note"], "approved").option("decisions", decisions).ends(0);
    expect_file!["end_to_end/expected/03-approval.json"].assert_eq(&ended.stdout);
    let told = desk.told("approved");
    for line in [
        "round 0 editor: reject by uid:",
        ": Shorter, please.",
        "round 0 editor: edit by uid:",
        "round 1 editor: approve by uid:",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    // The edited note was written once: an edit runs no agent.
    let edited = desk.cell("approved", "note/topic=Saving%20seeds");
    assert_eq!(edited["attempts"].as_array().map(Vec::len), Some(1), "{edited}");
    let rejected = desk.cell("approved", "note/topic=Composting%20on%20a%20balcony");
    assert_eq!(rejected["attempts"].as_array().map(Vec::len), Some(2), "{rejected}");
    assert_eq!(rejected["attempts"][1]["input"]["feedback"][0]["by"], "editor", "{rejected}");
}

#[test]
fn approval_waits_for_people_and_says_how_to_go_on() {
    let desk = Desk::new();
    let ended = run(&desk, "03-approval", &["note"], "asking").ends(3);
    assert_eq!(ended.stdout, "", "a run that waits has no result");
    let data = desk.data();
    let runs = desk.bailiwick(["runs", "--json"]).option("data", &data).ends(0).lines();
    assert_eq!(runs.len(), 1);
    assert_eq!((&runs[0]["run"], &runs[0]["pipeline"]), (&json!("asking"), &json!("approval")));
    assert_eq!(runs[0]["state"], "waiting");
    assert_eq!(desk.shown("asking")["open"].as_array().map(Vec::len), Some(3));
    let mut lines = ended.stderr.lines().rev();
    let command = lines.next().unwrap();
    assert_eq!(
        lines.next(),
        Some("then type this; nothing that is done is done again:"),
        "{}",
        ended.stderr
    );
    assert!(command.trim().starts_with("bailiwick resume asking --project "), "{command}");
    assert!(command.ends_with("--decisions decisions.toml"), "{command}");
    // The rules that it prints, put into a file, are what it waits for.
    let rules = ended
        .stderr
        .split_once("as you decide:\n")
        .unwrap()
        .1
        .split_once("then type this")
        .unwrap()
        .0;
    let file = desk.file("decisions.toml", rules);
    let words =
        command.trim().strip_prefix("bailiwick ").unwrap().strip_suffix("decisions.toml").unwrap();
    desk.bailiwick(words.split_whitespace()).word(file).ends(0);
}

#[test]
fn a_question_that_no_rule_answers_is_left_open() {
    let desk = Desk::new();
    let rules = std::fs::read_to_string(example("03-approval").join("decisions.toml")).unwrap();
    let (all_but_the_last, _) = rules.rsplit_once("[[decide]]").unwrap();
    let file = desk.file("decisions.toml", all_but_the_last);
    run(&desk, "03-approval", &["note"], "partly").option("decisions", file).ends(3);
    let shown = desk.shown("partly");
    assert_eq!(shown["state"], "waiting");
    let open = shown["open"].to_string();
    for ask in ["Composting%20on%20a%20balcony/1", "Saving%20seeds/1", "Pruning%20roses/0"] {
        assert!(open.contains(&format!("partly/editor/topic={ask}")), "{open}");
    }
}

#[test]
fn readmes_show_what_is_printed() {
    for (name, agents, codes) in [
        ("01-hello", &["hello"][..], &[0][..]),
        ("02-fan-out", &["topics", "note", "check", "digest"], &[0]),
        ("03-approval", &["note"], &[3, 0]),
    ] {
        agents.iter().for_each(|name| drop(agent(name)));
        let calls = readme::calls(&example(name));
        assert_eq!(calls.len(), codes.len(), "the calls that {name}/README.md shows");
        for (call, code) in calls.into_iter().zip(codes) {
            let desk = Desk::new();
            let ended = desk.bailiwick(&call.words).option("data", desk.data()).ends(*code);
            if !call.output.is_empty() {
                assert_eq!(ended.stdout.trim(), call.output.trim(), "{name}/README.md");
            }
        }
    }
}

#[test]
fn the_page_in_the_readme_of_fan_out_is_the_beginning_of_one_that_is_made() {
    let desk = Desk::new();
    let ended = run(&desk, "02-fan-out", &["topics", "note", "check", "digest"], "pages").ends(0);
    let page = readme::blocks(&example("02-fan-out"))
        .into_iter()
        .find(|block| block.starts_with("# "))
        .unwrap();
    let beginning = page.trim().strip_suffix('…').unwrap().trim();
    let made = ended.json()["digest"][0]["value"]["page"].as_str().unwrap().to_owned();
    assert!(
        made.starts_with(beginning),
        "the README shows\n{beginning}\nand this is made:\n{made}"
    );
}

#[test]
fn the_same_run_twice_is_the_same_bytes() {
    for (name, agents) in [
        ("01-hello", &["hello"][..]),
        ("02-fan-out", &["topics", "note", "check", "digest"]),
        ("03-approval", &["note"]),
    ] {
        let again = |out: bool| {
            let desk = Desk::new();
            let mut call = run(&desk, name, agents, "same");
            let decisions = example(name).join("decisions.toml");
            if decisions.is_file() {
                call = call.option("decisions", decisions);
            }
            if out {
                call = call.option("out", desk.out());
            }
            let printed = call.ends(0).stdout;
            (desk, printed)
        };
        assert_eq!(again(false).1, again(false).1, "{name}");
        let ((one, _), (other, _)) = (again(true), again(true));
        folder::assert_equal(&one.out(), &other.out());
    }
}
