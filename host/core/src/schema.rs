//! JSON Schemas that somebody else wrote: admitted under limits, then used to check documents. Fetches nothing, ever.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::Bytes;
use crate::text::{Lines, clip, visible};

/// The largest schema text: the profile of an agent holds two, and people read them.
pub const SCHEMA_MAX: Bytes = Bytes::kib(64);

/// The most nodes after every `$ref` was expanded: above it, checking one document
/// can cost more than the 50 ms of host work that one gate call may cause.
pub const SCHEMA_MAX_NODES: u64 = 10_000;

/// The deepest nesting of a schema: what people write stays under 12.
pub const SCHEMA_MAX_DEPTH: usize = 32;

/// The largest compiled pattern: linear-time automata of more are built from nested repetitions only.
const PATTERN_MAX_BYTES: usize = 1024 * 1024;

/// The most mismatches that one answer names: people mend from the top.
const MISMATCHES_MAX: usize = 8;

/// A schema that passed admission, compiled.
#[derive(Clone)]
pub struct Schema {
    value: Arc<Value>,
    validator: Arc<Validator>,
}

/// Why a schema is not admitted. Holds no value of the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaRefused {
    /// Over [`SCHEMA_MAX`].
    #[error("a schema has at most {SCHEMA_MAX}; this one has {}", Bytes(*.0 as u64))]
    TooLarge(usize),
    /// Not JSON.
    #[error("a schema is a JSON document; this is none")]
    NotJson,
    /// Neither object nor boolean.
    #[error("a schema is an object or a boolean")]
    NotASchema,
    /// Nested deeper than [`SCHEMA_MAX_DEPTH`].
    #[error("a schema is nested at most {SCHEMA_MAX_DEPTH} deep")]
    TooDeep,
    /// More than [`SCHEMA_MAX_NODES`] after expansion.
    #[error("a schema has at most {SCHEMA_MAX_NODES} nodes after each `$ref` is expanded")]
    TooManyNodes,
    /// A reference that leaves the document.
    #[error("at {0}: a reference stays in its document: it starts with `#`")]
    RemoteReference(String),
    /// A local reference to nothing.
    #[error("at {0}: the reference names nothing in this document")]
    DanglingReference(String),
    /// A keyword that changes what a reference means.
    #[error("at {0}: `$id`, `$anchor` and `$dynamicRef` are not admitted: write `$ref` with `#/…`")]
    Anchor(String),
    /// Another dialect.
    #[error("`$schema` may only name https://json-schema.org/draft/2020-12/schema")]
    Dialect,
    /// The compiler of schemas refused it.
    #[error("at {0}: the schema is not valid (a keyword's value or pattern is wrong)")]
    Invalid(String),
}

/// What in a document is not as its schema says: a path and a rule each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub Vec<String>);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Mismatch {}

impl Schema {
    /// Admits a schema that somebody else wrote, from its text.
    ///
    /// # Errors
    /// [`SchemaRefused`] with the rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, SchemaRefused> {
        if text.len() as u64 > SCHEMA_MAX.0 {
            return Err(SchemaRefused::TooLarge(text.len()));
        }
        Self::admit(serde_json::from_str(text).map_err(|_| SchemaRefused::NotJson)?)
    }

    /// Admits a schema that is a value already (inline in a file of ours).
    ///
    /// # Errors
    /// [`SchemaRefused`] with the rule that it breaks.
    pub fn admit(value: Value) -> Result<Self, SchemaRefused> {
        if !matches!(value, Value::Object(_) | Value::Bool(_)) {
            return Err(SchemaRefused::NotASchema);
        }
        let mut survey = Survey { root: &value, expanded: BTreeMap::new() };
        survey.depth_and_references(&value, &mut String::new(), 0)?;
        if survey.nodes(&value) > SCHEMA_MAX_NODES {
            return Err(SchemaRefused::TooManyNodes);
        }
        let validator = jsonschema::draft202012::options()
            .offline()
            .should_validate_formats(false)
            .with_pattern_options(
                PatternOptions::regex()
                    .size_limit(PATTERN_MAX_BYTES)
                    .dfa_size_limit(PATTERN_MAX_BYTES),
            )
            .build(&value)
            .map_err(|error| SchemaRefused::Invalid(pointer(error.instance_path().as_str())))?;
        Ok(Self { value: Arc::new(value), validator: Arc::new(validator) })
    }

    /// The schema as JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Checks a document.
    ///
    /// # Errors
    /// [`Mismatch`] with the first few rules that it breaks.
    pub fn check(&self, document: &Value) -> Result<(), Mismatch> {
        if self.validator.is_valid(document) {
            return Ok(());
        }
        let found = self.validator.iter_errors(document).take(MISMATCHES_MAX);
        Err(Mismatch(found.map(|error| sentence(&error)).collect()))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.value)
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// Walks a schema before anything compiles it.
struct Survey<'a> {
    root: &'a Value,
    /// Nodes of each reference's target, and 1 while it is being counted (a cycle).
    expanded: BTreeMap<&'a str, u64>,
}

impl<'a> Survey<'a> {
    fn depth_and_references(
        &self,
        node: &'a Value,
        path: &mut String,
        depth: usize,
    ) -> Result<(), SchemaRefused> {
        if depth > SCHEMA_MAX_DEPTH {
            return Err(SchemaRefused::TooDeep);
        }
        let length = path.len();
        match node {
            Value::Object(map) => {
                for (key, member) in map {
                    self.reference(key, member, path)?;
                    path.push('/');
                    path.push_str(key);
                    self.depth_and_references(member, path, depth + 1)?;
                    path.truncate(length);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push('/');
                    path.push_str(&index.to_string());
                    self.depth_and_references(item, path, depth + 1)?;
                    path.truncate(length);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A member of a map `properties` may be called `$ref` only if it is an object:
    /// as a keyword these have string values.
    fn reference(&self, key: &str, member: &Value, path: &str) -> Result<(), SchemaRefused> {
        let Value::String(text) = member else { return Ok(()) };
        match key {
            "$ref" if !text.starts_with('#') => Err(SchemaRefused::RemoteReference(pointer(path))),
            "$ref" if self.target(text).is_none() => {
                Err(SchemaRefused::DanglingReference(pointer(path)))
            }
            "$id" | "$anchor" | "$dynamicRef" | "$dynamicAnchor" | "$recursiveRef" => {
                Err(SchemaRefused::Anchor(pointer(path)))
            }
            "$schema"
                if text.trim_end_matches('#') != "https://json-schema.org/draft/2020-12/schema" =>
            {
                Err(SchemaRefused::Dialect)
            }
            _ => Ok(()),
        }
    }

    fn target(&self, reference: &str) -> Option<&'a Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// Nodes of a schema with each reference expanded; recursion counts once.
    fn nodes(&mut self, node: &'a Value) -> u64 {
        match node {
            Value::Object(map) => {
                let mut sum = 1u64;
                for (key, member) in map {
                    sum = sum.saturating_add(match member {
                        Value::String(reference) if key == "$ref" => self.expand(reference),
                        other => self.nodes(other),
                    });
                }
                sum
            }
            Value::Array(items) => {
                items.iter().fold(1, |sum, item| sum.saturating_add(self.nodes(item)))
            }
            _ => 1,
        }
    }

    fn expand(&mut self, reference: &'a str) -> u64 {
        if let Some(known) = self.expanded.get(reference) {
            return *known;
        }
        let Some(target) = self.target(reference) else { return 1 };
        self.expanded.insert(reference, 1);
        let nodes = self.nodes(target);
        self.expanded.insert(reference, nodes);
        nodes
    }
}

fn pointer(path: &str) -> String {
    if path.is_empty() { "the root".into() } else { visible(clip(path, 200), Lines::Escape) }
}

/// Path and rule, with the rule's number or name, never with a value of the document.
fn sentence(error: &ValidationError<'_>) -> String {
    let path = pointer(error.instance_path().as_str());
    let rule = match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().map_or_else(|| property.to_string(), str::to_owned);
            format!("`{}` is missing", visible(clip(&name, 64), Lines::Escape))
        }
        Kind::AdditionalProperties { unexpected } => {
            let names: Vec<_> = unexpected
                .iter()
                .take(4)
                .map(|name| format!("`{}`", visible(clip(name, 64), Lines::Escape)))
                .collect();
            format!("{} is not expected", names.join(", "))
        }
        Kind::Type { kind: TypeKind::Single(kind) } => format!("must be of type {kind}"),
        Kind::Type { .. } => "must be of one of the types that the schema lists".into(),
        Kind::MaxLength { limit } => format!("must have at most {limit} characters"),
        Kind::MinLength { limit } => format!("must have at least {limit} characters"),
        Kind::MaxItems { limit } => format!("must have at most {limit} items"),
        Kind::MinItems { limit } => format!("must have at least {limit} items"),
        Kind::Enum { .. } | Kind::Constant { .. } => {
            "must be one of the values that the schema lists".into()
        }
        Kind::FalseSchema => "is not expected".into(),
        other => format!("breaks the rule `{}`", other.keyword()),
    };
    format!("at {path}: {rule}")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn mismatch(schema: Value, document: &Value, expected: &Expect) {
        let found = Schema::admit(schema).unwrap().check(document).unwrap_err();
        expected.assert_eq(&found.to_string());
    }

    #[test]
    fn says_where_and_which_rule() {
        let schema = json!({"type": "object", "required": ["a", "b"], "additionalProperties": false,
            "properties": {"a": {"type": "string", "maxLength": 3}, "b": {"enum": ["secret"]}}});
        mismatch(
            schema.clone(),
            &json!({"a": "long text", "b": "x", "c": 1}),
            &expect![
                "at /a: must have at most 3 characters; at /b: must be one of the values that the schema lists; at the root: `c` is not expected"
            ],
        );
        mismatch(
            schema,
            &json!({"a": 1}),
            &expect!["at the root: `b` is missing; at /a: must be of type string"],
        );
    }

    #[test]
    fn refuses_what_leaves_the_document() {
        for reference in ["https://example.com/x", "file:///etc/passwd", "other.json", "//x"] {
            let refused = Schema::admit(json!({"items": {"$ref": reference}}));
            assert!(matches!(refused, Err(SchemaRefused::RemoteReference(_))), "{reference}");
        }
        let refused = Schema::admit(json!({"$id": "https://example.com/"}));
        assert!(matches!(refused, Err(SchemaRefused::Anchor(_))));
        let refused = Schema::admit(json!({"$ref": "#/$defs/none"}));
        assert!(matches!(refused, Err(SchemaRefused::DanglingReference(_))));
        assert_eq!(Schema::admit(json!({"$schema": "http://x/"})), Err(SchemaRefused::Dialect));
    }

    #[test]
    fn refuses_bombs() {
        let mut defs = serde_json::Map::new();
        defs.insert("d0".into(), json!({"type": "string"}));
        for level in 1..30 {
            let below = format!("#/$defs/d{}", level - 1);
            defs.insert(format!("d{level}"), json!({"allOf": [{"$ref": below}, {"$ref": below}]}));
        }
        let bomb = json!({"$defs": defs, "$ref": "#/$defs/d29"});
        assert_eq!(Schema::admit(bomb), Err(SchemaRefused::TooManyNodes));

        let deep = (0..40).fold(json!(true), |inner, _| json!({"items": inner}));
        assert_eq!(Schema::admit(deep), Err(SchemaRefused::TooDeep));

        let large = json!({"enum": [("x".repeat(70_000))]}).to_string();
        assert!(matches!(Schema::parse(&large), Err(SchemaRefused::TooLarge(_))));

        let pattern = json!({"pattern": "((((a{100}){100}){100}){100})"});
        assert!(matches!(Schema::admit(pattern), Err(SchemaRefused::Invalid(_))));
    }

    #[test]
    fn patterns_cannot_look_around() {
        let refused = Schema::admit(json!({"pattern": "(?=a)b"}));
        assert!(matches!(refused, Err(SchemaRefused::Invalid(_))));
    }

    #[test]
    fn recursion_is_a_schema_like_any_other() {
        let tree = json!({"$defs": {"t": {"type": "object", "properties":
            {"kids": {"type": "array", "items": {"$ref": "#/$defs/t"}}}}}, "$ref": "#/$defs/t"});
        let schema = Schema::admit(tree).unwrap();
        assert!(schema.check(&json!({"kids": [{"kids": []}]})).is_ok());
        assert!(schema.check(&json!({"kids": [{"kids": 3}]})).is_err());
    }
}
