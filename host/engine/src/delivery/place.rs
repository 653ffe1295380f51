//! How written files take the place of an earlier delivery: what may be replaced, what goes, in which order. Knows no content.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::FilePath;
use super::manifest::FORMAT;
use super::write::DeliveryError;

/// The file by which a folder is known as one that was delivered.
const MANIFEST: &str = "manifest.json";

/// The largest manifest that is read back, in bytes: ten thousand assets with their
/// lineage; a file that is larger was not written by a delivery.
const MANIFEST_MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The folder in the temporary one: it is made with the mode that the user's folders have.
pub(super) const STAGED: &str = "delivery";

/// What lies where a delivery goes.
pub(super) struct Present {
    /// The files of the earlier delivery; nothing where there is no folder yet.
    earlier: Option<BTreeSet<FilePath>>,
}

impl Present {
    /// Looks at a folder, and refuses what is not ours to write over.
    pub(super) fn at(out: &Path, wanted: &[FilePath]) -> Result<Self, DeliveryError> {
        match fs::metadata(out) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { earlier: None }),
            Err(error) => return Err(DeliveryError::disk(out)(error)),
            Ok(found) if !found.is_dir() => {
                return Err(DeliveryError::NoFolder { path: out.to_owned() });
            }
            Ok(_) => {}
        }
        let earlier = match delivered(out)? {
            Some(files) => files,
            None if is_empty(out)? => BTreeSet::new(),
            None => return Err(DeliveryError::NotOurs { path: out.to_owned() }),
        };
        for path in wanted {
            if let Some(path) = in_the_way(out, path, earlier.contains(path)) {
                return Err(DeliveryError::InTheWay { path });
            }
        }
        Ok(Self { earlier: Some(earlier) })
    }
}

/// Moves what was staged into `out`; says how many files of the earlier delivery went.
pub(super) fn take_place(
    staging: &tempfile::TempDir,
    out: &Path,
    present: &Present,
    files: &[FilePath],
) -> Result<usize, DeliveryError> {
    let staged = staging.path().join(STAGED);
    let written: BTreeSet<PathBuf> =
        files.iter().flat_map(|path| folders_of(&staged, path)).collect();
    written
        .iter()
        .try_for_each(|folder| sync_folder(folder))
        .map_err(DeliveryError::disk(&staged))?;
    let Some(earlier) = &present.earlier else {
        fs::rename(&staged, out).map_err(DeliveryError::disk(out))?;
        out.parent()
            .filter(|p| *p != Path::new(""))
            .map_or(Ok(()), sync_folder)
            .map_err(DeliveryError::disk(out))?;
        return Ok(0);
    };
    claim_both(staging.path(), out, earlier, files)?;
    let mut folders = BTreeSet::from([out.to_owned()]);
    let (last, first): (Vec<_>, Vec<_>) = files.iter().partition(|path| path.as_str() == MANIFEST);
    for path in first {
        let target = out.join(path.as_str());
        let parent = target.parent().unwrap_or(out);
        fs::create_dir_all(parent).map_err(DeliveryError::disk(parent))?;
        fs::rename(staged.join(path.as_str()), &target).map_err(DeliveryError::disk(&target))?;
        folders.insert(parent.to_owned());
    }
    let stale: Vec<&FilePath> = earlier.iter().filter(|path| !files.contains(path)).collect();
    let removed = remove(out, &stale)?;
    folders
        .iter()
        .filter(|folder| folder.exists())
        .try_for_each(|folder| sync_folder(folder))
        .map_err(DeliveryError::disk(out))?;
    for path in last {
        let target = out.join(path.as_str());
        fs::rename(staged.join(path.as_str()), &target).map_err(DeliveryError::disk(&target))?;
    }
    sync_folder(out).map_err(DeliveryError::disk(out))?;
    Ok(removed)
}

/// Puts a manifest in place that names the files of both deliveries: whatever happens
/// between here and the end, the next delivery knows what is ours.
fn claim_both(
    staging: &Path,
    out: &Path,
    earlier: &BTreeSet<FilePath>,
    files: &[FilePath],
) -> Result<(), DeliveryError> {
    let all: BTreeSet<&FilePath> = earlier.iter().chain(files).collect();
    let files: Vec<Value> = all.into_iter().map(|path| json!({ "file": path.as_str() })).collect();
    let claim = json!({ "format": FORMAT, "complete": false, "files": files });
    let (from, to) = (staging.join(".claim"), out.join(MANIFEST));
    let write = || {
        fs::write(&from, format!("{claim:#}\n"))?;
        File::open(&from)?.sync_all()?;
        fs::rename(&from, &to)?;
        sync_folder(out)
    };
    write().map_err(DeliveryError::disk(&to))
}

/// The files that the manifest in a folder names; nothing where there is no manifest of ours.
fn delivered(out: &Path) -> Result<Option<BTreeSet<FilePath>>, DeliveryError> {
    let path = out.join(MANIFEST);
    let size = match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => found.len(),
        _ => return Ok(None),
    };
    if size > MANIFEST_MAX_BYTES {
        return Ok(None);
    }
    let text = fs::read(&path).map_err(DeliveryError::disk(&path))?;
    let Ok(manifest) = serde_json::from_slice::<Value>(&text) else { return Ok(None) };
    if manifest.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Ok(None);
    }
    let files =
        manifest.get("files").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named = files.iter().filter_map(|file| FilePath::read(file.get("file")?.as_str()?));
    let itself = FilePath::read(MANIFEST);
    Ok(Some(named.chain(itself).collect()))
}

fn is_empty(folder: &Path) -> Result<bool, DeliveryError> {
    Ok(fs::read_dir(folder).map_err(DeliveryError::disk(folder))?.next().is_none())
}

/// What keeps a file from its place: something at it that is not a file of ours, or no
/// folder (a link is none) on the way to it.
fn in_the_way(out: &Path, path: &FilePath, ours: bool) -> Option<PathBuf> {
    let mut at = out.to_owned();
    let mut elements = path.as_str().split('/').peekable();
    while let Some(element) = elements.next() {
        at.push(element);
        match fs::symlink_metadata(&at) {
            Ok(found) if elements.peek().is_some() && found.is_dir() => {}
            Ok(found) if elements.peek().is_none() && ours && found.is_file() => {}
            Ok(_) => return Some(at),
            Err(_) => return None,
        }
    }
    None
}

/// Removes files and the folders that are empty then. Follows no link.
fn remove(out: &Path, stale: &[&FilePath]) -> Result<usize, DeliveryError> {
    let mut removed = 0;
    let mut folders = BTreeSet::new();
    for path in stale {
        let target = out.join(path.as_str());
        let parents: Vec<&Path> =
            target.ancestors().skip(1).take_while(|parent| *parent != out).collect();
        let real = |parent: &&Path| fs::symlink_metadata(parent).is_ok_and(|found| found.is_dir());
        if !parents.iter().all(real)
            || !fs::symlink_metadata(&target).is_ok_and(|found| found.is_file())
        {
            continue;
        }
        fs::remove_file(&target).map_err(DeliveryError::disk(&target))?;
        folders.extend(parents.into_iter().map(Path::to_owned));
        removed += 1;
    }
    // Deeper ones come after the folders that hold them.
    for folder in folders.iter().rev() {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => {
                return Err(DeliveryError::disk(folder)(error));
            }
            _ => {}
        }
    }
    Ok(removed)
}

/// The folders from `root` down to a file, `root` included.
fn folders_of(root: &Path, path: &FilePath) -> Vec<PathBuf> {
    let file = root.join(path.as_str());
    let within = file.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
    within.map(Path::to_owned).collect()
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
