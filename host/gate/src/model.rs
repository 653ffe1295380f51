//! Models as the gate sees them: requests, answers and their limits. Knows no protocol and no price.

use bailiwick_core::name::NAME_MAX_BYTES;
use bailiwick_core::schema::Schema;
use bailiwick_core::{Artifact, Tokens};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest text part: a novel; anything more belongs into a collection.
pub const TEXT_MAX_BYTES: usize = 1024 * 1024;
/// The most messages of one request: a long conversation.
pub const MESSAGES_MAX: usize = 256;
/// The most parts of one message.
pub const PARTS_MAX: usize = 64;
/// The most tools that one request offers; providers allow 128, models cope with 20.
pub const TOOLS_MAX: usize = 32;
/// The most stop sequences and the longest; OpenAI allows 4, others 16.
pub const STOPS_MAX: usize = 16;
/// The longest stop sequence, in bytes.
pub const STOP_MAX_BYTES: usize = 256;
/// The most texts of one embedding request: what servers take in one batch.
pub const EMBED_TEXTS_MAX: usize = 256;
/// The longest text to embed, in bytes: above the context of any embedding model.
pub const EMBED_TEXT_MAX_BYTES: usize = 64 * 1024;
/// The longest image prompt, in bytes.
pub const PROMPT_MAX_BYTES: usize = 32 * 1024;
/// Sides of generated images, in pixels.
pub const IMAGE_SIDE: std::ops::RangeInclusive<u32> = 64..=4096;
/// The most images of one request.
pub const IMAGES_MAX: u32 = 4;
/// The longest alias that is looked up: names are at most 64 bytes.
pub const ALIAS_MAX_BYTES: usize = 64;

/// What an answer may have where the agent does not say: half of what a small
/// model's context holds, and enough for any copy.
pub const DEFAULT_MAX_TOKENS: u32 = 2_048;
/// What an answer may have at most, whatever the agent says: the longest that providers give.
pub const MAX_TOKENS_MAX: u32 = 131_072;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words of wit/v0.1/model.wit")]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text(String),
    /// An image.
    Artifact(Artifact),
}

/// A call to a tool that the agent offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Ties the answer to the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// A JSON document.
    pub arguments: String,
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub parts: Vec<Part>,
    /// Calls that the assistant made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that a tool answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
}

impl Message {
    /// Words of one speaker.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, parts: vec![Part::Text(text.into())], tool_calls: Vec::new(), answers: None }
    }
}

/// A tool that the agent offers and answers itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `[a-zA-Z0-9_-]`, 1 to 64 bytes.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
}

/// A request for words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompleteRequest {
    /// The operator's name for a model.
    pub alias: String,
    /// The conversation.
    pub messages: Vec<Message>,
    /// The most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// 0 to 2.
    pub temperature: Option<f32>,
    /// For models that can repeat themselves.
    pub seed: Option<u64>,
    /// Where the answer ends.
    pub stop: Vec<String>,
    /// What the answer must be, as JSON Schema.
    pub output_schema: Option<Value>,
    /// What the model may call.
    pub tools: Vec<Tool>,
}

/// Tokens as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelUsage {
    /// Of the prompt.
    pub input_tokens: u64,
    /// Of the answer.
    pub output_tokens: u64,
}

impl ModelUsage {
    /// The sum of both, as budgets count.
    #[must_use]
    pub fn tokens(self) -> Tokens {
        Tokens(self.input_tokens.saturating_add(self.output_tokens))
    }

    /// Both with another call's.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
        }
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words of wit/v0.1/model.wit")]
pub enum Finish {
    Stop,
    Length,
    Tools,
    Filtered,
}

/// An answer in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The words; with `output_schema` the document.
    pub text: String,
    /// The tools that it calls.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ended.
    pub finish: Finish,
    /// What it took.
    pub usage: ModelUsage,
    /// Who answered, as the provider says it.
    pub model: String,
    /// Whether it arrived as a stream: recorded for operators, not told to the guest.
    pub streamed: bool,
}

/// A request for vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedRequest {
    /// The operator's name for a model.
    pub alias: String,
    /// What to embed.
    pub texts: Vec<String>,
}

/// One vector for each text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    /// In the order of the texts.
    pub vectors: Vec<Vec<f32>>,
    /// What it took.
    pub usage: ModelUsage,
    /// Who answered.
    pub model: String,
}

/// A request for images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRequest {
    /// The operator's name for a model.
    pub alias: String,
    /// What to paint.
    pub prompt: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// How many.
    pub count: u32,
    /// For models that can repeat themselves.
    pub seed: Option<u64>,
}

/// Images as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// Bytes with their media type, found out from the bytes.
    pub images: Vec<(Vec<u8>, String)>,
    /// What it took.
    pub usage: ModelUsage,
    /// Who answered.
    pub model: String,
}

impl CompleteRequest {
    /// Checks the documented maxima.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        within(ALIAS, self.alias.len(), 0, NAME_MAX_BYTES)?;
        within("messages", self.messages.len(), 1, MESSAGES_MAX)?;
        within("stop", self.stop.len(), 0, STOPS_MAX)?;
        within("tools", self.tools.len(), 0, TOOLS_MAX)?;
        for stop in &self.stop {
            within("bytes of a stop sequence", stop.len(), 1, STOP_MAX_BYTES)?;
        }
        for message in &self.messages {
            within("parts of a message", message.parts.len(), 0, PARTS_MAX)?;
            within("tool calls of a message", message.tool_calls.len(), 0, PARTS_MAX)?;
            for part in &message.parts {
                if let Part::Text(text) = part {
                    within("bytes of a text", text.len(), 0, TEXT_MAX_BYTES)?;
                }
            }
        }
        if !self.temperature.is_none_or(|t| (0.0..=2.0).contains(&t)) {
            return Err("temperature must be between 0 and 2".into());
        }
        if !self.max_tokens.is_none_or(|m| (1..=MAX_TOKENS_MAX).contains(&m)) {
            return Err(format!("max-tokens must be between 1 and {MAX_TOKENS_MAX}"));
        }
        for tool in &self.tools {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
            within("bytes of a tool's name", tool.name.len(), 1, 64)?;
            if !tool.name.bytes().all(plain) {
                return Err("a tool's name has letters, digits, `_` and `-`".into());
            }
            Schema::admit(tool.parameters.clone()).map_err(|e| format!("tool parameters: {e}"))?;
        }
        if let Some(schema) = &self.output_schema {
            Schema::admit(schema.clone()).map_err(|error| format!("output-schema: {error}"))?;
        }
        Ok(())
    }

    /// The tokens that the answer may have.
    #[must_use]
    pub fn answer_tokens(&self) -> u32 {
        self.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS)
    }

    /// The artifacts that the prompt shows.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
            Part::Artifact(artifact) => Some(artifact),
            Part::Text(_) => None,
        })
    }
}

impl EmbedRequest {
    /// Checks the documented maxima.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        within(ALIAS, self.alias.len(), 0, NAME_MAX_BYTES)?;
        within("texts", self.texts.len(), 1, EMBED_TEXTS_MAX)?;
        self.texts
            .iter()
            .try_for_each(|t| within("bytes of a text", t.len(), 1, EMBED_TEXT_MAX_BYTES))
    }
}

impl ImageRequest {
    /// Checks the documented maxima.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        within(ALIAS, self.alias.len(), 0, NAME_MAX_BYTES)?;
        within("bytes of the prompt", self.prompt.len(), 1, PROMPT_MAX_BYTES)?;
        within(
            "width",
            self.width as usize,
            *IMAGE_SIDE.start() as usize,
            *IMAGE_SIDE.end() as usize,
        )?;
        within(
            "height",
            self.height as usize,
            *IMAGE_SIDE.start() as usize,
            *IMAGE_SIDE.end() as usize,
        )?;
        within("count", self.count as usize, 1, IMAGES_MAX as usize)
    }
}

/// What a request is asked of: no operator can choose a longer name, and a denial repeats it.
const ALIAS: &str = "bytes of the alias";

fn within(what: &str, found: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(format!("{what}: {found}; it must be {least} to {most}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> CompleteRequest {
        CompleteRequest {
            alias: "writer".into(),
            messages: vec![Message::text(Role::User, text)],
            max_tokens: Some(100),
            temperature: None,
            seed: None,
            stop: Vec::new(),
            output_schema: None,
            tools: Vec::new(),
        }
    }

    #[test]
    fn refuses_what_is_over_the_documented_maxima() {
        let long = request(&"x".repeat(TEXT_MAX_BYTES + 1));
        let none = CompleteRequest { messages: Vec::new(), ..request("") };
        let hot = CompleteRequest { temperature: Some(2.5), ..request("") };
        let nan = CompleteRequest { temperature: Some(f32::NAN), ..request("") };
        let stops = CompleteRequest { stop: vec!["x".into(); STOPS_MAX + 1], ..request("") };
        let remote = serde_json::json!({"$ref": "https://example.com/schema"});
        let remote = CompleteRequest { output_schema: Some(remote), ..request("") };
        for bad in [long, none, hot, nan, stops, remote] {
            assert!(bad.check().is_err());
        }
        assert_eq!(request("ok").check(), Ok(()));
    }
}
