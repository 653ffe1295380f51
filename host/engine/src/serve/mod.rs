//! A resident host.

mod hall;
mod turns;

pub(crate) use hall::Hall;
