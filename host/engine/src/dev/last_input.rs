//! The input that an author ran last, remembered beside the data of the project. Reads no input.

use std::fs;
use std::path::{Path, PathBuf};

use bailiwick_core::{Bytes, Diagnostic};
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::files;
use crate::problems::Problems;

/// The file in the data folder.
const FILE: &str = "dev.json";

/// The input of a project that is taken where nobody names one.
const USUAL: &str = "input.json";

/// The largest such file: it holds one path.
const FILE_MAX: Bytes = Bytes(16 * 1024);

#[derive(Deserialize, Serialize)]
struct Remembered {
    input: PathBuf,
}

/// The input to run: the named one, else the one that was run last and is still there, else
/// the project's own; nothing where there is none of them.
#[must_use]
pub fn input(named: Option<&Path>, data: &Path, project: &Path) -> Option<PathBuf> {
    if let Some(named) = named {
        return Some(named.to_path_buf());
    }
    let usual = project.join(USUAL);
    remembered(data).into_iter().chain([usual]).find(|path| path.is_file())
}

/// Keeps which input was run. The data folder is there.
///
/// # Errors
/// [`Problems`] where it cannot be written.
pub fn remember(data: &Path, input: &Path) -> Result<(), Problems> {
    let input = fs::canonicalize(input).unwrap_or_else(|_| input.to_path_buf());
    if remembered(data).as_ref() == Some(&input) {
        return Ok(());
    }
    let (file, part) = (data.join(FILE), data.join(format!("{FILE}.part")));
    let failed = |why: String| {
        let message = format!("{}: {why}", file.display());
        Problems::one(Diagnostic::error(codes::STORAGE, message))
    };
    let text = serde_json::to_vec(&Remembered { input }).map_err(|why| failed(why.to_string()))?;
    let written = fs::write(&part, text).and_then(|()| fs::rename(&part, &file));
    written.map_err(|why| failed(why.to_string()))
}

/// What cannot be read was not remembered: it is a convenience.
fn remembered(data: &Path) -> Option<PathBuf> {
    let bytes = files::read(&data.join(FILE), FILE_MAX).ok()?;
    Some(serde_json::from_slice::<Remembered>(&bytes).ok()?.input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_comes_before_the_usual_one_while_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (data, project) = (folder.path().join("data"), folder.path().join("try"));
        fs::create_dir_all(&data).unwrap();
        fs::create_dir_all(&project).unwrap();
        assert_eq!(input(None, &data, &project), None);
        let (usual, other) = (project.join("input.json"), folder.path().join("other.json"));
        fs::write(&usual, "{}").unwrap();
        fs::write(&other, "{}").unwrap();
        assert_eq!(input(None, &data, &project), Some(usual.clone()));
        remember(&data, &other).unwrap();
        assert_eq!(input(None, &data, &project), Some(fs::canonicalize(&other).unwrap()));
        assert_eq!(input(Some(&usual), &data, &project), Some(usual.clone()));
        fs::remove_file(&other).unwrap();
        assert_eq!(input(None, &data, &project), Some(usual.clone()));
        fs::write(data.join(FILE), "{").unwrap();
        assert_eq!(input(None, &data, &project), Some(usual));
    }
}
