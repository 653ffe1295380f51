//! Components that came from registries, kept in a folder of the project by their digests, so that loading one asks nobody. Judges none.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bailiwick_core::Digest;
use bailiwick_project::LockPin;

use super::source::Pulled;
use crate::provenance::signature_path;

/// The folder in a project. It can be kept with the project, or made again: `update --locked`
/// fetches what is missing.
const KEPT: &str = "components";

/// Where a component is kept.
pub(super) fn path(root: &Path, component: &Digest) -> PathBuf {
    root.join(KEPT).join(format!("{}.wasm", component.hex()))
}

/// Whether what is pinned is there, to be read.
pub(super) fn is_there(root: &Path, pin: &LockPin) -> bool {
    path(root, &pin.component).exists()
}

/// Files that were put there, and go again unless somebody says that they are needed.
pub(super) struct Keeping {
    made: Vec<PathBuf>,
}

impl Keeping {
    /// They stay. Whether there are any that were not there before.
    pub(super) fn stay(mut self) -> bool {
        let any = !self.made.is_empty();
        self.made.clear();
        any
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        for path in &self.made {
            let _ = fs::remove_file(path);
        }
        // Where nothing else is in it.
        if let Some(folder) = self.made.first().and_then(|path| path.parent()) {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Puts a component and its signature there, for now.
pub(super) fn keep(root: &Path, pulled: &Pulled) -> io::Result<Keeping> {
    let component = path(root, &Digest::of(&pulled.bytes));
    fs::create_dir_all(component.parent().unwrap_or(root))?;
    let mut keeping = Keeping { made: Vec::new() };
    let signature = signature_path(&component);
    // A component may be signed anew; its bytes are what its name says.
    if let Some(text) = &pulled.signature {
        write(&signature, text.as_bytes(), &mut keeping)?;
    }
    write(&component, &pulled.bytes, &mut keeping)?;
    Ok(keeping)
}

fn write(path: &Path, bytes: &[u8], keeping: &mut Keeping) -> io::Result<()> {
    if fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    if !path.exists() {
        keeping.made.push(path.to_path_buf());
    }
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}
