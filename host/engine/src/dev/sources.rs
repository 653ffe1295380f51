//! What an agent and its project are made of, as a listing that is taken again and again: names, sizes, times. Reads no content, and waits for nothing.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bailiwick_core::Diagnostic;

use crate::codes;
use crate::problems::Problems;

/// The most files of one listing: no author writes so many, and looking at them all takes
/// some 20 ms.
pub const SOURCES_MAX: usize = 20_000;

/// How deep folders go: above it, somebody made a mistake.
const DEPTH_MAX: usize = 32;

/// Folders of what is made or fetched. Hidden ones are left out besides.
const MADE: [&str; 4] = ["dist", "target", "node_modules", "__pycache__"];

/// The one hidden folder that is a source: how cargo compiles.
const CARGO: &str = ".cargo";

/// What cargo writes beside what it builds, also where nobody changed a thing.
const CARGO_LOCK: &str = "Cargo.lock";

/// Where it is looked, and where not.
#[derive(Clone, Debug)]
pub struct Sources {
    roots: Vec<PathBuf>,
    left_out: Vec<PathBuf>,
}

/// The files that there were at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing(BTreeMap<PathBuf, Stamp>);

/// What another content shows in. The time of the last change of the inode cannot be set
/// back, so a copy that keeps the old date is seen as well.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    inode: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Sources {
    /// Files and folders, without what lies below others. One that is not there yet may come.
    pub fn of(
        roots: impl IntoIterator<Item = PathBuf>,
        left_out: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        Self { roots: roots.into_iter().collect(), left_out: left_out.into_iter().collect() }
    }

    /// What is there now.
    ///
    /// # Errors
    /// [`Problems`] where that is more than anybody writes. What goes away meanwhile, or
    /// cannot be read, is not there.
    pub fn look(&self) -> Result<Listing, Problems> {
        let mut found = Listing::default();
        for root in &self.roots {
            match fs::metadata(root) {
                Ok(kind) if kind.is_dir() => self.descend(root, 0, &mut found),
                Ok(kind) => found.note(root.clone(), &kind),
                Err(_) => Ok(()),
            }
            .map_err(|error| too_many(root, &error))?;
        }
        Ok(found)
    }

    fn descend(&self, folder: &Path, depth: usize, found: &mut Listing) -> Result<(), Error> {
        if depth > DEPTH_MAX {
            let what = format!("{} lies more than {DEPTH_MAX} folders deep", folder.display());
            return Err(Error::new(ErrorKind::InvalidInput, what));
        }
        // Gone or closed since its name was read: then it has no sources.
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if !is_made(&name) && !self.left_out.contains(&path) {
                    self.descend(&path, depth + 1, found)?;
                }
                continue;
            }
            // A link to a file is that file; one to a folder could lead anywhere.
            match fs::metadata(&path) {
                Ok(file) if file.is_file() && !is_of_an_editor(&name) => found.note(path, &file)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Listing {
    /// How many files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The files that came, went, or are other ones since.
    #[must_use]
    pub fn since(&self, before: &Self) -> Vec<PathBuf> {
        let came = self.0.iter().filter(|(path, stamp)| before.0.get(*path) != Some(*stamp));
        let went = before.0.keys().filter(|path| !self.0.contains_key(*path));
        let mut all: Vec<_> = came.map(|(path, _)| path).chain(went).cloned().collect();
        all.sort();
        all
    }

    /// Takes what a build writes into its own folder as it is now, so that it is no change.
    pub fn take_written_by_build(&mut self, folder: &Path, now: &Self) {
        let path = folder.join(CARGO_LOCK);
        match now.0.get(&path) {
            Some(stamp) => self.0.insert(path, stamp.clone()),
            None => self.0.remove(&path),
        };
    }

    fn note(&mut self, path: PathBuf, file: &Metadata) -> Result<(), Error> {
        if self.0.len() >= SOURCES_MAX {
            let what = format!("there are more than {SOURCES_MAX} files");
            return Err(Error::new(ErrorKind::InvalidInput, what));
        }
        let stamp = Stamp {
            size: file.len(),
            inode: file.ino(),
            written: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        };
        self.0.insert(path, stamp);
        Ok(())
    }
}

fn is_made(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    MADE.contains(&name.as_ref()) || (name.starts_with('.') && name != CARGO)
}

/// What editors put beside a file while they write it: `.x.swp`, `.#x`, `#x#`, `x~`.
fn is_of_an_editor(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || name.starts_with('#') || name.ends_with('~')
}

fn too_many(root: &Path, error: &Error) -> Problems {
    let message = format!("{}: {error}", root.display());
    let hint = "what is made or fetched belongs into dist, target or node_modules, or elsewhere";
    Problems::one(Diagnostic::error(codes::TOO_MANY_SOURCES, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn look(&self) -> Listing {
            let left_out = self.0.path().join("try/data");
            Sources::of([self.0.path().to_path_buf()], [left_out]).look().unwrap()
        }

        /// The names of what changed.
        fn since(&self, before: &Listing) -> Vec<String> {
            let changed = self.look().since(before).into_iter();
            let own = |path: PathBuf| path.strip_prefix(self.0.path()).unwrap().to_path_buf();
            changed.map(|path| own(path).display().to_string()).collect()
        }
    }

    #[test]
    fn sees_what_came_went_and_is_another_one() {
        let folder = Folder::new();
        for name in ["a.py", "b.py", "c/d.py", "same.py"] {
            folder.write(name, "x");
        }
        let before = folder.look();
        assert_eq!(folder.since(&before), [""; 0]);
        folder.write("a.py", "xx");
        fs::remove_file(folder.0.path().join("b.py")).unwrap();
        folder.write("e.py", "x");
        assert_eq!(folder.since(&before), ["a.py", "b.py", "e.py"]);
        fs::remove_dir_all(folder.0.path().join("c")).unwrap();
        assert_eq!(folder.since(&before), ["a.py", "b.py", "c/d.py", "e.py"]);
    }

    #[test]
    fn sees_a_file_of_the_same_size_and_date_that_took_its_place() {
        let folder = Folder::new();
        folder.write("agent.py", "x");
        let path = folder.0.path().join("agent.py");
        let date = fs::metadata(&path).unwrap().modified().unwrap();
        let before = folder.look();
        folder.write(".agent.py.new", "y");
        let other = folder.0.path().join(".agent.py.new");
        fs::File::options().write(true).open(&other).unwrap().set_modified(date).unwrap();
        fs::rename(other, path).unwrap();
        assert_eq!(folder.since(&before), ["agent.py"]);
    }

    #[test]
    fn leaves_out_what_is_made_fetched_or_an_editors() {
        let folder = Folder::new();
        let before = folder.look();
        for name in [
            "dist/a.wasm",
            "target/x",
            "node_modules/p/index.js",
            "p/__pycache__/x.pyc",
            ".git/HEAD",
            ".venv/lib/x.py",
            "try/.bailiwick/bailiwick.db",
            "try/data/bailiwick.db",
            ".agent.py.swp",
            "#agent.py#",
            "agent.py~",
        ] {
            folder.write(name, "x");
        }
        std::os::unix::fs::symlink("/etc", folder.0.path().join("etc")).unwrap();
        assert_eq!(folder.since(&before), [""; 0]);
        folder.write(".cargo/config.toml", "x");
        assert_eq!(folder.since(&before), [".cargo/config.toml"]);
    }

    #[test]
    fn what_cargo_writes_while_it_builds_is_no_change() {
        let folder = Folder::new();
        let mut before = folder.look();
        folder.write("Cargo.lock", "x");
        folder.write("src/lib.rs", "x");
        before.take_written_by_build(folder.0.path(), &folder.look());
        assert_eq!(folder.since(&before), ["src/lib.rs"]);
    }

    #[test]
    fn is_bounded() {
        let folder = Folder::new();
        let deep = folder.0.path().join("a/".repeat(DEPTH_MAX + 2));
        fs::create_dir_all(&deep).unwrap();
        let refused = Sources::of([folder.0.path().to_path_buf()], []).look().unwrap_err();
        assert!(refused.to_string().contains("folders deep"), "{refused}");
        let mut full = Listing::default();
        let file = fs::metadata(folder.0.path()).unwrap();
        for index in 0..SOURCES_MAX {
            full.note(PathBuf::from(index.to_string()), &file).unwrap();
        }
        assert!(full.note(PathBuf::from("one more"), &file).is_err());
    }
}
