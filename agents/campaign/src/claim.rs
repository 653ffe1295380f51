//! Reads the numbers in a text as claims, so that two texts can be compared. It does
//! not know which claims are allowed.

/// What a number counts, where the word after it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `%`, percent, Prozent.
    Percent,
    /// £, €, $.
    Money,
    /// Hours.
    Hours,
    /// Minutes.
    Minutes,
    /// Days, working days.
    Days,
    /// Years.
    Years,
    /// Grams.
    Grams,
    /// Metres.
    Metres,
    /// Anything else, or nothing.
    Other,
}

/// One number in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberClaim {
    /// As it stands in the text, for messages: `38 hours`.
    pub shown: String,
    /// Digits with `.` before decimals and without separators.
    pub value: String,
    /// What it counts.
    pub unit: Unit,
}

impl NumberClaim {
    /// Whether `proof` says the same: equal values, and units that do not contradict.
    #[must_use]
    pub fn is_proved_by(&self, proof: &Self) -> bool {
        if self.value != proof.value {
            return false;
        }
        let strict = |unit| matches!(unit, Unit::Percent | Unit::Money);
        if strict(self.unit) || strict(proof.unit) {
            return self.unit == proof.unit;
        }
        self.unit == proof.unit || self.unit == Unit::Other || proof.unit == Unit::Other
    }
}

/// The numbers of a text, in order. Digits inside a word (`IP67`, `Wren2`) are a name
/// and no claim; digits followed by letters (`38h`) are one.
#[must_use]
pub fn number_claims(text: &str) -> Vec<NumberClaim> {
    let chars: Vec<char> = text.chars().collect();
    let mut claims = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        if !c.is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = number_end(&chars, at);
        let before = at.checked_sub(1).and_then(|index| chars.get(index)).copied();
        if !before.is_some_and(is_name_part) {
            claims.push(read_claim(&chars, at, end, before));
        }
        at = end;
    }
    claims
}

/// Whether a character before digits makes them part of a name.
fn is_name_part(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Past the digits and the separators that have a digit on both sides.
fn number_end(chars: &[char], start: usize) -> usize {
    let digit = |index: usize| chars.get(index).is_some_and(char::is_ascii_digit);
    let mut end = start;
    while digit(end) || (chars.get(end).is_some_and(|c| matches!(c, '.' | ',')) && digit(end + 1)) {
        end += 1;
    }
    end
}

fn read_claim(chars: &[char], start: usize, end: usize, before: Option<char>) -> NumberClaim {
    let number: String = chars.get(start..end).unwrap_or_default().iter().collect();
    let rest = chars.get(end..).unwrap_or_default();
    let spaces = rest.iter().take_while(|c| is_thin_space(**c)).count();
    let word: String = rest
        .iter()
        .skip(spaces)
        .take_while(|c| c.is_alphabetic() || matches!(c, '%' | '€' | '£' | '$'))
        .collect();
    let money_before = before.is_some_and(|c| matches!(c, '€' | '£' | '$'));
    let unit = if money_before { Unit::Money } else { unit_of(&word) };
    let shown = match (before, unit) {
        (Some(sign), Unit::Money) if money_before => format!("{sign}{number}"),
        (_, Unit::Other) => number.clone(),
        _ => format!("{number} {word}"),
    };
    NumberClaim { shown, value: canonical(&number), unit }
}

/// Spaces that may stand between a number and its unit.
fn is_thin_space(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '-')
}

fn unit_of(word: &str) -> Unit {
    match word.to_lowercase().as_str() {
        "%" | "percent" | "prozent" => Unit::Percent,
        "€" | "£" | "$" | "euro" | "euros" | "pounds" | "pfund" => Unit::Money,
        "h" | "hr" | "hrs" | "hour" | "hours" | "stunde" | "stunden" | "std" => Unit::Hours,
        "min" | "mins" | "minute" | "minutes" | "minuten" => Unit::Minutes,
        "day" | "days" | "tag" | "tage" | "tagen" | "working" | "werktage" | "werktagen" => {
            Unit::Days
        }
        "year" | "years" | "jahr" | "jahre" | "jahren" => Unit::Years,
        "g" | "gram" | "grams" | "gramm" => Unit::Grams,
        "m" | "metre" | "metres" | "meter" | "metern" => Unit::Metres,
        _ => Unit::Other,
    }
}

/// A separator followed by exactly three digits groups thousands, any other is the
/// decimal point: right for prices and durations in English and German.
fn canonical(number: &str) -> String {
    let mut parts = number.split(['.', ',']);
    let mut value = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if part.len() != 3 {
            value.push('.');
        }
        value.push_str(part);
    }
    if value.contains('.') {
        value = value.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let bare = value.trim_start_matches('0');
    if bare.is_empty() || bare.starts_with('.') { format!("0{bare}") } else { bare.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(text: &str) -> Vec<(String, Unit)> {
        number_claims(text).into_iter().map(|claim| (claim.value, claim.unit)).collect()
    }

    #[test]
    fn reads_values_and_units() {
        for (text, value, unit) in [
            ("38 hours", "38", Unit::Hours),
            ("38h", "38", Unit::Hours),
            ("38 Stunden mit", "38", Unit::Hours),
            ("zu 64\u{202f}% aus", "64", Unit::Percent),
            ("1,200 grams", "1200", Unit::Grams),
            ("1.200 Gramm", "1200", Unit::Grams),
            ("4,50 €", "4.5", Unit::Money),
            ("£64", "64", Unit::Money),
            ("0.5 m", "0.5", Unit::Metres),
            ("5 Werktagen", "5", Unit::Days),
            ("7 parts.", "7", Unit::Other),
        ] {
            assert_eq!(claims(text), [(value.to_owned(), unit)], "{text}");
        }
    }

    #[test]
    fn names_are_no_claims() {
        assert!(number_claims("IP67, USB3 and Wren2").is_empty());
    }

    #[test]
    fn a_full_stop_ends_a_number() {
        assert_eq!(
            claims("It costs £64. 10 years later."),
            [("64".to_owned(), Unit::Money), ("10".to_owned(), Unit::Years),]
        );
    }

    #[test]
    fn units_that_contradict_prove_nothing() {
        let first = |text| number_claims(text).into_iter().next().unwrap();
        assert!(first("38h").is_proved_by(&first("38 Stunden")));
        assert!(first("7 parts").is_proved_by(&first("7 Teile")));
        assert!(!first("38 %").is_proved_by(&first("38 hours")));
        assert!(!first("38 days").is_proved_by(&first("38 hours")));
        assert!(!first("64").is_proved_by(&first("£64")));
    }
}
