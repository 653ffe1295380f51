//! Puts released notes together as one page. It changes none of them.

use bailiwick::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was collected.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Collection {
    /// The heading of the page; none where it is empty.
    #[serde(default)]
    pub title: String,
    /// The released notes, in the order of their axis.
    pub items: Vec<Item>,
}

/// One collected cell. Its point on the axes is not needed here.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Item {
    /// The cell's output.
    pub value: Note,
}

/// A heading and a paragraph. Further fields are ignored.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Note {
    /// The heading.
    pub title: String,
    /// The paragraph.
    pub text: String,
}

/// The page.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Digest {
    /// How many notes are in it.
    pub count: usize,
    /// The page as Markdown.
    pub page: String,
}

/// Puts released notes together as one page.
///
/// # Errors
/// None: an empty collection is an empty page.
#[bailiwick::agent]
pub fn digest(collection: Collection) -> Result<Digest, Failure> {
    let title = collection.title.trim();
    let heading = (!title.is_empty()).then(|| format!("# {title}"));
    let notes = collection
        .items
        .iter()
        .map(|Item { value }| format!("## {}\n\n{}", value.title.trim(), value.text.trim()));
    let parts: Vec<String> = heading.into_iter().chain(notes).collect();
    Ok(Digest { count: collection.items.len(), page: parts.join("\n\n") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bailiwick::fake::Fake;
    use serde_json::{Value, json};

    #[test]
    fn answers_its_case() {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let input = read(include_str!("../cases/two_notes/input.json"));
        let expected = read(include_str!("../cases/two_notes/expected.json"));
        assert_eq!(Fake::new().perform(digest, &input), Ok(expected));
    }

    #[test]
    fn nothing_collected_is_an_empty_page() {
        let output = Fake::new().perform(digest, &json!({ "items": [] })).unwrap();
        assert_eq!(output, json!({ "count": 0, "page": "" }));
    }
}
