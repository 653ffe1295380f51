//! Documents for a schema that somebody else wrote: the least that it allows, something usual, and a lot. Knows no agent.

use std::cell::Cell;

use bailiwick_core::schema::Schema;
use serde_json::{Map, Value, json};

/// The most values of one document: lists of lists of lists grow no further.
const VALUES_MAX: u32 = 2_000;
/// Members that need not be there are filled to this depth; below it, recursion would never end.
const OPTIONAL_DEPTH: usize = 6;
/// The deepest value that is made: schemas may ask for themselves.
const DEPTH_MAX: usize = 64;
/// The longest text that is made where a schema sets no bound, in letters: more than people
/// type into a field.
const TEXT_LENGTH: usize = 400;
/// The longest text that is made, in letters; for a schema that demands more there is none.
const TEXT_LENGTH_MAX: usize = 10_000;
/// The most items of a list, whatever a schema demands: above it there is no document.
const ITEMS_MAX: usize = 64;

/// What texts are made of that are long: letters of one to four bytes, marks that mean
/// something to HTML, to shells and to JSON.
const LETTERS: &str = "Tea für 漢字 🌱 <b>\"&amp;'$(x)\\ {{y}}\n";

/// Texts for patterns: one of each form that people ask for most.
const SHAPES: [&str; 16] = [
    "a",
    "A",
    "1",
    "a1",
    "ab",
    "text",
    "en",
    "en-GB",
    "EN",
    "2026-01-31",
    "12:30",
    "#a1b2c3",
    "https://example.com/",
    "ada@example.com",
    "1.0.0",
    "2026-01-31T12:30:00Z",
];

/// How much of what a schema allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Least,
    Usual,
    Most,
}

/// Valid documents, each with what it is; `artifact` stands wherever one belongs. Fewer
/// than three where a schema is beyond what is made here, or has no more.
pub(super) fn examples(schema: &Schema, artifact: &Value) -> Vec<(&'static str, Value)> {
    let of = [
        ("the least that its schema allows", Extent::Least),
        ("a usual document", Extent::Usual),
        ("a large document", Extent::Most),
    ];
    let mut found: Vec<(&'static str, Value)> = Vec::new();
    for (what, extent) in of {
        let left = Cell::new(VALUES_MAX);
        let maker = Maker { root: schema.value(), artifact, extent, left };
        let document = maker.value(schema.value(), 0, 0);
        if schema.check(&document).is_ok() && found.iter().all(|(_, known)| *known != document) {
            found.push((what, document));
        }
    }
    found
}

struct Maker<'a> {
    root: &'a Value,
    artifact: &'a Value,
    extent: Extent,
    left: Cell<u32>,
}

impl Maker<'_> {
    /// A value for a schema; `turn` tells the items of one list from each other.
    fn value(&self, schema: &Value, turn: usize, depth: usize) -> Value {
        if self.is_spent() || depth > DEPTH_MAX {
            return Value::Null;
        }
        let schema = self.whole(schema, depth);
        let said = schema.get("examples").and_then(Value::as_array).and_then(|all| all.get(turn));
        if let (Extent::Usual, Some(example)) = (self.extent, said) {
            return example.clone();
        }
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return self.one_of(values).cloned().unwrap_or_default();
        }
        let own = schema.get("properties").and_then(Value::as_object);
        if own.is_some_and(|own| own.contains_key("$artifact")) {
            return self.artifact.clone();
        }
        match self.kind(&schema) {
            "object" => self.object(&schema, depth),
            "array" => self.array(&schema, depth),
            "integer" => number(&schema, self.extent, true),
            "number" => number(&schema, self.extent, false),
            "boolean" => json!(self.extent != Extent::Least),
            "null" => Value::Null,
            _ => self.text(&schema, turn),
        }
    }

    /// Counts one more, and whether that was too many.
    fn is_spent(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left == 0
    }

    /// A schema with what it refers to, with all of `allOf` and one of each choice.
    fn whole(&self, schema: &Value, depth: usize) -> Map<String, Value> {
        let Value::Object(map) = schema else { return Map::new() };
        let mut whole = map.clone();
        // `allOf` may hold its own schema twice, which doubles at each depth.
        if self.is_spent() || depth > DEPTH_MAX {
            return whole;
        }
        let mut add = |more: &Value| merge(&mut whole, self.whole(more, depth + 1));
        let target = |text: &str| self.root.pointer(text.strip_prefix('#')?);
        if let Some(target) = map.get("$ref").and_then(Value::as_str).and_then(target) {
            add(target);
        }
        map.get("allOf").and_then(Value::as_array).into_iter().flatten().for_each(&mut add);
        for choice in ["anyOf", "oneOf"] {
            let ways = map.get(choice).and_then(Value::as_array);
            if let Some(way) = ways.and_then(|ways| self.way(ways)) {
                add(way);
            }
        }
        whole
    }

    /// One of several; what stands for nothing where little is wanted, and for something else.
    fn way<'v>(&self, ways: &'v [Value]) -> Option<&'v Value> {
        let is_null = |way: &&Value| way.get("type").is_some_and(|kind| kind == "null");
        match self.extent {
            Extent::Least => ways.iter().find(is_null).or(ways.first()),
            Extent::Usual => ways.iter().find(|way| !is_null(way)).or(ways.first()),
            Extent::Most => ways.iter().rev().find(|way| !is_null(way)).or(ways.last()),
        }
    }

    fn one_of<'v>(&self, values: &'v [Value]) -> Option<&'v Value> {
        if self.extent == Extent::Most { values.last() } else { values.first() }
    }

    fn kind<'v>(&self, schema: &'v Map<String, Value>) -> &'v str {
        match schema.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) => {
                let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                let something = kinds.iter().find(|kind| **kind != "null").copied();
                match self.extent {
                    Extent::Least if kinds.contains(&"null") => "null",
                    _ => something.unwrap_or("null"),
                }
            }
            _ if ["properties", "required", "additionalProperties"]
                .iter()
                .any(|key| schema.contains_key(*key)) =>
            {
                "object"
            }
            _ if ["items", "prefixItems", "minItems"].iter().any(|k| schema.contains_key(*k)) => {
                "array"
            }
            _ if ["minimum", "maximum", "multipleOf"].iter().any(|k| schema.contains_key(*k)) => {
                "number"
            }
            _ => "string",
        }
    }

    fn object(&self, schema: &Map<String, Value>, depth: usize) -> Value {
        let none = Map::new();
        let own = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let others = schema.get("additionalProperties").unwrap_or(&Value::Bool(true));
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required: Vec<&str> = required.filter_map(Value::as_str).collect();
        let all = self.extent != Extent::Least && depth < OPTIONAL_DEPTH;
        let mut made = Map::new();
        for (name, member) in own {
            if all || required.contains(&name.as_str()) {
                made.insert(name.clone(), self.value(member, 0, depth + 1));
            }
        }
        for name in required.iter().filter(|name| !own.contains_key(**name)) {
            made.insert((*name).to_owned(), self.value(others, 0, depth + 1));
        }
        let least = size(schema, "minProperties").unwrap_or(0);
        let wanted = if all && own.is_empty() && others.is_object() { 1 } else { 0 };
        for turn in 0..least.max(wanted).min(ITEMS_MAX).saturating_sub(made.len()) {
            made.insert(format!("key{turn}"), self.value(others, turn, depth + 1));
        }
        Value::Object(made)
    }

    fn array(&self, schema: &Map<String, Value>, depth: usize) -> Value {
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let first = first.map(Vec::as_slice).unwrap_or_default();
        let rest = schema.get("items").unwrap_or(&Value::Bool(true));
        let least = size(schema, "minItems").unwrap_or(0);
        let most = size(schema, "maxItems").unwrap_or(usize::MAX);
        let usual = match self.extent {
            _ if depth >= OPTIONAL_DEPTH => 0,
            Extent::Least => 0,
            Extent::Usual => 1.max(first.len()),
            Extent::Most => 3.max(first.len()),
        };
        let count = usual.max(least).min(most).min(ITEMS_MAX);
        let item = |turn| self.value(first.get(turn).unwrap_or(rest), turn, depth + 1);
        Value::Array((0..count).map(item).collect())
    }

    fn text(&self, schema: &Map<String, Value>, turn: usize) -> Value {
        let least = size(schema, "minLength").unwrap_or(0);
        let most = size(schema, "maxLength").unwrap_or(usize::MAX);
        if schema.contains_key("pattern") {
            let fits = Schema::admit(Value::Object(schema.clone())).ok();
            let fitting =
                |text: &&&str| fits.as_ref().is_some_and(|s| s.check(&json!(text)).is_ok());
            let found: Vec<&&str> = SHAPES.iter().filter(fitting).collect();
            let nth = found.get(turn).or(found.first());
            return nth.map(|text| json!(text)).unwrap_or_default();
        }
        let usual = match turn {
            0 => "text".to_owned(),
            turn => format!("text {turn}"),
        };
        let (text, wanted) = match self.extent {
            Extent::Least => (usual, least.max(usize::from(turn > 0) * 6)),
            Extent::Usual => {
                let length = usual.chars().count();
                (usual, length.max(least))
            }
            Extent::Most => (format!("{turn}{LETTERS}"), TEXT_LENGTH.max(least)),
        };
        let length = wanted.min(most).min(TEXT_LENGTH_MAX);
        json!(text.chars().cycle().take(length).collect::<String>())
    }
}

/// What both schemas say; where they say different things of one keyword, the second.
fn merge(whole: &mut Map<String, Value>, more: Map<String, Value>) {
    for (key, value) in more {
        match (whole.get_mut(&key), value) {
            (Some(Value::Object(own)), Value::Object(more)) if key == "properties" => {
                own.extend(more);
            }
            (Some(Value::Array(own)), Value::Array(more)) if key == "required" => own.extend(more),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}

fn size(schema: &Map<String, Value>, key: &str) -> Option<usize> {
    usize::try_from(schema.get(key)?.as_u64()?).ok()
}

/// The least, one, or the largest; bounds that nobody set are 0 and 1 000.
#[expect(clippy::cast_possible_truncation, reason = "an integer out of range is none that fits")]
fn number(schema: &Map<String, Value>, extent: Extent, whole: bool) -> Value {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    let above = bound("exclusiveMinimum").map(|least| (least / step).floor() * step + step);
    let below = bound("exclusiveMaximum").map(|most| (most / step).ceil() * step - step);
    let (least, most) = (bound("minimum").or(above), bound("maximum").or(below));
    let wanted = match extent {
        Extent::Least => least.unwrap_or(0.0),
        Extent::Usual => 1.0,
        Extent::Most => most.unwrap_or(1_000.0),
    };
    let within = wanted.max(least.unwrap_or(f64::MIN)).min(most.unwrap_or(f64::MAX));
    let within =
        if schema.contains_key("multipleOf") { (within / step).ceil() * step } else { within };
    if whole || within.fract() == 0.0 { json!(within.ceil() as i64) } else { json!(within) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: Value) -> Vec<Value> {
        let schema = Schema::admit(schema).unwrap();
        let artifact = json!({ "$artifact": "here" });
        examples(&schema, &artifact).into_iter().map(|(_, document)| document).collect()
    }

    #[test]
    fn what_is_made_keeps_to_the_schema() {
        let schema = json!({
            "type": "object",
            "required": ["name", "kind", "tags", "size"],
            "additionalProperties": false,
            "properties": {
                "name": { "type": "string", "minLength": 2, "maxLength": 20 },
                "kind": { "enum": ["a", "b"] },
                "locale": { "type": "string", "pattern": "^[a-z]{2}-[A-Z]{2}$" },
                "tags": { "type": "array", "items": { "$ref": "#/$defs/tag" }, "minItems": 2, "uniqueItems": true },
                "size": { "type": "integer", "exclusiveMinimum": 3, "multipleOf": 2 },
                "note": { "type": ["string", "null"] },
                "picture": { "type": "object", "properties": { "$artifact": { "type": "string" } } },
                "more": { "anyOf": [{ "type": "null" }, { "type": "object", "additionalProperties": { "type": "number", "maximum": 0.5 } }] },
            },
            "$defs": { "tag": { "type": "string", "maxLength": 8 } },
        });
        let made = made(schema);
        assert_eq!(made.len(), 3, "{made:#?}");
        assert_eq!(
            made[0],
            json!({ "kind": "a", "name": "te", "size": 4, "tags": ["", "text 1"] })
        );
        assert_eq!(made[1]["locale"], "en-GB");
        assert_eq!(made[1]["picture"], json!({ "$artifact": "here" }));
        assert_eq!((&made[2]["kind"], &made[2]["more"]), (&json!("b"), &json!({ "key0": 0.5 })));
        assert_eq!(made[2]["name"].as_str().unwrap().chars().count(), 20);
    }

    #[test]
    fn schemas_of_any_form_are_answered_or_left_out() {
        assert_eq!(made(json!(true)).len(), 3);
        assert_eq!(made(json!({ "const": 3 })), [json!(3)]);
        assert!(made(json!(false)).is_empty());
        assert!(made(json!({ "type": "string", "pattern": "^xyzzy$" })).is_empty());
        assert!(made(json!({ "type": "string", "minLength": 9, "maxLength": 2 })).is_empty());
        let tree = json!({ "$defs": { "t": { "type": "object", "required": ["kids"], "properties":
            { "kids": { "type": "array", "items": { "$ref": "#/$defs/t" } } } } }, "$ref": "#/$defs/t" });
        assert_eq!(made(tree).len(), 3);
        let endless = json!({ "$defs": { "t": { "type": "object", "required": ["t"], "properties":
            { "t": { "$ref": "#/$defs/t" } } } }, "$ref": "#/$defs/t" });
        assert!(made(endless).is_empty());
        let all = json!({ "allOf": [{ "type": "object", "required": ["a"] },
            { "properties": { "a": { "type": "integer", "minimum": 7 } } }] });
        assert_eq!(made(all)[0], json!({ "a": 7 }));
        let doubled = json!({ "allOf": [{ "$ref": "#/$defs/a" }], "$defs":
            { "a": { "properties": { "x": { "allOf": [{ "$ref": "#/$defs/a" }, { "$ref": "#/$defs/a" }] } } } } });
        made(doubled);
        assert_eq!(
            made(json!({ "type": "string", "examples": ["as its author says"] }))[1],
            "as its author says"
        );
    }
}
