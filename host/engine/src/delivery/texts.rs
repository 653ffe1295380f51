//! The copy in a value: its texts with the names of their fields. Knows no page.

use std::collections::BTreeMap;

use bailiwick_core::text::clip;
use serde_json::Value;

/// The most texts that are taken from one value: copy has a handful of fields, and the
/// whole value stands in `KEY.json`.
const FIELDS_MAX: usize = 40;

/// The longest text that is taken, in bytes: a page of prose.
const TEXT_MAX_BYTES: usize = 4_096;

/// How deep fields may lie: `copy.headline` is 2.
const DEPTH_MAX: usize = 4;

/// One text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// Where it stands: `copy.headline`; empty where the value itself is the text.
    pub(super) field: String,
    pub(super) text: String,
}

impl Text {
    /// The last part of the field: `headline`.
    pub(super) fn label(&self) -> &str {
        self.field.rsplit('.').next().unwrap_or_default()
    }
}

/// Texts and lists of texts of a value, at most [`FIELDS_MAX`]; not those of lists of
/// objects, not references, and not those in `known` (axis ids, which stand there anyway).
pub(super) fn texts(value: &Value, known: &[&str]) -> Vec<Text> {
    let mut found = Vec::new();
    collect(value, "", 0, &mut found);
    found.retain(|text| !text.text.trim().is_empty() && !known.contains(&text.text.as_str()));
    found.truncate(FIELDS_MAX);
    found
}

/// The same as a map, for manifests.
pub(super) fn as_map(texts: &[Text]) -> BTreeMap<&str, &str> {
    texts.iter().map(|text| (text.field.as_str(), text.text.as_str())).collect()
}

fn collect(value: &Value, field: &str, depth: usize, found: &mut Vec<Text>) {
    let mut keep = |text: &str| found.push(Text { field: field.to_owned(), text: clipped(text) });
    match value {
        Value::String(text) => keep(text),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            keep(&items.join(" · "));
        }
        Value::Object(members) if depth < DEPTH_MAX && !members.contains_key("$artifact") => {
            for (name, member) in members {
                let path = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
                collect(member, &path, depth + 1, found);
            }
        }
        _ => {}
    }
}

fn clipped(text: &str) -> String {
    let kept = clip(text, TEXT_MAX_BYTES);
    if kept.len() < text.len() { format!("{kept}…") } else { kept.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn takes_texts_and_lists_of_texts() {
        let value = json!({
            "copy": {"headline": "Ride on", "locale": "de"},
            "image": {"$artifact": "blake3:x", "media_type": "image/png"},
            "layout": [{"role": "logo"}],
            "tags": ["#a", "#b"],
            "empty": "",
            "n": 3,
        });
        let found = texts(&value, &["de"]);
        let found: Vec<_> = found.iter().map(|t| (t.field.as_str(), t.text.as_str())).collect();
        assert_eq!(found, [("copy.headline", "Ride on"), ("tags", "#a · #b")]);
        assert_eq!(texts(&json!("x"), &[]), [Text { field: String::new(), text: "x".into() }]);
    }

    #[test]
    fn is_bounded() {
        let many: serde_json::Map<_, _> =
            (0..1_000).map(|n| (format!("f{n}"), json!("x"))).collect();
        assert_eq!(texts(&many.into(), &[]).len(), FIELDS_MAX);
        let long = texts(&json!("ä".repeat(TEXT_MAX_BYTES)), &[]);
        assert_eq!(long[0].text.len(), TEXT_MAX_BYTES + "…".len());
    }
}
