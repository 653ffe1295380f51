//! What the brand's files say, read once: palette, logos, and which face sets which kind of text; knows no picture.

use std::collections::BTreeMap;
use std::sync::Arc;

use resvg::usvg::fontdb;
use serde_json::Value;

use crate::colour::Colour;
use crate::family::Family;
use crate::logo::{Dress, Logo, LogoError};
use crate::palette::{Palette, PaletteError};
use crate::typeface::{Typeface, TypefaceError};

/// More fonts than this are a library, not a brand; each is kept in memory.
pub(crate) const MAX_FONTS: usize = 12;
/// More variants than this of one logo are not looked at.
pub(crate) const MAX_LOGOS: usize = 6;

/// A logo of one colour is recoloured where less than this share of it is seen.
const ONE_COLOUR_SEEN: f32 = 0.98;
/// One of several colours only where most of it would be lost: then it is set in one, as brands do.
const COLOURS_SEEN: f32 = 0.6;

/// Why the brand's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KitError {
    /// There is no `palette.json`.
    #[error("the brand files have no palette.json")]
    NoPalette,
    /// See [`PaletteError`].
    #[error(transparent)]
    Palette(#[from] PaletteError),
    /// See [`LogoError`].
    #[error(transparent)]
    Logo(#[from] LogoError),
    /// See [`TypefaceError`].
    #[error(transparent)]
    Typeface(#[from] TypefaceError),
    /// The palette names a font that is not there.
    #[error("palette.json: fonts.{role} names {file}, which is not among the brand files")]
    NoSuchFont {
        /// For what.
        role: String,
        /// The file.
        file: String,
    },
}

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// Large and heavy.
    Headline,
    /// Large, for styles that read like a magazine.
    Editorial,
    /// Running text.
    Body,
    /// The words on a button.
    Cta,
}

impl Voice {
    const ALL: [Voice; 4] = [Voice::Headline, Voice::Editorial, Voice::Body, Voice::Cta];

    fn key(self) -> &'static str {
        match self {
            Voice::Headline => "headline",
            Voice::Editorial => "editorial",
            Voice::Body => "body",
            Voice::Cta => "cta",
        }
    }

    fn weight(self) -> u16 {
        match self {
            Voice::Headline => 900,
            Voice::Editorial => 600,
            Voice::Body => 450,
            Voice::Cta => 700,
        }
    }

    /// How much the light built-in face is thickened to speak in this voice, in em.
    fn thicken(self) -> f32 {
        match self {
            Voice::Headline => 0.05,
            Voice::Editorial => 0.0,
            Voice::Body => 0.016,
            Voice::Cta => 0.045,
        }
    }
}

/// The brand, ready to compose with.
pub(crate) struct Kit<'a> {
    /// The colours.
    pub(crate) palette: Palette,
    logos: Vec<Logo>,
    fonts: Vec<(String, Typeface<'a>)>,
    chosen: BTreeMap<&'static str, String>,
    built_in: Vec<(&'static str, Typeface<'a>)>,
    emoji: Typeface<'a>,
}

impl<'a> Kit<'a> {
    /// Reads the brand's files by name.
    ///
    /// # Errors
    /// [`KitError`] naming the file and what is wrong with it.
    pub(crate) fn read(files: &'a BTreeMap<String, Vec<u8>>) -> Result<Kit<'a>, KitError> {
        let json = files.get("palette.json").ok_or(KitError::NoPalette)?;
        let palette = Palette::parse(json)?;
        let fonts = files
            .iter()
            .filter(|(name, _)| is_font(name))
            .take(MAX_FONTS)
            .map(|(name, bytes)| Ok((name.clone(), Typeface::read(name, bytes)?)))
            .collect::<Result<Vec<_>, TypefaceError>>()?;
        let chosen = chosen_fonts(json, files)?;
        let logos = read_logos(files)?;
        let light = |voice: Voice| {
            let mut face = Typeface::read("Ubuntu Light", epaint_default_fonts::UBUNTU_LIGHT)?;
            face.thicken = voice.thicken();
            Ok((voice.key(), face))
        };
        let built_in =
            Voice::ALL.into_iter().map(light).collect::<Result<Vec<_>, TypefaceError>>()?;
        let emoji = Typeface::read("Noto Emoji", epaint_default_fonts::NOTO_EMOJI_REGULAR)?;
        Ok(Kit { palette, logos, fonts, chosen, built_in, emoji })
    }

    /// The faces for a kind of text, the brand's first.
    pub(crate) fn family(&'a self, voice: Voice, tracking: f32) -> Family<'a> {
        let built_in =
            self.built_in.iter().find(|(key, _)| *key == voice.key()).map(|(_, face)| face);
        let brand_face = self.brand_face(voice);
        // Thickened strokes eat the space between letters.
        let room = if brand_face.is_none() { voice.thicken() * 0.8 } else { 0.0 };
        let faces = brand_face.into_iter().chain(built_in).chain([&self.emoji]);
        Family::new(faces.collect(), tracking + room)
    }

    /// The variant of the logo that is seen best on `surface`, and how to draw it there.
    pub(crate) fn logo_on(&self, surface: Colour) -> Option<(&Logo, Dress)> {
        // The first of the best: logo.svg itself comes first.
        let best = self
            .logos
            .iter()
            .rev()
            .max_by(|a, b| a.visibility(surface).total_cmp(&b.visibility(surface)))?;
        let least = if best.is_one_colour() { ONE_COLOUR_SEEN } else { COLOURS_SEEN };
        if best.visibility(surface) < least {
            let wishes = [self.palette.text, self.palette.background, self.palette.primary];
            return Some((best, Dress::Recoloured(self.palette.ink_on(surface, &wishes))));
        }
        Some((best, Dress::Original))
    }

    fn brand_face(&'a self, voice: Voice) -> Option<&'a Typeface<'a>> {
        if let Some(file) = self.chosen.get(voice.key()) {
            return self.fonts.iter().find(|(name, _)| name == file).map(|(_, face)| face);
        }
        if voice == Voice::Editorial {
            return self.brand_face(Voice::Headline);
        }
        let unclaimed = |name: &String| self.chosen.get("editorial") != Some(name);
        let mut faces = self.fonts.iter().filter(|(name, face)| !face.italic && unclaimed(name));
        let first = faces.next()?;
        let distance = |face: &Typeface<'_>| face.weight.abs_diff(voice.weight());
        let best =
            faces.fold(
                first,
                |best, next| if distance(&next.1) < distance(&best.1) { next } else { best },
            );
        Some(&best.1)
    }
}

fn is_font(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".ttf") || name.ends_with(".otf")
}

fn chosen_fonts(
    json: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<BTreeMap<&'static str, String>, KitError> {
    let palette: Value = serde_json::from_slice(json).map_err(|_| PaletteError::NotAnObject)?;
    let mut chosen = BTreeMap::new();
    for voice in Voice::ALL {
        let Some(file) =
            palette.get("fonts").and_then(|fonts| fonts.get(voice.key())).and_then(Value::as_str)
        else {
            continue;
        };
        if !files.contains_key(file) {
            return Err(KitError::NoSuchFont {
                role: voice.key().to_owned(),
                file: file.to_owned(),
            });
        }
        chosen.insert(voice.key(), file.to_owned());
    }
    Ok(chosen)
}

fn read_logos(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Logo>, LogoError> {
    let mut fonts = fontdb::Database::new();
    for (_, bytes) in files.iter().filter(|(name, _)| is_font(name)).take(MAX_FONTS) {
        fonts.load_font_data(bytes.clone());
    }
    let fonts = Arc::new(fonts);
    let mut named: Vec<(&String, &Vec<u8>)> = files
        .iter()
        .filter(|(name, _)| name.starts_with("logo") && name.to_ascii_lowercase().ends_with(".svg"))
        .collect();
    named.sort_by_key(|(name, _)| (name.len(), (*name).clone()));
    if named.is_empty() {
        return Err(LogoError::None);
    }
    named.into_iter().take(MAX_LOGOS).map(|(name, svg)| Logo::read(name, svg, &fonts)).collect()
}
