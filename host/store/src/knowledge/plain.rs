//! Cuts text into passages: between paragraphs, else sentences, else words. Knows no markup.

use std::ops::Range;

use serde_json::json;

use super::chunk::{CHUNK_MAX_BYTES, CHUNK_TARGET_BYTES, Chunk};

/// Passages of plain text.
pub(crate) fn chunk(text: &str) -> Vec<Chunk> {
    fill(text, paragraphs(text))
        .into_iter()
        .map(|range| Chunk {
            heading: String::new(),
            text: text.get(range.clone()).unwrap_or_default().to_owned(),
            metadata: json!({ "line": line_of(text, range.start) }),
        })
        .collect()
}

/// The 1-based line of a byte.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// Joins neighbours until a passage is full; cuts what is too large for one.
pub(crate) fn fill(
    text: &str,
    blocks: impl IntoIterator<Item = Range<usize>>,
) -> Vec<Range<usize>> {
    let mut filled: Vec<Range<usize>> = Vec::new();
    for block in blocks.into_iter().flat_map(|block| cut(text, block)) {
        match filled.last_mut() {
            Some(last) if block.end - last.start <= CHUNK_TARGET_BYTES => last.end = block.end,
            _ => filled.push(block),
        }
    }
    filled
}

/// The parts between blank lines, without the white space around them.
fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let (mut open, mut at) = (false, 0);
    for line in text.split_inclusive('\n') {
        let end = at + line.trim_end().len();
        match (line.trim().is_empty(), found.last_mut()) {
            (true, _) => open = false,
            (false, Some(last)) if open => last.end = end,
            (false, _) => {
                found.push(at..end);
                open = true;
            }
        }
        at += line.len();
    }
    found
}

/// Pieces of at most [`CHUNK_MAX_BYTES`], trimmed; none where there are only spaces.
fn cut(text: &str, block: Range<usize>) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut rest = trim(text, block);
    while !rest.is_empty() {
        let part = text.get(rest.clone()).unwrap_or_default();
        let length = if part.len() <= CHUNK_MAX_BYTES { part.len() } else { end_of_piece(part) };
        pieces.push(trim(text, rest.start..rest.start + length));
        rest = trim(text, rest.start + length..rest.end);
    }
    pieces
}

/// Where a text that is too long is cut: after the last line or sentence that leaves
/// a decent piece, else between words, else between characters.
fn end_of_piece(text: &str) -> usize {
    let window = bailiwick_core::text::clip(text, CHUNK_MAX_BYTES);
    let decent = |end: &usize| *end >= CHUNK_TARGET_BYTES / 2;
    let after = |mark: &str| window.rfind(mark).map(|at| at + mark.len()).filter(decent);
    after("\n")
        .or_else(|| [". ", "! ", "? ", "。"].into_iter().filter_map(after).max())
        .or_else(|| after(" "))
        .unwrap_or(window.len().max(1))
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        chunk(text).into_iter().map(|chunk| chunk.text).collect()
    }

    #[test]
    fn joins_paragraphs_until_a_passage_is_full() {
        let paragraph = "word ".repeat(100);
        let text = format!("{paragraph}\n\n{paragraph}\n \t\n{paragraph}\n");
        let found = chunk(&text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].metadata, json!({"line": 1}));
        assert_eq!(found[1].metadata, json!({"line": 5}));
        assert_eq!(found[1].text, paragraph.trim());
    }

    #[test]
    fn cuts_what_is_too_long_and_loses_no_word() {
        for word in ["word. ", "ärger ", "界", "x"] {
            let text = word.repeat(4_000);
            let found = texts(&text);
            assert!(found.iter().all(|piece| piece.len() <= CHUNK_MAX_BYTES && !piece.is_empty()));
            let squeeze = |text: &str| text.replace(' ', "");
            assert_eq!(squeeze(&found.concat()), squeeze(&text));
        }
    }

    #[test]
    fn white_space_is_no_passage() {
        assert!(texts(" \n\n\t\n").is_empty());
        assert!(texts("").is_empty());
    }
}
