//! What an answer took where its server does not say: never less than it was.

use bailiwick_gate::model::{CompleteRequest, ModelUsage};

/// Usage for a server that reports none. No tokenizer makes more tokens than bytes, so
/// the bytes of prompt and answer are the bound: a budget may be used up too early on
/// such a server, never too late.
pub(crate) fn estimated(request: &CompleteRequest, answer_bytes: u64) -> ModelUsage {
    let worst = request.worst().quantities;
    ModelUsage { input_tokens: worst.input.0, output_tokens: answer_bytes.min(worst.output.0) }
}
