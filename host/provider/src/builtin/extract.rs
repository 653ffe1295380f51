//! A text in short: its weightiest sentences, in their order. Knows no brief.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::wording::{closed, fit, is_content, length, sentences, tidy, words};

/// The sentences with the most frequent words, as many as fit.
pub(super) fn extract(text: &str, max: usize) -> String {
    let text = tidy(text);
    let lower = text.to_lowercase();
    let mut counts = BTreeMap::<&str, usize>::new();
    for word in words(&lower).filter(|word| is_content(word)) {
        *counts.entry(word).or_default() += 1;
    }
    let weight = |sentence: &str| {
        let lower = sentence.to_lowercase();
        let known: Vec<usize> =
            words(&lower).filter_map(|word| counts.get(word).copied()).collect();
        known.iter().sum::<usize>() * 100 / known.len().max(1)
    };
    let mut ranked: Vec<(usize, String)> = sentences(&text).into_iter().enumerate().collect();
    ranked.sort_by_key(|(place, sentence)| (Reverse(weight(sentence)), *place));
    let mut left = max;
    ranked.retain(|(_, sentence)| {
        let needed = length(&closed(sentence)) + 1;
        let fits = needed <= left + 1;
        left = if fits { left.saturating_sub(needed) } else { left };
        fits
    });
    ranked.sort_by_key(|(place, _)| *place);
    let kept: Vec<String> = ranked.into_iter().map(|(_, sentence)| closed(&sentence)).collect();
    if kept.is_empty() { fit(&text, max) } else { kept.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_said_most() {
        let text =
            "Lunch was good. The light shines for hours. A light should be simple. It rained";
        assert_eq!(extract(text, 60), "The light shines for hours. A light should be simple.");
        assert_eq!(extract(text, 200), format!("{text}."));
        assert_eq!(extract("One very long sentence without an end", 12), "One very");
        for max in 1..80 {
            assert!(length(&extract(text, max)) <= max, "{max}");
        }
    }
}
