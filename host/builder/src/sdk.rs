//! The SDKs as this builder brings them, and how they get into a folder; knows no tool.

use std::fs;
use std::io;
use std::path::Path;

/// Text files by their paths.
pub(crate) type Files = &'static [(&'static str, &'static str)];

macro_rules! files {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!($folder, $name)))),*]
    };
}

/// The package `bailiwick`.
pub(crate) const PYTHON: Files = files!("../../../sdk/python/bailiwick/":
    "__init__.py", "agent.py", "border.py", "failure.py", "fake.py", "guest.py", "host.py", "limits.py", "model.py",
    "powers.py", "py.typed", "schema.py");

/// The package `@bailiwick/agent`.
pub(crate) const TYPESCRIPT: Files = files!("../../../sdk/js/src/":
    "agent.ts", "border.ts", "failure.ts", "fake.ts", "guest.ts", "host.ts", "index.ts", "json.ts", "limits.ts",
    "model.ts", "powers.ts", "utf8.ts");

/// The crate `bailiwick` and its macros.
pub(crate) const RUST: Files = files!("../../../sdk/rust/":
    "Cargo.toml", "README.md", "macros/Cargo.toml", "macros/src/expansion.rs",
    "macros/src/lib.rs", "macros/src/signature.rs", "src/agent.rs", "src/artifact.rs",
    "src/artifacts.rs", "src/delegate.rs", "src/failure.rs", "src/fake.rs",
    "src/fake/colleagues.rs", "src/fake/knowledge.rs", "src/fake/model.rs",
    "src/fake/namespace.rs", "src/fake/powers.rs", "src/fake/run.rs", "src/fake/shelf.rs",
    "src/fake/web.rs", "src/finite.rs", "src/guest.rs", "src/host.rs", "src/http.rs", "src/knowledge.rs",
    "src/kv.rs", "src/lib.rs", "src/limits.rs", "src/log.rs", "src/model.rs",
    "src/model/request.rs", "src/powers.rs", "src/schema.rs");

/// What the Rust SDK is called, and no agent beside it in its workspace can be. Its macros
/// have a name with a dash, which no agent has.
pub(crate) const CRATE: &str = "bailiwick";

/// Writes files below a folder, which is made. Files of the same names are overwritten.
pub(crate) fn write(folder: &Path, files: Files) -> io::Result<()> {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// All files below a folder, by their paths in it.
    fn below(folder: &Path, found: &mut Vec<String>, root: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("__pycache__") && !path.ends_with("tests") {
                below(&path, found, root);
            } else if path.is_file() {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }

    #[test]
    fn brings_every_file_of_the_sdks() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../sdk");
        for (folder, files) in
            [("python/bailiwick", PYTHON), ("js/src", TYPESCRIPT), ("rust", RUST)]
        {
            let (root, mut there) = (root.join(folder), Vec::new());
            below(&root, &mut there, &root);
            there.sort();
            let mut brought: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
            brought.sort_unstable();
            assert_eq!(brought, there, "{folder}");
        }
    }

    #[test]
    fn the_crate_of_the_rust_sdk_is_known_by_name() {
        let (_, manifest) = RUST.iter().find(|(path, _)| *path == "Cargo.toml").unwrap();
        assert!(manifest.contains(&format!("[package]\nname = \"{CRATE}\"\n")), "{manifest}");
    }
}
