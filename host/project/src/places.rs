//! Where in a text a byte stands, in lines and columns: looked through once, asked any number of times. Knows no TOML.

use std::ops::Range;

use bailiwick_core::Place;

/// Bytes between two marks of the count of characters. A column is counted from the mark
/// before it, so a file that is one long line costs no more for each place than one of many.
const MARK_EVERY: usize = 1024;

/// A text, ready to be asked.
pub(crate) struct Places<'t> {
    file: &'t str,
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    /// How many characters begin before each mark.
    marks: Vec<usize>,
}

impl<'t> Places<'t> {
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let mut marks = Vec::new();
        let mut characters = 0;
        for part in text.as_bytes().chunks(MARK_EVERY) {
            marks.push(characters);
            characters += begun(part);
        }
        marks.push(characters);
        Self { file, text, lines, marks }
    }

    /// 1-based.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    pub(crate) fn of(&self, span: Range<usize>) -> Place {
        let at = span.start.min(self.text.len());
        let line = self.line(at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.characters(at).saturating_sub(self.characters(start)) + 1;
        Place { file: self.file.to_owned(), span, line, column }
    }

    /// How many characters begin before a byte.
    fn characters(&self, at: usize) -> usize {
        let mark = at / MARK_EVERY;
        let counted = self.marks.get(mark).copied().unwrap_or_default();
        let rest = self.text.as_bytes().get(mark * MARK_EVERY..at);
        counted + rest.map_or(0, begun)
    }
}

/// How many characters begin in these bytes of a text.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_what_counting_from_the_beginning_says() {
        let long = "ü = \"§\" ".repeat(700);
        for text in ["", "\n", "a", "a\n", "ä\n\nö = 1\nü", &long, &format!("{long}\n{long}x\n")]
        {
            let places = Places::new("x.toml", text);
            let ends = (0..=text.len()).filter(|at| text.is_char_boundary(*at));
            for at in ends.step_by(if text.len() > 100 { 7 } else { 1 }) {
                assert_eq!(places.of(at..at), Place::of("x.toml", text, at..at), "{at}");
            }
            let beyond = text.len() + 5;
            assert_eq!(places.of(beyond..beyond), Place::of("x.toml", text, beyond..beyond));
        }
    }
}
