//! One picture: the style's design, the words set into it, the pixels, and the list of what stands where; knows no host.

use crate::background::Background;
use crate::canvas::{Canvas, CanvasError, Fill, rounded};
use crate::colour::Colour;
use crate::family::{Family, UnsettableText};
use crate::frame::{Class, Frame, Rect};
use crate::kit::{Kit, Voice};
use crate::logo::Dress;
use crate::revision::Revision;
use crate::setting::{self, Block, Button, Copytext, DoesNotFit, Setting, Sizes, Voices};
use crate::task::{Area, Placed, Role};
use crate::treatment::{Align, Anchor, Art, Design, Treatment};

/// A text's box is larger than its ink by this share of the type size, so that ink at the edge means: cut off.
const AIR: f32 = 0.12;
/// The logo keeps at least this share of its height free on all sides.
const LOGO_SPACE: f32 = 0.5;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompositionError {
    /// See [`UnsettableText`].
    #[error(transparent)]
    Text(#[from] UnsettableText),
    /// See [`DoesNotFit`].
    #[error(transparent)]
    Fit(#[from] DoesNotFit),
    /// See [`CanvasError`].
    #[error(transparent)]
    Canvas(#[from] CanvasError),
}

/// What is to be composed.
pub(crate) struct Request<'r> {
    /// The size.
    pub(crate) frame: Frame,
    /// The look.
    pub(crate) treatment: Treatment,
    /// The words.
    pub(crate) copy: Copytext<'r>,
    /// What judges asked for.
    pub(crate) revision: Revision,
    /// A painted background in place of drawn shapes.
    pub(crate) background: Option<&'r Background>,
    /// Picks among variations of the shapes.
    pub(crate) seed: u64,
}

/// A finished picture.
pub(crate) struct Composition {
    /// The PNG.
    pub(crate) png: Vec<u8>,
    /// What stands where.
    pub(crate) layout: Vec<Placed>,
    /// What was left out.
    pub(crate) notes: Vec<String>,
}

/// Composes.
///
/// # Errors
/// [`CompositionError`] where a character cannot be set, the words do not fit, or there is no memory.
pub(crate) fn compose(
    kit: &Kit<'_>,
    request: &Request<'_>,
) -> Result<Composition, CompositionError> {
    let Request { frame, treatment, copy, revision, .. } = request;
    let design = treatment.design(frame, &kit.palette, revision);
    let voices = Voices {
        headline: kit.family(design.voice, design.tracking),
        body: kit.family(Voice::Body, 0.0),
        cta: kit.family(Voice::Cta, 0.004),
    };
    voices.headline.check(copy.headline)?;
    voices.body.check(copy.body)?;
    voices.cta.check(copy.cta)?;
    let mut canvas = Canvas::new(frame, design.surface)?;
    let art = match request.background {
        Some(_) if !revision.plain => Art::Painted,
        _ => Art::Drawn(request.seed.wrapping_add(u64::from(revision.variation))),
    };
    if let (Art::Painted, Some(background), Some(area)) = (art, request.background, design.plan.art)
    {
        let (dark, light) = tones(kit);
        background.draw(area, dark, light, &mut canvas.pixels());
    }
    // A revision that is to be plain loses the shapes, where the words do not need them to fill a row.
    let drawn = !revision.plain || design.plan.row;
    if drawn {
        treatment.ground(&mut canvas, frame, &design, &kit.palette, art);
    }
    let mut page = Page { canvas, layout: Vec::new(), notes: Vec::new(), frame, design: &design };
    let logo = page.logo(kit, revision);
    page.words(copy, &voices, revision, logo)?;
    let shapes = design.plan.art.into_iter().chain(treatment.hairline(frame, &design));
    for area in shapes.filter(|_| drawn) {
        page.place(Role::Decor, area, None);
    }
    let Page { canvas, layout, notes, .. } = page;
    Ok(Composition { png: canvas.png()?, layout, notes })
}

/// The darkest and the lightest of the brand's own colours.
fn tones(kit: &Kit<'_>) -> (Colour, Colour) {
    let palette = &kit.palette;
    if palette.primary.luminance() < palette.background.luminance() {
        (palette.primary, palette.background)
    } else {
        (palette.background, palette.primary)
    }
}

struct Page<'p> {
    canvas: Canvas,
    layout: Vec<Placed>,
    notes: Vec<String>,
    frame: &'p Frame,
    design: &'p Design,
}

/// A type's colour and what it stands on.
#[derive(Clone, Copy)]
struct Pair {
    ink: Colour,
    ground: Colour,
}

impl Page<'_> {
    /// Sets the logo and returns where it is.
    fn logo(&mut self, kit: &Kit<'_>, revision: &Revision) -> Option<Rect> {
        let place = self.design.plan.logo;
        let surface = self.design.surface;
        let (logo, dress) = kit.logo_on(surface)?;
        let (max_w, max_h) =
            (place.w * revision.logo_scale.min(1.0), place.h * revision.logo_scale);
        let h = max_h.min(max_w / logo.ratio());
        let w = h * logo.ratio();
        let x = match self.design.plan.align {
            Align::Left => place.x,
            Align::Centre => place.x + (place.w - w) / 2.0,
        };
        let y = if self.design.plan.row { place.y + (place.h - h) / 2.0 } else { place.y };
        let area = Rect::new(x.round(), y.round(), w, h);
        logo.draw(area, dress, &mut self.canvas.pixels());
        let colour = match dress {
            Dress::Recoloured(colour) => Some(colour),
            Dress::Original => logo.colour().filter(|_| logo.is_one_colour()),
        };
        self.layout.push(Placed {
            role: Role::Logo,
            area: area.area(),
            font: None,
            size: None,
            colour: colour.map(|c| c.to_string()),
            background: Some(surface.to_string()),
            lines: Vec::new(),
        });
        Some(area)
    }

    fn words(
        &mut self,
        copy: &Copytext<'_>,
        voices: &Voices<'_>,
        revision: &Revision,
        logo: Option<Rect>,
    ) -> Result<(), CompositionError> {
        let design = self.design;
        let sizes = Sizes::of(self.frame, design.largest, design.leading, revision.type_scale);
        let mut place = design.plan.text;
        if let (true, Some(logo)) = (design.plan.row, logo) {
            // In a row the words follow the logo as it came out, not the place kept for it.
            let gap =
                (place.x - design.plan.logo.right()).max(logo.h * LOGO_SPACE * revision.logo_space);
            let x = logo.right() + gap;
            place = Rect::new(x, place.y, place.right() - x, place.h);
        }
        if design.plan.row {
            let label = (self.frame.h * 0.19).clamp(9.0, self.frame.unit * 0.05);
            if let Some(button) = setting::button(copy, &voices.cta, label, place.w * 0.4)? {
                let x = place.right() - button.w;
                let y = (place.y + (place.h - button.h) / 2.0).round();
                self.button(&button, (x, y), &voices.cta);
                place.w -= button.w + self.frame.margin * 1.2;
            }
        }
        let setting = setting::fit(copy, voices, sizes, (place.w, place.h), !design.plan.row)?;
        if setting.body.is_none() && !copy.body.trim().is_empty() {
            self.notes.push(format!(
                "the body was left out: there is no room for it in {}×{}",
                self.frame.w, self.frame.h
            ));
        }
        self.stack(&setting, place, voices);
        Ok(())
    }

    fn stack(&mut self, setting: &Setting, place: Rect, voices: &Voices<'_>) {
        let design = self.design;
        let free = (place.h - setting.height()).max(0.0);
        let anchor = design.plan.anchor;
        let mut y = place.y
            + match anchor {
                Anchor::Middle if self.frame.class == Class::Banner => free / 2.0,
                // A little above the middle looks like the middle.
                Anchor::Middle => free * 0.46,
                Anchor::Bottom => free,
            };
        let headline = Pair { ink: design.ink, ground: design.surface };
        self.block(Role::Headline, &setting.headline, (place, y), &voices.headline, headline);
        y += setting.headline.height() + setting.below_headline;
        if let Some(body) = &setting.body {
            let pair = Pair { ink: design.soft, ground: design.surface };
            self.block(Role::Body, body, (place, y), &voices.body, pair);
            y += body.height() + setting.below_body;
        }
        if let Some(button) = &setting.button {
            let x = match design.plan.align {
                Align::Left => place.x,
                Align::Centre => place.x + (place.w - button.w) / 2.0,
            };
            self.button(button, (x.round(), y.round()), &voices.cta);
        }
    }

    fn block(
        &mut self,
        role: Role,
        block: &Block,
        (place, top): (Rect, f32),
        family: &Family<'_>,
        pair: Pair,
    ) {
        let mut ink: Option<Rect> = None;
        let mut baseline = (top + block.cap).round();
        for line in &block.lines {
            let width = line.width * block.size;
            let x = match self.design.plan.align {
                Align::Left => place.x - family.bearing(line) * block.size,
                Align::Centre => place.x + (place.w - width) / 2.0,
            };
            let drawn = self.canvas.type_line(line, family, (x, baseline), block.size, pair.ink);
            ink = around(ink, drawn);
            baseline += block.leading;
        }
        if let Some(ink) = ink {
            let area = ink.grown((block.size * AIR).max(2.0));
            self.text(role, area, block, family, pair);
        }
    }

    fn button(&mut self, button: &Button, (x, y): (f32, f32), family: &Family<'_>) {
        let design = self.design;
        let area = Rect::new(x, y, button.w, button.h);
        self.canvas.fill(rounded(area, button.h * design.corner), Fill::Flat(design.button));
        self.place(Role::Button, area, Some(design.button));
        let label = &button.label;
        let mut baseline = (y + (button.h - label.height()) / 2.0 + label.cap).round();
        let mut ink: Option<Rect> = None;
        for line in &label.lines {
            let at = (x + (button.w - line.width * label.size) / 2.0, baseline);
            let drawn = self.canvas.type_line(line, family, at, label.size, design.label);
            ink = around(ink, drawn);
            baseline += label.leading;
        }
        if let Some(ink) = ink {
            let pair = Pair { ink: design.label, ground: design.button };
            self.text(Role::Cta, ink.grown((label.size * AIR).max(2.0)), label, family, pair);
        }
    }

    fn text(&mut self, role: Role, area: Rect, block: &Block, family: &Family<'_>, pair: Pair) {
        self.layout.push(Placed {
            role,
            area: self.within(area),
            font: Some(family.name().to_owned()),
            size: Some((block.size * 10.0).round() / 10.0),
            colour: Some(pair.ink.to_string()),
            background: Some(pair.ground.to_string()),
            lines: block.lines.iter().map(|line| line.text.clone()).collect(),
        });
    }

    fn place(&mut self, role: Role, area: Rect, ground: Option<Colour>) {
        self.layout.push(Placed {
            role,
            area: self.within(area),
            font: None,
            size: None,
            colour: None,
            background: ground.map(|c| c.to_string()),
            lines: Vec::new(),
        });
    }

    fn within(&self, area: Rect) -> Area {
        let Area { x, y, w, h } = area.area();
        let (left, top) = (x.max(0), y.max(0));
        let right = (x + w).min(self.frame.w as i64);
        let bottom = (y + h).min(self.frame.h as i64);
        Area { x: left, y: top, w: right - left, h: bottom - top }
    }
}

/// The box of both, where there are both.
fn around(one: Option<Rect>, other: Option<Rect>) -> Option<Rect> {
    match (one, other) {
        (Some(a), Some(b)) => Some(a.union(&b)),
        (a, b) => a.or(b),
    }
}
