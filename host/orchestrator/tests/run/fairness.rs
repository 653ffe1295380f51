//! Bounds and turns: never more than allowed at a time, no step starved by another.

use std::sync::Arc;

use bailiwick_core::fact::Fact;
use serde_json::json;

use crate::house::{House, Table, slowly, usual};

/// Three steps of ten cells each; only the first is bounded by itself.
const THREE_STEPS: &str = r#"
[axes]
n = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

[step.first]
agent = "work"
over  = ["n"]
concurrency = 2

[step.second]
agent = "work"
over  = ["n"]

[step.third]
agent = "work"
over  = ["n"]
"#;

fn starts(facts: &[Fact]) -> Vec<String> {
    let of = |fact: &Fact| match fact {
        Fact::CellStarted { attempt, .. } => Some(attempt.cell.step.to_string()),
        _ => None,
    };
    facts.iter().filter_map(of).collect()
}

/// Waits a few turns of the scheduler, so that attempts overlap.
async fn a_while() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn bounds_are_reached_and_kept() {
    let house = House::of(THREE_STEPS).at_a_time(7);
    let seen = Arc::clone(&house.seen);
    let house = house.agents(slowly(move |_| {
        let seen = Arc::clone(&seen);
        async move {
            // The first seven end when all seven have begun.
            seen.until(7, |fact| matches!(fact, Fact::CellStarted { .. })).await;
            a_while().await;
            Ok(json!(1))
        }
    }));
    house.run().await;
    assert_eq!(house.runner.gauge.most(""), 7);
    assert_eq!(house.runner.gauge.most("first"), 2);
}

#[tokio::test]
async fn steps_take_turns() {
    // Nothing starts before all three have their cells: one place, held by a step of its own.
    let gated = format!(
        "[step.gate]\nagent = \"work\"\n{}",
        THREE_STEPS.replace("over  = [\"n\"]", "over  = [\"n\"]\nneeds = [\"gate\"]")
    );
    // Axes stand before steps in the file.
    let axes = "[axes]\nn = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n";
    let gated = format!("{axes}{}", gated.replace(axes, ""));
    let house = House::of(&gated).at_a_time(1);
    let plan = Arc::clone(&house.plan);
    let laid_out = Arc::clone(&house.seen);
    let house = house.agents(slowly(move |job| {
        let (plan, seen) = (Arc::clone(&plan), Arc::clone(&laid_out));
        async move {
            if job.attempt.cell.step.as_str() == "gate" {
                seen.until(4, |fact| matches!(fact, Fact::StepLaidOut { .. })).await;
            }
            Ok(usual(&plan, &job))
        }
    }));
    house.run().await;
    let starts = starts(&house.facts());
    assert_eq!(starts.len(), 31);
    for turn in starts[1..].chunks(3) {
        let mut turn = turn.to_vec();
        turn.sort();
        assert_eq!(turn, ["first", "second", "third"], "{starts:?}");
    }
}

#[tokio::test]
async fn what_was_begun_goes_first_and_in_the_order_in_which_it_came() {
    let house = House::of(
        r#"
[axes]
n = [1, 2, 3, 4, 5, 6]

[step.draft]
agent = "work"
over  = ["n"]
input = { feedback = "${feedback}" }

[step.editor]
judges = "draft"
people = { groups = ["editors"] }
rounds = 1
"#,
    );
    let house = house.at_a_time(1).desk(Table::attended());
    let (handle, driven) = house.start();
    let person = async {
        use bailiwick_core::fact::{AskId, Decision};
        house.seen.until(6, |fact| matches!(fact, Fact::Asked { .. })).await;
        let id = |n: u32, round: u32| AskId(format!("r/editor/n={n}/{round}"));
        for n in [5, 2, 4] {
            handle.decide(id(n, 0), Decision::Reject { comment: None }, "bo".into()).await.unwrap();
        }
        house.seen.until(9, |fact| matches!(fact, Fact::Asked { .. })).await;
        for (n, round) in [(1, 0), (2, 1), (3, 0), (4, 1), (5, 1), (6, 0)] {
            handle
                .decide(id(n, round), Decision::Approve { comment: None }, "bo".into())
                .await
                .unwrap();
        }
    };
    let (ended, ()) = tokio::join!(driven, person);
    house.hold_against(&ended.unwrap());
    let facts = house.facts();
    let order = |round: u32, asks: bool| -> Vec<String> {
        let of = |fact: &Fact| match fact {
            Fact::CellStarted { attempt, .. } if !asks && attempt.round == round => {
                Some(attempt.cell.key.to_string())
            }
            Fact::Asked { cell, round: of, .. } if asks && *of == round => {
                Some(cell.key.to_string())
            }
            _ => None,
        };
        facts.iter().filter_map(of).collect()
    };
    assert_eq!(order(0, false), ["n=1", "n=2", "n=3", "n=4", "n=5", "n=6"]);
    assert_eq!(
        order(0, true),
        order(0, false),
        "people are asked in the order in which cells came"
    );
    assert_eq!(order(1, false), ["n=5", "n=2", "n=4"]);
}
