//! Writes one channel's copy in one language from a brief and sourced facts. It does
//! not judge and does not know what other cells write.

mod channel;
mod choice;
mod cite;
mod prompt;
mod wish;

use bailiwick::{Failure, Host};
use campaign::{Brief, Copy, Fact, Feedback, Research, fit, tidy};
use schemars::JsonSchema;
use serde::Deserialize;

use channel::{PAGE, POST, Room};
use choice::Choice;
use prompt::Prompt;
use wish::Wishes;

/// Tokens for the longest text with its JSON, German included: about three a word.
const TOKENS: u32 = 400;
/// Lively enough that a revision differs, tame enough for facts.
const TEMPERATURE: f32 = 0.4;

/// What to write.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Assignment {
    /// The campaign's brief.
    pub brief: Brief,
    /// What research found.
    pub research: Research,
    /// BCP 47 tag of the language to write in, for example `de-DE`.
    pub locale: String,
    /// Where it will be read, for example `instagram` or `web`.
    pub channel: String,
    /// What judges and people said of earlier versions, oldest first.
    #[serde(default)]
    pub feedback: Vec<Feedback>,
}

/// A short text for a feed.
#[derive(Debug, Deserialize, JsonSchema)]
struct PostText {
    /// One line of at most seven words that says the message of the brief.
    #[schemars(length(min = 1, max = POST.headline))]
    headline: String,
    /// One or two short sentences that state the facts.
    #[schemars(length(min = 1, max = POST.body))]
    body: String,
    /// The words on the button, at most three.
    #[schemars(length(min = 1, max = POST.cta))]
    cta: String,
    /// The ids of the facts that the text uses.
    facts: Vec<String>,
}

/// A text for a page or a letter.
#[derive(Debug, Deserialize, JsonSchema)]
struct PageText {
    /// One line of at most nine words that says the message of the brief.
    #[schemars(length(min = 1, max = PAGE.headline))]
    headline: String,
    /// Two to four short sentences that state the facts.
    #[schemars(length(min = 1, max = PAGE.body))]
    body: String,
    /// The words on the button, at most four.
    #[schemars(length(min = 1, max = PAGE.cta))]
    cta: String,
    /// The ids of the facts that the text uses.
    facts: Vec<String>,
}

impl From<PostText> for PageText {
    fn from(PostText { headline, body, cta, facts }: PostText) -> Self {
        Self { headline, body, cta, facts }
    }
}

/// Writes one channel's copy in one language from a brief and sourced facts.
///
/// # Errors
/// `invalid-input` without facts, `refused` without the model `writer`, `fatal` where
/// the model's answer is no copy even after the host asked again.
#[bailiwick::agent]
pub fn draft(assignment: Assignment, host: &Host) -> Result<Copy, Failure> {
    if assignment.research.facts.is_empty() {
        return Err(Failure::invalid_input("research.facts: there is nothing to say"));
    }
    let wishes = Wishes::of(&assignment.feedback);
    let room = (0..wishes.shorter).fold(Room::of(&assignment.channel), |room, _| room.shorter());
    let facts = Choice {
        research: &assignment.research,
        locale: &assignment.locale,
        channel: &assignment.channel,
        count: room.facts,
    }
    .facts(&wishes);
    let prompt = Prompt { assignment: &assignment, facts: &facts, room, wishes: &wishes };
    let text = ask(&prompt, host)?;
    Ok(finished(text, &assignment, room, &facts))
}

fn ask(prompt: &Prompt<'_>, host: &Host) -> Result<PageText, Failure> {
    // The seed follows the feedback: asked again for the same, a model says the same.
    let revisions = prompt.assignment.feedback.len() as u64;
    let question = host
        .model("writer")
        .system(prompt.rules())
        .user(prompt.material().to_string())
        .temperature(TEMPERATURE)
        .seed(revisions + 1)
        .max_tokens(TOKENS);
    if channel::is_post(&prompt.assignment.channel) {
        Ok(question.answer::<PostText>()?.value.into())
    } else {
        Ok(question.answer::<PageText>()?.value)
    }
}

/// Tidy, cut to the room, with the brief's own words on the button, and citing what it
/// really uses: what the writer cites counts where the text bears it out.
fn finished(text: PageText, assignment: &Assignment, room: Room, offered: &[&Fact]) -> Copy {
    let Assignment { brief, research, locale, channel, .. } = assignment;
    let asked_for = tidy(brief.call_to_action.for_locale(locale));
    let cta = if asked_for.is_empty() { tidy(&text.cta) } else { asked_for };
    let headline = fit(tidy(&text.headline).trim_end_matches(['.', '!']), room.headline);
    let body = fit(&tidy(&text.body), room.body);
    let all_text = format!("{headline}\n{body}");
    // The offered facts first: a number may stand in several.
    let mut facts = cite::used_facts(&all_text, offered);
    for id in cite::used_facts(&all_text, &research.facts_for(locale)) {
        if !facts.contains(&id) && text.facts.contains(&id) {
            facts.push(id);
        }
    }
    Copy {
        headline,
        body,
        cta: fit(&cta, room.cta),
        facts,
        locale: locale.clone(),
        channel: channel.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::{Fake, Reply};
    use bailiwick::model::Request;
    use serde_json::{Value, json};

    fn input() -> Value {
        serde_json::from_str(include_str!("../cases/german_post/input.json")).unwrap()
    }

    fn answer() -> Value {
        json!({
            "headline": "„Der Abend kommt früher.“",
            "body": "Alle 7 Teile von Wren löst ein einziger Inbusschlüssel.\nWren leuchtet 38 Stunden mit einer Ladung.",
            "cta": "Jetzt kaufen",
            "facts": ["W08", "W99"],
        })
    }

    fn material(request: &Request) -> Value {
        let last = request.text();
        serde_json::from_str(last.lines().last().unwrap()).unwrap()
    }

    #[test]
    fn answers_its_case() {
        let expected: Value =
            serde_json::from_str(include_str!("../cases/german_post/expected.json")).unwrap();
        let fake = Fake::new().answer("writer", answer());
        assert_eq!(fake.perform(draft, &input()), Ok(expected));
    }

    #[test]
    fn the_writer_gets_its_own_language_and_the_best_facts() {
        let fake = Fake::new().answer("writer", answer());
        fake.perform(draft, &input()).unwrap();
        let request = &fake.requests()[0];
        let material = material(request);
        assert!(request.text().contains("Write in German."));
        assert_eq!(material["brief"]["category"], "Fahrradlicht");
        let ids: Vec<_> =
            material["facts"].as_array().unwrap().iter().map(|fact| fact["id"].clone()).collect();
        assert_eq!(ids, ["W08", "W01"], "repair did well on this channel");
        assert!(material.get("feedback").is_none());
        let schema: Value =
            serde_json::from_str(request.output_schema.as_deref().unwrap()).unwrap();
        assert_eq!(schema["properties"]["body"]["maxLength"], POST.body);
    }

    #[test]
    fn a_revision_drops_what_was_objected_to() {
        let mut input = input();
        input["feedback"] = json!([
            { "by": "claims", "round": 0, "reasons": [
                { "rule": "superlative", "message": "No cited fact proves “best”.", "fix": "Say what it does." }] },
            { "by": "copy_desk", "round": 1, "reasons": [{ "message": "Bitte kürzer." }] },
        ]);
        let fake = Fake::new().answer_with("writer", |_| Ok(Reply::from(answer())));
        let copy = fake.perform(draft, &input).unwrap();
        let material = material(&fake.requests()[0]);
        assert_eq!(material["brief"]["message"], "Der Abend kommt früher.");
        assert_eq!(material["avoid"][0], "best");
        assert_eq!(material["feedback"][1], "Bitte kürzer.");
        assert_eq!(material["facts"].as_array().unwrap().len(), 1);
        let body = copy["body"].as_str().unwrap();
        assert!(body.chars().count() <= POST.shorter().body, "{body}");
    }

    #[test]
    fn a_page_has_more_room() {
        let mut input = input();
        input["channel"] = json!("web");
        let fake = Fake::new().answer("writer", answer());
        fake.perform(draft, &input).unwrap();
        assert_eq!(material(&fake.requests()[0])["limits"]["body"], PAGE.body);
    }

    #[test]
    fn an_answer_that_is_no_copy_is_a_failure() {
        let fake = Fake::new().answer("writer", json!({ "headline": "x" }));
        let failure = fake.perform(draft, &input()).unwrap_err();
        assert!(matches!(failure, Failure::Fatal(text) if text.contains("body")));
    }

    #[test]
    fn without_facts_there_is_nothing_to_say() {
        let mut input = input();
        input["research"]["facts"] = json!([]);
        let failure = Fake::new().perform(draft, &input).unwrap_err();
        assert!(matches!(failure, Failure::InvalidInput(_)));
    }
}
