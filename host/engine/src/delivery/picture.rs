//! What is known of pictures from their bytes: that they are pictures, and their size. Trusts no media type.

use std::collections::BTreeMap;

use bailiwick_core::artifact::references;
use bailiwick_core::ports::{BlobError, Blobs};
use bailiwick_core::{Artifact, Digest, RunState};
use imagesize::ImageType;

/// The size of a picture, in pixels, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// From left to right.
    pub width: u64,
    /// From top to bottom.
    pub height: u64,
}

/// The pictures of a run by digest and media type: those whose bytes are what their type says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pictures(BTreeMap<(Digest, String), Pixels>);

impl Pictures {
    /// Looks at every picture of a run's output and of its candidates. Bytes that were
    /// erased or damaged are no pictures: whoever has to deliver them will say so.
    ///
    /// # Errors
    /// [`BlobError`] where storage fails.
    pub async fn of(state: &RunState, blobs: &dyn Blobs) -> Result<Self, BlobError> {
        let mut wanted: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        let cells = state.steps.iter().flat_map(|step| step.cells.values());
        let candidates =
            cells.flat_map(|cell| cell.candidates.iter().map(|candidate| &candidate.output));
        for document in state.output.iter().chain(candidates) {
            for artifact in references(&document.value()).unwrap_or_default().into_values() {
                if shown_as(&artifact.media_type).is_some() {
                    wanted.entry(artifact.digest).or_default().push(artifact.media_type);
                }
            }
        }
        let mut pictures = Self::default();
        for (digest, types) in wanted {
            match blobs.get(digest).await {
                Ok(bytes) => {
                    types.iter().for_each(|media_type| pictures.look(digest, media_type, &bytes))
                }
                Err(BlobError::Missing(_) | BlobError::Damaged(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pictures)
    }

    /// Keeps the size of a picture, where the bytes are one of this type.
    pub fn look(&mut self, digest: Digest, media_type: &str, bytes: &[u8]) {
        let Some(expected) = shown_as(media_type) else { return };
        let found = imagesize::image_type(bytes).ok();
        if found
            .is_none_or(|found| std::mem::discriminant(&found) != std::mem::discriminant(&expected))
        {
            return;
        }
        if let Ok(size) = imagesize::blob_size(bytes) {
            let pixels = Pixels { width: size.width as u64, height: size.height as u64 };
            self.0.insert((digest, media_type.to_owned()), pixels);
        }
    }

    /// The size of a picture; nothing where these bytes are none of that type.
    #[must_use]
    pub fn pixels(&self, artifact: &Artifact) -> Option<Pixels> {
        self.0.get(&(artifact.digest, artifact.media_type.clone())).copied()
    }

    /// Whether the bytes are known not to be what the media type says.
    #[must_use]
    pub fn belies(&self, artifact: &Artifact) -> bool {
        shown_as(&artifact.media_type).is_some() && self.pixels(artifact).is_none()
    }
}

/// The picture formats that a page shows. No SVG: it can hold scripts.
fn shown_as(media_type: &str) -> Option<ImageType> {
    match media_type {
        "image/png" => Some(ImageType::Png),
        "image/jpeg" => Some(ImageType::Jpeg),
        "image/gif" => Some(ImageType::Gif),
        "image/webp" => Some(ImageType::Webp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_core::Bytes;

    use super::*;

    fn artifact(bytes: &[u8], media_type: &str) -> Artifact {
        let (digest, bytes) = (Digest::of(bytes), Bytes(bytes.len() as u64));
        Artifact { digest, media_type: media_type.into(), bytes, name: None }
    }

    #[test]
    fn sizes_come_from_the_bytes_and_types_must_fit() {
        let gif = b"GIF89a\x02\x00\x01\x00\x80\x00\x00";
        let mut pictures = Pictures::default();
        for media_type in ["image/gif", "image/png", "text/html"] {
            pictures.look(Digest::of(gif), media_type, gif);
        }
        assert_eq!(
            pictures.pixels(&artifact(gif, "image/gif")),
            Some(Pixels { width: 2, height: 1 })
        );
        assert_eq!(pictures.pixels(&artifact(gif, "image/png")), None);
        assert!(pictures.belies(&artifact(gif, "image/png")));
        assert!(!pictures.belies(&artifact(gif, "text/html")));
    }

    #[test]
    fn broken_headers_are_no_pictures() {
        let mut pictures = Pictures::default();
        for bytes in [
            &b"<script>"[..],
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\x00\x00\x00\x00",
            b"RIFF____WEBPVP8X",
        ] {
            for media_type in ["image/png", "image/jpeg", "image/webp"] {
                pictures.look(Digest::of(bytes), media_type, bytes);
            }
        }
        assert_eq!(pictures, Pictures::default());
    }
}
