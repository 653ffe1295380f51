//! The canonical form of what people decide about when they lower a label: text that is all that can be seen of it. Knows no image and no label.

use std::convert::Infallible;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::{Map, Value};

use crate::text::{is_blank, is_deceptive, is_sign_above_digits};

/// How far apart the stops of tabs are at the beginning of a line: as Markdown has them.
const TAB_COLUMNS: usize = 4;

/// The furthest that a line is indented: ten levels of a list. Further out nobody counts
/// columns, and a width that nobody counts is a number that nobody sees.
const INDENT_MAX_COLUMNS: usize = 40;

/// How much of a text is worked on between two questions whether to go on: a millisecond.
const PIECE: usize = 64 * 1024;

/// The text as all that can be seen of it. Applied twice it changes nothing more.
///
/// - Unicode's normal form C, without what cannot be seen: control and format characters
///   (Cc, Cf), fillers, variation selectors, tags.
/// - Blanks of any width are spaces. Within a line a run of blanks and tabs is one space;
///   at its end there is none: a thousand blanks, or a narrow one and a wide one in turn,
///   spell a document that nobody sees.
/// - The indent of a line stays, because lists and code mean something by it: in columns,
///   of which a tab goes to the next fourth, and no more than forty.
/// - Several empty lines are one, and there are none at the beginning and the end.
///
/// What is lost: joiners (families of emoji fall apart, some words of Persian and of
/// Indic scripts join otherwise), the signs over Arabic numbers, no-break and ideographic
/// spaces as such, columns that were lined up by blanks, tabs between values, and
/// Markdown's break of a line by two blanks.
#[must_use]
pub fn text(text: &str) -> String {
    match text_while(text, || Ok::<(), Infallible>(())) {
        Ok(form) => form,
        Err(never) => match never {},
    }
}

/// The same, where it may take too long: `go_on` is asked again and again between lines.
///
/// # Errors
/// That of `go_on`.
pub fn text_while<E>(text: &str, mut go_on: impl FnMut() -> Result<(), E>) -> Result<String, E> {
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    let mut form = String::with_capacity(text.len());
    let (mut is_apart, mut since) = (false, 0usize);
    for line in text.split('\n') {
        since += line.len() + 1;
        if since >= PIECE {
            since = 0;
            go_on()?;
        }
        let (indent, words) = parts(line);
        if words.is_empty() {
            is_apart = true;
            continue;
        }
        if !form.is_empty() {
            form.push_str(if is_apart { "\n\n" } else { "\n" });
        }
        is_apart = false;
        form.extend(std::iter::repeat_n(' ', indent));
        // Line by line, as no form goes over the end of one.
        form.push_str(&nfc.normalize(&words));
    }
    Ok(form)
}

/// The columns that a line is indented by, and its words with a space between them.
fn parts(line: &str) -> (usize, String) {
    let (mut column, mut words, mut is_after_blank) = (0usize, String::new(), false);
    for c in line.chars() {
        match c {
            '\t' if words.is_empty() => column = (column / TAB_COLUMNS + 1) * TAB_COLUMNS,
            c if is_blank(c) && words.is_empty() => column += 1,
            c if c == '\t' || is_blank(c) => is_after_blank = true,
            c if is_deceptive(c) || is_sign_above_digits(c) => {}
            c => {
                if std::mem::take(&mut is_after_blank) {
                    words.push(' ');
                }
                words.push(c);
            }
        }
    }
    (column.min(INDENT_MAX_COLUMNS), words)
}

/// Two keys of one object that look the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two keys of one object read {0:?} when what cannot be seen is left out")]
pub struct SameKeys(String);

/// The document with every text in it, keys included, in canonical form.
///
/// # Errors
/// [`SameKeys`] where it would lose a member.
pub fn document(value: &Value) -> Result<Value, SameKeys> {
    Ok(match value {
        Value::String(said) => Value::String(text(said)),
        Value::Array(items) => Value::Array(items.iter().map(document).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let mut form = Map::new();
            for (key, member) in members {
                let key = text(key);
                if form.insert(key.clone(), document(member)?).is_some() {
                    return Err(SameKeys(key));
                }
            }
            Value::Object(form)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_seen_is_left_out() {
        // Tag characters spell a message that no screen shows; a joiner, a soft hyphen,
        // an override and an escape do the same in less room.
        let hidden = "A\u{e0073}\u{e0065}\u{200d}b\u{ad}\u{202e}c\u{1b}[2J\u{feff}\n\td";
        assert_eq!(text(hidden), "Abc[2J\n    d");
        assert_eq!(text("e\u{301}"), "\u{e9}", "composed");
        assert_eq!(text("e\u{200b}\u{301}"), "\u{e9}", "composed after what stood between is gone");
        for said in [hidden, "e\u{200b}\u{301}", "가", "a\u{323}\u{307}"] {
            assert_eq!(text(&text(said)), text(said));
        }
        assert_eq!(text("Grüße, 世界 🎉"), "Grüße, 世界 🎉");
    }

    #[test]
    fn blanks_spell_nothing() {
        // Each of two blanks is a bit: so are their widths, how many there are, and where.
        let wide = "a\u{a0}\u{2003}b\u{2800}c\u{3000} \t\u{202f}d\u{205f}\u{1680}\u{2009}";
        assert_eq!(text(wide), "a b c d");
        assert_eq!(text("a  \n\n \t\n\n\n\u{200b}b \u{2800}\n \n"), "a\n\nb");
        assert_eq!(text("\n \n"), "");
        // What is indented stays so: by columns, and within what anybody counts.
        let list = "- a\n  - b\n\t- c\n \t - d\n\u{3000}\u{200b}e";
        assert_eq!(text(list), "- a\n  - b\n    - c\n     - d\n e");
        assert_eq!(text(&format!("{}x", " ".repeat(1_000))), format!("{}x", " ".repeat(40)));
        // Signs that fonts show nothing of, and format characters of late scripts.
        assert_eq!(text("a\u{600}\u{605}\u{6dd}\u{13430}\u{1343f}\u{ffff}\u{fdd0}b"), "ab");
        for said in [wide, list, "a\u{2000}\u{301}b", " \u{301}a", "\u{200b}\t \u{2000}e\u{301} x"]
        {
            assert_eq!(text(&text(said)), text(said), "{said:?}");
        }
    }

    #[test]
    fn no_character_stands_for_nothing_but_the_space() {
        // Whatever character stands between two letters, it is seen there, or one space is,
        // or it is gone: none is left of those that Unicode calls blank or format.
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let form = text(&format!("a{c}b"));
            if c == '\n' {
                assert_eq!(form, "a\nb");
            } else if c.is_whitespace() || c.is_control() {
                assert!(form == "a b" || form == "ab", "{c:?}: {form:?}");
            }
            assert_eq!(text(&form), form, "{c:?}");
        }
    }

    #[test]
    fn keys_are_text_too() {
        let form = document(&json!({"a\u{200b}": ["x\u{200b}", 1, null]}));
        assert_eq!(form, Ok(json!({"a": ["x", 1, null]})));
        assert!(document(&json!({"a\u{200b}": 1, "a": 2})).is_err());
    }
}
