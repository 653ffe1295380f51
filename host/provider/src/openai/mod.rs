//! OpenAI's protocol, as its own and any compatible server speaks it: chat completions, embeddings, images. Knows nothing of retries, budgets or schemas beyond handing them on.

mod chat;
mod embed;
mod image;
mod request;

use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, ImageRequest, Images,
};
use bailiwick_gate::provider::{ProviderCall, ProviderError};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::server::Server;

/// Words, always asked for as a stream: a connection that is silent for minutes is cut by what lies between.
pub(crate) async fn complete(
    server: &Server<'_>,
    call: ProviderCall<'_, CompleteRequest>,
) -> Result<Completion, ProviderError> {
    chat::complete(server, call).await
}

/// Vectors.
pub(crate) async fn embed(
    server: &Server<'_>,
    call: ProviderCall<'_, EmbedRequest>,
) -> Result<Embedding, ProviderError> {
    embed::embed(server, call).await
}

/// Images.
pub(crate) async fn generate_image(
    server: &Server<'_>,
    call: ProviderCall<'_, ImageRequest>,
) -> Result<Images, ProviderError> {
    image::generate(server, call).await
}

/// The header under which a server may know a request again.
fn headers<R>(call: &ProviderCall<'_, R>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&call.idempotency_key.hex()) {
        headers.insert(HeaderName::from_static("idempotency-key"), value);
    }
    headers
}
