//! Structured output where a protocol has tools only: the schema becomes the one tool that the model must call.

use bailiwick_gate::model::CompleteRequest;
use serde_json::{Value, json};

/// The member under which an answer stands that is no object itself.
const MEMBER: &str = "answer";

/// The tool whose arguments are the answer.
pub(super) struct AnswerTool {
    pub(super) name: String,
    wrapped: bool,
    schema: Value,
}

impl AnswerTool {
    /// The tool of a request with an output schema, under a name that none of its own tools has.
    pub(super) fn of(request: &CompleteRequest) -> Option<Self> {
        let schema = request.output_schema.as_ref()?;
        let mut name = String::from("answer");
        while request.tools.iter().any(|tool| tool.name == name) {
            name.push('_');
        }
        // Arguments are an object; any other answer is put into one.
        let wrapped = schema.get("type") != Some(&json!("object"));
        let schema = if wrapped {
            json!({"type": "object", "properties": {MEMBER: moved(schema)}, "required": [MEMBER], "additionalProperties": false})
        } else {
            schema.clone()
        };
        Some(Self { name, wrapped, schema })
    }

    /// As the protocol writes it.
    pub(super) fn definition(&self) -> Value {
        json!({"name": self.name, "description": "Gives the answer. Call it once, with the whole answer.", "input_schema": self.schema})
    }

    /// The answer in the arguments, as text; what does not parse is given as it is, for the host's check to name.
    pub(super) fn text(&self, arguments: String) -> String {
        if !self.wrapped {
            return arguments;
        }
        let parsed: Option<Value> = serde_json::from_str(&arguments).ok();
        parsed.and_then(|value| value.get(MEMBER).map(Value::to_string)).unwrap_or(arguments)
    }
}

/// A schema whose place is now below the root: its references start there too.
fn moved(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("$ref", Value::String(reference)) if reference.starts_with('#') => {
                    let rest = reference.strip_prefix('#').unwrap_or_default();
                    (key.clone(), json!(format!("#/properties/{MEMBER}{rest}")))
                }
                _ => (key.clone(), moved(value)),
            })
            .collect(),
        Value::Array(items) => items.iter().map(moved).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::schema::Schema;
    use bailiwick_gate::model::{Message, Role};

    use super::*;

    fn tool(schema: Value) -> AnswerTool {
        AnswerTool::of(&CompleteRequest {
            alias: "writer".into(),
            messages: vec![Message::text(Role::User, "x")],
            max_tokens: None,
            temperature: None,
            seed: None,
            stop: Vec::new(),
            output_schema: Some(schema),
            tools: Vec::new(),
        })
        .unwrap()
    }

    #[test]
    fn an_answer_that_is_no_object_is_wrapped_and_unwrapped() {
        let tool = tool(
            json!({"type": "array", "items": {"$ref": "#/$defs/word"}, "$defs": {"word": {"type": "string"}}}),
        );
        let schema = Schema::admit(tool.definition()["input_schema"].clone()).unwrap();
        assert!(schema.check(&json!({"answer": ["a"]})).is_ok());
        assert!(schema.check(&json!({"answer": [1]})).is_err());
        assert_eq!(tool.text(r#"{"answer":["a"]}"#.into()), r#"["a"]"#);
        assert_eq!(tool.text("{broken".into()), "{broken");
    }

    #[test]
    fn an_object_is_the_arguments_themselves() {
        let tool = tool(json!({"type": "object", "properties": {}}));
        assert_eq!(tool.text(r#"{"a":1}"#.into()), r#"{"a":1}"#);
    }
}
