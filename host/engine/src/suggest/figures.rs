//! How what was used becomes a number that people write down: the headroom, and the rounding. Knows no power.

use std::time::Duration;

use bailiwick_core::Bytes;

/// The rule of `count`, as it is told.
pub const COUNT_RULE: &str =
    "half as much again as the most of one run, rounded up to 1, 2 or 5 and zeros";
/// The rule of `size`, as it is told.
pub const SIZE_RULE: &str = "twice the largest, rounded up to a power of two, 64 KiB at least";
/// The rule of `time`, as it is told.
pub const TIME_RULE: &str = "four times the most, rounded up to 1, 2 or 5 and zeros, 1 s at least";

/// The smallest size that is proposed: below it a bound says nothing about harm, and the
/// next headline that is a little longer runs into it.
const SIZE_MIN: Bytes = Bytes(64 * 1024);
/// The shortest time that is proposed: on a busy virtual machine a few milliseconds of work
/// are counted as some hundreds.
const TIME_MIN_MILLIS: u64 = 1_000;

/// A bound for what was counted; nothing stays nothing.
#[must_use]
pub(super) fn count(used: u64) -> u64 {
    round(used.saturating_add(used.div_ceil(2)))
}

/// A bound for sizes of one thing.
#[must_use]
pub(super) fn size(largest: Bytes) -> Bytes {
    let double = largest.0.saturating_mul(2).max(SIZE_MIN.0);
    Bytes(double.checked_next_power_of_two().unwrap_or(u64::MAX))
}

/// A bound for time that guest code runs. Machines differ more than runs do.
#[must_use]
pub(super) fn time(most: Duration) -> Duration {
    let millis = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(round(millis.saturating_mul(4).max(TIME_MIN_MILLIS)))
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn round(number: u64) -> u64 {
    if number == 0 {
        return 0;
    }
    let mut scale: u64 = 1;
    loop {
        for step in [1, 2, 5] {
            match scale.checked_mul(step) {
                Some(candidate) if candidate >= number => return candidate,
                Some(_) => {}
                None => return u64::MAX,
            }
        }
        let Some(next) = scale.checked_mul(10) else { return u64::MAX };
        scale = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_people_write() {
        let counts = [0, 1, 2, 3, 4, 13, 14, 33, 67, 12_345, u64::MAX];
        let expected = [0, 2, 5, 5, 10, 20, 50, 50, 200, 20_000, u64::MAX];
        assert_eq!(counts.map(count), expected);
        assert_eq!([0, 9, 40_000, 70_000].map(|n| size(Bytes(n)).0 / 1024), [64, 64, 128, 256]);
        assert_eq!(
            [0, 30, 1_100].map(|n| time(Duration::from_millis(n)).as_millis()),
            [1_000, 1_000, 5_000]
        );
    }

    #[test]
    fn headroom_never_takes_away() {
        for number in (0..2_000).chain([u64::MAX / 4, u64::MAX - 1]) {
            assert!(count(number) >= number && size(Bytes(number)).0 >= number, "{number}");
        }
    }
}
