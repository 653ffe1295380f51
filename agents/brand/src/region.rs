//! Boxes that are known to lie inside the picture, made of boxes that may be nonsense.

use crate::task::Area;

/// A part of the picture in pixels; `left < right` and `top < bottom`, both within the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    /// First column.
    pub(crate) left: usize,
    /// First row.
    pub(crate) top: usize,
    /// Column after the last.
    pub(crate) right: usize,
    /// Row after the last.
    pub(crate) bottom: usize,
}

impl Region {
    /// The part of `area` that lies within; `None` where nothing does.
    pub(crate) fn cut(area: Area, within: Region) -> Option<Region> {
        if area.w <= 0 || area.h <= 0 {
            return None;
        }
        let span = |from: i64, length: i64, most: usize| {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let (start, end) = (from.clamp(0, most), from.saturating_add(length).clamp(0, most));
            (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0))
        };
        let (left, right) = span(area.x, area.w, within.right);
        let (top, bottom) = span(area.y, area.h, within.bottom);
        (left < right && top < bottom).then_some(Region { left, top, right, bottom })
    }

    /// Columns.
    pub(crate) fn w(&self) -> usize {
        self.right - self.left
    }

    /// Rows.
    pub(crate) fn h(&self) -> usize {
        self.bottom - self.top
    }

    /// Pixels.
    pub(crate) fn pixels(&self) -> u64 {
        self.w() as u64 * self.h() as u64
    }

    /// Larger by `by` on each side, cut to `within`.
    pub(crate) fn grown(&self, by: usize, within: Region) -> Region {
        Region {
            left: self.left.saturating_sub(by),
            top: self.top.saturating_sub(by),
            right: self.right.saturating_add(by).min(within.right),
            bottom: self.bottom.saturating_add(by).min(within.bottom),
        }
    }

    /// Whether they share a pixel.
    pub(crate) fn overlaps(&self, other: &Region) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// Whether `other` lies within it.
    pub(crate) fn holds(&self, other: &Region) -> bool {
        self.left <= other.left
            && self.top <= other.top
            && self.right >= other.right
            && self.bottom >= other.bottom
    }

    /// The frame of `thick` pixels along its inner edge, as up to four regions that share no pixel.
    pub(crate) fn rim(&self, thick: usize) -> Vec<Region> {
        let x = thick.min(self.w() / 2).max(1);
        let y = thick.min(self.h() / 2).max(1);
        let (upper, lower) = (self.top + y, self.bottom.saturating_sub(y).max(self.top + y));
        let (left, right) = (self.left + x, self.right.saturating_sub(x).max(self.left + x));
        let rim = [
            Region { bottom: upper, ..*self },
            Region { top: lower, ..*self },
            Region { top: upper, bottom: lower, right: left, ..*self },
            Region { top: upper, bottom: lower, left: right, ..*self },
        ];
        rim.into_iter().filter(|side| side.left < side.right && side.top < side.bottom).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: Region = Region { left: 0, top: 0, right: 100, bottom: 50 };

    fn area(x: i64, y: i64, w: i64, h: i64) -> Area {
        Area { x, y, w, h }
    }

    #[test]
    fn nonsense_is_cut_or_nothing() {
        let all = Region::cut(area(i64::MIN, i64::MIN, i64::MAX, i64::MAX), CANVAS);
        assert_eq!(all, None);
        assert_eq!(Region::cut(area(-10, -10, i64::MAX, i64::MAX), CANVAS), Some(CANVAS));
        for nothing in [
            area(0, 0, 0, 5),
            area(0, 0, 5, -5),
            area(100, 0, 5, 5),
            area(i64::MAX, i64::MAX, i64::MAX, i64::MAX),
        ] {
            assert_eq!(Region::cut(nothing, CANVAS), None, "{nothing:?}");
        }
    }

    #[test]
    fn a_rim_has_each_pixel_once() {
        for (w, h) in [(1, 1), (2, 2), (3, 3), (10, 4), (4, 10), (7, 1), (1, 7)] {
            let region = Region { left: 5, top: 5, right: 5 + w, bottom: 5 + h };
            for thick in [1, 2, 5] {
                let rim = region.rim(thick);
                let inner_w = w.saturating_sub(2 * thick.min(w / 2).max(1));
                let inner_h = h.saturating_sub(2 * thick.min(h / 2).max(1));
                let count: u64 = rim.iter().map(Region::pixels).sum();
                assert_eq!(
                    count,
                    (w * h - inner_w * inner_h) as u64,
                    "{w}x{h} thick {thick}: {rim:?}"
                );
                for (place, one) in rim.iter().enumerate() {
                    assert!(rim.iter().skip(place + 1).all(|other| !one.overlaps(other)));
                }
            }
        }
    }
}
