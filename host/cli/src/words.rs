//! How counts, costs and times are put into words, the same everywhere.

use std::time::Duration;

use bailiwick_core::fact::PauseReason;
use bailiwick_core::{Cost, Currency, Money, Timestamp};

/// `1 cell`, `7 cells`.
pub(crate) fn many(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}

/// `12 calls, 8 412 tokens, 0.12 USD`, money only where there was any; nothing was
/// spent: `no calls`.
pub(crate) fn cost(cost: Cost, currency: Option<Currency>) -> String {
    let money = match cost.money {
        Money::ZERO => String::new(),
        // Runs of older versions do not say which it is.
        money if currency.is_none() => format!(", money {money}"),
        money => format!(", {}", money.show(currency)),
    };
    match cost.calls.0 {
        0 if cost.tokens.0 == 0 && money.is_empty() => "no calls".into(),
        1 => format!("1 call, {} tokens{money}", grouped(cost.tokens.0)),
        calls => format!("{} calls, {} tokens{money}", grouped(calls), grouped(cost.tokens.0)),
    }
}

/// Why a run rests, and who can change that: only a drained one, and one that waits for the
/// next day, go on by themselves where a host stays.
pub(crate) fn rests(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Operator => "until somebody resumes it",
        PauseReason::Budget => "until a budget is raised",
        PauseReason::Day => "until midnight UTC",
        PauseReason::Disk => "until there is room on the disk",
        PauseReason::Drain => "until its host is back",
    }
}

/// `8 412 931`, with gaps for the eye; scripts have `--json`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

/// `0.4 s`, `12 s`, `3 min 04 s`, `2 h 05 min`.
pub(crate) fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `2026-11-22T12:05:07Z`.
pub(crate) fn instant(at: Timestamp) -> String {
    let seconds = at.0 / 1000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day counted from 1970-01-01: the usual algorithm over eras of 400
/// years that begin in March. A crate of calendars for one line would be more to read.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use bailiwick_core::{Calls, Tokens};

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (millis, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399_999, "2000-02-28T23:59:59Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_348_800_000, "2026-11-22T12:00:00Z"),
        ] {
            assert_eq!(instant(Timestamp(millis)), shown);
        }
    }

    #[test]
    fn counts_and_times_read_well() {
        assert_eq!(
            cost(Cost { tokens: Tokens(8_412_931), calls: Calls(12), ..Cost::ZERO }, None),
            "12 calls, 8 412 931 tokens"
        );
        let paid = Cost { tokens: Tokens(70), calls: Calls(1), money: Money(12_500_000) };
        let usd = Currency::parse("USD").ok();
        assert_eq!(cost(paid, usd), "1 call, 70 tokens, 0.0125 USD");
        assert_eq!(cost(Cost::ZERO, usd), "no calls");
        for (millis, shown) in
            [(400, "0.4 s"), (12_000, "12 s"), (184_000, "3 min 04 s"), (7_500_000, "2 h 05 min")]
        {
            assert_eq!(elapsed(Duration::from_millis(millis)), shown);
        }
    }
}
