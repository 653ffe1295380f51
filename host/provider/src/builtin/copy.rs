//! Copy composed by rule: sentences of the material, chosen by room, joined so that they read. Knows no schema.

use std::cell::RefCell;

use super::extract::extract;
use super::material::{Fact, Material};
use super::role::Role;
use super::tags::{fit_slug, hashtag, telling_words};
use super::wording::{capitalised, closed, fit, length, mentions, sentences};

/// What a headline has where nobody says: a search result's title.
const HEADLINE_CHARS: usize = 60;
/// What a body has where nobody says: a short paragraph.
const BODY_CHARS: usize = 280;
/// A body of less is read in passing: facts only, nobody is addressed.
const PAGE_CHARS: usize = 200;
/// What a summary has where nobody says.
const SUMMARY_CHARS: usize = 480;
/// Facts of a summary: people read three.
const SUMMARY_FACTS: usize = 3;
/// What any other text has: a line.
const LINE_CHARS: usize = 120;
/// Where a shorter version was asked for, it has this share, in percent.
const LESS_PERCENT: usize = 70;

/// Composes texts from a material and remembers which facts they use.
pub(super) struct Composer<'a> {
    pub(super) material: &'a Material,
    cited: RefCell<Vec<String>>,
}

/// One sentence on its way into a text: where it stands, and how dear it is.
struct Piece {
    place: usize,
    text: String,
    fact: Option<String>,
}

impl<'a> Composer<'a> {
    pub(super) fn new(material: &'a Material) -> Self {
        Self { material, cited: RefCell::default() }
    }

    /// A text of at most `max` characters (none: as much as such a text has). `turn`
    /// tells the items of a list apart.
    pub(super) fn text(&self, role: Role, max: Option<usize>, turn: usize) -> String {
        let room = |usual: usize| {
            let room = max.unwrap_or(usual);
            if self.material.wants_less() { room.min(usual) * LESS_PERCENT / 100 } else { room }
        };
        match role {
            Role::Headline => self.headline(room(HEADLINE_CHARS), turn),
            Role::Body => self.body(room(BODY_CHARS), turn),
            Role::Cta => self.cta(max),
            Role::Summary => self.summary(room(SUMMARY_CHARS)),
            Role::Description => self.description(room(BODY_CHARS)),
            Role::Alt => fit(&self.alt(), room(LINE_CHARS)),
            Role::Slug => fit_slug(
                &format!("{} {}", self.product(), self.headline(HEADLINE_CHARS, turn)),
                max.unwrap_or(60),
            ),
            Role::Hashtag => self.tag(turn).map_or_else(String::new, |tag| hashtag(&tag)),
            Role::Tag => self.tag(turn).unwrap_or_default(),
            Role::Fact => self.fact_id(turn).unwrap_or_default(),
            Role::Topic => self.topic(turn),
            Role::Other if turn > 0 => fit(&self.topic(turn), room(LINE_CHARS)),
            Role::Verdict | Role::Score | Role::Reason | Role::Rule | Role::Fix | Role::Other => {
                fit(&self.summary(room(LINE_CHARS)), room(LINE_CHARS))
            }
        }
    }

    /// The product as texts call it first.
    fn product(&self) -> String {
        self.material.first(&["product", "name", "brand"]).unwrap_or_default()
    }

    /// The product as texts call it afterwards: without its maker.
    fn short_name(&self) -> String {
        let product = self.product();
        let brand = self.material.text("brand").unwrap_or_default();
        let short = product.strip_prefix(&brand).map(str::trim).filter(|rest| !rest.is_empty());
        short.map_or_else(|| product.clone(), str::to_owned)
    }

    fn subject(&self) -> String {
        let named = self
            .material
            .first(&["topic", "subject", "title", "theme", "question", "product", "name"]);
        named.unwrap_or_else(|| {
            let spoken = if self.material.prose.is_empty() {
                self.material.everything()
            } else {
                self.material.prose.clone()
            };
            fit(spoken.trim_end_matches(['.', '!', '?']), HEADLINE_CHARS)
        })
    }

    fn usable_facts(&self) -> Vec<&'a Fact> {
        self.material.facts.iter().filter(|fact| self.material.allows(&fact.text)).collect()
    }

    /// The sentences of the message that may be said.
    fn message(&self) -> Vec<String> {
        let message = self.material.first(&["message", "key_message", "claim"]).unwrap_or_default();
        sentences(&message).into_iter().filter(|sentence| self.material.allows(sentence)).collect()
    }

    /// How many sentences of the message a headline of this room says.
    fn said_in_headline(&self, max: usize) -> usize {
        let message = self.message();
        (1..=message.len())
            .rev()
            .find(|n| {
                length(&message.iter().take(*n).cloned().collect::<Vec<_>>().join(" ")) <= max
            })
            .unwrap_or(0)
    }

    fn headline(&self, max: usize, turn: usize) -> String {
        let said = self.said_in_headline(max);
        let message = self.message();
        let candidates = [
            self.material.of_copy("headline"),
            (said > 0).then(|| message.iter().take(said).cloned().collect::<Vec<_>>().join(" ")),
            message.first().cloned(),
            self.material.first(&["headline", "title", "topic", "subject"]),
            // A fact comes last: the body says it too.
            self.category_line(),
            self.usable_facts().get(turn).map(|fact| fact.text.clone()),
        ];
        let found = candidates
            .into_iter()
            .flatten()
            .find(|text| self.material.allows(text))
            .unwrap_or_else(|| self.subject());
        let line = capitalised(&fit(&found, max));
        // One sentence stands without its full stop; two need theirs.
        if sentences(&line).len() == 1 { line.trim_end_matches('.').to_owned() } else { line }
    }

    fn category_line(&self) -> Option<String> {
        let category = self.material.text("category")?;
        Some(format!("{}: {}", self.product(), category)).filter(|line| line.len() > 2)
    }

    fn body(&self, max: usize, turn: usize) -> String {
        if let Some(body) = self.material.of_copy("body").or_else(|| self.material.of_copy("text"))
        {
            return fit(&body, max);
        }
        let pieces = self.pieces(max, turn);
        let text = self.joined(pieces, max);
        if !text.is_empty() {
            return text;
        }
        let message = Some(self.message().join(" ")).filter(|message| !message.is_empty());
        let spoken = message.or_else(|| self.outline());
        let spoken = spoken.unwrap_or_else(|| extract(&self.material.everything(), max));
        fit(&spoken, max)
    }

    /// The sentences that a body could have, the dearest first.
    fn pieces(&self, max: usize, turn: usize) -> Vec<Piece> {
        let headline_room = self.material.limit("headline").unwrap_or(HEADLINE_CHARS);
        let rest = self.message().into_iter().skip(self.said_in_headline(headline_room));
        let mut facts: Vec<_> = self.usable_facts();
        let turned = turn % facts.len().max(1);
        facts.rotate_left(turned);
        let mut facts = facts.into_iter().enumerate().map(|(index, fact)| Piece {
            place: 10 + index,
            text: closed(&fact.text),
            fact: Some(fact.id.clone()),
        });
        let mut pieces: Vec<Piece> = facts.next().into_iter().collect();
        pieces.extend(rest.enumerate().map(|(place, text)| Piece {
            place,
            text: closed(&text),
            fact: None,
        }));
        let benefits = ["benefits", "key_messages", "key_points", "points"]
            .into_iter()
            .flat_map(|name| self.material.list(name));
        let benefits = benefits.filter(|text| self.material.allows(text));
        pieces.extend(benefits.enumerate().map(|(index, text)| Piece {
            place: 5 + index,
            text: closed(&capitalised(&text)),
            fact: None,
        }));
        pieces.extend(facts);
        let audience =
            self.material.text("audience").filter(|audience| self.material.allows(audience));
        let line = audience.and_then(|audience| self.material.language.made_for(&audience));
        let spoken_to = line.filter(|_| max >= PAGE_CHARS);
        // Half of the siblings say first whom they are for, the other half last.
        let place = if self.material.variety.is_multiple_of(2) { 4 } else { 99 };
        pieces.extend(spoken_to.map(|text| Piece { place, text, fact: None }));
        pieces
    }

    /// The pieces that fit, in their order, with a pronoun where a name would be said twice in a row.
    fn joined(&self, pieces: Vec<Piece>, max: usize) -> String {
        let (mut kept, mut used): (Vec<Piece>, usize) = (Vec::new(), 0);
        for piece in pieces {
            let needed = length(&piece.text) + usize::from(!kept.is_empty());
            let is_new =
                !piece.text.is_empty() && kept.iter().all(|known| known.text != piece.text);
            if is_new && used + needed <= max {
                used += needed;
                kept.push(piece);
            }
        }
        kept.sort_by_key(|piece| piece.place);
        self.cited.borrow_mut().extend(kept.iter().filter_map(|piece| piece.fact.clone()));
        let name = self.short_name();
        let (mut text, mut named) = (String::new(), false);
        for piece in kept {
            let follows = piece
                .text
                .strip_prefix(&name)
                .filter(|rest| rest.starts_with(' ') && !name.is_empty());
            let sentence = match (self.material.language.it(), follows) {
                (Some(it), Some(rest))
                    if named && !name.ends_with('s') && length(it) <= length(&name) =>
                {
                    format!("{it}{rest}")
                }
                _ => piece.text.clone(),
            };
            // After another subject the pronoun would mean that one.
            named = follows.is_some();
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(&sentence);
        }
        text
    }

    fn cta(&self, max: Option<usize>) -> String {
        let max = max.unwrap_or(LINE_CHARS);
        let language = self.material.language;
        let product = self.product();
        let named = (!product.is_empty()).then(|| language.discover(&product));
        let short = (!product.is_empty()).then(|| language.discover(&self.short_name()));
        let asked = self
            .material
            .first(&["call_to_action", "cta"])
            .or_else(|| self.material.of_copy("cta"));
        let candidates = [asked, named, short, Some(language.more().to_owned())];
        let fitting = candidates
            .into_iter()
            .flatten()
            .find(|text| length(text) <= max && self.material.allows(text));
        fitting.unwrap_or_else(|| fit(language.more(), max))
    }

    fn summary(&self, max: usize) -> String {
        let (product, language) = (self.product(), self.material.language);
        if product.is_empty() {
            return self.body(max, 0);
        }
        let audience = self
            .material
            .text("audience")
            .map(|audience| language.presented_to(&product, &audience));
        let goal = self.material.text("goal").map(|goal| language.goal(&goal));
        let opening = audience.into_iter().chain(goal).enumerate();
        let mut pieces: Vec<Piece> =
            opening.map(|(place, text)| Piece { place, text, fact: None }).collect();
        let facts = self.usable_facts().into_iter().take(SUMMARY_FACTS).enumerate();
        pieces.extend(facts.map(|(index, fact)| Piece {
            place: 10 + index,
            text: closed(&fact.text),
            fact: Some(fact.id.clone()),
        }));
        match pieces.is_empty() {
            true => self.body(max, 0),
            false => fit(&self.joined(pieces, max), max),
        }
    }

    /// What a search result shows: what the copy says, else what it would say.
    fn description(&self, max: usize) -> String {
        let body = self.body(max, 0);
        if body.is_empty() { self.summary(max) } else { body }
    }

    fn alt(&self) -> String {
        let headline = self.headline(HEADLINE_CHARS, 0);
        match self.product() {
            product if product.is_empty() => headline,
            product => self.material.language.shows(&product, &headline),
        }
    }

    /// Search words: names first, then what the texts are about.
    fn tag(&self, turn: usize) -> Option<String> {
        let mut tags: Vec<String> = Vec::new();
        let names = ["product", "category", "brand", "topic", "subject"]
            .into_iter()
            .filter_map(|name| self.material.text(name));
        let copy = self.material.copy_text();
        let facts =
            self.material.facts.iter().map(|fact| fact.text.as_str()).collect::<Vec<_>>().join(" ");
        let spoken = if copy.is_empty() && facts.is_empty() {
            self.material.everything()
        } else {
            format!("{copy} {facts}")
        };
        let nouns = telling_words(&spoken, self.material.language);
        for tag in names.filter(|name| length(name) <= 40).chain(nouns) {
            // "Wren" says nothing beside "Duskfinch Wren", and a brand is a tag of its own.
            let is_name = self.material.text("brand").is_some_and(|brand| brand == tag);
            let known = tags.iter().any(|one| {
                one.to_lowercase() == tag.to_lowercase() || (!is_name && mentions(one, &tag))
            });
            if !known && self.material.allows(&tag) {
                tags.push(tag);
            }
        }
        tags.into_iter().nth(turn)
    }

    fn fact_id(&self, turn: usize) -> Option<String> {
        let cited = self.cited();
        let ids = if cited.is_empty() {
            self.usable_facts().iter().map(|fact| fact.id.clone()).collect()
        } else {
            cited
        };
        ids.into_iter().nth(turn)
    }

    /// The facts that the texts composed so far use, in the material's order.
    pub(super) fn cited(&self) -> Vec<String> {
        let cited = self.cited.borrow();
        let copied = self.material.copy_text();
        let is_used = |fact: &&Fact| {
            cited.contains(&fact.id)
                || (!copied.is_empty() && copied.contains(fact.text.trim_end_matches('.')))
        };
        self.material.facts.iter().filter(is_used).map(|fact| fact.id.clone()).collect()
    }

    fn topic(&self, turn: usize) -> String {
        let known = ["topics", "ideas", "points", "key_messages"]
            .into_iter()
            .find_map(|name| self.material.list(name).into_iter().nth(turn));
        known.unwrap_or_else(|| {
            let sides = self.material.language.sides(&self.subject());
            sides
                .into_iter()
                .nth(turn)
                .unwrap_or_else(|| format!("{} {}", self.subject(), turn + 1))
        })
    }

    /// For a bare topic: what a text about it would tell.
    fn outline(&self) -> Option<String> {
        let subject = self.material.first(&["topic", "subject", "title", "theme", "question"])?;
        let subject = subject.trim_end_matches(['.', '!', '?']);
        Some(self.material.language.outline(subject))
    }
}
