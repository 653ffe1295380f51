//! Bindings to the versions of the contract, one module each, behind one shape; which of them this host serves. A released version never changes; an old one is adapted in its own module, at the border.

// Beside its contract, and in no binary that is shipped: a test of the house looks.
#[cfg(feature = "draft")]
#[path = "../../tests/contract/draft.rs"]
pub(crate) mod draft;
pub(crate) mod v0_1;

use bailiwick_core::contract::Release;
use bailiwick_core::fact::Failure;
use bailiwick_core::ports::BoxFuture;
use wasmtime::Store;
use wasmtime::component::{InstancePre, Linker};

use crate::state::State;

/// A version of the contract as this host serves it. Whatever differs between versions is
/// behind this; what a call may do is the gate's matter in all of them, and so is what the
/// journal says of it.
pub(crate) trait Contract: Send + Sync {
    /// Which one.
    fn release(&self) -> &'static Release;

    /// Links every interface of this version, under its name and no other. Which of them a
    /// component may import was decided before: see `admit`.
    fn link(&self, linker: &mut Linker<State>) -> wasmtime::Result<()>;

    /// The exports of a component that speaks this version, type-checked.
    fn agent(&self, linked: InstancePre<State>) -> wasmtime::Result<Box<dyn Agent>>;
}

/// The versions that were released, oldest first: a row for each of
/// `bailiwick_core::contract::SERVED`.
pub(crate) static RELEASED: [&dyn Contract; 1] = [&v0_1::V0_1];

/// The draft of a next version beside them.
#[cfg(feature = "draft")]
pub(crate) static WITH_DRAFT: [&dyn Contract; 2] = [&v0_1::V0_1, &draft::Draft];

/// A linked component, of whatever version; each call is an instance of its own.
pub(crate) trait Agent: Send + Sync {
    /// What it says of itself.
    fn profile(&self, store: Store<State>) -> BoxFuture<'_, wasmtime::Result<About>>;

    /// Has it do one piece of work. The store stays with the caller, who asks it afterwards
    /// what was printed.
    fn perform<'a>(
        &'a self,
        store: &'a mut Store<State>,
        task: Task<'a>,
    ) -> BoxFuture<'a, wasmtime::Result<Result<String, Failure>>>;
}

/// What an agent says of itself, not admitted yet.
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) input_schema: String,
    pub(crate) output_schema: String,
}

/// One piece of work: all that some version of the contract hands to an agent.
pub(crate) struct Task<'a> {
    pub(crate) step: &'a str,
    pub(crate) cell: &'a str,
    pub(crate) round: u32,
    pub(crate) input: &'a str,
}

#[cfg(test)]
mod tests {
    use bailiwick_core::contract::SERVED;

    use super::*;

    #[test]
    fn every_version_of_the_table_has_its_binding_and_no_other_is_bound() {
        let bound: Vec<_> = RELEASED.iter().map(|contract| *contract.release()).collect();
        assert_eq!(bound, SERVED.releases());
    }
}
