//! The examples of this repository are read without a finding.
#![allow(clippy::disallowed_methods, reason = "tests read the examples")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod show;

use std::path::{Path, PathBuf};

use bailiwick_core::schema::Schema;
use bailiwick_core::{CellKey, Name};
use bailiwick_policy::Policy;
use bailiwick_project::{Decisions, FileKind, Plan, Project, Scope, Surroundings, schema};
use serde_json::{Value, json};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn told<T>(outcome: Result<T, Vec<bailiwick_core::Diagnostic>>) -> T {
    outcome.unwrap_or_else(|found| {
        let shown: Vec<_> = found.iter().map(show::diagnostic).collect();
        panic!("{}", shown.join("\n"))
    })
}

fn plan(example: &Path, pipeline: &str) -> (Project, Plan) {
    let project = told(Project::read("bailiwick.toml", &read(&example.join("bailiwick.toml"))));
    let policy = Policy::built_in();
    let surroundings = Surroundings {
        project: &project,
        policy: &policy,
        schema_text: &|path| Ok(read(&example.join(path))),
    };
    let file = format!("pipelines/{pipeline}.toml");
    let text = read(&example.join(&file));
    let plan = told(Plan::read(&Name::new(pipeline).unwrap(), &file, &text, &surroundings));
    (project, plan)
}

#[test]
fn every_example_is_read_without_a_finding() {
    let mut seen = 0;
    for example in std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path()) {
        if !example.join("bailiwick.toml").exists() {
            continue;
        }
        for pipeline in std::fs::read_dir(example.join("pipelines")).unwrap() {
            let pipeline = pipeline.unwrap().path();
            if pipeline.extension().is_some_and(|end| end == "toml") {
                let (_, plan) = plan(&example, &pipeline.file_stem().unwrap().to_string_lossy());
                if let Ok(text) = std::fs::read_to_string(example.join("decisions.toml")) {
                    let found = told(Decisions::read("decisions.toml", &text)).check(&plan);
                    assert!(found.is_empty(), "{found:?}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn the_campaign_has_the_cells_that_its_brief_asks_for() {
    let folder = examples().join("10-campaign");
    let (_, plan) = plan(&folder, "campaign");
    let input: Value = serde_json::from_str(&read(&folder.join("brief.json"))).unwrap();
    plan.input.as_ref().unwrap().check(&input).unwrap();
    let scope = Scope { input, ..Scope::default() };
    let values =
        plan.axes.iter().map(|axis| (axis.name.clone(), axis.resolve(&scope).unwrap())).collect();
    let cells = plan
        .steps
        .iter()
        .filter(|step| step.judges.is_none())
        .map(|step| {
            let points = plan.matrix.points(&step.over, &values, &scope).unwrap();
            (step.name.clone(), points.len() as u64)
        })
        .collect::<std::collections::BTreeMap<_, _>>();
    let shown: Vec<_> = cells.iter().map(|(step, cells)| format!("{step} {cells}")).collect();
    assert_eq!(shown.join(", "), "bundle 24, draft 4, publish 24, research 1, seo 4, visual 24");
    // The least: each step once, each judged once. Page 30: 89 attempts, 28 questions.
    let least: u64 = plan
        .steps
        .iter()
        .filter(|step| step.agent().is_some() && step.name.as_str() != "publish")
        .map(|step| cells[step.judges.as_ref().map_or(&step.name, |judges| &judges.subject)])
        .sum();
    assert_eq!(least, 89);
    let judges = |step: &str| {
        let step = Name::new(step).unwrap();
        plan.judges_of(&step).map(|judge| judge.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(judges("draft"), ["claims", "tone", "copy_desk"]);
    assert_eq!(judges("visual"), ["brand", "editor"]);
}

#[test]
fn the_campaigns_decisions_answer_its_questions() {
    let text = read(&examples().join("10-campaign/decisions.toml"));
    let decisions = told(Decisions::read("decisions.toml", &text));
    let desk = Name::new("copy_desk").unwrap();
    let said = |key: &str, round| {
        decisions.decide(&desk, &CellKey::from_text(key), round).map(|decision| decision.as_str())
    };
    // First match wins: the general rule stands last.
    assert_eq!(said("locale=en-GB,channel=web", 0), Some("edit"));
    assert_eq!(said("locale=en-GB,channel=web", 1), Some("approve"));
    assert_eq!(said("locale=de-DE,channel=web", 0), Some("approve"));
    assert_eq!(decisions.decide(&Name::new("nobody").unwrap(), &CellKey::single(), 0), None);
}

/// The JSON Schema for editors accepts what the reader accepts, and is as strict about keys.
#[test]
fn schemas_for_editors_fit_the_examples() {
    let campaign = examples().join("10-campaign");
    for (kind, file) in [
        (FileKind::Project, "bailiwick.toml"),
        (FileKind::Pipeline, "pipelines/campaign.toml"),
        (FileKind::Decisions, "decisions.toml"),
    ] {
        let schema = Schema::admit(schema(kind)).unwrap();
        let mut value: Value = toml::from_str(&read(&campaign.join(file))).unwrap();
        schema.check(&value).unwrap_or_else(|mismatch| panic!("{file}: {mismatch}"));
        value.as_object_mut().unwrap().insert("colect".into(), json!([]));
        assert!(schema.check(&value).is_err(), "{file}");
    }
    assert!(FileKind::ALL.iter().all(|kind| Schema::admit(schema(*kind)).is_ok()));
}
