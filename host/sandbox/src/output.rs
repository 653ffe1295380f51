//! What an agent gave back, before anybody may use it: size, syntax, schema, references. Knows no store.

use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::{Bytes, Document};
use bailiwick_gate::Gate;
use bailiwick_policy::Generation;
use serde_json::Value;

use crate::ended::plain;
use crate::meter::limit;
use crate::tree;

/// The input as the guest gets it, where it is one for this agent.
pub(crate) fn input(generation: &Generation, value: &Value) -> Result<(), Failure> {
    generation.input.check(value).map_err(|mismatch| {
        plain(
            FailureKind::InvalidInput,
            &format!("the input is not in the agent's schema: {mismatch}"),
        )
    })
}

/// The document that an agent returned, where it is one that may leave its attempt.
pub(crate) fn output(
    generation: &Generation,
    gate: &Gate,
    text: &str,
) -> Result<Document, Failure> {
    let most = generation.effective.limits.output;
    if text.len() as u64 > most.0 {
        return Err(limit("output", &Bytes(text.len() as u64), &most));
    }
    let (held, most) = (tree::size(text), generation.effective.limits.memory);
    if held > most {
        let mut failure = limit("memory", &held, &most);
        failure.message.push_str(": that is what its output takes when it is read");
        return Err(failure);
    }
    let (document, value) = Document::parse(text)
        .map_err(|error| plain(FailureKind::OutOfSchema, &format!("the output: {error}")))?;
    generation.output.check(&value).map_err(|mismatch| {
        plain(
            FailureKind::OutOfSchema,
            &format!("the output is not in the agent's schema: {mismatch}"),
        )
    })?;
    gate.check_references(&value)
        .map_err(|error| plain(FailureKind::ForeignArtifact, &error.to_string()))?;
    Ok(document)
}
