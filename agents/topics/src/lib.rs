//! Splits a subject into topics that can be written about one by one. It does not write
//! about them.

use bailiwick::{Failure, Host};
use campaign::{fit, tidy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Topics where the input does not say how many.
const DEFAULT_COUNT: usize = 3;
/// More topics than this are an encyclopaedia: each becomes cells of its own.
const COUNT_MAX: usize = 12;
/// A topic is a heading; in characters.
const TOPIC_CHARS: usize = 60;
/// Tokens for a dozen headings.
const TOKENS: u32 = 300;
/// What can be asked of any subject, for models that run out of ideas.
const ANGLES: [&str; COUNT_MAX] = [
    "where to begin",
    "common mistakes",
    "what it costs",
    "the right tools",
    "a short history",
    "with children",
    "in winter",
    "what experts do",
    "what to read next",
    "in ten minutes",
    "for a living",
    "when to stop",
];

/// What to split.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Subject {
    /// A subject in a word or two.
    #[schemars(length(min = 1, max = 60))]
    pub subject: String,
    /// How many topics, 1 to 12; 3 where it is not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = COUNT_MAX))]
    pub count: Option<usize>,
}

/// The topics.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Topics {
    /// Each once, in the order in which to read them.
    pub list: Vec<String>,
}

/// What the model proposes.
#[derive(Debug, Deserialize, JsonSchema)]
struct Proposal {
    /// Short headings for different sides of the subject, two to six words each.
    #[schemars(length(min = 1, max = COUNT_MAX), inner(length(min = 3, max = TOPIC_CHARS)))]
    topics: Vec<String>,
}

/// Splits a subject into topics that can be written about one by one.
///
/// # Errors
/// `invalid-input` for a blank subject or a count outside 1 to 12, `refused` without the
/// model `writer`.
#[bailiwick::agent]
pub fn topics(input: Subject, host: &Host) -> Result<Topics, Failure> {
    let subject = tidy(&input.subject);
    if subject.is_empty() {
        return Err(Failure::invalid_input("subject: must not be blank"));
    }
    let count = input.count.unwrap_or(DEFAULT_COUNT);
    if !(1..=COUNT_MAX).contains(&count) {
        return Err(Failure::invalid_input(format!("count: {count} is not 1 to {COUNT_MAX}")));
    }
    let material = json!({ "brief": { "subject": subject, "angles": ANGLES }, "count": count, "locale": "en" });
    let answered = host
        .model("writer")
        .system(format!(
            "You plan a series of short notes. Name {count} different topics of the subject. \
             Write English headings without numbers."
        ))
        .user(material.to_string())
        .temperature(0.4)
        .seed(1)
        .max_tokens(TOKENS)
        .answer::<Proposal>()?;
    Ok(Topics { list: distinct(&subject, answered.value.topics, count) })
}

/// As many as asked for: the model's, each once, then the subject from other angles.
fn distinct(subject: &str, proposed: Vec<String>, count: usize) -> Vec<String> {
    let own = ANGLES.iter().map(|angle| format!("{subject}: {angle}"));
    let mut list: Vec<String> = Vec::new();
    for topic in proposed.into_iter().chain(own) {
        let topic = fit(&tidy(&topic), TOPIC_CHARS);
        let known = list.iter().any(|one| one.to_lowercase() == topic.to_lowercase());
        if !topic.is_empty() && !known && list.len() < count {
            list.push(topic);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use serde_json::Value;

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/too_few/input.json"));
        let expected = read(include_str!("../cases/too_few/expected.json"));
        let fake = Fake::new()
            .answer("writer", json!({ "topics": ["Tea in the morning", "tea in the morning "] }));
        assert_eq!(fake.perform(topics, &input), Ok(expected));
    }

    #[test]
    fn takes_no_more_than_asked_for() {
        let list = distinct("Tea", vec!["a".into(), "b".into(), "c".into()], 2);
        assert_eq!(list, ["a", "b"]);
    }

    #[test]
    fn refuses_what_it_cannot_split() {
        for input in [json!({ "subject": " " }), json!({ "subject": "Tea", "count": 13 })] {
            let failure = Fake::new().perform(topics, &input).unwrap_err();
            assert!(matches!(failure, Failure::InvalidInput(_)), "{input}");
        }
    }
}
