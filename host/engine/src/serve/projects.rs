//! The projects of a resident host: opened together, by the names that submitters use. A snapshot that is replaced whole, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use bailiwick_core::{Diagnostic, Name};
use bailiwick_policy::Policy;

use crate::load::{self, Opened, Places};
use crate::pinned;
use crate::problems::Problems;
use crate::{check, codes};

/// Projects, and the one policy over them.
pub(crate) struct Projects {
    by_name: BTreeMap<String, Arc<Opened>>,
    pub(crate) policy: Policy,
}

impl Projects {
    /// Opens and checks all of them.
    pub(crate) fn open(places: &[Places]) -> Result<Self, Problems> {
        let mut by_name = BTreeMap::new();
        let mut policy = Policy::built_in();
        for place in places {
            let opened = load::open(place).map_err(|problems| named(place, problems, places))?;
            let problems = check::check(&opened, None).problems;
            if problems.has_errors() {
                return Err(named(place, problems, places));
            }
            let name = opened.root.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_else(|| "project".into());
            policy = opened.policy.clone();
            if let Some(other) = by_name.insert(name.clone(), Arc::new(opened)) {
                let message =
                    format!("two projects have the name {name:?}; one is {}", other.root.display());
                let hint = "runs are submitted to PROJECT/PIPELINE: rename one of the folders";
                return Err(Problems::one(Diagnostic::error(codes::SERVED, message).hint(hint)));
            }
        }
        Ok(Self { by_name, policy })
    }

    /// The same projects under another policy: of who may what, and of what labels are.
    pub(crate) fn under(&self, policy: Policy) -> Self {
        Self { by_name: self.by_name.clone(), policy }
    }

    /// The project of this name; where none is said, the only one.
    pub(crate) fn named(&self, name: Option<&str>) -> Result<Arc<Opened>, Problems> {
        let found = match name {
            Some(name) => self.by_name.get(name),
            None if self.by_name.len() == 1 => self.by_name.values().next(),
            None => None,
        };
        found.cloned().ok_or_else(|| {
            let names: Vec<_> = self.by_name.keys().map(String::as_str).collect();
            let message = match name {
                Some(name) => format!("there is no project {name:?} on this host"),
                None => {
                    "this host has several projects, and none was named: write PROJECT/NAME".into()
                }
            };
            let hint = format!("it has {}", names.join(", "));
            Problems::one(Diagnostic::error(codes::SERVED, message).hint(hint))
        })
    }

    /// The same under the policy of now: where a project has errors under it, it is kept as
    /// it was opened under another one.
    pub(crate) fn named_now(&self, name: Option<&str>) -> Result<Opened, Problems> {
        Ok(self.named(name)?.under(self.policy.clone()))
    }

    /// The project that a run is pinned to.
    pub(crate) fn pinned(&self, project: &str) -> Option<Arc<Opened>> {
        self.by_name.values().find(|opened| pinned::project(&opened.root) == project).cloned()
    }

    /// The project that a run without a pin belongs to, as far as that is certain.
    pub(crate) fn only_with(&self, pipeline: &Name) -> Option<Arc<Opened>> {
        let mut with = self.by_name.values().filter(|opened| opened.plans.contains_key(pipeline));
        with.next().filter(|_| with.next().is_none()).cloned()
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Opened>> {
        self.by_name.values()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }
}

/// Says of which of several projects it is told.
fn named(place: &Places, mut problems: Problems, places: &[Places]) -> Problems {
    if places.len() > 1 {
        for found in &mut problems.diagnostics {
            found.message = format!("{}: {}", place.project.display(), found.message);
        }
    }
    problems
}
