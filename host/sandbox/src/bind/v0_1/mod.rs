//! Version 0.1 of the contract: generated types, and how answers of the gate become its errors. Converts, decides nothing.

mod artifacts;
mod delegate;
mod http;
mod knowledge;
mod kv;
mod log;
mod model;

use bailiwick_core::fact::{Failure, FailureKind, Limit};
use bailiwick_core::{Artifact, Bytes};
use bailiwick_gate::{CallError, Gate};
use bailiwick_policy::ports::Left;
use wasmtime::component::{HasSelf, Linker};

use self::generated::bailiwick::agent::types;
use crate::ended::{Ended, plain};
use crate::state::State;

/// The name of this version in imports and exports.
pub(crate) const VERSION: &str = "0.1.0";

#[allow(missing_docs, unreachable_pub, reason = "generated from wit/v0.1, where the words are")]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/v0.1",
        world: "full",
        imports: { default: async | trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

pub(crate) use generated::FullPre as Pre;
pub(crate) use generated::bailiwick::agent as wit;
pub(crate) use generated::exports::bailiwick::agent::agent;

/// Links every interface of this version. Which of them a component may import was
/// decided before: see `admit`.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    type Own = HasSelf<State>;
    wit::types::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::log::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::model::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::knowledge::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::artifacts::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::http::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::kv::add_to_linker::<_, Own>(linker, |state| state)?;
    wit::delegate::add_to_linker::<_, Own>(linker, |state| state)
}

impl types::Host for State {}

/// What the guest is told.
type Told<T> = wasmtime::Result<Result<T, types::Error>>;

impl State {
    /// The gate, or the answer of a host without powers.
    fn power(&self, capability: &str) -> Result<&Gate, types::Error> {
        self.gate().ok_or_else(|| denied(capability))
    }
}

/// An answer of the gate as the guest sees it. The end of the attempt is a trap.
fn told<T>(answer: Result<T, CallError>) -> Told<T> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) => refused(error).map(Err),
    }
}

fn refused(error: CallError) -> wasmtime::Result<types::Error> {
    Ok(match error {
        CallError::Ended(failure) => return Err(Ended::from(failure).into()),
        CallError::Parked(park) => return Err(Ended(Left::Parked(park)).into()),
        CallError::Denied(capability) => denied(capability.as_str()),
        CallError::Exhausted(limit) => types::Error::Exhausted(exhausted(limit)),
        // Only `delegate` has such an answer, and tells it in its own words.
        CallError::Unavailable | CallError::Failed(_) => types::Error::Unavailable,
        CallError::Invalid(words) => types::Error::Invalid(words),
    })
}

fn denied(capability: &str) -> types::Error {
    types::Error::Denied(types::Denial { capability: capability.into() })
}

fn exhausted(limit: Limit) -> types::Limit {
    match limit {
        Limit::Tokens => types::Limit::Tokens,
        Limit::Money => types::Limit::Money,
        Limit::Calls => types::Limit::Calls,
        Limit::Bytes => types::Limit::Bytes,
        Limit::Wall => types::Limit::Wall,
        Limit::Rate => types::Limit::Rate,
        Limit::Storage => types::Limit::Storage,
    }
}

/// A reference as a guest writes it. Whether it may be read is the gate's matter.
fn artifact(given: types::Artifact) -> Result<Artifact, types::Error> {
    let digest =
        given.digest.parse().map_err(|error| types::Error::Invalid(format!("digest: {error}")))?;
    let types::Artifact { media_type, bytes, name, .. } = given;
    Ok(Artifact { digest, media_type, bytes: Bytes(bytes), name })
}

fn reference(artifact: Artifact) -> types::Artifact {
    let Artifact { digest, media_type, bytes, name } = artifact;
    types::Artifact { digest: digest.to_string(), media_type, bytes: bytes.0, name }
}

/// The agent's own account of why there is no output.
pub(crate) fn failure(said: agent::Failure) -> Failure {
    match said {
        agent::Failure::InvalidInput(words) => plain(FailureKind::InvalidInput, &words),
        agent::Failure::Retryable(words) => plain(FailureKind::Retryable, &words),
        agent::Failure::Fatal(words) => plain(FailureKind::Fatal, &words),
        agent::Failure::Refused(denial) => {
            let capability = bailiwick_core::text::clip(&denial.capability, 64);
            let words = format!(
                "it cannot do without {capability:?}, which was denied; the calls of the attempt say why"
            );
            plain(FailureKind::Refused, &words)
        }
    }
}
