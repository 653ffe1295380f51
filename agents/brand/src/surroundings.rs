//! What is drawn where no part is said to be: sharp edges outside all boxes.

use crate::parts::Placed;
use crate::picture::{Colour, Picture};
use crate::rules::{Findings, Rule};

/// Two neighbours this far apart are an edge; a gradient is not.
const EDGE: f32 = 40.0;
/// Boxes count with this much around them: soft edges of shapes lie on both sides of their outline.
const TOLERANCE: usize = 3;
/// Edge pixels that are overlooked, as a share of width and height together: a hairline, no word.
const OVERLOOKED: f64 = 0.12;

/// Counts edges outside the parts.
pub(crate) fn check(placed: &[Placed<'_>], picture: &Picture, findings: &mut Findings) {
    let bounds = picture.bounds();
    let areas: Vec<_> = placed.iter().map(|p| p.area.grown(TOLERANCE, bounds)).collect();
    let mut above: Vec<Colour> = Vec::new();
    let mut edges = 0u64;
    for y in 0..bounds.bottom {
        let row: Vec<Colour> = picture.row(y, 0, bounds.right).collect();
        let mut covers: Vec<(usize, usize)> = areas
            .iter()
            .filter(|a| (a.top..a.bottom).contains(&y))
            .map(|a| (a.left, a.right))
            .collect();
        covers.sort_unstable();
        let mut x = 0;
        for (left, right) in covers.into_iter().chain([(bounds.right, bounds.right)]) {
            edges += (x..left.max(x)).filter(|x| is_edge(&row, &above, *x)).count() as u64;
            x = x.max(right);
        }
        above = row;
    }
    let overlooked = ((bounds.right + bounds.bottom) as f64 * OVERLOOKED) as u64;
    if edges > overlooked {
        findings
            .note(Rule::UndeclaredInk, format!("{edges} pixels of edges lie outside all parts"));
    }
}

fn is_edge(row: &[Colour], above: &[Colour], x: usize) -> bool {
    let Some(here) = row.get(x) else { return false };
    let left = x.checked_sub(1).and_then(|x| row.get(x));
    [left, above.get(x)].into_iter().flatten().any(|other| other.distance(*here) > EDGE)
}
