//! The agent as a host sees it: its case, its refusals, what feedback and a painter change.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bailiwick::fake::{Capability, Fake};
use bailiwick::{Artifact, Failure};
use serde_json::{Value, json};
use visual::task::{Commission, Feedback, Picture, Reason, Role, Words};
use visual::visual;

/// Spoils a commission.
type Change = fn(&Fake, &mut Commission);

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The case's input, `$file` taken from the fixtures as a host would take it from a project.
fn input(fake: &Fake) -> Value {
    let text = std::fs::read(folder("tests/cases/bold_square_de/input.json")).unwrap();
    let mut input: Value = serde_json::from_slice(&text).unwrap();
    for (name, file) in input["brand"].as_object_mut().unwrap() {
        let bytes =
            std::fs::read(folder("fixtures/brand").join(file["$file"].as_str().unwrap())).unwrap();
        *file =
            serde_json::to_value(fake.artifact(bytes, "application/octet-stream", name.as_str()))
                .unwrap();
    }
    input
}

fn commission(fake: &Fake) -> Commission {
    serde_json::from_value(input(fake)).unwrap()
}

fn compose(change: impl FnOnce(&Fake, &mut Commission)) -> Result<(Picture, Vec<u8>), Failure> {
    let fake = Fake::new();
    let mut commission = commission(&fake);
    change(&fake, &mut commission);
    let picture = visual(commission, &fake.host())?;
    let bytes = fake.bytes(&picture.image).unwrap();
    Ok((picture, bytes))
}

fn refusal(change: impl FnOnce(&Fake, &mut Commission)) -> String {
    match compose(change) {
        Err(Failure::InvalidInput(text)) => text,
        other => panic!("{:?}", other.map(|(picture, _)| picture)),
    }
}

fn put(fake: &Fake, commission: &mut Commission, name: &str, bytes: &[u8]) {
    let reference: Artifact = fake.artifact(bytes, "application/octet-stream", name);
    commission.brand.insert(name.into(), reference);
}

#[test]
fn answers_its_case() {
    let fake = Fake::new();
    let answer = fake.perform(visual, &input(&fake)).unwrap();
    let path = folder("tests/cases/bold_square_de/expected.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&answer).unwrap() + "\n").unwrap();
    }
    let expected: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(answer, expected, "UPDATE_EXPECT=1 writes the case anew");
}

#[test]
fn the_size_is_exact_and_the_bytes_are_the_same_each_time() {
    for (w, h) in [(1080, 1080), (97, 64), (728, 90), (4096, 2048)] {
        let once = || {
            compose(|_, c| {
                c.copy.headline = "Go".into();
                c.copy.cta = String::new();
                (c.aspect.w, c.aspect.h) = (w, h);
            })
        };
        let (_, bytes) = once().unwrap();
        let size =
            png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap().info().size();
        assert_eq!(size, (w, h));
        assert_eq!(bytes, once().unwrap().1);
    }
}

#[test]
fn styles_and_variations_are_really_different() {
    let looks = ["bold", "calm", "editorial"]
        .map(|style| compose(|_, c| c.style = visual::task::Choice::Id(style.into())).unwrap().1);
    assert_eq!(looks.iter().collect::<BTreeSet<_>>().len(), 3);
    let unknown =
        compose(|_, c| c.style = serde_json::from_value(json!({ "id": "vaporwave" })).unwrap());
    assert!(unknown.is_ok());
    let named = compose(|_, c| {
        c.style = serde_json::from_value(json!({ "id": "x", "treatment": "calm" })).unwrap()
    })
    .unwrap();
    assert_eq!(
        named.0.layout[0].background,
        compose(|_, c| c.style = visual::task::Choice::Id("calm".into())).unwrap().0.layout[0]
            .background
    );
}

#[test]
fn each_rule_of_the_judge_changes_the_picture() {
    let first = compose(|_, _| {}).unwrap().1;
    for rule in [
        "contrast",
        "busy-background",
        "text-fit",
        "empty-text",
        "overlap",
        "logo-clear-space",
        "palette",
        "undeclared-ink",
        "no-such-rule",
    ] {
        let reason = Reason { rule: rule.into(), ..Reason::default() };
        let feedback = Feedback { by: "brand".into(), round: 0, reasons: vec![reason] };
        let revised = compose(|_, c| c.feedback = vec![feedback]).unwrap().1;
        assert_ne!(revised, first, "{rule}");
    }
}

#[test]
fn characters_that_no_font_has_are_named() {
    let text = refusal(|_, c| c.copy.headline = "新しい自転車".into());
    assert!(text.contains("新 (U+65B0)") && text.contains("brand files"), "{text}");
    let text = refusal(|_, c| c.copy.body = "דרך".into());
    assert!(text.contains("right to left"), "{text}");
}

#[test]
fn emoji_and_greek_come_from_the_built_in_fonts() {
    let (picture, _) = compose(|_, c| c.copy.headline = "Ελλάδα 🚲\u{fe0f} Київ".into()).unwrap();
    let headline = picture.layout.iter().find(|placed| placed.role == Role::Headline).unwrap();
    assert_eq!(headline.lines.join(" "), "Ελλάδα 🚲 Київ");
}

#[test]
fn what_makes_no_picture_is_refused_with_its_place() {
    let table: [(&str, Change); 10] = [
        ("each side must be", |_, c| c.aspect.w = 63),
        ("pixels are more than", |_, c| (c.aspect.w, c.aspect.h) = (4096, 4096)),
        ("copy.headline: must not be blank", |_, c| c.copy.headline = " \u{200b} ".into()),
        ("copy.body: 1001 characters", |_, c| c.copy.body = "a".repeat(1001)),
        ("no palette.json", |_, c| drop(c.brand.remove("palette.json"))),
        ("logo.svg is needed", |_, c| c.brand.retain(|name, _| !name.starts_with("logo"))),
        ("logo.svg: ", |f, c| put(f, c, "logo.svg", b"<svg")),
        ("logo.svg: draws nothing", |f, c| {
            put(f, c, "logo.svg", br#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>"#)
        }),
        ("A.ttf: not a TrueType", |f, c| put(f, c, "A.ttf", b"no font")),
        ("fonts.body names Gone.ttf", |f, c| {
            put(f, c, "palette.json", br##"{"primary": "#123456", "fonts": {"body": "Gone.ttf"}}"##)
        }),
    ];
    for (expected, change) in table {
        let text = refusal(change);
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn a_headline_that_cannot_fit_is_refused_and_a_body_is_left_out() {
    let text = refusal(|_, c| {
        c.copy.headline = "Donaudampfschifffahrtsgesellschaft ".repeat(8);
        (c.aspect.w, c.aspect.h) = (120, 64);
    });
    assert!(text.contains("does not fit"), "{text}");
    let (picture, _) = compose(|_, c| (c.aspect.w, c.aspect.h) = (600, 64)).unwrap();
    assert!(picture.layout.iter().all(|placed| placed.role != Role::Body));
    assert!(picture.notes[0].contains("the body was left out"), "{:?}", picture.notes);
}

#[test]
fn no_file_beside_the_logo_is_read() {
    let svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 90 90"><rect width="90" height="90" fill="#fff"/><image xlink:href="{}" width="90" height="90"/></svg>"##,
        folder("fixtures/brand/logo.svg").display()
    );
    let plain = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 90"><rect width="90" height="90" fill="#fff"/></svg>"##;
    let with = |svg: &str| {
        compose(|f, c| {
            c.brand.remove("logo-inverse.svg");
            put(f, c, "logo.svg", svg.as_bytes());
        })
    };
    assert_eq!(with(&svg).unwrap().1, with(plain).unwrap().1);
}

#[test]
fn a_painted_background_takes_the_brands_colours() {
    let fake = Fake::new()
        .draw_with("painter", |picture| (painting(picture.width, picture.height), "image/png"));
    let mut commission = commission(&fake);
    commission.image_model = Some("painter".into());
    let picture = visual(commission, &fake.host()).unwrap();
    assert!(picture.notes.is_empty(), "{:?}", picture.notes);
    let painted = fake.bytes(&picture.image).unwrap();
    assert_ne!(painted, compose(|_, _| {}).unwrap().1);
}

#[test]
fn without_a_painter_the_background_is_drawn() {
    let fake = Fake::new().deny(Capability::Model);
    let mut commission = commission(&fake);
    commission.image_model = Some("painter".into());
    let picture = visual(commission, &fake.host()).unwrap();
    assert!(picture.notes[0].contains("not painted by painter"), "{:?}", picture.notes);
    assert_eq!(fake.bytes(&picture.image).unwrap(), compose(|_, _| {}).unwrap().1);
}

#[test]
fn the_alternative_text_is_the_copy() {
    let (picture, _) = compose(|_, c| {
        c.copy = Words { headline: "Go\u{ad}ing.".into(), body: "Now!".into(), cta: String::new() }
    })
    .unwrap();
    assert_eq!(picture.alt, "Going. Now!");
}

/// A loud picture in colours that no brand has.
fn painting(w: u32, h: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, w, h);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> = (0..h)
        .flat_map(|y| (0..w).flat_map(move |x| [(x / 4) as u8, (y / 4) as u8, 255]))
        .collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}
