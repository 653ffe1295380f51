//! A font file as the picture needs it: which characters it has, how words are shaped, what glyphs look like; knows no lines and no layout.

use harfrust::{ShapeOptions, ShaperData, UnicodeBuffer};
use resvg::tiny_skia::PathBuilder;
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::raw::TableProvider;
use skrifa::string::StringId;
use skrifa::{FontRef, GlyphId, MetadataProvider};

/// A font larger than this is refused: no brand font comes near, and CJK fonts would not fit the memory.
pub(crate) const MAX_FONT_BYTES: usize = 16 * 1024 * 1024;

/// Why a font file cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum TypefaceError {
    /// It is larger than [`MAX_FONT_BYTES`].
    #[error("{name}: {bytes} bytes is more than the {MAX_FONT_BYTES} a font may have")]
    TooLarge {
        /// The file.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// It is no TrueType or OpenType font.
    #[error("{name}: not a TrueType or OpenType font")]
    NotAFont {
        /// The file.
        name: String,
    },
}

/// One face of a font, ready to shape and draw.
pub(crate) struct Typeface<'a> {
    /// Full name as the file says it, for example `Manrope Bold`.
    pub(crate) name: String,
    /// 100 to 900.
    pub(crate) weight: u16,
    /// Whether the file says that it is italic.
    pub(crate) italic: bool,
    /// Height of capitals, in em.
    pub(crate) cap_height: f32,
    /// How much each outline is thickened, in em; for a light fallback in a heavy place.
    pub(crate) thicken: f32,
    font: FontRef<'a>,
    shaper: ShaperData,
    em: f32,
}

/// One glyph of a shaped word; positions in em from the word's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Glyph {
    /// Its number in the font.
    pub(crate) id: u32,
    /// To the right.
    pub(crate) x: f32,
    /// Upwards.
    pub(crate) y: f32,
}

/// A shaped piece of text in one face.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Run {
    /// Which face of the family.
    pub(crate) face: usize,
    /// The glyphs, left to right.
    pub(crate) glyphs: Vec<Glyph>,
    /// In em.
    pub(crate) advance: f32,
}

impl<'a> Typeface<'a> {
    /// Reads a font file.
    ///
    /// # Errors
    /// [`TypefaceError`] where it is too large or no font.
    pub(crate) fn read(file: &str, bytes: &'a [u8]) -> Result<Typeface<'a>, TypefaceError> {
        if bytes.len() > MAX_FONT_BYTES {
            return Err(TypefaceError::TooLarge { name: file.to_owned(), bytes: bytes.len() });
        }
        let not_a_font = || TypefaceError::NotAFont { name: file.to_owned() };
        let font = FontRef::new(bytes).map_err(|_| not_a_font())?;
        let em = f32::from(font.head().map_err(|_| not_a_font())?.units_per_em());
        if em <= 0.0 {
            return Err(not_a_font());
        }
        let metrics = font.metrics(Size::new(1.0), LocationRef::default());
        let name = font
            .localized_strings(StringId::FULL_NAME)
            .english_or_first()
            .map_or_else(|| file.to_owned(), |name| name.chars().take(64).collect());
        let attributes = font.attributes();
        Ok(Typeface {
            name,
            weight: attributes.weight.value() as u16,
            italic: attributes.style != skrifa::attribute::Style::Normal,
            cap_height: metrics.cap_height.filter(|h| *h > 0.0).unwrap_or(0.7),
            thicken: 0.0,
            shaper: ShaperData::new(&font),
            font,
            em,
        })
    }

    /// Whether there is a glyph for this character.
    pub(crate) fn has(&self, c: char) -> bool {
        self.font.charmap().map(c).is_some_and(|glyph| glyph != GlyphId::NOTDEF)
    }

    /// Shapes text that this face has all characters of; `face` is its place in the family.
    pub(crate) fn shape(&self, text: &str, face: usize) -> Run {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        let shaped = self.shaper.shaper(&self.font).build().shape(buffer, ShapeOptions::new());
        let mut advance = 0.0;
        let mut glyphs = Vec::with_capacity(shaped.len());
        for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
            glyphs.push(Glyph {
                id: info.glyph_id,
                x: (advance + position.x_offset as f32) / self.em,
                y: position.y_offset as f32 / self.em,
            });
            advance += position.x_advance as f32;
        }
        Run { face, glyphs, advance: advance / self.em }
    }

    /// Adds the outline of a glyph whose origin is at (`x`, `y`) pixels, `size` pixels to the em.
    pub(crate) fn outline(&self, glyph: u32, x: f32, y: f32, size: f32, into: &mut PathBuilder) {
        if let Some(outline) = self.font.outline_glyphs().get(GlyphId::new(glyph)) {
            let settings = DrawSettings::unhinted(Size::new(size), LocationRef::default());
            let mut pen = Pen { into, x, y };
            // A glyph whose outline is broken stays blank; the judge sees it.
            let _ = outline.draw(settings, &mut pen);
        }
    }
}

/// Turns font coordinates (y up) into pixels (y down).
struct Pen<'p> {
    into: &'p mut PathBuilder,
    x: f32,
    y: f32,
}

impl OutlinePen for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.into.move_to(self.x + x, self.y - y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.into.line_to(self.x + x, self.y - y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.into.quad_to(self.x + cx, self.y - cy, self.x + x, self.y - y);
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        self.into.cubic_to(
            self.x + ax,
            self.y - ay,
            self.x + bx,
            self.y - by,
            self.x + x,
            self.y - y,
        );
    }

    fn close(&mut self) {
        self.into.close();
    }
}
