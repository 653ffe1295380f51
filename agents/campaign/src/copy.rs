//! What research found and what was written from it. It does not know how either
//! came about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::language;

/// A statement that texts may use, with the document that proves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What texts cite. The same statement in two languages has one id.
    pub id: String,
    /// One sentence.
    pub text: String,
    /// The document it is from.
    pub source: String,
    /// The language of the text, empty where the document does not say.
    #[serde(default)]
    pub lang: String,
    /// What it is about: the heading it stands under.
    #[serde(default)]
    pub topic: String,
    /// How well it fits the brief; comparable within one answer only.
    #[serde(default)]
    pub score: f64,
}

/// Something learnt from past campaigns. It steers texts and never appears in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Insight {
    /// What was learnt.
    pub text: String,
    /// The document it is from.
    pub source: String,
    /// How well it did beside its neighbours: 1.0 is average, and what a note counts.
    #[serde(default = "average")]
    pub score: f64,
}

fn average() -> f64 {
    1.0
}

/// What research hands to everyone after it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Research {
    /// What texts may say.
    pub facts: Vec<Fact>,
    /// What past campaigns taught.
    #[serde(default)]
    pub insights: Vec<Insight>,
    /// How the brand writes.
    #[serde(default)]
    pub voice: Vec<String>,
    /// Words that send a text back to its writer.
    #[serde(default)]
    pub banned: Vec<String>,
    /// Words that end a text.
    #[serde(default)]
    pub forbidden: Vec<String>,
    /// A few sentences for people.
    #[serde(default)]
    pub summary: String,
}

impl Research {
    /// The facts to use in a locale: those of its language and those of none; where
    /// that leaves nothing, all, since a foreign fact is still a true one.
    #[must_use]
    pub fn facts_for(&self, locale: &str) -> Vec<&Fact> {
        let wanted = language(locale);
        let own: Vec<_> =
            self.facts.iter().filter(|fact| fact.lang.is_empty() || fact.lang == wanted).collect();
        if own.is_empty() { self.facts.iter().collect() } else { own }
    }
}

/// One finished text for one locale and channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Copy {
    /// The line in the picture.
    pub headline: String,
    /// The text beside the picture.
    pub body: String,
    /// What the button says.
    pub cta: String,
    /// The ids of the facts that the text uses.
    pub facts: Vec<String>,
    /// BCP 47 tag of the language it is written in.
    pub locale: String,
    /// Where it will be read.
    pub channel: String,
}

impl Copy {
    /// Everything that readers see, as one text.
    #[must_use]
    pub fn all_text(&self) -> String {
        format!("{}\n{}\n{}", self.headline, self.body, self.cta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(id: &str, lang: &str) -> Fact {
        Fact {
            id: id.into(),
            text: format!("text of {id} {lang}"),
            source: "sheet.md".into(),
            lang: lang.into(),
            topic: String::new(),
            score: 1.0,
        }
    }

    #[test]
    fn a_locale_gets_the_facts_of_its_language() {
        let research = Research {
            facts: vec![fact("A", "en"), fact("A", "de"), fact("B", "")],
            ..Research::default()
        };
        let german: Vec<_> =
            research.facts_for("de-DE").iter().map(|fact| fact.text.clone()).collect();
        assert_eq!(german, ["text of A de", "text of B "]);
    }

    #[test]
    fn a_locale_without_facts_gets_all() {
        let research = Research { facts: vec![fact("A", "en")], ..Research::default() };
        assert_eq!(research.facts_for("fr-FR").len(), 1);
    }
}
