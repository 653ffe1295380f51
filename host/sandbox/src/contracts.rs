//! The versions of the contract that a sandbox serves, each with its own linker: which one a component speaks is asked once, when it is loaded. Compiles nothing.

use std::sync::Arc;

use bailiwick_core::Digest;
use bailiwick_core::contract::{SERVED, Served};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::admit::{Judged, Refused, by_names};
use crate::bind::{Contract, RELEASED};
use crate::loaded::Loaded;
use crate::sandbox::SandboxError;
use crate::state::State;
use crate::wasi;

/// What is served.
pub(crate) struct Contracts {
    served: Served,
    linked: Vec<Linked>,
}

/// A version with its linker. One linker for all would be asked by names that count as
/// compatible: a component would be given what it does not speak.
struct Linked {
    contract: &'static dyn Contract,
    linker: Linker<State>,
}

impl Contracts {
    /// All that were released.
    pub(crate) fn released(engine: &Engine) -> Result<Self, SandboxError> {
        Self::new(engine, SERVED, &RELEASED)
    }

    /// And the draft of a next one.
    #[cfg(feature = "draft")]
    pub(crate) fn with_draft(engine: &Engine) -> Result<Self, SandboxError> {
        Self::new(engine, crate::bind::draft::SERVED, &crate::bind::WITH_DRAFT)
    }

    fn new(
        engine: &Engine,
        served: Served,
        contracts: &[&'static dyn Contract],
    ) -> Result<Self, SandboxError> {
        let linked = contracts.iter().map(|contract| {
            let mut linker = Linker::new(engine);
            let linked = contract.link(&mut linker).and_then(|()| wasi::link(&mut linker));
            linked.map_err(|error| SandboxError::Link(format!("{error:#}")))?;
            Ok(Linked { contract: *contract, linker })
        });
        Ok(Self { served, linked: linked.collect::<Result<_, SandboxError>>()? })
    }

    /// What a component is by its names alone.
    pub(crate) fn judge(&self, component: &[u8]) -> Result<Judged, Refused> {
        by_names(component, self.served)
    }

    /// Links the compiled code of a component with the version that it was judged to speak.
    pub(crate) fn load(
        &self,
        (digest, judged): (Digest, Judged),
        compiled: &Component,
    ) -> Result<Arc<Loaded>, Refused> {
        let spoken = |linked: &&Linked| linked.contract.release() == judged.release;
        let Some(Linked { contract, linker }) = self.linked.iter().find(spoken) else {
            let reason = format!("contract {} has no binding", judged.release.version);
            return Err(Refused::Link { reason });
        };
        Loaded::new((digest, judged), compiled, *contract, linker)
    }
}
