//! Which facts a finished text uses, judged by its words. It does not trust what the
//! writer says of it.

use campaign::{Fact, number_claims};

/// Words shorter than this are glue in every language that we read.
const CONTENT_WORD_CHARS: usize = 5;
/// Without its number a fact counts as used when this share of its words is in the text.
const USED_PERCENT: usize = 60;
/// One shared word is a coincidence.
const SHARED_WORDS: usize = 2;

/// The ids of the facts that the text uses, in the order given, each once.
pub(crate) fn used_facts(text: &str, facts: &[&Fact]) -> Vec<String> {
    let claims = number_claims(text);
    let words = content_words(text);
    let mut ids: Vec<String> = Vec::new();
    for fact in facts {
        let by_number = number_claims(&fact.text)
            .iter()
            .any(|proof| claims.iter().any(|claim| claim.is_proved_by(proof)));
        if (by_number || by_words(fact, &words)) && !ids.contains(&fact.id) {
            ids.push(fact.id.clone());
        }
    }
    ids
}

fn by_words(fact: &Fact, words: &[String]) -> bool {
    let own = content_words(&fact.text);
    let shared = own.iter().filter(|word| words.contains(word)).count();
    shared >= SHARED_WORDS && shared * 100 >= own.len() * USED_PERCENT
}

fn content_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= CONTENT_WORD_CHARS)
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(id: &str, text: &str) -> Fact {
        Fact {
            id: id.into(),
            text: text.into(),
            source: "s".into(),
            lang: String::new(),
            topic: String::new(),
            score: 1.0,
        }
    }

    #[test]
    fn finds_facts_by_number_and_by_words() {
        let facts = [
            fact("W01", "Wren shines for 38 hours on one charge."),
            fact("W03", "Wren is charged by USB-C in 95 minutes."),
            fact("W02", "A light sensor turns Wren up where the street lamps end."),
        ];
        let facts: Vec<&Fact> = facts.iter().collect();
        for (text, ids) in [
            ("It lasts 38h.", &["W01"][..]),
            ("38 minutes of light.", &[]),
            ("Its light sensor knows the street and its lamps; it turns up.", &["W02"]),
            ("A light.", &[]),
        ] {
            assert_eq!(used_facts(text, &facts), ids, "{text}");
        }
    }
}
