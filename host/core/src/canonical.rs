//! The canonical form of what people decide about when they lower a label: text that is all that can be seen of it. Knows no image and no label.

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::{Map, Value};

use crate::text::is_deceptive;

/// The text in Unicode's normal form C, without control, bidirectional and invisible
/// characters; line breaks and tabs stay. Applied twice it changes nothing more.
#[must_use]
pub fn text(text: &str) -> String {
    let seen: String =
        text.chars().filter(|c| matches!(c, '\n' | '\t') || !is_deceptive(*c)).collect();
    ComposingNormalizerBorrowed::new_nfc().normalize(&seen).into_owned()
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
        assert_eq!(text(hidden), "Abc[2J\n\td");
        assert_eq!(text("e\u{301}"), "\u{e9}", "composed");
        assert_eq!(text("e\u{200b}\u{301}"), "\u{e9}", "composed after what stood between is gone");
        for said in [hidden, "e\u{200b}\u{301}", "가", "a\u{323}\u{307}"] {
            assert_eq!(text(&text(said)), text(said));
        }
        assert_eq!(text("Grüße, 世界 🎉"), "Grüße, 世界 🎉");
    }

    #[test]
    fn keys_are_text_too() {
        let form = document(&json!({"a\u{200b}": ["x\u{200b}", 1, null]}));
        assert_eq!(form, Ok(json!({"a": ["x", 1, null]})));
        assert!(document(&json!({"a\u{200b}": 1, "a": 2})).is_err());
    }
}
