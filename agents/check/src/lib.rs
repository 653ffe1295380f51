//! Judges a note by rule: length, whole sentences, no placeholders. It asks no model
//! and does not read for sense.

use bailiwick::Failure;
use campaign::{Outcome, Reason, Verdict, contains_term, length, sentences};
use schemars::JsonSchema;
use serde::Deserialize;

/// Shorter is a slip of the pen; in characters.
const LEAST_CHARS: usize = 40;
/// Longer is no note; in characters.
const MOST_CHARS: usize = 500;
/// What is left over when a writer was not done.
const PLACEHOLDERS: &[&str] = &["todo", "tbd", "lorem ipsum", "xxx", "insert here", "{{", "<…>"];
/// What one objection takes from the score.
const COST_OF_A_REASON: f64 = 0.25;

/// What is judged.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The note. Further fields are ignored.
    pub subject: Subject,
}

/// A heading and a paragraph.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Subject {
    /// The heading.
    pub title: String,
    /// The paragraph.
    pub text: String,
}

/// Judges a note by rule: length, whole sentences, no placeholders.
///
/// # Errors
/// None: every note has a verdict.
#[bailiwick::agent]
pub fn check(candidate: Candidate) -> Result<Verdict, Failure> {
    let Subject { title, text } = &candidate.subject;
    let reasons: Vec<Reason> = [heading(title), size(text), ending(text), placeholder(title, text)]
        .into_iter()
        .flatten()
        .collect();
    let outcome = if reasons.is_empty() { Outcome::Pass } else { Outcome::Revise };
    let score = reasons.iter().fold(1.0, |score, _| score - COST_OF_A_REASON);
    Ok(Verdict { verdict: outcome, score, reasons })
}

fn heading(title: &str) -> Option<Reason> {
    title.trim().is_empty().then(|| reason("heading", "The note has no heading.", "Give it one."))
}

fn size(text: &str) -> Option<Reason> {
    let chars = length(text.trim());
    let fix = format!("Write {LEAST_CHARS} to {MOST_CHARS} characters.");
    (!(LEAST_CHARS..=MOST_CHARS).contains(&chars))
        .then(|| reason("length", &format!("The note has {chars} characters."), &fix))
}

fn ending(text: &str) -> Option<Reason> {
    let last = sentences(text).pop().unwrap_or_default();
    let whole = last.ends_with(['.', '!', '?', '…', '"', '”', '“', ')']);
    (!whole).then(|| reason("sentence", "The last sentence is not finished.", "Finish or drop it."))
}

fn placeholder(title: &str, text: &str) -> Option<Reason> {
    let all = format!("{title}\n{text}");
    let found =
        PLACEHOLDERS.iter().find(|term| contains_term(&all, term) || is_mark(&all, term))?;
    Some(reason(
        "placeholder",
        &format!("“{found}” was left in the note."),
        "Write what belongs there.",
    ))
}

/// Marks are no words, so they count wherever they stand.
fn is_mark(text: &str, term: &str) -> bool {
    !term.chars().any(char::is_alphabetic) && text.contains(term)
}

fn reason(rule: &str, message: &str, fix: &str) -> Reason {
    Reason { rule: rule.to_owned(), message: message.to_owned(), fix: fix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use serde_json::{Value, json};

    const GOOD: &str = "Begin with one kind of tea. Drink it for a week.";

    fn rules(title: &str, text: &str) -> (Value, Vec<Value>) {
        let input = json!({ "subject": { "title": title, "text": text, "topic": "Tea" } });
        let output = Fake::new().perform(check, &input).unwrap();
        let rules =
            output["reasons"].as_array().unwrap().iter().map(|one| one["rule"].clone()).collect();
        (output["verdict"].clone(), rules)
    }

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/unfinished/input.json"));
        let expected = read(include_str!("../cases/unfinished/expected.json"));
        assert_eq!(Fake::new().perform(check, &input), Ok(expected));
    }

    #[test]
    fn judges_by_table() {
        let long = "Tea. ".repeat(101);
        for (title, text, verdict, expected) in [
            ("Tea", GOOD, "pass", vec![]),
            (" ", GOOD, "revise", vec!["heading"]),
            ("Tea", "Too short.", "revise", vec!["length"]),
            ("Tea", long.as_str(), "revise", vec!["length"]),
            ("Tea", "Begin with one kind of tea. Drink it for a", "revise", vec!["sentence"]),
            ("TODO", GOOD, "revise", vec!["placeholder"]),
            (
                "Tea",
                "Begin with one kind of {{drink}}. Drink it for a week.",
                "revise",
                vec!["placeholder"],
            ),
        ] {
            assert_eq!(
                rules(title, text),
                (json!(verdict), expected.iter().map(|r| json!(r)).collect()),
                "{text}"
            );
        }
    }
}
