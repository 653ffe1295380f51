//! A painted background: decoded within bounds, turned into the brand's colours, cut to its place; knows no model.

use resvg::tiny_skia::PixmapMut;

use crate::colour::Colour;
use crate::frame::{MAX_PIXELS, Rect};

/// Why a painted picture cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackgroundError {
    /// Not a PNG, or a broken one.
    #[error("the painted background is no PNG: {0}")]
    NotPng(#[from] png::DecodingError),
    /// More pixels than the largest canvas.
    #[error("the painted background has {0} pixels, {MAX_PIXELS} are allowed")]
    TooLarge(u64),
}

/// Brightness alone: the brand gives the colours.
pub(crate) struct Background {
    w: usize,
    h: usize,
    levels: Vec<u8>,
}

impl Background {
    /// Decodes a PNG of any kind.
    ///
    /// # Errors
    /// [`BackgroundError`] where it is no PNG or too large; the size is known before a pixel is decoded.
    pub(crate) fn decode(file: &[u8]) -> Result<Background, BackgroundError> {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info()?;
        let (w, h) = reader.info().size();
        let pixels = u64::from(w) * u64::from(h);
        if pixels > MAX_PIXELS {
            return Err(BackgroundError::TooLarge(pixels));
        }
        let channels = reader.output_color_type().0.samples();
        let mut levels = Vec::with_capacity(pixels as usize);
        let mut rows = 0;
        while let Some(row) = reader.next_row()? {
            rows += 1;
            levels.extend(row.data().chunks_exact(channels).take(w as usize).map(level));
            if rows == h {
                break;
            }
        }
        levels.resize(pixels as usize, 0);
        stretch(&mut levels);
        Ok(Background { w: w as usize, h: h as usize, levels })
    }

    /// Fills `area` with it, cropped to its shape, dark as `dark` and light as `light`.
    pub(crate) fn draw(&self, area: Rect, dark: Colour, light: Colour, into: &mut PixmapMut<'_>) {
        let (left, top) = (area.x.max(0.0) as usize, area.y.max(0.0) as usize);
        let right = (area.right().ceil() as usize).min(into.width() as usize);
        let bottom = (area.bottom().ceil() as usize).min(into.height() as usize);
        let scale = (self.w as f32 / area.w).min(self.h as f32 / area.h);
        let shift_x = (self.w as f32 - area.w * scale) / 2.0;
        let shift_y = (self.h as f32 - area.h * scale) / 2.0;
        let stride = into.width() as usize;
        let tones: Vec<Colour> =
            (0..=255u8).map(|l| dark.mix(light, f32::from(l) / 255.0)).collect();
        for (y, row) in
            into.data_mut().chunks_exact_mut(stride * 4).enumerate().take(bottom).skip(top)
        {
            let from_y = shift_y + (y as f32 + 0.5 - area.y) * scale - 0.5;
            for (x, pixel) in row.chunks_exact_mut(4).enumerate().take(right).skip(left) {
                let from_x = shift_x + (x as f32 + 0.5 - area.x) * scale - 0.5;
                let level = self.sample(from_x, from_y).round() as usize;
                let tone = tones.get(level).copied().unwrap_or(light);
                pixel.copy_from_slice(&[tone.r, tone.g, tone.b, 255]);
            }
        }
    }

    fn sample(&self, x: f32, y: f32) -> f32 {
        let at = |x: f32, y: f32| {
            let (x, y) = (x.max(0.0) as usize, y.max(0.0) as usize);
            let place = y.min(self.h.saturating_sub(1)) * self.w + x.min(self.w.saturating_sub(1));
            f32::from(self.levels.get(place).copied().unwrap_or(0))
        };
        let (left, top) = (x.floor(), y.floor());
        let (u, v) = (x - left, y - top);
        let upper = at(left, top) * (1.0 - u) + at(left + 1.0, top) * u;
        let lower = at(left, top + 1.0) * (1.0 - u) + at(left + 1.0, top + 1.0) * u;
        upper * (1.0 - v) + lower * v
    }
}

/// Spreads the levels over the whole scale: in two colours a flat picture is fog.
fn stretch(levels: &mut [u8]) {
    /// So many of the darkest and of the lightest pixels may be lost: one in so many.
    const LOST: usize = 100;
    /// A picture with less of a range than this is a plain surface and stays one.
    const LEAST_RANGE: u32 = 24;
    let mut counts = [0usize; 256];
    for level in levels.iter() {
        if let Some(count) = counts.get_mut(usize::from(*level)) {
            *count += 1;
        }
    }
    let enough = levels.len() / LOST;
    let low = nth(counts.iter(), enough);
    let high = 255 - nth(counts.iter().rev(), enough);
    let range = high.saturating_sub(low);
    if range < LEAST_RANGE {
        return;
    }
    for level in levels {
        *level = (u32::from(*level).saturating_sub(low) * 255 / range).min(255) as u8;
    }
}

/// The first place at which the counts come to more than `enough`.
fn nth<'c>(counts: impl Iterator<Item = &'c usize>, enough: usize) -> u32 {
    let mut seen = 0;
    let before = counts.take_while(|count| {
        seen += **count;
        seen <= enough
    });
    u32::try_from(before.count()).unwrap_or(255).min(255)
}

/// Rec. 709 weights in whole numbers; grey, grey with alpha, RGB and RGBA.
fn level(pixel: &[u8]) -> u8 {
    match pixel {
        [r, g, b, ..] => {
            ((u32::from(*r) * 54 + u32::from(*g) * 183 + u32::from(*b) * 19) / 256) as u8
        }
        [grey, ..] => *grey,
        [] => 0,
    }
}
