//! Verdicts by rule: listed words, and the rules of voice that a rule can hear. Judges nothing else, and says so by passing it.

use serde_json::{Value, json};

use super::language::Language;
use super::material::Material;
use super::wording::{mentions, words};

/// One objection to a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) rule: &'static str,
    pub(super) message: String,
    pub(super) fix: String,
}

/// What the built-in judge has against the copy in a material.
pub(super) fn problems(material: &Material) -> Vec<Problem> {
    let text = material.copy_text();
    let german = material.language == Language::German;
    let say = |english: String, german_words: String| if german { german_words } else { english };
    let mut found: Vec<Problem> = Vec::new();
    for term in material.avoid.iter().filter(|term| mentions(&text, term)) {
        found.push(Problem {
            rule: "banned-term",
            message: say(
                format!("“{term}” is on the list of words to keep out."),
                format!("„{term}“ steht auf der Liste der Wörter, die nicht vorkommen sollen."),
            ),
            fix: say("Say it without this word.".into(), "Ohne dieses Wort sagen.".into()),
        });
    }
    let voice = material.list("voice").join(" ").to_lowercase();
    let rules_out = |names: &[&str]| names.iter().any(|name| voice.contains(name));
    if rules_out(&["exclamation", "ausrufezeichen"]) && text.contains('!') {
        found.push(Problem {
            rule: "exclamation-mark",
            message: say(
                "The voice has no exclamation marks; the copy has one.".into(),
                "Die Marke schreibt ohne Ausrufezeichen; im Text steht eines.".into(),
            ),
            fix: say(
                "End the sentence with a full stop.".into(),
                "Den Satz mit einem Punkt beenden.".into(),
            ),
        });
    }
    let shouted = words(&text).find(|word| word.len() >= 5 && word.chars().all(char::is_uppercase));
    if let (true, Some(word)) = (rules_out(&["capitals", "großbuchstaben"]), shouted) {
        found.push(Problem {
            rule: "capitals",
            message: say(
                format!("The voice has no words in capitals; the copy has “{word}”."),
                format!("Die Marke schreibt kein Wort in Großbuchstaben; im Text steht „{word}“."),
            ),
            fix: say("Write it in sentence case.".into(), "In normaler Schreibung setzen.".into()),
        });
    }
    if rules_out(&["emoji"]) && text.chars().any(is_emoji) {
        found.push(Problem {
            rule: "emoji",
            message: say(
                "The voice has no emoji; the copy has one.".into(),
                "Die Marke schreibt ohne Emoji; im Text steht eines.".into(),
            ),
            fix: say("Leave the emoji out.".into(), "Das Emoji weglassen.".into()),
        });
    }
    found.extend(reported(material));
    found
}

/// Problems that the material names itself.
fn reported(material: &Material) -> Vec<Problem> {
    let lists =
        ["problems", "issues", "violations"].into_iter().flat_map(|name| material.list(name));
    lists
        .map(|message| Problem { rule: "reported", message, fix: "Mend what is reported.".into() })
        .collect()
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}')
}

/// A figure between 0 and 1, two digits: each objection takes a fifth.
pub(super) fn score(material: &Material, problems: usize) -> f64 {
    let flawless = 90 + (material.variety.wrapping_add(material.copy_text().len() as u64) % 9);
    let left = flawless.saturating_sub(20 * problems as u64);
    f64::from(u32::try_from(left).unwrap_or(0)) / 100.0
}

/// Of the words that a verdict may have, the one that these problems deserve.
pub(super) fn verdict<'a>(words: &[&'a Value], problems: usize) -> Option<&'a Value> {
    const GOOD: [&str; 9] =
        ["pass", "passed", "approve", "approved", "accept", "accepted", "ok", "yes", "release"];
    const BAD: [&str; 9] =
        ["revise", "reject", "rejected", "fail", "failed", "changes", "no", "veto", "drop"];
    let wanted = if problems == 0 { GOOD } else { BAD };
    wanted.iter().find_map(|word| words.iter().find(|value| **value == &json!(word)).copied())
}
