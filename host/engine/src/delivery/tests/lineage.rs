//! Which cells an asset is said to stand on, where that is not plain.

use bailiwick_core::{CellKey, Name, RunState};
use serde_json::{Value, json};

use super::fixture::{Journal, Memory, cell, judge, name, read, step};
use crate::delivery::{ABOVE_MAX, Outline, Pictures, compose};

fn manifest(outline: &Outline, run: (RunState, Vec<bailiwick_core::fact::Entry>)) -> Value {
    let delivery = compose(outline, &run.0, &run.1, &Pictures::default());
    let manifest = delivery.files.last().unwrap().content.text().unwrap();
    serde_json::from_str(&manifest).unwrap()
}

/// A step over so many topics that a digest collects; the digest keeps a report.
fn collected(topics: usize) -> Value {
    let mut journal =
        Journal::begin("r", "p", vec![step("list"), step("draft"), step("digest")], vec![]);
    let ids: Vec<String> = (0..topics).map(|n| format!("t{n}")).collect();
    journal.lay_out("list", &["-"]);
    let attempt = journal.start(&cell("list", "-"), 0, json!({}));
    journal.finish(attempt, &json!(ids));
    journal.release(&cell("list", "-"), 0, &json!(ids));
    journal.axis("topic", &ids.iter().map(|id| json!(id)).collect::<Vec<_>>());
    let keys: Vec<String> = ids.iter().map(|id| format!("topic={id}")).collect();
    journal.lay_out("draft", &keys.iter().map(String::as_str).collect::<Vec<_>>());
    journal.lay_out("digest", &["-"]);
    for key in &keys {
        let attempt = journal.start(&cell("draft", key), 0, json!({}));
        journal.finish(attempt, &json!(key));
        journal.release(&cell("draft", key), 0, &json!(key));
    }
    let report = Memory::default().keep(b"report".to_vec(), "application/pdf", Some("report.pdf"));
    let attempt = journal.start(&cell("digest", "-"), 0, json!({}));
    journal.put(&attempt, &report);
    let output = json!({"report": report.to_json()});
    journal.finish(attempt, &output);
    journal.release(&cell("digest", "-"), 0, &output);
    let outline = Outline {
        keys: vec![name("digest")],
        axes: vec![name("topic")],
        reads: [(name("digest"), vec![read("draft", &[], &["topic"])])].into(),
        sources: [(name("topic"), vec![name("list")])].into(),
    };
    manifest(&outline, journal.end(json!({"digest": output})))
}

fn above(asset: &Value) -> Vec<String> {
    let cells = asset["above"].as_array().unwrap().iter();
    cells
        .map(|c| format!("{}/{}", c["step"].as_str().unwrap(), c["cell"].as_str().unwrap()))
        .collect()
}

#[test]
fn what_a_list_collects_and_what_its_axis_came_from_is_above() {
    let manifest = collected(2);
    assert_eq!(above(&manifest["assets"][0]), ["list/-", "draft/topic=t0", "draft/topic=t1"]);
    assert_eq!(manifest["assets"][0]["file"], "digest/-/report.pdf");
    assert_eq!(manifest["assets"][0]["above_is_complete"], true);
}

#[test]
fn what_stands_above_is_bounded_and_says_so() {
    let manifest = collected(ABOVE_MAX + 1);
    assert_eq!(above(&manifest["assets"][0]).len(), ABOVE_MAX);
    assert_eq!(manifest["assets"][0]["above_is_complete"], false);
}

#[test]
fn equal_references_of_several_cells_keep_their_own_makers() {
    let mut journal = Journal::begin("r", "p", vec![step("s"), judge("j", "s", 1)], vec![]);
    journal.axis("topic", &[json!("a"), json!("b")]);
    journal.lay_out("s", &["topic=a", "topic=b"]);
    let same = Memory::default().keep(b"same".to_vec(), "text/plain", Some("x.txt"));
    let output = |key: &str| json!({"x": same.to_json(), "of": key});
    for key in ["topic=b", "topic=a"] {
        let id = cell("s", key);
        let pass = bailiwick_core::fact::Verdict::Pass;
        let attempt = journal.start(&id, 0, json!({}));
        journal.put(&attempt, &same);
        journal.finish(attempt, &output(key));
        if key == "topic=a" {
            // The same bytes again in a second round: that one was released.
            journal.judged("j", &id, 0, bailiwick_core::fact::Verdict::Revise, 0.1, json!([]));
            let attempt = journal.start(&id, 1, json!({}));
            journal.put(&attempt, &same);
            journal.finish(attempt, &output("again"));
            journal.judged("j", &id, 1, pass, 1.0, json!([]));
            journal.release(&id, 1, &output("again"));
        } else {
            journal.judged("j", &id, 0, pass, 1.0, json!([]));
            journal.release(&id, 0, &output(key));
        }
    }
    let element = |id: &str, value: Value| json!({"axis": {"topic": id}, "value": value});
    let run =
        journal.end(json!({"s": [element("a", output("again")), element("b", output("topic=b"))]}));
    let outline =
        Outline { keys: vec![name("s")], axes: vec![name("topic")], ..Outline::default() };
    let manifest = manifest(&outline, run);
    let made = |at: usize| {
        (manifest["assets"][at]["cell"].clone(), manifest["assets"][at]["round"].clone())
    };
    assert_eq!(made(0), ("topic=a".into(), 1.into()));
    assert_eq!(made(1), ("topic=b".into(), 0.into()));
}

#[test]
fn values_that_an_expression_put_together_lie_with_who_made_them() {
    let mut journal = Journal::begin("r", "p", vec![step("s")], vec![]);
    let topic: Name = name("topic");
    journal.axis("topic", &[json!("a"), json!("b")]);
    journal.lay_out("s", &["topic=a", "topic=b"]);
    let blobs = Memory::default();
    let mut images = Vec::new();
    for id in ["a", "b"] {
        let id = cell("s", CellKey::of([(&topic, id)]).as_str());
        let file = blobs.keep(id.to_string().into_bytes(), "text/plain", Some("x.txt"));
        let attempt = journal.start(&id, 0, json!({}));
        journal.put(&attempt, &file);
        journal.finish(attempt, &file.to_json());
        journal.release(&id, 0, &file.to_json());
        images.push(file.to_json());
    }
    let run = journal.end(json!({"all": images}));
    let outline = Outline { keys: vec![name("all")], axes: vec![topic], ..Outline::default() };
    let manifest = manifest(&outline, run);
    let files: Vec<&str> =
        manifest["assets"].as_array().unwrap().iter().filter_map(|a| a["file"].as_str()).collect();
    assert_eq!(files, ["all/topic=a/x.txt", "all/topic=b/x.txt"]);
}

#[test]
fn files_that_came_in_with_the_run_are_said_to() {
    let blobs = Memory::default();
    let logo = blobs.keep(b"<svg/>".to_vec(), "image/svg+xml", Some("logo.svg"));
    let mut journal = Journal::begin("r", "p", vec![step("s")], vec![logo.clone()]);
    journal.lay_out("s", &["-"]);
    let attempt = journal.start(&cell("s", "-"), 0, json!({"logo": logo.to_json()}));
    journal.finish(attempt, &logo.to_json());
    journal.release(&cell("s", "-"), 0, &logo.to_json());
    let outline = Outline { keys: vec![name("s")], ..Outline::default() };
    let manifest = manifest(&outline, journal.end(json!({"s": logo.to_json()})));
    assert_eq!(
        (&manifest["assets"][0]["imported"], &manifest["assets"][0]["made_by"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(manifest["assets"][0]["delivered_by"]["step"], "s");
}
