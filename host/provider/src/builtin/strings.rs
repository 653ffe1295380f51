//! A text brought into the form that a schema asks for: length, then pattern. Chooses no words.

use bailiwick_core::schema::Schema;
use serde_json::{Map, Value, json};

use super::pattern;
use super::wording::{capitalised, fit, length, slug, words};

/// The most characters that a text is stretched to, whatever a schema demands.
const STRETCH_MAX: usize = 20_000;

/// The text, fitted. `most` is the tighter of the schema's and the material's room.
pub(super) fn shaped(text: &str, map: &Map<String, Value>, most: Option<usize>) -> String {
    let number = |key: &str| {
        map.get(key).and_then(Value::as_u64).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
    };
    let least = number("minLength").unwrap_or(0).min(STRETCH_MAX);
    let most = most.or(number("maxLength")).unwrap_or(usize::MAX).max(least);
    let text = sized(text, least, most);
    let Some(pattern) = map.get("pattern").and_then(Value::as_str) else { return text };
    let Ok(schema) = Schema::admit(json!({"pattern": pattern, "minLength": least})) else {
        return text;
    };
    let matches = |text: &String| schema.check(&json!(text)).is_ok() && length(text) <= most;
    let slug = slug(&text);
    let candidates = [
        text.clone(),
        text.to_lowercase(),
        slug.clone(),
        slug.replace('-', "_"),
        words(&text).map(capitalised).collect(),
        words(&text).next().unwrap_or_default().to_lowercase(),
        text.to_uppercase(),
    ];
    let fitting = candidates.into_iter().map(|text| fit(&text, most)).find(|text| matches(text));
    fitting
        .or_else(|| pattern::text_of(pattern).map(|made| stretched(made, least, most, &matches)))
        .unwrap_or(text)
}

/// A pattern's shortest text may be too short: its last letter is often the one that repeats.
fn stretched(made: String, least: usize, most: usize, matches: &dyn Fn(&String) -> bool) -> String {
    let Some(last) = made.chars().last() else { return made };
    let missing = least.saturating_sub(length(&made));
    let longer = format!("{made}{}", last.to_string().repeat(missing));
    if missing > 0 && length(&longer) <= most && matches(&longer) { longer } else { made }
}

/// Between `least` and `most` characters: cut at words, lengthened by saying it again.
fn sized(text: &str, least: usize, most: usize) -> String {
    let fitted = if length(text) > most { fit(text, most) } else { text.to_owned() };
    if length(&fitted) >= least {
        return fitted;
    }
    let filling = if text.trim().is_empty() { "text" } else { text };
    let mut longer = fitted;
    while length(&longer) < least {
        if !longer.is_empty() {
            longer.push(' ');
        }
        longer.push_str(filling);
    }
    let cut = fit(&longer, most);
    // Between two close bounds no whole word may fit.
    if length(&cut) >= least {
        cut
    } else {
        longer.chars().take(most).map(|c| if c == ' ' { '-' } else { c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str, schema: &Value) -> String {
        let shaped = shaped(text, schema.as_object().unwrap(), None);
        let check = Schema::admit(schema.clone()).unwrap().check(&json!(shaped));
        assert_eq!(check, Ok(()), "{shaped:?} for {schema}");
        shaped
    }

    #[test]
    fn fits_length_and_pattern() {
        for (text, schema, expected) in [
            ("Light for the way home", json!({"maxLength": 18}), "Light for the way"),
            ("Hi", json!({"minLength": 5}), "Hi Hi"),
            ("", json!({"minLength": 3}), "text"),
            ("Duskfinch Wren", json!({"pattern": "^[a-z-]+$"}), "duskfinch-wren"),
            ("Duskfinch Wren", json!({"pattern": "^[0-9]{3}$"}), "111"),
            ("Wren", json!({"pattern": "^[A-Z]+$", "minLength": 4, "maxLength": 4}), "WREN"),
            ("Wren", json!({"pattern": "^[0-9]+$", "minLength": 6}), "111111"),
            ("Supercalifragilistic", json!({"minLength": 7, "maxLength": 7}), "Superca"),
        ] {
            assert_eq!(shape(text, &schema), expected);
        }
    }
}
