//! The files of rules of one project while something runs by them: looked at again and again, taken whole or not at all. Knows no gate.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use bailiwick_core::Digest;
use bailiwick_policy::Policy;
use bailiwick_project::{Lock, Project};
use bailiwick_store::HostFact;

use super::looked::Looked;
use super::policies::Policies;
use super::{HostRules, Report, RunRules};
use crate::load::{self, Opened, POLICY_FILE, POLICY_OF_THE_HOST, PROJECT_FILE};
use crate::pinned;
use crate::plugins::LOCK_FILE;
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

/// The files of one project.
pub(crate) struct Watched {
    rules: Arc<HostRules>,
    report: Report,
    root: PathBuf,
    models: Vec<String>,
    now: RwLock<Arc<Files>>,
    project: Looked,
    policies: Policies,
    pins: Looked,
    /// The pins in force; nothing after some that could not be read.
    lock: Mutex<Option<Lock>>,
    runs: Mutex<Vec<Weak<RunRules>>>,
}

impl Watched {
    pub(super) fn new(rules: Arc<HostRules>, opened: &Opened, report: Report) -> Self {
        let texts = &opened.pinned.0;
        let of_host = Path::new(POLICY_OF_THE_HOST);
        let (source, user) = (&opened.policy_source, opened.user_policy.as_ref());
        let files = Files { project: opened.project.clone(), policy: opened.policy.clone() };
        Self {
            rules,
            report,
            root: opened.root.clone(),
            models: opened.models.clone(),
            now: RwLock::new(Arc::new(files)),
            project: Looked::at(opened.root.join(PROJECT_FILE), texts.get(PROJECT_FILE)),
            policies: Policies::new(of_host, source, user, texts.get(POLICY_FILE)),
            pins: Looked::at(opened.root.join(LOCK_FILE), None),
            lock: Mutex::new(Some(opened.lock.clone())),
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

    /// Looks at the policy once. What has changed and can be read takes force; what cannot
    /// is refused.
    async fn look_at_policy(&self) {
        let Some((rank, looked)) = self.policies.new_one() else { return };
        let shown = looked.path.display().to_string();
        let named = shown.clone();
        let read = self.read(looked, &shown, move |text| load::policy_again(&named, text)).await;
        let Some((policy, digest)) = read else { return };
        self.policies.takes_force(rank);
        let files = |now: &Files| Files { project: now.project.clone(), policy };
        self.take(looked, &shown, digest, files).await;
    }

    async fn look_at_project(&self) {
        if !self.project.is_new() {
            return;
        }
        let models = self.models.clone();
        let read = self
            .read(&self.project, PROJECT_FILE, move |text| load::project_again(text, &models))
            .await;
        let Some((project, digest)) = read else { return };
        let files = |now: &Files| Files { project, policy: now.policy.clone() };
        self.take(&self.project, PROJECT_FILE, digest, files).await;
    }

    /// The pins rule no step that goes, but what a run begins with: whoever opens projects
    /// hears of the change.
    async fn look_at_pins(&self) {
        if !self.pins.is_new() {
            return;
        }
        let root = self.root.clone();
        let (lock, digest) = match aside(move || load::lock_with_text(&root)).await {
            Ok((lock, text)) => (lock, Digest::of(text.as_bytes())),
            Err(problems) => {
                *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return self.refuse(&self.pins, LOCK_FILE, &problems).await;
            }
        };
        {
            let mut now = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            if now.as_ref() == Some(&lock) {
                return;
            }
            *now = Some(lock);
        }
        self.rules.has_changed();
        let line = format!("{LOCK_FILE} was changed: what begins from now on goes by it");
        self.tell_taken(&self.pins, line, digest, Vec::new()).await;
    }

    /// Another text of a file, read and judged beside the threads that serve runs. Nothing
    /// where it is the one in force, or wrong.
    async fn read<T: Send + 'static>(
        &self,
        looked: &Looked,
        shown: &str,
        judge: impl FnOnce(&str) -> Result<T, Problems> + Send + 'static,
    ) -> Option<(T, Digest)> {
        let (path, name, in_force) = (looked.path.clone(), shown.to_owned(), looked.in_force());
        let read = aside(move || {
            let text = load::rule_text(&path, &name)?;
            let digest = Digest::of(text.as_bytes());
            match Some(digest) == in_force {
                true => Ok(None),
                false => judge(&text).map(|judged| Some((judged, digest))),
            }
        });
        match read.await {
            Ok(read) => read,
            Err(problems) => {
                // What comes after it is said, also where it is what was there before.
                looked.is_in_force(None);
                self.refuse(looked, shown, &problems).await;
                None
            }
        }
    }

    async fn refuse(&self, looked: &Looked, shown: &str, problems: &Problems) {
        let line = format!(
            "{shown} was changed and cannot be read; the version before stays in force:\n{problems}"
        );
        let file = looked.path.display().to_string();
        let fact = HostFact::RulesRefused { file, why: problems.to_string() };
        self.report.tell(&line, fact).await;
    }

    async fn take(
        &self,
        looked: &Looked,
        shown: &str,
        digest: Digest,
        files: impl FnOnce(&Files) -> Files,
    ) {
        let runs: Vec<_> = {
            let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
            runs.iter().filter_map(Weak::upgrade).collect()
        };
        // Before it is in force: a gate that calls meanwhile looks at what is new.
        let runs: Vec<_> = runs.into_iter().map(|run| (run.known(), run)).collect();
        {
            // The one file changes beside the other.
            let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
            *now = Arc::new(files(&now));
        }
        looked.is_in_force(Some(digest));
        self.rules.has_changed();
        let above: Vec<_> = runs.iter().flat_map(|(since, run)| run.lost(since)).collect();
        let mut line = format!("{shown} was changed and is in force");
        for lost in &above {
            line.push_str("\n  ");
            line.push_str(lost);
        }
        self.tell_taken(looked, line, digest, above).await;
    }

    async fn tell_taken(&self, looked: &Looked, line: String, digest: Digest, above: Vec<String>) {
        let file = looked.path.display().to_string();
        let fact = HostFact::RulesTaken { file, digest, above, start: false };
        self.report.tell(&line, fact).await;
    }
}

/// Reads and judges beside the threads that serve runs: how long that takes is up to whoever
/// wrote the file.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problems> + Send + 'static,
) -> Result<T, Problems> {
    tokio::task::spawn_blocking(work).await.map_err(pinned::storage)?
}

/// Looks on, as long as somebody goes by these files. The policy has a task to itself: it
/// takes force whatever the operator's files are, and however long they take to read.
pub(super) fn look_on(watched: &Arc<Watched>) {
    let (policy, project) = (Arc::downgrade(watched), Arc::downgrade(watched));
    tokio::spawn(async move {
        while let Some(watched) = after_a_while(&policy).await {
            watched.look_at_policy().await;
        }
    });
    tokio::spawn(async move {
        while let Some(watched) = after_a_while(&project).await {
            watched.look_at_project().await;
            watched.look_at_pins().await;
        }
    });
}

async fn after_a_while(watched: &Weak<Watched>) -> Option<Arc<Watched>> {
    tokio::time::sleep(LOOK_EVERY).await;
    watched.upgrade()
}
