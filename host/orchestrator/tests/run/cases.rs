//! A folder per case: `pipeline.toml`, `script.json` (input, concurrency, what agents put out), `decisions.toml` where people answer, `expected.txt`.
//!
//! `UPDATE_EXPECT=1` writes what came out into `expected.txt`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_policy::ports::Job;
use serde_json::Value;

use crate::house::{House, Table, at_once, usual};
use crate::told::told;

#[tokio::test]
async fn every_case_comes_out_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut wrong = Vec::new();
    for case in &cases {
        if let Some(difference) = differs(case).await {
            wrong.push(difference);
        }
    }
    assert!(cases.len() >= 20, "where are the cases?");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn differs(case: &Path) -> Option<String> {
    println!("{}", case.display());
    let read = |file: &str| fs::read_to_string(case.join(file)).ok();
    let script: Value =
        serde_json::from_str(&read("script.json").expect("script.json")).expect("a script");
    let mut house = House::of(&read("pipeline.toml").expect("pipeline.toml"));
    house.input = script["input"].clone();
    if let Some(concurrency) = script["concurrency"].as_u64() {
        house.concurrency = usize::try_from(concurrency).unwrap();
    }
    let (plan, outcomes) = (Arc::clone(&house.plan), script["outcomes"].clone());
    let mut house = house.agents(at_once(move |job| match scripted(&outcomes, job) {
        Some(outcome) => outcome,
        None => Ok(usual(&plan, job)),
    }));
    if let Some(decisions) = read("decisions.toml") {
        house = house.desk(Table::of(&decisions));
    }
    let ended = house.run().await;
    let actual = told(&house, &ended.state);
    let expected = read("expected.txt").unwrap_or_default();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(case.join("expected.txt"), &actual).unwrap();
        return None;
    }
    (actual != expected)
        .then(|| format!("{}\n--- expected\n{expected}\n--- actual\n{actual}", case.display()))
}

/// The most exact rule of the script: `step/key/round/attempt`, then shorter ones, with `*` for any key.
fn scripted(outcomes: &Value, job: &Job) -> Option<Result<Value, Failure>> {
    let id = &job.attempt;
    let (step, key, round, attempt) = (&id.cell.step, &id.cell.key, id.round, id.attempt);
    let rules = [
        format!("{step}/{key}/{round}/{attempt}"),
        format!("{step}/{key}/{round}"),
        format!("{step}/*/{round}/{attempt}"),
        format!("{step}/*/{round}"),
        format!("{step}/{key}"),
        format!("{step}"),
    ];
    let outcome = rules.iter().find_map(|rule| outcomes.get(rule))?;
    match outcome.get("fails") {
        Some(kind) => {
            let kind: FailureKind =
                serde_json::from_value(kind.clone()).expect("a kind of failure");
            Some(Err(Failure { kind, message: "as the script says".into(), hint: None }))
        }
        None => Some(Ok(outcome.clone())),
    }
}
