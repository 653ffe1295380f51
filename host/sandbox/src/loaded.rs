//! A component that is ready to run: compiled, checked against the contract, linked. The same for every agent name that points at it.

use std::sync::Arc;

use bailiwick_core::Digest;
use wasmtime::component::{Component, Linker};

use crate::admit::{Refused, contract};
use crate::bind::v0_1;
use crate::limits::{MEMORIES_MAX, TABLES_MAX};
use crate::state::State;
use crate::wasi;

/// One component, linked once; each attempt makes an instance of it.
pub(crate) struct Loaded {
    pub(crate) digest: Digest,
    /// Names in its import section.
    pub(crate) imports: Vec<String>,
    pub(crate) pre: v0_1::Pre<State>,
    /// Memories of one instance: what it takes from the pool.
    pub(crate) memories: u32,
}

impl Loaded {
    pub(crate) fn new(
        digest: Digest,
        component: &Component,
        linker: &Linker<State>,
    ) -> Result<Arc<Self>, Refused> {
        let imports = contract(linker.engine(), component)?;
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
        let pre = v0_1::Pre::new(linked)
            .map_err(|error| Refused::BrokenContract { reason: format!("{error:#}") })?;
        Ok(Arc::new(Self { digest, imports, pre, memories: memories.max(1) }))
    }
}
