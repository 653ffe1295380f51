//! An answer of Anthropic's Messages, put together from its events.

use std::collections::BTreeMap;

use bailiwick_core::Bytes;
use bailiwick_gate::model::{CompleteRequest, Completion, Finish, ModelUsage, ToolCall};
use bailiwick_gate::provider::{ProviderCall, ProviderError};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::request;
use super::structured::AnswerTool;
use crate::measure::estimated;
use crate::server::{Post, Server, broken_off, too_large};
use crate::sse::{Event, Events};

/// The version of the protocol that this speaks.
const VERSION: &str = "2023-06-01";
/// The largest stream: 131 072 tokens, the most that may be asked for, at some 200
/// bytes of envelope each, twice.
const STREAM_MAX: Bytes = Bytes::mib(64);
/// The most words of one answer, tool calls included: what an agent may return at all.
const ANSWER_MAX: Bytes = Bytes::mib(4);
/// The most blocks of one answer: texts, and tool calls of which the contract has 64.
const BLOCKS_MAX: u64 = 128;

/// Words.
///
/// # Errors
/// [`ProviderError`].
pub(crate) async fn complete(
    server: &Server<'_>,
    call: ProviderCall<'_, CompleteRequest>,
) -> Result<Completion, ProviderError> {
    let tool = AnswerTool::of(call.request);
    let body = request::body(&call, tool.as_ref())?;
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
    if let Ok(value) = HeaderValue::from_str(&call.idempotency_key.hex()) {
        headers.insert(HeaderName::from_static("idempotency-key"), value);
    }
    // Bases are written with and without the version.
    let path: &[&str] = if server.base_ends_in("v1") { &["messages"] } else { &["v1", "messages"] };
    let post = Post { path, headers, body: &body, timeout: call.timeout, answer_max: STREAM_MAX };
    let mut reply = server.post(post).await?;
    let mut answer = Answer::default();
    let mut events = Events::default();
    'stream: while let Some(piece) = reply.piece().await? {
        for event in events.feed(&piece).map_err(|error| broken_off(&error.to_string()))? {
            if answer.hear(server, &event)? {
                break 'stream;
            }
        }
    }
    server.clean(answer.finish(&call, tool.as_ref())?)
}

/// One block of an answer.
enum Block {
    Text(String),
    Tool { id: String, name: String, arguments: String, input: Value },
    /// Thinking and what may come: not the answer.
    Other,
}

/// What of an answer has come so far.
#[derive(Default)]
struct Answer {
    blocks: BTreeMap<u64, Block>,
    bytes: u64,
    reason: Option<String>,
    ended: bool,
    usage: Option<ModelUsage>,
    model: String,
}

impl Answer {
    /// Takes an event; whether it was the last one.
    fn hear(&mut self, server: &Server<'_>, event: &Event) -> Result<bool, ProviderError> {
        let value: Value =
            serde_json::from_str(&event.data).map_err(|_| broken_off("it is not in Anthropic's form"))?;
        match value["type"].as_str().unwrap_or(&event.name) {
            "message_start" => {
                self.count(&value["message"]["usage"]);
                if let Some(model) = value["message"]["model"].as_str() {
                    self.model = server.clean_name(model)?;
                }
            }
            "content_block_start" => self.open(index(&value)?, &value["content_block"])?,
            "content_block_delta" => self.grow(index(&value)?, &value["delta"])?,
            "message_delta" => {
                self.count(&value["usage"]);
                if let Some(reason) = value["delta"]["stop_reason"].as_str() {
                    self.reason = Some(reason.to_owned());
                }
            }
            "message_stop" => self.ended = true,
            "error" => return Err(server.error_inside(&value)),
            // Pings, ends of blocks, and what the protocol says may be added.
            _ => {}
        }
        Ok(self.ended)
    }

    /// Figures are running totals: the latest holds. Cached input was read all the same.
    fn count(&mut self, usage: &Value) {
        let known = self.usage.unwrap_or_default();
        let figure = |key: &str| usage[key].as_u64();
        let cached = figure("cache_creation_input_tokens").unwrap_or(0)
            .saturating_add(figure("cache_read_input_tokens").unwrap_or(0));
        let input = figure("input_tokens").map(|tokens| tokens.saturating_add(cached));
        if input.is_some() || figure("output_tokens").is_some() {
            self.usage = Some(ModelUsage {
                input_tokens: input.unwrap_or(known.input_tokens),
                output_tokens: figure("output_tokens").unwrap_or(known.output_tokens),
            });
        }
    }

    fn open(&mut self, index: u64, block: &Value) -> Result<(), ProviderError> {
        let text = |key: &str| block[key].as_str().unwrap_or_default().to_owned();
        let block = match block["type"].as_str() {
            Some("text") => Block::Text(text("text")),
            Some("tool_use") => Block::Tool {
                id: text("id"),
                name: text("name"),
                arguments: String::new(),
                input: block["input"].clone(),
            },
            _ => Block::Other,
        };
        self.weigh(match &block {
            Block::Text(text) => text.len(),
            Block::Tool { id, name, .. } => id.len() + name.len(),
            Block::Other => 0,
        })?;
        self.blocks.insert(index, block);
        Ok(())
    }

    fn grow(&mut self, index: u64, delta: &Value) -> Result<(), ProviderError> {
        let piece = |key: &str| delta[key].as_str().unwrap_or_default();
        match self.blocks.get_mut(&index) {
            Some(Block::Text(text)) => {
                text.push_str(piece("text"));
                self.weigh(piece("text").len())
            }
            Some(Block::Tool { arguments, .. }) => {
                arguments.push_str(piece("partial_json"));
                self.weigh(piece("partial_json").len())
            }
            Some(Block::Other) => Ok(()),
            None => Err(broken_off("it continues a block that it did not begin")),
        }
    }

    fn weigh(&mut self, bytes: usize) -> Result<(), ProviderError> {
        self.bytes += bytes as u64;
        if self.bytes > ANSWER_MAX.0 { Err(too_large(ANSWER_MAX)) } else { Ok(()) }
    }

    fn finish(
        self,
        call: &ProviderCall<'_, CompleteRequest>,
        answer: Option<&AnswerTool>,
    ) -> Result<Completion, ProviderError> {
        let reason = self.reason.filter(|_| self.ended).ok_or_else(|| broken_off("it ended before it was finished"))?;
        let (mut text, mut tool_calls, mut answered) = (String::new(), Vec::new(), None);
        for block in self.blocks.into_values() {
            match block {
                Block::Text(piece) => text.push_str(&piece),
                Block::Tool { id, name, arguments, input } => {
                    let arguments = if arguments.is_empty() { input.to_string() } else { arguments };
                    match answer.filter(|tool| tool.name == name) {
                        Some(tool) => answered = Some(tool.text(arguments)),
                        None => tool_calls.push(ToolCall { id, name, arguments }),
                    }
                }
                Block::Other => {}
            }
        }
        let finish = match reason.as_str() {
            "max_tokens" | "model_context_window_exceeded" => Finish::Length,
            "refusal" => Finish::Filtered,
            _ if !tool_calls.is_empty() => Finish::Tools,
            _ => Finish::Stop,
        };
        let usage = self.usage.unwrap_or_else(|| estimated(call.request, self.bytes));
        let model = if self.model.is_empty() { call.route.model.clone() } else { self.model };
        Ok(Completion { text: answered.unwrap_or(text), tool_calls, finish, usage, model, streamed: true })
    }
}

fn index(event: &Value) -> Result<u64, ProviderError> {
    let index = event["index"].as_u64().filter(|index| *index < BLOCKS_MAX);
    index.ok_or_else(|| broken_off(&format!("it has no number below {BLOCKS_MAX} for a block")))
}
