//! Search words out of texts, and how channels write them. Knows no brief.

use super::language::Language;
use super::wording::{capitalised, fit, is_content, is_little, length, sentences, slug, words};

/// Words that a text is about: nouns, which German writes large; in other languages one
/// or two words between an article and a little word. What is counted is a unit.
pub(super) fn telling_words(text: &str, language: Language) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for sentence in sentences(text) {
        let clauses = sentence.split([',', ';', ':', '.', '“', '”', '(', ')']);
        for clause in clauses {
            let words: Vec<&str> = words(clause).collect();
            for (place, word) in words.iter().enumerate() {
                let before = place
                    .checked_sub(1)
                    .and_then(|place| words.get(place))
                    .copied()
                    .unwrap_or_default();
                let rest = words.get(place..).unwrap_or_default();
                let noun = match language {
                    Language::German => large_noun(before, word),
                    _ => noun_phrase(before, rest),
                };
                found.extend(noun.filter(|noun| !found.contains(noun)));
            }
        }
    }
    found
}

fn large_noun(before: &str, word: &str) -> Option<String> {
    let counted = before.is_empty() || before.bytes().any(|byte| byte.is_ascii_digit());
    let large = word.chars().next().is_some_and(char::is_uppercase);
    (large && !counted && is_content(word)).then(|| word.to_owned())
}

fn noun_phrase(article: &str, rest: &[&str]) -> Option<String> {
    const ARTICLES: [&str; 16] = [
        "a", "an", "the", "one", "its", "your", "le", "la", "les", "un", "une", "el", "los", "las",
        "una", "su",
    ];
    if !ARTICLES.contains(&article.to_lowercase().as_str()) {
        return None;
    }
    let is_noun =
        |word: &&&str| length(word) >= 3 && !is_little(word) && !word.contains(['’', '\'']);
    let run: Vec<&str> = rest.iter().take_while(is_noun).copied().collect();
    ((1..=2).contains(&run.len()) && run.iter().all(|word| length(word) >= 3))
        .then(|| run.join(" "))
}

/// `#BikeLight` of `bike light`.
pub(super) fn hashtag(tag: &str) -> String {
    let joined: String = words(tag).flat_map(|word| word.split('-')).map(capitalised).collect();
    format!("#{joined}")
}

/// An address of at most `max` characters, cut between words.
pub(super) fn fit_slug(text: &str, max: usize) -> String {
    slug(&fit(&slug(text).replace('-', " "), max))
}
