//! How an attempt that gave no answer ended: wasmtime's errors as failures of ours. The one place that reads wasmtime's words.

use bailiwick_core::fact::{Failure, FailureKind};
use bailiwick_core::text::{Lines, clip, visible};
use bailiwick_policy::ports::Left;
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::limits::{FAILURE_TEXT_MAX_BYTES, HANDLES_MAX, INSTANCES_MAX, STACK_MAX};
use crate::meter::{Meter, limit};

/// The end of an attempt on its way through wasmtime, as a trap that no guest can catch.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
pub(crate) struct Ended(pub(crate) Left);

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self(failure.into())
    }
}

/// What the sizes of one store's calls may be, for the messages.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) hostcall: bailiwick_core::Bytes,
    pub(crate) output: bailiwick_core::Bytes,
}

/// What wasmtime says, word for word, where it has no type for it (48.0.8; tests hold each).
const INSTANCES: &str = "resource limit exceeded: instance count too high";
const FUEL: &str = "fuel allocated for hostcalls has been exhausted";
const HANDLES: [&str; 2] = ["store handle limit exceeded", "too many active lends"];

/// How an attempt was left whose call ended with `error`.
pub(crate) fn left(error: &wasmtime::Error, meter: &Meter, sizes: Sizes) -> Left {
    match error.downcast_ref::<Ended>() {
        Some(Ended(left)) => left.clone(),
        None => failure(error, meter, sizes).into(),
    }
}

fn failure(error: &wasmtime::Error, meter: &Meter, sizes: Sizes) -> Failure {
    if error.is::<PoolConcurrencyLimitError>() {
        return plain(FailureKind::Host, &format!("{error:#}"));
    }
    if let Some(failure) = limit_of(error, sizes) {
        return failure;
    }
    // A guest that was refused memory panics in its own way: the cause is the refusal.
    if let Some(failure) = meter.refusal() {
        return failure.clone();
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => {
            plain(FailureKind::Trap, "the agent gave up (a panic or an abort; its log may say why)")
        }
        Some(trap) => {
            let words = trap.to_string();
            let words = words.strip_prefix("wasm trap: ").unwrap_or(&words);
            plain(FailureKind::Trap, &format!("the agent trapped: {words}"))
        }
        None => {
            let words = error.root_cause().to_string();
            plain(
                FailureKind::Trap,
                &format!("the agent broke a rule of the component model: {words}"),
            )
        }
    }
}

fn limit_of(error: &wasmtime::Error, sizes: Sizes) -> Option<Failure> {
    if let Some(Trap::StackOverflow) = error.downcast_ref::<Trap>() {
        return Some(limit("stack", &STACK_MAX, &STACK_MAX));
    }
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Some(limit("resources", &HANDLES_MAX, &HANDLES_MAX));
    }
    let words = error.root_cause().to_string();
    let says = |part: &str| words.contains(part);
    if says(FUEL) {
        // With a guest's frame it was on its way into the host, without one it had returned.
        return Some(if error.downcast_ref::<WasmBacktrace>().is_some() {
            limit("hostcall-bytes", &Over(sizes.hostcall), &sizes.hostcall)
        } else {
            limit("output", &Over(sizes.hostcall), &sizes.output)
        });
    }
    if HANDLES.into_iter().any(says) {
        return Some(limit("handles", &HANDLES_MAX, &HANDLES_MAX));
    }
    // Memories and tables are counted at admission.
    says(INSTANCES)
        .then(|| limit("instances", &format!("{INSTANCES_MAX} and asked for more"), &INSTANCES_MAX))
}

/// A size that was only seen from below: nothing was copied to find it out.
struct Over(bailiwick_core::Bytes);

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "more than {}", self.0)
    }
}

/// A failure in words that may be a guest's: one line, of bounded length, without anything that deceives.
pub(crate) fn plain(kind: FailureKind, message: &str) -> Failure {
    let message = visible(clip(message, FAILURE_TEXT_MAX_BYTES), Lines::Escape);
    Failure { kind, message, hint: None }
}
