//! Which fields a value with a schema has, and the inline form of a schema. Knows no steps.

use std::cell::Cell;

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use crate::codes;
use crate::expr::Segment;
use crate::findings::{Findings, Node};
use crate::nearest::did_you_mean;

/// References that are followed before giving up: schemas may refer to themselves.
const FOLLOW_MAX: usize = 64;

/// Parts of a schema that are looked at for one path, all alternatives together: two that
/// refer back to the whole would be 2^64 ways of following 64 references.
const LOOKED_AT_MAX: usize = 4_096;

/// A path that its schema does not have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// The field that is not there.
    pub(crate) field: String,
    pub(crate) hint: Option<String>,
}

/// Whether a schema can have a path. A schema that lists `properties` has these and no
/// others, unless it says `additionalProperties`: JSON Schema would let anything pass,
/// but an expression that reads an unlisted field is a slip.
pub(crate) fn check(schema: &Value, path: &[Segment]) -> Result<(), Unknown> {
    descend(schema, schema, path, (FOLLOW_MAX, &Cell::new(LOOKED_AT_MAX)))
}

fn descend(
    root: &Value,
    schema: &Value,
    path: &[Segment],
    (left, parts): (usize, &Cell<usize>),
) -> Result<(), Unknown> {
    let bounds = left.checked_sub(1).zip(parts.get().checked_sub(1));
    // Nobody is told of what could not be looked at to its end.
    let (Some((segment, rest)), Some((left, others))) = (path.split_first(), bounds) else {
        return Ok(());
    };
    parts.set(others);
    let left = (left, parts);
    let Value::Object(map) = schema else { return Ok(()) };
    let mut outcome: Option<Result<(), Unknown>> = None;
    let mut also = |found: Result<(), Unknown>| {
        // One alternative that has the path is enough.
        if !matches!(outcome, Some(Ok(()))) {
            outcome = Some(found);
        }
    };
    if let Some(target) = map.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        also(target.map_or(Ok(()), |target| descend(root, target, path, left)));
    }
    for keyword in ["anyOf", "oneOf", "allOf"] {
        for alternative in map.get(keyword).and_then(Value::as_array).into_iter().flatten() {
            // `null` beside an object has no fields, and is no alternative to one.
            let is_null = alternative.get("type").is_some_and(|kind| kind == "null");
            if !is_null {
                also(descend(root, alternative, path, left));
            }
        }
    }
    match segment {
        Segment::Field(name) => match (map.get("properties"), map.get("additionalProperties")) {
            (Some(Value::Object(known)), more) => match (known.get(name), more) {
                (Some(member), _) => also(descend(root, member, rest, left)),
                (None, Some(Value::Object(_) | Value::Bool(true))) => also(Ok(())),
                (None, _) => also(Err(unknown(name, known))),
            },
            (_, Some(member @ Value::Object(_))) => also(descend(root, member, rest, left)),
            _ if is_scalar(map) => also(Err(Unknown { field: name.clone(), hint: None })),
            _ => {}
        },
        Segment::Item(_) => match map.get("items") {
            Some(items) => also(descend(root, items, rest, left)),
            None if is_scalar(map) => {
                also(Err(Unknown { field: "[…]".into(), hint: None }));
            }
            None => {}
        },
    }
    outcome.unwrap_or(Ok(()))
}

fn is_scalar(schema: &Map<String, Value>) -> bool {
    let scalar = |kind: &Value| {
        matches!(kind.as_str(), Some("string" | "integer" | "number" | "boolean" | "null"))
    };
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().all(scalar),
        Some(kind) => scalar(kind),
        None => false,
    }
}

fn unknown(name: &str, known: &Map<String, Value>) -> Unknown {
    let names = || known.keys().map(String::as_str);
    let hint = did_you_mean(name, names()).or_else(|| {
        let shown: Vec<_> = names().take(12).map(|name| format!("`{name}`")).collect();
        (!shown.is_empty()).then(|| format!("there are {}", shown.join(", ")))
    });
    Unknown { field: name.to_owned(), hint }
}

/// The object that a schema describes, where it is one: references followed.
pub(crate) fn as_object(schema: &Value) -> Option<&Map<String, Value>> {
    let mut at = schema;
    for _ in 0..FOLLOW_MAX {
        match at.get("$ref").and_then(Value::as_str) {
            Some(target) => at = schema.pointer(target.strip_prefix('#')?)?,
            None => return at.as_object().filter(|map| map.contains_key("properties")),
        }
    }
    None
}

/// The JSON Schema of `{ subject = "string", locales = ["string"], size = { w = "integer" } }`.
///
/// Types are `string`, `integer`, `number`, `boolean`, `object` and `any`; `[type]` is
/// a list, a table an object with exactly these fields. A field is required unless its
/// name ends in `?`.
pub(crate) fn inline_schema(node: &Node<'_>, findings: &mut Findings<'_>) -> Option<Value> {
    match node.get_ref() {
        DeValue::String(word) => match word.as_ref() {
            kind @ ("string" | "integer" | "number" | "boolean" | "object") => {
                Some(json!({ "type": kind }))
            }
            "any" => Some(json!(true)),
            other => {
                let kinds = ["string", "integer", "number", "boolean", "object", "any"];
                let message = format!("{other:?} is no type");
                let hint = did_you_mean(other, kinds)
                    .unwrap_or_else(|| format!("the types are {}", kinds.join(", ")));
                findings.report_with(codes::SCHEMA_UNREADABLE, node.span(), message, hint);
                None
            }
        },
        DeValue::Array(items) => match items.iter().collect::<Vec<_>>().as_slice() {
            [item] => {
                let items = inline_schema(item, findings)?;
                Some(json!({ "type": "array", "items": items }))
            }
            _ => {
                let message = "a list has exactly one type in it, as [\"string\"]";
                findings.report(codes::SCHEMA_UNREADABLE, node.span(), message);
                None
            }
        },
        DeValue::Table(table) => {
            let mut properties = Map::new();
            let mut required = Vec::new();
            let mut whole = true;
            for (key, value) in table {
                let written = key.get_ref().as_ref();
                let name = written.strip_suffix('?').unwrap_or(written);
                if name == written {
                    required.push(Value::from(name));
                }
                match inline_schema(value, findings) {
                    Some(schema) => _ = properties.insert(name.to_owned(), schema),
                    None => whole = false,
                }
            }
            whole.then(|| {
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            })
        }
        _ => {
            let message = "a type is a text, a list of one type, or a table of them";
            findings.report(codes::SCHEMA_UNREADABLE, node.span(), message);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(schema: &Value, path: &str) -> Result<(), Unknown> {
        let segments: Vec<_> = path
            .split('.')
            .map(|part| match part.parse() {
                Ok(index) => Segment::Item(index),
                Err(_) => Segment::Field(part.to_owned()),
            })
            .collect();
        check(schema, &segments)
    }

    #[test]
    fn a_schema_that_is_all_references_to_itself_is_left_at_some_time() {
        let twice = json!({ "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] });
        assert_eq!(field(&twice, "a.b"), Ok(()));
    }

    #[test]
    fn knows_what_a_schema_can_have() {
        let schema = json!({
            "type": "object",
            "properties": {
                "title": {"type": "string"},
                "facts": {"type": "array", "items": {"$ref": "#/$defs/fact"}},
                "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/fact"}]},
                "open": {"type": "object"},
                "map": {"type": "object", "additionalProperties": {"$ref": "#/$defs/fact"}},
                "self": {"$ref": "#"},
            },
            "$defs": {"fact": {"type": "object", "properties": {"id": {"type": "string"}}}},
        });
        for good in [
            "title",
            "facts.0.id",
            "either.id",
            "open.anything.at.all",
            "map.x.id",
            "self.self.title",
        ] {
            assert_eq!(field(&schema, good), Ok(()), "{good}");
        }
        for bad in
            ["titel", "title.length", "facts.0.name", "either.name", "map.x.name", "self.self.gone"]
        {
            assert!(field(&schema, bad).is_err(), "{bad}");
        }
        assert_eq!(field(&schema, "titel").unwrap_err().hint.unwrap(), "did you mean `title`?");
    }
}
