//! A request for words as Anthropic's JSON. Sends nothing.

use bailiwick_gate::model::{CompleteRequest, Message, Part, Role};
use bailiwick_gate::provider::{ProviderCall, ProviderError};
use serde_json::{Map, Value, json};

use super::structured::AnswerTool;
use crate::media::Shown;

/// The body of a message. Seeds are left out: the protocol has none.
pub(super) fn body(
    call: &ProviderCall<'_, CompleteRequest>,
    answer: Option<&AnswerTool>,
) -> Result<Value, ProviderError> {
    let request = call.request;
    let (system, rest): (Vec<_>, Vec<_>) =
        request.messages.iter().partition(|m| m.role == Role::System);
    let system = system
        .into_iter()
        .flat_map(|message| &message.parts)
        .filter_map(text)
        .collect::<Vec<_>>()
        .join("\n\n");
    let mut turns = turns(&rest, &mut Shown::new(call.images))?;
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
    if turns.is_empty() {
        // A conversation starts with the user here; instructions alone are what he says.
        turns.push(json!({"role": "user", "content": [{"type": "text", "text": system}]}));
    } else if !system.is_empty() {
        put("system", json!(system));
    }
    put("model", json!(call.route.model));
    put("messages", Value::Array(turns));
    put("max_tokens", json!(request.answer_tokens()));
    put("stream", json!(true));
    if let Some(temperature) = request.temperature {
        put("temperature", json!(temperature.min(1.0)));
    }
    if !request.stop.is_empty() {
        put("stop_sequences", json!(request.stop));
    }
    let own = request.tools.iter().map(|tool| {
        json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
    });
    let tools: Vec<Value> = own.chain(answer.map(AnswerTool::definition)).collect();
    if !tools.is_empty() {
        put("tools", Value::Array(tools));
    }
    if let Some(answer) = answer {
        // With tools of its own the agent may be asked back first; without, there is one way.
        let choice = if request.tools.is_empty() {
            json!({"type": "tool", "name": answer.name, "disable_parallel_tool_use": true})
        } else {
            json!({"type": "any", "disable_parallel_tool_use": true})
        };
        put("tool_choice", choice);
    }
    Ok(Value::Object(body))
}

fn text(part: &Part) -> Option<&str> {
    match part {
        Part::Text(text) => Some(text),
        Part::Artifact(_) => None,
    }
}

/// Turns with neighbours of one role joined: answers to several tools belong into one.
fn turns(messages: &[&Message], shown: &mut Shown<'_>) -> Result<Vec<Value>, ProviderError> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let role = if message.role == Role::Assistant { "assistant" } else { "user" };
        let blocks = blocks(message, shown)?;
        match turns.last_mut() {
            Some((last, known)) if *last == role => known.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    turns.retain(|(_, blocks)| !blocks.is_empty());
    Ok(turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect())
}

fn blocks(message: &Message, shown: &mut Shown<'_>) -> Result<Vec<Value>, ProviderError> {
    let mut blocks = Vec::new();
    for part in &message.parts {
        match part {
            // Empty texts are refused by the vendor.
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => blocks.push(json!({"type": "text", "text": text})),
            Part::Artifact(artifact) => {
                let (media_type, data) = shown.base64(artifact)?;
                let source = json!({"type": "base64", "media_type": media_type, "data": data});
                blocks.push(json!({"type": "image", "source": source}));
            }
        }
    }
    if message.role == Role::Tool {
        let answers = message.answers.clone().unwrap_or_default();
        return Ok(vec![json!({"type": "tool_result", "tool_use_id": answers, "content": blocks})]);
    }
    for call in &message.tool_calls {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        blocks.push(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input}));
    }
    Ok(blocks)
}
