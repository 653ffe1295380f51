//! One element of the output on the page: its pictures, its copy, what was said of it, its files. Knows no group.

use bailiwick_core::{Bytes, Cost};

use super::super::asset::{Asset, Earlier, Element};
use super::super::html::{Attr, Html, Spoken};
use super::super::story::{Story, work};
use super::super::texts::{Text, texts};
use super::super::trace::Trace;
use super::copy::Setting;
use super::revisions::{cost, inside, last_words};
use super::words;

/// Names of fields that describe a picture in words.
const DESCRIPTIONS: [&str; 3] = ["alt", "alternative", "description"];

/// The cells that a card stands on: told in the card, or elsewhere on the page.
pub(super) struct Told<'a> {
    pub(super) here: Vec<(&'a Story, usize, &'a [&'a Earlier])>,
    pub(super) elsewhere: Vec<(&'a Story, usize)>,
}

/// A card. The first `headings` axes of its point stand above it already.
pub(super) fn card(
    html: &mut Html,
    trace: &Trace<'_>,
    element: &Element,
    headings: usize,
    told: &Told<'_>,
) {
    let known: Vec<&str> = element.point.0.iter().map(|(_, id)| id.as_str()).collect();
    let own = texts(&element.value, &known);
    let pictured =
        element.assets.iter().any(|asset| trace.pictures.pixels(&asset.artifact).is_some());
    let class = if pictured { "card" } else { "card plain" };
    html.newline().tag("article", &[Attr::Is("class", class)], |html| {
        for asset in &element.assets {
            picture(html, trace, asset, &alternative(element, &own));
        }
        html.class("div", "body", |html| {
            title(html, element, headings);
            copy(html, &own, told);
            for (story, place, pictures) in &told.here {
                inside(html, story, *place, pictures);
            }
            upstream(html, &told.elsewhere);
            files(html, trace, element);
            price(html, trace, told);
        });
    });
}

fn title(html: &mut Html, element: &Element, headings: usize) {
    let own: Vec<_> = element.point.0.iter().skip(headings).collect();
    if own.is_empty() {
        return;
    }
    html.class("p", "point", |html| {
        for (axis, id) in own {
            html.tag(
                "span",
                &[Attr::Is("class", "id"), Attr::Says(Spoken::Title, axis.as_str())],
                |html| {
                    html.text(id);
                },
            );
        }
    });
}

/// The picture in full width; the page reserves its place before it is there.
fn picture(html: &mut Html, trace: &Trace<'_>, asset: &Asset, alt: &str) {
    let Some(pixels) = trace.pictures.pixels(&asset.artifact) else { return };
    html.tag("a", &[Attr::Is("class", "picture"), Attr::File("href", &asset.file)], |html| {
        let attrs = [
            Attr::File("src", &asset.file),
            Attr::Says(Spoken::Alt, alt),
            Attr::Number("width", pixels.width),
            Attr::Number("height", pixels.height),
            Attr::Is("loading", "lazy"),
        ];
        html.tag("img", &attrs, |_| ());
    });
}

/// What the value says of its picture, else its first text, else where it stands.
fn alternative(element: &Element, own: &[Text]) -> String {
    let described = own.iter().find(|text| DESCRIPTIONS.contains(&text.label()));
    let text =
        described.or_else(|| own.iter().find(|text| text.label() == "headline")).or(own.first());
    text.map_or_else(|| format!("Picture of {}", element.point.key()), |text| text.text.clone())
}

/// The element's own texts; where it has none to read, those of the nearest cell above it.
fn copy(html: &mut Html, own: &[Text], told: &Told<'_>) {
    let here = told.here.iter().map(|(story, ..)| *story);
    let above: Vec<&Story> = here.chain(told.elsewhere.iter().map(|(story, _)| *story)).collect();
    let setting = Setting::of(own);
    let borrowed = above.iter().rev().map(|story| Setting::of(&story.copy)).find(Setting::leads);
    let front = if setting.leads() { Some(&setting) } else { borrowed.as_ref() };
    if let Some(front) = front {
        html.class("div", "copy", |html| front.front(html));
    }
    html.class("details", "more", |html| {
        html.tag("summary", &[], |html| {
            html.text("All fields");
        });
        setting.rest(html);
    });
}

fn upstream(html: &mut Html, told: &[(&Story, usize)]) {
    let judged = || {
        told.iter().filter(|(story, _)| story.rounds.iter().any(|round| !round.words.is_empty()))
    };
    if judged().next().is_none() {
        return;
    }
    html.class("ul", "upstream", |html| {
        for (story, place) in judged() {
            html.tag("li", &[], |html| {
                html.tag("a", &[Attr::To(*place)], |html| {
                    html.text(&words(story.step.as_str()));
                });
                html.class("span", "chips", |html| last_words(html, story));
            });
        }
    });
}

fn files(html: &mut Html, trace: &Trace<'_>, element: &Element) {
    if element.assets.is_empty() {
        return;
    }
    let (pictures, others): (Vec<&Asset>, Vec<&Asset>) =
        element.assets.iter().partition(|asset| trace.pictures.pixels(&asset.artifact).is_some());
    html.class("ul", "files", |html| {
        for asset in pictures.into_iter().chain(others) {
            html.tag("li", &[], |html| file(html, trace, asset));
        }
    });
}

fn file(html: &mut Html, trace: &Trace<'_>, asset: &Asset) {
    let (artifact, path) = (&asset.artifact, asset.file.as_str());
    html.tag("a", &[Attr::File("href", &asset.file)], |html| {
        html.text(path.rsplit('/').next().unwrap_or(path));
    });
    let pixels = trace
        .pictures
        .pixels(artifact)
        .map(|p| format!("{} × {} · ", p.width, p.height))
        .unwrap_or_default();
    html.line("span", "size", &format!("{pixels}{}", Bytes(artifact.bytes.0)));
    let maker = asset.maker.as_ref().and_then(|maker| work(trace, Some(&maker.attempt)));
    let made = match &maker {
        Some(work) => {
            let reused = work.reused.as_ref().map(|run| format!(" · reused from {run}"));
            format!(
                "by {} · round {}{}",
                work.profile.as_deref().unwrap_or(work.agent.as_str()),
                work.round,
                reused.unwrap_or_default()
            )
        }
        None => "came in with the run".to_owned(),
    };
    html.line("span", "maker", &made);
    html.line("code", "digest", &artifact.digest.short());
}

fn price(html: &mut Html, trace: &Trace<'_>, told: &Told<'_>) {
    let sum = |stories: &mut dyn Iterator<Item = &Story>| {
        stories.fold(Cost::ZERO, |sum, story| sum.plus(story.cost))
    };
    let here = sum(&mut told.here.iter().map(|(story, ..)| *story));
    let above = sum(&mut told.elsewhere.iter().map(|(story, _)| *story));
    let told = |sum| cost(sum, trace.state.currency());
    let text = match (here == Cost::ZERO, above == Cost::ZERO) {
        (_, true) => format!("Cost: {}", told(here)),
        (true, false) => format!("Cost: {} shared with others", told(above)),
        (false, false) => format!("Cost: {}, and {} shared with others", told(here), told(above)),
    };
    html.line("p", "price", &text);
}
