//! The files of a project that a component comes into: read, and held against anybody else who would change them. Needs no pipeline, because one may wait for the component.

use std::fs::File;
use std::path::{Path, PathBuf};

use bailiwick_core::{Diagnostic, Name};
use bailiwick_policy::Policy;
use bailiwick_project::{Lock, Project};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::codes;
use crate::files;
use crate::load::{self, PROJECT_FILE};
use crate::problems::Problems;
use crate::registry::Errand;

/// The files, as they are.
pub(super) struct Site {
    /// The project's folder, absolute and without links.
    pub(super) root: PathBuf,
    /// The text of bailiwick.toml.
    pub(super) text: String,
    pub(super) project: Project,
    pub(super) policy: Policy,
    pub(super) lock: Lock,
    /// Held for as long as this is: who else wants to change the files is told so.
    _turn: Option<File>,
}

impl Site {
    /// Reads them, to look at.
    pub(super) fn read(errand: &Errand) -> Result<Self, Problems> {
        Self::of(&errand.folder, errand.policy.clone())
    }

    /// Reads them below a folder, under this policy.
    pub(super) fn of(root: &Path, policy: Policy) -> Result<Self, Problems> {
        let text = files::text(&root.join(PROJECT_FILE), PROJECT_FILE).map_err(Problems::one)?;
        let project = project(&text)?;
        let lock = load::lock(root)?;
        Ok(Self { root: root.to_path_buf(), text, project, policy, lock, _turn: None })
    }

    /// Reads them, to change them: one at a time.
    pub(super) fn take(errand: &Errand) -> Result<Self, Problems> {
        let fail = |why: String| {
            let message = format!("{}: {why}", errand.folder.display());
            Problems::one(Diagnostic::error(codes::NOT_ADDED, message))
        };
        let turn = File::open(&errand.folder).map_err(|error| fail(error.to_string()))?;
        let taken = flock(&turn, FlockOperation::NonBlockingLockExclusive);
        taken.map_err(|error| match error {
            Errno::WOULDBLOCK => fail(
                "another command is changing this project; nothing was changed, try again"
                    .to_owned(),
            ),
            other => fail(format!("it cannot be held against other commands: {other}")),
        })?;
        Ok(Self { _turn: Some(turn), ..Self::read(errand)? })
    }

    /// The component of an agent, as it stands in bailiwick.toml.
    pub(super) fn component(&self, agent: &Name) -> Result<&str, Problems> {
        match self.project.agents.get(agent) {
            Some(agent) => Ok(&agent.component),
            None => {
                let known: Vec<_> = self.project.agents.keys().map(Name::as_str).collect();
                let message = format!("{PROJECT_FILE} has no agent `{agent}`");
                let hint = format!("it has {}", known.join(", "));
                Err(Problems::one(Diagnostic::error(codes::NOT_ADDED, message).hint(hint)))
            }
        }
    }
}

/// Reads the text of a `bailiwick.toml`.
pub(super) fn project(text: &str) -> Result<Project, Problems> {
    Project::read(PROJECT_FILE, text).map_err(|diagnostics| Problems {
        diagnostics,
        sources: [(PROJECT_FILE.to_owned(), text.to_owned())].into(),
    })
}
