//! What the writer is told: the rules in words, the material as one JSON object. It
//! asks nobody.

use campaign::{Brief, Fact, Feedback, Localized, language, sentences};
use serde_json::{Value, json};

use crate::channel::Room;
use crate::wish::Wishes;
use crate::{Assignment, channel};

/// Rules of voice that a small model still heeds.
const VOICE_RULES: usize = 6;
/// Lessons from the past that a small model still reads.
const LESSONS: usize = 3;

/// Everything that one text is made of.
pub(crate) struct Prompt<'a> {
    pub(crate) assignment: &'a Assignment,
    pub(crate) facts: &'a [&'a Fact],
    pub(crate) room: Room,
    pub(crate) wishes: &'a Wishes,
}

impl Prompt<'_> {
    /// Short sentences: the smallest model that we test with has 135 million parameters.
    pub(crate) fn rules(&self) -> String {
        let Assignment { locale, channel, feedback, .. } = self.assignment;
        let kind = if channel::is_post(channel) { "post" } else { "page" };
        let mut rules = format!(
            "You write one short {channel} {kind} for a brand. Write in {}. \
             Use only the facts you are given and no other number. \
             Say the message of the brief first. \
             No exclamation marks, no emoji, no hashtags.",
            language_name(locale)
        );
        if !feedback.is_empty() {
            rules.push_str(" An editor sent the last version back. Do what the feedback says.");
        }
        rules
    }

    /// The material; keys without content are left out.
    pub(crate) fn material(&self) -> Value {
        let Assignment { brief, research, locale, channel, feedback } = self.assignment;
        let lessons: Vec<&str> = research
            .insights
            .iter()
            .filter(|lesson| lesson.text.to_lowercase().contains(&channel.to_lowercase()))
            .map(|lesson| lesson.text.as_str())
            .take(LESSONS)
            .collect();
        let voice: Vec<_> = research.voice.iter().take(VOICE_RULES).collect();
        let avoid: Vec<_> = self.wishes.without.iter().chain(&research.banned).collect();
        let facts: Vec<_> =
            self.facts.iter().map(|fact| json!({ "id": fact.id, "text": fact.text })).collect();
        without_empty(json!({
            "brief": self.brief(brief, locale),
            "facts": facts,
            "locale": locale,
            "channel": channel,
            "limits": self.room,
            "voice": voice,
            "lessons": lessons,
            "avoid": avoid,
            "feedback": Feedback::sentences(feedback),
        }))
    }

    /// The brief in one language, without sentences that a judge has objected to.
    fn brief(&self, brief: &Brief, locale: &str) -> Value {
        let read = |text: &Localized| {
            let kept: Vec<String> = sentences(text.for_locale(locale))
                .into_iter()
                .filter(|sentence| self.wishes.allow(sentence))
                .collect();
            kept.join(" ")
        };
        without_empty(json!({
            "brand": brief.brand,
            "product": brief.product,
            "category": read(&brief.category),
            "audience": read(&brief.audience),
            "goal": read(&brief.goal),
            "message": read(&brief.message),
            "call_to_action": read(&brief.call_to_action),
        }))
    }
}

fn without_empty(document: Value) -> Value {
    let Value::Object(map) = document else { return document };
    let full = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    Value::Object(map.into_iter().filter(|(_, value)| full(value)).collect())
}

/// A model that knows a language knows it by this name; any other by its tag.
fn language_name(locale: &str) -> &str {
    match language(locale) {
        "de" => "German",
        "en" => "English",
        "es" => "Spanish",
        "fr" => "French",
        "it" => "Italian",
        "nl" => "Dutch",
        "pl" => "Polish",
        "pt" => "Portuguese",
        "sv" => "Swedish",
        _ => locale,
    }
}
