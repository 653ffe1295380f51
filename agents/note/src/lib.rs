//! Writes a short note about one topic for one kind of reader. It does not choose topics and
//! does not judge.

use bailiwick::{Failure, Host};
use campaign::{Feedback, fit, tidy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A heading; in characters.
const TITLE_CHARS: usize = 80;
/// A note is a paragraph; in characters.
const TEXT_CHARS: usize = 500;
/// Tokens for a title and a paragraph with their JSON.
const TOKENS: u32 = 400;

/// What to write about.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Assignment {
    /// The topic.
    #[schemars(length(min = 1, max = 200))]
    pub topic: String,
    /// What is known about it, sentence by sentence; the note says nothing else.
    #[serde(default)]
    pub points: Vec<String>,
    /// Whom to write for, for example `beginners`; anybody where it is not said.
    #[serde(default)]
    pub reader: String,
    /// BCP 47 tag of the language to write in; English where it is not said.
    #[serde(default = "english")]
    pub locale: String,
    /// What judges and people said of earlier versions, oldest first.
    #[serde(default)]
    pub feedback: Vec<Feedback>,
}

fn english() -> String {
    "en".to_owned()
}

/// What the model writes.
#[derive(Debug, Deserialize, JsonSchema)]
struct Text {
    /// A heading for the note, without a full stop.
    #[schemars(length(min = 1, max = TITLE_CHARS))]
    title: String,
    /// Two to four plain sentences about the topic.
    #[schemars(length(min = 1, max = TEXT_CHARS))]
    body: String,
}

/// A finished note.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Note {
    /// A heading.
    pub title: String,
    /// One paragraph.
    pub text: String,
    /// What it is about.
    pub topic: String,
    /// Whom it is for.
    pub reader: String,
    /// BCP 47 tag of the language.
    pub locale: String,
}

/// Writes a short note about one topic for one kind of reader.
///
/// # Errors
/// `invalid-input` for a blank topic, `refused` without the model `writer`, `fatal` where
/// its answer is no note.
#[bailiwick::agent]
pub fn note(assignment: Assignment, host: &Host) -> Result<Note, Failure> {
    let Assignment { topic, points, reader, locale, feedback } = assignment;
    if topic.trim().is_empty() {
        return Err(Failure::invalid_input("topic: must not be blank"));
    }
    let requests_for_less = feedback.iter().filter(|entry| entry.wants_less()).count();
    let facts: Vec<_> = (1..)
        .zip(points.iter().take(fewer(points.len(), requests_for_less)))
        .map(|(number, text)| json!({ "id": format!("P{number}"), "text": text }))
        .collect();
    let material = json!({
        "brief": { "topic": topic, "reader": reader },
        "facts": facts,
        "locale": locale,
        "feedback": Feedback::sentences(&feedback),
    });
    let answered = host
        .model("writer")
        .system(format!(
            "You write a short note about the topic for the reader, in the language of \
             {locale}. Say what the facts say. Plain sentences. Where there is feedback, do \
             what it says."
        ))
        .user(material.to_string())
        .temperature(0.4)
        // Asked again for the same, a model says the same; so the seed follows the feedback.
        .seed(feedback.len() as u64 + 1)
        .max_tokens(TOKENS)
        .answer::<Text>()?;
    let Text { title, body } = answered.value;
    Ok(Note {
        title: fit(tidy(&title).trim_end_matches('.'), TITLE_CHARS),
        text: fit(&tidy(&body), TEXT_CHARS),
        topic,
        reader,
        locale,
    })
}

/// Half of the points for each time that somebody asked for less, never none.
fn fewer(points: usize, times: usize) -> usize {
    (0..times).fold(points, |left, _| left.div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use serde_json::Value;

    fn answer() -> Value {
        json!({ "title": "\"Tea for beginners.\"", "body": "Begin with one kind of tea.\nDrink it for a week." })
    }

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/second_round/input.json"));
        let expected = read(include_str!("../cases/second_round/expected.json"));
        let fake = Fake::new().answer("writer", answer());
        assert_eq!(fake.perform(note, &input), Ok(expected));
        for known in ["Warmer, please.", "Green tea is picked early."] {
            assert!(fake.requests()[0].text().contains(known), "{known}");
        }
        assert_eq!(fake.requests()[0].seed, Some(2));
    }

    #[test]
    fn shorter_means_fewer_points() {
        for (points, times, left) in [(4, 0, 4), (4, 1, 2), (3, 1, 2), (4, 5, 1), (0, 1, 0)] {
            assert_eq!(fewer(points, times), left);
        }
    }

    #[test]
    fn refuses_a_blank_topic() {
        let input = json!({ "topic": " ", "locale": "en" });
        let failure = Fake::new().perform(note, &input).unwrap_err();
        assert_eq!(failure, Failure::invalid_input("topic: must not be blank"));
    }
}
