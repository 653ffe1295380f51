//! `delegate`: calls of other agents. Converts, decides nothing.

use bailiwick_core::Document;
use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_gate::CallError;
use bailiwick_gate::delegate::DelegateRequest;

use super::wit::delegate;
use super::{refused, types};
use crate::ended::plain;
use crate::state::State;

/// The name of this power.
const POWER: &str = "delegate";

impl delegate::Host for State {
    async fn call(
        &mut self,
        agent: String,
        input: String,
    ) -> wasmtime::Result<Result<String, delegate::CallError>> {
        let gate = match self.power(POWER) {
            Ok(gate) => gate,
            Err(error) => return Ok(Err(delegate::CallError::Host(error))),
        };
        let _read = self.room_to_read([input.as_str()])?;
        let input = match Document::parse(&input) {
            Ok((document, _)) => document,
            Err(error) => {
                let words = types::Error::Invalid(format!("the input: {error}"));
                return Ok(Err(delegate::CallError::Host(words)));
            }
        };
        match gate.delegate(DelegateRequest { agent, input }).await {
            Ok(output) => match output.text() {
                Some(text) => Ok(Ok(text.to_string())),
                None => {
                    let lost = plain(FailureKind::Host, "the output of a call was not loaded");
                    refused(CallError::Ended(lost))
                        .map(|error| Err(delegate::CallError::Host(error)))
                }
            },
            Err(CallError::Failed(failure)) => {
                Ok(Err(delegate::CallError::Failed(failed(failure))))
            }
            Err(error) => refused(error).map(|error| Err(delegate::CallError::Host(error))),
        }
    }
}

/// The caller is told what the other agent said; what the host says of it is the operator's.
fn failed(failure: Failure) -> delegate::Failure {
    match failure.kind {
        FailureKind::InvalidInput => delegate::Failure::InvalidInput(failure.message),
        FailureKind::Refused => delegate::Failure::Refused,
        FailureKind::Retryable => delegate::Failure::Retryable(failure.message),
        FailureKind::Fatal => delegate::Failure::Fatal(failure.message),
        FailureKind::Limit => delegate::Failure::Limit,
        _ => delegate::Failure::Broken,
    }
}
