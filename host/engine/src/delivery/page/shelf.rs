//! One key of the output on the page: cards in groups of their first axes, and what whole groups share said once. Knows no chip.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_core::CellId;

use super::super::asset::{Earlier, Element, Part};
use super::super::html::{Attr, Html};
use super::super::lineage::{of_asset, of_cell};
use super::super::point::Point;
use super::super::story::Story;
use super::super::trace::Trace;
use super::{card, revisions, words};

/// The most cards of one page: above it browsers become slow, and people do not scroll.
/// What is beyond stands in the files and in the manifest, and the page says so.
const CARDS_MAX: usize = 2_000;

/// Axes that become headings; the others tell the cards of a group apart.
const HEADINGS_MAX: usize = 2;

/// What the page shows besides the cards, and where.
pub(super) struct Shelf<'a> {
    trace: &'a Trace<'a>,
    earlier: BTreeMap<CellId, Vec<&'a Earlier>>,
    /// Cells that were told of, with their place on the page.
    told: BTreeMap<(String, String), usize>,
    cards: usize,
}

/// The cards of one heading.
struct Group<'a> {
    heading: Point,
    elements: Vec<&'a Element>,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(trace: &'a Trace<'a>, earlier: &'a [Earlier]) -> Self {
        let mut by_cell: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for picture in earlier {
            by_cell.entry(picture.cell.clone()).or_default().push(picture);
        }
        Self { trace, earlier: by_cell, told: BTreeMap::new(), cards: 0 }
    }

    /// A section for a key.
    pub(super) fn part(&mut self, html: &mut Html, part: &'a Part) {
        html.newline().tag("section", &[Attr::Is("class", "part")], |html| {
            html.line("h2", "key", &words(part.key.as_str()));
            let mut last = Point::default();
            for group in groups(part) {
                self.headings(html, &last, &group.heading);
                last = group.heading.clone();
                self.group(html, &group);
            }
        });
    }

    /// The headings that differ from those of the group before.
    fn headings(&self, html: &mut Html, last: &Point, heading: &Point) {
        let mut changed = false;
        for (depth, (axis, id)) in heading.0.iter().enumerate() {
            changed |= last.0.get(depth).is_none_or(|(_, known)| known != id);
            if changed {
                html.newline().class(if depth == 0 { "h3" } else { "h4" }, "group", |html| {
                    html.line("span", "axis", &words(axis.as_str()))
                        .text(" ")
                        .line("span", "id", id);
                });
            }
        }
    }

    fn group(&mut self, html: &mut Html, group: &Group<'_>) {
        let left = CARDS_MAX.saturating_sub(self.cards);
        let shown: Vec<(&Element, Vec<Story>)> = group
            .elements
            .iter()
            .take(left)
            .map(|element| (*element, self.stories(element)))
            .collect();
        self.cards += shown.len();
        let mut shared: BTreeSet<(String, String)> = BTreeSet::new();
        for story in shown.iter().flat_map(|(_, stories)| stories) {
            let own = Point::of(&story.cell);
            // A single card tells its own story; what it stands on is told before it.
            let carries = |(element, _): &(&Element, _)| element.cell.as_ref() == Some(&story.id());
            if own.is_within(&group.heading) && !shown.iter().any(carries) {
                let first = shared.insert(key(story)) && !self.told.contains_key(&key(story));
                if first
                    && (!story.copy.is_empty()
                        || story.rounds.iter().any(|round| !round.words.is_empty()))
                {
                    let place = self.tell(story);
                    revisions::panel(html, story, place, self.pictures(story));
                }
            }
        }
        html.newline().class("div", "cards", |html| {
            for (element, stories) in &shown {
                let inside: BTreeSet<_> =
                    stories.iter().map(key).filter(|key| !self.told.contains_key(key)).collect();
                for story in stories.iter().filter(|story| inside.contains(&key(story))) {
                    self.tell(story);
                }
                let own = |story: &&Story| inside.contains(&key(story));
                let told = card::Told {
                    here: stories
                        .iter()
                        .filter(own)
                        .map(|story| (story, self.place(story), self.pictures(story)))
                        .collect(),
                    elsewhere: stories
                        .iter()
                        .filter(|s| !own(s))
                        .map(|story| (story, self.place(story)))
                        .collect(),
                };
                card::card(html, self.trace, element, group.heading.0.len(), &told);
            }
        });
        if shown.len() < group.elements.len() {
            let more = group.elements.len() - shown.len();
            html.line(
                "p",
                "lead",
                &format!("{more} more stand in the files beside this page and in manifest.json."),
            );
        }
    }

    /// The cells that a card tells of: those above it that stand at its own axis values,
    /// not the many that a list collects.
    fn stories(&self, element: &Element) -> Vec<Story> {
        let mut stories = of_cell(self.trace, element.cell.as_ref()).stories;
        for asset in &element.assets {
            stories.extend(of_asset(self.trace, element, asset).stories);
        }
        stories.sort_by_key(|story| self.trace.cells.place(&story.id()));
        stories.dedup_by_key(|story| story.id());
        let made: BTreeSet<&CellId> = element
            .assets
            .iter()
            .filter_map(|asset| asset.maker.as_ref())
            .map(|maker| &maker.attempt.cell)
            .collect();
        stories.retain(|story| {
            Point::of(&story.cell).is_within(&element.point) || made.contains(&story.id())
        });
        stories
    }

    fn tell(&mut self, story: &Story) -> usize {
        let next = self.told.len() + 1;
        *self.told.entry(key(story)).or_insert(next)
    }

    fn place(&self, story: &Story) -> usize {
        self.told.get(&key(story)).copied().unwrap_or_default()
    }

    fn pictures(&self, story: &Story) -> &[&'a Earlier] {
        self.earlier.get(&story.id()).map(Vec::as_slice).unwrap_or_default()
    }
}

fn key(story: &Story) -> (String, String) {
    (story.step.to_string(), story.cell.to_string())
}

/// The elements by their first axes, in the order of the list.
fn groups(part: &Part) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for element in &part.elements {
        let headings = element.point.0.len().saturating_sub(1).min(HEADINGS_MAX);
        let heading = element.point.first(headings);
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.elements.push(element),
            None => groups.push(Group { heading, elements: vec![element] }),
        }
    }
    groups
}
