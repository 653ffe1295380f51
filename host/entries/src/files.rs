//! The files that people write: the three of a project, decisions, `agent.toml`, and the expressions in them.

use std::collections::BTreeMap;

use bailiwick_core::document::DOCUMENT_MAX_BYTES;
use bailiwick_core::{CellKey, Diagnostic, Name};
use bailiwick_policy::Policy;
use bailiwick_project::{
    Decisions, ExprErrorKind, Plan, Project, Scope, Surroundings, Template, read_policy,
};
use serde_json::{Value, json};

use crate::Reached;

/// What pipelines are read against: every kind of thing that they can name.
const AROUND: &str = include_str!("around/bailiwick.toml");
const PEOPLE: &str = include_str!("around/policy.toml");
/// What decisions are judged against.
const ASKING: &str = include_str!("around/asking.toml");

/// The place of a file in what is said about it.
const FILE: &str = "f.toml";

/// The most that is said about one file: each byte begins at most one thing that can be
/// wrong in a handful of ways.
const SAID_PER_BYTE: usize = 4;

pub(crate) fn project(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    match Project::read(FILE, text) {
        Err(said) => refused(text, &said),
        Ok(project) => {
            assert_eq!(
                format!("{project:?}"),
                format!("{:?}", Project::read(FILE, text).unwrap()),
                "one text, two projects"
            );
            for name in project.agents.keys() {
                let imports = [("wasi:http/outgoing-handler@0.2.3", Vec::new())];
                let _ = project.uncovered_imports(name, imports);
            }
            Reached::Taken
        }
    }
}

pub(crate) fn policy(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    match read_policy(FILE, text) {
        Err(said) => refused(text, &said),
        Ok(policy) => {
            let again = read_policy(FILE, text).unwrap();
            assert_eq!(format!("{policy:?}"), format!("{again:?}"), "one text, two policies");
            Reached::Taken
        }
    }
}

pub(crate) fn pipeline(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    match plan(text) {
        Err(said) => refused(text, &said),
        Ok(plan) => {
            let _ = (plan.shape(), plan.worst_case(&BTreeMap::new()));
            for step in &plan.steps {
                let _ = evaluate(&step.input);
            }
            Reached::Taken
        }
    }
}

pub(crate) fn decisions(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    let plan = plan(ASKING).unwrap();
    match Decisions::read(FILE, text) {
        Err(said) => refused(text, &said),
        Ok(decisions) => {
            let said = decisions.check(&plan);
            let step = Name::new("editor").unwrap();
            for key in ["locale=de", "locale=en%20GB", "-", "=,=%"] {
                let _ = decisions.decide(&step, &CellKey::from_text(key), 0);
            }
            if said.is_empty() { Reached::Taken } else { refused(text, &said) }
        }
    }
}

pub(crate) fn agent(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    match bailiwick_builder::read_manifest(FILE, text) {
        Err(said) => refused(text, &said),
        Ok(manifest) => {
            let again = bailiwick_builder::read_manifest(FILE, text).unwrap();
            assert_eq!(format!("{manifest:?}"), format!("{again:?}"), "one text, two manifests");
            Reached::Taken
        }
    }
}

/// A text with `${…}` in it, as the input of a step.
pub(crate) fn expression(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    // A JSON text is one of TOML, but for one character that TOML wants escaped.
    let quoted = Value::from(text).to_string().replace('\u{7f}', "\\u007f");
    let file = format!("[step.other]\nagent = \"a\"\n[step.s]\nagent = \"a\"\ninput = {quoted}\n");
    match plan(&file) {
        Err(said) => refused(&file, &said),
        Ok(plan) => {
            let Some(step) = plan.steps.last() else { panic!("a step is lost") };
            match (evaluate(&step.input), evaluate(&step.input)) {
                (Ok(value), again) => {
                    assert!(again.is_ok_and(|again| again == value), "one scope, two results");
                    Reached::Taken
                }
                // Another thread may have had the time of this one.
                (Err(_), _) => Reached::Form,
            }
        }
    }
}

fn plan(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let project = Project::read("bailiwick.toml", AROUND).unwrap();
    let policy: Policy = read_policy("policy.toml", PEOPLE).unwrap();
    let schema_text =
        |_: &str| Ok(r#"{"type":"object","properties":{"n":{"type":"integer"}}}"#.to_owned());
    let around = Surroundings { project: &project, policy: &policy, schema_text: &schema_text };
    Plan::read(&Name::new("p").unwrap(), FILE, text, &around)
}

fn evaluate(template: &Template) -> Result<Value, ExprErrorKind> {
    let other = json!([{"axis": {"topic": "t"}, "value": {"text": "ä", "score": 0.5}}]);
    let name = |text| Name::new(text).unwrap();
    let scope = Scope {
        input: json!({"n": 3, "list": [1, 2, {"a": null}], "text": "t", "map": {"b": 1, "a": 2}}),
        steps: [(name("other"), other.clone()), (name("draft"), other)].into(),
        axis: [(name("topic"), json!("t")), (name("locale"), json!("de"))].into(),
        feedback: json!([]),
        run_id: "r1".into(),
        ..Scope::default()
    };
    let value = template.evaluate(&scope).map_err(|error| error.kind)?;
    assert!(value.to_string().len() <= DOCUMENT_MAX_BYTES, "a result over the bound");
    Ok(value)
}

/// What is wrong is said, about a place that is there, and not without end.
pub(crate) fn refused(text: &str, said: &[Diagnostic]) -> Reached {
    assert!(!said.is_empty(), "refused without a word");
    assert!(said.len() <= SAID_PER_BYTE * (text.len() + 1), "{} things about it", said.len());
    for one in said {
        assert!(!one.message.is_empty() && !one.code.is_empty());
    }
    // TOML itself is one thing that is wrong; everything else is about its content.
    if said.iter().any(|one| {
        one.code == bailiwick_project::codes::SYNTAX || one.code == bailiwick_builder::NOT_TOML
    }) {
        Reached::Nothing
    } else {
        Reached::Form
    }
}
