//! What kind of image bytes are, found out from the bytes: neither servers nor guests are asked. Decodes nothing.

use std::collections::BTreeMap;

use bailiwick_core::{Artifact, Bytes, Digest};
use bailiwick_gate::provider::ProviderError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The most bytes of images in one request: vendors refuse requests above 32 MB, base64 included.
const SHOWN_MAX: Bytes = Bytes::mib(20);

/// The media type of an image that models take and browsers show.
pub(crate) fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The images that a request shows, ready to be written into it.
pub(crate) struct Shown<'a> {
    images: &'a BTreeMap<Digest, Vec<u8>>,
    left: u64,
}

impl<'a> Shown<'a> {
    pub(crate) fn new(images: &'a BTreeMap<Digest, Vec<u8>>) -> Self {
        Self { images, left: SHOWN_MAX.0 }
    }

    /// Media type and base64 of an artifact.
    ///
    /// # Errors
    /// `Unsupported` where it is no image or too much is shown: nothing left.
    pub(crate) fn base64(
        &mut self,
        artifact: &Artifact,
    ) -> Result<(&'static str, String), ProviderError> {
        let unsupported = |detail: &str| ProviderError::Unsupported { detail: detail.into() };
        let bytes = self
            .images
            .get(&artifact.digest)
            .ok_or_else(|| unsupported("an image of the request is not at hand"))?;
        let media_type = image_type(bytes)
            .ok_or_else(|| unsupported("models are shown PNG, JPEG, GIF and WebP images only"))?;
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| {
            unsupported(&format!("a request shows at most {SHOWN_MAX} of images"))
        })?;
        Ok((media_type, STANDARD.encode(bytes)))
    }
}
