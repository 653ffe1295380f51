//! `[retention]`: how long a project keeps its runs and their values. Deletes nothing.

use std::time::Duration;

use crate::entries::Entries;

/// The longest time that can be asked for: a century, which every calendar still counts.
pub(crate) const DAYS_MAX: u32 = 36_500;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long after its end a run is kept. Unset: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The run with everything of it.
    pub runs: Option<Duration>,
    /// Its inputs, outputs, answers and artifacts; its facts stay, with their digests.
    pub values: Option<Duration>,
}

impl Retention {
    pub(crate) fn of(table: Entries<'_, '_>) -> Self {
        let time = |key: &str| Some(days(table.text(key)?.get_ref())? * DAY);
        Self { runs: time("runs"), values: time("values") }
    }
}

/// `90 days` as 90. Whole days, and at least one: what was spent today must be known today.
pub(crate) fn days(text: &str) -> Option<u32> {
    let (number, unit) = text.split_once(' ')?;
    let days: u32 = number.parse().ok().filter(|_| number.bytes().all(|b| b.is_ascii_digit()))?;
    let one = days == 1 && unit == "day";
    ((one || unit == "days") && (1..=DAYS_MAX).contains(&days)).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_from_one_to_a_century() {
        for (text, want) in [("1 day", 1), ("1 days", 1), ("90 days", 90), ("36500 days", 36_500)] {
            assert_eq!(days(text), Some(want));
        }
        for text in [
            "0 days",
            "2 day",
            "90",
            "90days",
            "90 d",
            "-1 days",
            "+1 days",
            "36501 days",
            "1.5 days",
        ] {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
