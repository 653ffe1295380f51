//! What the state of a run promises: its table of stages, its replay, the documents of its facts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail loudly"
)]

mod documents;
mod first_format;
mod records;
mod replay;
mod stages;
mod votes;
mod words;
