//! A component that is ready to run: compiled, checked against the contract, linked. The same for every agent name that points at it.

use std::sync::Arc;

use bailiwick_core::Digest;
use wasmtime::component::{Component, Linker};

use crate::admit::{Judged, Refused, by_types};
use crate::bind::{Agent, Contract};
use crate::limits::{MEMORIES_MAX, TABLES_MAX};
use crate::sandbox::Admitted;
use crate::state::State;
use crate::wasi;

/// One component, linked once; each attempt makes an instance of it.
pub(crate) struct Loaded {
    pub(crate) digest: Digest,
    /// Names in its import section.
    pub(crate) imports: Vec<String>,
    /// The version of the contract that it speaks.
    pub(crate) contract: &'static str,
    pub(crate) agent: Box<dyn Agent>,
    /// Memories of one instance: what it takes from the pool.
    pub(crate) memories: u32,
}

impl Loaded {
    /// `contract` and `linker` are of the version that it was judged to speak.
    pub(crate) fn new(
        (digest, judged): (Digest, Judged),
        component: &Component,
        contract: &dyn Contract,
        linker: &Linker<State>,
    ) -> Result<Arc<Self>, Refused> {
        by_types(linker.engine(), component, &judged)?;
        // Nobody imports core modules here (no import of another kind was admitted), so
        // the need is known beforehand.
        let needs =
            component.resources_required().map(|needs| (needs.num_memories, needs.num_tables));
        let (memories, tables) = needs.unwrap_or((u32::MAX, u32::MAX));
        for (what, found, most) in
            [("memories", memories, MEMORIES_MAX), ("tables", tables, TABLES_MAX)]
        {
            let found = usize::try_from(found).unwrap_or(usize::MAX);
            if found > most {
                return Err(Refused::TooMany { what, found, most });
            }
        }
        let mut linker = linker.clone();
        let words = |error: wasmtime::Error| Refused::Link { reason: format!("{error:#}") };
        wasi::link_absent(&mut linker, component).map_err(words)?;
        let linked = linker.instantiate_pre(component).map_err(words)?;
        let agent = contract
            .agent(linked)
            .map_err(|error| Refused::BrokenContract { reason: format!("{error:#}") })?;
        let Judged { release, imports } = judged;
        let contract = release.version;
        Ok(Arc::new(Self { digest, imports, contract, agent, memories: memories.max(1) }))
    }

    /// What is said of it when it is loaded.
    pub(crate) fn admitted(&self) -> Admitted {
        let Self { digest, imports, contract, .. } = self;
        Admitted { digest: *digest, imports: imports.clone(), contract }
    }
}
