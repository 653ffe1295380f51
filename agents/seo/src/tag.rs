//! Makes words into tags as a channel writes them. It does not choose the words.

/// A longer tag is a sentence; in characters.
const TAG_CHARS: usize = 30;
/// More than six, and readers see tags instead of copy.
pub(crate) const MOST: usize = 6;

/// How a channel writes its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagForm {
    /// `#BikeLight`: capitals show a screen reader where words begin.
    Hashtag,
    /// `bike light`
    Keyword,
}

impl TagForm {
    pub(crate) fn of(channel: &str) -> Self {
        match channel.to_lowercase().as_str() {
            "web" | "newsletter" | "email" | "blog" | "search" => Self::Keyword,
            _ => Self::Hashtag,
        }
    }

    /// One tag, or none where nothing is left of the words.
    fn write(self, words: &[&str]) -> Option<String> {
        let tag = match self {
            Self::Hashtag => {
                format!("#{}", words.iter().map(|w| capitalised(w)).collect::<String>())
            }
            Self::Keyword => words.join(" ").to_lowercase(),
        };
        let letters = tag.chars().filter(|c| c.is_alphabetic()).count();
        (letters >= 2 && tag.chars().count() <= TAG_CHARS).then_some(tag)
    }
}

/// The tags, each once whatever its case, in order, no more than [`MOST`].
pub(crate) fn tags<'a>(
    form: TagForm,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for candidate in candidates {
        let words: Vec<&str> = candidate
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let Some(tag) = form.write(&words) else { continue };
        let known = tags.iter().any(|one| one.to_lowercase() == tag.to_lowercase());
        if !known && tags.len() < MOST {
            tags.push(tag);
        }
    }
    tags
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tag_is_written_once_in_the_channels_form() {
        let words = ["#bike light", "Bike-Light", "Fahrradlicht", "  ", "#64%", "x"];
        assert_eq!(tags(TagForm::Hashtag, words), ["#BikeLight", "#Fahrradlicht"]);
        assert_eq!(tags(TagForm::Keyword, words), ["bike light", "fahrradlicht"]);
    }

    #[test]
    fn no_more_than_readers_bear() {
        let many: Vec<String> = ('a'..='z').map(|c| format!("tag {c}")).collect();
        let tags = tags(TagForm::Hashtag, many.iter().map(String::as_str));
        assert_eq!(tags.len(), MOST);
    }

    #[test]
    fn sentences_are_no_tags() {
        assert!(tags(TagForm::Keyword, ["a light that stays on for the whole week"]).is_empty());
    }
}
