//! Bold: a field of the brand's colour, heavy type set tight, a mosaic of geometric tiles that bleeds off the edge.

use super::shapes::{Corner, Dice, leaf, polygon, quarter};
use super::{Align, Anchor, Art, Contrast, Design, Plan, button};
use crate::canvas::{Canvas, Fill, circle};
use crate::colour::Colour;
use crate::frame::{Class, Frame, Rect};
use crate::kit::Voice;
use crate::palette::{COMFORTABLE, Palette};
use crate::revision::Revision;

/// Colours closer than this look like one.
const ALIKE: f32 = 48.0;

pub(super) fn design(frame: &Frame, palette: &Palette, revision: &Revision) -> Design {
    let contrast = Contrast::of(frame, revision);
    let comfortable = |c: &Colour| palette.strongest_on(*c).contrast(*c) >= COMFORTABLE;
    let fields: Vec<Colour> = [palette.primary, palette.text, palette.secondary, palette.accent]
        .into_iter()
        .filter(comfortable)
        .collect();
    let surface = if revision.strongest_contrast {
        palette.text
    } else {
        fields
            .get(revision.variation as usize % fields.len().max(1))
            .copied()
            .unwrap_or(palette.primary)
    };
    let ink = match contrast {
        Contrast::Strongest => palette.strongest_on(surface),
        Contrast::Styled => {
            palette.ink_on(surface, &[palette.background, palette.text, palette.primary])
        }
    };
    let (button, label) =
        button(palette, surface, &[palette.accent, palette.secondary, ink], contrast);
    let mut shapes: Vec<Colour> = Vec::new();
    for colour in [palette.secondary, palette.accent, palette.background, palette.primary]
        .into_iter()
        .chain(palette.all.iter().copied())
    {
        let new = shapes.iter().all(|known| known.distance(colour) > ALIKE);
        if new && colour.distance(surface) > ALIKE && shapes.len() < 5 {
            shapes.push(colour);
        }
    }
    if shapes.is_empty() {
        shapes.push(surface.mix(ink, 0.3));
    }
    Design {
        surface,
        ink,
        soft: ink,
        button,
        label,
        shapes,
        corner: 0.5,
        voice: Voice::Headline,
        tracking: -0.022,
        leading: 1.0,
        largest: 0.13,
        plan: plan(frame, revision),
    }
}

fn plan(frame: &Frame, revision: &Revision) -> Plan {
    let m = frame.margin * revision.margin;
    let (w, h) = (frame.w, frame.h);
    let stack = |logo: Rect, text: Rect, art: Rect| Plan {
        logo,
        text,
        art: Some(art),
        row: false,
        align: Align::Left,
        anchor: Anchor::Bottom,
    };
    match frame.class {
        Class::Square => {
            let tile = (w / 5.0).round();
            let art = Rect::new(2.0 * tile, 0.0, w - 2.0 * tile, tile * tiles(frame).1);
            let logo = Rect::new(m, m, 2.0 * tile - 2.0 * m, h * 0.07);
            let top = art.bottom() + m * 0.9;
            stack(logo, Rect::new(m, top, w - 2.0 * m, h - m - top), art)
        }
        Class::Portrait | Class::Tower => {
            let (columns, rows) = tiles(frame);
            let tile = w / columns;
            let art = Rect::new(0.0, (h - rows * tile).round(), w, (rows * tile).round());
            let top = m.max(frame.covered);
            let logo = Rect::new(
                m,
                top,
                (w - 2.0 * m) * if columns == 2.0 { 0.8 } else { 0.42 },
                frame.unit * 0.062,
            );
            let text_top = logo.bottom() + m * 1.1 * revision.logo_space;
            let mut plan =
                stack(logo, Rect::new(m, text_top, w - 2.0 * m, art.y - m - text_top), art);
            plan.anchor = Anchor::Middle;
            plan
        }
        Class::Landscape => {
            let tile = h / 3.0;
            let left = (w - tiles(frame).0 * tile).round();
            let art = Rect::new(left, 0.0, w - left, h);
            let logo = Rect::new(m, m, (left - 2.0 * m) * 0.5, h * 0.095);
            let top = logo.bottom() + m * 0.9 * revision.logo_space;
            stack(logo, Rect::new(m, top, left - 2.0 * m, h - m - top), art)
        }
        Class::Banner => {
            let (columns, rows) = tiles(frame);
            let tile = h / rows;
            let left = (w - columns * tile).round();
            let art = Rect::new(left, 0.0, w - left, h);
            let logo = Rect::new(m, h * 0.3, w * 0.15, h * 0.4);
            let x = logo.right() + m * 1.4 * revision.logo_space;
            Plan {
                row: true,
                anchor: Anchor::Middle,
                ..stack(logo, Rect::new(x, m * 0.6, left - m - x, h - 1.2 * m), art)
            }
        }
    }
}

pub(super) fn ground(canvas: &mut Canvas, frame: &Frame, design: &Design, art: Art) {
    let (Art::Drawn(seed), Some(area)) = (art, design.plan.art) else { return };
    let (columns, rows) = tiles(frame);
    let (tile_w, tile_h) = (area.w / columns, area.h / rows);
    let mut dice = Dice::new(seed);
    let mut above: Vec<Colour> = vec![design.surface; columns as usize];
    let mut motif = dice.below(MOTIFS);
    for row in 0..rows as usize {
        let mut left = design.surface;
        for (column, above) in above.iter_mut().enumerate() {
            let edge = |n: usize, step: f32| (n as f32 * step).round();
            let (x, y) = (area.x + edge(column, tile_w), area.y + edge(row, tile_h));
            let (right, bottom) =
                (area.x + edge(column + 1, tile_w), area.y + edge(row + 1, tile_h));
            let tile = Rect::new(x, y, right - x, bottom - y);
            let ground = pick(&design.shapes, &mut dice, &[left, *above]);
            let mut others = design.shapes.clone();
            others.push(design.surface);
            let front = pick(&others, &mut dice, &[ground]);
            let third = pick(&others, &mut dice, &[ground, front]);
            motif = (motif + 1 + dice.below(MOTIFS - 1)) % MOTIFS;
            canvas.rect(tile, Fill::Flat(ground));
            draw(canvas, tile, motif, (front, third), &mut dice);
            left = ground;
            *above = ground;
        }
    }
}

/// Columns and rows of the mosaic.
fn tiles(frame: &Frame) -> (f32, f32) {
    let (w, h) = (frame.w, frame.h);
    match frame.class {
        Class::Square => (3.0, if h < w * 0.95 { 1.0 } else { 2.0 }),
        Class::Portrait => (5.0, (h * 0.3 / (w / 5.0)).round().max(1.0)),
        Class::Tower => (2.0, (h * 0.26 / (w / 2.0)).round().max(1.0)),
        Class::Landscape => ((w * 0.34 / (h / 3.0)).round().max(1.0), 3.0),
        Class::Banner => ((w * 0.18 / (h / 2.0)).round().max(1.0), 2.0),
    }
}

fn pick(among: &[Colour], dice: &mut Dice, not: &[Colour]) -> Colour {
    let free: Vec<Colour> =
        among.iter().copied().filter(|c| not.iter().all(|n| n.distance(*c) > ALIKE)).collect();
    let from = if free.is_empty() { among } else { &free };
    from.get(dice.below(from.len())).copied().unwrap_or(Colour::BLACK)
}

/// How many motifs [`draw`] knows.
const MOTIFS: usize = 6;

fn draw(
    canvas: &mut Canvas,
    tile: Rect,
    motif: usize,
    (front, third): (Colour, Colour),
    dice: &mut Dice,
) {
    let corner = Corner::ALL.get(dice.below(4)).copied().unwrap_or(Corner::TopLeft);
    let side = tile.w.min(tile.h);
    let (cx, cy) = (tile.x + tile.w / 2.0, tile.y + tile.h / 2.0);
    match motif {
        0 => canvas.fill(quarter(tile, corner, 1.0), Fill::Flat(front)),
        1 => {
            for (share, colour) in [(1.0, front), (0.66, third), (0.33, front)] {
                canvas.fill(quarter(tile, corner, share), Fill::Flat(colour));
            }
        }
        2 => canvas.fill(circle(cx, cy, side * 0.5), Fill::Flat(front)),
        3 => {
            canvas.fill(circle(cx, cy, side * 0.5), Fill::Flat(front));
            canvas.fill(circle(cx, cy, side * 0.25), Fill::Flat(third));
        }
        4 => canvas.fill(leaf(tile, corner), Fill::Flat(front)),
        _ => {
            let points = match corner {
                Corner::TopLeft => {
                    [(tile.x, tile.y), (tile.right(), tile.y), (tile.x, tile.bottom())]
                }
                Corner::TopRight => {
                    [(tile.x, tile.y), (tile.right(), tile.y), (tile.right(), tile.bottom())]
                }
                Corner::BottomRight => {
                    [(tile.right(), tile.y), (tile.right(), tile.bottom()), (tile.x, tile.bottom())]
                }
                Corner::BottomLeft => {
                    [(tile.x, tile.y), (tile.x, tile.bottom()), (tile.right(), tile.bottom())]
                }
            };
            canvas.fill(polygon(&points), Fill::Flat(front));
        }
    }
}
