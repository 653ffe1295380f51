//! Bindings to the versions of the contract, one module each. A released version never changes; an old one is adapted here, at the border.

pub(crate) mod v0_1;
