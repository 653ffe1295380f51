//! The rules themselves: what in a text needs a source, and whether it has one. It
//! does not know how objections become a verdict.

use campaign::{Copy, Fact, NumberClaim, Reason, contains_term, find_terms, number_claims};

/// Words that claim a rank or a certainty. Inflected forms are found too, so one form
/// of each is enough.
const SUPERLATIVES: &[&str] = &[
    "best",
    "brightest",
    "lightest",
    "strongest",
    "fastest",
    "safest",
    "cheapest",
    "toughest",
    "finest",
    "no. 1",
    "#1",
    "number one",
    "leading",
    "world's first",
    "guaranteed",
    "guarantee",
    "unique",
    "unrivalled",
    "unmatched",
    "perfect",
    "hellste",
    "leichteste",
    "stärkste",
    "schnellste",
    "sicherste",
    "günstigste",
    "feinste",
    "nr. 1",
    "nummer eins",
    "führend",
    "weltweit einzig",
    "einzigartig",
    "garantiert",
    "garantie",
    "konkurrenzlos",
    "perfekt",
    "meilleur",
    "numéro un",
    "garanti",
    "mejor",
    "número uno",
    "garantizado",
];

/// Objections to words that the guidelines list.
pub(crate) fn listed_words(text: &str, words: &[String], rule: &str) -> Vec<Reason> {
    find_terms(text, words)
        .into_iter()
        .map(|term| Reason {
            rule: rule.to_owned(),
            message: format!("The guidelines rule out “{term}”."),
            fix: "Say it without this word.".to_owned(),
        })
        .collect()
}

/// Objections to citations of facts that research did not find.
pub(crate) fn unknown_sources(copy: &Copy, facts: &[Fact]) -> Vec<Reason> {
    copy.facts
        .iter()
        .filter(|id| !facts.iter().any(|fact| fact.id == **id))
        .map(|id| Reason {
            rule: "unknown-source".to_owned(),
            message: format!("The text cites {id}, which research did not find."),
            fix: "Cite the facts by the ids they were given with.".to_owned(),
        })
        .collect()
}

/// Objections to numbers that no cited fact proves.
pub(crate) fn unproved_numbers(text: &str, copy: &Copy, facts: &[Fact]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for claim in number_claims(text) {
        let reason = match proof_of(&claim, copy, facts) {
            Proof::Cited => continue,
            Proof::Uncited(id) => Reason {
                rule: "uncited-claim".to_owned(),
                message: format!(
                    "“{}” is proved by {id}, which the text does not cite.",
                    claim.shown
                ),
                fix: format!("Cite {id}."),
            },
            Proof::None => Reason {
                rule: "unsourced-claim".to_owned(),
                message: format!("No fact that research found proves “{}”.", claim.shown),
                fix: "Leave the number out, or use one that a fact states.".to_owned(),
            },
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

/// Objections to superlatives that no cited fact uses.
pub(crate) fn unproved_superlatives(text: &str, copy: &Copy, facts: &[Fact]) -> Vec<Reason> {
    SUPERLATIVES
        .iter()
        .filter(|term| contains_term(text, term))
        .filter(|term| !cited(copy, facts).any(|fact| contains_term(&fact.text, term)))
        .map(|term| Reason {
            rule: "superlative".to_owned(),
            message: format!("No cited fact proves “{term}”."),
            fix: "Say what the product does instead of how it ranks.".to_owned(),
        })
        .collect()
}

enum Proof {
    Cited,
    Uncited(String),
    None,
}

fn proof_of(claim: &NumberClaim, copy: &Copy, facts: &[Fact]) -> Proof {
    let proves =
        |fact: &&Fact| number_claims(&fact.text).iter().any(|proof| claim.is_proved_by(proof));
    if cited(copy, facts).any(|fact| proves(&fact)) {
        return Proof::Cited;
    }
    facts.iter().find(proves).map_or(Proof::None, |fact| Proof::Uncited(fact.id.clone()))
}

fn cited<'a>(copy: &'a Copy, facts: &'a [Fact]) -> impl Iterator<Item = &'a Fact> {
    facts.iter().filter(|fact| copy.facts.contains(&fact.id))
}
