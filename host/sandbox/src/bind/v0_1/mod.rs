//! Version 0.1 of the contract: generated types, and how answers of the gate become its errors. Converts, decides nothing.

mod agent;
mod artifacts;
mod delegate;
mod http;
mod knowledge;
mod kv;
mod log;
mod model;

use bailiwick_core::contract::{self, Release};
use bailiwick_core::fact::Limit;
use bailiwick_core::{Artifact, Bytes};
use bailiwick_gate::{CallError, Gate};
use bailiwick_policy::ports::Left;
use wasmtime::component::{HasSelf, InstancePre, Linker};

use self::generated::FullPre as Pre;
use self::generated::bailiwick::agent::types;
use super::{Agent, Contract};
use crate::ended::Ended;
use crate::state::State;

/// This version.
pub(crate) struct V0_1;

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

pub(crate) use generated::bailiwick::agent as wit;

#[cfg(feature = "draft")]
pub(crate) use self::agent::cannot_do_without;

impl Contract for V0_1 {
    fn release(&self) -> &'static Release {
        &contract::V0_1
    }

    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()> {
        link_as(linker, self.release(), self.release().interfaces)
    }

    fn agent(&self, linked: InstancePre<State>) -> wasmtime::Result<Box<dyn Agent>> {
        Ok(Box::new(agent::Linked(Pre::new(linked)?)))
    }
}

/// Links interfaces under their names in `release`: a later version takes those from here
/// that are the same in it, word by word.
pub(crate) fn link_as(
    linker: &mut Linker<State>,
    release: &Release,
    interfaces: &[&str],
) -> wasmtime::Result<()> {
    type Own = HasSelf<State>;
    for interface in interfaces {
        let linker = &mut linker.instance(&release.name_of(interface))?;
        match *interface {
            "types" => wit::types::add_to_linker_instance::<_, Own>(linker, |state| state)?,
            "log" => wit::log::add_to_linker_instance::<_, Own>(linker, |state| state)?,
            "model" => wit::model::add_to_linker_instance::<_, Own>(linker, |state| state)?,
            "knowledge" => wit::knowledge::add_to_linker_instance::<_, Own>(linker, |state| state)?,
            "artifacts" => wit::artifacts::add_to_linker_instance::<_, Own>(linker, |state| state)?,
            "http" => wit::http::add_to_linker_instance::<_, Own>(linker, |state| state)?,
            "kv" => wit::kv::add_to_linker_instance::<_, Own>(linker, |state| state)?,
            "delegate" => wit::delegate::add_to_linker_instance::<_, Own>(linker, |state| state)?,
            other => wasmtime::bail!("no binding of {} has {other}", contract::V0_1.version),
        }
    }
    Ok(())
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
