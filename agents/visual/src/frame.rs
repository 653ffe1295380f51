//! The size that was asked for: which class of layout it is, its margins and its limits; knows no style.

use crate::task::{Area, Aspect};

/// The contract's bounds for one side, in pixels.
pub(crate) const SIDE: std::ops::RangeInclusive<u32> = 64..=4096;
/// 8 megapixels are 32 MiB of canvas: with a decoded background and the PNG they stay under the sandbox's default of 128 MiB.
pub(crate) const MAX_PIXELS: u64 = 8 * 1024 * 1024;

/// A size that cannot be composed.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum FrameError {
    /// A side is out of [`SIDE`].
    #[error("aspect {w}x{h}: each side must be 64 to 4096 pixels")]
    Side {
        /// Width asked for.
        w: u32,
        /// Height asked for.
        h: u32,
    },
    /// Together they are more than [`MAX_PIXELS`].
    #[error("aspect {w}x{h}: {pixels} pixels are more than the {MAX_PIXELS} that are allowed")]
    Pixels {
        /// Width asked for.
        w: u32,
        /// Height asked for.
        h: u32,
        /// Their product.
        pixels: u64,
    },
}

/// A rectangle in pixels, with fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    /// Left edge.
    pub(crate) x: f32,
    /// Upper edge.
    pub(crate) y: f32,
    /// Width.
    pub(crate) w: f32,
    /// Height.
    pub(crate) h: f32,
}

impl Rect {
    /// From the corner and the size.
    pub(crate) fn new(x: f32, y: f32, w: f32, h: f32) -> Rect {
        Rect { x, y, w, h }
    }

    /// Right edge.
    pub(crate) fn right(&self) -> f32 {
        self.x + self.w
    }

    /// Lower edge.
    pub(crate) fn bottom(&self) -> f32 {
        self.y + self.h
    }

    /// Larger by `by` on every side; smaller where negative.
    pub(crate) fn grown(&self, by: f32) -> Rect {
        Rect::new(self.x - by, self.y - by, self.w + 2.0 * by, self.h + 2.0 * by)
    }

    /// The smallest rectangle around both.
    pub(crate) fn union(&self, other: &Rect) -> Rect {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Rect::new(x, y, self.right().max(other.right()) - x, self.bottom().max(other.bottom()) - y)
    }

    /// Whole pixels around it.
    pub(crate) fn area(&self) -> Area {
        let (x, y) = (self.x.floor(), self.y.floor());
        Area {
            x: x as i64,
            y: y as i64,
            w: (self.right().ceil() - x) as i64,
            h: (self.bottom().ceil() - y) as i64,
        }
    }
}

/// Layouts differ by these, not by single sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A skyscraper, 160×600.
    Tower,
    /// 4:5 to 9:16.
    Portrait,
    /// About as wide as high.
    Square,
    /// 4:3 to a billboard of 970×250.
    Landscape,
    /// A leaderboard, 728×90; everything stands in one row.
    Banner,
}

/// The canvas and its proportions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    /// Width in pixels.
    pub(crate) w: f32,
    /// Height in pixels.
    pub(crate) h: f32,
    /// How to lay out.
    pub(crate) class: Class,
    /// Space that stays free at each edge.
    pub(crate) margin: f32,
    /// What apps cover of a story at the top and at the bottom; 0 elsewhere.
    pub(crate) covered: f32,
    /// Side of a square of the same area: type sizes are shares of it.
    pub(crate) unit: f32,
}

impl Frame {
    /// Checks the size and finds its class.
    ///
    /// # Errors
    /// [`FrameError`] where a side or the area is out of bounds.
    pub(crate) fn new(aspect: &Aspect) -> Result<Frame, FrameError> {
        let (w, h) = (aspect.w, aspect.h);
        if !SIDE.contains(&w) || !SIDE.contains(&h) {
            return Err(FrameError::Side { w, h });
        }
        let pixels = u64::from(w) * u64::from(h);
        if pixels > MAX_PIXELS {
            return Err(FrameError::Pixels { w, h, pixels });
        }
        let (w, h) = (w as f32, h as f32);
        let ratio = w / h;
        let class = match ratio {
            r if r < 0.42 => Class::Tower,
            r if r < 0.85 => Class::Portrait,
            r if r < 1.3 => Class::Square,
            r if r < 4.8 => Class::Landscape,
            _ => Class::Banner,
        };
        let margin = match class {
            Class::Tower => w * 0.09,
            Class::Banner => h * 0.16,
            Class::Landscape => h * 0.095,
            Class::Portrait | Class::Square => w.min(h) * 0.074,
        };
        let covered = if class == Class::Portrait && ratio < 0.62 { h * 0.115 } else { 0.0 };
        Ok(Frame {
            w,
            h,
            class,
            margin: margin.round().max(4.0),
            covered: covered.round(),
            unit: (w * h).sqrt(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(w: u32, h: u32) -> Result<Frame, FrameError> {
        Frame::new(&Aspect { id: String::new(), w, h })
    }

    #[test]
    fn known_sizes_have_their_class() {
        let table = [
            (1080, 1080, Class::Square),
            (1080, 1350, Class::Portrait),
            (1080, 1920, Class::Portrait),
            (1200, 628, Class::Landscape),
            (1500, 500, Class::Landscape),
            (728, 90, Class::Banner),
            (970, 250, Class::Landscape),
            (160, 600, Class::Tower),
            (300, 250, Class::Square),
        ];
        for (w, h, class) in table {
            assert_eq!(frame(w, h).unwrap().class, class, "{w}x{h}");
        }
    }

    #[test]
    fn sizes_out_of_bounds_are_refused() {
        assert!(matches!(frame(63, 100), Err(FrameError::Side { .. })));
        assert!(matches!(frame(100, 4097), Err(FrameError::Side { .. })));
        assert!(matches!(frame(4096, 4096), Err(FrameError::Pixels { .. })));
        assert!(matches!(frame(0, u32::MAX), Err(FrameError::Side { .. })));
        assert!(frame(64, 64).is_ok() && frame(4096, 2048).is_ok());
    }
}
