//! The pixels of a PNG that nobody vouches for: bounded before a byte is decoded; knows no rule.

use crate::region::Region;

/// The largest canvas that pictures are composed on.
pub(crate) const MAX_PIXELS: u64 = 8 * 1024 * 1024;
/// What the decoder may take beside the pixels: a row of the widest picture and its tables.
const DECODER_BYTES: usize = 4 * 1024 * 1024;

/// Why there are no pixels.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PictureError {
    /// Not a PNG, or a broken one.
    #[error("the file is no PNG that can be read: {0}")]
    Broken(#[from] png::DecodingError),
    /// More pixels than [`MAX_PIXELS`].
    #[error("{w} × {h} pixels are more than the {MAX_PIXELS} that are looked at")]
    TooLarge {
        /// Width in the header.
        w: u32,
        /// Height in the header.
        h: u32,
    },
    /// It ends early.
    #[error("the file ends after {rows} of {h} rows")]
    Short {
        /// Rows that were there.
        rows: u32,
        /// Height in the header.
        h: u32,
    },
    /// It moves.
    #[error("the picture is animated")]
    Animated,
}

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) [u8; 3]);

impl Colour {
    /// Reads `#rgb` or `#rrggbb`.
    pub(crate) fn parse(text: &str) -> Option<Colour> {
        let digits = text.trim().strip_prefix('#').filter(|digits| digits.is_ascii())?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let [_, r, g, b] = value.to_be_bytes();
        match digits.len() {
            6 => Some(Colour([r, g, b])),
            3 => Some(Colour([(g & 15) * 17, (b >> 4) * 17, (b & 15) * 17])),
            _ => None,
        }
    }

    /// Distance in the cube of channels, 0.0 to about 441.7.
    pub(crate) fn distance(self, other: Colour) -> f32 {
        let square: i32 =
            self.0.iter().zip(other.0).map(|(a, b)| (i32::from(*a) - i32::from(b)).pow(2)).sum();
        (square as f32).sqrt()
    }

    /// Contrast as WCAG 2 defines it, 1.0 to 21.0.
    pub(crate) fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = self.0.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

/// A decoded picture.
#[derive(Debug)]
pub(crate) struct Picture {
    w: usize,
    h: usize,
    pixels: Vec<u8>,
}

/// The size that the file's header says; reads nothing else.
pub(crate) fn size(file: &[u8]) -> Result<(u32, u32), PictureError> {
    Ok(decoder(file).read_info()?.info().size())
}

impl Picture {
    /// Decodes; what is transparent is seen on white, as browsers show it.
    ///
    /// # Errors
    /// [`PictureError`] where it is no whole still PNG within the bounds.
    pub(crate) fn decode(file: &[u8]) -> Result<Picture, PictureError> {
        let mut reader = decoder(file).read_info()?;
        let (w, h) = reader.info().size();
        if u64::from(w) * u64::from(h) > MAX_PIXELS {
            return Err(PictureError::TooLarge { w, h });
        }
        if reader.info().is_animated() {
            return Err(PictureError::Animated);
        }
        let channels = reader.output_color_type().0.samples();
        let interlaced = reader.info().interlaced;
        let mut pixels = Vec::with_capacity(w as usize * h as usize * 3);
        if interlaced {
            let mut frame = vec![0; w as usize * h as usize * channels];
            reader.next_frame(&mut frame)?;
            pixels.extend(frame.chunks_exact(channels).flat_map(opaque));
        } else {
            let mut rows = 0;
            while rows < h {
                let Some(row) = reader.next_row()? else {
                    return Err(PictureError::Short { rows, h });
                };
                pixels.extend(row.data().chunks_exact(channels).take(w as usize).flat_map(opaque));
                rows += 1;
            }
        }
        Ok(Picture { w: w as usize, h: h as usize, pixels })
    }

    /// All of it.
    pub(crate) fn bounds(&self) -> Region {
        Region { left: 0, top: 0, right: self.w, bottom: self.h }
    }

    /// One row's pixels from `left` to `right`, cut to the picture.
    pub(crate) fn row(
        &self,
        y: usize,
        left: usize,
        right: usize,
    ) -> impl Iterator<Item = Colour> + '_ {
        let right = right.min(self.w);
        let left = left.min(right);
        let from = (y * self.w + left) * 3;
        let bytes = self.pixels.get(from..from + (right - left) * 3).unwrap_or_default();
        bytes.chunks_exact(3).map(|p| match p {
            [r, g, b] => Colour([*r, *g, *b]),
            _ => Colour([0; 3]),
        })
    }

    /// The pixels of a region, row by row.
    pub(crate) fn pixels(&self, region: Region) -> impl Iterator<Item = Colour> + '_ {
        (region.top..region.bottom.min(self.h))
            .flat_map(move |y| self.row(y, region.left, region.right))
    }
}

fn decoder(file: &[u8]) -> png::Decoder<std::io::Cursor<&[u8]>> {
    let limits = png::Limits { bytes: DECODER_BYTES };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(file), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder
}

fn opaque(pixel: &[u8]) -> [u8; 3] {
    let over =
        |channel: u8, alpha: u8| (255 - u32::from(255 - channel) * u32::from(alpha) / 255) as u8;
    match *pixel {
        [grey] => [grey; 3],
        [grey, alpha] => [over(grey, alpha); 3],
        [r, g, b] => [r, g, b],
        [r, g, b, alpha] => [over(r, alpha), over(g, alpha), over(b, alpha)],
        _ => [0; 3],
    }
}
