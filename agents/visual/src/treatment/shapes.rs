//! Geometry that the styles share, and the numbers that vary it; knows no style.

use resvg::tiny_skia::{Path, PathBuilder};

use crate::frame::Rect;

/// A corner of a rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Corner {
    TopLeft,
    TopRight,
    BottomRight,
    BottomLeft,
}

impl Corner {
    pub(super) const ALL: [Corner; 4] =
        [Corner::TopLeft, Corner::TopRight, Corner::BottomRight, Corner::BottomLeft];

    fn of(self, area: Rect) -> (f32, f32) {
        match self {
            Corner::TopLeft => (area.x, area.y),
            Corner::TopRight => (area.right(), area.y),
            Corner::BottomRight => (area.right(), area.bottom()),
            Corner::BottomLeft => (area.x, area.bottom()),
        }
    }
}

/// A quarter of a disc around a corner of `area`; `share` of its side is the radius.
pub(super) fn quarter(area: Rect, corner: Corner, share: f32) -> Option<Path> {
    const HANDLE: f32 = 0.552_285;
    let (x, y) = corner.of(area);
    let r = area.w.min(area.h) * share;
    let (dx, dy) = match corner {
        Corner::TopLeft => (r, r),
        Corner::TopRight => (-r, r),
        Corner::BottomRight => (-r, -r),
        Corner::BottomLeft => (r, -r),
    };
    let mut path = PathBuilder::new();
    path.move_to(x, y);
    path.line_to(x + dx, y);
    path.cubic_to(x + dx, y + dy * HANDLE, x + dx * HANDLE, y + dy, x, y + dy);
    path.close();
    path.finish()
}

/// What the discs around two opposite corners share: a leaf with its tips in the other two.
pub(super) fn leaf(area: Rect, tip: Corner) -> Option<Path> {
    const HANDLE: f32 = 0.552_285;
    let (from_x, from_y) = tip.of(area);
    let (cx, cy) = (area.x + area.w / 2.0, area.y + area.h / 2.0);
    let (to_x, to_y) = (2.0 * cx - from_x, 2.0 * cy - from_y);
    let (dx, dy) = (to_x - from_x, to_y - from_y);
    let mut path = PathBuilder::new();
    path.move_to(from_x, from_y);
    path.cubic_to(from_x + dx * HANDLE, from_y, to_x, to_y - dy * HANDLE, to_x, to_y);
    path.cubic_to(to_x - dx * HANDLE, to_y, from_x, from_y + dy * HANDLE, from_x, from_y);
    path.close();
    path.finish()
}

/// A polygon.
pub(super) fn polygon(points: &[(f32, f32)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (place, (x, y)) in points.iter().enumerate() {
        if place == 0 {
            path.move_to(*x, *y);
        } else {
            path.line_to(*x, *y);
        }
    }
    path.close();
    path.finish()
}

/// The land below a smooth line through `heights`, evenly spaced over `area`; each is a share of its height.
pub(super) fn hill(area: Rect, heights: &[f32]) -> Option<Path> {
    let step = area.w / heights.len().saturating_sub(1).max(1) as f32;
    let level = |share: f32| area.bottom() - area.h * share;
    let mut path = PathBuilder::new();
    path.move_to(area.x, area.bottom());
    let mut before: Option<(f32, f32)> = None;
    for (place, height) in heights.iter().enumerate() {
        let (x, y) = (area.x + step * place as f32, level(*height));
        match before {
            None => path.line_to(x, y),
            Some((from_x, from_y)) => {
                let middle = (from_x + x) / 2.0;
                path.cubic_to(middle, from_y, middle, y, x, y);
            }
        }
        before = Some((x, y));
    }
    path.line_to(area.right(), area.bottom());
    path.close();
    path.finish()
}

/// Numbers that look thrown and are not: the same seed gives the same ones everywhere.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Below `sides`, which is not 0.
    pub(super) fn below(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides.max(1) as u64) as usize
    }
}
