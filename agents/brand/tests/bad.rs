//! Pictures spoilt on purpose: each gets the expected verdict for the expected rule.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use brand::task::{Area, Part, Verdict};
use serde_json::{Value, json};
use support::{STYLES, Sheet, Studio};

const SIZE: (u32, u32) = (1080, 1080);

/// Spoils a good picture.
type Spoil = fn(&mut Sheet);

const TABLE: [(&str, Spoil); 16] = [
    ("text-fit", |sheet| sheet.part("headline").area.w /= 2),
    ("text-fit", |sheet| sheet.part("body").area.h -= 20),
    ("text-fit", shift_headline_off_the_canvas),
    ("text-fit", |sheet| {
        let most = sheet.w;
        let area = &mut sheet.part("cta").area;
        area.w = most;
    }),
    ("overlap", |sheet| sheet.part("body").area.y -= 60),
    ("overlap", |sheet| {
        let everything = sheet.all();
        sheet.part("decor").area = everything;
    }),
    ("contrast", |sheet| fade(sheet, "headline", 0.82)),
    ("contrast", |sheet| fade(sheet, "body", 0.8)),
    ("contrast", |sheet| fade(sheet, "cta", 0.75)),
    ("logo-clear-space", |sheet| {
        let logo = sheet.part("logo").area;
        sheet.each(Area { x: logo.x + logo.w + 4, y: logo.y, w: 30, h: logo.h }, |_, _, _| {
            [255, 90, 54]
        });
    }),
    ("logo-clear-space", |sheet| {
        let logo = sheet.part("logo").area;
        sheet.each(Area { x: 0, y: logo.y + logo.h + 5, w: 1080, h: 2 }, |_, _, _| [255, 90, 54]);
    }),
    ("palette", |sheet| {
        let decor = sheet.part("decor").area;
        sheet.each(decor, |_, _, _| [255, 0, 200]);
    }),
    ("empty-text", |sheet| fade(sheet, "headline", 1.0)),
    ("busy-background", |sheet| {
        let body = sheet.part("body").area;
        sheet.each(body, |x, y, old| if (x / 9 + y / 9) % 2 == 0 { [242, 165, 65] } else { old });
    }),
    ("undeclared-ink", |sheet| sheet.parts.retain(|part| part.role != "body")),
    ("missing", |sheet| fade(sheet, "logo", 1.0)),
];

#[test]
fn each_fault_is_found_and_named() {
    let studio = Studio::new();
    for style in STYLES {
        let good = studio.sheet(style, SIZE);
        assert_eq!(
            studio.judge_sheet(&good).verdict,
            Verdict::Pass,
            "{style}: the copy of a good picture"
        );
        for (place, (rule, spoil)) in TABLE.into_iter().enumerate() {
            let mut sheet = good.clone();
            spoil(&mut sheet);
            let judgement = studio.judge_sheet(&sheet);
            assert_eq!(
                judgement.verdict,
                Verdict::Revise,
                "{style} {place} {rule}: {judgement:#?}"
            );
            assert!(
                judgement.reasons.iter().any(|r| r.rule == rule),
                "{style} {place} {rule}: {judgement:#?}"
            );
            assert!(judgement.score < 1.0 && judgement.reasons.iter().all(|r| !r.fix.is_empty()));
        }
    }
}

/// The case is a picture kept as a file, so that the judge is also held to what `visual` no longer draws.
#[test]
fn answers_its_case() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/faded_headline");
    let studio = Studio::new();
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    if update {
        let mut sheet = studio.sheet("bold", (300, 250));
        fade(&mut sheet, "headline", 0.8);
        std::fs::write(format!("{folder}/picture.png"), sheet.png()).unwrap();
        let subject = json!({ "image": { "$file": "picture.png" }, "layout": sheet.parts });
        let input = json!({ "subject": subject, "aspect": { "id": "rectangle", "w": 300, "h": 250 }, "brand": { "palette.json": { "$file": "palette.json" } } });
        std::fs::write(
            format!("{folder}/input.json"),
            serde_json::to_string_pretty(&input).unwrap() + "\n",
        )
        .unwrap();
    }
    let read = |name: &str| std::fs::read(format!("{folder}/{name}")).unwrap();
    let mut input: Value = serde_json::from_slice(&read("input.json")).unwrap();
    for file in ["/subject/image", "/brand/palette.json"] {
        let place = input.pointer_mut(file).unwrap();
        let bytes = read(place["$file"].as_str().unwrap());
        *place = serde_json::to_value(studio.file(bytes)).unwrap();
    }
    let answer = studio.perform(&input);
    if update {
        std::fs::write(
            format!("{folder}/expected.json"),
            serde_json::to_string_pretty(&answer).unwrap() + "\n",
        )
        .unwrap();
    }
    let expected: Value = serde_json::from_slice(&read("expected.json")).unwrap();
    assert_eq!(answer, expected, "UPDATE_EXPECT=1 writes the case anew");
}

#[test]
fn another_size_than_asked_for_is_vetoed() {
    let studio = Studio::new();
    let sheet = studio.sheet("bold", SIZE);
    let judgement = studio.judge_parts(studio.file(sheet.png()), sheet.parts.clone(), (1080, 1081));
    assert_eq!((judgement.verdict, judgement.reasons[0].rule.as_str()), (Verdict::Veto, "size"));
    assert_eq!(judgement.score, 0.0);
}

#[test]
fn files_that_are_no_picture_are_vetoed() {
    let studio = Studio::new();
    let sheet = studio.sheet("calm", (300, 250));
    let png = sheet.png();
    let broken = [
        Vec::new(),
        b"GIF89a".to_vec(),
        png[..png.len() / 2].to_vec(),
        png[..40].to_vec(),
        flipped(&png),
    ];
    for (place, file) in broken.into_iter().enumerate() {
        let judgement = studio.judge_parts(studio.file(file), sheet.parts.clone(), (300, 250));
        assert_eq!(
            (judgement.verdict, judgement.reasons[0].rule.as_str()),
            (Verdict::Veto, "image"),
            "{place}"
        );
    }
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let studio = Studio::new();
    for (w, h) in [(65_535, 65_535), (2_147_483_647, 1), (4096, 4096)] {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, w, h);
        encoder.set_color(png::ColorType::Rgba);
        let mut writer = encoder.write_header().unwrap();
        writer.write_chunk(png::chunk::IDAT, &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]).unwrap();
        drop(writer);
        let judgement = studio.judge_parts(studio.file(file), Vec::new(), (w, h));
        assert_eq!(
            (judgement.verdict, judgement.reasons[0].rule.as_str()),
            (Verdict::Veto, "image"),
            "{w}×{h}"
        );
    }
}

#[test]
fn boxes_that_cannot_be_true_are_vetoed() {
    let studio = Studio::new();
    let good = studio.sheet("bold", (300, 250));
    let part = |x, y, w, h| Part { role: "body".into(), area: Area { x, y, w, h } };
    let all = part(0, 0, 300, 250);
    let lies = [
        vec![part(10, 10, 0, 10)],
        vec![part(10, 10, -50, 10)],
        vec![part(300, 0, 10, 10)],
        vec![part(i64::MIN, i64::MIN, i64::MAX, i64::MAX)],
        vec![part(i64::MAX, 0, i64::MAX, 10)],
        vec![all.clone(); 20],
        vec![all; 100_000],
    ];
    for (place, lie) in lies.into_iter().enumerate() {
        let mut sheet = good.clone();
        sheet.parts.extend(lie);
        let judgement = studio.judge_sheet(&sheet);
        assert_eq!(
            (judgement.verdict, judgement.reasons[0].rule.as_str()),
            (Verdict::Veto, "layout"),
            "{place}: {judgement:#?}"
        );
        assert!(judgement.reasons.len() <= 24);
    }
}

#[test]
fn an_unknown_role_is_held_to_the_rules_of_text() {
    let studio = Studio::new();
    let mut sheet = studio.sheet("calm", SIZE);
    sheet.parts.push(Part { role: "<script>".into(), area: Area { x: 20, y: 20, w: 40, h: 40 } });
    let judgement = studio.judge_sheet(&sheet);
    assert_eq!(judgement.reasons[0].rule, "empty-text");
    assert!(!format!("{judgement:?}").contains("script"));
}

fn shift_headline_off_the_canvas(sheet: &mut Sheet) {
    let area = sheet.part("headline").area;
    let by = area.x + 40;
    let before = sheet.clone();
    sheet.each(Area { x: 0, w: sheet.w, ..area }, |x, y, _| {
        before.at((x + by).min(before.w - 1), y)
    });
    let area = &mut sheet.part("headline").area;
    area.w -= 40;
    area.x = 0;
}

/// Mixes what is in a part's box with its ground: 1.0 wipes it out.
fn fade(sheet: &mut Sheet, role: &str, share: f32) {
    let area = sheet.part(role).area;
    let ground = sheet.at(area.x, area.y);
    sheet.each(area, |_, _, old| {
        let mix =
            |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share).round() as u8;
        [mix(old[0], ground[0]), mix(old[1], ground[1]), mix(old[2], ground[2])]
    });
}

fn flipped(png: &[u8]) -> Vec<u8> {
    let mut file = png.to_vec();
    let middle = file.len() / 2;
    file[middle] ^= 0x55;
    file
}
