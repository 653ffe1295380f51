//! How the words of a guest become a query of the index. Guests have no query syntax.

use std::collections::BTreeSet;

/// The most words of a query: a query has at most 1 KiB, and a hundred words already
/// find everything.
pub(crate) const WORDS_MAX: usize = 64;

/// `"a" OR "b"`: each word quoted, so that nothing in it is syntax; nothing where
/// there is no word. The order of equal words does not matter, nor does their case.
pub(crate) fn to_match(query: &str) -> Option<String> {
    let mut seen = BTreeSet::new();
    let words: Vec<String> = query
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(str::to_lowercase)
        .filter(|word| seen.insert(word.clone()))
        .take(WORDS_MAX)
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect();
    if words.is_empty() { None } else { Some(words.join(" OR ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_whatever_they_are() {
        let quoted = |query| to_match(query).unwrap();
        assert_eq!(quoted("Tone of  voice voice"), r#""tone" OR "of" OR "voice""#);
        assert_eq!(
            quoted("a OR b* NEAR(c) heading:x"),
            r#""a" OR "or" OR "b*" OR "near(c)" OR "heading:x""#
        );
        assert_eq!(quoted("say \"hi\u{0}there\""), r#""say" OR """hi" OR "there""""#);
        assert_eq!(to_match(" - \"\" * ( "), None);
        let many = (0..500).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(quoted(&many).split(" OR ").count(), WORDS_MAX);
    }
}
