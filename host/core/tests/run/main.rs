//! What the state of a run promises: its table of stages, its replay, the documents of its facts.

mod documents;
mod replay;
mod stages;
mod words;
