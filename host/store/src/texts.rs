//! The texts beside an entry as they lie in its row: plain, or packed where that is smaller. Knows no table and no document.
//!
//! What is checked is what comes out: every text against the digest that a fact names, so
//! packing changes no chain, and a flipped bit in what is packed is found like any other.

use std::borrow::Cow;
use std::cell::RefCell;

use bailiwick_core::Bytes;
use rusqlite::types::ValueRef;
use zstd::bulk::{Compressor, decompress};
use zstd::zstd_safe::get_frame_content_size;

/// How hard it is tried. Level 1 packs ten kilobytes of prose in 0.1 ms, on the thread of
/// who appends; level 3 takes half as long again for two percent less (`zstd -b1 -e3
/// -B10240`, two busy cores).
const LEVEL: i32 = 1;

/// Shorter texts stay plain: their row takes the same part of a page, and most entries of
/// a fan-out have hardly any.
const PACKED_MIN: Bytes = Bytes(512);

/// The most that texts of one entry may take when they are unpacked: an append takes 256
/// messages, each with a few texts of 16 KiB. What is larger is not packed, so that a
/// damaged length takes no memory.
const UNPACKED_MAX: Bytes = Bytes::mib(64);

/// The texts of one entry: JSON, a map from digest to text.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Texts<'a> {
    /// There are none, or they were erased.
    #[default]
    None,
    Plain(Cow<'a, str>),
    Packed(Cow<'a, [u8]>),
}

impl Texts<'static> {
    /// The texts as they are best written.
    pub(crate) fn of(json: String) -> Self {
        let size = Bytes(json.len() as u64);
        let packed = match size >= PACKED_MIN && size <= UNPACKED_MAX {
            true => pack(json.as_bytes()),
            false => None,
        };
        match packed.filter(|packed| packed.len() < json.len()) {
            Some(packed) => Self::Packed(packed.into()),
            None => Self::Plain(json.into()),
        }
    }
}

/// Nothing where it cannot be packed: plain it can always be written.
fn pack(text: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        // Making one costs more than packing with it.
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> =
            RefCell::new(Compressor::new(LEVEL).ok());
    }
    COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(text).ok())
}

impl<'a> Texts<'a> {
    /// The columns `texts` and `packed` of a row.
    pub(crate) fn read(plain: ValueRef<'a>, packed: ValueRef<'a>) -> Result<Self, String> {
        match (plain, packed) {
            (ValueRef::Null, ValueRef::Null) => Ok(Self::None),
            (ValueRef::Null, ValueRef::Blob(packed)) => Ok(Self::Packed(packed.into())),
            (ValueRef::Text(_), ValueRef::Null) => match plain.as_str() {
                Ok(plain) => Ok(Self::Plain(plain.into())),
                Err(_) => Err("its texts are no text".into()),
            },
            _ => Err("its texts are neither plain nor packed".into()),
        }
    }

    pub(crate) fn into_owned(self) -> Texts<'static> {
        match self {
            Self::None => Texts::None,
            Self::Plain(plain) => Texts::Plain(plain.into_owned().into()),
            Self::Packed(packed) => Texts::Packed(packed.into_owned().into()),
        }
    }

    /// What goes into the column `texts`.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(plain) => Some(plain),
            Self::None | Self::Packed(_) => None,
        }
    }

    /// What goes into the column `packed`.
    pub(crate) fn packed(&self) -> Option<&[u8]> {
        match self {
            Self::Packed(packed) => Some(packed),
            Self::None | Self::Plain(_) => None,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The JSON; nothing where there are none.
    pub(crate) fn json(&self) -> Result<Option<Cow<'_, str>>, String> {
        match self {
            Self::None => Ok(None),
            Self::Plain(plain) => Ok(Some(Cow::Borrowed(plain))),
            Self::Packed(packed) => unpack(packed).map(|json| Some(Cow::Owned(json))),
        }
    }

    pub(crate) fn size(&self) -> Bytes {
        Bytes(match self {
            Self::None => 0,
            Self::Plain(plain) => plain.len() as u64,
            Self::Packed(packed) => packed.len() as u64,
        })
    }
}

fn unpack(packed: &[u8]) -> Result<String, String> {
    let damaged = || "the texts beside it are packed, and cannot be unpacked".to_owned();
    let size = get_frame_content_size(packed).ok().flatten().ok_or_else(damaged)?;
    if size > UNPACKED_MAX.0 {
        return Err(damaged());
    }
    let capacity = usize::try_from(size).map_err(|_| damaged())?;
    let json = decompress(packed, capacity).map_err(|_| damaged())?;
    String::from_utf8(json).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_again_and_short_texts_stay_plain() {
        let long = "{\"blake3:0\":\"all work and no play\"}".repeat(100);
        let texts = Texts::of(long.clone());
        assert!(texts.plain().is_none() && texts.packed().unwrap().len() < long.len() / 4);
        assert_eq!(texts.json().unwrap().unwrap(), long);
        let short = "{\"a\":\"b\"}";
        assert_eq!(Texts::of(short.into()).plain(), Some(short));
    }

    #[test]
    fn a_flipped_bit_is_an_error_or_another_text_and_takes_no_memory() {
        let long = "{\"blake3:0\":\"all work and no play\"}".repeat(100);
        let packed = Texts::of(long.clone()).packed().unwrap().to_vec();
        for bit in 0..packed.len() * 8 {
            let mut flipped = packed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let texts = Texts::Packed(flipped.into());
            assert!(
                texts.json().map_or(true, |json| json.unwrap().len() <= UNPACKED_MAX.0 as usize)
            );
        }
        // A length that nobody wrote.
        let lies = [0x28, 0xB5, 0x2F, 0xFD, 0xE0, 255, 255, 255, 255, 255, 255, 255, 127];
        assert!(Texts::Packed(lies.as_slice().into()).json().is_err());
    }
}
