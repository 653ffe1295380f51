//! Judges a composed picture by its pixels: size, contrast, fit, logo space, palette.
//! This file orders the checks; it knows `visual` only by the shape of its answer.

mod ink;
mod palette;
mod parts;
mod picture;
mod region;
mod rules;
mod surroundings;
pub mod task;

use bailiwick::{Failure, Host};

use palette::Palette;
use picture::{Picture, PictureError};
use rules::{Findings, Rule};
use task::{Aspect, Candidate, Judgement};

/// Judges a composed picture by its pixels: size, contrast, fit, logo space, palette.
///
/// # Errors
/// `invalid-input` where the brand files have no palette to judge by. A picture that cannot be
/// read is no error but vetoed.
#[bailiwick::agent]
pub fn brand(candidate: Candidate, host: &Host) -> Result<Judgement, Failure> {
    let palette = candidate
        .brand
        .get("palette.json")
        .ok_or_else(|| Failure::invalid_input("brand: there is no palette.json"))?;
    let palette = host.artifacts().get(palette)?;
    let palette =
        Palette::parse(&palette).map_err(|error| Failure::invalid_input(error.to_string()))?;
    let file = host.artifacts().get(&candidate.subject.image)?;
    Ok(judge(&file, &candidate, &palette))
}

fn judge(file: &[u8], candidate: &Candidate, palette: &Palette) -> Judgement {
    let mut findings = Findings::default();
    match read(file, candidate.aspect, &mut findings) {
        Ok(Some(picture)) => look(&picture, candidate, palette, &mut findings),
        Ok(None) => {}
        Err(error) => findings.note(Rule::Image, error.to_string()),
    }
    findings.judge()
}

/// The pixels of a picture of the right size; the size is known before they are decoded.
fn read(
    file: &[u8],
    asked: Aspect,
    findings: &mut Findings,
) -> Result<Option<Picture>, PictureError> {
    let (w, h) = picture::size(file)?;
    if (w, h) != (asked.w, asked.h) {
        findings.note(
            Rule::Size,
            format!("the picture has {w} × {h} pixels, {} × {} were asked for", asked.w, asked.h),
        );
        return Ok(None);
    }
    Picture::decode(file).map(Some)
}

fn look(picture: &Picture, candidate: &Candidate, palette: &Palette, findings: &mut Findings) {
    let placed = parts::place(&candidate.subject.layout, picture, findings);
    if findings.is_vetoed() {
        return;
    }
    parts::check(&placed, picture, findings);
    let logos: Vec<_> =
        placed.iter().filter(|part| part.role == "logo").map(|part| part.area).collect();
    palette.check(picture, &logos, findings);
    surroundings::check(&placed, picture, findings);
}
