//! The styles: what each makes of a frame and a palette; a new one is a file here and an arm in `Treatment`.

mod bold;
mod calm;
mod editorial;
mod shapes;

use crate::canvas::Canvas;
use crate::colour::Colour;
use crate::frame::{Frame, Rect};
use crate::kit::Voice;
use crate::palette::Palette;
use crate::revision::Revision;

/// A kind of look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// A field of the brand's colour, heavy type, a mosaic of geometric tiles.
    Bold,
    /// Paper, centred type, soft hills under a low sun.
    Calm,
    /// Paper, hairlines, a serif if the brand has one, a framed plate.
    Editorial,
}

/// Where lines begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// At the left.
    Left,
    /// Around the middle.
    Centre,
}

/// Where in its place a group of words stands when there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// In the middle.
    Middle,
    /// At the lower edge.
    Bottom,
}

/// Where the parts go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    /// The logo is set into this, as large as fits.
    pub(crate) logo: Rect,
    /// The words are set into this; in a row the button too, at its right end.
    pub(crate) text: Rect,
    /// Shapes or a painted background.
    pub(crate) art: Option<Rect>,
    /// Button beside the words instead of below.
    pub(crate) row: bool,
    /// Alignment of everything.
    pub(crate) align: Align,
    /// Of the words in their place.
    pub(crate) anchor: Anchor,
}

/// A style's decisions for one picture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Design {
    /// What the words stand on.
    pub(crate) surface: Colour,
    /// The headline's colour.
    pub(crate) ink: Colour,
    /// The body's colour.
    pub(crate) soft: Colour,
    /// The button's colour.
    pub(crate) button: Colour,
    /// The label's colour.
    pub(crate) label: Colour,
    /// Colours for shapes, none of them the surface.
    pub(crate) shapes: Vec<Colour>,
    /// Corner of the button as a share of its height; 0.5 is a pill.
    pub(crate) corner: f32,
    /// Who speaks the headline.
    pub(crate) voice: Voice,
    /// Of the headline, in em.
    pub(crate) tracking: f32,
    /// Of the headline, in em.
    pub(crate) leading: f32,
    /// The largest headline as a share of the frame's unit.
    pub(crate) largest: f32,
    /// Where the parts go.
    pub(crate) plan: Plan,
}

impl Treatment {
    /// By name; one that is not known is [`Treatment::Bold`].
    pub(crate) fn named(name: &str) -> Treatment {
        match name.to_lowercase().as_str() {
            "calm" | "soft" | "minimal" | "quiet" | "warm" => Treatment::Calm,
            "editorial" | "magazine" | "elegant" | "classic" => Treatment::Editorial,
            _ => Treatment::Bold,
        }
    }

    /// Decides.
    pub(crate) fn design(self, frame: &Frame, palette: &Palette, revision: &Revision) -> Design {
        match self {
            Treatment::Bold => bold::design(frame, palette, revision),
            Treatment::Calm => calm::design(frame, palette, revision),
            Treatment::Editorial => editorial::design(frame, palette, revision),
        }
    }

    /// A line that the style draws beside its art.
    pub(crate) fn hairline(self, frame: &Frame, design: &Design) -> Option<Rect> {
        match self {
            Treatment::Editorial => editorial::hairline(frame, &design.plan),
            Treatment::Bold | Treatment::Calm => None,
        }
    }

    /// Draws what is under and beside the words, without the art where that is `painted`.
    pub(crate) fn ground(
        self,
        canvas: &mut Canvas,
        frame: &Frame,
        design: &Design,
        palette: &Palette,
        art: Art,
    ) {
        match self {
            Treatment::Bold => bold::ground(canvas, frame, design, art),
            Treatment::Calm => calm::ground(canvas, frame, design, palette, art),
            Treatment::Editorial => editorial::ground(canvas, frame, design, art),
        }
    }
}

/// Who makes the art.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Art {
    /// The style draws it; the number picks among its variations.
    Drawn(u64),
    /// A painted picture lies there already.
    Painted,
}

/// Whether type is set so small that its soft edges eat contrast.
fn is_small(frame: &Frame) -> bool {
    /// A frame of this unit has type of about ten pixels.
    const SMALL: f32 = 420.0;
    frame.unit < SMALL
}

/// A button's colour on `surface` and its label's, the loudest that the palette allows.
fn button(
    palette: &Palette,
    surface: Colour,
    wishes: &[Colour],
    strongest: Contrast,
) -> (Colour, Colour) {
    // Below this a button is no longer seen as a shape.
    const STANDS_OUT: f64 = 1.9;
    let found = wishes.iter().copied().find(|c| c.contrast(surface) >= STANDS_OUT);
    let button = found.unwrap_or_else(|| palette.strongest_on(surface));
    let label = match strongest {
        Contrast::Strongest => palette.strongest_on(button),
        Contrast::Styled => {
            palette.ink_on(button, &[palette.text, palette.background, palette.primary])
        }
    };
    (button, label)
}

/// Whether a style may choose among readable colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contrast {
    /// It may.
    Styled,
    /// The most readable one is taken.
    Strongest,
}

impl Contrast {
    fn of(frame: &Frame, revision: &Revision) -> Contrast {
        if revision.strongest_contrast || is_small(frame) {
            Contrast::Strongest
        } else {
            Contrast::Styled
        }
    }
}
