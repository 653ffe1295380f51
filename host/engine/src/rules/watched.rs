//! The files of rules of one project while something runs by them: looked at again and again, taken whole or not at all. Knows no gate.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use bailiwick_core::Digest;
use bailiwick_policy::Policy;
use bailiwick_project::Project;
use bailiwick_store::HostFact;

use super::{HostRules, Report, RunRules};
use crate::load::{self, Opened, POLICY_FILE, POLICY_OF_THE_HOST, PROJECT_FILE, PolicySource};
use crate::pinned;
use crate::problems::Problems;

/// How often the files are looked at. A version is taken at the second look that finds it
/// the same, so that a file that is being written is not taken half: an edit is in force
/// within two of these. Two looks at a file cost some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The rules of a project, as its files have them at one moment.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) project: Project,
    pub(crate) policy: Policy,
}

/// What tells one version of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    changed: [i64; 4],
}

impl Stamp {
    /// Nothing where there is no such file.
    fn of(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        let changed = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
        Some(Self { file: (found.dev(), found.ino()), size: found.size(), changed })
    }
}

/// One file: the version that was read or refused, and the one of the last look.
#[derive(Debug)]
struct Looked {
    path: PathBuf,
    taken: Option<Stamp>,
    last: Option<Stamp>,
    /// Of the text that is in force.
    text: Option<Digest>,
}

impl Looked {
    /// It is read once more at the beginning: between the moment in which a run was checked
    /// and the one in which somebody looks on, minutes of compiling may lie.
    fn at(path: PathBuf, text: Option<&String>) -> Self {
        let text = text.map(|text| Digest::of(text.as_bytes()));
        Self { path, taken: None, last: None, text }
    }

    /// Whether there is another version, that was there at the last look already.
    fn is_new(&mut self) -> bool {
        let now = Stamp::of(&self.path);
        let settled = now == self.last;
        self.last = now;
        settled && now != self.taken
    }
}

/// Which of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Project,
    Policy,
}

/// The files of one project.
pub(crate) struct Watched {
    rules: Arc<HostRules>,
    report: Report,
    models: Vec<String>,
    now: RwLock<Arc<Files>>,
    looked: Mutex<Vec<(Which, Looked)>>,
    runs: Mutex<Vec<Weak<RunRules>>>,
}

impl Watched {
    pub(super) fn new(rules: Arc<HostRules>, opened: &Opened, report: Report) -> Self {
        let texts = &opened.pinned.0;
        let project = Looked::at(opened.root.join(PROJECT_FILE), texts.get(PROJECT_FILE));
        let mut looked = vec![(Which::Project, project)];
        match &opened.policy_source {
            PolicySource::File { path, .. } => {
                looked.push((Which::Policy, Looked::at(path.clone(), texts.get(POLICY_FILE))));
            }
            // One may come to be: the host's own before the user's.
            PolicySource::BuiltIn => {
                let host = PathBuf::from(POLICY_OF_THE_HOST);
                let policies = opened.user_policy.iter().cloned().chain([host]);
                looked.extend(policies.map(|path| (Which::Policy, Looked::at(path, None))));
            }
        }
        let files = Files { project: opened.project.clone(), policy: opened.policy.clone() };
        Self {
            rules,
            report,
            models: opened.models.clone(),
            now: RwLock::new(Arc::new(files)),
            looked: Mutex::new(looked),
            runs: Mutex::default(),
        }
    }

    /// The rules as they are.
    pub(crate) fn files(&self) -> Arc<Files> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers a run that goes by these files, so that what it loses is told.
    pub(super) fn joined(&self, run: &Arc<RunRules>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|run| run.strong_count() > 0);
        runs.push(Arc::downgrade(run));
    }

    /// Looks once. What has changed and can be read takes force; what cannot is refused.
    async fn look(&self) {
        let mut new = Vec::new();
        for (which, looked) in self.looked.lock().unwrap_or_else(PoisonError::into_inner).iter_mut()
        {
            if looked.is_new() {
                looked.taken = looked.last;
                new.push((*which, looked.path.clone()));
            }
        }
        for (which, path) in new {
            self.take(which, &path).await;
        }
    }

    async fn take(&self, which: Which, path: &Path) {
        let shown = match which {
            Which::Project => PROJECT_FILE.to_owned(),
            Which::Policy => path.display().to_string(),
        };
        let before = self.files();
        let (files, digest) = match self.read(which, path, &shown, &before).await {
            Ok(None) => return,
            Ok(Some(read)) => read,
            Err(problems) => {
                // What comes after it is said, also where it is what was there before.
                self.is_in_force(path, None);
                let line = format!(
                    "{shown} was changed and cannot be read; the version before stays in force:\n{problems}"
                );
                let file = path.display().to_string();
                let fact = HostFact::RulesRefused { file, why: problems.to_string() };
                return self.report.tell(&line, fact).await;
            }
        };
        let runs: Vec<_> = {
            let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.iter().filter_map(Weak::upgrade).collect()
        };
        // Before it is in force: a gate that calls meanwhile looks at what is new.
        let runs: Vec<_> = runs.into_iter().map(|run| (run.known(), run)).collect();
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(files);
        self.rules.has_changed();
        let above: Vec<_> = runs.iter().flat_map(|(since, run)| run.lost(since)).collect();
        let mut line = format!("{shown} was changed and is in force");
        for lost in &above {
            line.push_str("\n  ");
            line.push_str(lost);
        }
        let file = path.display().to_string();
        let fact = HostFact::RulesTaken { file, digest, above, start: false };
        self.report.tell(&line, fact).await;
    }

    async fn read(
        &self,
        which: Which,
        path: &Path,
        shown: &str,
        before: &Files,
    ) -> Result<Option<(Files, Digest)>, Problems> {
        let (from, name) = (path.to_path_buf(), shown.to_owned());
        let read = tokio::task::spawn_blocking(move || load::rule_text(&from, &name)).await;
        let text = read.map_err(pinned::storage)??;
        let digest = Digest::of(text.as_bytes());
        if !self.is_another(path, digest) {
            return Ok(None);
        }
        let files = match which {
            Which::Project => Files {
                project: load::project_again(&text, &self.models)?,
                policy: before.policy.clone(),
            },
            Which::Policy => {
                Files { project: before.project.clone(), policy: load::policy_again(shown, &text)? }
            }
        };
        self.is_in_force(path, Some(digest));
        Ok(Some((files, digest)))
    }

    /// Whether a text is another one than the one in force: a file may be written as it was.
    fn is_another(&self, path: &Path, text: Digest) -> bool {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.iter().all(|(_, looked)| looked.path != path || looked.text != Some(text))
    }

    fn is_in_force(&self, path: &Path, text: Option<Digest>) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, looked) in looked.iter_mut().filter(|(_, looked)| looked.path == path) {
            looked.text = text;
        }
    }
}

/// Looks on, as long as somebody goes by these files.
pub(super) async fn look_on(watched: Weak<Watched>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(watched) = watched.upgrade() else { return };
        watched.look().await;
    }
}
