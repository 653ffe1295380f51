//! Times of repetitions as a benchmark prints them: percentiles, and a line with the median, the least and the most. Measures nothing.

use std::time::Duration;

/// In milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A percentile of times in any order; no number where there are none.
pub(crate) fn at(times: &[f64], percent: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or(f64::NAN)
}

/// One line: the median of the repetitions, the least and the most.
pub(crate) fn line(name: &str, unit: &str, repetitions: Vec<f64>) {
    let [median, least, most] = [50, 0, 100].map(|percent| at(&repetitions, percent));
    println!("  {name:<46} {median:>9.3} {unit:<4} [{least:.3} to {most:.3}]");
}
