//! Which cells an element or an asset stands on. Knows no file.

use std::collections::BTreeMap;

use bailiwick_core::{Artifact, CellId};

use super::asset::{Asset, Element};
use super::story::{Story, story};
use super::trace::Trace;

/// The cells that an asset stands on, in file and axis order.
pub(super) struct Lineage {
    pub(super) stories: Vec<Story>,
    /// Whether none was left out, see [`super::ABOVE_MAX`].
    pub(super) complete: bool,
}

/// The cell that made an asset and those above it; besides, those on the way from there
/// to the element that holds it: what judged them judged the asset too.
pub(super) fn of_asset(trace: &Trace<'_>, element: &Element, asset: &Asset) -> Lineage {
    let maker = asset.maker.as_ref().map(|maker| &maker.attempt.cell);
    let Some(maker) = maker.filter(|cell| trace.released(cell).is_some()) else {
        return of_cell(trace, element.cell.as_ref());
    };
    let Some(carrier) = element.cell.as_ref().filter(|carrier| *carrier != maker) else {
        return of_cell(trace, Some(maker));
    };
    let mut lineage = of_cell(trace, Some(maker));
    let (below, complete) = trace.cells.above(carrier);
    let between =
        below.into_iter().filter(|cell| cell != maker && trace.cells.above(cell).0.contains(maker));
    lineage.stories.extend(between.chain([carrier.clone()]).filter_map(|cell| story(trace, &cell)));
    lineage.complete &= complete;
    lineage.sort(trace);
    lineage
}

/// A cell and those above it.
pub(super) fn of_cell(trace: &Trace<'_>, cell: Option<&CellId>) -> Lineage {
    let Some(cell) = cell else { return Lineage { stories: Vec::new(), complete: true } };
    let (above, complete) = trace.cells.above(cell);
    let stories = above.iter().chain([cell]).filter_map(|cell| story(trace, cell)).collect();
    let mut lineage = Lineage { stories, complete };
    lineage.sort(trace);
    lineage
}

impl Lineage {
    fn sort(&mut self, trace: &Trace<'_>) {
        self.stories.sort_by_key(|story| trace.cells.place(&story.id()));
        self.stories.dedup_by_key(|story| story.id());
    }
}

/// Where each reference was delivered; the first place of those that were twice.
pub(super) fn delivered<'a>(
    elements: impl Iterator<Item = &'a Element>,
) -> BTreeMap<&'a Artifact, &'a str> {
    let mut files = BTreeMap::new();
    for asset in elements.flat_map(|element| &element.assets) {
        files.entry(&asset.artifact).or_insert(asset.file.as_str());
    }
    files
}
