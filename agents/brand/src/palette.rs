//! Whether a picture keeps to the brand's colours: those of the palette, what lies between two of them, and their tints and shades.

use serde_json::Value;

use crate::picture::{Colour, Picture};
use crate::region::Region;
use crate::rules::{Findings, Rule};

/// More colours than this are no palette: between them lies every colour there is.
const MAX_COLOURS: usize = 16;
/// How far a pixel may be from the line between two colours: rounding, soft edges between three.
const NEAR: f32 = 14.0;
/// Share of the picture that must keep to the palette.
const LEAST_SHARE: f64 = 0.94;
/// So many pixels are looked at, evenly spread: enough for a share to the percent.
const SAMPLES: u64 = 60_000;

/// Why the palette cannot be used.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(crate) enum PaletteError {
    /// Not a JSON object.
    #[error("palette.json is not a JSON object of name → \"#rrggbb\"")]
    NotAnObject,
    /// No colour in it.
    #[error("palette.json has no colour")]
    Empty,
}

/// The brand's colours.
#[derive(Debug)]
pub(crate) struct Palette(Vec<Colour>);

impl Palette {
    /// Reads `palette.json`.
    ///
    /// # Errors
    /// [`PaletteError`] where it has no colour.
    pub(crate) fn parse(json: &[u8]) -> Result<Palette, PaletteError> {
        let value: Value = serde_json::from_slice(json).map_err(|_| PaletteError::NotAnObject)?;
        let map = value.as_object().ok_or(PaletteError::NotAnObject)?;
        let mut colours: Vec<Colour> = Vec::new();
        for colour in map.values().filter_map(Value::as_str).filter_map(Colour::parse) {
            if !colours.contains(&colour) && colours.len() < MAX_COLOURS {
                colours.push(colour);
            }
        }
        if colours.is_empty() { Err(PaletteError::Empty) } else { Ok(Palette(colours)) }
    }

    /// Checks the picture, but not the logo, which has colours of its own.
    pub(crate) fn check(&self, picture: &Picture, logos: &[Region], findings: &mut Findings) {
        let bounds = picture.bounds();
        let step = ((bounds.pixels() / SAMPLES) as f64).sqrt().floor().max(1.0) as usize;
        let (mut kept, mut seen) = (0u64, 0u64);
        for y in (0..bounds.bottom).step_by(step) {
            for (place, colour) in picture.row(y, 0, bounds.right).step_by(step).enumerate() {
                let x = place * step;
                if logos
                    .iter()
                    .any(|l| (l.left..l.right).contains(&x) && (l.top..l.bottom).contains(&y))
                {
                    continue;
                }
                seen += 1;
                kept += u64::from(self.has(colour));
            }
        }
        let share = if seen == 0 { 1.0 } else { kept as f64 / seen as f64 };
        if share < LEAST_SHARE {
            findings.note(
                Rule::Palette,
                format!(
                    "{:.0} % of the picture keep to the palette, {:.0} % should",
                    share * 100.0,
                    LEAST_SHARE * 100.0
                ),
            );
        }
    }

    fn has(&self, colour: Colour) -> bool {
        // Black and white are nobody's colours alone, but type is set in them.
        const INKS: [Colour; 2] = [Colour([0; 3]), Colour([255; 3])];
        self.0.iter().enumerate().any(|(place, from)| {
            let others = self.0.iter().skip(place + 1).chain(&INKS);
            from.distance(colour) <= NEAR
                || others.into_iter().any(|to| between(*from, *to, colour) <= NEAR)
        })
    }
}

/// Distance of a colour from the line between two others.
fn between(Colour(from): Colour, Colour(to): Colour, Colour(colour): Colour) -> f32 {
    let float = |channels: [u8; 3]| channels.map(f32::from);
    let (from, to, colour) = (float(from), float(to), float(colour));
    let minus = |a: [f32; 3], b: [f32; 3]| [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    let dot = |a: [f32; 3], b: [f32; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let (way, at) = (minus(to, from), minus(colour, from));
    let length = dot(way, way);
    let along = if length > 0.0 { (dot(at, way) / length).clamp(0.0, 1.0) } else { 0.0 };
    let off = minus(at, way.map(|w| w * along));
    dot(off, off).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tints_between_two_brand_colours_are_the_brands() {
        let palette = br##"{"primary": "#0000ff", "accent": "#ff0000", "name": "x"}"##;
        let palette = Palette::parse(palette).unwrap();
        for kept in [[128, 0, 128], [128, 0, 0], [255, 128, 128], [0, 0, 0]] {
            assert!(palette.has(Colour(kept)), "{kept:?}");
        }
        for strange in [[128, 128, 0], [0, 255, 0], [128, 128, 128]] {
            assert!(!palette.has(Colour(strange)), "{strange:?}");
        }
    }

    #[test]
    fn a_palette_without_colours_is_none() {
        assert_eq!(Palette::parse(b"[]").unwrap_err(), PaletteError::NotAnObject);
        assert_eq!(Palette::parse(br#"{"primary": 7}"#).unwrap_err(), PaletteError::Empty);
    }
}
