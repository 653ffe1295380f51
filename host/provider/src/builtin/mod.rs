//! The built-in provider: texts, documents, vectors and grounds by rule, from the messages alone. It is no language model, and every answer says so.
//!
//! The same request gives the same answer on every machine: no clock, no randomness,
//! no network. It exists so that a project runs and can be tested before it has a key.
//! What it reads: JSON objects in the user's messages, with members such as `brief`
//! (`product`, `brand`, `category`, `audience`, `goal`, `message`, `call_to_action`),
//! `facts` (`[{id, text}]`), `locale`, `channel`, `style`, `limits` (characters by
//! member name), `avoid`, `voice`, `feedback`, `copy`; and what is said around them.

mod copy;
mod embed;
mod extract;
mod fill;
mod judge;
mod language;
mod material;
mod paint;
mod pattern;
mod role;
mod schema;
mod strings;
mod tags;
mod wording;

use bailiwick_gate::model::{
    CompleteRequest, Completion, EmbedRequest, Embedding, Finish, ImageRequest, Images, ModelUsage,
};
use bailiwick_gate::provider::ProviderError;

use copy::Composer;
use material::Material;
use role::Role;

/// What it calls itself in every answer.
pub const MODEL: &str = "builtin (rules, not a language model)";

/// Characters of a token: what tokenizers make of English on average.
const CHARS_OF_A_TOKEN: usize = 4;

/// Words, or a document where a schema is given. Tools are never called.
pub(crate) fn complete(request: &CompleteRequest) -> Completion {
    let material = Material::of(request);
    let text = match &request.output_schema {
        Some(schema) => fill::document(schema, &material).to_string(),
        None => prose(request, &material),
    };
    let (text, finish) = ended(request, text);
    let input = request.worst().quantities.input.0;
    let usage = ModelUsage {
        input_tokens: input.div_ceil(CHARS_OF_A_TOKEN as u64),
        output_tokens: tokens(&text),
    };
    Completion {
        text,
        tool_calls: Vec::new(),
        finish,
        usage,
        model: MODEL.to_owned(),
        streamed: false,
    }
}

fn prose(request: &CompleteRequest, material: &Material) -> String {
    let composer = Composer::new(material);
    let most = request.answer_tokens() as usize * CHARS_OF_A_TOKEN;
    let role = if material.is_empty() { Role::Body } else { Role::Summary };
    composer.text(role, None, 0).chars().take(most).collect()
}

/// The answer up to the first stop sequence, and no longer than was asked for.
fn ended(request: &CompleteRequest, text: String) -> (String, Finish) {
    let stop = request.stop.iter().filter_map(|stop| text.find(stop.as_str())).min();
    let text = match stop {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    };
    if tokens(&text) <= u64::from(request.answer_tokens()) {
        return (text, Finish::Stop);
    }
    let most = request.answer_tokens() as usize * CHARS_OF_A_TOKEN;
    (text.chars().take(most).collect(), Finish::Length)
}

/// Vectors by counting words.
pub(crate) fn embed(request: &EmbedRequest) -> Embedding {
    let input_tokens = request.texts.iter().map(|text| tokens(text)).sum();
    Embedding {
        vectors: request.texts.iter().map(|text| embed::vector(text)).collect(),
        usage: ModelUsage { input_tokens, output_tokens: 0 },
        model: MODEL.to_owned(),
    }
}

/// Abstract grounds of exactly the size asked for.
pub(crate) fn generate_image(request: &ImageRequest) -> Result<Images, ProviderError> {
    let ImageRequest { prompt, width, height, count, seed, .. } = request;
    let first = seed.unwrap_or(0);
    let images: Result<Vec<_>, _> = (0..u64::from(*count))
        .map(|index| {
            let bytes = paint::ground(prompt, *width, *height, first.wrapping_add(index))?;
            Ok((bytes, "image/png".to_owned()))
        })
        .collect();
    let images = images.map_err(|error: png::EncodingError| ProviderError::Unsupported {
        detail: error.to_string(),
    })?;
    let usage = ModelUsage { input_tokens: tokens(prompt), output_tokens: 0 };
    Ok(Images { images, usage, model: MODEL.to_owned() })
}

fn tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(CHARS_OF_A_TOKEN) as u64
}

#[cfg(test)]
mod tests;
