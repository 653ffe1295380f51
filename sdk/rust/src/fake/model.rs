//! The models of a fake: answers by queue or closure, requests held to the contract's
//! bounds. Knows nothing of real models.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::artifact::Artifact;
use crate::failure::{HostError, Limit};
use crate::fake::{Capability, Fake, denied, ensure};
use crate::limits;
use crate::model::{
    Completion, Embedding, Finish, Message, Part, Picture, Request, Tool, ToolCall, Usage,
};
use crate::schema;

/// Who a fake says that it is, so that no test mistakes it for a model.
const MODEL: &str = "fake";

/// What a scripted model says. Text and JSON documents become one by `into()`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply(Result<Completion, HostError>);

type Script = Box<dyn FnMut(&Request) -> Result<Reply, HostError>>;
type Embedder = Box<dyn FnMut(&str) -> Vec<f32>>;
type Painter = Box<dyn FnMut(&Picture) -> (Vec<u8>, &'static str)>;

#[derive(Default)]
pub(crate) struct Models {
    writers: BTreeMap<String, Writer>,
    embedders: BTreeMap<String, Option<Embedder>>,
    painters: BTreeMap<String, Option<Painter>>,
    pub(crate) requests: Vec<Request>,
}

#[derive(Default)]
struct Writer {
    queue: VecDeque<Reply>,
    script: Option<Script>,
}

impl Reply {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::says(text.into(), Vec::new(), Finish::Stop)
    }

    /// A document, as an answer to [`Model::answer`](crate::model::Model::answer).
    pub fn json(document: &impl Serialize) -> Self {
        match schema::encode(document) {
            Ok(text) => Self::text(text),
            Err(error) => Self::error(HostError::Invalid(error)),
        }
    }

    /// A call to a tool; its id is `call-` and the tool's name.
    pub fn call(tool: &str, arguments: Value) -> Self {
        let call = ToolCall {
            id: format!("call-{tool}"),
            name: tool.into(),
            arguments: arguments.to_string(),
        };
        Self::says(String::new(), vec![call], Finish::Tools)
    }

    /// No answer but an error.
    pub fn error(error: HostError) -> Self {
        Self(Err(error))
    }

    /// The same answer, ended for another reason.
    #[must_use]
    pub fn finish(self, finish: Finish) -> Self {
        Self(self.0.map(|said| Completion { finish, ..said }))
    }

    /// The same answer at another price; without it a word is a token.
    #[must_use]
    pub fn usage(self, usage: Usage) -> Self {
        Self(self.0.map(|said| Completion { usage, ..said }))
    }

    fn says(text: String, tool_calls: Vec<ToolCall>, finish: Finish) -> Self {
        Self(Ok(Completion {
            text,
            tool_calls,
            finish,
            usage: Usage::default(),
            model: MODEL.into(),
        }))
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<Value> for Reply {
    fn from(document: Value) -> Self {
        Self::text(document.to_string())
    }
}

impl From<HostError> for Reply {
    fn from(error: HostError) -> Self {
        Self::error(error)
    }
}

impl Models {
    pub(crate) fn queue(&mut self, alias: &str, reply: Reply) {
        let writer = self.writers.entry(alias.to_owned()).or_default();
        writer.queue.push_back(reply);
    }

    pub(crate) fn script(
        &mut self,
        alias: &str,
        script: impl FnMut(&Request) -> Result<Reply, HostError> + 'static,
    ) {
        let writer = self.writers.entry(alias.to_owned()).or_default();
        writer.script = Some(Box::new(script));
    }

    pub(crate) fn embedder(&mut self, alias: &str, script: impl FnMut(&str) -> Vec<f32> + 'static) {
        let script: Embedder = Box::new(script);
        self.embedders.insert(alias.to_owned(), Some(script));
    }

    pub(crate) fn painter(
        &mut self,
        alias: &str,
        script: impl FnMut(&Picture) -> (Vec<u8>, &'static str) + 'static,
    ) {
        let script: Painter = Box::new(script);
        self.painters.insert(alias.to_owned(), Some(script));
    }

    fn writer(&mut self, alias: &str) -> Result<&mut Writer, HostError> {
        let writer = self.writers.get_mut(alias);
        writer.ok_or_else(|| denied(Capability::Model))
    }
}

impl Fake {
    pub(crate) fn converse(&self, request: &Request) -> Result<Completion, HostError> {
        self.state().models.writer(&request.alias)?;
        self.check(request)?;
        self.state().models.requests.push(request.clone());
        let said = self.reply(request)?.0?;
        let usage = if said.usage == Usage::default() {
            Usage { input_tokens: words(&request.text()), output_tokens: words(&said.text) }
        } else {
            said.usage
        };
        Ok(Completion { usage, ..said })
    }

    fn reply(&self, request: &Request) -> Result<Reply, HostError> {
        let queued = self.state().models.writer(&request.alias)?.queue.pop_front();
        if let Some(reply) = queued {
            return Ok(reply);
        }
        // Taken out while it runs, so that it may call the host itself.
        let script = self.state().models.writer(&request.alias)?.script.take();
        let Some(mut script) = script else {
            return Err(HostError::Exhausted(Limit::Calls));
        };
        let reply = script(request);
        self.state().models.writer(&request.alias)?.script = Some(script);
        reply
    }

    pub(crate) fn measure(&self, alias: &str, texts: &[&str]) -> Result<Embedding, HostError> {
        let embedder = self.state().models.embedders.get_mut(alias).map(Option::take);
        let Some(Some(mut embedder)) = embedder else {
            return Err(denied(Capability::Model));
        };
        let sized = texts.iter().all(|text| text.len() <= limits::EMBED_TEXT_BYTES);
        let checked = ensure(sized && texts.len() <= limits::EMBED_TEXTS, "texts");
        let answer = checked.map(|()| Embedding {
            vectors: texts.iter().map(|text| embedder(text)).collect(),
            usage: Usage {
                input_tokens: texts.iter().map(|text| words(text)).sum(),
                output_tokens: 0,
            },
            model: MODEL.into(),
        });
        self.state().models.embedders.insert(alias.to_owned(), Some(embedder));
        answer
    }

    pub(crate) fn draw(&self, alias: &str, picture: &Picture) -> Result<Vec<Artifact>, HostError> {
        let painter = self.state().models.painters.get_mut(alias).map(Option::take);
        let Some(Some(mut painter)) = painter else {
            return Err(denied(Capability::Model));
        };
        let drawn = check_picture(picture).map(|()| {
            let images: Vec<_> = (0..picture.count).map(|_| painter(picture)).collect();
            let mut state = self.state();
            images
                .into_iter()
                .map(|(bytes, media_type)| state.shelf.mint(bytes, media_type, None))
                .collect()
        });
        self.state().models.painters.insert(alias.to_owned(), Some(painter));
        drawn
    }

    fn check(&self, request: &Request) -> Result<(), HostError> {
        let messages = (1..=limits::MESSAGES).contains(&request.messages.len());
        ensure(messages, "messages")?;
        for message in &request.messages {
            self.check_message(message)?;
        }
        let temperature = request.temperature.unwrap_or_default();
        ensure((0.0..=limits::TEMPERATURE).contains(&temperature), "temperature")?;
        ensure(request.max_tokens != Some(0), "max-tokens")?;
        let stops = request.stop.iter().all(|stop| (1..=limits::STOP_BYTES).contains(&stop.len()));
        ensure(stops && request.stop.len() <= limits::STOPS, "stop")?;
        let schema = request.output_schema.as_deref().unwrap_or_default();
        ensure(schema.len() <= limits::SCHEMA_BYTES, "output-schema")?;
        let tools = request.tools.iter().all(is_tool);
        ensure(tools && request.tools.len() <= limits::TOOLS, "tools")
    }

    fn check_message(&self, message: &Message) -> Result<(), HostError> {
        ensure(message.parts.len() <= limits::PARTS, "parts")?;
        ensure(message.tool_calls.len() <= limits::TOOL_CALLS, "tool-calls")?;
        for part in &message.parts {
            match part {
                Part::Text(text) => ensure(text.len() <= limits::TEXT_BYTES, "text")?,
                Part::Artifact(artifact) if self.state().shelf.get(artifact).is_none() => {
                    return Err(denied(Capability::Artifacts));
                }
                Part::Artifact(_) => {}
            }
        }
        Ok(())
    }
}

fn is_tool(tool: &Tool) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=limits::TOOL_NAME_BYTES).contains(&tool.name.len())
        && tool.name.bytes().all(is_letter)
        && tool.parameters.len() <= limits::SCHEMA_BYTES
}

fn check_picture(picture: &Picture) -> Result<(), HostError> {
    ensure(picture.prompt.len() <= limits::PROMPT_BYTES, "prompt")?;
    ensure(limits::IMAGE_SIDE.contains(&picture.width), "width")?;
    ensure(limits::IMAGE_SIDE.contains(&picture.height), "height")?;
    ensure(limits::IMAGES.contains(&picture.count), "count")
}

fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}
