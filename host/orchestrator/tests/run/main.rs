//! The orchestrator over ports of the test's own: no WebAssembly, no disk, no time but the test's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests fail loudly, and their cases are files"
)]

mod asking;
mod cases;
mod fairness;
mod finish;
mod holds;
mod house;
mod large;
mod order;
mod people;
mod plans;
mod random;
mod stops;
mod told;
