//! The brand's logo: read from SVG without touching anything outside the file, measured, and drawn so that it is seen; knows no layout.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, PixmapMut, PixmapPaint, Transform};
use resvg::usvg::{ImageHrefResolver, Options, Tree, fontdb};

use crate::colour::Colour;
use crate::frame::Rect;

/// A logo is small; a larger file is a picture in disguise.
const MAX_SVG_BYTES: usize = 1024 * 1024;
/// Side of the thumbnail in which a logo's colours are counted.
const THUMBNAIL: u32 = 96;
/// A logo with more colours than this is a photograph; the rest of them is not counted.
const MAX_LOGO_COLOURS: usize = 64;
/// What WCAG 2 asks of graphics.
const VISIBLE: f64 = 3.0;

/// Why a logo cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogoError {
    /// No file of the brand is called `logo….svg`.
    #[error("the brand files have no logo: one named logo.svg is needed")]
    None,
    /// Larger than a logo may be.
    #[error("{name}: {bytes} bytes is more than the {MAX_SVG_BYTES} a logo may have")]
    TooLarge {
        /// The file.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// Not SVG.
    #[error("{name}: {error}")]
    NotSvg {
        /// The file.
        name: String,
        /// What the reader says.
        error: resvg::usvg::Error,
    },
    /// It draws nothing.
    #[error("{name}: draws nothing")]
    Blank {
        /// The file.
        name: String,
    },
}

/// One variant of the logo.
pub(crate) struct Logo {
    tree: Tree,
    ink: Rect,
    /// Opaque colours with the share of the ink that each has.
    colours: Vec<(Colour, f32)>,
}

/// How a logo is drawn on a surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Dress {
    /// As the file has it.
    Original,
    /// All in one colour.
    Recoloured(Colour),
}

impl Logo {
    /// Reads one file. `fonts` are for logos that hold text.
    ///
    /// # Errors
    /// [`LogoError`] where it is too large, no SVG, or draws nothing.
    pub(crate) fn read(
        name: &str,
        svg: &[u8],
        fonts: &Arc<fontdb::Database>,
    ) -> Result<Logo, LogoError> {
        if svg.len() > MAX_SVG_BYTES {
            return Err(LogoError::TooLarge { name: name.to_owned(), bytes: svg.len() });
        }
        let options = Options {
            fontdb: Arc::clone(fonts),
            // Nothing beside the file is read, whatever it links to.
            image_href_resolver: ImageHrefResolver {
                resolve_data: Box::new(|_, _, _| None),
                resolve_string: Box::new(|_, _| None),
            },
            ..Options::default()
        };
        let tree = Tree::from_data(svg, &options)
            .map_err(|error| LogoError::NotSvg { name: name.to_owned(), error })?;
        let bounds = tree.root().abs_layer_bounding_box();
        let page = tree.size();
        let (left, top) = (bounds.left().max(0.0), bounds.top().max(0.0));
        let ink = Rect::new(
            left,
            top,
            bounds.right().min(page.width()) - left,
            bounds.bottom().min(page.height()) - top,
        );
        let blank = || LogoError::Blank { name: name.to_owned() };
        if !(ink.w > 0.0 && ink.h > 0.0) {
            return Err(blank());
        }
        let mut logo = Logo { tree, ink, colours: Vec::new() };
        logo.colours = logo.count_colours();
        if logo.colours.is_empty() { Err(blank()) } else { Ok(logo) }
    }

    /// Width over height of what it draws.
    pub(crate) fn ratio(&self) -> f32 {
        self.ink.w / self.ink.h
    }

    /// How well it is seen: the share of its ink that has enough contrast on `surface`.
    pub(crate) fn visibility(&self, surface: Colour) -> f32 {
        let seen = self.colours.iter().filter(|(c, _)| c.contrast(surface) >= VISIBLE);
        seen.map(|(_, share)| share).sum()
    }

    /// Whether it is drawn in one colour, so that another can take its place.
    pub(crate) fn is_one_colour(&self) -> bool {
        let Some((main, _)) = self.colours.first() else { return false };
        self.colours.iter().all(|(c, _)| c.distance(*main) < 24.0)
    }

    /// Its main colour.
    pub(crate) fn colour(&self) -> Option<Colour> {
        self.colours.first().map(|(colour, _)| *colour)
    }

    /// Draws its ink into `area`, which has its ratio.
    pub(crate) fn draw(&self, area: Rect, dress: Dress, into: &mut PixmapMut<'_>) {
        let scale = area.w / self.ink.w;
        let (x, y) = (area.x.floor(), area.y.floor());
        let (w, h) = ((area.right() - x).ceil() as u32 + 1, (area.bottom() - y).ceil() as u32 + 1);
        let Some(mut sheet) = Pixmap::new(w.max(1), h.max(1)) else { return };
        let place = Transform::from_row(
            scale,
            0.0,
            0.0,
            scale,
            area.x - x - self.ink.x * scale,
            area.y - y - self.ink.y * scale,
        );
        resvg::render(&self.tree, place, &mut sheet.as_mut());
        if let Dress::Recoloured(colour) = dress {
            for pixel in sheet.data_mut().chunks_exact_mut(4) {
                if let [r, g, b, a] = pixel {
                    let through = |channel: u8| (u16::from(channel) * u16::from(*a) / 255) as u8;
                    (*r, *g, *b) = (through(colour.r), through(colour.g), through(colour.b));
                }
            }
        }
        into.draw_pixmap(
            x as i32,
            y as i32,
            sheet.as_ref(),
            &PixmapPaint::default(),
            Transform::identity(),
            None,
        );
    }

    fn count_colours(&self) -> Vec<(Colour, f32)> {
        let scale = THUMBNAIL as f32 / self.ink.w.max(self.ink.h);
        let (w, h) = ((self.ink.w * scale).ceil() as u32, (self.ink.h * scale).ceil() as u32);
        let Some(mut sheet) = Pixmap::new(w.max(1), h.max(1)) else { return Vec::new() };
        let place =
            Transform::from_row(scale, 0.0, 0.0, scale, -self.ink.x * scale, -self.ink.y * scale);
        resvg::render(&self.tree, place, &mut sheet.as_mut());
        let mut counted: Vec<(Colour, f32)> = Vec::new();
        let mut total = 0.0;
        for pixel in sheet.pixels().iter().filter(|p| p.alpha() > 200) {
            let plain = pixel.demultiply();
            let colour = Colour { r: plain.red(), g: plain.green(), b: plain.blue() };
            total += 1.0;
            if let Some((_, count)) =
                counted.iter_mut().find(|(known, _)| known.distance(colour) < 24.0)
            {
                *count += 1.0;
            } else if counted.len() < MAX_LOGO_COLOURS {
                counted.push((colour, 1.0));
            }
        }
        for (_, count) in &mut counted {
            *count /= total;
        }
        // A thin edge between two colours is no third colour.
        counted.retain(|(_, share)| *share > 0.02);
        counted.sort_by(|(a, x), (b, y)| {
            y.total_cmp(x).then_with(|| a.to_string().cmp(&b.to_string()))
        });
        counted
    }
}
