//! What a JSON text takes in memory when it is read: counted from above, before anybody reads it. Reads none.

use bailiwick_core::Bytes;

/// What a value takes, in bytes: its place in a list, which grows twofold.
const VALUE: u64 = 64;

/// What a list takes that is not empty: it begins with four places.
const LIST: u64 = 128;

/// What an object takes that is not empty: its first node has eleven places for members.
const OBJECT: u64 = 650;

/// What a member takes besides its value: nodes are half full.
const MEMBER: u64 = 64;

/// What a text takes besides its letters, at each of its two quotes.
const QUOTE: u64 = 16;

/// The most that the document of a text takes: up to a hundred times its length, as
/// `[{"":0},…]` does. Signs within texts count as though they were the document's own.
pub(crate) fn size(text: &str) -> Bytes {
    let bytes = text.bytes().fold(VALUE, |sum: u64, byte| {
        let more = match byte {
            b',' => VALUE,
            b'[' => LIST,
            b'{' => OBJECT,
            b':' => MEMBER,
            b'"' => QUOTE,
            _ => 0,
        };
        sum.saturating_add(more)
    });
    Bytes(bytes.saturating_add(text.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_things_in_great_number_are_what_takes_room() {
        let prose = format!("\"{}\"", "words, and more words. ".repeat(10_000));
        assert!(size(&prose).0 < 5 * prose.len() as u64);
        let objects = format!("[{}0]", "{\"\":0},".repeat(10_000));
        assert!(size(&objects).0 > 100 * objects.len() as u64);
    }
}
