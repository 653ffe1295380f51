//! Reading a schema before it is filled: references, merged parts, choices, types. Makes no value.

use bailiwick_core::schema::Schema;
use serde_json::{Map, Value, json};

/// How deep a document may get: twice what schemas may be nested.
pub(super) const MAX_DEPTH: usize = 64;
/// References and `allOf` that are followed in a row: a cycle of bare references ends here.
const HOPS_MAX: usize = 32;

/// What a schema leaves to choose.
pub(super) enum Options<'s> {
    /// Nothing.
    None,
    /// One of these values.
    Words(Vec<&'s Value>),
    /// One of these schemas.
    Ways(Vec<&'s Value>),
}

/// A schema with its references and `allOf` written out, at this level.
pub(super) fn resolved(schema: &Value, root: &Value) -> Value {
    let mut schema = schema.clone();
    for _ in 0..HOPS_MAX {
        let Value::Object(map) = &mut schema else { return schema };
        if let Some(Value::String(reference)) = map.remove("$ref") {
            let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            schema = merged(map, target.unwrap_or(&Value::Bool(true)));
        } else if let Some(Value::Array(parts)) = map.remove("allOf") {
            schema = parts.iter().fold(schema, |whole, part| match &whole {
                Value::Object(map) => merged(map, &resolved(part, root)),
                _ => whole,
            });
        } else {
            return schema;
        }
    }
    schema
}

/// One schema with what another adds: properties and required names are joined, of
/// bounds the tighter one holds, of the rest the other's.
pub(super) fn merged(base: &Map<String, Value>, other: &Value) -> Value {
    let Value::Object(other) = other else { return Value::Object(base.clone()) };
    let mut whole = base.clone();
    for (key, value) in other {
        let joined = match (key.as_str(), whole.get(key), value) {
            ("properties", Some(Value::Object(known)), Value::Object(more)) => {
                let mut known = known.clone();
                known.extend(more.clone());
                Value::Object(known)
            }
            ("required", Some(Value::Array(known)), Value::Array(more)) => {
                Value::Array(known.iter().chain(more).cloned().collect())
            }
            (key, Some(known), _) if key.starts_with("min") || key == "exclusiveMinimum" => {
                tighter(known, value, f64::gt)
            }
            (key, Some(known), _) if key.starts_with("max") || key == "exclusiveMaximum" => {
                tighter(known, value, f64::lt)
            }
            _ => value.clone(),
        };
        whole.insert(key.clone(), joined);
    }
    // Choices of the part that was merged are the part's own.
    Value::Object(whole)
}

fn tighter(known: &Value, other: &Value, wins: fn(&f64, &f64) -> bool) -> Value {
    match (known.as_f64(), other.as_f64()) {
        (Some(a), Some(b)) if wins(&a, &b) => known.clone(),
        _ => other.clone(),
    }
}

/// What a schema leaves to choose; nothing is preferred less than something.
pub(super) fn options(map: &Map<String, Value>) -> Options<'_> {
    if let Some(Value::Array(words)) = map.get("enum") {
        return Options::Words(words.iter().collect());
    }
    let ways = map.get("oneOf").or_else(|| map.get("anyOf")).and_then(Value::as_array);
    let Some(ways) = ways.filter(|ways| !ways.is_empty()) else { return Options::None };
    let words: Option<Vec<&Value>> = ways.iter().map(|way| way.get("const")).collect();
    if let Some(words) = words {
        return Options::Words(words);
    }
    let is_null = |way: &&Value| way.get("type") == Some(&json!("null"));
    let (nothing, something): (Vec<_>, Vec<_>) = ways.iter().partition(is_null);
    Options::Ways(something.into_iter().chain(nothing).collect())
}

/// The choice as a schema of its own, to check one way's value against; references reach the root from there.
pub(super) fn alone(base: &Map<String, Value>, ways: &[&Value], root: &Value) -> Option<Schema> {
    let key = if base.contains_key("oneOf") { "oneOf" } else { "anyOf" };
    let mut own = base.clone();
    own.insert(key.to_owned(), ways.iter().map(|way| (*way).clone()).collect());
    for meta in ["$schema", "$defs", "definitions"] {
        own.remove(meta);
    }
    let mut whole = match moved(&Value::Object(own)) {
        Value::Object(whole) => whole,
        _ => return None,
    };
    let mut root = moved(root);
    if let Value::Object(root) = &mut root {
        root.remove("$schema");
    }
    whole.insert("$defs".into(), json!({"whole": root}));
    Schema::admit(Value::Object(whole)).ok()
}

/// A schema whose root has moved below `#/$defs/whole`.
fn moved(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let member = |(key, value): (&String, &Value)| match (key.as_str(), value) {
                ("$ref", Value::String(reference)) => {
                    let rest = reference.strip_prefix('#').unwrap_or_default();
                    (key.clone(), json!(format!("#/$defs/whole{rest}")))
                }
                _ => (key.clone(), moved(value)),
            };
            Value::Object(map.iter().map(member).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(moved).collect()),
        other => other.clone(),
    }
}

/// The type to fill: the one that is named, of several the first that is something, else what the keywords are about.
pub(super) fn type_of(map: &Map<String, Value>) -> &str {
    let named = match map.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            names.iter().find(|name| **name != "null").or(names.first()).copied()
        }
        _ => None,
    };
    let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
    named.unwrap_or_else(|| match () {
        () if has(&["properties", "required", "minProperties"]) => "object",
        () if has(&["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]) => "array",
        () if has(&[
            "minimum",
            "maximum",
            "multipleOf",
            "exclusiveMinimum",
            "exclusiveMaximum",
        ]) =>
        {
            "number"
        }
        () => "string",
    })
}
