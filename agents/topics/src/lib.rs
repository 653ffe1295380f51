//! Finds what a handbook says about a subject, topic by topic. It asks no model and
//! writes nothing of its own.

use bailiwick::knowledge::Passage;
use bailiwick::{Failure, Host};
use campaign::{sentences, tidy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The collection that is searched.
const HANDBOOK: &str = "handbook";
/// Topics where the input does not say how many.
const DEFAULT_COUNT: u32 = 3;
/// More topics than this are an encyclopaedia: each becomes cells of its own.
const COUNT_MAX: u32 = 12;
/// A topic may be cut into several passages, so more are asked for than are wanted.
const PASSAGES_PER_TOPIC: u32 = 4;
/// What a short note can be written from.
const POINTS: usize = 6;

/// What to look up.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Subject {
    /// A subject in a few words.
    #[schemars(length(min = 1, max = 200))]
    pub subject: String,
    /// How many topics at most, 1 to 12; 3 where it is not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = COUNT_MAX))]
    pub count: Option<u32>,
}

/// The topics: an axis can be made of them.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Topics {
    /// Each once, the most fitting first.
    pub list: Vec<Topic>,
}

/// One section of the handbook.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Topic {
    /// Its heading.
    pub id: String,
    /// What it says, sentence by sentence.
    pub points: Vec<String>,
}

/// Finds what a handbook says about a subject, topic by topic.
///
/// # Errors
/// `invalid-input` for a blank subject, a count outside 1 to 12, or a subject that the
/// handbook does not know; `refused` without the collection `handbook`.
#[bailiwick::agent]
pub fn topics(input: Subject, host: &Host) -> Result<Topics, Failure> {
    let subject = input.subject.trim();
    if subject.is_empty() {
        return Err(Failure::invalid_input("subject: must not be blank"));
    }
    let count = input.count.unwrap_or(DEFAULT_COUNT);
    if !(1..=COUNT_MAX).contains(&count) {
        return Err(Failure::invalid_input(format!("count: {count} is not 1 to {COUNT_MAX}")));
    }
    let found = host.knowledge(HANDBOOK).search(subject, count * PASSAGES_PER_TOPIC)?;
    let list = by_heading(&found, count as usize);
    if list.is_empty() {
        let reason = format!("subject: the handbook says nothing about {subject}");
        return Err(Failure::invalid_input(reason));
    }
    Ok(Topics { list })
}

fn by_heading(passages: &[Passage], count: usize) -> Vec<Topic> {
    let mut list: Vec<Topic> = Vec::new();
    for passage in passages {
        let full = list.len() == count;
        let heading = heading(passage);
        let points = sentences(&tidy(&passage.text));
        match list.iter_mut().find(|topic| topic.id == heading) {
            Some(topic) => topic.points.extend(points),
            None if full => {}
            None => list.push(Topic { id: heading, points }),
        }
    }
    for topic in &mut list {
        topic.points.truncate(POINTS);
    }
    list
}

/// The nearest heading above a passage, or the document's name where there is none.
fn heading(passage: &Passage) -> String {
    let path = passage.metadata.get("heading").and_then(|value| value.as_str()).unwrap_or_default();
    let last = path.rsplit(" > ").next().unwrap_or(path).trim();
    if last.is_empty() { passage.document.clone() } else { last.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::{Capability, Fake};
    use serde_json::{Value, json};

    fn section(heading: &str, text: &str) -> Passage {
        let mut passage: Passage = ("bees.md", text).into();
        passage.metadata.insert("heading".into(), format!("Bees > {heading}").into());
        passage
    }

    fn fake() -> Fake {
        Fake::new().knowledge(
            "handbook",
            [
                section("Tools", "A smoker calms bees. A veil calms the keeper."),
                section("Honey", "Bees make honey."),
                section("Tools", "Bees dislike wool."),
            ],
        )
    }

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/two_sections/input.json"));
        let expected = read(include_str!("../cases/two_sections/expected.json"));
        assert_eq!(fake().perform(topics, &input), Ok(expected));
    }

    #[test]
    fn takes_no_more_than_asked_for() {
        let output = fake().perform(topics, &json!({ "subject": "bees", "count": 1 })).unwrap();
        assert_eq!(output["list"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn refuses_what_it_cannot_look_up() {
        for input in [
            json!({ "subject": " " }),
            json!({ "subject": "bees", "count": 13 }),
            json!({ "subject": "trains" }),
        ] {
            let failure = fake().perform(topics, &input).unwrap_err();
            assert!(matches!(failure, Failure::InvalidInput(_)), "{input}");
        }
    }

    #[test]
    fn without_its_collection_it_is_refused() {
        let denied = fake().deny(Capability::Knowledge);
        let failure = denied.perform(topics, &json!({ "subject": "bees" })).unwrap_err();
        assert_eq!(failure, Failure::Refused { capability: "knowledge".into() });
    }
}
