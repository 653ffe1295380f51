//! JSON Schemas of Rust types, the decoding against them and the encoding; knows no capability.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::finite::Finite;

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

/// Writes a document; the error begins with the path of what has no form in JSON. Such a
/// number (NaN, infinity) would silently be null.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    serde_path_to_error::serialize(value, Finite).map_err(|error| error.to_string())?;
    serde_json::to_string(value).map_err(|error| error.to_string())
}

/// The same, and the same text for the same value, however its type orders its fields.
pub(crate) fn encode_sorted<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    serde_path_to_error::serialize(value, Finite).map_err(|error| error.to_string())?;
    serde_json::to_value(value).map(|value| value.to_string()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

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
    fn a_number_that_json_has_no_form_for_is_named_with_its_place() {
        let told =
            |value: f64| encode(&BTreeMap::from([("a", (vec![Some(1.5), Some(value)], ()))]));
        assert_eq!(told(2.0).as_deref(), Ok(r#"{"a":[[1.5,2.0],null]}"#));
        for (value, words) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-f64::INFINITY, "-inf")]
        {
            let error = told(value).unwrap_err();
            assert!(error.starts_with("a[0][1]: "), "{error}");
            assert!(error.contains(&format!("{words} is no number in JSON")), "{error}");
        }
        assert!(encode(&f32::NAN).is_err());
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
