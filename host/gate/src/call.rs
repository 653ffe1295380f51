//! A gate call as data: what is asked, what is answered, how it fails; and the form of both in the journal.

use bailiwick_core::fact::{CallAnswer, Capability, Failure, Limit};
use bailiwick_core::{Artifact, Digest, Document};
use bailiwick_policy::http::Method;
use bailiwick_policy::ports::Park;
use serde_json::{Value, json};

use crate::artifacts::PutRequest;
use crate::delegate::DelegateRequest;
use crate::http::{FetchRequest, FetchResponse};
use crate::knowledge::{Passage, SearchRequest};
use crate::kv::KvRequest;
use crate::model::{CompleteRequest, Completion, EmbedRequest, Embedding, ImageRequest};
use crate::worst::Worst;

/// What a guest asks for.
#[derive(Clone, Debug)]
pub enum Request {
    /// `model.complete`.
    Complete(CompleteRequest),
    /// `model.embed`.
    Embed(EmbedRequest),
    /// The vector of a query for a collection with an embedding model; asked by the host for the guest.
    EmbedQuery {
        /// The collection that the query is for.
        collection: String,
        /// The request to the collection's model.
        request: EmbedRequest,
    },
    /// `model.generate-image`.
    GenerateImage(ImageRequest),
    /// `knowledge.search`.
    Search(SearchRequest),
    /// `artifacts.put`.
    Put(PutRequest),
    /// `artifacts.get`.
    Get(Artifact),
    /// `http.fetch`.
    Fetch(FetchRequest),
    /// `kv`.
    Kv(KvRequest),
    /// `delegate.call`.
    Delegate(DelegateRequest),
}

/// What it is given.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "one for each request")]
pub enum Answer {
    Completion(Completion),
    Embedding(Embedding),
    Images(Vec<Artifact>),
    Passages(Vec<Passage>),
    Reference(Artifact),
    Bytes(Vec<u8>),
    Response(FetchResponse),
    Value(Option<Value>),
    Keys(Vec<String>),
    Swapped(bool),
    Delegated(Document),
    Done,
}

/// How a call ends without an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Not granted; the operator was told why.
    #[error("{0} is not granted")]
    Denied(Capability),
    /// Spent.
    #[error("exhausted")]
    Exhausted(Limit),
    /// Nobody answered.
    #[error("unavailable")]
    Unavailable,
    /// The request is wrong.
    #[error("invalid: {0}")]
    Invalid(String),
    /// The agent that was called has no output.
    #[error("it failed: {0}")]
    Failed(Failure),
    /// The attempt is over: a limit of the sandbox, or the journal is gone.
    #[error("{0}")]
    Ended(Failure),
    /// The attempt is let go: the call cannot be made now.
    #[error("not now: {}", .0.detail)]
    Parked(Park),
}

impl Request {
    /// The power that it needs.
    #[must_use]
    pub fn capability(&self) -> Capability {
        match self {
            Self::Complete(_) | Self::Embed(_) | Self::GenerateImage(_) => Capability::Model,
            Self::Search(_) | Self::EmbedQuery { .. } => Capability::Knowledge,
            Self::Put(_) | Self::Get(_) => Capability::Artifacts,
            Self::Fetch(_) => Capability::Http,
            Self::Kv(_) => Capability::Kv,
            Self::Delegate(_) => Capability::Delegate,
        }
    }

    /// The documented maxima.
    ///
    /// # Errors
    /// A sentence for the agent's author.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Complete(request) => request.check(),
            Self::Embed(request) | Self::EmbedQuery { request, .. } => request.check(),
            Self::GenerateImage(request) => request.check(),
            Self::Search(request) => request.check(),
            Self::Put(request) => request.check(),
            Self::Get(_) => Ok(()),
            Self::Fetch(request) => request.check().map(|_| ()),
            Self::Kv(request) => request.check(),
            Self::Delegate(request) => request.check(),
        }
    }

    /// What it may take at worst; nothing for what never leaves the host.
    #[must_use]
    pub fn worst(&self) -> Option<Worst> {
        match self {
            Self::Complete(request) => Some(request.worst()),
            Self::Embed(request) | Self::EmbedQuery { request, .. } => Some(request.worst()),
            Self::GenerateImage(request) => Some(request.worst()),
            Self::Search(_)
            | Self::Put(_)
            | Self::Get(_)
            | Self::Fetch(_)
            | Self::Kv(_)
            | Self::Delegate(_) => None,
        }
    }

    /// Whether it may change something outside: then no attempt begins anew after it.
    #[must_use]
    pub fn changes(&self) -> bool {
        match self {
            // What is no method is refused before it matters.
            Self::Fetch(request) => Method::parse(&request.method).is_none_or(Method::changes),
            // What is kept happens with the end of the attempt, or not at all; what an agent
            // that is called changes outside stands in its own calls.
            _ => false,
        }
    }

    /// What tells this request from another: bytes by their digest, the rest as it is.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let (word, value) = self.form();
        Digest::of_parts(&[word.as_bytes(), value.to_string().as_bytes()])
    }

    /// The same for people: `{ KIND: REQUEST }`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (word, value) = self.form();
        json!({ word: value })
    }

    fn form(&self) -> (&'static str, Value) {
        match self {
            Self::Complete(request) => ("complete", to_value(request)),
            Self::Embed(request) => ("embed", to_value(request)),
            Self::EmbedQuery { collection, request } => {
                ("embed-query", json!([collection, to_value(request)]))
            }
            Self::GenerateImage(request) => ("generate-image", to_value(request)),
            Self::Search(request) => ("search", to_value(request)),
            Self::Put(put) => {
                let digest = Digest::of(&put.bytes).to_string();
                ("put", json!([digest, put.media_type, put.name]))
            }
            Self::Get(artifact) => ("get", artifact.to_json()),
            Self::Fetch(request) => ("fetch", request.form()),
            Self::Kv(request) => ("kv", to_value(request)),
            Self::Delegate(request) => ("delegate", request.form()),
        }
    }
}

impl Answer {
    /// The form in the journal. Bytes are named by their digest: the blob is kept anyway.
    #[must_use]
    pub fn document(&self) -> Document {
        let value = match self {
            Self::Completion(completion) => to_value(completion),
            Self::Embedding(embedding) => to_value(embedding),
            Self::Images(images) => images.iter().map(Artifact::to_json).collect(),
            Self::Passages(passages) => to_value(passages),
            Self::Reference(artifact) => artifact.to_json(),
            Self::Response(response) => response.to_json(),
            Self::Bytes(bytes) => json!({ "bytes": Digest::of(bytes).to_string() }),
            // A value may be `null`, which is another thing than none.
            Self::Value(value) => value.iter().cloned().collect(),
            Self::Keys(keys) => to_value(keys),
            Self::Swapped(swapped) => Value::Bool(*swapped),
            Self::Delegated(output) => return output.clone(),
            Self::Done => Value::Null,
        };
        Document::of(&value)
    }
}

impl CallError {
    /// The error that a guest sees for an answer of the journal.
    #[must_use]
    pub fn of(answer: &CallAnswer, capability: Capability) -> Option<Self> {
        match answer {
            CallAnswer::Ok { .. } => None,
            CallAnswer::Denied { .. } => Some(Self::Denied(capability)),
            CallAnswer::Exhausted { limit, .. } => Some(Self::Exhausted(*limit)),
            CallAnswer::Unavailable { .. } => Some(Self::Unavailable),
            CallAnswer::Invalid { detail } => Some(Self::Invalid(detail.clone())),
            CallAnswer::Failed { failure } => Some(Self::Failed(failure.clone())),
        }
    }
}

/// Plain records of strings and finite numbers: this cannot fail. A NaN becomes null.
fn to_value(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
