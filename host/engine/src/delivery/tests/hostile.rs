//! What a guest can write into values, names and reasons, and what must not come of it.

use bailiwick_core::fact::Verdict;
use bailiwick_core::{Artifact, RunState};
use serde_json::{Value, json};

use super::fixture::{Journal, Memory, cell, judge, name, png, read, step};
use crate::delivery::{Content, Delivery, Outline, Pictures, compose};

const TEXTS: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "\u{202e}gpj.exe",
    "\u{1b}]0;owned\u{7}\u{1b}[2J",
    "</style></title><!--",
];

/// One cell whose output is this value, judged with these words.
async fn delivered(
    blobs: &Memory,
    value: &Value,
    put: &[Artifact],
    said: &str,
) -> (Delivery, RunState) {
    let mut journal = Journal::begin("r", "p", vec![step("s"), judge("j", "s", 0)], vec![]);
    // Copy that only repeats an axis value is left out, so it is another text.
    let topic = format!("{said}.");
    journal.axis("topic", &[json!(topic)]);
    let key = bailiwick_core::CellKey::of([(&name("topic"), topic.as_str())]);
    journal.lay_out("s", &[key.as_str()]);
    let id = cell("s", key.as_str());
    let attempt = journal.start(&id, 0, json!({}));
    put.iter().for_each(|artifact| journal.put(&attempt, artifact));
    journal.finish(attempt, value);
    journal.judged(
        "j",
        &id,
        0,
        Verdict::Pass,
        1.0,
        json!([{"rule": said, "message": said, "fix": said}]),
    );
    journal.release(&id, 0, value);
    let (state, entries) = journal.end(json!({"s": [{"axis": {"topic": topic}, "value": value}]}));
    let outline = Outline {
        keys: vec![name("s")],
        axes: vec![name("topic")],
        reads: [(name("s"), vec![read("s", &[], &[])])].into(),
        ..Outline::default()
    };
    let pictures = Pictures::of(&state, blobs).await.unwrap();
    (compose(&outline, &state, &entries, &pictures), state)
}

fn page(delivery: &Delivery) -> String {
    let index = delivery.files.iter().find(|file| file.path.as_str() == "index.html").unwrap();
    index.content.text().unwrap()
}

#[tokio::test]
async fn hostile_texts_are_shown_and_do_nothing() {
    for hostile in TEXTS {
        let value = json!({"headline": hostile, "body": hostile, "alt": hostile, hostile: hostile, "tags": [hostile]});
        let (delivery, _) = delivered(&Memory::default(), &value, &[], hostile).await;
        let page = page(&delivery);
        let plain = delivered(
            &Memory::default(),
            &json!({"headline": "x", "body": "y", "alt": "z", "w": "v", "tags": ["u"]}),
            &[],
            "t",
        )
        .await
        .0;
        // Every tag and every attribute is the program's: as many as with harmless words.
        let plain = self::page(&plain);
        assert_eq!(page.matches('<').count(), plain.matches('<').count(), "{hostile}");
        assert_eq!(page.matches('"').count(), plain.matches('"').count(), "{hostile}");
        assert!(!page.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{hostile}");
        assert!(
            !page.contains("href=\"javascript")
                && !page.contains("<script")
                && !page.contains("src=\"x"),
            "{hostile}"
        );
    }
}

#[tokio::test]
async fn hostile_names_become_ordinary_files() {
    let blobs = Memory::default();
    let long = "x".repeat(255);
    let names = [
        "../../x",
        "CON",
        "..",
        "a/b\\c.png",
        "hero.png",
        "HERO.png",
        &long,
        "\u{202e}gnp.html",
        "index.html",
    ];
    let artifacts: Vec<Artifact> = names
        .iter()
        .enumerate()
        .map(|(n, name)| blobs.keep(png(1, 1, &n.to_string()), "image/png", Some(name)))
        .collect();
    let value = json!({"files": artifacts.iter().map(Artifact::to_json).collect::<Vec<_>>()});
    let (delivery, _) = delivered(&blobs, &value, &artifacts, "../..").await;
    let mut paths: Vec<&str> = delivery
        .files
        .iter()
        .filter(|file| matches!(file.content, Content::Artifact(_)))
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(paths.len(), names.len());
    for path in &paths {
        assert!(
            path.starts_with("s/topic=/") && path.ends_with(".png") && path.len() < 120,
            "{path}"
        );
        assert!(!path.contains("..") && path.split('/').count() == 3, "{path}");
    }
    paths.sort_by_key(|path| path.to_lowercase());
    paths.dedup_by_key(|path| path.to_lowercase());
    assert_eq!(paths.len(), names.len(), "two names differ in case only");
}

#[tokio::test]
async fn what_is_no_picture_is_not_shown_as_one() {
    let blobs = Memory::default();
    let html = blobs.keep(b"<script>alert(1)</script>".to_vec(), "image/png", Some("a.png"));
    let svg = blobs.keep(b"<svg onload='alert(1)'/>".to_vec(), "image/svg+xml", Some("b.svg"));
    let page_file = blobs.keep(b"<script>".to_vec(), "text/html", Some("c.html"));
    let value = json!([html.to_json(), svg.to_json(), page_file.to_json()]);
    let (delivery, _) = delivered(&blobs, &value, &[html, svg, page_file], "t").await;
    let paths: Vec<&str> = delivery.files.iter().map(|file| file.path.as_str()).collect();
    for expected in ["s/topic=t/a.bin", "s/topic=t/b.svg.txt", "s/topic=t/c.html.txt"] {
        assert!(paths.contains(&expected), "{expected} in {paths:?}");
    }
    assert!(!page(&delivery).contains("<img"));
}

#[tokio::test]
async fn an_element_at_axis_values_that_the_run_does_not_have_is_a_plain_value() {
    let blobs = Memory::default();
    let inner = json!([{"axis": {"topic": "other"}, "value": {"headline": "x"}}]);
    let (delivery, state) = delivered(&blobs, &json!({"headline": "y"}), &[], "t").await;
    assert!(page(&delivery).contains("topic"));
    let mut forged = state;
    forged.output = Some(bailiwick_core::Document::of(&json!({"s": inner})));
    let outline =
        Outline { keys: vec![name("s")], axes: vec![name("topic")], ..Outline::default() };
    let delivery = compose(&outline, &forged, &[], &Pictures::default());
    assert!(!page(&delivery).contains("title=\"topic\""));
}

#[tokio::test]
async fn keys_never_take_the_place_of_the_hosts_files() {
    let mut journal = Journal::begin("r", "p", vec![step("s")], vec![]);
    journal.lay_out("s", &["-"]);
    let attempt = journal.start(&cell("s", "-"), 0, json!({}));
    journal.finish(attempt, &json!(1));
    journal.release(&cell("s", "-"), 0, &json!(1));
    let (state, entries) = journal.end(json!({"manifest": 1, "index": 1, "con": 1}));
    let outline =
        Outline { keys: ["manifest", "index", "con"].map(name).to_vec(), ..Outline::default() };
    let delivery = compose(&outline, &state, &entries, &Pictures::default());
    let paths: Vec<&str> = delivery.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        ["manifest-2.json", "index.json", "con-file.json", "index.html", "manifest.json"]
    );
}
