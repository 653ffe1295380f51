//! The pixels: fills, gradients, strokes, glyphs, and the PNG that comes out; knows no layout.

use resvg::tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LinearGradient, Mask, Paint, Path, PathBuilder, Pixmap,
    PixmapMut, Point, Shader, SpreadMode, Stroke, Transform,
};

use crate::colour::Colour;
use crate::family::Family;
use crate::frame::{Frame, Rect};
use crate::lines::Line;

/// The canvas could not be made or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CanvasError {
    /// Not enough memory, or a side of nothing.
    #[error("no canvas of {w} × {h}")]
    Size {
        /// Width in pixels.
        w: u32,
        /// Height in pixels.
        h: u32,
    },
    /// The encoder gave up.
    #[error(transparent)]
    Png(#[from] png::EncodingError),
}

/// What a shape is filled with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fill {
    /// One colour.
    Flat(Colour),
    /// From the first point's colour to the second's.
    Gradient([(f32, f32); 2], [Colour; 2]),
}

/// An opaque picture in the making.
pub(crate) struct Canvas {
    pixels: Pixmap,
    mask: Option<Mask>,
}

impl Canvas {
    /// An empty one, all in one colour.
    ///
    /// # Errors
    /// [`CanvasError::Size`] where there is no such canvas.
    pub(crate) fn new(frame: &Frame, ground: Colour) -> Result<Canvas, CanvasError> {
        let (w, h) = (frame.w as u32, frame.h as u32);
        let mut pixels = Pixmap::new(w, h).ok_or(CanvasError::Size { w, h })?;
        pixels.fill(solid(ground));
        Ok(Canvas { pixels, mask: None })
    }

    /// Draws only inside `area` until [`Canvas::everywhere`].
    pub(crate) fn only(&mut self, area: Rect) {
        let mut mask = Mask::new(self.pixels.width(), self.pixels.height());
        if let (Some(mask), Some(path)) = (mask.as_mut(), rectangle(area)) {
            mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
        }
        self.mask = mask;
    }

    /// Ends [`Canvas::only`].
    pub(crate) fn everywhere(&mut self) {
        self.mask = None;
    }

    /// Fills a path.
    pub(crate) fn fill(&mut self, path: Option<Path>, fill: Fill) {
        if let Some(path) = path {
            let paint = paint(fill);
            self.pixels.fill_path(
                &path,
                &paint,
                FillRule::Winding,
                Transform::identity(),
                self.mask.as_ref(),
            );
        }
    }

    /// Fills a rectangle.
    pub(crate) fn rect(&mut self, area: Rect, fill: Fill) {
        self.fill(rectangle(area), fill);
    }

    /// Draws along a path.
    pub(crate) fn stroke(&mut self, path: Option<Path>, width: f32, fill: Fill) {
        if let Some(path) = path {
            let stroke = Stroke { width, line_cap: LineCap::Butt, ..Stroke::default() };
            self.pixels.stroke_path(
                &path,
                &paint(fill),
                &stroke,
                Transform::identity(),
                self.mask.as_ref(),
            );
        }
    }

    /// Sets a line of type with its baseline at `y` and returns the box of its ink.
    pub(crate) fn type_line(
        &mut self,
        line: &Line,
        family: &Family<'_>,
        (x, y): (f32, f32),
        size: f32,
        colour: Colour,
    ) -> Option<Rect> {
        let mut ink: Option<Rect> = None;
        for (word_at, word) in &line.words {
            for (run_at, run) in &word.runs {
                let Some(face) = family.face(run) else { continue };
                let mut outline = PathBuilder::new();
                for glyph in &run.glyphs {
                    let pen = x + (word_at + run_at + glyph.x) * size;
                    face.outline(glyph.id, pen, y - glyph.y * size, size, &mut outline);
                }
                let Some(path) = outline.finish() else { continue };
                let bounds = path.bounds();
                let thick = face.thicken * size;
                let drawn = Rect::new(bounds.left(), bounds.top(), bounds.width(), bounds.height())
                    .grown(thick / 2.0);
                if thick > 0.0 {
                    self.stroke(Some(path.clone()), thick, Fill::Flat(colour));
                }
                self.fill(Some(path), Fill::Flat(colour));
                ink = Some(ink.map_or(drawn, |ink| ink.union(&drawn)));
            }
        }
        ink
    }

    /// The pixels themselves, for what draws into them directly.
    pub(crate) fn pixels(&mut self) -> PixmapMut<'_> {
        self.pixels.as_mut()
    }

    /// A PNG of 8-bit RGB: the canvas has no transparent pixel.
    ///
    /// # Errors
    /// [`CanvasError::Png`] where the encoder gives up.
    pub(crate) fn png(self) -> Result<Vec<u8>, CanvasError> {
        let (w, h) = (self.pixels.width(), self.pixels.height());
        // Packed in place: a second canvas would not fit beside the largest one.
        let mut bytes = self.pixels.take();
        let count = w as usize * h as usize;
        for at in 0..count {
            bytes.copy_within(at * 4..at * 4 + 3, at * 3);
        }
        bytes.truncate(count * 3);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, w, h);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
        encoder.set_compression(png::Compression::Balanced);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(file)
    }
}

/// The path of a rectangle.
pub(crate) fn rectangle(area: Rect) -> Option<Path> {
    let rect = resvg::tiny_skia::Rect::from_xywh(area.x, area.y, area.w, area.h)?;
    Some(PathBuilder::from_rect(rect))
}

/// A rectangle with round corners; with a radius of half its height, a pill.
pub(crate) fn rounded(area: Rect, radius: f32) -> Option<Path> {
    // Share of the radius at which a cubic's handles make a quarter circle.
    const HANDLE: f32 = 0.552_285;
    let r = radius.min(area.w / 2.0).min(area.h / 2.0).max(0.0);
    let (x, y, right, bottom) = (area.x, area.y, area.right(), area.bottom());
    let k = r * (1.0 - HANDLE);
    let mut path = PathBuilder::new();
    path.move_to(x + r, y);
    path.line_to(right - r, y);
    path.cubic_to(right - k, y, right, y + k, right, y + r);
    path.line_to(right, bottom - r);
    path.cubic_to(right, bottom - k, right - k, bottom, right - r, bottom);
    path.line_to(x + r, bottom);
    path.cubic_to(x + k, bottom, x, bottom - k, x, bottom - r);
    path.line_to(x, y + r);
    path.cubic_to(x, y + k, x + k, y, x + r, y);
    path.close();
    path.finish()
}

/// A circle.
pub(crate) fn circle(x: f32, y: f32, radius: f32) -> Option<Path> {
    PathBuilder::from_circle(x, y, radius)
}

fn solid(colour: Colour) -> Color {
    Color::from_rgba8(colour.r, colour.g, colour.b, 255)
}

fn paint(fill: Fill) -> Paint<'static> {
    let shader = match fill {
        Fill::Flat(colour) => Shader::SolidColor(solid(colour)),
        Fill::Gradient([from, to], [first, second]) => LinearGradient::new(
            Point::from_xy(from.0, from.1),
            Point::from_xy(to.0, to.1),
            vec![GradientStop::new(0.0, solid(first)), GradientStop::new(1.0, solid(second))],
            SpreadMode::Pad,
            Transform::identity(),
        )
        .unwrap_or(Shader::SolidColor(solid(first))),
    };
    Paint { shader, anti_alias: true, ..Paint::default() }
}
