//! What people lower the label of is kept in canonical form: text that is all that can be seen of it, pictures that are their pixels. What has no such form does not leave its attempt.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Cursor;

use bailiwick_core::artifact::references;
use bailiwick_core::fact::{Fact, Failure, FailureKind};
use bailiwick_core::{Artifact, Bytes, Digest, Document, canonical};
use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Limits, Transformations};
use serde_json::Value;

use crate::gate::Gate;

/// The most bytes of pixels of one picture: four times what an artifact may have, so a
/// poster of 8000 × 8000 passes and a bomb of a few bytes does not.
const PIXELS_MAX: usize = 256 * 1024 * 1024;

impl Gate {
    /// The output of an attempt in the form in which it is shown, decided about and read.
    /// Of a step whose label nobody lowers it stays as it is.
    ///
    /// # Errors
    /// The failure of the attempt, where something in it has no such form.
    pub async fn in_form(&self, document: Document) -> Result<Document, Failure> {
        if !self.gateway.lowered.contains(&self.attempt.cell.step) {
            return Ok(document);
        }
        let value = document.value();
        let named = references(&value).map_err(|error| formless(error.to_string()))?;
        let mut forms = BTreeMap::new();
        for artifact in named.into_values() {
            if let Entry::Vacant(place) = forms.entry(artifact) {
                let form = self.form_of(place.key()).await?;
                place.insert(form);
            }
        }
        let form = canonical::document(&with(&value, &forms));
        let form = form.map_err(|error| formless(error.to_string()))?;
        self.generation.output.check(&form).map_err(|mismatch| {
            formless(format!("without what cannot be seen it is not in its schema: {mismatch}"))
        })?;
        Ok(Document::of(&form))
    }

    /// The reference to the canonical bytes. That it stands for another one is a fact.
    async fn form_of(&self, was: &Artifact) -> Result<Artifact, Failure> {
        let blobs = &self.gateway.blobs;
        let bytes = blobs.get(was.digest).await.map_err(|error| host(error.to_string()))?;
        let bytes = bytes_in_form(&was.media_type, &bytes)
            .map_err(|why| formless(format!("the artifact {}: {why}", was.digest)))?;
        let is = Artifact {
            digest: Digest::of(&bytes),
            media_type: canonical::text(&was.media_type),
            bytes: Bytes(bytes.len() as u64),
            name: was.name.as_deref().map(canonical::text),
        };
        // What executes again on its record writes nothing.
        if is != *was && self.replay.is_none() {
            blobs.put(bytes).await.map_err(|error| host(error.to_string()))?;
            let (attempt, was, is) = (self.attempt.clone(), was.clone(), is.clone());
            let recorded = self.recorder.record(Fact::Recast { attempt, was, is }).await;
            recorded.map_err(|error| host(error.to_string()))?;
        }
        Ok(is)
    }
}

fn with(value: &Value, forms: &BTreeMap<Artifact, Artifact>) -> Value {
    match value {
        Value::Object(members) if members.contains_key("$artifact") => {
            let known = serde_json::from_value::<Artifact>(value.clone()).ok();
            known.and_then(|was| forms.get(&was)).map_or(Value::Null, Artifact::to_json)
        }
        Value::Object(members) => Value::Object(
            members.iter().map(|(key, member)| (key.clone(), with(member, forms))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| with(item, forms)).collect()),
        other => other.clone(),
    }
}

/// Bytes that are all that can be seen of them.
fn bytes_in_form(media_type: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    match media_type {
        "image/png" => png_in_form(bytes),
        "text/plain" | "text/markdown" | "text/csv" => {
            let said = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())?;
            Ok(canonical::text(said).into_bytes())
        }
        other => Err(format!(
            "{other:?} has no form in which all of it can be seen; image/png, text/plain, text/markdown and text/csv have"
        )),
    }
}

/// The pixels of a picture and nothing else: no metadata, nothing behind its end, no
/// second frame, no colour under what is fully transparent.
fn png_in_form(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: PIXELS_MAX });
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let size = reader.output_buffer_size().filter(|size| *size <= PIXELS_MAX);
    let size = size.ok_or_else(|| format!("its pixels have more than {PIXELS_MAX} bytes"))?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    pixels.truncate(frame.buffer_size());
    let samples = match frame.color_type {
        ColorType::Rgba => 4,
        ColorType::GrayscaleAlpha => 2,
        _ => 0,
    };
    if samples > 0 {
        for pixel in pixels.chunks_exact_mut(samples) {
            if pixel.last() == Some(&0) {
                pixel.fill(0);
            }
        }
    }
    let mut form = Vec::new();
    let mut encoder = Encoder::new(&mut form, frame.width, frame.height);
    encoder.set_color(frame.color_type);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(&pixels).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(form)
}

fn formless(why: String) -> Failure {
    Failure {
        kind: FailureKind::OutOfSchema,
        message: format!("its label is lowered by people, who must see all of it: {why}"),
        hint: None,
    }
}

fn host(message: String) -> Failure {
    Failure { kind: FailureKind::Host, message, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of two pixels, the second transparent with a colour, and a text beside it.
    fn picture(hidden: [u8; 3], note: Option<&str>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(ColorType::Rgba);
        encoder.set_depth(BitDepth::Eight);
        if let Some(note) = note {
            encoder.add_text_chunk("Comment".into(), note.into()).unwrap();
        }
        let mut writer = encoder.write_header().unwrap();
        let [r, g, b] = hidden;
        writer.write_image_data(&[10, 20, 30, 255, r, g, b, 0]).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn a_picture_is_its_pixels() {
        let plain = png_in_form(&picture([0, 0, 0], None)).unwrap();
        let told = png_in_form(&picture([1, 2, 3], Some("the plan is"))).unwrap();
        assert_eq!(told, plain);
        assert!(!told.windows(4).any(|window| window == b"tEXt"));
        let mut appended = picture([0, 0, 0], None);
        appended.extend(b"and here is more");
        assert_eq!(png_in_form(&appended).unwrap(), plain);
        assert_eq!(png_in_form(&plain).unwrap(), plain, "applied twice it changes nothing more");
    }

    #[test]
    fn what_cannot_be_seen_whole_has_no_form() {
        for (media_type, bytes) in [
            ("image/svg+xml", b"<svg/>".as_slice()),
            ("application/pdf", b"%PDF"),
            ("image/jpeg", b"\xff\xd8"),
            ("image/png", b"no picture"),
            ("text/plain", b"\xff\xfe"),
        ] {
            assert!(bytes_in_form(media_type, bytes).is_err(), "{media_type}");
        }
        let text = bytes_in_form("text/plain", "a\u{200b}e\u{301}".as_bytes()).unwrap();
        assert_eq!(text, "a\u{e9}".as_bytes());
    }

    #[test]
    fn a_bomb_of_pixels_is_refused_before_it_is_unpacked() {
        let mut bytes = picture([0, 0, 0], None);
        // The width in IHDR, and its checksum.
        bytes[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert!(png_in_form(&bytes).is_err());
    }
}
