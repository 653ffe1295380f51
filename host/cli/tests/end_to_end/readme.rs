//! What a README shows: its fenced blocks, and the calls in them. Calls nothing itself.

use std::path::Path;

/// The fenced blocks of a README, in order.
pub(crate) fn blocks(example: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(example.join("README.md")).unwrap();
    let parts = text.split("\n```");
    // Every other part is inside; its first line says the language.
    let inside = parts.skip(1).step_by(2);
    inside.map(|part| part.split_once('\n').map_or("", |(_, block)| block).to_owned()).collect()
}

/// A call that a README shows, with what it says is printed.
pub(crate) struct Shown {
    /// The words behind `bailiwick`, without `--build`: the tests find agents built.
    pub(crate) words: Vec<String>,
    /// The rest of the block.
    pub(crate) output: String,
}

/// The blocks that start with `$ bailiwick`.
pub(crate) fn calls(example: &Path) -> Vec<Shown> {
    let blocks = blocks(example).into_iter();
    blocks.filter_map(|block| shown(block.strip_prefix("$ bailiwick ")?)).collect()
}

fn shown(block: &str) -> Option<Shown> {
    let joined = block.replace("\\\n", " ");
    let (line, output) = joined.split_once('\n').unwrap_or((&joined, ""));
    let words = line.split_whitespace().filter(|word| *word != "--build").map(str::to_owned);
    Some(Shown { words: words.collect(), output: output.to_owned() })
}
