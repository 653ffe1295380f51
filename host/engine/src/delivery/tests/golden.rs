//! The small campaign, file by file. `UPDATE_EXPECT=1` writes the golden files anew.

use bailiwick_core::{Calls, Cost, Money, Tokens};
use expect_test::{expect, expect_file};
use serde_json::Value;

use super::fixture::{Memory, campaign, outline, png};
use crate::delivery::{Content, Delivery, Pictures, compose};

fn shapes(locale: &str, aspect: &str, round: u32) -> Vec<u8> {
    match aspect {
        "1:1" => png(1080, 1080, locale),
        _ => png(1080, 1920, &format!("{locale}{round}")),
    }
}

async fn composed() -> Delivery {
    let blobs = Memory::default();
    let (state, entries) = campaign(&blobs, &shapes);
    let pictures = Pictures::of(&state, &blobs).await.unwrap();
    compose(&outline(), &state, &entries, &pictures)
}

fn text(delivery: &Delivery, path: &str) -> String {
    let file = delivery.files.iter().find(|file| file.path.as_str() == path).unwrap();
    file.content.text().unwrap()
}

#[tokio::test]
async fn manifest_and_page_are_as_they_were() {
    let delivery = composed().await;
    expect_file!["golden/manifest.json"].assert_eq(&text(&delivery, "manifest.json"));
    expect_file!["golden/index.html"].assert_eq(&text(&delivery, "index.html"));
}

#[tokio::test]
async fn files_have_names_of_the_hosts() {
    let delivery = composed().await;
    let paths: Vec<&str> = delivery.files.iter().map(|file| file.path.as_str()).collect();
    expect![[r#"
        research.json
        bundle.json
        bundle/locale=en-GB,aspect=1-1/caption.txt
        bundle/locale=en-GB,aspect=1-1/hero.png
        bundle/locale=en-GB,aspect=9-16/caption.txt
        bundle/locale=en-GB,aspect=9-16/hero.png
        bundle/locale=de-DE,aspect=1-1/caption.txt
        bundle/locale=de-DE,aspect=1-1/hero.png
        earlier-rounds/visual/locale=en-GB,aspect=9-16/hero.png
        index.html
        manifest.json"#]]
    .assert_eq(&paths.join("\n"));
}

#[tokio::test]
async fn money_has_its_currency_and_what_was_lost_on_the_way_is_in_no_file() {
    let blobs = Memory::default();
    let (mut state, entries) = campaign(&blobs, &shapes);
    let pictures = Pictures::of(&state, &blobs).await.unwrap();
    let delivery = compose(&outline(), &state, &entries, &pictures);
    let (page, all) = (text(&delivery, "index.html"), state.cost.money);
    let tile = format!("<dd class=\"number\">{all}</dd><dt class=\"label\">USD</dt>");
    assert!(!all.is_zero() && page.contains(&tile), "{tile}");
    assert!(page.contains("1 call · 900 tokens · 0.0027 USD"));
    // As after a kill between a request and its answer.
    state.lost = Cost { tokens: Tokens(5_000), calls: Calls(1), money: Money(15_000_000) };
    let lost = state.lost;
    state.spent.by_agent.values_mut().for_each(|spent| *spent = spent.plus(lost));
    assert_eq!(compose(&outline(), &state, &entries, &pictures), delivery);
    // Without a currency it is still told.
    state.pin = None;
    let page = text(&compose(&outline(), &state, &entries, &pictures), "index.html");
    assert!(page.contains("tokens · money 0.0027"));
}

#[tokio::test]
async fn the_same_run_gives_the_same_bytes() {
    assert_eq!(composed().await, composed().await);
}

#[tokio::test]
async fn the_order_in_which_things_happened_is_not_in_the_files() {
    let blobs = Memory::default();
    let (state, mut entries) = campaign(&blobs, &shapes);
    let pictures = Pictures::of(&state, &blobs).await.unwrap();
    let before = compose(&outline(), &state, &entries, &pictures);
    // Facts about different cells may come in any order; the state is the same.
    entries.reverse();
    let started =
        |fact: &bailiwick_core::Fact| matches!(fact, bailiwick_core::Fact::CellStarted { .. });
    entries.sort_by_key(|entry| !entry.facts.iter().any(started));
    assert_eq!(compose(&outline(), &state, &entries, &pictures), before);
}

#[tokio::test]
async fn every_asset_says_where_it_comes_from() {
    let manifest: Value = serde_json::from_str(&text(&composed().await, "manifest.json")).unwrap();
    let assets = manifest["assets"].as_array().unwrap();
    let story = assets
        .iter()
        .find(|asset| asset["file"] == "bundle/locale=en-GB,aspect=9-16/hero.png")
        .unwrap();
    assert_eq!((&story["step"], &story["round"]), (&"visual".into(), &1.into()));
    assert_eq!(story["parents"][0]["name"], "logo.svg");
    assert_eq!(story["routes"], serde_json::json!(["writer: builtin"]));
    assert_eq!(story["delivered_by"]["step"], "bundle");
    let judges: Vec<&str> =
        story["verdicts"].as_array().unwrap().iter().filter_map(|v| v["judge"].as_str()).collect();
    assert_eq!(judges, ["claims", "claims", "tone", "brand", "brand"]);
    let decisions: Vec<&str> = story["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|d| d["decision"].as_str())
        .collect();
    assert_eq!(decisions, ["approve", "reject", "approve"]);
    let above: Vec<&str> =
        story["above"].as_array().unwrap().iter().filter_map(|a| a["step"].as_str()).collect();
    assert_eq!(above, ["research", "draft", "bundle"]);
    assert_eq!(story["cost"]["above"]["tokens"], 900 + 850 + 120);
    // The caption was made below the picture: the editor's verdicts on the picture count for it too.
    let caption = assets
        .iter()
        .find(|asset| asset["file"] == "bundle/locale=en-GB,aspect=9-16/caption.txt")
        .unwrap();
    assert_eq!(caption["step"], "bundle");
    assert_eq!(caption["decisions"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_manifest_lists_every_other_file_with_its_digest() {
    let delivery = composed().await;
    let manifest: Value = serde_json::from_str(&text(&delivery, "manifest.json")).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len() + 1, delivery.files.len());
    for (listed, file) in listed.iter().zip(&delivery.files) {
        assert_eq!(listed["file"], file.path.as_str());
        if let Content::Artifact(artifact) = &file.content {
            assert_eq!(listed["digest"], artifact.digest.to_string());
        }
    }
}

#[tokio::test]
async fn the_page_needs_nothing_but_its_files() {
    let page = text(&composed().await, "index.html");
    let policy = "content=\"default-src &#39;none&#39;; img-src data: &#39;self&#39;; style-src &#39;unsafe-inline&#39;\"";
    assert!(page.contains(policy));
    for outside in
        ["<script", "http://", "https://", "url(", "@import", "<iframe", "<form", "<link"]
    {
        assert!(!page.contains(outside), "{outside}");
    }
    let released = page.matches("<article").count();
    assert_eq!(released, 1 + 3, "research and every released bundle have a card");
    assert_eq!(page.matches("<img class").count() + page.matches("<img src").count(), 3 + 1);
}

#[tokio::test]
async fn a_run_without_output_says_why() {
    let blobs = Memory::default();
    let (mut state, entries) = campaign(&blobs, &shapes);
    state.output = None;
    state.end = Some(bailiwick_core::fact::RunEnd::Failed);
    state.reason = Some("1 of 4 cells of `visual` failed".into());
    let delivery = compose(&outline(), &state, &entries, &Pictures::default());
    let paths: Vec<&str> = delivery.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["index.html", "manifest.json"]);
    let page = text(&delivery, "index.html");
    assert!(
        page.contains("1 of 4 cells of `visual` failed")
            && page.contains("limit:cpu used 5.0 s of 5 s")
    );
    let manifest: Value = serde_json::from_str(&text(&delivery, "manifest.json")).unwrap();
    assert_eq!(
        (&manifest["state"], manifest["dropped"].as_array().unwrap().len()),
        (&"failed".into(), 2)
    );
}
