//! A run under faults: hosts that die anywhere, disks that fail, providers that do not answer. Everything outside a host is simulated, and watches it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests fail loudly"
)]

mod clock;
mod crash_points;
mod disk;
mod guest;
mod known;
mod life;
mod mending;
mod outside;
mod people;
#[path = "../run/plans.rs"]
mod plans;
mod provider;
mod simulation;
