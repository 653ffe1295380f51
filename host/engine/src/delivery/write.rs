//! Brings a delivery onto disk: everything is written and synced beside the folder first, then takes its place. Knows no run.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bailiwick_core::Bytes;
use bailiwick_core::ports::{BlobError, Blobs, Durable};

use super::place::{Present, STAGED, take_place};
use super::{Content, Delivery, FilePath};

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The folder.
    pub folder: PathBuf,
    /// The gallery.
    pub index: PathBuf,
    /// How many files it has now.
    pub files: usize,
    /// How many files of an earlier delivery went.
    pub removed: usize,
    /// All files together.
    pub bytes: Bytes,
}

/// Why a folder was not written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the variants are documented; their fields are paths and causes")]
pub enum DeliveryError {
    /// `--out` names something that is no folder.
    #[error("{path} is no folder")]
    NoFolder { path: PathBuf },
    /// There are files in it, and no manifest of ours: they are somebody's.
    #[error(
        "{path} has files in it and was not delivered by bailiwick (it has no manifest.json of ours): name an empty or a new folder"
    )]
    NotOurs { path: PathBuf },
    /// A file that a delivery would write lies there, and no earlier delivery wrote it.
    #[error(
        "{path} lies where a file would be delivered, and no earlier delivery wrote it: move it away"
    )]
    InTheWay { path: PathBuf },
    /// Bytes are missing or damaged.
    #[error("{file} cannot be delivered: {source}")]
    Bytes { file: FilePath, source: BlobError },
    /// A picture cannot be looked at.
    #[error(transparent)]
    Picture(#[from] BlobError),
    /// The file system refused.
    #[error("{path}: {source}")]
    Disk { path: PathBuf, source: io::Error },
    /// The host is shutting down.
    #[error("the delivery was stopped")]
    Stopped,
}

impl DeliveryError {
    pub(super) fn disk(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { path, source }
    }
}

/// Writes a delivery into `out`, which is new, empty, or a folder of an earlier delivery:
/// of that, files that are not delivered again are removed, files that nobody delivered
/// stay. `durable` is the proof that the run's end is on stable storage.
///
/// # Errors
/// [`DeliveryError`]. Up to the moment when the first file takes its place nothing in
/// `out` has changed; after it, the manifest there names every file of both deliveries
/// until the last one is in place, so that the next delivery can clear up.
pub async fn write(
    _durable: &Durable,
    out: &Path,
    delivery: &Delivery,
    blobs: &dyn Blobs,
) -> Result<Written, DeliveryError> {
    let paths: Vec<FilePath> = delivery.files.iter().map(|file| file.path.clone()).collect();
    let (folder, wanted) = (out.to_owned(), paths.clone());
    let (present, staging) = on_disk(move || {
        let present = Present::at(&folder, &wanted)?;
        let staging = stage(&folder)?;
        Ok((present, staging))
    })
    .await?;
    let mut bytes = Bytes(0);
    for file in &delivery.files {
        let content = content(&file.path, &file.content, blobs).await?;
        bytes = bytes.plus(Bytes(content.len() as u64));
        let path = staging.path().join(STAGED).join(file.path.as_str());
        on_disk(move || write_synced(&path, &content)).await?;
    }
    let folder = out.to_owned();
    let files = paths.len();
    let removed = on_disk(move || take_place(&staging, &folder, &present, &paths)).await?;
    Ok(Written { folder: out.to_owned(), index: out.join("index.html"), files, removed, bytes })
}

async fn content(
    path: &FilePath,
    content: &Content,
    blobs: &dyn Blobs,
) -> Result<Vec<u8>, DeliveryError> {
    let failed = |source| DeliveryError::Bytes { file: path.clone(), source };
    match content {
        Content::Artifact(artifact) => {
            let bytes = blobs.get(artifact.digest).await.map_err(failed)?;
            let whole = bytes.len() as u64 == artifact.bytes.0;
            if whole { Ok(bytes) } else { Err(failed(BlobError::Damaged(artifact.digest))) }
        }
        other => Ok(other.text().unwrap_or_default().into_bytes()),
    }
}

/// A folder beside `out`, so that names can move from one into the other. Goes when it is dropped.
fn stage(out: &Path) -> Result<tempfile::TempDir, DeliveryError> {
    let parent = match out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(DeliveryError::disk(parent))?;
    tempfile::Builder::new()
        .prefix(".bailiwick-delivery-")
        .tempdir_in(parent)
        .map_err(DeliveryError::disk(parent))
}

fn write_synced(path: &Path, content: &[u8]) -> Result<(), DeliveryError> {
    let written = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::create(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    written().map_err(DeliveryError::disk(path))
}

/// Runs what blocks on a thread that may.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeliveryError> + Send + 'static,
) -> Result<T, DeliveryError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(DeliveryError::Stopped),
    }
}
