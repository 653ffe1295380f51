//! Calm: paper that warms towards the ground, centred type with air, layered hills under a low sun.

use super::shapes::{Dice, hill};
use super::{Align, Anchor, Art, Contrast, Design, Plan, button};
use crate::canvas::{Canvas, Fill, circle};
use crate::frame::{Class, Frame, Rect};
use crate::kit::Voice;
use crate::palette::Palette;
use crate::revision::Revision;

pub(super) fn design(frame: &Frame, palette: &Palette, revision: &Revision) -> Design {
    let surface = palette.background;
    let ink = if revision.strongest_contrast {
        palette.strongest_on(surface)
    } else {
        palette.ink_on(surface, &[palette.primary, palette.text])
    };
    let soft = if revision.strongest_contrast {
        ink
    } else {
        palette.ink_on(surface, &[palette.text, palette.primary])
    };
    let wishes = match revision.variation % 2 {
        0 => [palette.primary, palette.accent, palette.text],
        _ => [palette.accent, palette.primary, palette.text],
    };
    let (button, label) = button(palette, surface, &wishes, Contrast::of(frame, revision));
    Design {
        surface,
        ink,
        soft,
        button,
        label,
        shapes: vec![palette.secondary, palette.primary],
        corner: 0.5,
        voice: Voice::Headline,
        tracking: -0.012,
        leading: 1.08,
        largest: 0.098,
        plan: plan(frame, revision),
    }
}

fn plan(frame: &Frame, revision: &Revision) -> Plan {
    let m = frame.margin * revision.margin;
    let (w, h) = (frame.w, frame.h);
    let centred = |logo: Rect, text: Rect, art: Rect| Plan {
        logo,
        text,
        art: Some(art),
        row: false,
        align: Align::Centre,
        anchor: Anchor::Middle,
    };
    match frame.class {
        Class::Square | Class::Portrait | Class::Tower => {
            let land = if frame.class == Class::Square { 0.24 } else { 0.3 };
            let art = Rect::new(0.0, (h * (1.0 - land)).round(), w, (h * land).round());
            let inner = w - 2.0 * m;
            let logo_w = inner * if frame.class == Class::Tower { 0.8 } else { 0.36 };
            let top = (m * 1.1).max(frame.covered);
            let logo = Rect::new((w - logo_w) / 2.0, top, logo_w, frame.unit * 0.058);
            let text_top = logo.bottom() + m * 1.15 * revision.logo_space;
            let inset = if frame.class == Class::Tower { m } else { m * 1.35 };
            centred(
                logo,
                Rect::new(inset, text_top, w - 2.0 * inset, art.y - m * 0.7 - text_top),
                art,
            )
        }
        Class::Landscape => {
            let left = (w * 0.6).round();
            let art = Rect::new(left, 0.0, w - left, h);
            let logo = Rect::new(m, m, (left - m) * 0.42, h * 0.085);
            let top = logo.bottom() + m * 0.75 * revision.logo_space;
            let text = Rect::new(m, top, left - 1.9 * m, h - m - top);
            Plan { align: Align::Left, anchor: Anchor::Middle, ..centred(logo, text, art) }
        }
        Class::Banner => {
            let left = (w - h * if w / h > 5.0 { 1.5 } else { 1.0 }).round();
            let art = Rect::new(left, 0.0, w - left, h);
            let logo = Rect::new(m, h * 0.31, w * 0.15, h * 0.38);
            let x = logo.right() + m * 1.4 * revision.logo_space;
            let text = Rect::new(x, m * 0.6, left - m * 0.8 - x, h - 1.2 * m);
            Plan { row: true, align: Align::Left, ..centred(logo, text, art) }
        }
    }
}

pub(super) fn ground(
    canvas: &mut Canvas,
    frame: &Frame,
    design: &Design,
    palette: &Palette,
    art: Art,
) {
    let (Art::Drawn(seed), Some(area)) = (art, design.plan.art) else { return };
    let (paper, (sun, _), land) = (palette.background, palette.by_light(), palette.primary);
    let mut dice = Dice::new(seed);
    if design.plan.align == Align::Centre {
        let warm = paper.mix(sun, 0.34);
        canvas.rect(
            Rect::new(0.0, area.y - area.h * 0.12, frame.w, area.h * 1.12),
            Fill::Gradient(
                [(0.0, area.y - area.h * 0.12), (0.0, area.y + area.h * 0.75)],
                [paper, warm],
            ),
        );
    } else {
        let warm = paper.mix(sun, 0.42);
        canvas.rect(
            area,
            Fill::Gradient(
                [(area.x, area.y), (area.x + area.w * 0.5, area.bottom())],
                [warm, warm.mix(paper, 0.35)],
            ),
        );
    }
    canvas.only(area);
    let tall = area.h > area.w;
    let low = if tall { 0.46 } else { 0.86 };
    let radius = if tall { area.w * 0.3 } else { area.h * 0.34 };
    let sun_x = area.x + area.w * [0.3, 0.66, 0.5].get(dice.below(3)).copied().unwrap_or(0.5);
    let sun_y = area.bottom() - area.h * low * if tall { 1.08 } else { 0.72 };
    canvas.fill(circle(sun_x, sun_y, radius), Fill::Flat(sun));
    let lift = |by: f32, heights: [f32; 5]| heights.map(|h| h * low * by);
    let flip = dice.below(2) == 1;
    let layers = [
        (0.30, lift(0.86, [0.62, 0.9, 0.66, 0.78, 0.96])),
        (0.58, lift(0.72, [0.92, 0.55, 0.74, 0.5, 0.62])),
        (1.0, lift(0.5, [0.42, 0.66, 0.9, 0.6, 0.34])),
    ];
    for (depth, mut heights) in layers {
        if flip {
            heights.reverse();
        }
        canvas.fill(hill(area, &heights), Fill::Flat(paper.mix(land, depth)));
    }
    canvas.everywhere();
}
