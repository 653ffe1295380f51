//! `backup`: a data folder copied beside whoever writes it, as a folder or as one file. Trusts the copy only after an audit.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bailiwick_core::{Bytes, Diagnostic};
use bailiwick_store::{CopyError, Store};

use crate::codes;
use crate::pinned::storage;
use crate::problems::Problems;

/// What a backup came to.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Its size on the disk, before it was packed.
    pub bytes: Bytes,
    /// What is damaged in it: the copy is as good as the original.
    pub damages: Vec<String>,
}

/// Copies a data folder to `target`: one file where its name ends in `.tar`, else a folder.
///
/// # Errors
/// [`Problems`] where there is no such folder, the target exists, or a file cannot be
/// read or written.
pub async fn backup(data: &Path, target: &Path) -> Result<Backup, Problems> {
    if target.symlink_metadata().is_ok() {
        let hint = "name a file or folder that does not exist yet";
        let message = format!("{} exists already", target.display());
        return Err(Problems::one(Diagnostic::error(codes::OUT, message).hint(hint)));
    }
    let archive = Store::open_read_only(data).map_err(storage)?;
    let packed = target.extension().is_some_and(|extension| extension == "tar");
    let folder = if packed { beside(target, "folder") } else { target.to_owned() };
    let copied = archive.copy_to(&folder).await.map_err(|error| not_copied(&error))?;
    if packed {
        let done = pack(&folder, target).and_then(|()| fs::remove_dir_all(&folder));
        done.map_err(|error| out(format!("{}: {error}", target.display())))?;
    }
    let damages = copied.audit.damages.iter().map(ToString::to_string).collect();
    Ok(Backup { bytes: copied.bytes, damages })
}

fn not_copied(error: &CopyError) -> Problems {
    match error {
        CopyError::Exists(_) | CopyError::File { .. } => out(error.to_string()),
        CopyError::Read(_) | CopyError::Open(_) => storage(error),
    }
}

fn out(what: String) -> Problems {
    Problems::one(Diagnostic::error(codes::OUT, what))
}

fn beside(target: &Path, what: &str) -> PathBuf {
    let mut path = target.as_os_str().to_owned();
    path.push(".");
    path.push(what);
    path.into()
}

/// Packs a folder into one file, which is there whole or not at all.
fn pack(folder: &Path, target: &Path) -> io::Result<()> {
    let part = beside(target, "part");
    let file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    let mut archive = tar::Builder::new(BufWriter::new(file));
    // Modes and bytes; owners and times are those of whoever unpacks it.
    archive.mode(tar::HeaderMode::Complete);
    archive.follow_symlinks(false);
    archive.append_dir_all("data", folder)?;
    let mut written = archive.into_inner()?;
    written.flush()?;
    written.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&part, target)?;
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
