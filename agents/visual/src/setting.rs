//! The words at the largest size at which all of them fit their place; knows no colour and no style.

use crate::family::Family;
use crate::frame::{Class, Frame};
use crate::lines::{Division, Line, Shape, Text};

/// From one try to the next the headline loses this share of its size.
const STEP: f32 = 0.965;
/// Dividing words is worth it only where it makes the headline this much larger.
const DIVISION_GAIN: f32 = 1.35;
/// Lines of running text longer than this many em are hard to follow.
const LONGEST_LINE: f32 = 32.0;
/// Height of a button, in label sizes.
const BUTTON_HEIGHT: f32 = 2.55;
/// Air on each side of a label, in label sizes.
const BUTTON_AIR: f32 = 1.25;
/// A body larger than this share of the headline competes with it.
const LARGEST_BODY: f32 = 0.62;
/// Below this share of its wished size a label may take a second line.
const BREAKS_BELOW: f32 = 0.78;
/// No type is smaller than this many pixels.
const SMALLEST_PX: f32 = 9.0;

/// The words do not fit, even at the smallest size.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("the {part} does not fit {w} × {h} pixels even at {size:.0} px: shorten it")]
pub(crate) struct DoesNotFit {
    part: &'static str,
    w: u32,
    h: u32,
    size: f32,
}

/// The words of a picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copytext<'t> {
    /// The largest.
    pub(crate) headline: &'t str,
    /// May be empty.
    pub(crate) body: &'t str,
    /// May be empty.
    pub(crate) cta: &'t str,
    /// Decides where words may be divided.
    pub(crate) locale: &'t str,
}

/// The faces for each part.
pub(crate) struct Voices<'k> {
    /// For the headline.
    pub(crate) headline: Family<'k>,
    /// For the body.
    pub(crate) body: Family<'k>,
    /// For the button.
    pub(crate) cta: Family<'k>,
}

/// Lines at one size.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The lines.
    pub(crate) lines: Vec<Line>,
    /// Pixels to the em.
    pub(crate) size: f32,
    /// Baseline to baseline in pixels.
    pub(crate) leading: f32,
    /// From the top of the first line's capitals, accents included, to its baseline, in pixels.
    pub(crate) cap: f32,
}

impl Block {
    /// From the capitals of the first line to the last baseline.
    pub(crate) fn height(&self) -> f32 {
        self.cap + self.leading * self.lines.len().saturating_sub(1) as f32
    }
}

/// A label and its button's size.
#[derive(Debug, Clone)]
pub(crate) struct Button {
    /// The label.
    pub(crate) label: Block,
    /// In pixels.
    pub(crate) w: f32,
    /// In pixels.
    pub(crate) h: f32,
}

/// Everything, with the spaces between.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The headline.
    pub(crate) headline: Block,
    /// The body, where there is one and room for it.
    pub(crate) body: Option<Block>,
    /// The button, where it stands below the words.
    pub(crate) button: Option<Button>,
    /// From the headline's last baseline to what follows.
    pub(crate) below_headline: f32,
    /// From the body's last baseline to the button.
    pub(crate) below_body: f32,
}

impl Setting {
    /// From the first capitals to the end of the last part.
    pub(crate) fn height(&self) -> f32 {
        let body = self.body.as_ref().map_or(0.0, |b| self.below_headline + b.height());
        let before = if self.body.is_some() { self.below_body } else { self.below_headline };
        let button = self.button.as_ref().map_or(0.0, |b| before + b.h);
        // Descenders of a last line that nothing follows.
        let tail = match (&self.button, &self.body) {
            (Some(_), _) => 0.0,
            (None, Some(body)) => body.size * 0.24,
            (None, None) => self.headline.size * 0.24,
        };
        self.headline.height() + body + button + tail
    }
}

/// How large things may be here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Headline: largest and smallest, pixels.
    pub(crate) headline: (f32, f32),
    /// Body: largest and smallest, pixels.
    pub(crate) body: (f32, f32),
    /// Headline's baselines apart, in em.
    pub(crate) leading: f32,
    /// Most lines of a headline.
    pub(crate) lines: usize,
    /// Most lines of a body.
    pub(crate) body_lines: usize,
}

impl Sizes {
    /// For a frame; `largest` is the style's share of the unit, `scale` what revisions ask for.
    pub(crate) fn of(frame: &Frame, largest: f32, leading: f32, scale: f32) -> Sizes {
        let (top, lines) = match frame.class {
            Class::Banner => (frame.h * 0.30, 2),
            Class::Tower => (frame.w * 0.19, 7),
            Class::Landscape => (frame.unit * largest * 0.95, 4),
            Class::Portrait | Class::Square => (frame.unit * largest, 5),
        };
        let body = match frame.class {
            Class::Banner => (frame.h * 0.155).max(frame.unit * 0.03),
            Class::Tower => frame.unit * 0.042,
            _ => frame.unit * 0.0315,
        };
        let bottom = (frame.unit * 0.036).min(frame.w * 0.085).max(SMALLEST_PX + 1.0);
        let headline = (top * scale).max(bottom);
        Sizes {
            headline: (headline, bottom.min(headline)),
            body: (body.max(SMALLEST_PX), (body * 0.84).max(SMALLEST_PX)),
            leading,
            lines,
            body_lines: if frame.class == Class::Banner { 2 } else { 12 },
        }
    }
}

/// A label of one line, or two in a narrow place, in its button; `None` where there are no words.
///
/// # Errors
/// [`DoesNotFit`] where the label is wider than `width` at the smallest size.
pub(crate) fn button(
    copy: &Copytext<'_>,
    family: &Family<'_>,
    size: f32,
    width: f32,
) -> Result<Option<Button>, DoesNotFit> {
    let text = Text::cut(copy.cta, family, Division::Words, copy.locale);
    if text.is_empty() {
        return Ok(None);
    }
    let wanted = size;
    let mut size = size;
    loop {
        let most = if size < wanted * BREAKS_BELOW { 2 } else { 1 };
        let measure = (width / size - 2.0 * BUTTON_AIR).max(0.1);
        if let Some(lines) = text.lines(family, measure, Shape::Balanced)
            && lines.len() <= most
        {
            let longest = lines.iter().map(|line| line.width).fold(0.0, f32::max);
            let label = Block {
                lines,
                size,
                leading: (size * 1.25).round(),
                cap: family.cap_height() * size,
            };
            let w = ((longest + 2.0 * BUTTON_AIR) * size).ceil();
            let h = (size * BUTTON_HEIGHT + label.height() - label.cap).round();
            return Ok(Some(Button { label, w, h }));
        }
        if size <= SMALLEST_PX {
            return Err(DoesNotFit {
                part: "button's label",
                w: width as u32,
                h: (size * BUTTON_HEIGHT) as u32,
                size,
            });
        }
        size = (size * STEP).max(SMALLEST_PX);
    }
}

/// Finds the largest setting within `width` × `height`; leaves out the body where only that helps.
///
/// # Errors
/// [`DoesNotFit`] where even the headline alone is too much.
pub(crate) fn fit(
    copy: &Copytext<'_>,
    voices: &Voices<'_>,
    sizes: Sizes,
    (width, height): (f32, f32),
    with_button: bool,
) -> Result<Setting, DoesNotFit> {
    let search = |division: Division, body: &str, sizes: Sizes| {
        let (head, text) = match division {
            Division::Words => (Division::Words, Division::Words),
            _ => (Division::LongWords, Division::Syllables),
        };
        let head = Text::cut(copy.headline, &voices.headline, head, copy.locale);
        let text = Text::cut(body, &voices.body, text, copy.locale);
        largest(&head, &text, copy, voices, sizes, (width, height), with_button)
    };
    if with_button {
        // Said of the button itself: below it would look as if the headline were too long.
        button(copy, &voices.cta, SMALLEST_PX * 2.0, width)?;
    }
    let small = Sizes { body: (sizes.body.0, (sizes.body.1 * 0.75).max(SMALLEST_PX)), ..sizes };
    let tries: &[(&str, Sizes)] = if copy.body.trim().is_empty() {
        &[("", sizes)]
    } else {
        &[(copy.body, sizes), (copy.body, small), ("", sizes)]
    };
    for (body, sizes) in tries {
        let whole = search(Division::Words, body, *sizes);
        let divided = search(Division::Syllables, body, *sizes);
        let best = match (whole, divided) {
            (Some(whole), Some(divided))
                if divided.headline.size > whole.headline.size * DIVISION_GAIN =>
            {
                Some(divided)
            }
            (Some(whole), _) => Some(whole),
            (None, divided) => divided,
        };
        if let Some(setting) = best {
            return Ok(setting);
        }
    }
    Err(DoesNotFit { part: "headline", w: width as u32, h: height as u32, size: sizes.headline.1 })
}

fn largest(
    head: &Text,
    text: &Text,
    copy: &Copytext<'_>,
    voices: &Voices<'_>,
    sizes: Sizes,
    (width, height): (f32, f32),
    with_button: bool,
) -> Option<Setting> {
    let mut size = sizes.headline.0;
    loop {
        if let Some(setting) = set(head, text, copy, voices, sizes, (width, size), with_button)
            && setting.height() <= height
        {
            return Some(setting);
        }
        if size <= sizes.headline.1 {
            return None;
        }
        size = (size * STEP).max(sizes.headline.1);
    }
}

fn set(
    head: &Text,
    text: &Text,
    copy: &Copytext<'_>,
    voices: &Voices<'_>,
    sizes: Sizes,
    (width, size): (f32, f32),
    with_button: bool,
) -> Option<Setting> {
    let lines = head.lines(&voices.headline, width / size, Shape::Balanced)?;
    if lines.len() > sizes.lines {
        return None;
    }
    let rise = lines.first().map_or(0.0, |line| voices.headline.rise(line));
    let cap = (voices.headline.cap_height() + rise) * size;
    let headline = Block { lines, size, leading: (size * sizes.leading).round(), cap };
    let small = (size * 0.42).clamp(sizes.body.1, sizes.body.0);
    if !text.is_empty() && small > size * LARGEST_BODY {
        return None;
    }
    let body = if text.is_empty() {
        None
    } else {
        let measure = width.min(LONGEST_LINE * small);
        let lines = text.lines(&voices.body, measure / small, Shape::Running)?;
        if lines.len() > sizes.body_lines {
            return None;
        }
        Some(Block {
            lines,
            size: small,
            leading: (small * 1.42).round(),
            cap: voices.body.cap_height() * small,
        })
    };
    let button = if with_button { button(copy, &voices.cta, small, width).ok()? } else { None };
    let below_headline = match &body {
        Some(_) => size * 0.42 + small * 0.75,
        None => size * 0.45 + small * 1.1,
    };
    Some(Setting { headline, body, button, below_headline, below_body: small * 1.75 })
}
