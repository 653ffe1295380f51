//! Standard output: results only. A reader that went away is an error of its own kind, never a panic.

use std::io::{self, Write as _};

use bailiwick_core::text::{Lines, visible};
use serde_json::Value;

/// Writes a text.
///
/// # Errors
/// What the system says; `BrokenPipe` where nobody reads any more.
pub(crate) fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// A document for people and scripts alike: indented JSON, in which characters that
/// deceive the eye are escaped the way JSON does it, so that it stays the same document.
pub(crate) fn pretty(value: &Value) -> String {
    escaped(&format!("{value:#}"))
}

/// One line of JSON, escaped like [`pretty`].
pub(crate) fn line(value: &Value) -> String {
    line_of(&value.to_string())
}

/// A line of JSON that is a text already, escaped like [`pretty`].
pub(crate) fn line_of(json: &str) -> String {
    let mut line = escaped(json);
    line.push('\n');
    line
}

/// Outside of its strings JSON has no such characters but line breaks, which stay.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut bytes, mut units) = ([0; 4], [0; 2]);
    for character in json.chars() {
        let shown: &str = character.encode_utf8(&mut bytes);
        if character.is_ascii() || visible(shown, Lines::Keep) == shown {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_deceives_is_escaped_and_the_document_stays_the_same() {
        let value = json!({"a\u{202e}": "ü\u{200b}\u{e0041}\u{1b}[2J\n", "b": [1]});
        for text in [pretty(&value), line(&value)] {
            assert!(text.contains("\\u202e") && text.contains("\\udb40\\udc41"), "{text}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
