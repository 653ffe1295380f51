//! Judges copy by rule: listed words, and claims without a source. It asks no model,
//! so the same text always gets the same verdict.

mod rules;

use bailiwick::{Failure, Host};
use campaign::{Copy, Fact, Outcome, Reason, Verdict};
use schemars::JsonSchema;
use serde::Deserialize;

/// What one objection takes from the score: five make a text worthless.
const COST_OF_A_REASON: f64 = 0.2;

/// A text and what it is judged by.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The text.
    pub subject: Copy,
    /// What research found; the only sources there are.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// Words that send a text back to its writer.
    #[serde(default)]
    pub banned: Vec<String>,
    /// Words that end a text.
    #[serde(default)]
    pub forbidden: Vec<String>,
    /// The product's name: a number in it is no claim.
    #[serde(default)]
    pub product: String,
}

/// Judges copy by rule: listed words, and numbers and superlatives without a source.
///
/// # Errors
/// None: every text has a verdict.
#[bailiwick::agent]
pub fn claims(candidate: Candidate, host: &Host) -> Result<Verdict, Failure> {
    let verdict = judge(&candidate);
    for reason in &verdict.reasons {
        host.log().info(format!("{}: {}", reason.rule, reason.message));
    }
    Ok(verdict)
}

fn judge(candidate: &Candidate) -> Verdict {
    let Candidate { subject, facts, .. } = candidate;
    let text = without_name(&subject.all_text(), &candidate.product);
    let vetoes = rules::listed_words(&text, &candidate.forbidden, "forbidden-term");
    let objections: Vec<Reason> = [
        rules::listed_words(&text, &candidate.banned, "banned-term"),
        rules::unproved_superlatives(&text, subject, facts),
        rules::unproved_numbers(&text, subject, facts),
        rules::unknown_sources(subject, facts),
    ]
    .concat();
    let outcome = match (vetoes.is_empty(), objections.is_empty()) {
        (false, _) => Outcome::Veto,
        (true, false) => Outcome::Revise,
        (true, true) => Outcome::Pass,
    };
    let reasons = [vetoes, objections].concat();
    Verdict { verdict: outcome, score: score(outcome, reasons.len()), reasons }
}

fn score(outcome: Outcome, reasons: usize) -> f64 {
    if outcome == Outcome::Veto {
        return 0.0;
    }
    // Steps of a hundredth keep the figure printable: 0.2 × 3 is not 0.6 in binary.
    let left = 1.0 - COST_OF_A_REASON * f64::from(u32::try_from(reasons).unwrap_or(u32::MAX));
    (left.max(0.0) * 100.0).round() / 100.0
}

fn without_name(text: &str, product: &str) -> String {
    if product.trim().is_empty() { text.to_owned() } else { text.replace(product, " ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;

    fn candidate(body: &str, cited: &[&str]) -> Candidate {
        let fact = |id: &str, text: &str| Fact {
            id: id.into(),
            text: text.into(),
            source: "wren.en.md".into(),
            lang: "en".into(),
            topic: String::new(),
            score: 1.0,
        };
        Candidate {
            subject: Copy {
                headline: "Light for the whole week".into(),
                body: body.into(),
                cta: "See the Wren".into(),
                facts: cited.iter().map(|id| (*id).to_owned()).collect(),
                locale: "en-GB".into(),
                channel: "web".into(),
            },
            facts: vec![
                fact("W01", "Wren shines for 38 hours on one charge."),
                fact("W07", "The housing is made of 64 % recycled aluminium."),
                fact("W13", "Wren is the lightest lamp in the 2026 test by Radwelt."),
            ],
            banned: vec!["ultimate".into(), "eco-friendly".into()],
            forbidden: vec!["unbreakable".into()],
            product: "Duskfinch Wren".into(),
        }
    }

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let input = read(include_str!("../cases/sent_back/input.json"));
        let expected = read(include_str!("../cases/sent_back/expected.json"));
        assert_eq!(Fake::new().perform(claims, &input), Ok(expected));
    }

    #[test]
    fn judges_by_table() {
        for (body, cited, outcome, rules) in [
            ("It shines for 38 hours.", &["W01"][..], Outcome::Pass, &[][..]),
            ("It shines for 38h.", &["W01"], Outcome::Pass, &[]),
            ("A quiet light.", &[], Outcome::Pass, &[]),
            ("The lightest lamp in the test of 2026.", &["W13"], Outcome::Pass, &[]),
            ("It shines for 38 hours.", &[], Outcome::Revise, &["uncited-claim"]),
            ("It shines for 48 hours.", &["W01"], Outcome::Revise, &["unsourced-claim"]),
            ("38 % brighter.", &["W01"], Outcome::Revise, &["unsourced-claim"]),
            ("The best light.", &["W01"], Outcome::Revise, &["superlative"]),
            ("Dein bestes Licht.", &[], Outcome::Revise, &["superlative"]),
            ("The lightest lamp.", &["W01"], Outcome::Revise, &["superlative"]),
            ("The ultimate light.", &[], Outcome::Revise, &["banned-term"]),
            ("A light.", &["W99"], Outcome::Revise, &["unknown-source"]),
            (
                "Unbreakable, for 99 years.",
                &[],
                Outcome::Veto,
                &["forbidden-term", "unsourced-claim"],
            ),
        ] {
            let verdict = judge(&candidate(body, cited));
            let found: Vec<_> = verdict.reasons.iter().map(|r| r.rule.as_str()).collect();
            assert_eq!((verdict.verdict, found.as_slice()), (outcome, rules), "{body}");
        }
    }

    #[test]
    fn a_number_in_the_product_name_is_no_claim() {
        let mut candidate = candidate("Duskfinch 500 is a light.", &[]);
        candidate.product = "Duskfinch 500".into();
        assert_eq!(judge(&candidate).verdict, Outcome::Pass);
    }

    #[test]
    fn the_score_falls_with_each_reason() {
        let three = judge(&candidate("The ultimate, eco-friendly, best light.", &[]));
        assert_eq!((three.reasons.len(), three.score), (3, 0.4));
        assert_eq!(judge(&candidate("Unbreakable.", &[])).score, 0.0);
    }

    #[test]
    fn reasons_reach_the_log() {
        let fake = Fake::new();
        claims(candidate("The best light.", &[]), &fake.host()).unwrap();
        assert_eq!(fake.lines()[0].message, "superlative: No cited fact proves “best”.");
    }
}
