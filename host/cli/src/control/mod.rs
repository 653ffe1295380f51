//! The control socket: how commands in other processes reach a host that stays. Thin: every operation is the engine's.

pub(crate) mod client;
mod connection;
mod frame;
mod message;
pub(crate) mod server;
pub(crate) mod socket;

pub(crate) use connection::repinned;
