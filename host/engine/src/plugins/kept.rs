//! Components that came from registries, kept in a folder of the project by their digests, each with the signatures by which it was taken, so that loading one asks nobody. Judges none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bailiwick_builder::COMPONENT_BYTES_MAX;
use bailiwick_core::{Bytes, Digest};
use bailiwick_policy::publishers::{KeyId, SIGNATURE_MAX_BYTES, Signature};
use bailiwick_project::LockPin;

use super::source::{FoundAt, Pulled};
use crate::files;

/// The folder in a project. It can be kept with the project, or made again: `update --locked`
/// fetches what is missing.
const KEPT: &str = "components";

/// Where a component is kept, without links as far as it is there.
pub(super) fn path(root: &Path, component: &Digest) -> PathBuf {
    let folder = root.join(KEPT);
    let folder = fs::canonicalize(&folder).unwrap_or(folder);
    folder.join(format!("{}.wasm", component.hex()))
}

/// Where its signature by this key is: two agents may have the same bytes from two publishers.
fn signature_path(component: &Path, key: KeyId) -> PathBuf {
    component.with_extension(format!("{key}.minisig"))
}

/// The first file of what is pinned that is not there: the component, or the signature by
/// which it was taken.
pub(super) fn missing(root: &Path, pin: &LockPin) -> Option<PathBuf> {
    let component = path(root, &pin.component);
    let signature = pin.signed.as_ref().map(|(_, key)| signature_path(&component, *key));
    [Some(component), signature].into_iter().flatten().find(|path| !path.exists())
}

/// Whether what is pinned is there, byte for byte.
pub(super) fn is_whole(root: &Path, pin: &LockPin) -> bool {
    let read = || files::read(&path(root, &pin.component), Bytes(COMPONENT_BYTES_MAX as u64));
    missing(root, pin).is_none() && read().is_ok_and(|bytes| Digest::of(&bytes) == pin.component)
}

/// What is pinned: the bytes under its digest, and the signature by the key that it was taken
/// with. What was taken as nobody's is nobody's, whatever lies there.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(root: &Path, pin: &LockPin) -> Result<FoundAt, String> {
    let component = path(root, &pin.component);
    let read = |path: &Path, most: usize| {
        let bytes = files::read(path, Bytes(most as u64));
        bytes.map_err(|why| format!("{}: {why}", path.display()))
    };
    let signature = pin.signed.as_ref().map(|(_, key)| {
        let path = signature_path(&component, *key);
        let text = String::from_utf8(read(&path, SIGNATURE_MAX_BYTES)?);
        text.map_err(|_| format!("{}: it is not UTF-8", path.display()))
    });
    let (signature, bytes) = (signature.transpose()?, read(&component, COMPONENT_BYTES_MAX)?);
    Ok(FoundAt { path: files::real(&component)?, bytes, signature })
}

/// Files that were put there, and go again unless somebody says that they are needed.
pub(super) struct Keeping {
    /// With what was there before.
    made: Vec<(PathBuf, Option<Vec<u8>>)>,
}

impl Keeping {
    /// They stay. Whether there are any that were not there before.
    pub(super) fn stay(mut self) -> bool {
        !std::mem::take(&mut self.made).is_empty()
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        for (path, before) in &self.made {
            // Who cannot be put back is fetched again: its place is told by its digest and key.
            let _ = match before {
                Some(before) => files::replace(path, before),
                None => fs::remove_file(path),
            };
        }
        // Where nothing else is in it.
        if let Some(folder) = self.made.first().and_then(|(path, _)| path.parent()) {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Puts a component and its signature there, for now.
pub(super) fn keep(root: &Path, pulled: &Pulled) -> io::Result<Keeping> {
    let component = path(root, &Digest::of(&pulled.bytes));
    fs::create_dir_all(component.parent().unwrap_or(root))?;
    let mut keeping = Keeping { made: Vec::new() };
    let signature = pulled.signature.as_ref().and_then(|text| {
        // What is no signature was refused before where signatures count.
        Some((signature_path(&component, Signature::parse(text).ok()?.key), text))
    });
    if let Some((path, text)) = signature {
        write(&path, text.as_bytes(), &mut keeping)?;
    }
    write(&component, &pulled.bytes, &mut keeping)?;
    Ok(keeping)
}

fn write(path: &Path, bytes: &[u8], keeping: &mut Keeping) -> io::Result<()> {
    let before = fs::read(path).ok();
    if before.as_deref() == Some(bytes) {
        return Ok(());
    }
    files::replace(path, bytes)?;
    keeping.made.push((path.to_path_buf(), before));
    Ok(())
}
