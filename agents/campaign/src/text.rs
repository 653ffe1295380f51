//! Shapes a short text: tidy, cut to length, split into sentences, made a slug. It
//! does not know what the text is for.

use unicode_normalization::UnicodeNormalization;

/// The length of a text as channels count it: in characters.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().count()
}

/// NFC, single spaces, no control or zero-width characters, no quotation marks around
/// the whole: what models add and no editor wants. Line breaks become spaces.
#[must_use]
pub fn tidy(text: &str) -> String {
    let visible: String = text
        .nfc()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
        .collect();
    let spaced = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    unquoted(&spaced).to_owned()
}

fn unquoted(text: &str) -> &str {
    for (open, close) in [('"', '"'), ('\u{201c}', '\u{201d}'), ('\u{201e}', '\u{201c}')] {
        let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner
            && !inner.contains([open, close])
        {
            return inner.trim();
        }
    }
    text
}

/// The text in at most `max` characters: whole sentences where at least one fits, else
/// whole words, else a plain cut.
#[must_use]
pub fn fit(text: &str, max: usize) -> String {
    if length(text) <= max {
        return text.to_owned();
    }
    let by_sentence = longest_prefix(sentences(text), max);
    if !by_sentence.is_empty() {
        return by_sentence;
    }
    let by_word = longest_prefix(text.split_whitespace().map(str::to_owned).collect(), max);
    if by_word.is_empty() {
        return text.chars().take(max).collect();
    }
    by_word.trim_end_matches([',', ';', ':', '-', '\u{2013}', '\u{2014}']).trim_end().to_owned()
}

fn longest_prefix(parts: Vec<String>, max: usize) -> String {
    let mut kept = String::new();
    for part in parts {
        let gap = usize::from(!kept.is_empty());
        if length(&kept) + gap + length(&part) > max {
            break;
        }
        if gap == 1 {
            kept.push(' ');
        }
        kept.push_str(&part);
    }
    kept
}

/// The sentences of a text. A full stop after an ordinal or a usual abbreviation ends
/// none, so that "12. Oktober" and "No. 1" stay whole.
#[must_use]
pub fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    for word in text.split_whitespace() {
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
        if ends_sentence(word) {
            found.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        found.push(current);
    }
    found
}

fn ends_sentence(word: &str) -> bool {
    let bare = word.trim_end_matches(['"', '\'', ')', '\u{201c}', '\u{201d}', '\u{2019}']);
    if bare.ends_with(['!', '?', '\u{2026}']) {
        return true;
    }
    let Some(stem) = bare.strip_suffix('.') else {
        return false;
    };
    let ordinal = stem.len() <= 2 && !stem.is_empty() && stem.chars().all(|c| c.is_ascii_digit());
    let abbreviation = matches!(
        stem.to_lowercase().as_str(),
        "no" | "nr" | "e.g" | "i.e" | "ca" | "z.b" | "z" | "b" | "vs" | "dr" | "st"
    );
    !ordinal && !abbreviation
}

/// A name for addresses and files: lower-case ASCII letters, digits and single hyphens,
/// at most `max` characters, cut between words.
#[must_use]
pub fn slug(text: &str, max: usize) -> String {
    let mut ascii = String::new();
    for c in text.nfc().flat_map(char::to_lowercase) {
        match c {
            'ä' => ascii.push_str("ae"),
            'ö' => ascii.push_str("oe"),
            'ü' => ascii.push_str("ue"),
            'ß' => ascii.push_str("ss"),
            'ø' => ascii.push('o'),
            'æ' => ascii.push_str("ae"),
            'œ' => ascii.push_str("oe"),
            '\'' | '\u{2019}' => {}
            other => ascii.extend(
                std::iter::once(other)
                    .nfd()
                    .filter(|part| !unicode_normalization::char::is_combining_mark(*part))
                    .map(|part| if part.is_ascii_alphanumeric() { part } else { ' ' }),
            ),
        }
    }
    let mut slug = String::new();
    for word in ascii.split_whitespace() {
        let gap = usize::from(!slug.is_empty());
        if slug.len() + gap + word.len() > max {
            break;
        }
        if gap == 1 {
            slug.push('-');
        }
        slug.push_str(word);
    }
    if slug.is_empty() {
        slug = ascii.split_whitespace().next().unwrap_or("").chars().take(max).collect();
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tidies_what_models_add() {
        for (raw, expected) in [
            ("  \"Light \n that lasts\" ", "Light that lasts"),
            ("„Licht“", "Licht"),
            ("\"A\" or \"B\"", "\"A\" or \"B\""),
            ("e\u{301}te\u{301}", "été"),
            ("a\u{200b}b\u{202e}", "ab"),
        ] {
            assert_eq!(tidy(raw), expected);
        }
    }

    #[test]
    fn fits_by_sentence_then_word_then_letter() {
        assert_eq!(fit("One. Two three.", 10), "One.");
        assert_eq!(fit("One two, three", 9), "One two");
        assert_eq!(fit("Fahrradlicht", 4), "Fahr");
        assert_eq!(fit("Kurz", 4), "Kurz");
    }

    #[test]
    fn splits_into_sentences() {
        assert_eq!(
            sentences("Ab dem 12. Oktober im Laden. No. 1 is not ours! Yes."),
            ["Ab dem 12. Oktober im Laden.", "No. 1 is not ours!", "Yes."]
        );
        assert_eq!(sentences("no end"), ["no end"]);
        assert!(sentences("  ").is_empty());
    }

    #[test]
    fn slugs_are_plain() {
        for (text, expected) in [
            ("Licht für Straßenköter", "licht-fuer-strassenkoeter"),
            ("Déjà vu — it's 64 %", "deja-vu-its-64"),
            ("???", ""),
        ] {
            assert_eq!(slug(text, 60), expected);
        }
        assert_eq!(slug("one two three", 8), "one-two");
        assert_eq!(slug("Fahrradlichtmaschine", 7), "fahrrad");
    }
}
