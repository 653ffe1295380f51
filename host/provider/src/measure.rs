//! What an answer took where its server does not say: never less than it was.

use bailiwick_gate::model::{CompleteRequest, ModelUsage};

/// Usage for a server that reports none. No tokenizer makes more tokens than bytes, so
/// the bytes of prompt and answer are the bound: a budget may be used up too early on
/// such a server, never too late.
pub(crate) fn estimated(request: &CompleteRequest, answer_bytes: u64) -> ModelUsage {
    let answer_max = u64::from(request.answer_tokens());
    ModelUsage {
        input_tokens: request.worst_case().tokens.0.saturating_sub(answer_max),
        output_tokens: answer_bytes.min(answer_max),
    }
}
