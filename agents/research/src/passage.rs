//! Reads what the brand's documents mean by how they are written: numbered facts,
//! lists of words, rules of voice. It does not search and knows no campaign.

use bailiwick::knowledge::Passage;
use campaign::{Fact, sentences, tidy};

/// Headings over words that send a text back, in the languages that we read.
const BANNED_HEADINGS: &[&str] =
    &["do not use", "don't use", "avoid", "banned", "vermeiden", "nicht verwenden"];
/// Headings over words that end a text.
const FORBIDDEN_HEADINGS: &[&str] = &["forbidden", "ruled out", "never say", "verboten"];
/// Headings over rules of voice. Rules of what not to do are prose, not lists.
const VOICE_HEADINGS: &[&str] = &["how we write", "voice", "tone", "so schreiben wir", "tonalität"];

/// What one passage holds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Lines such as `- [W01] Wren shines for 38 hours.`
    pub(crate) facts: Vec<Fact>,
    /// List items under a heading for banned words.
    pub(crate) banned: Vec<String>,
    /// List items under a heading for forbidden words.
    pub(crate) forbidden: Vec<String>,
    /// List items under a heading for voice.
    pub(crate) voice: Vec<String>,
}

enum Section {
    Banned,
    Forbidden,
    Voice,
    Other,
}

/// Reads a passage line by line. Its heading is in the metadata, in the text, or both.
pub(crate) fn read(passage: &Passage) -> Reading {
    let mut heading = heading_of(passage);
    let mut reading = Reading::default();
    for line in passage.text.lines().map(str::trim) {
        if let Some(inner) = line.strip_prefix('#') {
            heading = inner.trim_start_matches('#').trim().to_owned();
            continue;
        }
        let Some(item) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) else {
            continue;
        };
        let item = tidy(item);
        if let Some((id, text)) = numbered(&item) {
            reading.facts.push(fact(passage, id, text, &heading));
            continue;
        }
        match section(&heading) {
            Section::Banned => reading.banned.push(item),
            Section::Forbidden => reading.forbidden.push(item),
            Section::Voice => reading.voice.push(item),
            Section::Other => {}
        }
    }
    reading
}

/// Facts of documents that number nothing: each sentence that names the product.
pub(crate) fn prose_facts(passage: &Passage, product: &str) -> Vec<Fact> {
    let heading = heading_of(passage);
    let prose: Vec<&str> = passage
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with(['#', '-', '*']))
        .collect();
    sentences(&prose.join(" "))
        .into_iter()
        .map(|sentence| tidy(&sentence))
        .filter(|sentence| names(sentence, product))
        .map(|sentence| fact(passage, "", &sentence, &heading))
        .collect()
}

/// The name of the document without folder and endings: `wren` of `brand/wren.de.md`.
pub(crate) fn stem(document: &str) -> &str {
    let file = document.rsplit('/').next().unwrap_or(document);
    file.split('.').next().unwrap_or(file)
}

fn fact(passage: &Passage, id: &str, text: &str, heading: &str) -> Fact {
    Fact {
        id: id.to_owned(),
        text: text.to_owned(),
        source: passage.document.clone(),
        lang: document_language(&passage.document),
        topic: heading.rsplit(':').next().unwrap_or(heading).trim().to_owned(),
        score: passage.score,
    }
}

/// `de` of `wren.de.md`; empty where the name does not say.
fn document_language(document: &str) -> String {
    let file = document.rsplit('/').next().unwrap_or(document);
    let mut parts = file.rsplit('.').skip(1);
    match (parts.next(), parts.next()) {
        (Some(tag), Some(_)) if tag.len() == 2 && tag.bytes().all(|b| b.is_ascii_lowercase()) => {
            tag.to_owned()
        }
        _ => String::new(),
    }
}

/// The nearest heading above a passage: the last of `Voice > How we write`.
pub(crate) fn heading_of(passage: &Passage) -> String {
    let path = passage.metadata.get("heading").and_then(|value| value.as_str()).unwrap_or_default();
    path.rsplit(" > ").next().unwrap_or(path).trim().to_owned()
}

/// The id and the statement of `[W01] Wren shines.`
fn numbered(item: &str) -> Option<(&str, &str)> {
    let (id, text) = item.strip_prefix('[')?.split_once(']')?;
    let is_id = (1..=32).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let text = text.trim();
    (is_id && !text.is_empty() && !text.starts_with('(')).then_some((id, text))
}

fn section(heading: &str) -> Section {
    let heading = heading.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| heading.contains(word));
    if says(FORBIDDEN_HEADINGS) {
        Section::Forbidden
    } else if says(BANNED_HEADINGS) {
        Section::Banned
    } else if says(VOICE_HEADINGS) {
        Section::Voice
    } else {
        Section::Other
    }
}

/// Whether a sentence names the product, by its whole name or the last word of it.
fn names(sentence: &str, product: &str) -> bool {
    let last = product.split_whitespace().last().unwrap_or(product);
    !last.is_empty() && sentence.to_lowercase().contains(&last.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(document: &str, text: &str) -> Passage {
        (document, text).into()
    }

    #[test]
    fn reads_numbered_facts_with_language_and_topic() {
        let reading = read(&passage(
            "brand/wren.de.md",
            "## Wren: Licht und Akku\n\n- [W01] Wren leuchtet 38 Stunden.\n- [link](x) no fact\n",
        ));
        let fact = &reading.facts[0];
        assert_eq!(reading.facts.len(), 1);
        assert_eq!((fact.id.as_str(), fact.lang.as_str()), ("W01", "de"));
        assert_eq!(fact.topic, "Licht und Akku");
        assert_eq!(fact.text, "Wren leuchtet 38 Stunden.");
    }

    #[test]
    fn reads_lists_by_their_heading() {
        let reading = read(&passage(
            "claims.md",
            "## Words we do not use\n- ultimate\n## Words that are forbidden\n- unbreakable\n\
             ## How we write\n- Plain verbs.\n## How we do not write\n- Loud.\n## Other\n- x",
        ));
        assert_eq!(reading.banned, ["ultimate"]);
        assert_eq!(reading.forbidden, ["unbreakable"]);
        assert_eq!(reading.voice, ["Plain verbs."]);
    }

    #[test]
    fn takes_the_heading_from_the_metadata() {
        let mut passage = passage("claims.md", "- ultimate");
        passage.metadata.insert("heading".into(), "Voice > Words we do not use".into());
        let reading = read(&passage);
        assert_eq!((reading.banned.len(), reading.voice.len()), (1, 0));
    }

    #[test]
    fn prose_gives_sentences_that_name_the_product() {
        let facts = prose_facts(
            &passage("about.md", "# Wren\nThe Wren weighs 96 grams. We like tea.\n- Wren list"),
            "Duskfinch Wren",
        );
        let texts: Vec<_> = facts.iter().map(|fact| fact.text.as_str()).collect();
        assert_eq!(texts, ["The Wren weighs 96 grams."]);
    }

    #[test]
    fn knows_the_language_by_the_name() {
        for (document, language) in
            [("a/wren.de.md", "de"), ("wren.md", ""), ("v1.10.md", ""), ("wren", "")]
        {
            assert_eq!(document_language(document), language, "{document}");
        }
    }
}
