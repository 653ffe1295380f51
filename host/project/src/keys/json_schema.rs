//! The JSON Schema of each file, for editors, from its table of keys. Reads nothing.

use bailiwick_core::name::NAME_MAX_BYTES;
use serde_json::{Map, Value, json};

use super::{FileKind, Key, Shape};

/// The JSON Schema (draft 2020-12) of a file, for editors that know TOML.
#[must_use]
pub fn schema(file: FileKind) -> Value {
    let mut root = table(file.keys());
    if let Value::Object(map) = &mut root {
        map.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        map.insert("title".into(), title(file).into());
    }
    root
}

fn title(file: FileKind) -> &'static str {
    match file {
        FileKind::Pipeline => "A pipeline of Bailiwick (pipelines/NAME.toml)",
        FileKind::Project => "A project of Bailiwick (bailiwick.toml)",
        FileKind::Policy => "The policy of a host (policy.toml)",
        FileKind::Decisions => "Decisions of people, ahead of time (decisions.toml)",
    }
}

fn table(keys: &[Key]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut schema = shape(&key.shape);
            if let Value::Object(map) = &mut schema {
                map.insert("description".into(), key.doc.into());
            }
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<_> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text { most } => json!({ "type": "string", "minLength": 1, "maxLength": most }),
        Shape::Name => {
            json!({ "type": "string", "pattern": NAME_PATTERN, "maxLength": NAME_MAX_BYTES })
        }
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Size => json!({ "type": "string", "pattern": "^[0-9_]+ ?(B|KiB|MiB|GiB)$" }),
        Shape::Money => json!({ "type": "string", "pattern": MONEY_PATTERN }),
        Shape::Duration { .. } => json!({ "type": "string", "pattern": "^[0-9_]+ ?(ms|s|min|h)$" }),
        Shape::Days => json!({ "type": "string", "pattern": "^[0-9]+ days?$" }),
        Shape::Share => json!({ "type": "string", "pattern": "^([0-9]{1,2}|100)%$" }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Whole { least, most } => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::List { of, most } => {
            json!({ "type": "array", "items": self::shape(of), "maxItems": most })
        }
        Shape::Table(keys) => table(keys),
        Shape::Named { of, most } => json!({
            "type": "object",
            "propertyNames": { "pattern": NAME_PATTERN, "maxLength": NAME_MAX_BYTES },
            "additionalProperties": self::shape(of),
            "maxProperties": most,
        }),
        Shape::Labelled { of, most } => json!({
            "type": "object",
            "additionalProperties": self::shape(of),
            "maxProperties": most,
        }),
        Shape::Template | Shape::Json => json!({}),
        Shape::OneOf(shapes) => {
            json!({ "anyOf": shapes.iter().map(self::shape).collect::<Vec<_>>() })
        }
        Shape::Fields => json!({ "type": "object" }),
    }
}

const MONEY_PATTERN: &str = "^[0-9_]+(\\.[0-9]{1,9})? ?[A-Z]{3}$";

const NAME_PATTERN: &str = "^[a-z][a-z0-9_]*$";
