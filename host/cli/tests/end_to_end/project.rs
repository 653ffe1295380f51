//! Projects that a test writes: copies of examples with some lines changed, or small ones of its own. Agents are the built ones of the repository.

use std::path::{Path, PathBuf};

use super::{Desk, example, folder, root};

/// The operator's file of a project.
pub(crate) const OPERATORS: &str = "bailiwick.toml";

/// A project in the folder of a desk.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
}

impl Project {
    /// One with these files, by their paths in it.
    pub(crate) fn of(desk: &Desk, files: &[(&str, &str)]) -> Self {
        let folder = desk.path("project");
        for (name, text) in files {
            desk.file(&format!("project/{name}"), text);
        }
        Self { folder }
    }

    /// A copy of an example that finds the agents where they are.
    pub(crate) fn like(desk: &Desk, name: &str) -> Self {
        let project = Self { folder: desk.path("project") };
        for (name, bytes) in folder::files(&example(name)) {
            // What a run of the example left behind is no part of it.
            if !name.starts_with(".bailiwick/") {
                let path = project.folder.join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
        let agents = root().join("agents");
        project.change(OPERATORS, "\"../../agents/", &format!("\"{}/", agents.display()));
        project
    }

    /// Replaces a text that has to be there.
    pub(crate) fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from:?} is not in {file}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Does what a hint says: puts `KEY = VALUE` under `[SECTION]` of the operator's
    /// file, in the place of the line with that key if there is one.
    pub(crate) fn apply(&self, hint: &str) {
        let (section, line) = hint.split_once("under [").unwrap().1.split_once("]: ").unwrap();
        let key = line.split_once(" = ").unwrap().0;
        let path = self.folder.join(OPERATORS);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut written = Vec::new();
        let mut here = false;
        for old in text.lines() {
            if old.starts_with('[') {
                here = old.starts_with(&format!("[{section}]"));
                written.push(old);
                written.extend(here.then_some(line));
            } else if !(here && old.split('=').next().unwrap().trim() == key) {
                written.push(old);
            }
        }
        assert!(written.contains(&line), "there is no [{section}] in {text}");
        std::fs::write(path, written.join("\n")).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
}
