//! `model`: language, embedding and image models. Converts, decides nothing.

use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, Finish, ImageRequest, Message,
    ModelUsage, Part, Role, Tool, ToolCall,
};
use serde_json::Value;

use super::wit::model;
use super::{Told, artifact, reference, told, types};
use crate::state::State;

/// The name of this power.
const POWER: &str = "model";

impl model::Host for State {
    async fn complete(&mut self, given: model::Request) -> Told<model::Completion> {
        let schemas = given.tools.iter().map(|tool| &tool.parameters).chain(&given.output_schema);
        let _read = self.room_to_read(schemas.map(String::as_str))?;
        match self.power(POWER).and_then(|gate| Ok((gate, request(given)?))) {
            Ok((gate, request)) => told(gate.complete(request).await.map(completion)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn embed(&mut self, alias: String, texts: Vec<String>) -> Told<model::Embedding> {
        match self.power(POWER) {
            Ok(gate) => told(gate.embed(EmbedRequest { alias, texts }).await.map(embedding)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn generate_image(&mut self, given: model::ImageRequest) -> Told<Vec<types::Artifact>> {
        let model::ImageRequest { alias, prompt, width, height, count, seed } = given;
        let request = ImageRequest { alias, prompt, width, height, count, seed };
        match self.power(POWER) {
            Ok(gate) => {
                let images = gate.generate_image(request).await;
                told(images.map(|images| images.into_iter().map(reference).collect()))
            }
            Err(error) => Ok(Err(error)),
        }
    }
}

fn request(given: model::Request) -> Result<CompleteRequest, types::Error> {
    let tools = given.tools.into_iter().map(|tool| {
        let parameters = json(&tool.parameters, "parameters of a tool")?;
        Ok(Tool { name: tool.name, description: tool.description, parameters })
    });
    let schema = given.output_schema.map(|schema| json(&schema, "output-schema"));
    Ok(CompleteRequest {
        alias: given.alias,
        messages: given.messages.into_iter().map(message).collect::<Result<_, _>>()?,
        max_tokens: given.max_tokens,
        temperature: given.temperature,
        seed: given.seed,
        stop: given.stop,
        output_schema: schema.transpose()?,
        tools: tools.collect::<Result<_, types::Error>>()?,
    })
}

fn message(given: model::Message) -> Result<Message, types::Error> {
    let parts = given.parts.into_iter().map(|part| {
        Ok(match part {
            model::Part::Text(text) => Part::Text(text),
            model::Part::Artifact(given) => Part::Artifact(artifact(given)?),
        })
    });
    let calls = given.tool_calls.into_iter();
    Ok(Message {
        role: match given.role {
            model::Role::System => Role::System,
            model::Role::User => Role::User,
            model::Role::Assistant => Role::Assistant,
            model::Role::Tool => Role::Tool,
        },
        parts: parts.collect::<Result<_, types::Error>>()?,
        tool_calls: calls
            .map(|c| ToolCall { id: c.id, name: c.name, arguments: c.arguments })
            .collect(),
        answers: given.answers,
    })
}

fn json(text: &str, what: &str) -> Result<Value, types::Error> {
    // Bounded twice: by the bytes of a host call and by the parser's depth of 128.
    serde_json::from_str(text)
        .map_err(|error| types::Error::Invalid(format!("{what}: no JSON ({error})")))
}

fn completion(given: Completion) -> model::Completion {
    let calls = given.tool_calls.into_iter();
    model::Completion {
        text: given.text,
        tool_calls: calls
            .map(|c| model::ToolCall { id: c.id, name: c.name, arguments: c.arguments })
            .collect(),
        finish: match given.finish {
            Finish::Stop => model::Finish::Stop,
            Finish::Length => model::Finish::Length,
            Finish::Tools => model::Finish::Tools,
            Finish::Filtered => model::Finish::Filtered,
        },
        usage: usage(given.usage),
        model: given.model,
    }
}

fn embedding(given: Embedding) -> model::Embedding {
    model::Embedding { vectors: given.vectors, usage: usage(given.usage), model: given.model }
}

fn usage(given: ModelUsage) -> model::Usage {
    model::Usage { input_tokens: given.input_tokens, output_tokens: given.output_tokens }
}
