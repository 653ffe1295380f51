//! A request for words as OpenAI's JSON. Sends nothing.

use bailiwick_gate::model::{CompleteRequest, Message, Part, Role, Tool};
use bailiwick_gate::provider::{ProviderCall, ProviderError};
use serde_json::{Map, Value, json};

use crate::media::Shown;

/// Seeds are cut to 31 bits: servers differ in what they take, and to some the largest
/// 32-bit number means "at random".
pub(super) const SEED_MASK: u64 = 0x7fff_ffff;

/// The body of a chat completion. `vendor` is whether it goes to OpenAI itself, whose
/// newer models know only `max_completion_tokens`.
pub(super) fn chat(
    call: &ProviderCall<'_, CompleteRequest>,
    vendor: bool,
) -> Result<Value, ProviderError> {
    let request = call.request;
    let mut shown = Shown::new(call.images);
    let messages: Result<Vec<_>, _> =
        request.messages.iter().map(|m| message(m, &mut shown)).collect();
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
    put("model", json!(call.route.model));
    put("messages", Value::Array(messages?));
    put("stream", json!(true));
    put("stream_options", json!({"include_usage": true}));
    put(
        if vendor { "max_completion_tokens" } else { "max_tokens" },
        json!(request.answer_tokens()),
    );
    if let Some(temperature) = request.temperature {
        put("temperature", json!(temperature));
    }
    if let Some(seed) = request.seed {
        put("seed", json!(seed & SEED_MASK));
    }
    if !request.stop.is_empty() {
        put("stop", json!(request.stop));
    }
    if !request.tools.is_empty() {
        put("tools", request.tools.iter().map(tool).collect());
    }
    if let Some(schema) = &request.output_schema {
        let format = json!({"name": "answer", "strict": is_strict(schema), "schema": schema});
        put("response_format", json!({"type": "json_schema", "json_schema": format}));
    }
    Ok(Value::Object(body))
}

fn message(message: &Message, shown: &mut Shown<'_>) -> Result<Value, ProviderError> {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut turn = Map::new();
    turn.insert("role".into(), json!(role));
    turn.insert("content".into(), content(&message.parts, shown)?);
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().map(|call| {
            json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
        });
        turn.insert("tool_calls".into(), calls.collect());
    }
    if let Some(answers) = &message.answers {
        turn.insert("tool_call_id".into(), json!(answers));
    }
    Ok(Value::Object(turn))
}

/// One text as a string, which every server takes; a list of parts only where it must be.
fn content(parts: &[Part], shown: &mut Shown<'_>) -> Result<Value, ProviderError> {
    match parts {
        [] => Ok(json!("")),
        [Part::Text(text)] => Ok(json!(text)),
        parts => parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Ok(json!({"type": "text", "text": text})),
                Part::Artifact(artifact) => {
                    let (media_type, data) = shown.base64(artifact)?;
                    let url = format!("data:{media_type};base64,{data}");
                    Ok(json!({"type": "image_url", "image_url": {"url": url}}))
                }
            })
            .collect(),
    }
}

fn tool(tool: &Tool) -> Value {
    let function =
        json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
    json!({"type": "function", "function": function})
}

/// Whether OpenAI's strict mode takes a schema: each object lists all its properties as
/// required and allows no others. For the rest the host's own check is what holds.
fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            let is_object =
                map.contains_key("properties") || map.get("type") == Some(&json!("object"));
            let closed = map.get("additionalProperties") == Some(&Value::Bool(false));
            let names = map.get("properties").and_then(Value::as_object);
            let required = map.get("required").and_then(Value::as_array);
            let all_required = names.is_none_or(|names| {
                names.keys().all(|name| required.is_some_and(|list| list.contains(&json!(name))))
            });
            (!is_object || (closed && all_required)) && map.values().all(is_strict)
        }
        Value::Array(items) => items.iter().all(is_strict),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strictness_is_claimed_only_where_it_holds() {
        let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
        assert!(is_strict(&closed));
        assert!(!is_strict(&json!({"type": "object", "properties": {"a": {}}, "required": ["a"]})));
        assert!(!is_strict(
            &json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false})
        ));
        let nested = json!({"type": "array", "items": {"type": "object", "properties": {"b": {}}}});
        assert!(!is_strict(&nested));
        assert!(is_strict(&json!({"type": "array", "items": closed})));
    }
}
