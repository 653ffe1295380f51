//! Reads what past campaigns taught: notes as they stand, table rows with how well they
//! did beside their neighbours. It does not search and draws no conclusion.

use bailiwick::knowledge::Passage;
use campaign::{Insight, fit, tidy};

use crate::passage::heading_of;

/// Lessons kept over all channels.
const LESSONS: usize = 30;
/// A lesson is a note, not a report; in characters.
const LESSON_CHARS: usize = 400;
/// What a note counts that carries no figure: as much as an average row.
const AVERAGE: f64 = 1.0;

/// The lessons in the order found.
pub(crate) fn read(passages: Vec<Passage>) -> Vec<Insight> {
    let rates: Vec<(String, f64)> = passages.iter().filter_map(rate).collect();
    passages
        .into_iter()
        .take(LESSONS)
        .map(|passage| Insight {
            text: fit(&with_heading(&passage), LESSON_CHARS),
            score: success(&passage, &rates),
            source: passage.document,
        })
        .collect()
}

/// The heading says which channel a note is about, so it stays with the note.
fn with_heading(passage: &Passage) -> String {
    let text = tidy(&passage.text.replace('#', " "));
    let heading = heading_of(passage);
    if heading.is_empty() || text.starts_with(&heading) {
        text
    } else {
        format!("{heading}: {text}")
    }
}

/// The click rate of a row beside the mean of its channel, in hundredths.
fn success(passage: &Passage, rates: &[(String, f64)]) -> f64 {
    let Some((channel, own)) = rate(passage) else { return AVERAGE };
    let of_channel: Vec<f64> =
        rates.iter().filter(|(one, _)| *one == channel).map(|(_, rate)| *rate).collect();
    let mean = of_channel.iter().sum::<f64>() / of_channel.len().max(1) as f64;
    if mean > 0.0 { (own / mean * 100.0).round() / 100.0 } else { AVERAGE }
}

/// Channel and click rate of a row such as `channel: web; ctr_percent: 4.8`.
fn rate(passage: &Passage) -> Option<(String, f64)> {
    let cells = || passage.text.split(';').filter_map(|cell| cell.split_once(':'));
    let named = |name: &str| {
        cells()
            .find(|(column, _)| column.trim().to_lowercase().starts_with(name))
            .map(|(_, v)| v.trim())
    };
    let rate: f64 = named("ctr")?.trim_end_matches('%').trim().parse().ok()?;
    Some((named("channel")?.to_lowercase(), rate)).filter(|_| rate.is_finite() && rate >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_weighed_within_their_channel() {
        let rows = [
            "channel: web; angle: battery; ctr_percent: 6",
            "channel: web; angle: price; ctr_percent: 2",
            "channel: instagram; angle: repair; ctr_percent: 1",
            "Repair first.",
        ];
        let lessons = read(rows.into_iter().map(Passage::from).collect());
        let scores: Vec<f64> = lessons.iter().map(|lesson| lesson.score).collect();
        assert_eq!(scores, [1.5, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_note_keeps_its_heading() {
        let mut note: Passage = "Repair first.".into();
        note.metadata.insert("heading".into(), "Spring > Instagram".into());
        assert_eq!(read(vec![note])[0].text, "Instagram: Repair first.");
    }

    #[test]
    fn figures_that_are_none_count_as_average() {
        for row in
            ["channel: web; ctr: many", "ctr: 3", "channel: web; ctr: -1", "channel: web; ctr: NaN"]
        {
            assert_eq!(read(vec![row.into()])[0].score, AVERAGE, "{row}");
        }
    }
}
