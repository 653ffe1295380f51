//! What `--out DIR` holds: composed purely from a run's facts, then written so that a folder is old or new, never half. Knows no pipeline file and no front end.
//!
//! | file | holds |
//! |---|---|
//! | `KEY.json` | the value of each key of `[output]` |
//! | `KEY/CELL/NAME.EXT` | each artifact in it |
//! | `earlier-rounds/STEP/CELL/NAME.EXT` | pictures of candidates that were revised, for the gallery |
//! | `manifest.json` | for each asset where it comes from and who let it pass |
//! | `index.html` | the gallery |
//!
//! The same facts give the same bytes: no wall-clock time stands in any file, and
//! everything is in file, axis and round order, never in the order in which it happened.

mod asset;
mod file_name;
mod html;
mod lineage;
mod manifest;
mod outline;
mod page;
mod picture;
mod place;
mod point;
mod record;
mod story;
mod texts;
mod totals;
mod trace;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;

use bailiwick_core::fact::Entry;
use bailiwick_core::ports::{Blobs, Durable};
use bailiwick_core::{Artifact, Digest, RunState};
use serde_json::Value;

pub use file_name::FilePath;
pub use outline::Outline;
pub use picture::{Pictures, Pixels};
pub use point::ABOVE_MAX;
pub use write::{DeliveryError, Written, write};

use file_name::FileNames;
use trace::Trace;

/// Every file of an `--out` folder, before it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// `index.html` and `manifest.json` come last.
    pub files: Vec<Planned>,
}

/// One file.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Where it will lie.
    pub path: FilePath,
    /// What it will hold.
    pub content: Content,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A value, written with indentation and a line break at the end.
    Json(Value),
    /// Bytes from the store.
    Artifact(Artifact),
    /// A text as it is.
    Text(String),
}

impl Content {
    /// The bytes of what is no artifact.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            // A `Value` has text keys and finite numbers: it always prints.
            Self::Json(value) => Some(format!("{value:#}\n")),
            Self::Text(text) => Some(text.clone()),
            Self::Artifact(_) => None,
        }
    }

    fn digest(&self) -> (Digest, u64) {
        match (self, self.text()) {
            (Self::Artifact(artifact), _) => (artifact.digest, artifact.bytes.0),
            (_, text) => {
                let text = text.unwrap_or_default();
                (Digest::of(text.as_bytes()), text.len() as u64)
            }
        }
    }
}

/// Composes a delivery. `state` is what `entries` come to; `pictures` are those of the
/// run ([`Pictures::of`]). Without an output (a run that failed) there are no keys and
/// no assets; manifest and gallery say why.
#[must_use]
pub fn compose(
    outline: &Outline,
    state: &RunState,
    entries: &[Entry],
    pictures: &Pictures,
) -> Delivery {
    let trace = Trace::of(outline, state, entries, pictures);
    let mut names = FileNames::default();
    let (index, manifest_path) = (names.top("index", "html"), names.top("manifest", "json"));
    let parts = asset::parts(&trace, &mut names);
    let earlier = asset::earlier(&trace, &mut names);
    let mut files = Vec::new();
    for part in &parts {
        files.push(Planned { path: part.file.clone(), content: Content::Json(part.value.clone()) });
        let assets = part.elements.iter().flat_map(|element| &element.assets);
        files.extend(assets.map(|asset| Planned {
            path: asset.file.clone(),
            content: Content::Artifact(asset.artifact.clone()),
        }));
    }
    files.extend(earlier.iter().map(|earlier| Planned {
        path: earlier.file.clone(),
        content: Content::Artifact(earlier.artifact.clone()),
    }));
    let page = page::page(&trace, &parts, &earlier, &manifest_path);
    files.push(Planned { path: index, content: Content::Text(page) });
    let listed = files.iter().map(|file| {
        let (digest, bytes) = file.content.digest();
        (&file.path, digest, bytes)
    });
    let manifest = manifest::with_files(manifest::manifest(&trace, &parts, &earlier), listed);
    files.push(Planned { path: manifest_path, content: Content::Json(manifest) });
    Delivery { files }
}

/// Whether a delivery may be written there, before a run is paid for that would then
/// have nowhere to go. Writes nothing.
///
/// # Errors
/// [`DeliveryError`] where the folder is somebody else's, or none.
pub fn may_write(out: &Path) -> Result<(), DeliveryError> {
    place::Present::at(out, &[]).map(drop)
}

/// Looks at the run's pictures, composes and writes: everything that `--out` does.
/// `durable` speaks of the run's last fact.
///
/// # Errors
/// [`DeliveryError`]; the folder is then as it was, unless a single file of it could
/// not be put in its place.
pub async fn deliver(
    durable: &Durable,
    out: &Path,
    outline: &Outline,
    run: (&RunState, &[Entry]),
    blobs: &dyn Blobs,
) -> Result<Written, DeliveryError> {
    let pictures = Pictures::of(run.0, blobs).await?;
    let delivery = compose(outline, run.0, run.1, &pictures);
    write(durable, out, &delivery, blobs).await
}
