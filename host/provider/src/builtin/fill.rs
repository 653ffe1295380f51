//! A document for any JSON Schema: each member by what it is for, within what the schema allows. Composes no sentence itself.

use std::cell::Cell;

use bailiwick_core::schema::Schema;
use serde_json::{Map, Number, Value, json};

use super::copy::Composer;
use super::judge::{Problem, problems, score, verdict};
use super::material::Material;
use super::role::Role;
use super::schema::{MAX_DEPTH, Options, alone, merged, options, resolved, type_of};
use super::strings::shaped;

/// The most values of one document: above what any agent asks for; each text among them
/// reads the whole material again.
const VALUES_MAX: u32 = 1_000;
/// The most choices of one document whose ways are tried out: each compiles a schema.
/// After that the first way is taken.
const TRIALS_MAX: u32 = 64;
/// The most items of one list, whatever a schema demands.
const ITEMS_MAX: usize = 256;
/// Items of a list where nobody says how many.
const ITEMS_USUAL: usize = 3;
/// Tags, keywords and hashtags where nobody says how many.
const TAGS_USUAL: usize = 5;
/// Optional members are filled to this depth; below it, recursion would never end.
const OPTIONAL_DEPTH: usize = 6;

/// A document for a schema. Valid for every schema that ordinary agents write; for
/// contradictory or exotic ones it is the best that was found.
pub(super) fn document(schema: &Value, material: &Material) -> Value {
    let checked = Schema::admit(schema.clone()).ok();
    let valid = |value: &Value| checked.as_ref().is_none_or(|schema| schema.check(value).is_ok());
    let whole = Filler::new(schema, material, Extent::Whole).root();
    if valid(&whole) {
        return whole;
    }
    let least = Filler::new(schema, material, Extent::Required).root();
    if valid(&least) { least } else { whole }
}

/// How much of a schema is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Every member.
    Whole,
    /// Only what must be.
    Required,
}

struct Filler<'a> {
    root: &'a Value,
    material: &'a Material,
    composer: Composer<'a>,
    problems: Vec<Problem>,
    extent: Extent,
    left: Cell<u32>,
    trials: Cell<u32>,
}

/// Where in the document a value stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    name: &'p str,
    /// Of an item in its list.
    turn: usize,
    depth: usize,
    /// What the list is for whose item it is.
    list: Role,
    /// The objection that an object inside a list of reasons is about.
    problem: Option<&'p Problem>,
}

impl<'a> Filler<'a> {
    fn new(root: &'a Value, material: &'a Material, extent: Extent) -> Self {
        let composer = Composer::new(material);
        Self {
            root,
            material,
            composer,
            problems: problems(material),
            extent,
            left: Cell::new(VALUES_MAX),
            trials: Cell::new(TRIALS_MAX),
        }
    }

    fn root(&self) -> Value {
        self.fill(
            self.root,
            Place { name: "", turn: 0, depth: 0, list: Role::Other, problem: None },
        )
    }

    fn fill(&self, schema: &Value, place: Place<'_>) -> Value {
        if self.left.get() == 0 || place.depth > MAX_DEPTH {
            return Value::Null;
        }
        self.left.set(self.left.get() - 1);
        let schema = resolved(schema, self.root);
        let Value::Object(map) = &schema else { return self.text(&Map::new(), place) };
        if let Some(value) = map.get("const") {
            return value.clone();
        }
        match options(map) {
            Options::None => {}
            Options::Words(words) => return self.word(&words, map, place),
            Options::Ways(ways) => return self.way(map, &ways, place),
        }
        match type_of(map) {
            "object" => self.object(map, place),
            "array" => self.array(map, place),
            "integer" => self.number(map, place, true),
            "number" => self.number(map, place, false),
            "boolean" => self.boolean(map, place),
            "null" => Value::Null,
            _ => self.text(map, place),
        }
    }

    /// One of several words: what the material says, what a judge would say, else the default or the first.
    fn word(&self, words: &[&Value], map: &Map<String, Value>, place: Place<'_>) -> Value {
        let judged = || verdict(words, self.problems.len()).filter(|_| words.len() > 1);
        let said = || {
            let named = self.material.text(place.name)?;
            words
                .iter()
                .find(|word| word.as_str().is_some_and(|word| word.eq_ignore_ascii_case(&named)))
                .copied()
        };
        let usual = || map.get("default").filter(|value| words.contains(value));
        let in_turn = || words.get(place.turn % words.len().max(1)).copied();
        let is_verdict = role(map, place.name) == Role::Verdict;
        let chosen = if is_verdict { judged() } else { None };
        chosen
            .or_else(said)
            .or_else(judged)
            .or_else(usual)
            .or_else(in_turn)
            .cloned()
            .unwrap_or(Value::Null)
    }

    /// The first of several ways whose document is valid.
    fn way(&self, base: &Map<String, Value>, ways: &[&Value], place: Place<'_>) -> Value {
        let trials = self.trials.get();
        self.trials.set(trials.saturating_sub(1));
        let schema = if trials > 0 { alone(base, ways, self.root) } else { None };
        let mut rest = base.clone();
        rest.remove(if base.contains_key("oneOf") { "oneOf" } else { "anyOf" });
        let mut fallback = None;
        for way in ways {
            let value = self.fill(&merged(&rest, &resolved(way, self.root)), place);
            let Some(schema) = &schema else { return value };
            if schema.check(&value).is_ok() {
                return value;
            }
            fallback = fallback.or(Some(value));
        }
        fallback.unwrap_or(Value::Null)
    }

    fn object(&self, map: &Map<String, Value>, place: Place<'_>) -> Value {
        let empty = Map::new();
        let properties = map.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required: Vec<&str> = map
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let wanted = |name: &str| {
            required.contains(&name)
                || (self.extent == Extent::Whole && place.depth < OPTIONAL_DEPTH)
        };
        // What cites is filled last: by then the texts are written.
        let mut names: Vec<(&String, &Value)> =
            properties.iter().filter(|(name, _)| wanted(name)).collect();
        names.sort_by_key(|(name, schema)| role_of(schema, name) == Role::Fact);
        let mut object = Map::new();
        for (name, schema) in names {
            object.insert(
                name.clone(),
                self.fill(
                    schema,
                    Place { name, depth: place.depth + 1, list: Role::Other, ..place },
                ),
            );
        }
        let other = map.get("additionalProperties").unwrap_or(&Value::Bool(true));
        for name in required {
            if !object.contains_key(name) {
                object.insert(
                    name.to_owned(),
                    self.fill(
                        other,
                        Place { name, depth: place.depth + 1, list: Role::Other, ..place },
                    ),
                );
            }
        }
        let least =
            map.get("minProperties").and_then(Value::as_u64).unwrap_or(0).min(ITEMS_MAX as u64);
        let mut number = 0;
        while (object.len() as u64) < least && number < ITEMS_MAX {
            number += 1;
            let name = format!("entry_{number}");
            let value = self.fill(
                other,
                Place {
                    name: "",
                    turn: number,
                    depth: place.depth + 1,
                    list: Role::Other,
                    problem: None,
                },
            );
            object.entry(name).or_insert(value);
        }
        Value::Object(object)
    }

    fn array(&self, map: &Map<String, Value>, place: Place<'_>) -> Value {
        // A list of what has no known purpose lists sides of the subject.
        let role = match role(map, place.name) {
            Role::Other => Role::Topic,
            known => known,
        };
        let (least, most) =
            (size(map, "minItems").unwrap_or(0), size(map, "maxItems").unwrap_or(ITEMS_MAX));
        let count =
            self.count(role, map).clamp(least.min(ITEMS_MAX), most.max(least).min(ITEMS_MAX));
        let prefix =
            map.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let any = Value::Bool(true);
        let items = map.get("items").unwrap_or(&any);
        let unique = map.get("uniqueItems") == Some(&Value::Bool(true));
        let mut list: Vec<Value> = Vec::new();
        // A few more turns than items: some give nothing new.
        for turn in 0..count.max(prefix.len().min(most)) + ITEMS_USUAL {
            if list.len() >= count.max(prefix.len().min(most)) {
                break;
            }
            let schema = prefix.get(list.len()).unwrap_or(items);
            let problem =
                if role == Role::Reason { self.problems.get(turn) } else { place.problem };
            let value = self
                .fill(schema, Place { turn, depth: place.depth + 1, list: role, problem, ..place });
            let is_blank = value.as_str().is_some_and(str::is_empty);
            let is_known = list.contains(&value) && (unique || value.is_string());
            if (!is_blank && !is_known) || (!unique && turn >= count && list.len() < least) {
                list.push(value);
            }
        }
        self.complete(&mut list, items, least, Place { list: role, ..place });
        Value::Array(list)
    }

    /// Numbered variants where a list is still too short.
    fn complete(&self, list: &mut Vec<Value>, items: &Value, least: usize, place: Place<'_>) {
        for number in 2..=ITEMS_MAX {
            if list.len() >= least.min(ITEMS_MAX) {
                return;
            }
            let last = self.fill(items, Place { turn: number, depth: place.depth + 1, ..place });
            let variant = match &last {
                Value::String(text) => {
                    let schema = resolved(items, self.root);
                    json!(shaped(
                        &format!("{number} {text}"),
                        schema.as_object().unwrap_or(&Map::new()),
                        None
                    ))
                }
                Value::Number(_) => json!(number),
                other => other.clone(),
            };
            list.push(if list.contains(&variant) { last } else { variant });
        }
    }

    fn count(&self, role: Role, map: &Map<String, Value>) -> usize {
        match role {
            Role::Reason => self.problems.len(),
            Role::Fact if self.material.facts.is_empty() => 0,
            Role::Fact => match self.composer.cited().len() {
                0 => ITEMS_USUAL.min(self.material.facts.len()),
                cited => cited,
            },
            Role::Tag | Role::Hashtag => TAGS_USUAL,
            _ => map.get("prefixItems").and_then(Value::as_array).map_or(ITEMS_USUAL, Vec::len),
        }
    }

    fn boolean(&self, map: &Map<String, Value>, place: Place<'_>) -> Value {
        if role(map, place.name) == Role::Verdict {
            return json!(self.problems.is_empty());
        }
        let said = self
            .material
            .value(place.name)
            .filter(|value| value.is_boolean())
            .or_else(|| map.get("default"));
        said.cloned().unwrap_or(json!(false))
    }

    fn number(&self, map: &Map<String, Value>, place: Place<'_>, whole: bool) -> Value {
        let figure = |key: &str| map.get(key).and_then(Value::as_f64);
        let step = figure("multipleOf").filter(|step| *step > 0.0).or(whole.then_some(1.0));
        let nudge = step.unwrap_or(1e-3);
        let least =
            figure("minimum").or_else(|| figure("exclusiveMinimum").map(|least| least + nudge));
        let most =
            figure("maximum").or_else(|| figure("exclusiveMaximum").map(|most| most - nudge));
        let said =
            self.material.value(place.name).and_then(Value::as_f64).or_else(|| figure("default"));
        let wanted = match (said, role(map, place.name)) {
            (Some(said), _) => said,
            (None, Role::Score) => {
                let share = score(self.material, self.problems.len());
                let (low, high) = (least.unwrap_or(0.0), most.unwrap_or(1.0));
                let figure = low + share * (high - low);
                if whole { figure.round() } else { figure }
            }
            (None, _) => least.unwrap_or(1.0).max(place.turn as f64 + least.unwrap_or(1.0)),
        };
        let within = wanted.max(least.unwrap_or(f64::MIN)).min(most.unwrap_or(f64::MAX));
        let stepped = step.map_or(within, |step| {
            let up = (within / step).ceil() * step;
            if most.is_some_and(|most| up > most) { (within / step).floor() * step } else { up }
        });
        if whole && stepped.abs() < 9e15 {
            json!(stepped as i64)
        } else {
            Number::from_f64(stepped).map_or(json!(0), Value::Number)
        }
    }

    fn text(&self, map: &Map<String, Value>, place: Place<'_>) -> Value {
        let role = match role(map, place.name) {
            Role::Other => place.list,
            known => known,
        };
        let limit = self.material.limit(place.name);
        let most = [size(map, "maxLength"), limit].into_iter().flatten().min();
        let echoed =
            || self.material.text(place.name).filter(|_| !role.is_copy() && role != Role::Tag);
        let example = || map.get("examples")?.as_array()?.first()?.as_str().map(str::to_owned);
        let usual = || map.get("default")?.as_str().map(str::to_owned);
        let text = match (place.problem, role) {
            (Some(problem), Role::Rule) => problem.rule.to_owned(),
            (Some(problem), Role::Fix) => problem.fix.clone(),
            (Some(problem), Role::Body | Role::Reason) => problem.message.clone(),
            _ => {
                let known = format_text(map, self.material).or_else(echoed);
                let known = known
                    .or_else(|| if role == Role::Other { usual().or_else(example) } else { None });
                known.unwrap_or_else(|| self.composer.text(role, most, place.turn))
            }
        };
        json!(shaped(&text, map, most))
    }
}

/// Texts whose form says what they are.
fn format_text(map: &Map<String, Value>, material: &Material) -> Option<String> {
    let product = || {
        super::wording::slug(
            &material.first(&["brand", "product"]).unwrap_or_else(|| "example".into()),
        )
    };
    Some(match map.get("format")?.as_str()? {
        "date" => material.text("deadline").unwrap_or_else(|| "2026-01-01".into()),
        "date-time" => "2026-01-01T12:00:00Z".into(),
        "time" => "12:00:00Z".into(),
        "email" => format!("hello@{}.example", product()),
        "uri" | "url" | "iri" => format!("https://{}.example/", product()),
        "hostname" => format!("{}.example", product()),
        "uuid" => "00000000-0000-4000-8000-000000000000".into(),
        _ => return None,
    })
}

fn size(map: &Map<String, Value>, key: &str) -> Option<usize> {
    map.get(key).and_then(Value::as_u64).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

fn role(map: &Map<String, Value>, name: &str) -> Role {
    Role::of(name, map.get("description").and_then(Value::as_str).unwrap_or_default())
}

fn role_of(schema: &Value, name: &str) -> Role {
    schema.as_object().map_or(Role::Other, |map| role(map, name))
}
