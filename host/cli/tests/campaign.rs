//! The reference campaign from the brief to the gallery: what is delivered, who read what and when, and why rounds were sent back.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod end_to_end;

use std::collections::BTreeSet;

use end_to_end::facts::Facts;
use end_to_end::{Call, Desk, agent, example, folder};
use serde_json::{Value, json};

/// The bundles that the brief asks for: 2 locales × 2 channels × 2 styles × 3 sizes.
const BUNDLES: usize = 24;

/// The agents of the campaign.
const AGENTS: [&str; 9] =
    ["research", "draft", "claims", "tone", "visual", "brand", "seo", "bundle", "publish"];

/// Which steps each step reads, judges left out.
const READS: [(&str, &[&str]); 4] = [
    ("draft", &["research"]),
    ("visual", &["draft"]),
    ("seo", &["draft"]),
    ("bundle", &["draft", "visual", "seo"]),
];

fn campaign(desk: &Desk) -> Call {
    AGENTS.iter().for_each(|name| drop(agent(name)));
    let project = example("10-campaign");
    desk.run(&project)
        .option("input", project.join("brief.json"))
        .option("decisions", project.join("decisions.toml"))
        .option("run-id", "autumn")
}

fn texts<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}

#[test]
fn every_bundle_is_delivered_in_its_size_and_shown_in_the_gallery() {
    let desk = Desk::new();
    let out = desk.out();
    let ended = campaign(&desk).option("out", &out).ends(0);
    let gallery = out.join("index.html");
    assert_eq!(ended.stdout, format!("{}\n", gallery.display()));

    let files = folder::files(&out);
    let bundles: Value = serde_json::from_slice(&files["bundle.json"]).unwrap();
    assert_eq!(bundles.as_array().map(Vec::len), Some(BUNDLES));
    let (page, manifest) = (&files["index.html"], &files["manifest.json"]);
    let page = std::str::from_utf8(page).unwrap();
    let manifest: Value = serde_json::from_slice(manifest).unwrap();

    sizes_are_exact(&files, &bundles);
    nothing_runs_in(page);
    lineage_is_whole(&manifest);
    assert_eq!((&manifest["state"], &manifest["run"]), (&json!("done"), &json!("autumn")));
    let listed: BTreeSet<_> = texts(&manifest["files"], "file").into_iter().collect();
    let there: BTreeSet<_> =
        files.keys().map(String::as_str).filter(|name| *name != "manifest.json").collect();
    assert_eq!(listed, there, "the manifest lists what is there");
    for listed in manifest["files"].as_array().unwrap() {
        let found = format!("blake3:{}", blake3::hash(&files[listed["file"].as_str().unwrap()]));
        assert_eq!(listed["digest"], found, "{listed}");
    }
    for asset in
        manifest["assets"].as_array().unwrap().iter().filter(|asset| asset["step"] != "research")
    {
        let file = asset["file"].as_str().unwrap();
        assert!(page.contains(&format!("href=\"{file}\"")), "{file} is not in the gallery");
    }
    for bundle in bundles.as_array().unwrap() {
        let alt = bundle["value"]["alt"].as_str().unwrap();
        assert!(page.contains(&escaped(alt)), "{alt} is not in the gallery");
    }
    no_brand_file_is_in(&files);
}

/// Text as it stands in a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

fn sizes_are_exact(files: &std::collections::BTreeMap<String, Vec<u8>>, bundles: &Value) {
    let sizes = [("1-1", (1080, 1080)), ("9-16", (1080, 1920)), ("16-9", (1600, 900))];
    let pictures: Vec<_> = files.iter().filter(|(name, _)| name.ends_with(".png")).collect();
    assert_eq!(pictures.iter().filter(|(name, _)| name.starts_with("bundle/")).count(), BUNDLES);
    for (name, bytes) in pictures {
        let aspect = name.rsplit_once("aspect=").unwrap().1.split_once('/').unwrap().0;
        let wanted = sizes.iter().find(|(id, _)| *id == aspect).unwrap().1;
        let size = imagesize::blob_size(bytes).unwrap();
        assert_eq!((size.width, size.height), wanted, "{name}");
    }
    for bundle in bundles.as_array().unwrap() {
        let digest = bundle["value"]["image"]["$artifact"].as_str().unwrap();
        let (aspect, w, h) = (&bundle["axis"]["aspect"], "w", "h");
        let found = files
            .values()
            .find(|bytes| format!("blake3:{}", blake3::hash(bytes)) == digest)
            .unwrap();
        let size = imagesize::blob_size(found).unwrap();
        assert_eq!(
            (json!(size.width), json!(size.height)),
            (aspect[w].clone(), aspect[h].clone()),
            "{bundle}"
        );
    }
}

fn nothing_runs_in(page: &str) {
    let policy = "default-src &#39;none&#39;; img-src data: &#39;self&#39;; style-src &#39;unsafe-inline&#39;";
    assert!(
        page.contains(&format!("http-equiv=\"Content-Security-Policy\" content=\"{policy}\"")),
        "no CSP"
    );
    let lower = page.to_lowercase();
    for forbidden in [
        "<script",
        "javascript:",
        "<iframe",
        "<object",
        "<link",
        "src=\"http",
        "@import",
        "url(http",
    ] {
        assert!(!lower.contains(forbidden), "{forbidden} is in the gallery");
    }
}

fn lineage_is_whole(manifest: &Value) {
    let assets: Vec<_> = manifest["assets"].as_array().unwrap().iter().collect();
    assert_eq!(assets.iter().filter(|asset| asset["media_type"] == "image/png").count(), BUNDLES);
    for asset in assets {
        let judges: BTreeSet<_> = texts(&asset["verdicts"], "judge").into_iter().collect();
        assert_eq!(judges, ["brand", "claims", "tone"].into(), "{asset}");
        let people: BTreeSet<_> = texts(&asset["decisions"], "judge").into_iter().collect();
        assert_eq!(people, ["copy_desk", "editor"].into(), "{asset}");
        assert!(
            texts(&asset["decisions"], "by").iter().all(|by| by.starts_with("uid:")),
            "{asset}"
        );
        assert_eq!(asset["routes"], json!(["builtin"]), "{asset}");
        let made = &asset["made_by"];
        let agent = &manifest["agents"][made["agent"].as_str().unwrap()];
        assert_eq!(made["component"], agent["component"], "{asset}");
        assert!(made["component"].as_str().unwrap().starts_with("blake3:"), "{asset}");
        assert!(!asset["inputs"].as_array().unwrap().is_empty(), "{asset}");
        let above: BTreeSet<_> = texts(&asset["above"], "step").into_iter().collect();
        let wanted: &[&str] = match asset["step"].as_str().unwrap() {
            // The picture was there before the bundle that holds it.
            "visual" => &["research", "draft", "bundle"],
            _ => &["research", "draft", "visual", "seo"],
        };
        assert!(above.is_superset(&wanted.iter().copied().collect()), "{asset}");
    }
}

/// The digests of the brand's own files.
fn brand_files() -> Vec<String> {
    let files = folder::files(&example("10-campaign").join("brand/files"));
    assert!(files.len() >= 6, "logo, fonts and palette");
    files.values().map(|bytes| format!("blake3:{}", blake3::hash(bytes))).collect()
}

fn no_brand_file_is_in(files: &std::collections::BTreeMap<String, Vec<u8>>) {
    let brand = brand_files();
    for (name, bytes) in files {
        assert!(
            !brand.contains(&format!("blake3:{}", blake3::hash(bytes))),
            "{name} is a file of the brand"
        );
    }
}

#[test]
fn readers_of_a_judged_step_begin_when_it_is_released_and_see_that() {
    let desk = Desk::new();
    let facts = Facts::new(campaign(&desk).word("--json").ends(0).lines());
    assert_eq!(facts.end()["end"], "done");
    assert_eq!(facts.released_of("bundle"), BUNDLES);
    let released: Vec<_> = facts.released().collect();
    let mut seen = 0;
    for (place, cell, start) in facts.started() {
        let Some((_, reads)) = READS.iter().find(|(step, _)| *step == cell.step) else { continue };
        for step in *reads {
            let of_step = released.iter().filter(|(_, other, _)| other.step == *step);
            let above: Vec<_> = of_step.filter(|(_, other, _)| other.is_above(&cell)).collect();
            let [(at, _, release)] = above[..] else { panic!("{cell:?} reads one cell of {step}") };
            assert!(*at < place, "{cell:?} began before {step} was released");
            let member = if *step == "draft" { "copy" } else { step };
            assert_eq!(
                start["input"]["value"][member], release["output"]["value"],
                "{cell:?} sees what was released of {step}"
            );
            seen += 1;
        }
    }
    // 4 drafts and 3 that were written again (an edit runs nothing), 24 pictures and one
    // that was made again.
    assert_eq!(seen, 7 + 25 + 4 + 3 * BUNDLES);
    bundle_sees_no_brand_file(&facts);
}

fn bundle_sees_no_brand_file(facts: &Facts) {
    let brand = brand_files();
    let names_one = |text: &str| brand.iter().any(|digest| text.contains(digest));
    let inputs = |step: &'static str| facts.started().filter(move |(_, cell, _)| cell.step == step);
    assert!(
        inputs("visual").all(|(_, _, start)| names_one(&start["input"].to_string())),
        "visual is granted them"
    );
    assert!(!inputs("bundle").any(|(_, _, start)| names_one(&start.to_string())));
    assert!(!facts.answers_to("bundle").any(|answer| names_one(&answer.to_string())));
    let bundles: Vec<_> = facts.released().filter(|(_, cell, _)| cell.step == "bundle").collect();
    assert!(!bundles.iter().any(|(_, _, release)| names_one(&release.to_string())));
}

#[test]
fn show_gives_a_reason_for_each_round_that_was_sent_back() {
    let desk = Desk::new();
    campaign(&desk).ends(0);
    let (shown, told) = (desk.shown("autumn"), desk.told("autumn"));
    let mut sent_back = Vec::new();
    for step in shown["steps"].as_array().unwrap() {
        for cell in step["cells"].as_array().unwrap() {
            let name =
                format!("{}/{}", step["step"].as_str().unwrap(), cell["cell"].as_str().unwrap());
            for round in 0..cell["round"].as_u64().unwrap() {
                let last =
                    cell["said"].as_array().unwrap().iter().rfind(|said| said["round"] == round);
                let (why, by) = reason(
                    last.unwrap_or_else(|| panic!("nobody sent {name} back in round {round}")),
                );
                assert!(told.contains(&why), "{why} is not in\n{told}");
                sent_back.push(format!("{name} {round} {by}"));
            }
        }
    }
    sent_back.sort();
    assert_eq!(
        sent_back,
        [
            "draft/locale=de-DE,channel=instagram 0 claims",
            "draft/locale=de-DE,channel=instagram 1 copy_desk",
            "draft/locale=de-DE,channel=web 0 claims",
            "draft/locale=en-GB,channel=web 0 copy_desk",
            "visual/locale=en-GB,channel=instagram,style=calm,aspect=9:16 0 editor",
        ]
    );
}

/// Why a judge sent a candidate back, and which one.
fn reason(said: &Value) -> (String, String) {
    let by = said["judge"].as_str().unwrap().to_owned();
    let why = match said["decision"].as_str() {
        Some(decision) => {
            assert!(["reject", "edit"].contains(&decision), "{said}");
            said["comment"].clone()
        }
        None => {
            assert_eq!(said["verdict"], "revise", "{said}");
            said["reasons"][0]["message"].clone()
        }
    };
    let why = why.as_str().unwrap_or_else(|| panic!("no reason in {said}"));
    assert!(!why.trim().is_empty(), "{said}");
    (why.to_owned(), by)
}
