//! What the built-in provider answers: the copy of the reference campaign as it reads, and documents for schemas of every shape.

use bailiwick_core::schema::Schema;
use bailiwick_gate::model::{Message, Role as Speaker};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

pub(super) fn request(text: &str, schema: Option<Value>) -> CompleteRequest {
    CompleteRequest {
        alias: "writer".into(),
        messages: vec![Message::text(Speaker::User, text)],
        max_tokens: None,
        temperature: None,
        seed: None,
        stop: Vec::new(),
        output_schema: schema,
        tools: Vec::new(),
    }
}

/// The answer to a material, valid for its schema.
fn answer(material: &Value, schema: &Value) -> Value {
    let text = complete(&request(&material.to_string(), Some(schema.clone()))).text;
    let value: Value = serde_json::from_str(&text).unwrap();
    let check = Schema::admit(schema.clone()).unwrap().check(&value);
    assert_eq!(check, Ok(()), "{value:#} for {schema:#}");
    value
}

fn check(material: &Value, schema: &Value, expected: &Expect) {
    expected.assert_eq(&format!("{:#}", answer(material, schema)));
}

fn copy_schema(headline: usize, body: usize, cta: usize) -> Value {
    json!({
        "title": "PostText", "type": "object", "required": ["headline", "body", "cta", "facts"],
        "properties": {
            "headline": {"type": "string", "minLength": 1, "maxLength": headline, "description": "One line."},
            "body": {"type": "string", "minLength": 1, "maxLength": body},
            "cta": {"type": "string", "minLength": 1, "maxLength": cta},
            "facts": {"type": "array", "items": {"type": "string"}, "description": "The ids of the facts that the text uses."},
        },
    })
}

fn english(channel: &str, headline: usize, body: usize, facts: &[(&str, &str)]) -> Value {
    json!({
        "brief": {
            "brand": "Duskfinch", "product": "Duskfinch Wren", "category": "bike light",
            "audience": "people who ride to work all year round",
            "goal": "Be the light that riders choose before the clocks go back",
            "message": "The clocks go back. You ride on.", "call_to_action": "See the Wren",
        },
        "facts": facts.iter().map(|(id, text)| json!({"id": id, "text": text})).collect::<Vec<_>>(),
        "locale": "en-GB", "channel": channel, "limits": {"headline": headline, "body": body, "cta": 24},
        "avoid": ["ultimate"],
    })
}

fn german(channel: &str, headline: usize, body: usize) -> Value {
    json!({
        "brief": {
            "brand": "Duskfinch", "product": "Duskfinch Wren", "category": "Fahrradlicht",
            "audience": "Menschen, die das ganze Jahr mit dem Rad zur Arbeit fahren",
            "goal": "Das Licht sein, das man vor der Zeitumstellung wählt",
            "message": "Der Abend kommt früher. Du fährst weiter. Mit dem besten Licht.", "call_to_action": "Wren ansehen",
        },
        "facts": [
            {"id": "W08", "text": "Alle 7 Teile von Wren löst ein einziger Inbusschlüssel."},
            {"id": "W01", "text": "Wren leuchtet 38 Stunden mit einer Ladung."},
            {"id": "W11", "text": "Wren kostet 74 €, Halter und Inbusschlüssel inklusive."},
        ],
        "locale": "de-DE", "channel": channel, "limits": {"headline": headline, "body": body, "cta": 24},
    })
}

#[test]
fn english_copy_reads() {
    let facts = [
        ("W08", "All 7 parts of Wren come apart with one hex key."),
        ("W05", "Wren stays dry for 30 minutes under one metre of water."),
    ];
    check(
        &english("instagram", 40, 150, &facts),
        &copy_schema(40, 150, 24),
        &expect![[r#"
        {
          "body": "All 7 parts of Wren come apart with one hex key. Wren stays dry for 30 minutes under one metre of water.",
          "cta": "See the Wren",
          "facts": [
            "W08",
            "W05"
          ],
          "headline": "The clocks go back. You ride on."
        }"#]],
    );
    let facts = [
        ("W01", "Wren shines for 38 hours on one charge."),
        ("W06", "Wren weighs 96 grams, mount included."),
        ("W08", "All 7 parts of Wren come apart with one hex key."),
    ];
    check(
        &english("web", 60, 280, &facts),
        &copy_schema(60, 280, 28),
        &expect![[r#"
        {
          "body": "Made for people who ride to work all year round. Wren shines for 38 hours on one charge. It weighs 96 grams, mount included. All 7 parts of Wren come apart with one hex key.",
          "cta": "See the Wren",
          "facts": [
            "W01",
            "W06",
            "W08"
          ],
          "headline": "The clocks go back. You ride on."
        }"#]],
    );
}

#[test]
fn german_copy_reads() {
    check(
        &german("instagram", 40, 150),
        &copy_schema(40, 150, 24),
        &expect![[r#"
        {
          "body": "Du fährst weiter. Mit dem besten Licht. Alle 7 Teile von Wren löst ein einziger Inbusschlüssel. Wren leuchtet 38 Stunden mit einer Ladung.",
          "cta": "Wren ansehen",
          "facts": [
            "W08",
            "W01"
          ],
          "headline": "Der Abend kommt früher"
        }"#]],
    );
    check(
        &german("web", 60, 280),
        &copy_schema(60, 280, 28),
        &expect![[r#"
        {
          "body": "Mit dem besten Licht. Alle 7 Teile von Wren löst ein einziger Inbusschlüssel. Wren leuchtet 38 Stunden mit einer Ladung. Wren kostet 74 €, Halter und Inbusschlüssel inklusive. Gemacht für Menschen, die das ganze Jahr mit dem Rad zur Arbeit fahren.",
          "cta": "Wren ansehen",
          "facts": [
            "W08",
            "W01",
            "W11"
          ],
          "headline": "Der Abend kommt früher. Du fährst weiter."
        }"#]],
    );
}

#[test]
fn copy_reads_in_other_languages_and_without_a_message() {
    let french = json!({
        "brief": {"product": "Wren", "category": "lampe de vélo", "audience": "celles et ceux qui roulent toute l’année"},
        "facts": [{"id": "W01", "text": "Wren éclaire 38 heures avec une charge."}], "locale": "fr-FR", "channel": "web",
    });
    check(
        &french,
        &copy_schema(60, 280, 24),
        &expect![[r#"
            {
              "body": "Wren éclaire 38 heures avec une charge. Pensé pour celles et ceux qui roulent toute l’année.",
              "cta": "Découvrir Wren",
              "facts": [
                "W01"
              ],
              "headline": "Wren: lampe de vélo"
            }"#]],
    );
    let spanish = json!({
        "brief": {"product": "Wren", "audience": "quienes van al trabajo en bici", "benefits": ["se repara en casa"]},
        "facts": ["Wren ilumina 38 horas con una carga."], "locale": "es-ES", "channel": "linkedin",
    });
    check(
        &spanish,
        &copy_schema(60, 280, 24),
        &expect![[r#"
        {
          "body": "Se repara en casa. Wren ilumina 38 horas con una carga. Pensado para quienes van al trabajo en bici.",
          "cta": "Descubrir Wren",
          "facts": [
            "fact-1"
          ],
          "headline": "Wren ilumina 38 horas con una carga"
        }"#]],
    );
    let italian = json!({"brief": {"product": "Wren", "audience": "ciclisti", "message": "La sera arriva prima."}, "locale": "it-IT"});
    check(
        &italian,
        &copy_schema(60, 280, 24),
        &expect![[r#"
            {
              "body": "La sera arriva prima.",
              "cta": "Wren",
              "facts": [],
              "headline": "La sera arriva prima"
            }"#]],
    );
}

#[test]
fn feedback_is_heard() {
    let mut material = german("web", 60, 168);
    material["avoid"] = json!(["best"]);
    material["feedback"] =
        json!(["No cited fact proves “besten”. Say what the product does.", "Bitte kürzer."]);
    let text = answer(&material, &copy_schema(60, 280, 28)).to_string();
    assert!(!text.contains("besten"), "{text}");
    material["avoid"] = Value::Null;
    assert!(!answer(&material, &copy_schema(60, 280, 28)).to_string().contains("besten"));
}

#[test]
fn a_summary_reads() {
    let facts = [
        ("W01", "Wren shines for 38 hours on one charge."),
        ("W03", "Wren is charged by USB-C in 95 minutes."),
        ("W08", "All 7 parts of Wren come apart with one hex key."),
    ];
    let schema = json!({"type": "object", "required": ["summary"], "properties": {"summary": {"type": "string", "maxLength": 600}}});
    check(
        &english("", 60, 280, &facts),
        &schema,
        &expect![[r#"
        {
          "summary": "The campaign presents Duskfinch Wren to people who ride to work all year round. Its goal: be the light that riders choose before the clocks go back. Wren shines for 38 hours on one charge. It is charged by USB-C in 95 minutes. All 7 parts of Wren come apart with one hex key."
        }"#]],
    );
}

#[test]
fn search_findings_read() {
    let schema = json!({
        "type": "object", "required": ["tags", "description", "alt"],
        "properties": {
            "tags": {"type": "array", "minItems": 1, "maxItems": 10, "items": {"type": "string", "minLength": 2, "maxLength": 30}},
            "description": {"type": "string", "minLength": 1, "maxLength": 155},
            "alt": {"type": "string", "minLength": 1, "maxLength": 125},
        },
    });
    let material = |locale: &str, category: &str, headline: &str, body: &str| {
        json!({
            "brief": {"brand": "Duskfinch", "product": "Duskfinch Wren", "category": category, "audience": "x"},
            "copy": {"headline": headline, "body": body, "cta": "See the Wren"}, "locale": locale, "channel": "web",
        })
    };
    let body = "Wren shines for 38 hours on one charge, and a light sensor turns it up where the street lamps end. When something wears out, all 7 parts come apart with one hex key.";
    check(
        &material("en-GB", "bike light", "The clocks go back. You ride on.", body),
        &schema,
        &expect![[r#"
        {
          "alt": "Advertisement for Duskfinch Wren with the words “The clocks go back. You ride on.”",
          "description": "Wren shines for 38 hours on one charge, and a light sensor turns it up where the street lamps end.",
          "tags": [
            "Duskfinch Wren",
            "bike light",
            "Duskfinch",
            "charge",
            "hex key"
          ]
        }"#]],
    );
    let body = "Alle 7 Teile von Wren löst ein einziger Inbusschlüssel. Wren leuchtet 38 Stunden mit einer Ladung.";
    check(
        &material("de-DE", "Fahrradlicht", "Der Abend kommt früher", body),
        &schema,
        &expect![[r#"
        {
          "alt": "Anzeige für Duskfinch Wren mit den Worten „Der Abend kommt früher“",
          "description": "Alle 7 Teile von Wren löst ein einziger Inbusschlüssel. Wren leuchtet 38 Stunden mit einer Ladung.",
          "tags": [
            "Duskfinch Wren",
            "Fahrradlicht",
            "Duskfinch",
            "Inbusschlüssel",
            "Ladung"
          ]
        }"#]],
    );
}

fn verdict_schema() -> Value {
    json!({
        "type": "object", "required": ["verdict", "score", "reasons"],
        "properties": {
            "verdict": {"oneOf": [
                {"type": "string", "const": "pass", "description": "Let it through."},
                {"type": "string", "const": "revise"}, {"type": "string", "const": "veto"},
            ]},
            "score": {"type": "number", "minimum": 0.0, "maximum": 1.0},
            "reasons": {"type": "array", "items": {"type": "object", "required": ["rule", "message", "fix"],
                "properties": {"rule": {"type": "string"}, "message": {"type": "string"}, "fix": {"type": "string"}}}},
        },
    })
}

#[test]
fn a_verdict_names_what_a_rule_can_hear() {
    let material = |headline: &str| {
        json!({
            "copy": {"headline": headline, "body": "Wren shines for 38 hours.", "cta": "See the Wren"},
            "voice": ["Plain verbs.", "No exclamation marks, no words in capitals, no emoji."], "locale": "en-GB",
        })
    };
    let good = answer(&material("The clocks go back"), &verdict_schema());
    assert_eq!((&good["verdict"], &good["reasons"]), (&json!("pass"), &json!([])));
    assert!(good["score"].as_f64().unwrap() >= 0.9);
    check(
        &material("ULTIMATE light 🎉!"),
        &verdict_schema(),
        &expect![[r#"
        {
          "reasons": [
            {
              "fix": "End the sentence with a full stop.",
              "message": "The voice has no exclamation marks; the copy has one.",
              "rule": "exclamation-mark"
            },
            {
              "fix": "Write it in sentence case.",
              "message": "The voice has no words in capitals; the copy has “ULTIMATE”.",
              "rule": "capitals"
            },
            {
              "fix": "Leave the emoji out.",
              "message": "The voice has no emoji; the copy has one.",
              "rule": "emoji"
            }
          ],
          "score": 0.35,
          "verdict": "revise"
        }"#]],
    );
}

#[test]
fn topics_and_texts_about_them() {
    let topics = json!({"type": "object", "properties": {"list": {"type": "array", "items": {"type": "string"}, "minItems": 3, "description": "Topics."}}, "required": ["list"]});
    check(
        &json!({"subject": "bicycle lights"}),
        &topics,
        &expect![[r#"
        {
          "list": [
            "Bicycle lights in brief",
            "Bicycle lights in everyday life",
            "What matters about bicycle lights"
          ]
        }"#]],
    );
    let draft = json!({"type": "object", "properties": {"title": {"type": "string"}, "text": {"type": "string"}}, "required": ["title", "text"]});
    check(
        &json!({"topic": "Fahrradlichter im Alltag", "locale": "de"}),
        &draft,
        &expect![[r#"
        {
          "text": "Fahrradlichter im Alltag: was es damit auf sich hat, warum es zählt und womit man anfängt.",
          "title": "Fahrradlichter im Alltag"
        }"#]],
    );
}

#[test]
fn prose_without_schema() {
    let text = "Wren is a bike light. It shines for 38 hours. A bike light should be simple. Lunch was good.";
    assert_eq!(complete(&request(text, None)).text, text);
    let material = english("web", 60, 280, &[("W01", "Wren shines for 38 hours on one charge.")]);
    let answer = complete(&request(&material.to_string(), None));
    expect!["The campaign presents Duskfinch Wren to people who ride to work all year round. Its goal: be the light that riders choose before the clocks go back. Wren shines for 38 hours on one charge."].assert_eq(&answer.text);
    assert_eq!((answer.model.as_str(), answer.finish), (MODEL, Finish::Stop));
    assert_eq!(answer.usage, complete(&request(&material.to_string(), None)).usage);
    assert!(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
}

#[test]
fn stop_and_length_are_kept() {
    let stopped = CompleteRequest {
        stop: vec!["shines".into()],
        ..request("Wren shines. Wren lasts.", None)
    };
    assert_eq!(complete(&stopped).text, "Wren ");
    let schema = json!({"type": "string", "minLength": 400});
    let short = CompleteRequest { max_tokens: Some(5), ..request("x", Some(schema)) };
    assert_eq!(complete(&short).finish, Finish::Length);
}

#[test]
fn siblings_differ() {
    let web = answer(&german("web", 60, 280), &copy_schema(60, 280, 28));
    let post = answer(&german("instagram", 40, 150), &copy_schema(40, 150, 24));
    assert_ne!(web["body"], post["body"]);
    let vectors = embed(&EmbedRequest { alias: "e".into(), texts: vec!["a".into(), "b".into()] });
    assert_eq!((vectors.vectors.len(), vectors.model.as_str()), (2, MODEL));
}

#[test]
fn images_have_size_and_count() {
    let ask = ImageRequest {
        alias: "i".into(),
        prompt: "dusk".into(),
        width: 90,
        height: 64,
        count: 3,
        seed: None,
    };
    let images = generate_image(&ask).unwrap();
    assert_eq!(images.images.len(), 3);
    assert_ne!(images.images[0], images.images[1]);
    assert!(
        images
            .images
            .iter()
            .all(|(bytes, kind)| kind == "image/png" && bytes.starts_with(b"\x89PNG"))
    );
}

/// Numbers for the generator below; the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn schema(dice: &mut Dice, depth: usize) -> Value {
    let kinds = if depth == 0 { 6 } else { 11 };
    match dice.roll(kinds) {
        0 => {
            let least = dice.roll(30);
            json!({"type": "string", "minLength": least, "maxLength": least + dice.roll(60)})
        }
        1 => {
            let patterns =
                ["^[a-z]{3,8}$", "^#[0-9a-f]{6}$", "^[A-Z][a-z]+$", "^\\d{4}-\\d{2}-\\d{2}$", "x"];
            json!({"type": "string", "pattern": patterns[dice.roll(5) as usize]})
        }
        2 => {
            let least = dice.roll(1000) as i64 - 500;
            json!({"type": "integer", "minimum": least, "maximum": least + dice.roll(20) as i64, "multipleOf": 1})
        }
        3 => json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": dice.roll(5) + 1}),
        4 => json!({"enum": ["a", 3, null, {"b": []}]}),
        5 => json!({"type": ["null", "boolean"]}),
        6 => {
            let least = dice.roll(6);
            json!({"type": "array", "items": schema(dice, depth - 1), "minItems": least, "maxItems": least + dice.roll(4)})
        }
        7 => {
            json!({"type": "array", "items": {"type": "string", "maxLength": 12}, "uniqueItems": true, "minItems": dice.roll(9)})
        }
        8 => {
            json!({"oneOf": [{"type": "object", "required": ["kind", "v"], "properties": {"kind": {"const": "x"}, "v": schema(dice, depth - 1)}},
                              {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "y"}}}]})
        }
        9 => json!({"anyOf": [{"type": "null"}, schema(dice, depth - 1)]}),
        _ => {
            let names =
                ["headline", "body", "facts", "score", "zeta", "tags", "verdict", "url", "inner"];
            let mut properties = serde_json::Map::new();
            for _ in 0..dice.roll(5) {
                properties.insert(names[dice.roll(9) as usize].into(), schema(dice, depth - 1));
            }
            let required: Vec<_> =
                properties.keys().filter(|name| name.len() % 2 == 0).cloned().collect();
            json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
        }
    }
}

#[test]
fn documents_are_valid_for_generated_schemas() {
    let mut dice = Dice(7);
    let material = english("web", 60, 280, &[("W01", "Wren shines for 38 hours on one charge.")]);
    for _ in 0..2_000 {
        answer(&material, &schema(&mut dice, 3));
    }
    answer(&json!({}), &json!({"type": "string", "minLength": 30}));
}

#[test]
fn documents_follow_references_and_end_recursion() {
    let tree = json!({"$defs": {
            "node": {"type": "object", "required": ["title"], "properties": {"title": {"$ref": "#/$defs/line"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}},
            "line": {"type": "string", "maxLength": 20}},
        "allOf": [{"$ref": "#/$defs/node"}, {"type": "object", "required": ["tags"], "properties": {"tags": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/line"}}}}]});
    answer(&json!({"subject": "light"}), &tree);
    let pair = json!({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false, "minItems": 2});
    answer(&json!({}), &pair);
    let map =
        json!({"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}});
    answer(&json!({}), &map);
    answer(&json!({}), &json!(true));
}

#[test]
fn hostile_requests_are_bounded_work() {
    let ways: Vec<Value> = (0..200)
        .map(|n| json!({"type": "object", "required": ["v"], "properties": {"v": {"const": n}}}))
        .collect();
    let bomb = json!({"type": "array", "minItems": 1_000_000, "items": {"oneOf": ways}});
    let text = "{\"facts\": [\"the light of the night\"]} ".repeat(100_000);
    let answer = complete(&request(&text, Some(bomb)));
    assert!(answer.usage.input_tokens > 0);
    let long = json!({"type": "string", "minLength": 1_000_000_000});
    assert!(complete(&request("x", Some(long))).text.len() < 100_000);
}
