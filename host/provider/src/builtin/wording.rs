//! Cutting and comparing words as people would: at sentences and words, never inside one. Knows no language beyond its little words.

/// Abbreviations after which a full stop ends no sentence.
const ABBREVIATIONS: [&str; 16] = [
    "no", "nr", "e.g", "i.e", "ca", "z.b", "d.h", "u.a", "vs", "dr", "st", "mr", "mrs", "bzw",
    "p.ej", "approx",
];

/// Little words that must not be the last of a text.
const DANGLING: &[&str] = &[
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "is", "of", "on", "or",
    "so", "than", "that", "the", "their", "to", "where", "which", "who", "with", "your", "aber",
    "als", "am", "an", "auf", "aus", "bei", "das", "dem", "den", "der", "des", "die", "ein",
    "eine", "einem", "einen", "einer", "für", "im", "ist", "mit", "oder", "sind", "und", "unter",
    "von", "wo", "zu", "zum", "zur", "au", "aux", "avec", "dans", "de", "des", "du", "en", "et",
    "la", "le", "les", "ou", "par", "pour", "qui", "sur", "un", "une", "con", "del", "el", "los",
    "las", "para", "por", "que", "se", "sin", "y", "–", "—", "&", "+",
];

/// Length as JSON Schema counts it.
pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}

/// One line: white space collapsed, ends trimmed.
pub(super) fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The sentences of a text.
pub(super) fn sentences(text: &str) -> Vec<String> {
    let (mut found, mut current) = (Vec::new(), String::new());
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
    let bare = word.trim_end_matches(['"', '\'', ')', '“', '”', '’', '»']);
    if bare.ends_with(['!', '?', '…']) {
        return true;
    }
    let Some(stem) = bare.strip_suffix('.') else { return false };
    let ordinal = (1..=2).contains(&stem.len()) && stem.bytes().all(|byte| byte.is_ascii_digit());
    !ordinal && !ABBREVIATIONS.contains(&stem.to_lowercase().as_str())
}

/// A sentence with its end: a full stop where it has none.
pub(super) fn closed(text: &str) -> String {
    let text = text.trim().trim_end_matches([',', ';', ':']);
    if text.is_empty() || text.ends_with(['.', '!', '?', '…', '“', '”']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// At most `max` characters: whole sentences, else whole words without a dangling
/// little one; letters only where not even one word fits.
pub(super) fn fit(text: &str, max: usize) -> String {
    let text = tidy(text);
    if length(&text) <= max {
        return text;
    }
    let by_sentence = longest(&sentences(&text), max);
    if !by_sentence.is_empty() {
        return by_sentence;
    }
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let kept = longest(&words, max).split(' ').filter(|word| !word.is_empty()).count();
    words.truncate(kept);
    while words.len() > 1 && words.last().is_some_and(|word| is_little(word)) {
        words.pop();
    }
    match words.is_empty() {
        true => text.chars().take(max).collect(),
        false => words
            .join(" ")
            .trim_end_matches([',', ';', ':', '-', '–', '—', '|'])
            .trim_end()
            .to_owned(),
    }
}

fn longest(parts: &[String], max: usize) -> String {
    let mut kept = String::new();
    for part in parts {
        let gap = usize::from(!kept.is_empty());
        if length(&kept) + gap + length(part) > max {
            break;
        }
        if gap == 1 {
            kept.push(' ');
        }
        kept.push_str(part);
    }
    kept
}

/// Words without what surrounds them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '\'' | '’')))
        .filter(|word| !word.is_empty())
}

/// Whether a text has a term as a word, in any case and with any short ending.
pub(super) fn mentions(text: &str, term: &str) -> bool {
    let (text, term) = (text.to_lowercase(), term.trim().to_lowercase());
    if term.is_empty() {
        return false;
    }
    text.match_indices(&term).any(|(start, _)| {
        let before = text.get(..start).and_then(|head| head.chars().next_back());
        let after = text.get(start + term.len()..).unwrap_or_default();
        let ending = after.chars().take_while(|c| c.is_alphanumeric()).count();
        !before.is_some_and(char::is_alphanumeric) && ending <= 2
    })
}

/// Whether a word only holds others together.
pub(super) fn is_little(word: &str) -> bool {
    DANGLING.contains(&word.to_lowercase().as_str())
}

/// Whether a word carries meaning: long enough, and no little word.
pub(super) fn is_content(word: &str) -> bool {
    length(word) >= 4 && !is_little(word) && word.chars().any(char::is_alphabetic)
}

/// Upper case for the first letter.
pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Lower-case ASCII letters and digits joined by hyphens.
pub(super) fn slug(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'ä' | 'æ' => plain.push_str("ae"),
            'ö' | 'œ' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'ß' => plain.push_str("ss"),
            'à' | 'á' | 'â' | 'ã' | 'å' => plain.push('a'),
            'è' | 'é' | 'ê' | 'ë' => plain.push('e'),
            'ì' | 'í' | 'î' | 'ï' => plain.push('i'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ø' => plain.push('o'),
            'ù' | 'ú' | 'û' => plain.push('u'),
            'ñ' => plain.push('n'),
            'ç' => plain.push('c'),
            '\'' | '’' => {}
            c if c.is_ascii_alphanumeric() => plain.push(c),
            _ => plain.push(' '),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_where_people_would() {
        for (text, max, expected) in [
            ("One. Two three.", 10, "One."),
            ("Light for the way home", 13, "Light"),
            ("Licht für den Weg nach Hause", 18, "Licht für den Weg"),
            ("Made, in Kent", 5, "Made"),
            ("Fahrradlicht", 4, "Fahr"),
            ("Ab dem 12. Oktober im Laden. Mehr dazu.", 30, "Ab dem 12. Oktober im Laden."),
        ] {
            assert_eq!(fit(text, max), expected);
        }
    }

    #[test]
    fn knows_a_word_in_its_forms_only() {
        assert!(mentions("Mit dem besten Licht", "best"));
        assert!(mentions("The ULTIMATE light", "ultimate"));
        assert!(!mentions("She bestowed it", "best"));
        assert!(!mentions("asbest", "best"));
    }

    #[test]
    fn slugs_are_plain() {
        assert_eq!(slug("Licht für Straßen: 64 %!"), "licht-fuer-strassen-64");
        assert_eq!(slug("It’s déjà vu"), "its-deja-vu");
    }
}
