//! The brand's colours by name, and which of them can stand on which; knows no picture.

use serde_json::Value;

use crate::colour::Colour;

/// The contrast that WCAG 2 AA asks of text.
pub(crate) const READABLE: f64 = 4.5;
/// What we take where the palette has it: antialiasing of small type eats contrast.
pub(crate) const COMFORTABLE: f64 = 7.0;
/// Below this black or white is taken where it is better: for type of ten pixels, whose strokes are thinner than a pixel.
const PLENTY: f64 = 10.0;
/// More colours than this are not a palette, and each is tried against each.
const MAX_COLOURS: usize = 32;

/// Why `palette.json` cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum PaletteError {
    /// It is no JSON object.
    #[error("palette.json is not a JSON object of name → \"#rrggbb\"")]
    NotAnObject,
    /// A well-known name has a value that is no colour.
    #[error("palette.json: {0} is not \"#rrggbb\"")]
    NotAColour(String),
    /// There is no primary colour.
    #[error("palette.json has no colour named primary")]
    NoPrimary,
}

/// Colours with the roles that brands give them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Palette {
    /// The colour that the brand is known by.
    pub(crate) primary: Colour,
    /// Its companion.
    pub(crate) secondary: Colour,
    /// The one that calls.
    pub(crate) accent: Colour,
    /// Paper.
    pub(crate) background: Colour,
    /// Ink.
    pub(crate) text: Colour,
    /// Every colour in the file, the five above included.
    pub(crate) all: Vec<Colour>,
}

impl Palette {
    /// Reads the brand's `palette.json`. What is not named is derived from what is.
    ///
    /// # Errors
    /// [`PaletteError`] where there is no object, no primary colour or a broken one.
    pub(crate) fn parse(json: &[u8]) -> Result<Palette, PaletteError> {
        let value: Value = serde_json::from_slice(json).map_err(|_| PaletteError::NotAnObject)?;
        let map = value.as_object().ok_or(PaletteError::NotAnObject)?;
        let named = |name: &str| match map.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_str()
                .and_then(Colour::parse)
                .map(Some)
                .ok_or_else(|| PaletteError::NotAColour(name.to_owned())),
        };
        let primary = named("primary")?.ok_or(PaletteError::NoPrimary)?;
        let background = named("background")?.unwrap_or(Colour::WHITE);
        let text = named("text")?.unwrap_or_else(|| {
            if primary.contrast(background) >= COMFORTABLE { primary } else { Colour::BLACK }
        });
        let secondary = named("secondary")?.unwrap_or_else(|| primary.mix(background, 0.5));
        let accent = named("accent")?.unwrap_or(secondary);
        let mut all = vec![primary, secondary, accent, background, text];
        for colour in map.values().filter_map(|v| v.as_str()).filter_map(Colour::parse) {
            if !all.contains(&colour) && all.len() < MAX_COLOURS {
                all.push(colour);
            }
        }
        Ok(Palette { primary, secondary, accent, background, text, all })
    }

    /// The first of `wishes` that is readable on `surface`, better than that where there is a choice.
    ///
    /// Falls back to the palette's most readable colour, then to black or white: one of
    /// those always reaches [`READABLE`].
    pub(crate) fn ink_on(&self, surface: Colour, wishes: &[Colour]) -> Colour {
        let reaching = |least: f64| wishes.iter().copied().find(|c| c.contrast(surface) >= least);
        reaching(COMFORTABLE).or_else(|| reaching(READABLE)).unwrap_or_else(|| {
            let best = strongest(surface, &self.all);
            if best.contrast(surface) >= READABLE {
                best
            } else {
                strongest(surface, &[Colour::BLACK, Colour::WHITE])
            }
        })
    }

    /// Secondary and accent, the lighter one first: a sun is light, whatever the brand calls it.
    pub(crate) fn by_light(&self) -> (Colour, Colour) {
        if self.accent.luminance() > self.secondary.luminance() {
            (self.accent, self.secondary)
        } else {
            (self.secondary, self.accent)
        }
    }

    /// The most readable colour on `surface`.
    pub(crate) fn strongest_on(&self, surface: Colour) -> Colour {
        let best = strongest(surface, &self.all);
        if best.contrast(surface) >= PLENTY {
            best
        } else {
            strongest(surface, &[best, Colour::BLACK, Colour::WHITE])
        }
    }
}

fn strongest(surface: Colour, among: &[Colour]) -> Colour {
    among
        .iter()
        .copied()
        .max_by(|a, b| a.contrast(surface).total_cmp(&b.contrast(surface)))
        .unwrap_or(Colour::BLACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_what_is_not_named() {
        let palette = Palette::parse(br##"{"primary": "#10334a"}"##).unwrap();
        assert_eq!(palette.background, Colour::WHITE);
        assert_eq!(palette.text, palette.primary);
    }

    #[test]
    fn says_what_is_wrong() {
        let cases = [
            ("[]", PaletteError::NotAnObject),
            ("{", PaletteError::NotAnObject),
            (r##"{"accent": "#fff"}"##, PaletteError::NoPrimary),
            (r#"{"primary": "blue"}"#, PaletteError::NotAColour("primary".into())),
        ];
        for (json, error) in cases {
            assert_eq!(Palette::parse(json.as_bytes()), Err(error), "{json}");
        }
    }

    #[test]
    fn finds_readable_ink_on_every_surface() {
        let palette = Palette::parse(
            br##"{"primary": "#808080", "text": "#777777", "background": "#888888"}"##,
        )
        .unwrap();
        for level in 0..=255u8 {
            let surface = Colour { r: level, g: level, b: level };
            for ink in [palette.ink_on(surface, &[palette.text]), palette.strongest_on(surface)] {
                assert!(ink.contrast(surface) >= READABLE, "{ink} on {surface}");
            }
        }
    }
}
