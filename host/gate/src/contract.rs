//! The guest's side of the gate: one method for each function of the contract; structured answers with their one repair, and the query's vector, are made of plain calls.
//!
//! Each request of a compound is a call of its own, with its own index, intent and
//! answer: what is derived from recorded answers is derived again in a replay.

use bailiwick_core::Artifact;
use bailiwick_core::fact::Level;
use bailiwick_core::schema::Schema;
use serde_json::Value;

use crate::artifacts::PutRequest;
use crate::call::{Answer, CallError, Request};
use crate::gate::Gate;
use crate::http::{FetchRequest, FetchResponse};
use crate::knowledge::{Passage, SearchRequest};
use crate::kv::KvRequest;
use crate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, Finish, ImageRequest, Message, Role,
};

/// An answer of another kind than the request: a provider's or a store's fault.
const MIXED_UP: CallError = CallError::Unavailable;

impl Gate {
    /// `model.complete`.
    ///
    /// # Errors
    /// [`CallError`]; `Invalid` also where the answer is out of its schema after one repair.
    pub async fn complete(&self, request: CompleteRequest) -> Result<Completion, CallError> {
        let Some(schema) = request.output_schema.clone() else {
            return self.completion(request).await;
        };
        let first = self.completion(request.clone()).await?;
        if first.finish == Finish::Tools {
            return Ok(first);
        }
        let schema = self
            .work(|| Schema::admit(schema.clone()))?
            .map_err(|e| CallError::Invalid(e.to_string()))?;
        let wrong = match self.document(&schema, &first.text)? {
            Ok(text) => return Ok(Completion { text, ..first }),
            Err(wrong) => wrong,
        };
        let note = format!("the model's answer was out of its schema, asking once more: {wrong}");
        self.log(Level::Warn, &note, None).await?;
        let second = self.completion(repair(request, &first.text, &wrong)).await?;
        let usage = first.usage.plus(second.usage);
        match self.document(&schema, &second.text)? {
            Ok(text) => Ok(Completion { text, usage, ..second }),
            Err(wrong) => {
                let sentence =
                    format!("the model's answer is out of its schema after one repair: {wrong}");
                Err(CallError::Invalid(sentence))
            }
        }
    }

    async fn completion(&self, request: CompleteRequest) -> Result<Completion, CallError> {
        match self.call(Request::Complete(request)).await? {
            Answer::Completion(completion) => Ok(completion),
            _ => Err(MIXED_UP),
        }
    }

    /// The canonical document in an answer, or what is wrong with it.
    fn document(&self, schema: &Schema, text: &str) -> Result<Result<String, String>, CallError> {
        self.work(|| {
            let value: Value = serde_json::from_str(unfenced(text))
                .map_err(|error| format!("it is no JSON document ({error})"))?;
            schema.check(&value).map_err(|mismatch| mismatch.to_string())?;
            Ok(value.to_string())
        })
    }

    /// `model.embed`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn embed(&self, request: EmbedRequest) -> Result<Embedding, CallError> {
        match self.call(Request::Embed(request)).await? {
            Answer::Embedding(embedding) => Ok(embedding),
            _ => Err(MIXED_UP),
        }
    }

    /// `model.generate-image`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn generate_image(&self, request: ImageRequest) -> Result<Vec<Artifact>, CallError> {
        match self.call(Request::GenerateImage(request)).await? {
            Answer::Images(images) => Ok(images),
            _ => Err(MIXED_UP),
        }
    }

    /// `kv.get`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn kv_get(&self, key: String) -> Result<Option<Value>, CallError> {
        match self.call(Request::Kv(KvRequest::Get { key })).await? {
            Answer::Value(value) => Ok(value),
            _ => Err(MIXED_UP),
        }
    }

    /// `kv.list`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn kv_list(
        &self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, CallError> {
        match self.call(Request::Kv(KvRequest::List { prefix, after, limit })).await? {
            Answer::Keys(keys) => Ok(keys),
            _ => Err(MIXED_UP),
        }
    }

    /// `kv.set` and `kv.delete`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn kv_change(&self, request: KvRequest) -> Result<(), CallError> {
        match self.call(Request::Kv(request)).await? {
            Answer::Done => Ok(()),
            _ => Err(MIXED_UP),
        }
    }

    /// `kv.compare-and-set`: whether the key held what was expected.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn kv_swap(&self, request: KvRequest) -> Result<bool, CallError> {
        match self.call(Request::Kv(request)).await? {
            Answer::Swapped(swapped) => Ok(swapped),
            _ => Err(MIXED_UP),
        }
    }

    /// `knowledge.search`; by words and by meaning where the collection has an embedding model.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn search(&self, mut request: SearchRequest) -> Result<Vec<Passage>, CallError> {
        if let Some(alias) = self.gateway.embedders.get(request.collection.as_str()) {
            let embed =
                EmbedRequest { alias: alias.to_string(), texts: vec![request.query.clone()] };
            let collection = request.collection.clone();
            match self.call(Request::EmbedQuery { collection, request: embed }).await {
                Ok(Answer::Embedding(embedding)) => {
                    request.vector = embedding.vectors.into_iter().next()
                }
                // Words alone still find something; the operator sees why in the calls of the attempt.
                Ok(_)
                | Err(CallError::Unavailable | CallError::Invalid(_) | CallError::Exhausted(_)) => {
                }
                Err(error) => return Err(error),
            }
        }
        match self.call(Request::Search(request)).await? {
            Answer::Passages(passages) => Ok(passages),
            _ => Err(MIXED_UP),
        }
    }

    /// `artifacts.put`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn put(&self, request: PutRequest) -> Result<Artifact, CallError> {
        match self.call(Request::Put(request)).await? {
            Answer::Reference(artifact) => Ok(artifact),
            _ => Err(MIXED_UP),
        }
    }

    /// `artifacts.get`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get(&self, artifact: Artifact) -> Result<Vec<u8>, CallError> {
        match self.call(Request::Get(artifact)).await? {
            Answer::Bytes(bytes) => Ok(bytes),
            _ => Err(MIXED_UP),
        }
    }
}

impl Gate {
    /// `http.fetch`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn fetch(&self, request: FetchRequest) -> Result<FetchResponse, CallError> {
        match self.call(Request::Fetch(request)).await? {
            Answer::Response(response) => Ok(response),
            _ => Err(MIXED_UP),
        }
    }
}

/// The second try: the conversation, the answer, what is wrong with it.
fn repair(mut request: CompleteRequest, answer: &str, wrong: &str) -> CompleteRequest {
    request.messages.push(Message::text(Role::Assistant, answer));
    let ask = format!(
        "That is not a document of the schema: {wrong}. Answer again, with the JSON document only."
    );
    request.messages.push(Message::text(Role::User, ask));
    request
}

/// Models like to put documents into a Markdown fence.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    inner.and_then(|rest| rest.strip_suffix("```")).map_or(text, str::trim)
}
