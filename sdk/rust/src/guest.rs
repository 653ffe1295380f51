//! The side of the sandbox: the contract's imports as `Powers`, the agent as its exports.
//! Compiled for wasm alone; the only place that knows the generated bindings.

use crate::agent::{self, Agent};
use crate::artifact::Artifact;
use crate::delegate::{DelegateError, Fault};
use crate::failure::{Failure, HostError, Limit};
use crate::host::{Host, Task};
use crate::http::{Request as Asked, Response};
use crate::knowledge::Passage;
use crate::log::Level;
use crate::model::{self, Completion, Embedding, Finish, Part, Picture, Request, Role, Usage};
use crate::powers::Powers;

use bindings::bailiwick::agent as host;
use bindings::exports::bailiwick::agent::agent as contract;

/// Generated from `wit/v0.1`; public because the expansion exports through it.
#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/v0.1",
        world: "full",
        pub_export_macro: true,
        default_bindings_module: "bailiwick::guest::bindings",
    });
}

impl<A: Agent> contract::Guest for A {
    fn profile() -> contract::About {
        log_panics();
        let profile = agent::profile::<A>();
        contract::About {
            name: profile.name.to_owned(),
            version: profile.version.to_owned(),
            summary: profile.summary.to_owned(),
            input_schema: profile.input_schema,
            output_schema: profile.output_schema,
        }
    }

    fn perform(task: contract::Task) -> Result<String, contract::Failure> {
        log_panics();
        let place = Task { step: task.step, cell: task.cell, round: task.round };
        let host = Host::new(place, Imports);
        agent::perform(&task.input, |input| A::perform(input, &host)).map_err(Into::into)
    }
}

/// A trap says nothing; the operator is to read what the author would have read.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("without words");
        let line = match panic.location() {
            Some(at) => format!("panicked at {at}: {message}"),
            None => format!("panicked: {message}"),
        };
        host::log::write(host::log::Level::Error, &line);
    }));
}

/// The imports of the component.
#[derive(Debug)]
pub(crate) struct Imports;

impl Powers for Imports {
    fn write(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => host::log::Level::Debug,
            Level::Info => host::log::Level::Info,
            Level::Warn => host::log::Level::Warn,
            Level::Error => host::log::Level::Error,
        };
        host::log::write(level, message);
    }

    fn report(&self, fraction: f32, note: &str) {
        host::log::progress(fraction, note);
    }

    fn complete(&self, request: &Request) -> Result<Completion, HostError> {
        let answer = host::model::complete(&request.into())?;
        Ok(Completion {
            text: answer.text,
            tool_calls: answer.tool_calls.into_iter().map(Into::into).collect(),
            finish: match answer.finish {
                host::model::Finish::Stop => Finish::Stop,
                host::model::Finish::Length => Finish::Length,
                host::model::Finish::Tools => Finish::Tools,
                host::model::Finish::Filtered => Finish::Filtered,
            },
            usage: answer.usage.into(),
            model: answer.model,
        })
    }

    fn embed(&self, alias: &str, texts: &[&str]) -> Result<Embedding, HostError> {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        let answer = host::model::embed(alias, &texts)?;
        Ok(Embedding { vectors: answer.vectors, usage: answer.usage.into(), model: answer.model })
    }

    fn generate_images(&self, alias: &str, picture: &Picture) -> Result<Vec<Artifact>, HostError> {
        let request = host::model::ImageRequest {
            alias: alias.to_owned(),
            prompt: picture.prompt.clone(),
            width: picture.width,
            height: picture.height,
            count: picture.count,
            seed: picture.seed,
        };
        let images = host::model::generate_image(&request)?;
        Ok(images.into_iter().map(Into::into).collect())
    }

    fn search(&self, collection: &str, query: &str, limit: u32) -> Result<Vec<Passage>, HostError> {
        host::knowledge::search(collection, query, limit)?
            .into_iter()
            .map(|passage| {
                let metadata = serde_json::from_str(&passage.metadata)
                    .map_err(|error| HostError::Invalid(error.to_string()))?;
                Ok(Passage {
                    document: passage.document,
                    text: passage.text,
                    score: passage.score,
                    metadata,
                })
            })
            .collect()
    }

    fn put(
        &self,
        bytes: &[u8],
        media_type: &str,
        name: Option<&str>,
    ) -> Result<Artifact, HostError> {
        Ok(host::artifacts::put(bytes, media_type, name)?.into())
    }

    fn get(&self, artifact: &Artifact) -> Result<Vec<u8>, HostError> {
        Ok(host::artifacts::get(&artifact.into())?)
    }

    fn fetch(&self, request: &Asked) -> Result<Response, HostError> {
        let header = |(name, value): &(String, String)| host::http::Header {
            name: name.clone(),
            value: value.clone(),
        };
        let answer = host::http::fetch(&host::http::Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.iter().map(header).collect(),
            body: request.body.clone(),
        })?;
        let headers = answer.headers.into_iter().map(|header| (header.name, header.value));
        Ok(Response { status: answer.status, headers: headers.collect(), body: answer.body })
    }

    fn kv_get(&self, key: &str) -> Result<Option<String>, HostError> {
        Ok(host::kv::get(key)?)
    }

    fn kv_set(&self, key: &str, value: &str) -> Result<(), HostError> {
        Ok(host::kv::set(key, value)?)
    }

    fn kv_delete(&self, key: &str) -> Result<(), HostError> {
        Ok(host::kv::delete(key)?)
    }

    fn kv_list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, HostError> {
        Ok(host::kv::list(prefix, after, limit)?)
    }

    fn kv_swap(
        &self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<bool, HostError> {
        Ok(host::kv::compare_and_set(key, expected, value)?)
    }

    fn delegate(&self, agent: &str, input: &str) -> Result<String, DelegateError> {
        Ok(host::delegate::call(agent, input)?)
    }
}

impl From<host::delegate::CallError> for DelegateError {
    fn from(error: host::delegate::CallError) -> Self {
        use host::delegate::Failure as Told;
        match error {
            host::delegate::CallError::Host(error) => Self::Uncalled(error.into()),
            host::delegate::CallError::Failed(told) => Self::Failed(match told {
                Told::InvalidInput(text) => Fault::InvalidInput(text),
                Told::Refused => Fault::Refused,
                Told::Retryable(text) => Fault::Retryable(text),
                Told::Fatal(text) => Fault::Fatal(text),
                Told::Limit => Fault::Limit,
                Told::Broken => Fault::Broken,
            }),
        }
    }
}

impl From<Failure> for contract::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::InvalidInput(text) => Self::InvalidInput(text),
            Failure::Refused { capability } => Self::Refused(host::types::Denial { capability }),
            Failure::Retryable(text) => Self::Retryable(text),
            Failure::Fatal(text) => Self::Fatal(text),
        }
    }
}

impl From<host::types::Error> for HostError {
    fn from(error: host::types::Error) -> Self {
        use host::types::Limit as Spent;
        match error {
            host::types::Error::Denied(denial) => Self::Denied { capability: denial.capability },
            host::types::Error::Exhausted(limit) => Self::Exhausted(match limit {
                Spent::Tokens => Limit::Tokens,
                Spent::Money => Limit::Money,
                Spent::Calls => Limit::Calls,
                Spent::Bytes => Limit::Bytes,
                Spent::Wall => Limit::Wall,
                Spent::Rate => Limit::Rate,
                Spent::Storage => Limit::Storage,
            }),
            host::types::Error::Unavailable => Self::Unavailable,
            host::types::Error::Invalid(text) => Self::Invalid(text),
        }
    }
}

impl From<host::types::Artifact> for Artifact {
    fn from(artifact: host::types::Artifact) -> Self {
        Self::new(artifact.digest, artifact.media_type, artifact.bytes, artifact.name)
    }
}

impl From<&Artifact> for host::types::Artifact {
    fn from(artifact: &Artifact) -> Self {
        Self {
            digest: artifact.digest().to_owned(),
            media_type: artifact.media_type().to_owned(),
            bytes: artifact.bytes(),
            name: artifact.name().map(str::to_owned),
        }
    }
}

impl From<&Request> for host::model::Request {
    fn from(request: &Request) -> Self {
        Self {
            alias: request.alias.clone(),
            messages: request.messages.iter().map(Into::into).collect(),
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            seed: request.seed,
            stop: request.stop.clone(),
            output_schema: request.output_schema.clone(),
            tools: request.tools.iter().map(Into::into).collect(),
        }
    }
}

impl From<&model::Message> for host::model::Message {
    fn from(message: &model::Message) -> Self {
        Self {
            role: match message.role {
                Role::System => host::model::Role::System,
                Role::User => host::model::Role::User,
                Role::Assistant => host::model::Role::Assistant,
                Role::Tool => host::model::Role::Tool,
            },
            parts: message
                .parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => host::model::Part::Text(text.clone()),
                    Part::Artifact(artifact) => host::model::Part::Artifact(artifact.into()),
                })
                .collect(),
            tool_calls: message
                .tool_calls
                .iter()
                .map(|call| host::model::ToolCall {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: call.arguments.clone(),
                })
                .collect(),
            answers: message.answers.clone(),
        }
    }
}

impl From<&model::Tool> for host::model::Tool {
    fn from(tool: &model::Tool) -> Self {
        Self {
            name: tool.name.clone(),
            description: tool.description.clone(),
            parameters: tool.parameters.clone(),
        }
    }
}

impl From<host::model::ToolCall> for model::ToolCall {
    fn from(call: host::model::ToolCall) -> Self {
        Self { id: call.id, name: call.name, arguments: call.arguments }
    }
}

impl From<host::model::Usage> for Usage {
    fn from(usage: host::model::Usage) -> Self {
        Self { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens }
    }
}
