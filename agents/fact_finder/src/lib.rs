//! Finds what the collection `facts` says about a question. It writes nothing and has no
//! opinion.

use bailiwick::{Failure, Host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Passages of one question: what somebody still reads.
const PASSAGES: u32 = 5;

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Question {
    /// In words of the collection.
    #[schemars(length(min = 1, max = 500))]
    pub question: String,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Facts {
    /// The best first; none where nothing is known.
    pub facts: Vec<Fact>,
}

/// One passage.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Fact {
    /// What it says.
    pub text: String,
    /// The document that says it.
    pub source: String,
}

/// Finds what a collection says about a question.
///
/// # Errors
/// `invalid-input` for a blank question, `refused` without the collection `facts`.
#[bailiwick::agent]
pub fn fact_finder(question: Question, host: &Host) -> Result<Facts, Failure> {
    if question.question.trim().is_empty() {
        return Err(Failure::invalid_input("question: must not be blank"));
    }
    let found = host.knowledge("facts").search(&question.question, PASSAGES)?;
    host.log().info(format!("{} passages", found.len()));
    let facts =
        found.into_iter().map(|passage| Fact { text: passage.text, source: passage.document });
    Ok(Facts { facts: facts.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use serde_json::{Value, json};

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/bees/input.json"));
        let expected = read(include_str!("../cases/bees/expected.json"));
        let fake = Fake::new().knowledge("facts", ["Bees make honey.", "Roses have thorns."]);
        assert_eq!(fake.perform(fact_finder, &input), Ok(expected));
    }

    #[test]
    fn refuses_a_blank_question() {
        let failure = Fake::new().perform(fact_finder, &json!({ "question": " " })).unwrap_err();
        assert_eq!(failure, Failure::invalid_input("question: must not be blank"));
    }
}
