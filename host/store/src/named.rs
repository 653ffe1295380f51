//! Which blobs somebody may still name: those that were put and that no fact has named yet, and those named while a sweep goes on. Deletes nothing.

use std::collections::HashSet;

use bailiwick_core::Digest;

/// The most puts that may be unnamed at once: each takes 32 bytes here. Beyond that
/// nothing is deleted before the folder is opened again: a host that puts a million
/// blobs without a fact about them has other worries than room.
const UNNAMED_MAX: usize = 1 << 20;

/// What the text of a digest begins with.
const PREFIX: &[u8] = b"blake3:";

/// The length of the text of a digest.
const TEXT_BYTES: usize = 7 + 64;

/// The writer's memory of names.
///
/// Only an attempt or a request of this process can know a digest that no fact names,
/// so this need not outlive it: what an earlier process put and never named is litter.
#[derive(Default)]
pub(crate) struct Named {
    /// Put, and not named yet.
    unnamed: HashSet<Digest>,
    overflown: bool,
    /// Named since the sweep began that goes on now.
    since: Option<HashSet<Digest>>,
}

impl Named {
    /// Somebody put this, and will name it.
    pub(crate) fn put(&mut self, digest: Digest) {
        if self.unnamed.len() < UNNAMED_MAX {
            self.unnamed.insert(digest);
        } else {
            self.overflown = true;
        }
        if let Some(since) = &mut self.since {
            since.insert(digest);
        }
    }

    /// Facts or texts are written that may name blobs.
    pub(crate) fn written(&mut self, text: &[u8]) {
        if self.unnamed.is_empty() && self.since.is_none() {
            return;
        }
        for digest in digests_in(text) {
            self.unnamed.remove(&digest);
            if let Some(since) = &mut self.since {
                since.insert(digest);
            }
        }
    }

    /// A sweep begins. One at a time: says `false` where one goes on.
    pub(crate) fn begin(&mut self) -> bool {
        let free = self.since.is_none();
        self.since.get_or_insert_default();
        free
    }

    /// The sweep is over.
    pub(crate) fn end(&mut self) {
        self.since = None;
    }

    /// Whether nobody can name this any more, given that no fact did when the sweep began.
    pub(crate) fn may_go(&self, digest: &Digest) -> bool {
        let since = self.since.as_ref().is_some_and(|since| !since.contains(digest));
        since && !self.overflown && !self.unnamed.contains(digest)
    }
}

/// Every digest that stands in a text, whatever it is the digest of: too many marks cost
/// room, one too few costs a blob.
pub(crate) fn digests_in(text: &[u8]) -> impl Iterator<Item = Digest> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let colon = rest.iter().position(|byte| *byte == b':')?;
            let start = colon.saturating_sub(PREFIX.len() - 1);
            let found = rest.get(start..start + TEXT_BYTES).and_then(read);
            rest = rest.get(colon + 1..)?;
            if found.is_some() {
                return found;
            }
        }
    })
}

fn read(text: &[u8]) -> Option<Digest> {
    text.strip_prefix(PREFIX)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    #[test]
    fn finds_digests_wherever_they_stand() {
        let (a, b) = (digest(1), digest(2));
        let text = format!("{a}:blake3:{{\"x\":\"{b}\"}}blake3:{}", &a.hex()[1..]);
        assert_eq!(digests_in(text.as_bytes()).collect::<Vec<_>>(), [a, b]);
        assert_eq!(digests_in(format!("blake3:{}", a.hex()).as_bytes()).count(), 1);
        assert_eq!(digests_in(b":::blake3:").count(), 0);
    }

    #[test]
    fn what_was_put_stays_until_it_is_named_and_what_is_named_meanwhile_stays() {
        let mut named = Named::default();
        named.put(digest(1));
        named.put(digest(2));
        named.written(digest(2).to_string().as_bytes());
        assert!(!named.may_go(&digest(3)), "no sweep goes on");
        assert!(named.begin() && !named.begin());
        assert!(!named.may_go(&digest(1)) && named.may_go(&digest(2)) && named.may_go(&digest(3)));
        named.written(format!("[\"{}\"]", digest(3)).as_bytes());
        named.put(digest(4));
        named.written(digest(4).to_string().as_bytes());
        assert!(!named.may_go(&digest(3)) && !named.may_go(&digest(4)));
        named.end();
        assert!(named.begin() && named.may_go(&digest(3)));
    }

    #[test]
    fn who_puts_too_much_without_naming_it_keeps_everything() {
        let mut named = Named::default();
        for number in 0..=UNNAMED_MAX {
            named.put(Digest::of(&number.to_le_bytes()));
        }
        named.begin();
        assert!(!named.may_go(&digest(0)));
    }
}
