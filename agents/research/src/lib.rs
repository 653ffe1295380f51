//! Finds the facts, the rules and the lessons that a campaign's texts may rest on. It
//! writes no copy and judges none.

mod lesson;
mod passage;
mod search;

use bailiwick::knowledge::Passage;
use bailiwick::{Failure, Host, HostError};
use campaign::{Brief, Fact, Research, tidy};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Facts kept for each language: what a writer can weigh, and what fits a small model.
const FACTS_PER_LANGUAGE: usize = 24;
/// Facts that the summary is written from: a small model reads no more.
const SUMMARY_FACTS: usize = 8;
/// Tokens for a summary of three sentences, with room for the JSON around it.
const SUMMARY_TOKENS: u32 = 400;

/// What to look into.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Assignment {
    /// The campaign's brief.
    pub brief: Brief,
}

/// The summary, as a model gives it.
#[derive(Debug, Deserialize, JsonSchema)]
struct Summary {
    /// Two or three plain sentences: what is advertised, to whom, and which facts speak for it.
    #[schemars(length(min = 1, max = 600))]
    summary: String,
}

/// Finds the facts, the rules and the lessons that a campaign's texts may rest on.
///
/// # Errors
/// `invalid-input` where no document says anything about the product, `refused` where
/// the collections are not granted, `retryable` while the model is unavailable.
#[bailiwick::agent]
pub fn research(assignment: Assignment, host: &Host) -> Result<Research, Failure> {
    let brief = &assignment.brief;
    let passages = search::brand(brief, host)?;
    let mut research = read(brief, &passages);
    if research.facts.is_empty() {
        let reason = format!("brief.product: no document says anything about {}", brief.product);
        return Err(Failure::invalid_input(reason));
    }
    research.insights = lesson::read(search::performance(brief, host)?);
    host.log().info(format!(
        "{} facts, {} lessons, {} words to keep out",
        research.facts.len(),
        research.insights.len(),
        research.banned.len() + research.forbidden.len()
    ));
    research.summary = summary(brief, &research, host)?;
    Ok(research)
}

fn read(brief: &Brief, passages: &[Passage]) -> Research {
    let mut research = Research::default();
    for reading in passages.iter().map(passage::read) {
        research.facts.extend(reading.facts);
        add_new(&mut research.banned, reading.banned);
        add_new(&mut research.forbidden, reading.forbidden);
        add_new(&mut research.voice, reading.voice);
    }
    if research.facts.is_empty() {
        research.facts = prose(brief, passages);
    }
    research.facts = chosen(brief, research.facts);
    research
}

fn add_new(list: &mut Vec<String>, items: Vec<String>) {
    for item in items {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

/// Sentences become facts with the document's name and a running number as id.
fn prose(brief: &Brief, passages: &[Passage]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for passage in passages {
        for mut fact in passage::prose_facts(passage, &brief.product) {
            let stem = passage::stem(&fact.source);
            let number = facts.iter().filter(|one| passage::stem(&one.source) == stem).count() + 1;
            fact.id = format!("{stem}-{number}");
            facts.push(fact);
        }
    }
    facts
}

/// The best facts of each language that the brief needs, in the order of their ids, so
/// that a reader finds them and the same documents give the same list.
fn chosen(brief: &Brief, facts: Vec<Fact>) -> Vec<Fact> {
    let languages = search::languages(brief);
    let wanted = |fact: &Fact| {
        fact.lang.is_empty() || languages.is_empty() || languages.contains(&&*fact.lang)
    };
    let (fitting, foreign): (Vec<_>, Vec<_>) = facts.into_iter().partition(wanted);
    let candidates = if fitting.is_empty() { foreign } else { fitting };
    let mut kept: Vec<Fact> = Vec::new();
    for fact in candidates {
        let of_language = kept.iter().filter(|one| one.lang == fact.lang);
        let full = of_language.clone().count() >= FACTS_PER_LANGUAGE;
        if !full && !of_language.clone().any(|one| one.id == fact.id) {
            kept.push(fact);
        }
    }
    let place = |fact: &Fact| languages.iter().position(|one| *one == fact.lang);
    kept.sort_by(|a, b| (place(a), &a.id).cmp(&(place(b), &b.id)));
    kept
}

/// Three sentences by a model, or by rule where no model is granted: the facts are the
/// work, the summary is a courtesy to people.
fn summary(brief: &Brief, research: &Research, host: &Host) -> Result<String, Failure> {
    let locale = "en";
    let facts: Vec<_> = research.facts_for(locale).into_iter().take(SUMMARY_FACTS).collect();
    let material = json!({
        "brief": {
            "product": brief.product,
            "audience": brief.audience.for_locale(locale),
            "goal": brief.goal.for_locale(locale),
        },
        "facts": facts.iter().map(|fact| json!({ "id": fact.id, "text": fact.text })).collect::<Vec<_>>(),
        "locale": locale,
    });
    let answered = host
        .model("writer")
        .system("You sum up research for a marketing team. Use only the facts you are given. Write English.")
        .user(material.to_string())
        .temperature(0.2)
        .seed(1)
        .max_tokens(SUMMARY_TOKENS)
        .answer::<Summary>();
    match answered {
        Ok(answered) => Ok(tidy(&answered.value.summary)),
        Err(HostError::Denied { .. }) => {
            host.log().warn("no model is granted: the summary is a list of facts");
            let texts: Vec<&str> = facts.iter().map(|fact| fact.text.as_str()).collect();
            Ok(texts.join(" "))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::{Capability, Fake};
    use serde_json::Value;

    const SHEET_EN: &str =
        "## Wren: light\n- [W02] Wren is charged in 95 minutes.\n- [W01] Wren shines for 38 hours.";
    const SHEET_DE: &str = "## Wren: Licht\n- [W01] Wren leuchtet 38 Stunden.";
    const RULES: &str = "## Words we do not use\n- ultimate\n## How we write\n- Plain verbs.";

    fn brand() -> [(&'static str, &'static str); 3] {
        [("wren.en.md", SHEET_EN), ("wren.de.md", SHEET_DE), ("rules.md", RULES)]
    }

    fn lessons() -> [(&'static str, &'static str); 1] {
        [("notes.md", "## Instagram\n\nHeadline: the repair angle first.")]
    }

    fn fake() -> Fake {
        Fake::new()
            .knowledge("brand", brand())
            .knowledge("performance", lessons())
            .answer("writer", json!({ "summary": " A light for riders. " }))
    }

    fn brief() -> Value {
        serde_json::from_str(include_str!("../cases/two_languages/input.json")).unwrap()
    }

    #[test]
    fn answers_its_case() {
        let expected: Value =
            serde_json::from_str(include_str!("../cases/two_languages/expected.json")).unwrap();
        assert_eq!(fake().perform(research, &brief()), Ok(expected));
    }

    #[test]
    fn facts_of_languages_that_nobody_reads_stay_out() {
        let mut input = brief();
        input["brief"]["locales"] = json!(["de-DE"]);
        let output = fake().perform(research, &input).unwrap();
        let languages: Vec<_> =
            output["facts"].as_array().unwrap().iter().map(|fact| fact["lang"].clone()).collect();
        assert_eq!(languages, ["de"]);
    }

    #[test]
    fn documents_without_numbers_give_numbered_sentences() {
        let fake = Fake::new()
            .knowledge("brand", [("about.md", "Wren weighs 96 grams. Wren likes rain.")])
            .knowledge("performance", lessons())
            .answer("writer", json!({ "summary": "x" }));
        let output = fake.perform(research, &brief()).unwrap();
        assert_eq!(output["facts"][1]["id"], "about-2");
        assert_eq!(output["facts"][1]["text"], "Wren likes rain.");
    }

    #[test]
    fn without_a_model_the_summary_lists_facts() {
        let output = fake().deny(Capability::Model).perform(research, &brief()).unwrap();
        assert_eq!(output["summary"], "Wren shines for 38 hours. Wren is charged in 95 minutes.");
    }

    #[test]
    fn without_its_collections_it_is_refused() {
        let failure = fake().deny(Capability::Knowledge).perform(research, &brief()).unwrap_err();
        assert_eq!(failure, Failure::Refused { capability: "knowledge".into() });
    }

    #[test]
    fn an_unknown_product_is_bad_input() {
        let fake = Fake::new().knowledge("brand", ["tea"]).knowledge("performance", ["tea"]);
        let failure = fake.perform(research, &brief()).unwrap_err();
        assert!(
            matches!(failure, Failure::InvalidInput(text) if text.starts_with("brief.product: "))
        );
    }
}
