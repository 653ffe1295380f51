//! Seeded mutation of examples: the same seed gives the same bytes everywhere. Knows no format but a few words.

/// Words that open something in one of the formats, or that cost somebody something.
const WORDS: &[&[u8]] = &[
    b"${",
    b"}",
    b"{",
    b"[",
    b"]]",
    b"[[",
    b"\"",
    b"\"\"\"",
    b"'''",
    b"\\u0000",
    b"\\",
    b"= ",
    b".",
    b"\n",
    b"\0",
    b"#",
    b"$artifact",
    b"$ref",
    b"#/$defs/a",
    b"null",
    b"true",
    b"-0",
    b"1e999",
    b"18446744073709551616",
    b"-9223372036854775808",
    b"0.1",
    b"..",
    b"/",
    b"%2f",
    b"../",
    b"*",
    b"(",
    b")",
    b".map(x, x)",
    b" && ",
    b" ? ",
    b"has(",
    b"input",
    b"axis",
    b"\xff",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"\xf3\xa0\x81\x81",
    b"\x80\x80\x80\x80\x0f",
    b"\0asm",
    b"1 GiB",
    b"USD",
    b"pattern",
    b"\"type\":",
    b"anyOf",
    b"inf",
    b"1979-05-27T07:32:00Z",
    b"a.b.c.d",
];

/// What names and numbers are made of.
const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The largest mutated input: an example and a few copies of its parts.
const GROWN_MAX_BYTES: usize = 1024 * 1024;

/// Makes inputs out of examples.
#[derive(Clone, Debug)]
pub struct Mutator(u64);

impl Mutator {
    /// The mutator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `splitmix64`: short, and good enough to choose with.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> Option<&'a T> {
        let at = self.below(all.len());
        all.get(at).copied()
    }

    /// One of the examples with one to five changes, mostly one or two: more, and nearly
    /// all of them end at the first line of a parser.
    pub fn mutated(&mut self, examples: &[&[u8]]) -> Vec<u8> {
        let mut bytes = self.one_of(examples).unwrap_or_default().to_vec();
        let most = 1 + self.below(5);
        for _ in 0..=self.below(most) {
            self.change(&mut bytes, examples);
        }
        bytes.truncate(GROWN_MAX_BYTES);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, examples: &[&[u8]]) {
        let at = self.below(bytes.len() + 1);
        let part = at..(at + 1 + self.below(32)).min(bytes.len());
        match self.below(9) {
            0 => {
                let bit = 1 << self.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bit;
                }
            }
            1 => {
                let value = self.next().to_le_bytes()[0];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            2 => drop(bytes.drain(part)),
            3 if self.below(4) == 0 => bytes.truncate(at),
            // A figure or a letter for another: what keeps the form and changes the sense.
            3 => {
                let other = LETTERS.get(self.below(LETTERS.len())).copied().unwrap_or(b'0');
                if let Some(byte) = bytes.get_mut(at).filter(|byte| byte.is_ascii_alphanumeric()) {
                    *byte = other;
                }
            }
            4 | 5 => {
                let word = self.one_of(WORDS).unwrap_or_default();
                drop(bytes.splice(at..at, word.iter().copied()));
            }
            // The same again: once, or so often that it is deep or long.
            6 => {
                let times = if self.below(8) == 0 { 1 + self.below(300) } else { 1 };
                let again = bytes.get(part).unwrap_or_default().repeat(times);
                drop(bytes.splice(at..at, again));
            }
            7 => {
                let other = self.one_of(examples).unwrap_or_default();
                let from = self.below(other.len());
                let to = (from + self.below(64)).min(other.len());
                drop(bytes.splice(at..at, other.get(from..to).unwrap_or_default().to_vec()));
            }
            // A line, or what lies between two of the same bytes, somewhere else.
            _ => {
                let moved: Vec<u8> = bytes.drain(part).collect();
                let to = self.below(bytes.len() + 1);
                drop(bytes.splice(to..to, moved));
            }
        }
    }
}
