//! Where a built agent lies (`DIR/dist/NAME.wasm`), how it gets there whole, and how it is found again.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The folder of built components beside an agent's sources.
const DIST: &str = "dist";

/// Why a built component cannot be written or found.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// Nothing is built here.
    #[error("the agent in {folder} is not built; type: bailiwick build {folder}")]
    NotBuilt {
        /// The agent's folder.
        folder: String,
    },
    /// Two components, and nobody can say which one is meant.
    #[error(
        "{folder}/{DIST} has more than one component ({files}); remove the ones that are not meant"
    )]
    Ambiguous {
        /// The agent's folder.
        folder: String,
        /// Their names.
        files: String,
    },
    /// A file or folder that cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which one.
        path: String,
        /// What the system says.
        error: io::Error,
    },
}

/// The component that `component = "FOLDER"` means. Builds nothing.
///
/// # Errors
/// [`DistError::NotBuilt`] with the command to type; [`DistError::Ambiguous`] where
/// somebody put a second one there.
pub fn find_built(folder: &Path) -> Result<PathBuf, DistError> {
    let mut found = components(&folder.join(DIST))?;
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(DistError::NotBuilt { folder: folder.display().to_string() }),
        several => Err(DistError::Ambiguous {
            folder: folder.display().to_string(),
            files: several.iter().map(|path| file_name(path)).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// Writes `FOLDER/dist/NAME.wasm`: whoever looks sees the old component or the new
/// one, never a part. Components of other names there are from before the agent was
/// renamed, and go.
pub(crate) fn write(folder: &Path, name: &str, component: &[u8]) -> Result<PathBuf, DistError> {
    let dist = folder.join(DIST);
    fs::create_dir_all(&dist).map_err(failed(&dist))?;
    let target = dist.join(format!("{name}.wasm"));
    // The process id keeps two builds at once from writing into one file.
    let partial = dist.join(format!(".{name}.{}.partial", std::process::id()));
    let written = write_whole(&partial, component)
        .and_then(|()| fs::rename(&partial, &target))
        .map_err(failed(&target));
    if written.is_err() {
        // What is left is no component; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&partial);
    }
    written?;
    for old in components(&dist)?.into_iter().filter(|path| *path != target) {
        fs::remove_file(&old).map_err(failed(&old))?;
    }
    Ok(target)
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    // A rename may reach the disk before the bytes do.
    file.sync_all()
}

fn components(dist: &Path) -> Result<Vec<PathBuf>, DistError> {
    let entries = match fs::read_dir(dist) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(dist)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(dist))?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") && path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DistError {
    let path = path.display().to_string();
    move |error| DistError::Io { path, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_finds() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), "hello", b"one").unwrap();
        assert_eq!(path, folder.path().join("dist/hello.wasm"));
        write(folder.path(), "hello", b"two").unwrap();
        assert_eq!(fs::read(find_built(folder.path()).unwrap()).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path().join("dist")).unwrap().count(), 1);
    }

    #[test]
    fn a_renamed_agent_leaves_no_component_behind() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "old", b"old").unwrap();
        fs::write(folder.path().join("dist/old.wasm.minisig"), "kept").unwrap();
        write(folder.path(), "new", b"new").unwrap();
        assert_eq!(find_built(folder.path()).unwrap(), folder.path().join("dist/new.wasm"));
        assert!(folder.path().join("dist/old.wasm.minisig").exists());
    }

    #[test]
    fn names_the_command_where_nothing_is_built() {
        let folder = tempfile::tempdir().unwrap();
        let error = find_built(folder.path()).unwrap_err().to_string();
        assert!(error.contains("bailiwick build "), "{error}");
    }

    #[test]
    fn does_not_choose_between_two() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("dist")).unwrap();
        for name in ["a.wasm", "b.wasm"] {
            fs::write(folder.path().join("dist").join(name), name).unwrap();
        }
        let error = find_built(folder.path()).unwrap_err().to_string();
        assert!(error.contains("a.wasm, b.wasm"), "{error}");
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A folder of the target's name: the rename has to fail.
        fs::create_dir_all(folder.path().join("dist/hello.wasm/in_the_way")).unwrap();
        assert!(write(folder.path(), "hello", b"x").is_err());
        assert_eq!(fs::read_dir(folder.path().join("dist")).unwrap().count(), 1);
    }
}
