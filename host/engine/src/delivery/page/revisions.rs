//! A cell's story on the page: its rounds with verdicts, reasons, decisions and pictures. Knows no card.

use bailiwick_core::{Cost, Currency};
use serde_json::Value;

use super::super::asset::Earlier;
use super::super::html::{Attr, Html, Spoken};
use super::super::point::Point;
use super::super::story::{DecisionOf, Round, Story, VerdictOf, Words};
use super::copy::{Setting, rank};
use super::{grouped, words};

/// A story with a place of its own, before the cards that share it. Open where it was judged.
pub(super) fn panel(html: &mut Html, story: &Story, place: usize, pictures: &[&Earlier]) {
    let judged = story.rounds.iter().any(|round| !round.words.is_empty());
    fold(html, "panel", place, if judged { Fold::Open } else { Fold::Closed }, |html| {
        html.tag("summary", &[], |html| title(html, story, &Point::of(&story.cell)));
        let setting = Setting::of(&story.copy);
        html.class("div", "story", |html| {
            html.class("div", "copy", |html| {
                setting.front(html);
                setting.rest(html);
            });
            rounds(html, story, pictures);
        });
    });
}

/// A story inside a card: closed, unless it took more than one round.
pub(super) fn inside(html: &mut Html, story: &Story, place: usize, pictures: &[&Earlier]) {
    if story.rounds.iter().all(|round| round.words.is_empty()) {
        return;
    }
    let state = if story.rounds.len() > 1 { Fold::Open } else { Fold::Closed };
    fold(html, "within", place, state, |html| {
        html.tag("summary", &[], |html| title(html, story, &Point::default()));
        rounds(html, story, pictures);
    });
}

/// The last word of each judge, in one line.
pub(super) fn last_words(html: &mut Html, story: &Story) {
    let last = story.rounds.iter().find(|round| round.round == story.round);
    for said in last.into_iter().flat_map(|round| &round.words) {
        chip(html, said);
    }
}

/// `3 calls · 1 204 tokens · 0.12 USD`, money only where there was any.
pub(super) fn cost(cost: Cost, currency: Option<Currency>) -> String {
    let calls = if cost.calls.0 == 1 { "call" } else { "calls" };
    let money = match (cost.money.is_zero(), currency) {
        (true, _) => String::new(),
        (false, None) => format!(" · money {}", cost.money),
        (false, currency) => format!(" · {}", cost.money.show(currency)),
    };
    format!("{} {calls} · {} tokens{money}", grouped(cost.calls.0), grouped(cost.tokens.0))
}

#[derive(Clone, Copy)]
enum Fold {
    Open,
    Closed,
}

fn fold(
    html: &mut Html,
    class: &'static str,
    place: usize,
    state: Fold,
    content: impl FnOnce(&mut Html),
) {
    let attrs = [Attr::Is("class", class), Attr::Place(place), Attr::Flag("open")];
    let count = match state {
        Fold::Open => attrs.len(),
        Fold::Closed => attrs.len() - 1,
    };
    html.newline().tag("details", attrs.get(..count).unwrap_or_default(), content);
}

/// The step, where it is (unless that stands there already), the last words, the cost.
fn title(html: &mut Html, story: &Story, point: &Point) {
    html.line("strong", "step", &words(story.step.as_str()));
    for (_, id) in &point.0 {
        html.line("span", "id", id);
    }
    html.class("span", "chips", |html| last_words(html, story));
    if story.cost != Cost::ZERO {
        html.line("span", "cost", &cost(story.cost, story.currency));
    }
}

fn rounds(html: &mut Html, story: &Story, pictures: &[&Earlier]) {
    if story.rounds.iter().all(|round| round.words.is_empty()) {
        return;
    }
    html.class("ol", "rounds", |html| {
        for (at, round) in story.rounds.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| story.rounds.get(before));
            html.newline().tag("li", &[], |html| {
                round_of(html, story, round, before);
                let shown: Vec<_> =
                    pictures.iter().filter(|picture| picture.round == round.round).collect();
                if !shown.is_empty() {
                    html.class("div", "earlier", |html| {
                        shown.iter().for_each(|picture| thumbnail(html, picture))
                    });
                }
            });
        }
    });
}

fn round_of(html: &mut Html, story: &Story, round: &Round, before: Option<&Round>) {
    html.class("p", "round", |html| {
        html.line("strong", "number", &format!("Round {}", round.round)).text(" ");
        match &round.edited_by {
            Some(person) => html.text("edited by ").line("strong", "by", person),
            None => html.text(if before.is_some() { "revised" } else { "first version" }),
        };
        if round.round == story.round {
            html.text(" ").line("span", "chip released", "released");
        }
    });
    if let Some(before) = before {
        changes(html, before, round);
    }
    for said in &round.words {
        html.class("div", "said", |html| {
            chip(html, said);
            match said {
                Words::Verdict(verdict) => reasons(html, verdict),
                Words::Decision(decision) => comment(html, decision),
                Words::Skipped(_) => {}
            }
        });
    }
}

/// The texts that differ from those of the round before.
fn changes(html: &mut Html, before: &Round, now: &Round) {
    let changed = now.copy.iter().filter_map(|text| {
        let old = before.copy.iter().find(|old| old.field == text.field);
        (old.map(|old| &old.text) != Some(&text.text)).then_some((old, text))
    });
    let mut changed: Vec<_> = changed.collect();
    changed.sort_by_key(|(_, text)| rank(text));
    if changed.is_empty() {
        return;
    }
    html.class("dl", "changes", |html| {
        for (old, text) in changed {
            html.line("dt", "field", &words(&text.field.replace('.', " · ")));
            html.tag("dd", &[Attr::Is("dir", "auto")], |html| {
                if let Some(old) = old {
                    html.tag("del", &[], |html| {
                        html.prose(&old.text);
                    });
                    html.text(" ");
                }
                html.tag("ins", &[], |html| {
                    html.prose(&text.text);
                });
            });
        }
    });
}

fn chip(html: &mut Html, said: &Words) {
    match said {
        Words::Verdict(verdict) => {
            let class = match (verdict.opinion, verdict.verdict) {
                (true, _) => "chip opinion",
                (_, "pass") => "chip pass",
                (_, "revise") => "chip revise",
                _ => "chip veto",
            };
            let kind = if verdict.opinion { " (opinion)" } else { "" };
            let judge = words(verdict.judge.as_str());
            html.line(
                "span",
                class,
                &format!("{judge}: {} {:.2}{kind}", verdict.verdict, verdict.score),
            );
        }
        Words::Decision(decision) => {
            let (class, word) = match decision.decision {
                "approve" => ("chip pass person", "approved by"),
                "edit" => ("chip revise person", "edited by"),
                _ => ("chip veto person", "rejected by"),
            };
            let judge = words(decision.judge.as_str());
            html.line("span", class, &format!("{judge}: {word} {}", decision.by));
        }
        Words::Skipped(judge) => {
            html.line("span", "chip opinion", &format!("{}: not asked", words(judge.as_str())));
        }
    }
}

fn reasons(html: &mut Html, verdict: &VerdictOf) {
    let reasons = verdict.reasons.as_array().map(Vec::as_slice).unwrap_or_default();
    if reasons.is_empty() {
        return;
    }
    html.class("ul", "reasons", |html| {
        for reason in reasons {
            let text =
                |key: &str| reason.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
            html.tag("li", &[Attr::Is("dir", "auto")], |html| {
                if let Some(rule) = text("rule") {
                    html.line("code", "rule", rule).text(" ");
                }
                html.prose(text("message").unwrap_or_default());
                if let Some(fix) = text("fix") {
                    html.text(" ").class("span", "fix", |html| {
                        html.text("→ ").prose(fix);
                    });
                }
            });
        }
    });
}

fn comment(html: &mut Html, decision: &DecisionOf) {
    if let Some(comment) = &decision.comment {
        html.tag("blockquote", &[Attr::Is("dir", "auto")], |html| {
            html.prose(comment);
        });
    }
}

fn thumbnail(html: &mut Html, picture: &Earlier) {
    let alt = format!("{} in round {}", words(picture.cell.step.as_str()), picture.round);
    html.tag("a", &[Attr::File("href", &picture.file)], |html| {
        let attrs = [
            Attr::File("src", &picture.file),
            Attr::Says(Spoken::Alt, &alt),
            Attr::Is("loading", "lazy"),
        ];
        html.tag("img", &attrs, |_| ());
    });
}
