//! Finds listed words in a text, inflected ones too. It does not know which words
//! are listed or why.

/// Endings that a word may have beyond the listed form. German adjectives, English
/// adverbs and plurals; longer tails make another word ("best" is not in "bestow").
const ENDINGS: [&str; 9] = ["", "s", "e", "er", "en", "es", "em", "ly", "'s"];

/// Whether `text` has `term` as a word or phrase, in any case, with a usual ending.
#[must_use]
pub fn contains_term(text: &str, term: &str) -> bool {
    let term = fold(term);
    if term.is_empty() {
        return false;
    }
    let text = fold(text);
    text.match_indices(&term).any(|(start, found)| {
        let before = text.get(..start).and_then(|head| head.chars().next_back());
        let after = text.get(start + found.len()..).unwrap_or("");
        !before.is_some_and(char::is_alphanumeric) && has_usual_ending(after)
    })
}

/// The terms of a list that are in `text`, in the list's order.
#[must_use]
pub fn find_terms<'a>(text: &str, terms: &'a [String]) -> Vec<&'a str> {
    terms.iter().filter(|term| contains_term(text, term)).map(String::as_str).collect()
}

fn has_usual_ending(after: &str) -> bool {
    let tail: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '\'').collect();
    ENDINGS.contains(&tail.as_str())
}

/// Lower case, one space between words, hyphens as spaces, plain apostrophes.
fn fold(text: &str) -> String {
    let folded: String = text
        .chars()
        .map(|c| match c {
            '-' | '\u{2010}' | '\u{2011}' => ' ',
            '\u{2019}' => '\'',
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_words_in_any_case_and_with_endings() {
        for (text, term) in [
            ("Simply the BEST light.", "best"),
            ("Das umweltfreundliche Licht", "umweltfreundlich"),
            ("Lifetime\u{a0}guarantee included", "lifetime guarantee"),
            ("A game changing lamp", "game-changing"),
            ("Revolutionärer geht es nicht", "revolutionär"),
            ("ÜBERALL", "überall"),
        ] {
            assert!(contains_term(text, term), "{term} in {text}");
        }
    }

    #[test]
    fn leaves_other_words_alone() {
        for (text, term) in [
            ("We bestow a light", "best"),
            ("Asbestos", "best"),
            ("ultimatum", "ultimat"),
            ("anything", ""),
        ] {
            assert!(!contains_term(text, term), "{term} in {text}");
        }
    }
}
