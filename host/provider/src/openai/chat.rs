//! An answer in words, put together from a stream of pieces. Servers that answer with one document are understood too.

use std::collections::BTreeMap;

use bailiwick_core::Bytes;
use bailiwick_gate::model::{CompleteRequest, Completion, Finish, ModelUsage, ToolCall};
use bailiwick_gate::provider::{ProviderCall, ProviderError};
use serde::Deserialize;
use serde_json::Value;

use super::{headers, request};
use crate::measure::estimated;
use crate::server::{Post, Reply, Server, broken_off, too_large};
use crate::sse::{Event, Events};

/// The largest stream: 131 072 tokens, the most that may be asked for, at some 400
/// bytes of envelope each.
const STREAM_MAX: Bytes = Bytes::mib(64);
/// The most words of one answer, tool calls included: what an agent may return at all.
const ANSWER_MAX: Bytes = Bytes::mib(4);
/// The most tool calls of one answer, as in the contract.
const TOOL_CALLS_MAX: usize = 64;

pub(super) async fn complete(
    server: &Server<'_>,
    call: ProviderCall<'_, CompleteRequest>,
) -> Result<Completion, ProviderError> {
    let body = request::chat(&call, server.is_vendor())?;
    let mut reply = server
        .post(Post {
            path: &["chat", "completions"],
            headers: headers(&call),
            body: &body,
            timeout: call.timeout,
            answer_max: STREAM_MAX,
        })
        .await?;
    let mut answer = Answer::default();
    let streamed = !reply.is_json();
    if streamed {
        read_stream(server, &mut reply, &mut answer).await?;
        reply.close().await;
    } else {
        let document = reply.whole().await?;
        answer.take(server, &String::from_utf8_lossy(&document))?;
    }
    server.clean(answer.finish(&call, streamed)?)
}

async fn read_stream(
    server: &Server<'_>,
    reply: &mut Reply<'_>,
    answer: &mut Answer,
) -> Result<(), ProviderError> {
    let mut events = Events::default();
    while let Some(piece) = reply.piece().await? {
        for event in events.feed(&piece).map_err(|error| broken_off(&error.to_string()))? {
            if answer.hear(server, &event)? {
                return Ok(());
            }
        }
    }
    if let Some(event) = events.finish().map_err(|error| broken_off(&error.to_string()))? {
        answer.hear(server, &event)?;
    }
    Ok(())
}

/// What of an answer has come so far.
#[derive(Default)]
struct Answer {
    text: String,
    calls: BTreeMap<usize, ToolCall>,
    bytes: u64,
    finish: Option<Finish>,
    usage: Option<ModelUsage>,
    model: String,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    model: Option<String>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: usize,
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    index: Option<usize>,
    id: Option<String>,
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Answer {
    /// Takes an event; whether it was the last one.
    fn hear(&mut self, server: &Server<'_>, event: &Event) -> Result<bool, ProviderError> {
        if event.data.trim() == "[DONE]" {
            return Ok(true);
        }
        if event.data.is_empty() {
            return Ok(false);
        }
        self.take(server, &event.data).map(|()| false)
    }

    fn take(&mut self, server: &Server<'_>, json: &str) -> Result<(), ProviderError> {
        let chunk: Chunk =
            serde_json::from_str(json).map_err(|_| broken_off("it is not in OpenAI's form"))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(server.error_inside(&error));
        }
        if let Some(usage) = chunk.usage {
            self.usage = Some(ModelUsage {
                input_tokens: usage.prompt_tokens,
                output_tokens: usage.completion_tokens,
            });
        }
        if let Some(model) = chunk.model.filter(|model| !model.is_empty()) {
            self.model = server.clean_name(&model)?;
        }
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            if let Some(delta) = choice.delta {
                self.add(delta)?;
            }
            if let Some(reason) = choice.finish_reason {
                // A refusal stays one, whatever reason the server gives after it.
                self.finish =
                    self.finish.filter(|f| *f == Finish::Filtered).or(Some(finish(&reason)));
            }
        }
        Ok(())
    }

    fn add(&mut self, delta: Delta) -> Result<(), ProviderError> {
        if delta.refusal.is_some_and(|text| !text.is_empty()) {
            self.finish = Some(Finish::Filtered);
        }
        if let Some(text) = delta.content {
            self.grow(text.len())?;
            self.text.push_str(&text);
        }
        for (position, call) in delta.tool_calls.into_iter().flatten().enumerate() {
            let index = call.index.unwrap_or(position);
            if index >= TOOL_CALLS_MAX {
                return Err(broken_off(&format!("it calls more than {TOOL_CALLS_MAX} tools")));
            }
            let FunctionDelta { name, arguments } =
                call.function.unwrap_or(FunctionDelta { name: None, arguments: None });
            let (id, name, arguments) = (
                call.id.unwrap_or_default(),
                name.unwrap_or_default(),
                arguments.unwrap_or_default(),
            );
            self.grow(id.len() + name.len() + arguments.len())?;
            let known = self.calls.entry(index).or_insert_with(|| ToolCall {
                id: String::new(),
                name: String::new(),
                arguments: String::new(),
            });
            // Some servers repeat id and name in each piece, so these are not appended.
            if known.id.is_empty() {
                known.id = id;
            }
            if known.name.is_empty() {
                known.name = name;
            }
            known.arguments.push_str(&arguments);
        }
        Ok(())
    }

    fn grow(&mut self, by: usize) -> Result<(), ProviderError> {
        self.bytes += by as u64;
        if self.bytes > ANSWER_MAX.0 { Err(too_large(ANSWER_MAX)) } else { Ok(()) }
    }

    fn finish(
        self,
        call: &ProviderCall<'_, CompleteRequest>,
        streamed: bool,
    ) -> Result<Completion, ProviderError> {
        let finish = self.finish.ok_or_else(|| broken_off("it ended before it was finished"))?;
        let mut tool_calls: Vec<ToolCall> = self.calls.into_values().collect();
        for (index, tool_call) in tool_calls.iter_mut().enumerate() {
            if tool_call.id.is_empty() {
                tool_call.id = format!("call_{index}");
            }
        }
        let finish =
            if finish == Finish::Stop && !tool_calls.is_empty() { Finish::Tools } else { finish };
        let usage = self.usage.unwrap_or_else(|| estimated(call.request, self.bytes));
        let model = if self.model.is_empty() { call.route.model.clone() } else { self.model };
        Ok(Completion { text: self.text, tool_calls, finish, usage, model, streamed })
    }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::Tools,
        "content_filter" => Finish::Filtered,
        _ => Finish::Stop,
    }
}
