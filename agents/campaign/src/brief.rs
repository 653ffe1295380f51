//! The brief as a person wrote it, and the reading of it in one locale. It does not
//! know channels' limits or any text that was written from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is the same everywhere, or one for each locale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Localized {
    /// One text for all locales.
    Everywhere(String),
    /// By locale (`de-DE`) or language (`de`).
    ByLocale(BTreeMap<String, String>),
}

impl Default for Localized {
    fn default() -> Self {
        Self::Everywhere(String::new())
    }
}

impl Localized {
    /// The text for a locale: its own, else one of its language, else the English
    /// one, else the first. Empty where there is none at all.
    #[must_use]
    pub fn for_locale(&self, locale: &str) -> &str {
        let texts = match self {
            Self::Everywhere(text) => return text,
            Self::ByLocale(texts) => texts,
        };
        let of_language = |wanted: &str| {
            texts.iter().find(|(key, _)| language(key) == wanted).map(|(_, text)| text)
        };
        texts
            .get(locale)
            .or_else(|| of_language(language(locale)))
            .or_else(|| of_language("en"))
            .or_else(|| texts.values().next())
            .map_or("", String::as_str)
    }
}

/// The language of a locale: `de` of `de-DE`.
#[must_use]
pub fn language(locale: &str) -> &str {
    locale.split(['-', '_']).next().unwrap_or(locale)
}

/// One size to make pictures in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Size {
    /// What people call it, for example `1:1`.
    pub id: String,
    /// Width in pixels.
    pub w: u32,
    /// Height in pixels.
    pub h: u32,
}

/// What the campaign is for. Unknown fields are ignored, so that a brief may say more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Brief {
    /// Who speaks.
    #[serde(default)]
    pub brand: String,
    /// What is advertised, as it is called in texts.
    pub product: String,
    /// What kind of thing the product is.
    #[serde(default)]
    pub category: Localized,
    /// Whom the campaign speaks to.
    pub audience: Localized,
    /// What readers should do or know afterwards.
    pub goal: Localized,
    /// The one thing to say.
    #[serde(default)]
    pub message: Localized,
    /// What the button says.
    #[serde(default)]
    pub call_to_action: Localized,
    /// Words to be found by, with commas between them.
    #[serde(default)]
    pub keywords: Localized,
    /// Where the campaign runs.
    #[serde(default)]
    pub channels: Vec<String>,
    /// For which readers, as BCP 47 tags.
    #[serde(default)]
    pub locales: Vec<String>,
    /// The looks to try.
    #[serde(default)]
    pub styles: Vec<String>,
    /// The sizes to make.
    #[serde(default)]
    pub sizes: Vec<Size>,
    /// The last day, `YYYY-MM-DD`.
    #[serde(default)]
    pub deadline: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Localized {
        Localized::ByLocale(
            pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect(),
        )
    }

    #[test]
    fn reads_the_nearest_locale() {
        let message = texts(&[("de", "Hallo"), ("en-GB", "Hello"), ("fr-FR", "Bonjour")]);
        for (locale, expected) in [
            ("en-GB", "Hello"),
            ("en-US", "Hello"),
            ("de-AT", "Hallo"),
            ("fr-CA", "Bonjour"),
            ("es-ES", "Hello"),
        ] {
            assert_eq!(message.for_locale(locale), expected, "{locale}");
        }
    }

    #[test]
    fn falls_back_to_any_text_and_then_to_none() {
        assert_eq!(texts(&[("fr", "Bonjour")]).for_locale("de"), "Bonjour");
        assert_eq!(texts(&[]).for_locale("de"), "");
        assert_eq!(Localized::Everywhere("x".into()).for_locale("de"), "x");
    }

    #[test]
    fn a_brief_may_say_more_than_it_must() {
        let brief: Brief = serde_json::from_str(
            r#"{"product":"Wren","audience":"riders","goal":{"en":"sell"},"mood":"dusk"}"#,
        )
        .unwrap();
        assert_eq!(brief.goal.for_locale("en-GB"), "sell");
    }
}
