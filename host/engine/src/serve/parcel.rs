//! What goes along with a submitted run, at the side that sends it: the input, the files that it names, decisions. Knows no socket.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bailiwick_core::{Bytes, Diagnostic, Digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codes;
use crate::files::{self, ARTIFACT_MAX, INPUT_MAX, TEXT_MAX};
use crate::input::FILES_MAX;
use crate::problems::Problems;

/// Bytes that are announced: whoever takes them asks for them by their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// The name of a file, without folders; of input and decisions it says nothing.
    pub name: String,
    /// What they are.
    pub digest: Digest,
    /// How many.
    pub bytes: u64,
}

/// What is offered with a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// A JSON document; `{"$file": "N/NAME"}` in it is file number N.
    pub input: Option<Piece>,
    /// The label of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A `decisions.toml`.
    pub decisions: Option<Piece>,
    /// The files of the input, each at most once.
    pub files: Vec<Piece>,
}

/// An offer with its bytes at hand.
#[derive(Debug, Default)]
pub struct Parcel {
    /// What is said of it.
    pub offer: Offer,
    sources: Vec<(Digest, Source)>,
}

#[derive(Debug)]
enum Source {
    Memory(Vec<u8>),
    File(PathBuf),
}

impl Parcel {
    /// Packs an input with the files that it names, and decisions.
    ///
    /// # Errors
    /// [`Problems`] where a file cannot be read, or may not come along.
    pub fn pack(input: Option<&Path>, decisions: Option<&Path>) -> Result<Self, Problems> {
        let mut parcel = Self::default();
        if let Some(path) = input {
            let bytes = read(path, INPUT_MAX)?;
            let shown = path.display();
            let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
            let mut value: Value = serde_json::from_slice(&bytes).map_err(|error| {
                fail(codes::BAD_INPUT, format!("{shown}: no JSON document: {error}"))
            })?;
            let base = path.parent().unwrap_or(Path::new("."));
            let mut known = Vec::new();
            parcel
                .bring(&mut value, base, &mut known)
                .map_err(|why| fail(codes::BAD_FILE, format!("{shown}: {why}")))?;
            parcel.offer.input = Some(parcel.hold("input", value.to_string().into_bytes()));
        }
        if let Some(path) = decisions {
            let bytes = read(path, TEXT_MAX)?;
            parcel.offer.decisions = Some(parcel.hold("decisions", bytes));
        }
        Ok(parcel)
    }

    /// Bytes of a piece, at most so many from there on.
    ///
    /// # Errors
    /// What the system says; `NotFound` for what was never offered.
    pub fn read(&self, digest: &Digest, from: u64, most: usize) -> io::Result<Vec<u8>> {
        let source = self.sources.iter().find(|(known, _)| known == digest);
        match source.map(|(_, source)| source) {
            None => Err(io::Error::new(io::ErrorKind::NotFound, "it was not offered")),
            Some(Source::Memory(bytes)) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                let rest = bytes.get(from..).unwrap_or_default();
                Ok(rest.get(..most).unwrap_or(rest).to_vec())
            }
            Some(Source::File(path)) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(from))?;
                let mut bytes = Vec::new();
                file.take(most as u64).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    fn hold(&mut self, name: &str, bytes: Vec<u8>) -> Piece {
        let digest = Digest::of(&bytes);
        let piece = Piece { name: name.into(), digest, bytes: bytes.len() as u64 };
        self.sources.push((digest, Source::Memory(bytes)));
        piece
    }

    /// Replaces each `{"$file": "PATH"}` by the number and the name of that file.
    fn bring(
        &mut self,
        value: &mut Value,
        base: &Path,
        known: &mut Vec<String>,
    ) -> Result<(), String> {
        match value {
            Value::Object(map) => match map.get_mut("$file") {
                Some(Value::String(path)) => {
                    let at = match known.iter().position(|other| other == path) {
                        Some(at) => at,
                        None => self.add(path, base, known)?,
                    };
                    let name = self.offer.files.get(at).map_or("", |piece| &piece.name);
                    *path = format!("{at}/{name}");
                    Ok(())
                }
                _ => map.values_mut().try_for_each(|member| self.bring(member, base, known)),
            },
            Value::Array(items) => {
                items.iter_mut().try_for_each(|item| self.bring(item, base, known))
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, path: &str, base: &Path, known: &mut Vec<String>) -> Result<usize, String> {
        if known.len() >= FILES_MAX {
            return Err(format!("an input brings in at most {FILES_MAX} files"));
        }
        let say = |why: String| format!("{path}: {why}");
        let file = files::below(base, path).map_err(say)?;
        let bytes = files::read(&file, ARTIFACT_MAX).map_err(say)?;
        let digest = Digest::of(&bytes);
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("file").to_owned();
        known.push(path.to_owned());
        self.offer.files.push(Piece { name, digest, bytes: bytes.len() as u64 });
        self.sources.push((digest, Source::File(file)));
        Ok(known.len() - 1)
    }
}

fn read(path: &Path, most: Bytes) -> Result<Vec<u8>, Problems> {
    files::read(path, most).map_err(|why| {
        let message = format!("{}: {why}", path.display());
        Problems::one(Diagnostic::error(codes::UNREADABLE, message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_along_once_and_without_their_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        std::fs::write(folder.path().join("b/x.png"), "png").unwrap();
        let input = folder.path().join("in.json");
        let text = r#"{"a": [{"$file": "b/x.png"}, {"$file": "b/x.png"}], "n": 1}"#;
        std::fs::write(&input, text).unwrap();
        let parcel = Parcel::pack(Some(&input), None).unwrap();
        let [file] = parcel.offer.files.as_slice() else { panic!("{:?}", parcel.offer) };
        assert_eq!((file.name.as_str(), file.bytes), ("x.png", 3));
        assert_eq!(parcel.read(&file.digest, 1, 9).unwrap(), b"ng");
        let sent = parcel.offer.input.as_ref().unwrap();
        let sent = parcel.read(&sent.digest, 0, usize::MAX).unwrap();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent["a"][1]["$file"], "0/x.png");
        assert!(parcel.read(&Digest::of(b"other"), 0, 1).is_err());
        for bad in ["../in.json", "/etc/passwd", "none"] {
            std::fs::write(&input, format!(r#"{{"$file": "{bad}"}}"#)).unwrap();
            assert!(Parcel::pack(Some(&input), None).is_err(), "{bad}");
        }
    }
}
