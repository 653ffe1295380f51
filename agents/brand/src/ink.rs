//! What is seen in one box: its ground, the ink on it and how they differ; believes nothing but pixels.

use crate::picture::{Colour, Picture};
use crate::region::Region;

/// Nearer to the ground than this is the ground: compression of one tone, a slow gradient.
const LEAST_DIFFERENCE: f32 = 18.0;
/// How much of a box's rim must be of one tone for that tone to be its ground.
const EVEN: f32 = 0.6;
/// An uneven ground makes whatever is measured on it unsure beyond this.
const MOST_UNEVENNESS: f32 = 40.0;
/// The darkest part of the ink is the type itself; the rest is its soft edge.
const CORE: f32 = 0.15;
/// A column of a box with less ink than this is not measured by itself: it may hold soft edges alone.
const LEAST_INK: usize = 80;
/// Contrast is measured in so many columns of a box: text may run from a good ground to a bad one.
const COLUMNS: usize = 4;

/// What is seen in a box.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sight {
    /// The tone of most of the rim.
    pub(crate) ground: Colour,
    /// Whether the rim is of one tone.
    pub(crate) even: bool,
    /// Pixels of the rim that are ink.
    pub(crate) crossing: usize,
    /// Pixels of the box that are ink.
    pub(crate) ink: usize,
    /// The column with the least contrast; `None` without ink.
    pub(crate) worst: Option<Contrast>,
}

/// Ink against ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Contrast {
    /// As WCAG 2 defines it.
    pub(crate) ratio: f64,
    /// The ink's colour.
    pub(crate) ink: Colour,
    /// The ground's colour there.
    pub(crate) ground: Colour,
}

/// Looks at a box.
pub(crate) fn look(picture: &Picture, area: Region) -> Sight {
    let rim: Vec<Colour> = area.rim(1).into_iter().flat_map(|side| picture.pixels(side)).collect();
    let ground = median(rim.iter().copied());
    let mut distances: Vec<f32> = rim.iter().map(|c| c.distance(ground)).collect();
    distances.sort_by(f32::total_cmp);
    let at = |share: f32| {
        distances.get((distances.len() as f32 * share) as usize).copied().unwrap_or(0.0)
    };
    // The usual drift of the ground, without the ink that may cross the rim.
    let drift = at(EVEN);
    let threshold = (drift * 2.5).clamp(LEAST_DIFFERENCE, MOST_UNEVENNESS);
    let crossing = distances.iter().filter(|d| **d > threshold).count();
    let mut columns = (0..COLUMNS).filter_map(|place| column(area, place));
    let mut ink = 0;
    let mut worst: Option<Contrast> = None;
    for column in columns.by_ref() {
        let (count, contrast) = measure(picture, column, ground, threshold);
        ink += count;
        if count >= LEAST_INK {
            worst = lower(worst, contrast);
        }
    }
    if worst.is_none() && ink > 0 {
        worst = measure(picture, area, ground, threshold).1;
    }
    Sight { ground, even: drift <= LEAST_DIFFERENCE, crossing, ink, worst }
}

/// The tone that half of the pixels are below, channel by channel.
pub(crate) fn median(pixels: impl Iterator<Item = Colour>) -> Colour {
    let mut counts = [[0usize; 256]; 3];
    let mut total = 0;
    for Colour(channels) in pixels {
        total += 1;
        for (count, channel) in counts.iter_mut().zip(channels) {
            if let Some(slot) = count.get_mut(usize::from(channel)) {
                *slot += 1;
            }
        }
    }
    Colour(counts.map(|count| {
        let mut seen = 0;
        let half = count.iter().position(|n| {
            seen += n;
            seen * 2 >= total
        });
        u8::try_from(half.unwrap_or(0)).unwrap_or(u8::MAX)
    }))
}

fn column(area: Region, place: usize) -> Option<Region> {
    let step = area.w().div_ceil(COLUMNS);
    let left = area.left + step * place;
    let right = (left + step).min(area.right);
    (left < right).then_some(Region { left, right, ..area })
}

/// Counts the ink of a region and measures its core against the ground around it there.
fn measure(
    picture: &Picture,
    area: Region,
    ground: Colour,
    threshold: f32,
) -> (usize, Option<Contrast>) {
    let (ink, rest): (Vec<Colour>, Vec<Colour>) =
        picture.pixels(area).partition(|c| c.distance(ground) > threshold);
    if ink.is_empty() {
        return (0, None);
    }
    let around = if rest.is_empty() { ground } else { median(rest.into_iter()) };
    let mut distances: Vec<f32> = ink.iter().map(|c| c.distance(around)).collect();
    let count = distances.len();
    let core = ((count as f32 * (1.0 - CORE)) as usize).min(count.saturating_sub(1));
    let (_, least, _) = distances.select_nth_unstable_by(core, f32::total_cmp);
    let least = *least;
    let colour = median(ink.iter().copied().filter(|c| c.distance(around) >= least));
    (count, Some(Contrast { ratio: colour.contrast(around), ink: colour, ground: around }))
}

fn lower(known: Option<Contrast>, next: Option<Contrast>) -> Option<Contrast> {
    match (known, next) {
        (Some(a), Some(b)) => Some(if b.ratio < a.ratio { b } else { a }),
        (a, b) => a.or(b),
    }
}
