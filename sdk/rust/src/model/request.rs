//! What goes to a model and what comes back, as plain data; knows not how it is asked.

use crate::artifact::Artifact;

/// One question to a language model, as [`Model`](super::Model) puts it together and a
/// fake's script sees it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Request {
    /// The operator's name for a model.
    pub alias: String,
    /// What was said so far. At most 256.
    pub messages: Vec<Message>,
    /// The most tokens that the answer may have; the host's own default without it.
    pub max_tokens: Option<u32>,
    /// 0.0 to 2.0.
    pub temperature: Option<f32>,
    /// For models that answer the same seed with the same words.
    pub seed: Option<u64>,
    /// Words that end the answer. At most 16 of at most 256 bytes.
    pub stop: Vec<String>,
    /// The JSON Schema that the answer must fulfil.
    pub output_schema: Option<String>,
    /// What the agent offers to do for the model. At most 32.
    pub tools: Vec<Tool>,
}

impl Request {
    /// All text of all messages, one part a line: enough for most scripts to look at.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self
            .messages
            .iter()
            .flat_map(|message| &message.parts)
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Artifact(_) => None,
            })
            .collect();
        texts.join("\n")
    }
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said and shown. At most 64.
    pub parts: Vec<Part>,
    /// In a message of the assistant: the calls that it made.
    pub tool_calls: Vec<ToolCall>,
    /// In a message of a tool: the id of the call that it answers.
    pub answers: Option<String>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The rules of the conversation.
    System,
    /// The agent, speaking for its task.
    User,
    /// The model.
    Assistant,
    /// The answer to a tool call.
    Tool,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// At most 1 MiB.
    Text(String),
    /// An image that the agent may read.
    Artifact(Artifact),
}

/// A tool that the agent offers and answers itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// `[a-zA-Z0-9_-]`, 1 to 64 bytes.
    pub name: String,
    /// What it is good for, in the model's words.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: String,
}

/// A call to one of the tools that the agent offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// What the answer to it must name.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// One JSON document; a model may well break the tool's schema.
    pub arguments: String,
}

/// Tokens as the provider counted them, over all tries of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// What was read.
    pub input_tokens: u64,
    /// What was written.
    pub output_tokens: u64,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// It was done.
    Stop,
    /// `max_tokens` was reached.
    Length,
    /// It calls tools.
    Tools,
    /// The provider withheld the rest.
    Filtered,
}

/// A model's answer in words, in tool calls, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Empty where the model only calls tools.
    pub text: String,
    /// What the model wants done before it goes on.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub finish: Finish,
    /// What it cost.
    pub usage: Usage,
    /// Who answered: the name of provider and model, as the provider says it.
    pub model: String,
}

/// A model's answer as a value of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// What was asked for.
    pub value: T,
    /// What it cost, repair included.
    pub usage: Usage,
    /// Who answered.
    pub model: String,
}

/// One vector for each text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// In the order of the texts.
    pub vectors: Vec<Vec<f32>>,
    /// What it cost.
    pub usage: Usage,
    /// Who answered.
    pub model: String,
}

/// Images to be generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What is to be seen. At most 32 KiB.
    pub prompt: String,
    /// In pixels, 64 to 4 096.
    pub width: u32,
    /// In pixels, 64 to 4 096.
    pub height: u32,
    /// How many, 1 to 4.
    pub count: u32,
    /// For models that draw the same seed the same way.
    pub seed: Option<u64>,
}

impl Picture {
    /// One image of `width` × `height` pixels.
    pub fn new(prompt: impl Into<String>, width: u32, height: u32) -> Self {
        Self { prompt: prompt.into(), width, height, count: 1, seed: None }
    }
}
