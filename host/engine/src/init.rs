//! `init`: a project that runs, in a new folder. Its agent comes built, so that no toolchain is needed to see it run.

use std::fs;
use std::path::Path;

use bailiwick_core::Diagnostic;

use crate::codes;
use crate::problems::Problems;

/// The built `hello` agent of this repository (`agents/hello`); a test of the workspace
/// keeps its profile equal to the source's.
pub(crate) const HELLO: &[u8] = include_bytes!("init/hello.wasm");

/// The files of a new project, by their paths in it.
const FILES: &[(&str, &[u8])] = &[
    ("bailiwick.toml", include_bytes!("init/bailiwick.toml")),
    ("pipelines/hello.toml", include_bytes!("init/hello.toml")),
    ("input.json", include_bytes!("init/input.json")),
    ("agents/hello.wasm", HELLO),
    (".gitignore", b"/.bailiwick/\n"),
];

/// What was made.
pub struct Made {
    /// The files, by their paths in the project.
    pub files: Vec<&'static str>,
}

/// Makes a project in a folder that does not exist yet, or is empty.
///
/// # Errors
/// [`Problems`] where something is there, or it cannot be written.
pub fn init(folder: &Path) -> Result<Made, Problems> {
    let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
    let occupied = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(fail(codes::EXISTS, format!("{}: {error}", folder.display()))),
    };
    if occupied {
        return Err(fail(codes::EXISTS, format!("{} is not empty", folder.display())));
    }
    for (name, content) in FILES {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, content))
            .map_err(|error| fail(codes::STORAGE, format!("{}: {error}", path.display())))?;
    }
    Ok(Made { files: FILES.iter().map(|(name, _)| *name).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new");
        assert_eq!(init(&new).unwrap().files.len(), FILES.len());
        fs::write(new.join("input.json"), "mine").unwrap();
        assert!(init(&new).is_err());
        assert_eq!(fs::read_to_string(new.join("input.json")).unwrap(), "mine");
    }

    #[test]
    fn the_agent_that_comes_along_is_an_agent() {
        let embedded = bailiwick_builder::read_embedded(HELLO).unwrap();
        assert_eq!(embedded.profile.name, "hello");
    }
}
