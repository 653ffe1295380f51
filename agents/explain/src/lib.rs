//! Explains a topic from facts that another agent finds. It looks nothing up itself.

use bailiwick::{DelegateError, Failure, Fault, Host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An explanation is a paragraph; in characters.
const TEXT_CHARS: usize = 600;
/// Tokens for a paragraph with its JSON.
const TOKENS: u32 = 400;

/// What to explain.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Assignment {
    /// The topic.
    #[schemars(length(min = 1, max = 200))]
    pub topic: String,
    /// Whom to write for, for example `beginners`; anybody where it is not said.
    #[serde(default)]
    pub reader: String,
}

/// What the other agent is asked.
#[derive(Debug, Serialize)]
struct Question<'t> {
    question: &'t str,
}

/// What the other agent found.
#[derive(Debug, Deserialize)]
struct Found {
    facts: Vec<Fact>,
}

/// One fact, with the document that says it.
#[derive(Debug, Deserialize, Serialize)]
struct Fact {
    text: String,
    source: String,
}

/// What the model writes.
#[derive(Debug, Deserialize, JsonSchema)]
struct Text {
    /// Two to four plain sentences that say what the facts say.
    #[schemars(length(min = 1, max = TEXT_CHARS))]
    body: String,
}

/// A finished explanation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Explanation {
    /// What it is about.
    pub topic: String,
    /// One paragraph.
    pub text: String,
    /// The documents that it rests on, in the order in which they were found.
    pub sources: Vec<String>,
}

/// Explains a topic from facts that another agent finds.
///
/// # Errors
/// `invalid-input` for a topic of which nothing is known, `refused` without the agent
/// `fact_finder` or the model `writer`, `retryable` where the other one failed for now.
#[bailiwick::agent]
pub fn explain(assignment: Assignment, host: &Host) -> Result<Explanation, Failure> {
    let Assignment { topic, reader } = assignment;
    let found: Found = match host.delegate().call("fact_finder", &Question { question: &topic }) {
        // The topic was ours: that it makes no sense is for who gave it.
        Err(DelegateError::Failed(Fault::InvalidInput(words))) => {
            return Err(Failure::invalid_input(words));
        }
        found => found?,
    };
    if found.facts.is_empty() {
        return Err(Failure::invalid_input(format!("topic: nothing is known of {topic:?}")));
    }
    let facts: Vec<_> = (1..)
        .zip(&found.facts)
        .map(|(number, fact)| json!({ "id": format!("F{number}"), "text": fact.text }))
        .collect();
    let material = json!({
        "brief": { "topic": topic, "reader": reader },
        "facts": facts,
        "locale": "en",
    });
    let answered = host
        .model("writer")
        .system("You explain the topic to the reader. Say what the facts say. Plain sentences.")
        .user(material.to_string())
        .temperature(0.2)
        .seed(1)
        .max_tokens(TOKENS)
        .answer::<Text>()?;
    let mut sources: Vec<String> = Vec::new();
    for fact in found.facts {
        if !sources.contains(&fact.source) {
            sources.push(fact.source);
        }
    }
    Ok(Explanation { topic, text: answered.value.body, sources })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use serde_json::Value;

    fn facts() -> Value {
        json!({ "facts": [
            { "text": "Bees make honey.", "source": "bees.md" },
            { "text": "They live in hives.", "source": "bees.md" },
        ] })
    }

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/bees/input.json"));
        let expected = read(include_str!("../cases/bees/expected.json"));
        let fake = Fake::new()
            .agent_with("fact_finder", |_| Ok(facts()))
            .answer("writer", json!({ "body": "Bees live in hives and make honey." }));
        assert_eq!(fake.perform(explain, &input), Ok(expected));
        assert_eq!(fake.called(), [("fact_finder".to_owned(), json!({ "question": "Bees" }))]);
        assert!(fake.requests()[0].text().contains("They live in hives."));
    }

    #[test]
    fn says_what_the_other_agent_could_not_do() {
        let with = |fault: Fault| {
            let fake = Fake::new().agent_with("fact_finder", move |_| Err(fault.clone()));
            fake.perform(explain, &json!({ "topic": "Bees" })).unwrap_err()
        };
        assert_eq!(with(Fault::InvalidInput("no".into())), Failure::invalid_input("no"));
        assert!(matches!(with(Fault::Retryable("later".into())), Failure::Retryable(_)));
        assert!(matches!(with(Fault::Broken), Failure::Fatal(_)));
        let alone = Fake::new().perform(explain, &json!({ "topic": "Bees" })).unwrap_err();
        assert_eq!(alone, Failure::Refused { capability: "delegate".into() });
    }

    #[test]
    fn invents_nothing() {
        let fake = Fake::new().agent_with("fact_finder", |_| Ok(json!({ "facts": [] })));
        let failure = fake.perform(explain, &json!({ "topic": "Bees" })).unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)), "{failure:?}");
    }
}
