//! What somebody sends with a run, at the side that takes it: asked for piece by piece, written to disk, checked against what was announced. Believes nothing.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use bailiwick_core::{Bytes, Diagnostic, Digest, RunId};
use tokio::sync::OwnedSemaphorePermit;

use crate::codes;
use crate::files::{ARTIFACT_MAX, INPUT_MAX, TEXT_MAX};
use crate::input::{FILES_MAX, FILES_SUM_MAX};
use crate::problems::Problems;
use crate::serve::orders::{Order, Place, make};
use crate::serve::parcel::{Offer, Piece};

/// The longest name of a file: what file systems take.
const NAME_MAX_BYTES: usize = 255;

/// A run that is being submitted. Dropping it removes what was sent so far.
pub struct Staging {
    pub(crate) run: RunId,
    pub(crate) order: Order,
    pub(crate) place: Place,
    pieces: std::vec::IntoIter<(Piece, PathBuf)>,
    now: Option<Incoming>,
    accepted: bool,
    _permit: OwnedSemaphorePermit,
}

struct Incoming {
    piece: Piece,
    file: File,
    hash: blake3::Hasher,
    got: u64,
}

impl Staging {
    pub(crate) fn new(
        (run, order, place): (RunId, Order, Place),
        offer: Offer,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, Problems> {
        let mut pieces = Vec::new();
        pieces.extend(offer.input.map(|piece| (piece, place.input())));
        pieces.extend(offer.decisions.map(|piece| (piece, place.decisions())));
        let files: Vec<_> = offer.files.into_iter().enumerate().collect();
        // From here on what was made goes with this value.
        let mut staging = Self {
            run,
            order,
            place,
            pieces: Vec::new().into_iter(),
            now: None,
            accepted: false,
            _permit: permit,
        };
        for (number, piece) in files {
            let folder = staging.place.given().join(number.to_string());
            make(&folder).map_err(storage)?;
            let path = folder.join(&piece.name);
            pieces.push((piece, path));
        }
        staging.pieces = pieces.into_iter();
        staging.advance()?;
        Ok(staging)
    }

    /// What is wanted next: which bytes, and from where on. Nothing where all is there.
    #[must_use]
    pub fn wanted(&self) -> Option<(Digest, u64)> {
        self.now.as_ref().map(|now| (now.piece.digest, now.got))
    }

    /// Takes the next bytes of what is wanted.
    ///
    /// # Errors
    /// [`Problems`] where they are more than was announced, or others.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Problems> {
        let Some(now) = &mut self.now else { return Err(wrong("nothing more was asked for")) };
        now.got += bytes.len() as u64;
        if bytes.is_empty() || now.got > now.piece.bytes {
            return Err(wrong("the bytes are not as many as were announced"));
        }
        now.hash.update(bytes);
        now.file.write_all(bytes).map_err(storage)?;
        if now.got == now.piece.bytes {
            self.end()?;
            self.advance()?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problems> {
        let Some(now) = self.now.take() else { return Ok(()) };
        if Digest::from_bytes(*now.hash.finalize().as_bytes()) != now.piece.digest {
            return Err(wrong("the bytes are not those that were announced"));
        }
        now.file.sync_all().map_err(storage)
    }

    /// Opens the next piece. One without bytes needs not be asked for.
    fn advance(&mut self) -> Result<(), Problems> {
        while self.now.is_none() {
            let Some((piece, path)) = self.pieces.next() else { return Ok(()) };
            let file = File::create_new(&path).map_err(storage)?;
            let empty = piece.bytes == 0;
            self.now = Some(Incoming { piece, file, hash: blake3::Hasher::new(), got: 0 });
            if empty {
                self.end()?;
            }
        }
        Ok(())
    }

    /// It is accepted and on stable storage: it stays.
    pub(crate) fn accept(&mut self) -> Result<(), Problems> {
        self.place.accept(&self.order).map_err(storage)?;
        self.accepted = true;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.accepted {
            self.place.remove();
        }
    }
}

/// Whether an offer is one that can be taken at all, before anything is made for it.
pub(crate) fn check(offer: &Offer) -> Result<Bytes, Problems> {
    let mut sum = Bytes(0);
    let named = [(&offer.input, INPUT_MAX), (&offer.decisions, TEXT_MAX)];
    let named = named.into_iter().filter_map(|(piece, most)| Some((piece.as_ref()?, most)));
    for (piece, most) in named.chain(offer.files.iter().map(|piece| (piece, ARTIFACT_MAX))) {
        if Bytes(piece.bytes) > most {
            let has = Bytes(piece.bytes);
            return Err(wrong(&format!("a piece has {has}; at most {most} are taken")));
        }
        sum = sum.plus(Bytes(piece.bytes));
    }
    if offer.files.len() > FILES_MAX || sum > FILES_SUM_MAX {
        return Err(wrong(&format!(
            "an input brings in at most {FILES_MAX} files with {FILES_SUM_MAX}"
        )));
    }
    match offer.files.iter().find(|piece| !is_name(&piece.name)) {
        Some(piece) => Err(wrong(&format!("{:?} is not the name of a file", piece.name))),
        None => Ok(sum),
    }
}

/// Whether a text can name one file in a folder and nothing else.
fn is_name(name: &str) -> bool {
    let special = name.is_empty() || name == "." || name == "..";
    !special && name.len() <= NAME_MAX_BYTES && !name.contains(['/', '\0'])
}

fn wrong(what: &str) -> Problems {
    Problems::one(Diagnostic::error(codes::BAD_FILE, what.to_owned()))
}

fn storage(error: impl std::fmt::Display) -> Problems {
    Problems::one(Diagnostic::error(codes::STORAGE, error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bailiwick_core::Name;
    use tempfile::TempDir;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::serve::orders::Orders;

    fn piece(name: &str, bytes: &[u8]) -> Piece {
        Piece { name: name.into(), digest: Digest::of(bytes), bytes: bytes.len() as u64 }
    }

    fn staging(offer: Offer) -> (Staging, TempDir) {
        let data = tempfile::tempdir().unwrap();
        let run = RunId::new("r").unwrap();
        let place = Orders::open(data.path()).unwrap().begin(&run).unwrap();
        let order = Order {
            label: None,
            project: "/p".into(),
            pipeline: Name::new("main").unwrap(),
            uid: 7,
            input: offer.input.is_some(),
            decisions: offer.decisions.is_some(),
        };
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Staging::new((run, order, place), offer, permit).unwrap(), data)
    }

    #[test]
    fn pieces_are_asked_for_one_by_one_and_lie_where_the_input_names_them() {
        let files = vec![piece("a.png", b"first"), piece("a.png", b""), piece("b", b"last")];
        let offer = Offer { input: Some(piece("", b"{}")), decisions: None, label: None, files };
        assert_eq!(check(&offer).unwrap(), Bytes(11));
        let (mut staging, _data) = staging(offer);
        for bytes in [b"{}".as_slice(), b"first", b"last"] {
            let (first, rest) = bytes.split_at(1);
            assert_eq!(staging.wanted(), Some((Digest::of(bytes), 0)));
            staging.take(first).unwrap();
            assert_eq!(staging.wanted(), Some((Digest::of(bytes), 1)));
            staging.take(rest).unwrap();
        }
        assert_eq!(staging.wanted(), None);
        assert!(staging.take(b"x").is_err());
        let given = staging.place.given();
        for (path, want) in [("input.json", "{}"), ("0/a.png", "first"), ("1/a.png", "")] {
            assert_eq!(std::fs::read_to_string(given.join(path)).unwrap(), want);
        }
        drop(staging);
        assert!(!given.exists(), "what is not accepted goes");
    }

    #[test]
    fn what_is_not_as_announced_is_refused() {
        let offer = |bytes| Offer { input: Some(piece("", bytes)), ..Offer::default() };
        for (announced, sent) in [(b"four".as_slice(), b"five!".as_slice()), (b"four", b"fore")] {
            let (mut staging, _data) = staging(offer(announced));
            assert!(staging.take(sent).is_err(), "{sent:?}");
        }
        let (mut none, _data) = staging(offer(b"four"));
        assert!(none.take(b"").is_err(), "who sends nothing would be asked for ever");
    }

    #[test]
    fn offers_are_bounded_and_their_names_are_names() {
        let large = |bytes| Piece { bytes, ..piece("a", b"") };
        let with = |files| Offer { files, ..Offer::default() };
        for bad in ["", ".", "..", "a/b", "/etc/passwd", "a\0b", &"x".repeat(256)] {
            assert!(check(&with(vec![piece(bad, b"")])).is_err(), "{bad:?}");
        }
        assert!(check(&with(vec![large(ARTIFACT_MAX.0 + 1)])).is_err());
        assert!(check(&with(vec![large(ARTIFACT_MAX.0); 17])).is_err());
        assert!(check(&with(vec![piece("a", b""); FILES_MAX + 1])).is_err());
        assert!(check(&Offer { input: Some(large(u64::MAX)), ..Offer::default() }).is_err());
    }
}
