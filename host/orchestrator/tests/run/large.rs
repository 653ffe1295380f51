//! Many cells: the work of a run grows with its cells, not with their square.

use std::time::Instant;

use bailiwick_core::run::RunStatus;

use crate::house::{House, at_once};

/// A source, a fan-out of `cells`, an aligned reader of each, one list of all.
fn fan_out(cells: usize) -> House {
    let mut house = House::of(
        r#"
[axes]
n = "${input.cells}"

[step.source]
agent = "work"

[step.each]
agent = "work"
over  = ["n"]
input = { source = "${source}" }

[step.next]
agent = "work"
over  = ["n"]
input = { each = "${each}" }

[step.all]
agent   = "work"
collect = ["n"]
input   = { items = "${next}" }

[output]
all = "${all}"
"#,
    );
    house.input = serde_json::json!({ "cells": (0..cells).collect::<Vec<_>>() });
    house.at_a_time(64)
}

#[tokio::test]
async fn a_fan_out_of_two_thousand_writes_what_it_needs_and_no_more() {
    const CELLS: usize = 2_000;
    let house = fan_out(CELLS);
    let ended = house.run().await;
    assert_eq!(ended.state.status(), RunStatus::Done);
    let facts = house.facts();
    let count = |name: &str| facts.iter().filter(|fact| fact.name() == name).count();
    let attempts = 2 * CELLS + 2;
    for name in ["CellStarted", "CellFinished", "Released"] {
        assert_eq!(count(name), attempts, "{name}");
    }
    // Begun, one axis, four steps, the end; and three facts an attempt.
    assert_eq!(facts.len(), 1 + 1 + 4 + 3 * attempts + 1);
    // What happens together is one append: never more than a start and an end for each.
    assert!(house.entries().len() <= 2 * attempts + 8, "{} appends", house.entries().len());
}

/// An axis that is fixed late, and by nobody waited for, does not meet a run that has ended.
#[tokio::test]
async fn an_axis_without_steps_is_fixed_before_the_end() {
    for _ in 0..100 {
        let house = House::of(
            r#"
[axes]
unused = "${source.list}"

[step.source]
agent = "work"

[output]
source = "${source}"
"#,
        );
        let house = house.agents(at_once(|_| Ok(serde_json::json!({ "list": ["a"] }))));
        let ended = house.run().await;
        assert_eq!((ended.state.status(), ended.state.axes.len()), (RunStatus::Done, 1));
    }
    // And its error is one, however fast the rest is done.
    let house =
        House::of("[axes]\nunused = \"${input.nothing}\"\n[step.draft]\nagent = \"work\"\n");
    let ended = house.run().await;
    assert!(
        ended.state.reason.is_some_and(|reason| reason.contains("the axis `unused` has no values"))
    );
}

/// `cargo nextest run --release -p bailiwick-orchestrator --run-ignored only large`
#[tokio::test]
#[ignore = "prints times and asserts none"]
async fn how_long_fan_outs_take() {
    for cells in [500, 1_000, 2_000, 4_000] {
        let house = fan_out(cells);
        let (_handle, driven) = house.start();
        let begun = Instant::now();
        driven.await.unwrap();
        let took = begun.elapsed();
        let each = took.as_micros() / (2 * cells as u128);
        println!("{cells} cells: {} ms, {each} µs an attempt", took.as_millis());
    }
}
