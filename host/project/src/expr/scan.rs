//! Where in a text the expressions are, and how deep their brackets. Knows no grammar beyond quotes and brackets.

use std::ops::Range;

/// One piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Literal text, with `$${` already turned into `${`.
    Text(String),
    /// The bytes between `${` and its `}`.
    Expression(Range<usize>),
}

/// A text with an expression that does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unclosed {
    /// Where its `${` stands.
    pub(crate) start: usize,
}

/// Cuts a text into its pieces. `$${` is the escape for a literal `${`.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece>, Unclosed> {
    let mut found = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(after) = rest.strip_prefix("$${") {
            literal.push_str("${");
            at = text.len() - after.len();
        } else if rest.starts_with("${") {
            let body = at + 2;
            let length = end_of_expression(text.get(body..).unwrap_or_default());
            let end = body + length.ok_or(Unclosed { start: at })?;
            if !literal.is_empty() {
                found.push(Piece::Text(std::mem::take(&mut literal)));
            }
            found.push(Piece::Expression(body..end));
            at = end + 1;
        } else {
            let character = rest.chars().next().unwrap_or_default();
            literal.push(character);
            at += character.len_utf8();
        }
    }
    if !literal.is_empty() {
        found.push(Piece::Text(literal));
    }
    Ok(found)
}

/// The bytes before the `}` that closes an expression.
fn end_of_expression(text: &str) -> Option<usize> {
    let mut depth = 0u32;
    outside_of_quotes(text, |at, byte| {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
        None
    })
}

/// The deepest nesting of brackets of any kind, in one pass without recursion.
pub(crate) fn deepest_bracket(expression: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let _: Option<()> = outside_of_quotes(expression, |_, byte| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        None
    });
    deepest
}

/// Calls `visit` for each byte outside of string literals until it gives something.
fn outside_of_quotes<T>(text: &str, mut visit: impl FnMut(usize, u8) -> Option<T>) -> Option<T> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut before = b' ';
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' || byte == b'\'' {
            let raw = matches!(before, b'r' | b'R');
            at = end_of_quote(bytes, at, raw);
            before = byte;
            continue;
        }
        if let Some(found) = visit(at, byte) {
            return Some(found);
        }
        before = byte;
        at += 1;
    }
    None
}

/// The index after a string literal that begins at `start`; the end of the text where it does not end.
fn end_of_quote(bytes: &[u8], start: usize, raw: bool) -> usize {
    let quote = bytes.get(start).copied().unwrap_or(b'"');
    let triple = [quote; 3];
    let long = bytes.get(start..).is_some_and(|rest| rest.starts_with(&triple));
    let mut at = start + if long { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' && !raw {
            at += 2;
        } else if long && bytes.get(at..).is_some_and(|rest| rest.starts_with(&triple)) {
            return at + 3;
        } else if !long && byte == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        match pieces(text) {
            Err(unclosed) => format!("unclosed at {}", unclosed.start),
            Ok(found) => {
                let shown: Vec<_> = found
                    .into_iter()
                    .map(|piece| match piece {
                        Piece::Text(literal) => format!("{literal:?}"),
                        Piece::Expression(range) => format!("<{}>", &text[range]),
                    })
                    .collect();
                shown.join(" ")
            }
        }
    }

    #[test]
    fn cuts_texts_into_pieces() {
        for (text, expected) in [
            ("", ""),
            ("plain", "\"plain\""),
            ("${a}", "<a>"),
            ("x ${a} y ${b}", "\"x \" <a> \" y \" <b>"),
            ("${ {\"k\": '}'}.k }", "< {\"k\": '}'}.k >"),
            ("$${a} costs $5 {", "\"${a} costs $5 {\""),
            ("${'''a'}'''}", "<'''a'}'''>"),
            ("${r'\\'}z", "<r'\\'> \"z\""),
            ("ü${a", "unclosed at 2"),
            ("${'a}", "unclosed at 0"),
        ] {
            assert_eq!(show(text), expected, "{text}");
        }
    }

    #[test]
    fn counts_brackets_outside_of_quotes() {
        assert_eq!(deepest_bracket("a[(b.c({}))] + '((((('"), 4);
        assert_eq!(deepest_bracket(&"(".repeat(100_000)), 100_000);
    }
}
