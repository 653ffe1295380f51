//! What a request is about: the JSON in its messages, read as brief, facts, copy and wishes. Composes nothing.

use bailiwick_core::Digest;
use bailiwick_core::text::clip;
use bailiwick_gate::model::{CompleteRequest, Message, Part, Role};
use serde_json::{Map, Value};

use super::language::Language;
use super::wording::{mentions, sentences, tidy};

/// Places of one message where a JSON object is tried: people put one or two there.
const OBJECTS_MAX: usize = 64;
/// The most of a request that is read, from its end: the material of a campaign has
/// 10 KiB, and every text that is composed reads it again.
const READ_MAX_BYTES: usize = 128 * 1024;
/// The members under which agents hand over finished copy.
const COPY: [&str; 5] = ["copy", "subject", "candidate", "draft", "text"];
/// The members that hold words to keep out.
const AVOID: [&str; 5] = ["avoid", "banned", "forbidden", "banned_terms", "do_not_use"];
/// The members that say where a text is read, and are no part of it.
const SETTING: [&str; 6] = ["locale", "language", "lang", "channel", "style", "limits"];

/// A statement that texts may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) id: String,
    pub(super) text: String,
}

/// What a request is about.
#[derive(Debug)]
pub(super) struct Material {
    root: Map<String, Value>,
    /// What users said outside the JSON.
    pub(super) prose: String,
    pub(super) facts: Vec<Fact>,
    /// Words that no text may have.
    pub(super) avoid: Vec<String>,
    /// What was said of earlier versions.
    pub(super) feedback: Vec<String>,
    pub(super) language: Language,
    /// Different for siblings, equal for equals.
    pub(super) variety: u64,
}

impl Material {
    pub(super) fn of(request: &CompleteRequest) -> Self {
        let (mut root, mut prose, mut system) = (Map::new(), String::new(), String::new());
        let (mut texts, mut left) = (Vec::new(), READ_MAX_BYTES);
        for message in request.messages.iter().rev() {
            let text = text_of(message);
            let read = clip(&text, left).to_owned();
            left -= read.len();
            texts.push((message, read));
        }
        for (message, text) in texts.into_iter().rev() {
            match message.role {
                Role::System => system.push_str(&text),
                Role::User | Role::Tool => {
                    let rest = objects(&text, &mut root);
                    prose = if rest.is_empty() { prose } else { rest };
                }
                Role::Assistant => {}
            }
        }
        let mut material = Self {
            facts: facts(&root),
            avoid: AVOID.into_iter().filter_map(|name| root.get(name)).flat_map(strings).collect(),
            feedback: root.get("feedback").map(sentences_in).unwrap_or_default(),
            language: Language::Other,
            variety: 0,
            root,
            prose,
        };
        material.language = material.spoken(&system);
        material.variety = material.variety_of(request.seed);
        let objections: Vec<String> =
            material.feedback.iter().flat_map(|said| ruled_out(said)).collect();
        material.avoid.extend(objections);
        material
    }

    fn spoken(&self, system: &str) -> Language {
        let locale =
            self.text("locale").or_else(|| self.text("language")).or_else(|| self.text("lang"));
        if let Some(locale) = locale {
            return Language::of_locale(&locale);
        }
        Language::named_in(system).unwrap_or_else(|| Language::heard_in(&self.everything()))
    }

    fn variety_of(&self, seed: Option<u64>) -> u64 {
        let part = |name: &str| self.text(name).unwrap_or_default();
        let [channel, style, locale, topic] = ["channel", "style", "locale", "topic"].map(part);
        let seed = seed.unwrap_or(0).to_le_bytes();
        let parts =
            [channel.as_bytes(), style.as_bytes(), locale.as_bytes(), topic.as_bytes(), &seed];
        let digest = Digest::of_parts(&parts);
        digest.as_bytes().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    /// A text of the material by name: its own, else the brief's.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let direct =
            |map: &Map<String, Value>| map.get(name).and_then(|value| self.localized(value));
        direct(&self.root)
            .or_else(|| direct(self.root.get("brief")?.as_object()?))
            .filter(|text| !text.is_empty())
    }

    /// The first of several names that there is.
    pub(super) fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    /// The texts of a list by name: its own, else the brief's.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let own = self.root.get(name).or_else(|| self.root.get("brief")?.get(name));
        own.map(strings).unwrap_or_default()
    }

    /// A member as it stands.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.root.get(name).or_else(|| self.root.get("brief")?.get(name))
    }

    /// A text of the copy that the material holds.
    pub(super) fn of_copy(&self, name: &str) -> Option<String> {
        let copy = COPY.into_iter().find_map(|member| self.root.get(member)?.as_object())?;
        copy.get(name).and_then(Value::as_str).map(tidy).filter(|text| !text.is_empty())
    }

    /// All words of the copy that the material holds.
    pub(super) fn copy_text(&self) -> String {
        let mut found = Vec::new();
        if let Some(copy) = COPY.into_iter().find_map(|member| self.root.get(member)) {
            collect(copy, &mut found);
        }
        found.join(" ")
    }

    /// How many characters of a text are wanted, by the material.
    pub(super) fn limit(&self, name: &str) -> Option<usize> {
        let limit = self.root.get("limits")?.get(name)?;
        let number = limit.as_u64().or_else(|| limit.get("max")?.as_u64())?;
        usize::try_from(number).ok().filter(|number| *number > 0)
    }

    /// Whether an earlier version was too long, where the limits do not say so already.
    pub(super) fn wants_less(&self) -> bool {
        const LESS: [&str; 8] = [
            "short",
            "shorter",
            "too long",
            "kürzer",
            "zu lang",
            "plus court",
            "más corto",
            "less text",
        ];
        !self.root.contains_key("limits")
            && self.feedback.iter().any(|said| LESS.iter().any(|word| mentions(said, word)))
    }

    /// Whether a text has none of the words to keep out.
    pub(super) fn allows(&self, text: &str) -> bool {
        !self.avoid.iter().any(|term| mentions(text, term))
    }

    /// Everything that is said, for what has no name.
    pub(super) fn everything(&self) -> String {
        let mut found = Vec::new();
        for (name, value) in &self.root {
            if !AVOID.contains(&name.as_str()) && !SETTING.contains(&name.as_str()) {
                collect(value, &mut found);
            }
        }
        found.push(&self.prose);
        found.join(" ")
    }

    /// Whether there is anything but prose.
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_empty()
    }

    fn localized(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(tidy(text)),
            Value::Object(map) => {
                if let Some(id) = map.get("id").and_then(Value::as_str) {
                    return Some(id.to_owned());
                }
                let locale = self.root.get("locale").and_then(Value::as_str).unwrap_or("en");
                let text = map
                    .get(locale)
                    .or_else(|| map.get(locale.split('-').next()?))
                    .or_else(|| map.get("en"));
                text.and_then(Value::as_str).map(tidy)
            }
            _ => None,
        }
    }
}

fn text_of(message: &Message) -> String {
    let texts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Artifact(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// Moves the objects of a text into the root and gives what stands around them.
fn objects(text: &str, root: &mut Map<String, Value>) -> String {
    let (mut rest, mut around) = (text, String::new());
    for _ in 0..OBJECTS_MAX {
        let Some((before, from)) = rest.find('{').and_then(|at| rest.split_at_checked(at)) else {
            break;
        };
        around.push_str(before);
        let mut documents = serde_json::Deserializer::from_str(from).into_iter::<Value>();
        rest = match documents.next() {
            Some(Ok(Value::Object(object))) => {
                root.extend(object);
                from.get(documents.byte_offset()..).unwrap_or_default()
            }
            _ => {
                around.push('{');
                from.get(1..).unwrap_or_default()
            }
        };
    }
    around.push_str(rest);
    tidy(around.trim_matches(|c: char| c.is_whitespace() || c == '`'))
}

fn facts(root: &Map<String, Value>) -> Vec<Fact> {
    let list = root
        .get("facts")
        .or_else(|| root.get("research")?.get("facts"))
        .or_else(|| root.get("passages"));
    let fact = |(index, value): (usize, &Value)| {
        let text = value.as_str().or_else(|| value.get("text")?.as_str())?;
        let id = value.get("id").or_else(|| value.get("document")).and_then(Value::as_str);
        let id = id.map_or_else(|| format!("fact-{}", index + 1), str::to_owned);
        Some(Fact { id, text: tidy(text) })
    };
    list.and_then(Value::as_array).into_iter().flatten().enumerate().filter_map(fact).collect()
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![tidy(text)],
        Value::Array(items) => items
            .iter()
            .filter_map(|item| {
                item.as_str()
                    .or_else(|| item.get("text")?.as_str())
                    .or_else(|| item.get("id")?.as_str())
            })
            .map(tidy)
            .collect(),
        _ => Vec::new(),
    }
}

fn sentences_in(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found.into_iter().map(tidy).filter(|text| !text.is_empty()).collect()
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(map) => map.values().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// The words in quotes that an objection rules out; what it asks to cite is not meant.
fn ruled_out(objection: &str) -> Vec<String> {
    const CITES: [&str; 4] = ["cite", "proved by", "belegt durch", "add"];
    let mut found = Vec::new();
    for sentence in sentences(objection) {
        if CITES.iter().any(|word| sentence.contains(word) && !sentence.starts_with("No ")) {
            continue;
        }
        for (open, close) in [('“', '”'), ('„', '“'), ('«', '»'), ('"', '"')] {
            let inside = sentence.split_once(open).and_then(|(_, rest)| rest.split_once(close));
            found.extend(
                inside.map(|(term, _)| term.trim().to_owned()).filter(|term| !term.is_empty()),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::builtin::tests::request;

    #[test]
    fn reads_json_wherever_it_stands() {
        let text = format!(
            "Write this:\n```json\n{}\n``` and {{not json}} too",
            json!({"locale": "de-DE", "facts": [{"id": "F1", "text": "Wahr."}, "Auch wahr."]})
        );
        let material = Material::of(&request(&text, None));
        assert_eq!(material.language, Language::German);
        assert_eq!(material.facts[0], Fact { id: "F1".into(), text: "Wahr.".into() });
        assert_eq!(material.facts[1].id, "fact-2");
        assert!(
            material.prose.starts_with("Write this:") && material.prose.ends_with("{not json} too"),
            "{}",
            material.prose
        );
    }

    #[test]
    fn an_objection_rules_out_what_it_quotes_unless_it_asks_to_cite() {
        let text = json!({"feedback": ["No cited fact proves “best”.", "“38 hours” is proved by W01, which the text does not cite."]});
        assert_eq!(Material::of(&request(&text.to_string(), None)).avoid, ["best"]);
    }

    #[test]
    fn many_braces_are_no_work() {
        let material = Material::of(&request(&"{\"a\":".repeat(100_000), None));
        assert!(material.is_empty());
    }
}
