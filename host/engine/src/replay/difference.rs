//! Where two documents differ, as JSON Pointers, for people. Knows no run.

use bailiwick_core::text::{Lines, clip, visible};
use serde_json::Value;

/// The most differences of one comparison that are told: who sees more reads none.
pub const DIFFERENCES_MAX: usize = 5;

/// The longest text of one side, in bytes: one line of a terminal.
const SIDE_MAX_BYTES: usize = 160;

/// What is told of what both sides begin with, in bytes: enough to find the place again.
const BEFORE_MAX_BYTES: usize = 40;

/// The deepest place that is looked at: documents are at most this deep.
const DEPTH_MAX: usize = 128;

/// One place at which two documents differ.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// A JSON Pointer; empty for the whole.
    pub at: String,
    /// What stood there, clipped and made visible; nothing where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// What stands there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
}

/// The first places at which two documents differ, at most [`DIFFERENCES_MAX`].
pub(crate) fn differences(was: &Value, is: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(&mut found, &mut Vec::new(), Some(was), Some(is));
    found
}

/// A text as one line of bounded length, without anything that deceives.
pub(crate) fn shown(text: &str) -> String {
    let clipped = clip(text, SIDE_MAX_BYTES);
    let shown = visible(clipped, Lines::Escape);
    if clipped.len() < text.len() { format!("{shown}…") } else { shown }
}

fn walk(
    found: &mut Vec<Difference>,
    at: &mut Vec<String>,
    was: Option<&Value>,
    is: Option<&Value>,
) {
    if found.len() >= DIFFERENCES_MAX || was == is {
        return;
    }
    match (was, is) {
        (Some(Value::Object(was)), Some(Value::Object(is))) if at.len() < DEPTH_MAX => {
            let only_now = is.keys().filter(|key| !was.contains_key(*key));
            for key in was.keys().chain(only_now) {
                at.push(key.replace('~', "~0").replace('/', "~1"));
                walk(found, at, was.get(key), is.get(key));
                at.pop();
            }
        }
        (Some(Value::Array(was)), Some(Value::Array(is))) if at.len() < DEPTH_MAX => {
            for index in 0..was.len().max(is.len()) {
                at.push(index.to_string());
                walk(found, at, was.get(index), is.get(index));
                at.pop();
            }
        }
        _ => {
            let (was, is) = (was.map(Value::to_string), is.map(Value::to_string));
            let from = alike(was.as_deref().unwrap_or_default(), is.as_deref().unwrap_or_default());
            found.push(Difference {
                at: at.iter().map(|part| format!("/{}", visible(part, Lines::Escape))).collect(),
                was: was.map(|was| shown_from(&was, from)),
                is: is.map(|is| shown_from(&is, from)),
            });
        }
    }
}

/// Where what is told of two long texts begins, so that the first difference is in it.
fn alike(was: &str, is: &str) -> usize {
    let same = was.chars().zip(is.chars()).take_while(|(was, is)| was == is);
    let same: usize = same.map(|(was, _)| was.len_utf8()).sum();
    if same < SIDE_MAX_BYTES / 2 { 0 } else { clip(was, same - BEFORE_MAX_BYTES).len() }
}

fn shown_from(text: &str, from: usize) -> String {
    let rest = shown(text.get(from..).unwrap_or_default());
    if from > 0 { format!("…{rest}") } else { rest }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(was: Value, is: Value) -> Vec<String> {
        let all = differences(&was, &is).into_iter();
        all.map(|d| format!("{} {:?} {:?}", d.at, d.was.as_deref(), d.is.as_deref())).collect()
    }

    #[test]
    fn names_each_place_by_its_pointer() {
        assert_eq!(places(json!({"a": [1, 2]}), json!({"a": [1, 2]})), [""; 0]);
        assert_eq!(
            places(json!({"a": [1, {"x/y": 2}], "b": 1}), json!({"a": [1, {"x/y": 3}, 4], "c": 1})),
            [
                r#"/a/1/x~1y Some("2") Some("3")"#,
                r#"/a/2 None Some("4")"#,
                r#"/b Some("1") None"#,
                r#"/c None Some("1")"#,
            ]
        );
        assert_eq!(places(json!(1), json!([1])), [r#" Some("1") Some("[1]")"#]);
    }

    #[test]
    fn is_bounded_and_visible() {
        let many: Value = (0..100).collect();
        assert_eq!(differences(&many, &json!([])).len(), DIFFERENCES_MAX);
        let long = differences(&json!("x".repeat(9_999)), &json!("\u{202e}"));
        let (was, is) = (long[0].was.clone().unwrap(), long[0].is.clone().unwrap());
        assert!(was.len() < 200 && was.ends_with('…') && is.contains("\\u{202e}"), "{was} {is}");
    }

    #[test]
    fn shows_the_place_at_which_long_texts_part() {
        let long = "ä".repeat(500);
        let sides = [json!(format!("{long}one")), json!(format!("{long}two"))];
        let told = differences(&sides[0], &sides[1]);
        let side = |word: &str| format!("…{}{word}\"", "ä".repeat(20));
        assert_eq!(
            (told[0].was.clone(), told[0].is.clone()),
            (Some(side("one")), Some(side("two")))
        );
        // Those that part early begin at the beginning, and so does one that stands alone.
        let told = differences(&json!([format!("a{long}")]), &json!([format!("b{long}"), long]));
        for side in [&told[0].was, &told[0].is, &told[1].is] {
            assert!(side.as_ref().unwrap().starts_with('"'), "{side:?}");
        }
    }
}
