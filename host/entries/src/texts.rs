//! Texts of guests that a person sees, and small texts that people type: amounts, times, names, keys.

use bailiwick_core::text::{Lines, clip, visible as made_visible};
use bailiwick_core::units::{parse_duration, show_duration};
use bailiwick_core::{Bytes, CellKey, Currency, Digest, Money, Name, RunId};
use bailiwick_policy::ceiling::Pattern;
use bailiwick_project::parse_route;

use crate::Reached;

/// The longest escape of one character: `\u{10ffff}` for four bytes, `\u{1b}` for one.
const ESCAPE_MAX_BYTES: usize = 10;

pub(crate) fn visible(bytes: &[u8]) -> Reached {
    let text = String::from_utf8_lossy(bytes);
    let mut changed = false;
    for lines in [Lines::Keep, Lines::Escape] {
        let shown = made_visible(&text, lines);
        assert!(shown.len() <= ESCAPE_MAX_BYTES * text.len());
        assert_eq!(made_visible(&shown, lines), shown, "shown twice, it is another text");
        let hidden = shown.chars().find(|&c| match c {
            '\n' | '\t' => lines == Lines::Escape,
            _ => is_hidden(c),
        });
        assert_eq!(hidden, None, "{hidden:?} reaches a person");
        changed |= shown != text;
    }
    for most in [0, 1, 7, text.len() / 2, text.len()] {
        let cut = clip(&text, most);
        assert!(cut.len() <= most && text.starts_with(cut) && text.len().min(most) < cut.len() + 4);
    }
    if changed { Reached::Form } else { Reached::Taken }
}

/// What must never reach a terminal or a page, said in another way than the code says it.
fn is_hidden(c: char) -> bool {
    c < ' '
        || ('\u{7f}'..='\u{9f}').contains(&c)
        || "\u{ad}\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}"
            .contains(c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}

pub(crate) fn quantity(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else { return Reached::Nothing };
    let mut taken = false;
    if let Ok(size) = Bytes::parse(text) {
        // What is shown to people may be rounded (`106.8 GiB`); a whole amount is read back.
        let shown = size.to_string();
        let again = Bytes::parse(&shown).map(|read| read.to_string());
        assert!(shown.contains('.') || again.as_deref() == Ok(&*shown), "{shown:?}");
        taken = true;
    }
    if let Ok(time) = parse_duration(text) {
        let shown = show_duration(time);
        assert_eq!(show_duration(parse_duration(&shown).unwrap()), shown);
        taken = true;
    }
    if let Ok((money, currency)) = Money::parse(text) {
        let shown = format!("{money} {currency}");
        assert_eq!(Money::parse(&shown), Ok((money, currency)), "{shown:?}");
        taken = true;
    }
    if let Ok(currency) = Currency::parse(text) {
        assert_eq!(currency.to_string(), text);
        taken = true;
    }
    if let Ok(name) = Name::new(text) {
        assert_eq!(name.as_str(), text);
        taken = true;
    }
    if let Ok(run) = RunId::new(text) {
        // It becomes a file's name.
        assert!(run.as_str() == text && !text.contains('/') && text != ".." && text != ".");
        taken = true;
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
        taken = true;
    }
    if Pattern::parse(text).is_ok() {
        taken = true;
    }
    if let Ok(route) = parse_route(text) {
        // What credentials are bound to is what is dialled.
        if let (Some(base), Some(origin)) = (&route.base, &route.origin) {
            assert!(
                base.starts_with(&origin.0) && !origin.0.contains('@'),
                "{base} is not {origin}"
            );
            assert!(matches!(base.as_bytes().get(origin.0.len()), None | Some(b'/')), "{base}");
        }
        taken = true;
    }
    point(text);
    if taken { Reached::Taken } else { Reached::Form }
}

/// Axis values are written into a key and read out of it again, whatever is in them.
fn point(text: &str) {
    let axis = Name::new("axis").unwrap();
    let key = CellKey::of([(&axis, text), (&axis, "x")]);
    let read: Vec<_> = key.pairs().map(|(_, id)| id).collect();
    assert_eq!(read, [text, "x"], "{key:?}");
    let _ = CellKey::from_text(text).pairs().count();
}
