//! Where lines break: words, syllables and the search for the evenest lines; knows widths in em and no pixels.

use hypher::{Lang, hyphenate};

use crate::family::{Family, Shaped};

/// What a divided word costs in running text, where a line costs 1.0: one is better than a ragged paragraph, two in a row are not.
const DIVISION_COST: f32 = 0.35;
/// What it costs in a headline: more than a further line.
const HEADLINE_DIVISION_COST: f32 = 1.2;
/// A last line shorter than this share of the width looks like an accident.
const SHORTEST_LAST_LINE: f32 = 0.3;
/// Type is not set closer than this: some faces have a very narrow space.
const NARROWEST_SPACE: f32 = 0.235;

/// How lines may be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Division {
    /// Only between words and at soft hyphens.
    Words,
    /// Long words between syllables too, in two or three large parts: headlines.
    LongWords,
    /// All but short words between syllables, as the language has them: running text.
    Syllables,
}

impl Division {
    /// The fewest letters of a word that is divided, and of each of its parts.
    fn shortest(self) -> (usize, usize) {
        match self {
            Division::Words => (usize::MAX, usize::MAX),
            Division::LongWords => (13, 5),
            Division::Syllables => (8, 3),
        }
    }
}

/// How lines are to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All lines about as long as one another: headlines.
    Balanced,
    /// Full lines, the last may be shorter: running text.
    Running,
}

/// A text cut into the pieces between which a line may end.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pieces: Vec<Piece>,
    space: f32,
    hyphen: f32,
}

#[derive(Debug, Clone)]
struct Piece {
    text: String,
    advance: f32,
    after: After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// A space; it vanishes at the end of a line.
    Space,
    /// Nothing; a line that ends here gets a hyphen.
    Hyphen,
    /// Nothing at all: between ideographs, after a hyphen that stands there anyway.
    Nothing,
}

/// One line, shaped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// As it reads.
    pub(crate) text: String,
    /// Words with the position, in em, at which each starts.
    pub(crate) words: Vec<(f32, Shaped)>,
    /// In em.
    pub(crate) width: f32,
}

impl Text {
    /// Cuts a text that passed [`Family::check`].
    pub(crate) fn cut(text: &str, family: &Family<'_>, division: Division, locale: &str) -> Text {
        let language = language(locale);
        let mut pieces = Vec::new();
        for word in glued(text) {
            let parts = parts(&word, language, division);
            let last = parts.len().saturating_sub(1);
            for (place, (part, after)) in parts.into_iter().enumerate() {
                let advance = family.shape(&part).advance;
                let after = if place == last { After::Space } else { after };
                pieces.push(Piece { text: part, advance, after });
            }
        }
        Text {
            pieces,
            space: family.shape(" ").advance.max(NARROWEST_SPACE),
            hyphen: family.shape("-").advance,
        }
    }

    /// Whether there is nothing to set.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Breaks the text into lines of at most `width` em; `None` where a piece is wider than that.
    pub(crate) fn lines(&self, family: &Family<'_>, width: f32, shape: Shape) -> Option<Vec<Line>> {
        let mut breaks = self.breaks(width, shape)?;
        if shape == Shape::Balanced {
            breaks = self.balance(breaks, width);
        }
        let mut from = 0;
        let mut lines = Vec::with_capacity(breaks.len());
        for to in breaks {
            let line = self.line(family, from, to);
            // Shaped as whole words a line can come out a hair wider than its pieces.
            if line.width > width * 1.001 {
                return None;
            }
            lines.push(line);
            from = to;
        }
        Some(lines)
    }

    /// The narrowest width that needs no more lines makes them even.
    fn balance(&self, full: Vec<usize>, width: f32) -> Vec<usize> {
        let divisions = self.divisions(&full);
        let (mut narrow, mut wide, mut best) = (width * 0.4, width, full.clone());
        for _ in 0..12 {
            let middle = (narrow + wide) / 2.0;
            match self.breaks(middle, Shape::Balanced) {
                Some(breaks)
                    if breaks.len() <= full.len() && self.divisions(&breaks) <= divisions =>
                {
                    best = breaks;
                    wide = middle;
                }
                _ => narrow = middle,
            }
        }
        best
    }

    /// How many lines end inside a word.
    fn divisions(&self, breaks: &[usize]) -> usize {
        let inner = breaks.iter().filter(|at| **at < self.pieces.len());
        inner
            .filter(|at| {
                self.pieces.get(at.saturating_sub(1)).is_some_and(|p| p.after == After::Hyphen)
            })
            .count()
    }

    /// The ends of the cheapest lines: shortest path over all places where a line may end.
    fn breaks(&self, width: f32, shape: Shape) -> Option<Vec<usize>> {
        let count = self.pieces.len();
        let mut best: Vec<Option<(f32, usize)>> = vec![None; count + 1];
        if let Some(start) = best.first_mut() {
            *start = Some((0.0, 0));
        }
        for from in 0..count {
            let Some((cost, _)) = best.get(from).copied().flatten() else { continue };
            let mut open = 0.0;
            for (to, piece) in self.pieces.iter().enumerate().skip(from) {
                let closed = open
                    + piece.advance
                    + if piece.after == After::Hyphen { self.hyphen } else { 0.0 };
                open += piece.advance + if piece.after == After::Space { self.space } else { 0.0 };
                let last = to + 1 == count;
                let length = if last { open - self.space } else { closed };
                if length > width {
                    if open - self.space > width {
                        break;
                    }
                    continue;
                }
                let division = match shape {
                    _ if piece.after != After::Hyphen || last => 0.0,
                    Shape::Running => DIVISION_COST,
                    Shape::Balanced => HEADLINE_DIVISION_COST,
                };
                let total = cost + division + line_cost(length / width, last, shape);
                if let Some(slot) = best.get_mut(to + 1)
                    && slot.is_none_or(|(known, _)| total < known)
                {
                    *slot = Some((total, from));
                }
            }
        }
        let mut breaks = Vec::new();
        let mut at = count;
        while at > 0 {
            let (_, from) = best.get(at).copied().flatten()?;
            breaks.push(at);
            at = from;
        }
        breaks.reverse();
        Some(breaks)
    }

    fn line(&self, family: &Family<'_>, from: usize, to: usize) -> Line {
        let mut words = Vec::new();
        let mut text = String::new();
        let mut word = String::new();
        let pieces = self.pieces.get(from..to).unwrap_or_default();
        for (place, piece) in pieces.iter().enumerate() {
            word.push_str(&piece.text);
            let last = place + 1 == pieces.len();
            if last && piece.after == After::Hyphen {
                word.push('-');
            }
            if last || piece.after == After::Space {
                words.push(std::mem::take(&mut word));
            }
        }
        let mut shaped = Vec::with_capacity(words.len());
        let mut pen = 0.0;
        for (place, word) in words.iter().enumerate() {
            if place > 0 {
                pen += self.space;
                text.push(' ');
            }
            text.push_str(word);
            let run = family.shape(word);
            let advance = run.advance;
            shaped.push((pen, run));
            pen += advance;
        }
        Line { text, words: shaped, width: pen - family.tracking }
    }
}

fn line_cost(filled: f32, last: bool, shape: Shape) -> f32 {
    let slack = (1.0 - filled).max(0.0);
    match (last, shape) {
        // Every line costs one, so that fewer lines win.
        (false, _) | (true, Shape::Balanced) => 1.0 + slack * slack,
        (true, Shape::Running) => 1.0 + (SHORTEST_LAST_LINE - filled).max(0.0) * 2.0,
    }
}

fn language(locale: &str) -> Option<Lang> {
    let mut letters = locale.bytes().map(|b| b.to_ascii_lowercase());
    match (letters.next()?, letters.next()?) {
        // Bokmål and Nynorsk share the patterns.
        (b'n', b'b' | b'n') => Lang::from_iso(*b"no"),
        (a, b) => Lang::from_iso([a, b]),
    }
}

/// Words, a number kept together with the unit after it.
fn glued(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split([' ', '\t', '\n', '\r']).filter(|w| !w.is_empty()) {
        let unit = word.chars().count() <= 3;
        match words.last_mut() {
            Some(before) if unit && is_number(before) => {
                before.push('\u{a0}');
                before.push_str(word);
            }
            // A dash never begins a line.
            Some(before) if matches!(word, "–" | "—" | "-" | "&") && !before.contains('\u{a0}') =>
            {
                before.push('\u{a0}');
                before.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn is_number(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || ".,-–".contains(c))
}

/// The parts of one word and what a line that ends after each gets.
fn parts(word: &str, language: Option<Lang>, division: Division) -> Vec<(String, After)> {
    let mut parts = Vec::new();
    for (place, soft) in word.split('\u{ad}').enumerate() {
        if place > 0
            && let Some((_, after)) = parts.last_mut()
        {
            *after = After::Hyphen;
        }
        for piece in at_hyphens_and_ideographs(soft) {
            match language {
                Some(language)
                    if piece.chars().filter(|c| c.is_alphabetic()).count()
                        >= division.shortest().0 =>
                {
                    syllables(&piece, language, division.shortest().1, &mut parts);
                }
                _ => parts.push((piece, After::Nothing)),
            }
        }
    }
    parts.retain(|(text, _)| !text.is_empty());
    parts
}

fn syllables(piece: &str, language: Lang, shortest: usize, parts: &mut Vec<(String, After)>) {
    let mut open = String::new();
    let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).count();
    let mut left = letters(piece);
    for syllable in hyphenate(piece, language) {
        open.push_str(syllable);
        left = left.saturating_sub(letters(syllable));
        if letters(&open) >= shortest && left >= shortest {
            parts.push((std::mem::take(&mut open), After::Hyphen));
        }
    }
    if open.is_empty() {
        if let Some((_, after)) = parts.last_mut() {
            *after = After::Nothing;
        }
    } else {
        parts.push((open, After::Nothing));
    }
}

fn at_hyphens_and_ideographs(word: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut before = None;
    for c in word.chars() {
        let hyphen_before = matches!(before, Some('-' | '/')) && c.is_alphabetic();
        let ideograph = |c: char| matches!(u32::from(c), 0x2e80..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x20000..=0x3ffff);
        let closing = matches!(c, '。' | '、' | '」' | '』' | '）' | '！' | '？' | 'ー');
        let open = pieces.last().is_some_and(|p| !p.is_empty());
        if open && (hyphen_before || (before.is_some_and(ideograph) && !closing)) {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
        before = Some(c);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typeface::Typeface;

    fn set(text: &str, width: f32, division: Division, shape: Shape) -> Option<Vec<String>> {
        let face = Typeface::read("light", epaint_default_fonts::UBUNTU_LIGHT).unwrap();
        let family = Family::new(vec![&face], 0.0);
        let lines = Text::cut(text, &family, division, "de-AT").lines(&family, width, shape)?;
        assert!(lines.iter().all(|line| line.width <= width * 1.001));
        Some(lines.into_iter().map(|line| line.text).collect())
    }

    #[test]
    fn headlines_are_even() {
        let lines =
            set("one two three four five six", 11.0, Division::Words, Shape::Balanced).unwrap();
        assert_eq!(lines, ["one two three", "four five six"]);
    }

    #[test]
    fn long_words_are_divided_by_syllables_or_not_at_all() {
        let word = "Lastenfahrradführerschein";
        assert_eq!(set(word, 8.0, Division::Words, Shape::Running), None);
        let lines = set(word, 8.0, Division::Syllables, Shape::Running).unwrap();
        assert!(lines.len() == 2 && lines[0].ends_with('-'), "{lines:?}");
        assert_eq!(lines.concat().replace('-', ""), word);
    }

    #[test]
    fn soft_hyphens_show_only_where_a_line_ends() {
        let text = "Fahrrad\u{ad}werkstatt";
        assert_eq!(set(text, 20.0, Division::Words, Shape::Running).unwrap(), ["Fahrradwerkstatt"]);
        assert_eq!(
            set(text, 6.0, Division::Words, Shape::Running).unwrap(),
            ["Fahrrad-", "werkstatt"]
        );
    }

    #[test]
    fn numbers_keep_their_units() {
        let lines = set("trägt 250 kg", 5.0, Division::Words, Shape::Running).unwrap();
        assert_eq!(lines, ["trägt", "250\u{a0}kg"]);
    }

    #[test]
    fn no_text_is_no_line() {
        assert_eq!(set("  ", 5.0, Division::Words, Shape::Balanced), Some(vec![]));
    }
}
