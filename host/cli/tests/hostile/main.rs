//! Agents that would take the host with them, through the whole product: each is refused for its reason, its neighbours do not notice, and nothing of it is left.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod attempts;
mod beside;
#[path = "../end_to_end/mod.rs"]
mod end_to_end;
mod matrix;
#[path = "../../src/receiver.rs"]
mod receiver;
