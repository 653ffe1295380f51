//! Texts on the page: the line that leads, the prose, the button, the rest as a table. Knows no value.

use super::super::html::{Attr, Html};
use super::super::texts::Text;
use super::words;

/// Fields that lead, the likelier first.
const LEADS: [&str; 5] = ["headline", "title", "heading", "subject", "name"];
/// Fields that are read after it.
const PROSE: [&str; 9] =
    ["body", "text", "summary", "message", "digest", "caption", "description", "greeting", "note"];
/// Fields that ask somebody to do something.
const BUTTONS: [&str; 3] = ["cta", "call_to_action", "button"];
/// Fields that are lists of words.
const TAGS: [&str; 3] = ["tags", "keywords", "hashtags"];

/// Where a text stands among others: what leads, prose, buttons, tags, the rest.
pub(super) fn rank(text: &Text) -> usize {
    let roles = [&LEADS[..], &PROSE, &BUTTONS, &TAGS];
    roles.iter().position(|labels| labels.contains(&text.label())).unwrap_or(roles.len())
}

/// How one value's texts are set.
pub(super) struct Setting<'a> {
    lead: Option<&'a Text>,
    prose: Option<&'a Text>,
    button: Option<&'a Text>,
    tags: Option<&'a Text>,
    rest: Vec<&'a Text>,
}

impl<'a> Setting<'a> {
    pub(super) fn of(texts: &'a [Text]) -> Self {
        let first = |labels: &[&str]| {
            labels.iter().find_map(|label| texts.iter().find(|text| text.label() == *label))
        };
        let (lead, button, tags) = (first(&LEADS), first(&BUTTONS), first(&TAGS));
        let untitled = texts.iter().find(|text| text.field.is_empty());
        let prose = first(&PROSE).or(untitled);
        let set = [lead, prose, button, tags];
        let taken = |text: &&Text| set.iter().flatten().any(|known| std::ptr::eq(*known, *text));
        Self { lead, prose, button, tags, rest: texts.iter().filter(|text| !taken(text)).collect() }
    }

    /// Whether there is something to read before the table.
    pub(super) fn leads(&self) -> bool {
        self.lead.is_some() || self.prose.is_some()
    }

    /// The texts that are read first.
    pub(super) fn front(&self, html: &mut Html) {
        let auto = Attr::Is("dir", "auto");
        if let Some(lead) = self.lead {
            html.tag("p", &[Attr::Is("class", "headline"), auto], |html| {
                html.text(&lead.text);
            });
        }
        if let Some(prose) = self.prose {
            html.tag("p", &[Attr::Is("class", "prose"), auto], |html| {
                html.prose(&prose.text);
            });
        }
        if let Some(button) = self.button {
            html.tag("p", &[Attr::Is("class", "button"), auto], |html| {
                html.text(&button.text);
            });
        }
        if let Some(tags) = self.tags {
            html.tag("p", &[Attr::Is("class", "tags"), auto], |html| {
                html.text(&tags.text);
            });
        }
    }

    /// The others.
    pub(super) fn rest(&self, html: &mut Html) {
        if self.rest.is_empty() {
            return;
        }
        html.class("dl", "fields", |html| {
            for text in &self.rest {
                html.line("dt", "field", &words(&text.field.replace('.', " · ")));
                html.tag("dd", &[Attr::Is("dir", "auto")], |html| {
                    html.prose(&text.text);
                });
            }
        });
    }
}
