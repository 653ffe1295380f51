//! The bounds that the contract (`wit/v0.1`) sets on what an agent hands over: the host
//! holds to them, and so does the fake, so that a test runs into them first.

/// Text of a failure in bytes: longer ones drown the run view.
pub(crate) const FAILURE_TEXT_BYTES: usize = 4 * 1024;

/// What an agent says of itself in bytes: the contract's; one sentence for people.
pub(crate) const SUMMARY_BYTES: usize = 1024;

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::*;

/// Bounds that only the fake holds to; inside the sandbox the host does.
#[cfg(not(target_family = "wasm"))]
mod native {
    /// Kept of one log line, in bytes: the contract's; a line is for reading.
    pub(crate) const LOG_LINE_BYTES: usize = 4 * 1024;
    /// Log lines of one attempt: the contract's; a loop must not fill the disk.
    pub(crate) const LOG_LINES: usize = 1_000;
    /// Note beside a progress in bytes: the contract's; it is shown on one line.
    pub(crate) const PROGRESS_NOTE_BYTES: usize = 256;

    /// Messages of one request: the contract's.
    pub(crate) const MESSAGES: usize = 256;
    /// Parts of one message: the contract's.
    pub(crate) const PARTS: usize = 64;
    /// Calls in one message of the assistant: the contract's.
    pub(crate) const TOOL_CALLS: usize = 64;
    /// One text in bytes: the contract's; larger than any model's window.
    pub(crate) const TEXT_BYTES: usize = 1024 * 1024;
    /// Highest temperature: the contract's; no vendor takes more.
    pub(crate) const TEMPERATURE: f32 = 2.0;
    /// Words that end an answer: the contract's.
    pub(crate) const STOPS: usize = 16;
    /// One such word in bytes: the contract's.
    pub(crate) const STOP_BYTES: usize = 256;
    /// Tools of one request: the contract's.
    pub(crate) const TOOLS: usize = 32;
    /// Name of a tool in bytes: the contract's, from the vendors'.
    pub(crate) const TOOL_NAME_BYTES: usize = 64;
    /// One JSON Schema in bytes: the contract's; it is checked on every call.
    pub(crate) const SCHEMA_BYTES: usize = 64 * 1024;

    /// Name of an agent in bytes: the contract's.
    pub(crate) const AGENT_NAME_BYTES: usize = 64;

    /// Texts of one embedding call: the contract's.
    pub(crate) const EMBED_TEXTS: usize = 256;
    /// One of these texts in bytes: the contract's.
    pub(crate) const EMBED_TEXT_BYTES: usize = 64 * 1024;
    /// Prompt of an image in bytes: the contract's.
    pub(crate) const PROMPT_BYTES: usize = 32 * 1024;
    /// Sides of a generated image in pixels: the contract's.
    pub(crate) const IMAGE_SIDE: std::ops::RangeInclusive<u32> = 64..=4_096;
    /// Generated images of one call: the contract's.
    pub(crate) const IMAGES: std::ops::RangeInclusive<u32> = 1..=4;

    /// Search words in bytes: the contract's.
    pub(crate) const QUERY_BYTES: usize = 1024;
    /// Passages of one search: the contract's.
    pub(crate) const PASSAGES: std::ops::RangeInclusive<u32> = 1..=50;

    /// Key of a value in bytes: the contract's.
    pub(crate) const KEY_BYTES: usize = 256;
    /// One value in bytes: the contract's; what is larger is an artifact.
    pub(crate) const VALUE_BYTES: usize = 256 * 1024;
    /// Keys of one list: the contract's.
    pub(crate) const KEYS: std::ops::RangeInclusive<u32> = 1..=1_000;

    /// Name of an artifact in bytes: the contract's, from file systems'.
    pub(crate) const NAME_BYTES: usize = 255;
    /// Media type of an artifact in bytes: the contract's, from RFC 6838.
    pub(crate) const MEDIA_TYPE_BYTES: usize = 127;
    /// URL of a request in bytes: the contract's.
    pub(crate) const URL_BYTES: usize = 8 * 1024;
    /// Headers of a request: the contract's.
    pub(crate) const HEADERS: usize = 128;
    /// Body of a request in bytes: the contract's.
    pub(crate) const BODY_BYTES: usize = 4 * 1024 * 1024;
    /// One document in bytes: the contract's.
    pub(crate) const JSON_BYTES: usize = 4 * 1024 * 1024;
}
