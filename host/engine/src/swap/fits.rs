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
        let is_same = same && inner.get("$ref") == outer.get("$ref");
        return (!is_same).then(|| format!("{shown}: what it refers to is another thing"));
    }
    let keywords = outer.iter().filter(|(key, _)| !WORDS.contains(&key.as_str()));
    let mut reasons = keywords.filter_map(|(key, wanted)| {
        keyword(key, (inner, wanted), outer, at, (same, depth)).map(|why| {
            match why.contains(": ") {
                true => why,
                false => format!("{shown}: {why}"),
            }
        })
    });
    reasons.next()
}

/// Why a keyword of the outer schema does not hold for every document of the inner one.
fn keyword(
    key: &str,
    (inner, wanted): (&Map<String, Value>, &Value),
    outer: &Map<String, Value>,
    at: &str,
    (same, depth): (bool, usize),
) -> Option<String> {
    let has = inner.get(key);
    let below = |part: &str| format!("{at}/{part}");
    match key {
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
            wanted.iter().find_map(|(name, wanted)| {
                let known = named?.get(name)?;
                nested(known, wanted, &below(name), (same, depth - 1))
            })
        }
        "additionalProperties" if *wanted == Value::Bool(false) => {
            let named = inner.get("properties").and_then(Value::as_object);
            let allowed = outer.get("properties").and_then(Value::as_object);
            let other = named.into_iter().flatten().map(|(name, _)| name);
            let mut other = other.filter(|name| allowed.is_none_or(|all| !all.contains_key(*name)));
            other.next().map(|name| format!("`{name}` may be there and must not be"))
        }
        "additionalProperties" if *wanted == Value::Bool(true) => None,
        "items" => match has {
            Some(known) => nested(known, wanted, &below("items"), (same, depth - 1)),
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
    }
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
    fn a_reference_means_the_same_only_with_the_same_definitions() {
        let with = |kind: &str| json!({ "$ref": "#/$defs/x", "$defs": { "x": { "type": kind } } });
        assert_eq!(input(&with("string"), &with("string")), None);
        assert!(input(&with("string"), &with("integer")).is_some());
    }
}
