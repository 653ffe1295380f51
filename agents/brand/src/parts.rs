//! What is asked of each part that a picture says it has: fit, contrast, room; every number is measured.

use crate::ink::{Sight, look, median};
use crate::picture::Picture;
use crate::region::Region;
use crate::rules::{Findings, Rule};
use crate::task::Part;

/// A picture has about six parts; a list longer than this describes none.
pub(crate) const MAX_PARTS: usize = 64;
/// All boxes together may cover the picture this many times: measuring them is bounded by it.
const MOST_COVER: u64 = 4;
/// What WCAG 2 AA asks of text.
const READABLE: f64 = 4.5;
/// What WCAG 2 AA asks of graphics.
const VISIBLE: f64 = 3.0;
/// Share of a box's pixels that must be ink for it to hold text; a single speck is none.
const LEAST_INK: f64 = 0.004;
/// A line of the clear space around a logo may have this share of stray pixels: noise of a painted ground.
const STRAY: f64 = 0.003;
/// How far a pixel of the clear space may be from its ground.
const CLEAR: f32 = 30.0;

/// A part with a box that lies in the picture.
#[derive(Debug, Clone)]
pub(crate) struct Placed<'p> {
    /// Its role.
    pub(crate) role: &'p str,
    /// The part of its box that lies in the picture.
    pub(crate) area: Region,
    /// Whether some of its box lies outside.
    cut: bool,
}

impl Placed<'_> {
    fn is_text(&self) -> bool {
        !matches!(self.role, "logo" | "button" | "decor")
    }

    /// Whether `other` may lie over it.
    fn carries(&self, other: &Placed<'_>) -> bool {
        self.role == "button" && other.role == "cta" && self.area.holds(&other.area)
    }
}

/// Finds the parts' places; what cannot be true is noted as a lie.
pub(crate) fn place<'p>(
    parts: &'p [Part],
    picture: &Picture,
    findings: &mut Findings,
) -> Vec<Placed<'p>> {
    let bounds = picture.bounds();
    if parts.len() > MAX_PARTS {
        findings.note(
            Rule::Layout,
            format!("{} parts are listed, at most {MAX_PARTS} make sense", parts.len()),
        );
        return Vec::new();
    }
    let mut placed = Vec::with_capacity(parts.len());
    for part in parts {
        let role = known(&part.role);
        let Some(area) = Region::cut(part.area, bounds) else {
            let area = part.area;
            findings.note(
                Rule::Layout,
                format!(
                    "{role}: no pixel of the picture is in its box {}, {}, {} × {}",
                    area.x, area.y, area.w, area.h
                ),
            );
            continue;
        };
        let whole = i128::from(part.area.w) * i128::from(part.area.h);
        placed.push(Placed { role, area, cut: whole != i128::from(area.pixels()) });
    }
    let covered: u64 = placed.iter().map(|p| p.area.pixels()).sum();
    if covered > bounds.pixels().saturating_mul(MOST_COVER) {
        findings.note(
            Rule::Layout,
            format!("the boxes cover the picture more than {MOST_COVER} times"),
        );
    }
    placed
}

/// Checks each part and each pair of parts.
pub(crate) fn check(placed: &[Placed<'_>], picture: &Picture, findings: &mut Findings) {
    for role in ["headline", "logo"] {
        if !placed.iter().any(|p| p.role == role) {
            findings.note(Rule::Missing, format!("there is no {role}"));
        }
    }
    for part in placed {
        if part.cut {
            findings.note(Rule::TextFit, format!("{}: its box leaves the picture", part.role));
        }
        if part.is_text() {
            text(part, picture, findings);
        } else if part.role == "logo" {
            logo(part, picture, findings);
        }
    }
    for (place, one) in placed.iter().enumerate() {
        for other in placed.iter().skip(place + 1) {
            if one.area.overlaps(&other.area) && !one.carries(other) && !other.carries(one) {
                findings.note(
                    Rule::Overlap,
                    format!("{} and {} lie over one another", one.role, other.role),
                );
            }
        }
    }
}

fn text(part: &Placed<'_>, picture: &Picture, findings: &mut Findings) {
    let role = part.role;
    let sight = look(picture, part.area);
    if !sight.even {
        findings.note(Rule::BusyBackground, format!("{role}: what it stands on is uneven"));
        return;
    }
    if is_blank(&sight, part.area) {
        findings.note(Rule::EmptyText, format!("{role}: nothing can be seen in its box"));
        return;
    }
    if sight.crossing > 0 {
        findings.note(
            Rule::TextFit,
            format!("{role}: {} pixels of ink touch the edge of its box", sight.crossing),
        );
    }
    contrast(role, &sight, READABLE, findings);
}

fn logo(part: &Placed<'_>, picture: &Picture, findings: &mut Findings) {
    let area = part.area;
    let bounds = picture.bounds();
    let space = (area.w().min(area.h()) / 4).max(3);
    let room = area.grown(space, bounds);
    let at_edge = room.right - area.right < space
        || room.bottom - area.bottom < space
        || area.left - room.left < space
        || area.top - room.top < space;
    if at_edge {
        findings.note(
            Rule::LogoClearSpace,
            format!("logo: less than {space} px from the edge of the picture"),
        );
        return;
    }
    let around: Vec<_> =
        room.rim(space).into_iter().flat_map(|side| picture.pixels(side)).collect();
    let ground = median(around.iter().copied());
    let strange = around.iter().filter(|c| c.distance(ground) > CLEAR).count();
    if strange as f64 > around.len() as f64 * STRAY {
        let share = strange as f64 * 100.0 / around.len() as f64;
        findings.note(
            Rule::LogoClearSpace,
            format!("logo: {share:.1} % of the {space} px around it are not free"),
        );
    }
    let sight = look(picture, room);
    if is_blank(&sight, area) {
        findings.note(Rule::Missing, "logo: nothing can be seen in its box".to_owned());
        return;
    }
    contrast("logo", &sight, VISIBLE, findings);
}

fn contrast(role: &str, sight: &Sight, least: f64, findings: &mut Findings) {
    if let Some(worst) = sight.worst.filter(|worst| worst.ratio < least) {
        findings.note(
            Rule::Contrast,
            format!(
                "{role}: contrast {:.2} of {} on {}, {least} is needed",
                worst.ratio, worst.ink, worst.ground
            ),
        );
    }
}

fn is_blank(sight: &Sight, area: Region) -> bool {
    (sight.ink as f64) < (area.pixels() as f64 * LEAST_INK).max(4.0)
}

/// A name that is safe to repeat: guests' own words stay out of messages.
fn known(role: &str) -> &'static str {
    match role {
        "headline" => "headline",
        "body" => "body",
        "cta" => "cta",
        "button" => "button",
        "logo" => "logo",
        "decor" => "decor",
        _ => "text of another role",
    }
}
