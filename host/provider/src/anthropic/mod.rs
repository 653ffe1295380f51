//! Anthropic's Messages: words and tools as a stream; structured output by one forced tool. Has no embeddings and no images to generate.

mod messages;
mod request;
mod structured;

pub(crate) use messages::complete;
