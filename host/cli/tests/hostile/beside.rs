//! Agents that would take the host with them: each is ended at its limit, and the steps beside it do not notice.

use crate::end_to_end::facts::Facts;
use crate::end_to_end::guest::Guest;
use crate::end_to_end::project::{OPERATORS, Project};
use crate::end_to_end::{Desk, agent};
use serde_json::json;

/// What an agent that loops may burn. The others keep the default: where a machine of
/// which others have a share counts its absence as CPU time, 100 ms end any of them.
const SHORT: &str = "limits = { cpu = \"100 ms\" }";

/// How many cells of each of the two steps there are.
const CELLS: usize = 20;

/// A hostile agent and an honest one are steps of one run, cell by cell. The honest
/// ones are all done; of each hostile one it is said that it is at `limit`. `limits` is
/// the line of the operator for it.
fn beside_an_honest_step(hostile: &Guest, limits: &str, limit: &str) {
    let desk = Desk::new();
    let (hostile, honest) = (hostile.build(&desk), agent("hello"));
    let operators = format!(
        "[agents.hostile]\ncomponent = {hostile:?}\n{limits}\n\
         [agents.hello]\ncomponent = {honest:?}\n"
    );
    let pipeline = "input = { guests = [\"string\"] }\naxes = { guest = \"${input.guests}\" }\n\
        [step.hostile]\nagent = \"hostile\"\nover = [\"guest\"]\ninput = {}\non-failure = { tolerate = \"100%\" }\n\
        [step.honest]\nagent = \"hello\"\nover = [\"guest\"]\ninput = { name = \"${axis.guest}\" }\n\
        [output]\nwelcome = \"${honest}\"\n";
    let guests: Vec<_> = (1..=CELLS).map(|number| format!("guest {number}")).collect();
    let input = json!({ "guests": guests }).to_string();
    let project = Project::of(
        &desk,
        &[
            (OPERATORS, operators.as_str()),
            ("pipelines/both.toml", pipeline),
            ("input.json", input.as_str()),
        ],
    );
    let run = desk.run(project.path()).option("input", project.path().join("input.json"));
    let ended = run.option("run-id", "both").word("--json").ends(0);
    let facts = Facts::new(ended.lines());
    assert_eq!(facts.end()["end"], "done");
    assert_eq!(facts.released_of("honest"), CELLS);
    let welcome = facts.end()["output"]["value"]["welcome"].as_array().unwrap();
    assert!(
        welcome
            .iter()
            .zip(&guests)
            .all(|(cell, guest)| cell["value"]["greeting"] == format!("Hello, {guest}!"))
    );
    let failed: Vec<_> = facts.named("CellFailed").map(|(_, fact)| &fact["failure"]).collect();
    assert_eq!(failed.len(), CELLS, "each hostile cell");
    for failure in failed {
        let message = failure["message"].as_str().unwrap();
        assert_eq!(failure["kind"], "limit", "{message}");
        assert!(message.starts_with(limit), "{message}");
        let (_, figures) = message.split_once(" used ").unwrap();
        assert!(figures.contains(" of "), "used and allowed: {message}");
        assert!(ended.stderr.contains(message), "{message} is not in\n{}", ended.stderr);
        for word in ["trap", "panic", "backtrace"] {
            assert!(!message.contains(word), "{message}");
        }
    }
    // The hostile step was at work while honest cells ended: neither waited for the other.
    let began = |step: &str| {
        facts.started().filter(|(_, cell, _)| cell.step == step).map(|(place, ..)| place).min()
    };
    let last = facts.named("CellFailed").map(|(place, _)| place).max();
    assert!(began("hostile") < facts.released().map(|(place, ..)| place).max());
    assert!(began("honest") < last);
}

#[test]
fn a_step_beside_deep_recursion_goes_on() {
    let deep =
        "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))";
    let guest =
        Guest { extra: deep.into(), ..Guest::new("hostile", "(drop (call $deep (i32.const 1)))") };
    beside_an_honest_step(&guest, "", "limit:stack used ");
}

#[test]
fn a_step_beside_an_endless_loop_goes_on() {
    let guest = Guest::new("hostile", "(loop $forever (br $forever))");
    beside_an_honest_step(&guest, SHORT, "limit:cpu used 100 ms of 100 ms");
}

#[test]
fn a_step_beside_growing_memory_goes_on() {
    let grow = "(loop $grow (br_if $grow (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)";
    beside_an_honest_step(&Guest::new("hostile", grow), "", "limit:memory used ");
}

#[test]
fn a_step_beside_an_output_of_100_mb_goes_on() {
    let huge = "(drop (memory.grow (i32.const 1700))) (return (call $ok (i32.const 0) (i32.const 100000000)))";
    beside_an_honest_step(
        &Guest::new("hostile", huge),
        "",
        "limit:output used more than 8 MiB of 4 MiB",
    );
}
