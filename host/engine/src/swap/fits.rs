//! Whether one schema can stand where another one stood: what was valid stays valid. Says no where it cannot tell.

use serde_json::{Map, Value};

/// The deepest place that is looked at: schemas are admitted up to this depth.
const DEPTH_MAX: usize = 32;

/// Keywords that say something to people and nothing about documents.
const WORDS: [&str; 7] =
    ["title", "description", "examples", "default", "$comment", "$schema", "deprecated"];

/// Keywords whose number may only rise, from the wider schema to the narrower.
const LEAST: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];

/// Keywords whose number may only fall.
const MOST: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

/// Why an agent with a new input schema would refuse what the old one took; nothing where
/// it takes all of it.
pub(crate) fn input(old: &Value, new: &Value) -> Option<String> {
    within((old, old), (new, new))
}

/// Why what an agent with a new output schema says is not what its readers knew; nothing
/// where it is.
pub(crate) fn output(old: &Value, new: &Value) -> Option<String> {
    within((new, new), (old, old))
}

/// Why not every document of `inner` is one of `outer`. Each comes with its root, for
/// what is referred to.
///
/// A property that `inner` does not name counts as one that is never there: schemas of
/// agents are open, and what nobody declares nobody sends.
fn within(
    (inner, inner_root): (&Value, &Value),
    (outer, outer_root): (&Value, &Value),
) -> Option<String> {
    let definitions = |root: &Value| (root.get("$defs").cloned(), root.get("definitions").cloned());
    let same_definitions = definitions(inner_root) == definitions(outer_root);
    nested(inner, outer, "", (same_definitions, DEPTH_MAX))
}

fn nested(inner: &Value, outer: &Value, at: &str, (same, depth): (bool, usize)) -> Option<String> {
    let shown = if at.is_empty() { "the whole" } else { at };
    let (inner, outer) = match (inner, outer) {
        (Value::Bool(false), _) | (_, Value::Bool(true)) => return None,
        (Value::Object(inner), Value::Object(outer)) => (inner, outer),
        (_, Value::Object(outer)) if outer.is_empty() => return None,
        _ => return Some(format!("{shown}: one takes anything or nothing")),
    };
    if depth == 0 {
        return Some(format!("{shown}: too deep to compare"));
    }
    let refers = |schema: &Map<String, Value>| schema.contains_key("$ref");
    if refers(inner) || refers(outer) {
        let is_same = same && without_words(inner) == without_words(outer);
        return (!is_same).then(|| format!("{shown}: what it refers to is another thing"));
    }
    if let Some(key) = HARD.into_iter().find(|key| is_hard(inner, key) || is_hard(outer, key)) {
        let is_same = same && without_words(inner) == without_words(outer);
        return (!is_same).then(|| format!("{shown}: `{key}` cannot be compared"));
    }
    let keywords = outer.iter().filter(|(key, _)| !WORDS.contains(&key.as_str()));
    let mut reasons = keywords.filter_map(|(key, wanted)| {
        keyword(key, (inner, wanted), outer, at, (same, depth)).map(|why| match why {
            Why::Here(why) => format!("{shown}: {why}"),
            Why::Below(why) => why,
        })
    });
    reasons.next()
}

/// Keywords that reach over several others, so that one of them alone says nothing.
const HARD: [&str; 4] =
    ["patternProperties", "prefixItems", "unevaluatedProperties", "additionalProperties"];

/// Whether a schema uses such a keyword in a way that says something.
fn is_hard(schema: &Map<String, Value>, key: &str) -> bool {
    match schema.get(key) {
        None => false,
        Some(Value::Bool(_)) if key == "additionalProperties" => false,
        Some(_) => true,
    }
}

/// What a schema says of documents, here; what lies below may still have words.
fn without_words(schema: &Map<String, Value>) -> Vec<(&String, &Value)> {
    schema.iter().filter(|(key, _)| !WORDS.contains(&key.as_str())).collect()
}

/// Why not, and where.
enum Why {
    /// At the place that was asked about.
    Here(String),
    /// Somewhere below; the place is in the text.
    Below(String),
}

/// Why a keyword of the outer schema does not hold for every document of the inner one.
fn keyword(
    key: &str,
    (inner, wanted): (&Map<String, Value>, &Value),
    outer: &Map<String, Value>,
    at: &str,
    (same, depth): (bool, usize),
) -> Option<Why> {
    let has = inner.get(key);
    let below = |part: &str| format!("{at}/{part}");
    let why = match key {
        "type" => {
            let (known, allowed) = (types(has), types(Some(wanted)));
            let is_known = |kind: &String| {
                allowed.contains(kind)
                    || (kind == "integer" && allowed.iter().any(|a| a == "number"))
            };
            (known.is_empty() || !known.iter().all(is_known))
                .then(|| format!("{} where {} was", list(&allowed), list(&known)))
        }
        "required" => {
            let (known, wanted) = (texts(has), texts(Some(wanted)));
            let missing = wanted.iter().find(|name| !known.contains(name));
            missing.map(|name| format!("`{name}` must be there and need not be"))
        }
        "properties" => {
            let wanted = wanted.as_object()?;
            let named = has.and_then(Value::as_object);
            let must_be = texts(inner.get("required"));
            return wanted.iter().find_map(|(name, wanted)| {
                // What must be there and is not described is anything.
                let undescribed = must_be.contains(name).then_some(&Value::Bool(true));
                let known = named.and_then(|named| named.get(name)).or(undescribed)?;
                nested(known, wanted, &below(name), (same, depth - 1)).map(Why::Below)
            });
        }
        "additionalProperties" if *wanted == Value::Bool(false) => {
            let named = inner.get("properties").and_then(Value::as_object);
            let allowed = outer.get("properties").and_then(Value::as_object);
            let must_be = texts(inner.get("required"));
            let other = named.into_iter().flatten().map(|(name, _)| name).chain(&must_be);
            let mut other = other.filter(|name| allowed.is_none_or(|all| !all.contains_key(*name)));
            other.next().map(|name| format!("`{name}` may be there and must not be"))
        }
        "additionalProperties" if *wanted == Value::Bool(true) => None,
        "items" => match has {
            Some(known) => {
                let why = nested(known, wanted, &below("items"), (same, depth - 1));
                return why.map(Why::Below);
            }
            None => Some("the items are bounded".to_owned()),
        },
        "enum" => {
            let known = has.and_then(Value::as_array).cloned();
            let known = known.or_else(|| inner.get("const").map(|only| vec![only.clone()]));
            let allowed = wanted.as_array()?;
            let other = known.map(|known| known.into_iter().find(|one| !allowed.contains(one)));
            match other {
                Some(None) => None,
                Some(Some(one)) => Some(format!("{one} is not one of its values")),
                None => Some("only some values are left".to_owned()),
            }
        }
        key if LEAST.contains(&key) || MOST.contains(&key) => {
            let (known, wanted) = (has.and_then(Value::as_f64), wanted.as_f64()?);
            let fits = |known: f64| match LEAST.contains(&key) {
                true => known >= wanted,
                false => known <= wanted,
            };
            (!known.is_some_and(fits)).then(|| format!("`{key}` is {wanted}"))
        }
        _ => (has != Some(wanted)).then(|| format!("`{key}` is another one")),
    };
    why.map(Why::Here)
}

fn types(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(only)) => vec![only.clone()],
        other => texts(other),
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array);
    items.into_iter().flatten().filter_map(|item| Some(item.as_str()?.to_owned())).collect()
}

fn list(types: &[String]) -> String {
    if types.is_empty() { "anything".to_owned() } else { types.join(" or ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(properties: Value, required: Value) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    #[test]
    fn what_was_taken_is_taken_still() {
        let text = json!({ "type": "string" });
        let old = object(json!({ "a": text }), json!(["a"]));
        for new in [
            old.clone(),
            json!(true),
            json!({}),
            object(json!({ "a": { "type": "string", "description": "words" } }), json!(["a"])),
            object(json!({ "a": text, "b": text }), json!([])),
            object(json!({ "a": { "type": ["string", "null"] } }), json!(["a"])),
        ] {
            assert_eq!(input(&old, &new), None, "{new}");
        }
        for (new, why) in [
            (
                object(json!({ "a": text }), json!(["a", "b"])),
                "the whole: `b` must be there and need not be",
            ),
            (
                object(json!({ "a": { "type": "integer" } }), json!(["a"])),
                "/a: integer where string was",
            ),
            (
                object(json!({ "a": { "type": "string", "maxLength": 9 } }), json!(["a"])),
                "/a: `maxLength` is 9",
            ),
            (
                object(json!({ "a": { "type": "string", "enum": ["x"] } }), json!(["a"])),
                "/a: only some values are left",
            ),
            (json!(false), "the whole: one takes anything or nothing"),
            (
                json!({ "type": "object", "additionalProperties": false }),
                "the whole: `a` may be there and must not be",
            ),
            (json!({ "$ref": "#/$defs/x" }), "the whole: what it refers to is another thing"),
        ] {
            assert_eq!(input(&old, &new).as_deref(), Some(why), "{new}");
        }
    }

    #[test]
    fn what_readers_rely_on_is_there_still() {
        let old = object(
            json!({ "a": { "type": "number" }, "list": { "type": "array", "items": { "enum": [1, 2] } } }),
            json!(["a"]),
        );
        let more = object(
            json!({ "a": { "type": "integer" }, "b": true, "list": { "type": "array", "items": { "const": 2 } } }),
            json!(["a", "b"]),
        );
        assert_eq!(output(&old, &more), None);
        assert_eq!(output(&more, &old).as_deref(), Some("/a: integer where number was"));
        let none = object(json!({}), json!([]));
        assert_eq!(
            output(&old, &none).as_deref(),
            Some("the whole: `a` must be there and need not be")
        );
        let loose =
            object(json!({ "a": { "type": "number" }, "list": { "type": "array" } }), json!(["a"]));
        assert_eq!(output(&old, &loose).as_deref(), Some("/list: the items are bounded"));
    }

    #[test]
    fn what_cannot_be_told_does_not_fit() {
        let text = json!({ "type": "string" });
        let refers = |more: Value| {
            let mut schema = json!({ "$ref": "#/$defs/x", "$defs": { "x": { "type": "string" } } });
            schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            schema
        };
        let map = |of: Value| json!({ "type": "object", "additionalProperties": of });
        let some = |name: &str, of: Value| json!({ "type": "object", "properties": { name: of }, "additionalProperties": false });
        for (old, new) in [
            // Beside a reference stands something new.
            (refers(json!({})), refers(json!({ "maxLength": 3 }))),
            // A map of texts was taken, and one key alone is left, which is a number.
            (map(text.clone()), some("de", json!({ "type": "integer" }))),
            (map(text.clone()), map(json!({ "type": "integer" }))),
            (
                json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": text }),
                json!({ "type": "object", "additionalProperties": text }),
            ),
            (
                json!({ "patternProperties": { "^a": text } }),
                json!({ "properties": { "ab": { "type": "integer" } } }),
            ),
            (
                json!({ "type": "array", "prefixItems": [text], "items": { "type": "integer" } }),
                json!({ "type": "array", "items": { "type": "integer" } }),
            ),
            // What had to be there was anything.
            (
                json!({ "required": ["a"] }),
                json!({ "required": ["a"], "properties": { "a": text } }),
            ),
            (
                json!({ "required": ["a"] }),
                json!({ "required": ["a"], "additionalProperties": false }),
            ),
        ] {
            assert!(input(&old, &new).is_some(), "{old} {new}");
            assert_eq!(input(&old, &old), None, "{old}");
        }
        let colon = |value: &str| object(json!({ "a": { "enum": [value] } }), json!(["a"]));
        let why = input(&colon("x: y"), &colon("z")).unwrap();
        assert_eq!(why, "/a: \"x: y\" is not one of its values");
    }

    #[test]
    fn a_reference_means_the_same_only_with_the_same_definitions() {
        let with = |kind: &str| json!({ "$ref": "#/$defs/x", "$defs": { "x": { "type": kind } } });
        assert_eq!(input(&with("string"), &with("string")), None);
        assert!(input(&with("string"), &with("integer")).is_some());
    }
}
