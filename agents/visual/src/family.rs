//! A chain of faces for one kind of text: every character is taken from the first face that has it, and what none has is a typed error.

use std::collections::BTreeSet;

use resvg::tiny_skia::PathBuilder;

use crate::lines::Line;
use crate::typeface::{Run, Typeface};

/// At most so many missing characters are named; the rest is the same story.
const MAX_NAMED: usize = 20;

/// Why a text cannot be set.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum UnsettableText {
    /// No face has these characters.
    #[error("{font} and the built-in fonts lack {}: add a font that has them to the brand files", named(.characters))]
    MissingGlyphs {
        /// The first face that was asked.
        font: String,
        /// What is missing, each once.
        characters: BTreeSet<char>,
    },
    /// Lines here run from left to right.
    #[error("text that runs from right to left cannot be set: {}", named(.characters))]
    RightToLeft {
        /// The characters that said so.
        characters: BTreeSet<char>,
    },
}

/// Faces in the order in which they are asked.
#[derive(Clone)]
pub(crate) struct Family<'k> {
    faces: Vec<&'k Typeface<'k>>,
    /// Extra space after each glyph, in em; negative draws large type together.
    pub(crate) tracking: f32,
}

/// Shaped text without spaces to break at.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Shaped {
    /// Pieces with the pen position, in em, at which each starts.
    pub(crate) runs: Vec<(f32, Run)>,
    /// In em, tracking included.
    pub(crate) advance: f32,
}

impl<'k> Family<'k> {
    /// A chain; the first face gives the metrics.
    pub(crate) fn new(faces: Vec<&'k Typeface<'k>>, tracking: f32) -> Family<'k> {
        Family { faces, tracking }
    }

    /// Name of the first face.
    pub(crate) fn name(&self) -> &str {
        self.faces.first().map_or("", |face| face.name.as_str())
    }

    /// Height of capitals of the first face, in em.
    pub(crate) fn cap_height(&self) -> f32 {
        self.faces.first().map_or(0.7, |face| face.cap_height)
    }

    /// The face that a run was shaped with.
    pub(crate) fn face(&self, run: &Run) -> Option<&'k Typeface<'k>> {
        self.faces.get(run.face).copied()
    }

    /// Checks that every character of `text` can be set.
    ///
    /// # Errors
    /// [`UnsettableText`] naming the characters that cannot.
    pub(crate) fn check(&self, text: &str) -> Result<(), UnsettableText> {
        let backwards: BTreeSet<char> = text.chars().filter(|c| runs_backwards(*c)).collect();
        if !backwards.is_empty() {
            return Err(UnsettableText::RightToLeft { characters: backwards });
        }
        let characters: BTreeSet<char> = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '\u{ad}' && self.covering(*c).is_none())
            .collect();
        if characters.is_empty() {
            return Ok(());
        }
        Err(UnsettableText::MissingGlyphs { font: self.name().to_owned(), characters })
    }

    /// Shapes a piece of text that passed [`Family::check`].
    pub(crate) fn shape(&self, text: &str) -> Shaped {
        let mut shaped = Shaped::default();
        for (face, piece) in self.pieces(text) {
            let Some(typeface) = self.faces.get(face) else { continue };
            let mut run = typeface.shape(&piece, face);
            for (place, glyph) in run.glyphs.iter_mut().enumerate() {
                glyph.x += place as f32 * self.tracking;
            }
            run.advance += run.glyphs.len() as f32 * self.tracking;
            let start = shaped.advance;
            shaped.advance += run.advance;
            shaped.runs.push((start, run));
        }
        shaped
    }

    /// How far the first glyph's ink is from the start of the line, in em: large type is set flush by its ink.
    pub(crate) fn bearing(&self, line: &Line) -> f32 {
        /// Fine enough for a bearing in em.
        const SCALE: f32 = 1000.0;
        let first = line.words.first().and_then(|(_, word)| word.runs.first());
        let Some((run, face)) = first.and_then(|(_, run)| Some((run, self.face(run)?))) else {
            return 0.0;
        };
        let mut outline = PathBuilder::new();
        if let Some(glyph) = run.glyphs.first() {
            face.outline(glyph.id, glyph.x * SCALE, 0.0, SCALE, &mut outline);
        }
        outline.finish().map_or(0.0, |path| path.bounds().left() / SCALE - face.thicken / 2.0)
    }

    /// How far accents of a line rise above its capitals, in em.
    pub(crate) fn rise(&self, line: &Line) -> f32 {
        /// Fine enough for a height in em.
        const SCALE: f32 = 1000.0;
        if line.text.is_ascii() {
            return 0.0;
        }
        let mut outline = PathBuilder::new();
        for (_, run) in line.words.iter().flat_map(|(_, word)| &word.runs) {
            let Some(face) = self.face(run) else { continue };
            for glyph in &run.glyphs {
                face.outline(glyph.id, 0.0, -glyph.y * SCALE, SCALE, &mut outline);
            }
        }
        let top = outline.finish().map_or(0.0, |path| -path.bounds().top() / SCALE);
        (top - self.cap_height()).max(0.0)
    }

    fn covering(&self, c: char) -> Option<usize> {
        self.faces.iter().position(|face| face.has(c))
    }

    fn pieces(&self, text: &str) -> Vec<(usize, String)> {
        let mut pieces: Vec<(usize, String)> = Vec::new();
        for c in text.chars() {
            let c = if c.is_whitespace() { ' ' } else { c };
            let face = self.covering(c).unwrap_or(0);
            match pieces.last_mut() {
                Some((last, piece)) if *last == face => piece.push(c),
                _ => pieces.push((face, c.to_string())),
            }
        }
        pieces
    }
}

/// Hebrew, Arabic and their neighbours: blocks whose characters are set from right to left.
fn runs_backwards(c: char) -> bool {
    matches!(u32::from(c), 0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfefc | 0x10800..=0x10fff | 0x1e800..=0x1efff)
}

fn named(characters: &BTreeSet<char>) -> String {
    let shown: Vec<String> = characters
        .iter()
        .take(MAX_NAMED)
        .map(|c| format!("{c} (U+{:04X})", u32::from(*c)))
        .collect();
    let rest = characters.len().saturating_sub(MAX_NAMED);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_family(test: impl FnOnce(&Family<'_>)) {
        let light = Typeface::read("light", epaint_default_fonts::UBUNTU_LIGHT).unwrap();
        let emoji = Typeface::read("emoji", epaint_default_fonts::NOTO_EMOJI_REGULAR).unwrap();
        test(&Family::new(vec![&light, &emoji], 0.0));
    }

    #[test]
    fn takes_each_character_from_the_first_face_that_has_it() {
        with_family(|family| {
            let faces: Vec<usize> =
                family.shape("a🚲b").runs.iter().map(|(_, run)| run.face).collect();
            assert_eq!(faces, [0, 1, 0]);
        });
    }

    #[test]
    fn names_the_characters_that_no_face_has() {
        with_family(|family| {
            let error = family.check("新しい Rad").unwrap_err().to_string();
            assert!(error.contains("し (U+3057)") && error.contains("新 (U+65B0)"), "{error}");
            assert!(
                !error.contains('R'.to_string().as_str()) || error.contains("fonts"),
                "{error}"
            );
        });
    }

    #[test]
    fn refuses_text_that_runs_from_right_to_left() {
        with_family(|family| {
            assert!(matches!(family.check("سلام"), Err(UnsettableText::RightToLeft { .. })));
        });
    }
}
