//! An answer of Anthropic's Messages, put together from its events.

use std::collections::BTreeMap;

use bailiwick_core::Bytes;
use bailiwick_gate::model::{CompleteRequest, Completion, Finish, ModelUsage, ToolCall};
use bailiwick_gate::provider::{ProviderCall, ProviderError};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
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
    reply.close().await;
    server.clean(answer.finish(&call, tool.as_ref())?)
}

/// What the server tells, as far as it matters here. Pings, ends of blocks and what the
/// protocol says may be added are all the same.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told {
    MessageStart {
        message: Started,
    },
    ContentBlockStart {
        index: u64,
        content_block: Begun,
    },
    ContentBlockDelta {
        index: u64,
        delta: Continued,
    },
    MessageDelta {
        delta: Ended,
        usage: Option<Usage>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Started {
    model: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Begun {
    Text {
        #[serde(default)]
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Continued {
    #[serde(default)]
    text: String,
    #[serde(default)]
    partial_json: String,
}

#[derive(Deserialize)]
struct Ended {
    stop_reason: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

/// One block of an answer.
enum Block {
    Text(String),
    Tool {
        id: String,
        name: String,
        arguments: String,
        input: Value,
    },
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
        let told = serde_json::from_str(&event.data)
            .map_err(|_| broken_off("it is not in Anthropic's form"))?;
        match told {
            Told::MessageStart { message } => {
                self.count(message.usage);
                self.model = server.clean_name(&message.model.unwrap_or_default())?;
            }
            Told::ContentBlockStart { index, content_block } => self.open(index, content_block)?,
            Told::ContentBlockDelta { index, delta } => self.grow(index, &delta)?,
            Told::MessageDelta { delta, usage } => {
                self.count(usage);
                self.reason = delta.stop_reason.or(self.reason.take());
            }
            Told::MessageStop => self.ended = true,
            Told::Error { error } => return Err(server.error_inside(&error)),
            Told::Other => {}
        }
        Ok(self.ended)
    }

    /// Figures are running totals: the latest holds. Cached input was read all the same.
    fn count(&mut self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        let known = self.usage.unwrap_or_default();
        let cached = [usage.cache_creation_input_tokens, usage.cache_read_input_tokens];
        let cached = cached.into_iter().flatten().fold(0, u64::saturating_add);
        let input = usage.input_tokens.map(|tokens| tokens.saturating_add(cached));
        self.usage = Some(ModelUsage {
            input_tokens: input.unwrap_or(known.input_tokens),
            output_tokens: usage.output_tokens.unwrap_or(known.output_tokens),
        });
    }

    fn open(&mut self, index: u64, begun: Begun) -> Result<(), ProviderError> {
        if index >= BLOCKS_MAX {
            return Err(broken_off(&format!("it has more than {BLOCKS_MAX} blocks")));
        }
        let block = match begun {
            Begun::Text { text } => {
                self.weigh(text.len())?;
                Block::Text(text)
            }
            Begun::ToolUse { id, name, input } => {
                self.weigh(id.len() + name.len())?;
                Block::Tool { id, name, arguments: String::new(), input }
            }
            Begun::Other => Block::Other,
        };
        self.blocks.insert(index, block);
        Ok(())
    }

    fn grow(&mut self, index: u64, delta: &Continued) -> Result<(), ProviderError> {
        self.weigh(delta.text.len() + delta.partial_json.len())?;
        match self.blocks.get_mut(&index) {
            Some(Block::Text(text)) => text.push_str(&delta.text),
            Some(Block::Tool { arguments, .. }) => arguments.push_str(&delta.partial_json),
            Some(Block::Other) => {}
            None => return Err(broken_off("it continues a block that it did not begin")),
        }
        Ok(())
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
        let reason = self
            .reason
            .filter(|_| self.ended)
            .ok_or_else(|| broken_off("it ended before it was finished"))?;
        let (mut text, mut tool_calls, mut answered) = (String::new(), Vec::new(), None);
        for block in self.blocks.into_values() {
            match block {
                Block::Text(piece) => text.push_str(&piece),
                Block::Tool { id, name, arguments, input } => {
                    let arguments =
                        if arguments.is_empty() { input.to_string() } else { arguments };
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
        Ok(Completion {
            text: answered.unwrap_or(text),
            tool_calls,
            finish,
            usage,
            model,
            streamed: true,
        })
    }
}
