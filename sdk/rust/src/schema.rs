//! JSON Schemas of Rust types and the decoding against them; knows no capability.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;

/// What a document must look like to be read as a `T`: JSON Schema 2020-12, inline
/// (recursive types have local `$defs`), because tools and model vendors read that best.
pub(crate) fn of_input<T: JsonSchema>() -> String {
    written::<T>(SchemaSettings::draft2020_12().for_deserialize())
}

/// What a `T` looks like once it is written.
pub(crate) fn of_output<T: JsonSchema>() -> String {
    written::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn written<T: JsonSchema>(mut settings: SchemaSettings) -> String {
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<T>().as_value().to_string()
}

/// Reads a document; the error begins with the path of what is wrong.
pub(crate) fn decode<T: DeserializeOwned>(document: &str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(document);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Debug, Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only the shape is of interest")]
    struct Brief {
        points: Vec<Point>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only the shape is of interest")]
    struct Point {
        weight: u8,
        sub: Option<Box<Point>>,
    }

    #[test]
    fn errors_begin_with_the_path() {
        let error = decode::<Brief>(r#"{"points": [{"weight": 1}, {"weight": 300}]}"#).unwrap_err();
        assert!(error.starts_with("points[1].weight: "), "{error}");
    }

    #[test]
    fn refuses_what_follows_the_document() {
        assert!(decode::<u8>("1 2").is_err());
    }

    #[test]
    fn references_stay_inside_the_document() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(map) => {
                    found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
                    map.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let schema: Value = serde_json::from_str(&of_input::<Brief>()).unwrap();
        assert_eq!(schema["$schema"], json!("https://json-schema.org/draft/2020-12/schema"));
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(!found.is_empty());
        assert!(found.iter().all(|reference| reference.starts_with('#')));
    }
}
