//! What is seen of a run while it goes: its state folded from its facts, drawn as a tree or told in lines.

mod frame;
pub(crate) mod screen;
pub(crate) mod tally;
mod told;
pub(crate) mod watcher;
