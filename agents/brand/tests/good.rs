//! Whatever `visual` composes passes: texts × languages × styles × sizes, judged by their pixels.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod support;

use brand::task::Verdict;
use support::{COPY, STYLES, Studio};

const SIZES: [(u32, u32); 16] = [
    (1080, 1080),
    (1080, 1350),
    (1080, 1920),
    (1200, 628),
    (1920, 1080),
    (1500, 500),
    (970, 250),
    (728, 90),
    (320, 100),
    (160, 600),
    (300, 600),
    (300, 250),
    (600, 500),
    (2400, 1256),
    (64, 64),
    (120, 4096),
];

#[test]
fn every_composed_picture_passes() {
    all_pass(&Studio::new());
}

#[test]
fn a_brand_without_fonts_passes_too() {
    all_pass(&Studio::plain());
}

fn all_pass(studio: &Studio) {
    let mut seen = 0;
    let mut failed = Vec::new();
    for (locale, headline, body, cta) in COPY {
        for style in STYLES {
            for (w, h) in SIZES {
                let commission = studio.commission((locale, headline, body, cta), style, (w, h));
                let picture = match studio.compose(commission) {
                    Ok(picture) => picture,
                    // A small size may have no room for a long headline; it must say so.
                    Err(failure) => {
                        assert!(format!("{failure:?}").contains("does not fit"), "{failure:?}");
                        assert!(w * h < 200_000, "{style} {locale} {w}×{h}: {failure:?}");
                        continue;
                    }
                };
                let judgement = studio.judge(&picture, (w, h));
                if judgement.verdict != Verdict::Pass {
                    failed.push(format!(
                        "{style} {locale} {w}×{h} “{headline}”: {:?}",
                        judgement.reasons
                    ));
                }
                seen += 1;
            }
        }
    }
    assert!(failed.is_empty(), "{} of {seen} pictures:\n{}", failed.len(), failed.join("\n"));
    assert!(seen >= 200, "only {seen} pictures could be composed");
}

#[test]
fn every_revision_still_passes() {
    let studio = Studio::new();
    let rules =
        ["contrast", "text-fit", "overlap", "logo-clear-space", "palette", "something else"];
    let mut failed = Vec::new();
    for style in STYLES {
        for size in [(1080, 1080), (1200, 628), (728, 90), (1080, 1920)] {
            for rule in rules {
                for rounds in 1..4 {
                    let mut commission = studio.commission(COPY[1], style, size);
                    commission.feedback = support::feedback(rule, rounds);
                    let picture = studio.compose(commission).unwrap();
                    let judgement = studio.judge(&picture, size);
                    if judgement.verdict != Verdict::Pass {
                        failed.push(format!(
                            "{style} {size:?} {rule} × {rounds}: {:?}",
                            judgement.reasons
                        ));
                    }
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} pictures:\n{}", failed.len(), failed.join("\n"));
}
