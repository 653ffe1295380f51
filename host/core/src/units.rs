//! Units as types, and how people write them. A bare number never means bytes, tokens or time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

macro_rules! count {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The sum; stays at the largest value where it would not fit.
            #[must_use]
            pub fn plus(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference; stays at zero where it would be negative.
            #[must_use]
            pub fn minus(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
    };
}

count!(
    /// A number of bytes. People write `64 MiB`, `512 KiB`, `1 GiB`, `200 B`.
    Bytes
);
count!(
    /// A number of model tokens, input and output together.
    Tokens
);
count!(
    /// A number of requests that leave the host.
    Calls
);

impl Bytes {
    /// `n` KiB.
    #[must_use]
    pub const fn kib(n: u64) -> Self {
        Self(n * 1024)
    }

    /// `n` MiB.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n * 1024 * 1024)
    }

    /// Reads `64 MiB`, `512 KiB`, `1 GiB`, `200 B`. Decimal units are refused
    /// rather than guessed at.
    ///
    /// # Errors
    /// [`NotAQuantity`] where the text has another form.
    pub fn parse(text: &str) -> Result<Self, NotAQuantity> {
        let scale = |unit: &str| match unit {
            "B" => Some(1),
            "KiB" => Some(1024),
            "MiB" => Some(1024 * 1024),
            "GiB" => Some(1024 * 1024 * 1024),
            _ => None,
        };
        quantity(text, scale, "a size such as \"64 MiB\" (B, KiB, MiB, GiB)").map(Self)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        for (scale, unit) in units {
            if self.0 >= scale {
                return if self.0.is_multiple_of(scale) {
                    write!(f, "{} {unit}", self.0 / scale)
                } else {
                    // One decimal is for people; exact values stand in facts.
                    write!(f, "{:.1} {unit}", self.0 as f64 / scale as f64)
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0)
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls", self.0)
    }
}

/// A text that is no quantity with a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAQuantity {
    /// It has another form.
    #[error("{text:?} is not {expected}")]
    Form {
        /// Its beginning.
        text: String,
        /// With an example.
        expected: &'static str,
    },
    /// It has the form, and is more than can be counted.
    #[error("{text:?} is too large: at most {most} can be written")]
    TooLarge {
        /// Its beginning.
        text: String,
        /// The most, as people write it.
        most: String,
    },
}

impl NotAQuantity {
    pub(crate) fn of(text: &str, expected: &'static str) -> Self {
        Self::Form { text: beginning(text), expected }
    }

    pub(crate) fn too_large(text: &str, most: String) -> Self {
        Self::TooLarge { text: beginning(text), most }
    }
}

/// Reads `5 s`, `500 ms`, `10 min`, `48 h`.
///
/// # Errors
/// [`NotAQuantity`] where the text has another form.
pub fn parse_duration(text: &str) -> Result<Duration, NotAQuantity> {
    let scale = |unit: &str| match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    quantity(text, scale, "a duration such as \"30 s\" (ms, s, min, h)").map(Duration::from_millis)
}

/// Writes a duration the way [`parse_duration`] reads it.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    match millis {
        0 => "0 ms".into(),
        m if m.is_multiple_of(3_600_000) => format!("{} h", m / 3_600_000),
        m if m.is_multiple_of(60_000) => format!("{} min", m / 60_000),
        m if m.is_multiple_of(1_000) => format!("{} s", m / 1_000),
        m => format!("{m} ms"),
    }
}

/// Digits (with `_` between them allowed), one optional space, a unit.
fn quantity(
    text: &str,
    scale: impl Fn(&str) -> Option<u64>,
    expected: &'static str,
) -> Result<u64, NotAQuantity> {
    let wrong = || NotAQuantity::of(text, expected);
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '_').ok_or_else(wrong)?;
    let (digits, unit) = text.split_at(split);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let scale = scale(unit).ok_or_else(wrong)?;
    let digits = digits.replace('_', "");
    if digits.is_empty() {
        return Err(wrong());
    }
    // Digits alone: what does not parse is too many of them.
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(scale))
        .ok_or_else(|| NotAQuantity::too_large(text, format!("{} {unit}", u64::MAX / scale)))
}

/// As much of a text as is shown.
fn beginning(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time from `earlier` to this, zero where that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A day of the calendar (UTC), counted from 1970-01-01: the days of budgets.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Day(pub u64);

/// Milliseconds of a day; leap seconds are not counted in such times.
const DAY_MILLIS: u64 = 24 * 3600 * 1000;

impl Day {
    /// The day of a point in time.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.0 / DAY_MILLIS)
    }

    /// When it begins, at midnight UTC.
    #[must_use]
    pub fn begins(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(DAY_MILLIS))
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_trip() {
        for text in ["64 MiB", "512 KiB", "1 GiB", "200 B"] {
            assert_eq!(Bytes::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Bytes(1536).to_string(), "1.5 KiB");
    }

    #[test]
    fn refuses_bare_numbers_and_decimal_units() {
        for text in ["64", "64 MB", "MiB", "-1 B", "99999999999999999999 B", "20000000000 GiB"] {
            assert!(Bytes::parse(text).is_err(), "{text}");
        }
        for text in ["5", "5 sec", "1.5 s", ""] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_begin_at_midnight_utc() {
        let midnight = Timestamp(1_795_305_600_000);
        let day = Day::of(midnight);
        assert_eq!((day.begins(), Day::of(Timestamp(midnight.0 - 1)).next()), (midnight, day));
    }

    #[test]
    fn durations_round_trip() {
        for text in ["500 ms", "30 s", "10 min", "48 h"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
    }
}
