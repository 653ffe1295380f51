//! What feedback asks for, as far as a rule can tell. The rest of it goes to the model
//! as it was said.

use campaign::{Feedback, contains_term};

/// Rules whose messages quote the words that have to go.
const QUOTING_RULES: &[&str] = &["banned-term", "forbidden-term", "superlative", "unsourced-claim"];

/// What the next version has to do differently.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// How often somebody asked for less.
    pub(crate) shorter: usize,
    /// Words that a judge quoted as wrong: nothing that has them is offered again.
    pub(crate) without: Vec<String>,
    /// How often somebody asked for something that no rule here understands.
    pub(crate) other: usize,
}

impl Wishes {
    pub(crate) fn of(feedback: &[Feedback]) -> Self {
        let mut wishes = Self::default();
        for entry in feedback {
            let asked = entry.wants_less();
            wishes.shorter += usize::from(asked);
            let known = wishes.without.len();
            for objection in &entry.reasons {
                let rule = objection.rule.as_deref().unwrap_or_default();
                if QUOTING_RULES.contains(&rule) {
                    let message = objection.message.as_deref().unwrap_or_default();
                    wishes.without.extend(quoted(message));
                }
            }
            wishes.other += usize::from(!asked && wishes.without.len() == known);
        }
        wishes.without.sort();
        wishes.without.dedup();
        wishes
    }

    /// Whether a text has none of the words that have to go.
    pub(crate) fn allow(&self, text: &str) -> bool {
        !self.without.iter().any(|term| contains_term(text, term))
    }
}

fn quoted(message: &str) -> Option<String> {
    let (_, rest) = message.split_once('“')?;
    let (inside, _) = rest.split_once('”')?;
    (!inside.trim().is_empty()).then(|| inside.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feedback(json: &str) -> Vec<Feedback> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn hears_what_has_to_go() {
        let wishes = Wishes::of(&feedback(
            r#"[{"by":"claims","reasons":[
                {"rule":"superlative","message":"No cited fact proves “best”."},
                {"rule":"uncited-claim","message":"“38 hours” is proved by W01."}]}]"#,
        ));
        assert_eq!((wishes.without.as_slice(), wishes.other), (["best".to_owned()].as_slice(), 0));
        assert!(!wishes.allow("Mit dem besten Licht."));
        assert!(wishes.allow("Du fährst weiter."));
    }

    #[test]
    fn hears_who_wants_less() {
        let wishes = Wishes::of(&feedback(
            r#"[{"reasons":[{"message":"Eine Zahl genügt. Bitte kürzer."}]},
                {"reasons":[{"message":"Warmer."}]},
                {"reasons":[{"message":"Still too long"}]}]"#,
        ));
        assert_eq!((wishes.shorter, wishes.other), (2, 1));
    }
}
