//! Money as whole billionths of one currency, and how people write it. Which currency that is stands in a project's files, not in each amount.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::{NotAQuantity, Tokens};

/// Billionths of one unit of the currency: a token of the cheapest models costs about
/// ten of them, and `u64` holds eighteen thousand million units.
const NANOS: u64 = 1_000_000_000;

/// Prices of tokens are for so many.
const PRICED_TOKENS: u128 = 1_000_000;

/// An amount of money in billionths (nano-units) of the project's one currency.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(pub u64);

/// A currency by its three letters (ISO 4217), as `USD`. It is compared, never converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Whether it is nothing: such amounts are not written down, so that facts from
    /// before there was money keep their text.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The sum; stays at the largest amount where it would not fit.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference; stays at zero where it would be negative.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many times this.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// What so many tokens cost where this is the price of a million: rounded up, so
    /// that a sum of calls is never above the sum of their charges.
    #[must_use]
    pub fn for_tokens(self, tokens: Tokens) -> Self {
        let nanos = (u128::from(self.0) * u128::from(tokens.0)).div_ceil(PRICED_TOKENS);
        Self(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Reads `1.00 USD`, `0.04 USD`, `1_000 EUR`: at most nine decimals, one currency.
    ///
    /// # Errors
    /// [`NotAQuantity`] where the text has another form or is too large.
    pub fn parse(text: &str) -> Result<(Self, Currency), NotAQuantity> {
        let wrong =
            || NotAQuantity::of(text, "an amount such as \"1.50 USD\" (three capital letters)");
        let split = text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '_' | '.'));
        let (number, currency) =
            text.split_at_checked(split.ok_or_else(wrong)?).ok_or_else(wrong)?;
        let currency =
            Currency::parse(currency.strip_prefix(' ').unwrap_or(currency)).map_err(|_| wrong())?;
        let (whole, part) = match number.split_once('.') {
            Some((whole, part)) if !part.is_empty() => (whole, part),
            Some(_) => return Err(wrong()),
            None => (number, ""),
        };
        if part.len() > 9 || part.contains('_') {
            return Err(wrong());
        }
        let whole = whole.replace('_', "");
        let nanos: u64 = format!("{part:0<9}").parse().map_err(|_| wrong())?;
        if whole.is_empty() || !whole.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(wrong());
        }
        // Digits alone: what does not parse is too many of them.
        let whole: Option<u64> = whole.parse().ok();
        let sum = whole
            .and_then(|whole| whole.checked_mul(NANOS))
            .and_then(|units| units.checked_add(nanos));
        let most = || Self(u64::MAX / NANOS * NANOS).show(Some(currency));
        Ok((Self(sum.ok_or_else(|| NotAQuantity::too_large(text, most()))?), currency))
    }

    /// As people write it with its currency; where none is known, the number alone.
    #[must_use]
    pub fn show(self, currency: Option<Currency>) -> String {
        match currency {
            Some(currency) => format!("{self} {currency}"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Money {
    /// At least two decimals, and no more than it takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:09}", self.0 % NANOS);
        let used = part.trim_end_matches('0').len().max(2);
        f.pad(&format!("{}.{}", self.0 / NANOS, part.get(..used).unwrap_or(&part)))
    }
}

impl Currency {
    /// Reads three capital letters.
    ///
    /// # Errors
    /// [`NotAQuantity`] where the text is anything else.
    pub fn parse(text: &str) -> Result<Self, NotAQuantity> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(NotAQuantity::of(text, "a currency such as \"USD\"")),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.0).unwrap_or("???"))
    }
}

impl TryFrom<String> for Currency {
    type Error = NotAQuantity;

    fn try_from(text: String) -> Result<Self, NotAQuantity> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_round_trip() {
        for (text, nanos) in [
            ("1.00 USD", 1_000_000_000),
            ("0.04 USD", 40_000_000),
            ("0.000000001 EUR", 1),
            ("1234.125 EUR", 1_234_125_000_000),
        ] {
            let (money, currency) = Money::parse(text).unwrap();
            assert_eq!((money.0, money.show(Some(currency)).as_str()), (nanos, text));
        }
        assert_eq!(Money::parse("1_000USD").unwrap().0, Money(1_000_000_000_000));
        assert_eq!(Money::parse("3 USD").unwrap().0.to_string(), "3.00");
    }

    #[test]
    fn refuses_what_could_mean_something_else() {
        for text in [
            "",
            "1",
            "1.00",
            "USD",
            "1,00 USD",
            "-1 USD",
            "1. USD",
            ".5 USD",
            "1.0000000001 USD",
            "1 usd",
            "1 US",
            "1 USDT",
            "1  USD",
            "$1",
            "1.2.3 USD",
            "1.0_0 USD",
            "1 €",
            "18446744074 USD",
        ] {
            assert!(Money::parse(text).is_err(), "{text}");
        }
        let large = Money::parse("9223372036854 USD").unwrap_err().to_string();
        assert_eq!(
            large,
            "\"9223372036854 USD\" is too large: at most 18446744073.00 USD can be written"
        );
        assert!(Money::parse("18446744073.00 USD").is_ok());
    }

    #[test]
    fn tokens_are_priced_by_the_million_and_rounded_up() {
        let (price, _) = Money::parse("3 USD").unwrap();
        assert_eq!(price.for_tokens(Tokens(1_000_000)), price);
        assert_eq!(price.for_tokens(Tokens(1)), Money(3_000));
        assert_eq!(Money(1).for_tokens(Tokens(1)), Money(1), "never for nothing");
        assert_eq!(Money(u64::MAX).for_tokens(Tokens(u64::MAX)), Money(u64::MAX));
    }

    #[test]
    fn a_currency_is_a_word_in_json() {
        let (_, currency) = Money::parse("1 USD").unwrap();
        assert_eq!(serde_json::to_string(&currency).unwrap(), "\"USD\"");
        assert!(serde_json::from_str::<Currency>("\"usd\"").is_err());
    }
}
