//! Vectors by OpenAI's protocol.

use bailiwick_core::Bytes;
use bailiwick_gate::model::{EmbedRequest, Embedding, ModelUsage};
use bailiwick_gate::provider::{ProviderCall, ProviderError};
use serde::Deserialize;
use serde_json::json;

use super::headers;
use crate::server::{Post, Server, broken_off};

/// The largest answer: 256 texts of 4 096 numbers at 24 bytes each, and their envelope.
const ANSWER_MAX: Bytes = Bytes::mib(32);
/// The most numbers of one vector: the widest models in use have 8 192.
const DIMENSIONS_MAX: usize = 16_384;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
    model: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
}

pub(super) async fn embed(
    server: &Server<'_>,
    call: ProviderCall<'_, EmbedRequest>,
) -> Result<Embedding, ProviderError> {
    let texts = &call.request.texts;
    let body = json!({"model": call.route.model, "input": texts, "encoding_format": "float"});
    let post = Post {
        path: &["embeddings"],
        headers: headers(&call),
        body: &body,
        timeout: call.timeout,
        answer_max: ANSWER_MAX,
    };
    let document = server.post(post).await?.whole().await?;
    let mut answer: Answer = serde_json::from_slice(&document)
        .map_err(|_| broken_off("it holds no embeddings in OpenAI's form"))?;
    if answer.data.iter().all(|item| item.index.is_some()) {
        answer.data.sort_by_key(|item| item.index);
    }
    let vectors: Vec<Vec<f32>> = answer.data.into_iter().map(|item| item.embedding).collect();
    let dimensions = vectors.first().map_or(0, Vec::len);
    let fits = |vector: &Vec<f32>| {
        vector.len() == dimensions && vector.iter().all(|number| number.is_finite())
    };
    if vectors.len() != texts.len()
        || !(1..=DIMENSIONS_MAX).contains(&dimensions)
        || !vectors.iter().all(fits)
    {
        return Err(broken_off("it does not hold one vector of one length for each text"));
    }
    let bound = call.request.worst().quantities.input.0;
    let input_tokens = answer.usage.map_or(bound, |usage| usage.prompt_tokens);
    let model = server.clean_name(&answer.model.unwrap_or_else(|| call.route.model.clone()))?;
    Ok(Embedding { vectors, usage: ModelUsage { input_tokens, output_tokens: 0 }, model })
}
