//! Finds secrets in what comes back, in whatever pieces: each byte is looked at once. Knows their forms and nobody's origin.

use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;

use crate::secret::{REDACTED, Secret};

/// Finds any of several secrets, in all of their forms at once.
#[derive(Default)]
pub(crate) struct Finder {
    forms: Option<(NFA, StateID)>,
    /// What cannot be searched for is taken to be everywhere.
    blind: bool,
}

impl Finder {
    pub(crate) fn of<'s>(secrets: impl Iterator<Item = &'s Secret>) -> Self {
        let forms: Vec<String> = secrets.flat_map(Secret::forms).collect();
        if forms.is_empty() {
            return Self::default();
        }
        let search = NFA::builder().ascii_case_insensitive(true).build(&forms).ok();
        let search = search.and_then(|nfa| {
            let start = nfa.start_state(Anchored::No).ok()?;
            Some((nfa, start))
        });
        Self { blind: search.is_none(), forms: search }
    }

    /// Whether bytes hold one.
    pub(crate) fn finds(&self, bytes: &[u8]) -> bool {
        Place::default().finds_in(self, bytes)
    }

    /// The text with every occurrence replaced.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let Some((forms, _)) = &self.forms else {
            return if self.blind { REDACTED.to_owned() } else { text.to_owned() };
        };
        let mut scrubbed = String::with_capacity(text.len());
        let replaced = forms.try_replace_all_with(text, &mut scrubbed, |_, _, out| {
            out.push_str(REDACTED);
            true
        });
        if replaced.is_ok() { scrubbed } else { REDACTED.to_owned() }
    }
}

/// Looks for secrets in bytes that arrive in pieces. Finds them in the forms that servers
/// give back by themselves; who was sent a key and wants to hand it on in disguise cannot
/// be stopped here.
pub(crate) struct Search {
    finder: Arc<Finder>,
    place: Place,
}

impl Search {
    pub(crate) fn new(finder: Arc<Finder>) -> Self {
        Self { finder, place: Place::default() }
    }

    /// Whether a secret is in what came so far, pieces put together.
    pub(crate) fn finds_in(&mut self, piece: &[u8]) -> bool {
        self.place.finds_in(&self.finder, piece)
    }
}

/// How far the search is. Two readings of the same bytes, since base64 is wrapped: one
/// without line breaks, and one without their escapes in JSON either, in which a
/// backslash of the secret itself may get lost.
#[derive(Default)]
struct Place {
    plain: Reading,
    unescaped: Reading,
    /// A backslash of which it is not known yet what it escapes.
    backslash: bool,
}

impl Place {
    fn finds_in(&mut self, finder: &Finder, piece: &[u8]) -> bool {
        if finder.forms.is_none() {
            return finder.blind && !piece.is_empty();
        }
        piece.iter().any(|byte| {
            // Both go on, whichever finds it.
            let (plain, unescaped) =
                (self.plain.finds(finder, *byte), self.unescapes(finder, *byte));
            plain || unescaped
        })
    }

    fn unescapes(&mut self, finder: &Finder, byte: u8) -> bool {
        let held = std::mem::take(&mut self.backslash);
        match byte {
            b'n' | b'r' if held => self.unescaped.finds(finder, b'\n'),
            _ => {
                let found = held && self.unescaped.finds(finder, b'\\');
                self.backslash = byte == b'\\';
                found || (!self.backslash && self.unescaped.finds(finder, byte))
            }
        }
    }
}

/// One reading.
#[derive(Default)]
struct Reading {
    /// Where the automaton is; nothing before the first byte.
    state: Option<StateID>,
    /// Whether a line has just begun: what it is indented by belongs to the break.
    indent: bool,
    #[cfg(test)]
    steps: u64,
}

impl Reading {
    fn finds(&mut self, finder: &Finder, byte: u8) -> bool {
        let Some((forms, start)) = &finder.forms else { return finder.blind };
        match byte {
            b'\r' | b'\n' => self.indent = true,
            b' ' | b'\t' if self.indent => {}
            _ => {
                self.indent = false;
                let state = forms.next_state(Anchored::No, self.state.unwrap_or(*start), byte);
                self.state = Some(state);
                #[cfg(test)]
                {
                    self.steps += 1;
                }
                return forms.is_special(state) && forms.is_match(state);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    const KEY: &str = "sk-t/st+0123456789abc=";

    fn finder() -> Arc<Finder> {
        Arc::new(Finder::of([Secret::new(KEY).unwrap()].iter()))
    }

    #[test]
    fn what_is_shown_has_none() {
        assert_eq!(finder().scrub(&format!("a {KEY} b")), "a [redacted] b");
    }

    #[test]
    fn is_found_in_every_form_that_an_echo_gives_it() {
        let finder = finder();
        let escaped: String = KEY.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
        let percent: String = KEY.bytes().map(|b| format!("%{b:02X}")).collect();
        for echo in [
            KEY.to_owned(),
            KEY.to_uppercase(),
            format!("Bearer {KEY}"),
            "sk-t%2Fst%2B0123456789abc%3D".into(),
            "sk-t%2fst%2b0123456789abc%3d".into(),
            percent,
            escaped,
            "sk-t\\/st+0123456789abc=".into(),
            STANDARD.encode(KEY),
            STANDARD.encode(format!("u:{KEY}")),
            STANDARD.encode(format!("us:{KEY}")),
            STANDARD.encode(format!("usr:{KEY}\n and more")),
            URL_SAFE.encode(format!("Bearer {KEY}")),
            KEY.bytes().map(|b| format!("{b:02X}")).collect(),
        ] {
            assert!(finder.finds(format!("<p>{echo}</p>").as_bytes()), "{echo}");
        }
        for other in ["", "sk-t/st+0123456789abd=", "nothing of the kind"] {
            assert!(!finder.finds(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn is_found_in_base64_that_is_wrapped_wherever_the_lines_break() {
        let text = STANDARD.encode(format!("request: Bearer {KEY} and what follows"));
        for (width, end) in [(76, "\r\n"), (64, "\n"), (10, "\n  "), (7, "\\n"), (1, "\\r\\n")] {
            let lines: Vec<_> = text
                .as_bytes()
                .chunks(width)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let wrapped = format!("{{\"content\":\"{}\"}}", lines.join(end));
            for cut in 0..wrapped.len() {
                let mut search = Search::new(finder());
                let (first, second) = wrapped.as_bytes().split_at(cut);
                assert!(search.finds_in(first) | search.finds_in(second), "{wrapped} at {cut}");
            }
        }
        // A backslash of the secret's own, before a letter that would make it a line break.
        let own = Secret::new("\\n0123456789abcdef\\r\\").unwrap();
        let finder = Finder::of([own].iter());
        assert!(finder.finds(b"is \\n0123456789abcdef\\r\\!"));
        assert!(finder.finds(b"is \\\\n0123456789abcdef\\\\r\\\\!"));
    }

    #[test]
    fn is_found_across_pieces() {
        let text = format!("data: {KEY} end");
        for cut in 0..=text.len() {
            let mut search = Search::new(finder());
            let (first, second) = text.as_bytes().split_at(cut);
            assert!(search.finds_in(first) | search.finds_in(second), "cut at {cut}");
        }
        let mut search = Search::new(finder());
        assert!(!search.finds_in(&KEY.as_bytes()[..10]) && !search.finds_in(b"-"));
    }

    /// Whatever the pieces, and however long the secret is.
    #[test]
    fn a_byte_is_looked_at_once_in_each_reading() {
        let long = Secret::new(&"k".repeat(164)).unwrap();
        let finder = Arc::new(Finder::of([long].iter()));
        let bytes = "kkk-kk".repeat(1000).into_bytes();
        for size in [1, 7, bytes.len()] {
            let mut search = Search::new(Arc::clone(&finder));
            for piece in bytes.chunks(size) {
                assert!(!search.finds_in(piece));
            }
            let steps = search.place.plain.steps + search.place.unescaped.steps;
            assert_eq!(steps, 2 * bytes.len() as u64, "in pieces of {size}");
        }
    }

    #[test]
    fn basic_authentication_comes_back_in_the_clear_too() {
        let secret = Secret::new(&STANDARD.encode("robot:tok-0123456789abcdef")).unwrap();
        let finder = Finder::of([secret].iter());
        for echo in [
            "robot:tok-0123456789abcdef",
            "\"tok-0123456789abcdef\"",
            "robot%3Atok-0123456789abcdef",
        ] {
            assert!(finder.finds(echo.as_bytes()), "{echo}");
        }
        assert!(!finder.finds(b"robot"));
        // A short password alone is in ordinary text; with its name it is none.
        let short = Secret::new(&STANDARD.encode("robot:hunter2")).unwrap();
        let finder = Finder::of([short].iter());
        assert!(finder.finds(b"as robot:hunter2") && !finder.finds(b"is it hunter2?"));
    }
}
