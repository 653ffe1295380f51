//! Days as people write them: `2026-11-23`. Knows no time zone but UTC, and no clock.

use std::fmt;

use crate::units::Day;

/// A text that is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a day: it must be a date such as \"2026-11-23\"")]
pub struct NotADay;

impl Day {
    /// Reads `2026-11-23`: a day that the calendar has, from 1970 on.
    ///
    /// # Errors
    /// [`NotADay`].
    pub fn parse(text: &str) -> Result<Self, NotADay> {
        let (year, rest) = text.split_once('-').ok_or(NotADay)?;
        let (month, day) = rest.split_once('-').ok_or(NotADay)?;
        let year = number::<4>(year)?;
        let day = Self(days(year, number::<2>(month)?, number::<2>(day)?).ok_or(NotADay)?);
        // The 31st of a month with 30 days is a day of the next one.
        if day.to_string() == text { Ok(day) } else { Err(NotADay) }
    }
}

fn number<const DIGITS: usize>(text: &str) -> Result<u64, NotADay> {
    let plain = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or(NotADay)
}

/// Days from 1970-01-01: the usual algorithm over eras of 400 years that begin in March. A
/// crate of calendars for two functions would be more to read.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let (year, shifted) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    days.checked_sub(719_468)
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.saturating_add(719_468);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year + era * 400 + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (day, text) in [
            (0, "1970-01-01"),
            (11_015, "2000-02-28"),
            (11_016, "2000-02-29"),
            (20_780, "2026-11-23"),
        ] {
            assert_eq!(Day(day).to_string(), text);
            assert_eq!(Day::parse(text), Ok(Day(day)));
        }
        for day in (0..200_000).step_by(17) {
            assert_eq!(Day::parse(&Day(day).to_string()), Ok(Day(day)));
        }
    }

    #[test]
    fn what_no_calendar_has_is_no_day() {
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-00-01",
            "2026-02-30",
            "2025-02-29",
            "2026-1-1",
            "1969-12-31",
            "2026-11-23T00",
            "+026-11-23",
            "2026-11-00",
            "٢٠٢٦-١١-٢٣",
        ] {
            assert_eq!(Day::parse(text), Err(NotADay), "{text}");
        }
    }
}
