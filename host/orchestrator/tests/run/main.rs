//! The orchestrator over ports of the test's own: no WebAssembly, no disk, no time but the test's.
#![allow(clippy::disallowed_methods, reason = "the cases of these tests are files")]

mod cases;
mod fairness;
mod holds;
mod house;
mod large;
mod order;
mod people;
mod random;
mod stops;
mod told;
