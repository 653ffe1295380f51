//! Editorial: paper and hairlines, a serif where the brand has one, square corners, one framed plate.

use super::shapes::{Dice, polygon};
use super::{Align, Anchor, Art, Contrast, Design, Plan, button};
use crate::canvas::{Canvas, Fill, circle};
use crate::colour::Colour;
use crate::frame::{Class, Frame, Rect};
use crate::kit::Voice;
use crate::palette::Palette;
use crate::revision::Revision;

pub(super) fn design(frame: &Frame, palette: &Palette, revision: &Revision) -> Design {
    let surface = match revision.variation % 2 {
        1 if !revision.strongest_contrast => palette.background.mix(palette.secondary, 0.16),
        _ => palette.background,
    };
    let ink = if revision.strongest_contrast {
        palette.strongest_on(surface)
    } else {
        palette.ink_on(surface, &[palette.text, palette.primary])
    };
    let (button, label) = button(
        palette,
        surface,
        &[palette.text, palette.primary, palette.accent],
        Contrast::of(frame, revision),
    );
    let (light, deep) = palette.by_light();
    Design {
        surface,
        ink,
        soft: ink,
        button,
        label,
        shapes: vec![palette.primary, light, deep, fourth(palette)],
        corner: 0.0,
        voice: Voice::Editorial,
        tracking: -0.014,
        leading: 1.1,
        largest: 0.102,
        plan: plan(frame, revision),
    }
}

/// A colour for the plate that is none of the other three and not the paper, which would fray its edge.
fn fourth(palette: &Palette) -> Colour {
    /// Colours closer than this look like one.
    const ALIKE: f32 = 48.0;
    let taken = [palette.background, palette.primary, palette.secondary, palette.accent];
    let free = |colour: &&Colour| taken.iter().all(|other| other.distance(**colour) > ALIKE);
    palette
        .all
        .iter()
        .find(|colour| free(colour) && colour.luminance() > 0.2)
        .copied()
        .unwrap_or_else(|| palette.secondary.mix(palette.background, 0.5))
}

fn plan(frame: &Frame, revision: &Revision) -> Plan {
    let m = frame.margin * revision.margin;
    let (w, h) = (frame.w, frame.h);
    let inner = w - 2.0 * m;
    let stack = |logo: Rect, text: Rect, art: Rect| Plan {
        logo,
        text,
        art: Some(art),
        row: false,
        align: Align::Left,
        anchor: Anchor::Bottom,
    };
    match frame.class {
        Class::Square | Class::Portrait => {
            let top = m.max(frame.covered);
            let logo = Rect::new(m, top, inner * 0.4, frame.unit * 0.052);
            let art_top = (logo.bottom() + m * 0.95 * revision.logo_space).round();
            let share = if frame.class == Class::Square { 0.25 } else { 0.3 };
            let art = Rect::new(m, art_top, inner, (h * share).round());
            let text_top = art.bottom() + m;
            let bottom = (m * 0.95).max(frame.covered);
            stack(logo, Rect::new(m, text_top, inner, h - bottom - text_top), art)
        }
        Class::Tower => {
            let logo = Rect::new(m, m, inner * 0.8, frame.unit * 0.06);
            let art_h = (h * 0.22).round();
            let art = Rect::new(m, h - m - art_h, inner, art_h);
            let top = logo.bottom() + m * 2.0 * revision.logo_space;
            Plan {
                anchor: Anchor::Middle,
                ..stack(logo, Rect::new(m, top, inner, art.y - m * 1.2 - top), art)
            }
        }
        Class::Landscape => {
            let art_w = (w * 0.35).round();
            let art = Rect::new(w - m - art_w, m, art_w, h - 2.0 * m);
            let logo = Rect::new(m, m, inner * 0.28, h * 0.078);
            let top = logo.bottom() + m * 1.5 * revision.logo_space;
            stack(logo, Rect::new(m, top, art.x - m * 0.9 - m, h - m - top), art)
        }
        Class::Banner => {
            let art_w = (w * 0.16).round();
            let art = Rect::new(w - art_w, 0.0, art_w, h);
            let logo = Rect::new(m, h * 0.32, w * 0.14, h * 0.36);
            let x = logo.right() + m * 2.0 * revision.logo_space;
            Plan {
                row: true,
                anchor: Anchor::Middle,
                ..stack(logo, Rect::new(x, m * 0.6, art.x - m - x, h - 1.2 * m), art)
            }
        }
    }
}

pub(super) fn ground(canvas: &mut Canvas, frame: &Frame, design: &Design, art: Art) {
    if let Some(line) = hairline(frame, &design.plan) {
        canvas.rect(line, Fill::Flat(design.ink));
    }
    let (Art::Drawn(seed), Some(area)) = (art, design.plan.art) else { return };
    let mut shapes = design.shapes.iter().copied();
    let mut next = || shapes.next().unwrap_or(design.ink);
    let (field, warm, hot, light) = (next(), next(), next(), next());
    let mut dice = Dice::new(seed);
    canvas.only(area);
    canvas.rect(area, Fill::Flat(field));
    match dice.below(3) {
        0 => horizon(canvas, area, (warm, hot, field)),
        1 => arches(canvas, area, [warm, hot, field, light]),
        _ => slope(canvas, area, (warm, hot, light)),
    }
    canvas.everywhere();
}

/// The hairline: between logo and plate, or beside the logo in a row; none where it would crowd the logo.
pub(super) fn hairline(frame: &Frame, plan: &Plan) -> Option<Rect> {
    /// It keeps this share of the logo's height away from it.
    const SPACE: f32 = 0.35;
    let thick = (frame.unit * 0.0018).round().max(1.0);
    if plan.row {
        let x = ((plan.logo.right() + plan.text.x) / 2.0).round();
        return Some(Rect::new(x, (frame.h * 0.22).round(), thick, (frame.h * 0.56).round()));
    }
    let art = plan.art.map_or(plan.text.y, |art| art.y);
    let (below, share) = match frame.class {
        Class::Landscape | Class::Tower => (plan.text.y, 0.45),
        _ => (art, 0.5),
    };
    let y = plan.logo.bottom() + (below - plan.logo.bottom()) * share;
    let clear = y.round() - plan.logo.bottom() >= (plan.logo.h * SPACE).max(4.0);
    clear.then(|| Rect::new(plan.text.x, y.round(), plan.text.w, thick))
}

/// A disc over a sea of lines that grow towards the front.
fn horizon(canvas: &mut Canvas, area: Rect, (sun, glow, deep): (Colour, Colour, Colour)) {
    let level = area.y + area.h * 0.58;
    let radius = area.h.min(area.w) * 0.36;
    let x = area.x + area.w * 0.62;
    canvas.fill(circle(x, level, radius), Fill::Flat(sun));
    canvas.rect(Rect::new(area.x, level, area.w, area.bottom() - level), Fill::Flat(glow));
    let mut y = level + area.h * 0.03;
    let mut thick = area.h * 0.012;
    while y < area.bottom() {
        canvas.rect(Rect::new(area.x, y, area.w, thick), Fill::Flat(deep));
        y += thick + area.h * 0.05;
        thick *= 1.55;
    }
}

/// Arches in one another, cut by the lower edge.
fn arches(canvas: &mut Canvas, area: Rect, colours: [Colour; 4]) {
    let count = (area.w / area.h / 2.0).round().clamp(1.0, 4.0);
    let step = area.w / count;
    for place in 0..count as usize {
        let x = area.x + step * (place as f32 + 0.5);
        let outer = (step * 0.5).min(area.h * 0.96);
        for (ring, share) in [1.0, 0.74, 0.48, 0.22].into_iter().enumerate() {
            let colour =
                colours.get((ring + place) % colours.len()).copied().unwrap_or(Colour::BLACK);
            canvas.fill(circle(x, area.bottom(), outer * share), Fill::Flat(colour));
        }
    }
}

/// A road that climbs past a disc.
fn slope(canvas: &mut Canvas, area: Rect, (sun, road, light): (Colour, Colour, Colour)) {
    let radius = area.h.min(area.w) * 0.26;
    canvas.fill(circle(area.x + area.w * 0.3, area.y + area.h * 0.38, radius), Fill::Flat(sun));
    let at = |x: f32, y: f32| (area.x + area.w * x, area.y + area.h * y);
    canvas.fill(
        polygon(&[at(0.0, 1.0), at(0.0, 0.82), at(1.0, 0.22), at(1.0, 1.0)]),
        Fill::Flat(road),
    );
    canvas.fill(
        polygon(&[at(0.0, 1.0), at(0.0, 0.94), at(1.0, 0.5), at(1.0, 1.0)]),
        Fill::Flat(light),
    );
    canvas.fill(polygon(&[at(0.28, 1.0), at(1.0, 0.72), at(1.0, 1.0)]), Fill::Flat(sun));
}
