//! One colour and the arithmetic of contrast; knows no brand and no picture.

use std::fmt;

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Colour {
    /// Red.
    pub(crate) r: u8,
    /// Green.
    pub(crate) g: u8,
    /// Blue.
    pub(crate) b: u8,
}

impl Colour {
    /// Black, where a brand has nothing dark enough.
    pub(crate) const BLACK: Colour = Colour { r: 0, g: 0, b: 0 };
    /// White, where a brand has nothing light enough.
    pub(crate) const WHITE: Colour = Colour { r: 255, g: 255, b: 255 };

    /// Reads `#rgb` or `#rrggbb`.
    pub(crate) fn parse(text: &str) -> Option<Colour> {
        let digits = text.trim().strip_prefix('#')?;
        if !digits.is_ascii() {
            return None;
        }
        let channel = |from: usize, to: usize| u8::from_str_radix(digits.get(from..to)?, 16).ok();
        match digits.len() {
            3 => Some(Colour {
                r: channel(0, 1)? * 17,
                g: channel(1, 2)? * 17,
                b: channel(2, 3)? * 17,
            }),
            6 => Some(Colour { r: channel(0, 2)?, g: channel(2, 4)?, b: channel(4, 6)? }),
            _ => None,
        }
    }

    /// The way from `self` to `other`: 0.0 is `self`, 1.0 is `other`.
    pub(crate) fn mix(self, other: Colour, share: f32) -> Colour {
        let channel = |a: u8, b: u8| {
            (f32::from(a) + (f32::from(b) - f32::from(a)) * share.clamp(0.0, 1.0)).round() as u8
        };
        Colour {
            r: channel(self.r, other.r),
            g: channel(self.g, other.g),
            b: channel(self.b, other.b),
        }
    }

    /// Relative luminance as WCAG 2 defines it, 0.0 to 1.0.
    pub(crate) fn luminance(self) -> f64 {
        0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)
    }

    /// WCAG 2 contrast, 1.0 to 21.0.
    pub(crate) fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Distance in the cube of channels, 0.0 to about 441.7.
    pub(crate) fn distance(self, other: Colour) -> f32 {
        let square = |a: u8, b: u8| (f32::from(a) - f32::from(b)).powi(2);
        (square(self.r, other.r) + square(self.g, other.g) + square(self.b, other.b)).sqrt()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }
}

fn linear(channel: u8) -> f64 {
    let share = f64::from(channel) / 255.0;
    if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        let grey = Colour::parse("#767676").unwrap();
        assert!((grey.contrast(Colour::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn reads_both_notations_and_nothing_else() {
        assert_eq!(Colour::parse("#0af"), Colour::parse("#00aaff"));
        for wrong in ["0af", "#0a", "#00aaf", "#gg0000", "#äöü", ""] {
            assert_eq!(Colour::parse(wrong), None, "{wrong}");
        }
    }
}
