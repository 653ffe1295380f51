//! What feedback asks for, as numbers that the composition obeys; knows neither judges' reasons for it nor pixels.

use crate::task::{Feedback, Reason};

/// Feedback beyond this many reasons says nothing new.
const MAX_REASONS: usize = 64;
/// Each complaint about fit takes this share of the type size.
const SMALLER: f32 = 0.86;
/// Type never shrinks below this share by complaints alone.
const SMALLEST: f32 = 0.5;

/// What is done differently from the first round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Revision {
    /// Factor on the largest type size.
    pub(crate) type_scale: f32,
    /// Factor on the logo's height.
    pub(crate) logo_scale: f32,
    /// Factor on the space around the logo.
    pub(crate) logo_space: f32,
    /// Factor on the margins.
    pub(crate) margin: f32,
    /// Take the most readable pair of colours, whatever the style prefers.
    pub(crate) strongest_contrast: bool,
    /// No painted background and quieter shapes.
    pub(crate) plain: bool,
    /// Which of the style's variations.
    pub(crate) variation: u32,
}

impl Default for Revision {
    fn default() -> Self {
        Revision {
            type_scale: 1.0,
            logo_scale: 1.0,
            logo_space: 1.0,
            margin: 1.0,
            strongest_contrast: false,
            plain: false,
            variation: 0,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Contrast,
    SmallerType,
    LargerType,
    LogoSpace,
    LargerLogo,
    SmallerLogo,
    Air,
    Plain,
    Another,
}

impl Revision {
    /// All that was said, in order.
    pub(crate) fn of(feedback: &[Feedback]) -> Revision {
        let mut revision = Revision::default();
        for reason in feedback.iter().flat_map(|f| &f.reasons).take(MAX_REASONS) {
            revision.obey(wish(reason));
        }
        revision
    }

    fn obey(&mut self, wish: Wish) {
        match wish {
            Wish::Contrast => self.strongest_contrast = true,
            Wish::SmallerType => self.type_scale = (self.type_scale * SMALLER).max(SMALLEST),
            Wish::LargerType => self.type_scale = (self.type_scale * 1.2).min(1.8),
            Wish::LogoSpace => {
                self.logo_space = (self.logo_space * 1.5).min(3.0);
                self.logo_scale = (self.logo_scale * 0.9).max(0.6);
            }
            Wish::LargerLogo => self.logo_scale = (self.logo_scale * 1.25).min(1.6),
            Wish::SmallerLogo => self.logo_scale = (self.logo_scale * 0.8).max(0.6),
            Wish::Air => {
                self.margin = (self.margin * 1.2).min(1.5);
                self.type_scale = (self.type_scale * SMALLER).max(SMALLEST);
            }
            Wish::Plain => self.plain = true,
            Wish::Another => self.variation = self.variation.wrapping_add(1),
        }
    }
}

fn wish(reason: &Reason) -> Wish {
    match reason.rule.as_str() {
        "contrast" | "busy-background" => Wish::Contrast,
        "text-fit" | "empty-text" => Wish::SmallerType,
        "overlap" | "margin" => Wish::Air,
        "logo-clear-space" => Wish::LogoSpace,
        "palette" | "undeclared-ink" => Wish::Plain,
        _ => spoken(&format!("{} {}", reason.message, reason.fix).to_lowercase()),
    }
}

/// People write sentences. These words are enough to go the right way, and every other sentence still changes something.
fn spoken(words: &str) -> Wish {
    let any = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let larger = any(&["bigger", "larger", "too small", "größer", "grösser", "zu klein"]);
    let smaller = any(&["smaller", "too big", "too large", "kleiner", "zu groß", "zu gross"]);
    if any(&["logo"]) {
        return match (larger, smaller) {
            (true, _) => Wish::LargerLogo,
            (_, true) => Wish::SmallerLogo,
            _ => Wish::LogoSpace,
        };
    }
    if any(&["contrast", "readab", "legib", "kontrast", "lesbar"]) {
        return Wish::Contrast;
    }
    if larger {
        return Wish::LargerType;
    }
    if smaller {
        return Wish::SmallerType;
    }
    if any(&["crowded", "cramped", "tight", "space", "air", "overlap", "gedrängt", "luft", "platz"])
    {
        return Wish::Air;
    }
    if any(&["busy", "quiet", "simple", "plain", "off-brand", "unruhig", "ruhiger", "schlicht"]) {
        return Wish::Plain;
    }
    Wish::Another
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revision(rule: &str, message: &str) -> Revision {
        let reason = Reason { rule: rule.into(), message: message.into(), fix: String::new() };
        Revision::of(&[Feedback { by: "brand".into(), round: 0, reasons: vec![reason] }])
    }

    #[test]
    fn every_rule_of_the_judge_changes_something() {
        for rule in [
            "contrast",
            "busy-background",
            "text-fit",
            "empty-text",
            "overlap",
            "margin",
            "logo-clear-space",
            "palette",
            "undeclared-ink",
            "whatever",
        ] {
            assert_ne!(revision(rule, ""), Revision::default(), "{rule}");
        }
    }

    #[test]
    fn people_are_understood_where_they_name_the_thing() {
        assert!(revision("", "The logo is too small").logo_scale > 1.0);
        assert!(revision("", "Bitte Schrift größer").type_scale > 1.0);
        assert!(revision("", "hardly readable").strongest_contrast);
        assert_eq!(revision("", "meh").variation, 1);
    }

    #[test]
    fn complaints_without_end_stay_in_bounds() {
        let reason = Reason { rule: "text-fit".into(), ..Reason::default() };
        let feedback = vec![Feedback { by: String::new(), round: 0, reasons: vec![reason; 5000] }];
        assert!(Revision::of(&feedback).type_scale >= SMALLEST);
    }
}
