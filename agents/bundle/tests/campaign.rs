//! The text half of `examples/10-campaign`, agent after agent on its own files: what the
//! example says of itself holds. The writer is a script, the pictures are five bytes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: the functions that they share are not under cfg(test)"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bailiwick::fake::{Fake, Reply};
use bailiwick::knowledge::Passage;
use bailiwick::model::Request;
use serde_json::{Value, json};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/10-campaign")
}

fn brief() -> Value {
    serde_json::from_str(&fs::read_to_string(example().join("brief.json")).unwrap()).unwrap()
}

/// The documents of a folder, cut as the host's index cuts them: Markdown at headings,
/// tables at rows.
fn passages(folder: &str) -> Vec<Passage> {
    let mut found = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(example().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        if name.ends_with(".csv") {
            let mut lines = text.lines();
            let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
            for line in lines {
                let cells = columns.iter().zip(split_row(line));
                let row: Vec<String> = cells.map(|(c, v)| format!("{c}: {v}")).collect();
                found.push((name.as_str(), row.join("; ").as_str()).into());
            }
        } else {
            for section in text.split("\n#") {
                let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
                let heading = heading.trim_start_matches('#').trim();
                // The fake searches texts alone; the index searches headings too.
                let searched = format!("# {heading}\n{body}");
                let mut passage: Passage = (name.as_str(), searched.as_str()).into();
                passage.metadata.insert("heading".into(), format!("Page > {heading}").into());
                found.push(passage);
            }
        }
    }
    found
}

/// A row in which quotes protect commas.
fn split_row(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    cells
}

/// A writer that says the brief's message and the facts, and nothing else.
fn writer(request: &Request) -> Reply {
    let text = request.text();
    let material: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let schema: Value = serde_json::from_str(request.output_schema.as_deref().unwrap()).unwrap();
    let facts = material["facts"].as_array().cloned().unwrap_or_default();
    let said: Vec<&str> = facts.iter().map(|fact| fact["text"].as_str().unwrap()).collect();
    let ids: Vec<&Value> = facts.iter().map(|fact| &fact["id"]).collect();
    let message = material["brief"]["message"].as_str().unwrap_or_default();
    let mut answer = json!({
        "headline": message.split_inclusive('.').next().unwrap_or_default(),
        "body": said.join(" "),
        "cta": "OK",
        "facts": ids,
        "summary": said.join(" "),
        "tags": [material["brief"]["category"]],
        "description": "short",
        "alt": "A picture.",
    });
    let asked = schema["properties"].as_object().unwrap();
    answer.as_object_mut().unwrap().retain(|key, _| asked.contains_key(key));
    answer.into()
}

fn host() -> Fake {
    Fake::new()
        .knowledge("brand", passages("brand/guidelines"))
        .knowledge("performance", passages("performance"))
        .answer_with("writer", |request| Ok(writer(request)))
        .answer_with("critic", |_| {
            Ok(json!({ "verdict": "pass", "score": 1.0, "reasons": [] }).into())
        })
}

fn research() -> Value {
    host().perform(research::research, &json!({ "brief": brief() })).unwrap()
}

fn claims_of(copy: &Value, research: &Value) -> Value {
    let input = json!({
        "subject": copy, "facts": research["facts"], "banned": research["banned"],
        "forbidden": research["forbidden"], "product": brief()["product"],
    });
    host().perform(claims::claims, &input).unwrap()
}

/// The copy that `claims` lets pass, with the verdicts on the way there.
fn released(research: &Value, locale: &str, channel: &str) -> (Value, Vec<Value>) {
    let (mut feedback, mut verdicts) = (Vec::new(), Vec::new());
    for round in 0..3 {
        let input = json!({
            "brief": brief(), "research": research, "locale": locale, "channel": channel,
            "feedback": feedback,
        });
        let copy = host().perform(draft::draft, &input).unwrap();
        let verdict = claims_of(&copy, research);
        verdicts.push(verdict.clone());
        if verdict["verdict"] == "pass" {
            return (copy, verdicts);
        }
        feedback.push(json!({ "by": "claims", "round": round, "reasons": verdict["reasons"] }));
    }
    panic!("{locale} {channel}: {verdicts:#?}");
}

#[test]
fn research_reads_the_whole_brand_folder() {
    let research = research();
    let count = |key: &str| research[key].as_array().unwrap().len();
    assert_eq!((count("facts"), count("banned"), count("forbidden")), (24, 13, 5));
    assert!(count("voice") >= 6 && count("insights") >= 10);
    assert!(research["facts"].as_array().unwrap().iter().all(|fact| fact["source"] != ""));
}

#[test]
fn each_channel_leads_with_what_did_well_there() {
    let research = research();
    for (channel, lead) in [("instagram", "W08"), ("web", "W01")] {
        for locale in ["en-GB", "de-DE"] {
            let input = json!({ "brief": brief(), "research": research, "locale": locale, "channel": channel });
            let copy = host().perform(draft::draft, &input).unwrap();
            assert_eq!(copy["facts"][0], lead, "{locale} {channel}");
        }
    }
}

#[test]
fn the_german_brief_is_sent_back_once() {
    let research = research();
    for channel in ["instagram", "web"] {
        let (copy, verdicts) = released(&research, "de-DE", channel);
        assert_eq!(verdicts.len(), 2, "{channel}");
        assert_eq!(verdicts[0]["reasons"][0]["rule"], "superlative");
        assert_eq!(copy["headline"], "Der Abend kommt früher, du fährst weiter");
        let (_, verdicts) = released(&research, "en-GB", channel);
        assert_eq!(verdicts.len(), 1, "{channel}");
    }
}

#[test]
fn the_editors_text_passes_the_judges() {
    let decisions: Value =
        toml::from_str(&fs::read_to_string(example().join("decisions.toml")).unwrap()).unwrap();
    let edits =
        decisions["decide"].as_array().unwrap().iter().filter(|one| one["decision"] == "edit");
    let research = research();
    for edit in edits.clone() {
        let verdict = claims_of(&edit["value"], &research);
        assert_eq!(verdict["verdict"], "pass", "{verdict:#}");
    }
    assert_eq!(edits.count(), 1);
}

#[test]
fn every_cell_becomes_a_bundle_of_its_own() {
    let (brief, research, host) = (brief(), research(), host());
    let list = |key: &str| brief[key].as_array().unwrap().clone();
    let mut names = BTreeSet::new();
    for (locale, channel) in list("locales")
        .iter()
        .flat_map(|l| list("channels").into_iter().map(move |c| (l.clone(), c)))
    {
        let (copy, _) = released(&research, locale.as_str().unwrap(), channel.as_str().unwrap());
        let tone =
            json!({ "subject": copy, "voice": research["voice"], "audience": brief["audience"] });
        assert_eq!(host.perform(tone::tone, &tone).unwrap()["verdict"], "pass");
        let seo = json!({ "brief": brief, "copy": copy, "locale": locale, "channel": channel });
        let seo = host.perform(seo::seo, &seo).unwrap();
        let image = host.artifact(*b"image", "image/png", "a.png");
        for (style, aspect) in list("styles")
            .iter()
            .flat_map(|s| list("sizes").into_iter().map(move |a| (s.clone(), a)))
        {
            let input = json!({
                "product": brief["product"], "copy": copy, "visual": { "image": image, "alt": "" },
                "seo": seo, "style": style, "aspect": aspect,
            });
            let bundle = host.perform(bundle::bundle, &input).unwrap();
            names.insert(bundle["name"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(names.len(), 24);
}
