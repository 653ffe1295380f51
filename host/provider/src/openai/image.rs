//! Images by OpenAI's protocol: bytes in the answer, never a URL.

use bailiwick_core::Bytes;
use bailiwick_gate::model::{ImageRequest, Images, ModelUsage};
use bailiwick_gate::provider::{ProviderCall, ProviderError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::headers;
use super::request::SEED_MASK;
use crate::media::image_type;
use crate::server::{Post, Server, broken_off};

/// The largest answer: four images of 16 MiB, what a noisy PNG of 2 048² has, in base64.
const ANSWER_MAX: Bytes = Bytes::mib(88);

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Item {
    b64_json: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
}

pub(super) async fn generate(
    server: &Server<'_>,
    call: ProviderCall<'_, ImageRequest>,
) -> Result<Images, ProviderError> {
    let body = body(&call, server.is_vendor());
    let post = Post {
        path: &["images", "generations"],
        headers: headers(&call),
        body: &body,
        timeout: call.timeout,
        answer_max: ANSWER_MAX,
    };
    let document = server.post(post).await?.whole().await?;
    let answer: Answer = serde_json::from_slice(&document)
        .map_err(|_| broken_off("it holds no images in OpenAI's form"))?;
    if answer.data.is_empty() || answer.data.len() > call.request.count as usize {
        return Err(broken_off("it does not hold as many images as were asked for"));
    }
    let images: Result<Vec<_>, _> = answer.data.into_iter().map(decoded).collect();
    let worst = call.request.worst().quantities;
    let bound = worst.input.plus(worst.output).0;
    let usage =
        answer.usage.map_or(ModelUsage { input_tokens: bound, output_tokens: 0 }, |usage| {
            ModelUsage { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens }
        });
    Ok(Images { images: images?, usage, model: call.route.model.clone() })
}

/// OpenAI's own newer models always answer with bytes and refuse to be asked for them;
/// seeds are an extension that its own servers do not know.
fn body(call: &ProviderCall<'_, ImageRequest>, vendor: bool) -> Value {
    let ImageRequest { prompt, width, height, count, seed, .. } = call.request;
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_owned(), value);
    put("model", json!(call.route.model));
    put("prompt", json!(prompt));
    put("n", json!(count));
    put("size", json!(format!("{width}x{height}")));
    if !(vendor && call.route.model.starts_with("gpt-image")) {
        put("response_format", json!("b64_json"));
    }
    if let (Some(seed), false) = (seed, vendor) {
        put("seed", json!(seed & SEED_MASK));
    }
    Value::Object(body)
}

fn decoded(item: Item) -> Result<(Vec<u8>, String), ProviderError> {
    let text = item
        .b64_json
        .ok_or_else(|| broken_off("an image has no bytes; addresses are not followed"))?;
    let bytes =
        STANDARD.decode(text.trim()).map_err(|_| broken_off("an image is not in base64"))?;
    let media_type =
        image_type(&bytes).ok_or_else(|| broken_off("an image is no PNG, JPEG, GIF or WebP"))?;
    Ok((bytes, media_type.to_owned()))
}
