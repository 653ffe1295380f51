//! Opens a project: finds its files, reads them, and runs none of its code.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_core::{Currency, Diagnostic, Name};
use bailiwick_policy::Policy;
use bailiwick_policy::intersect::Resources;
use bailiwick_project::{Lock, Plan, Project, Surroundings, parse_route, read_policy};
use bailiwick_store::Stood;

use crate::codes;
use crate::files;
use crate::generations::Swapped;
use crate::labels;
use crate::plugins::LOCK_FILE;
use crate::problems::Problems;

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "bailiwick.toml";
/// Where the admin's policy is, where there is one: nothing overrides it.
pub const POLICY_OF_THE_HOST: &str = "/etc/bailiwick/policy.toml";

/// How often a project is read again that changes meanwhile: whoever writes it does so
/// within milliseconds, and a second change in that time is a person's no more.
const READS: usize = 8;

/// Where to look, as a front end knows it.
#[derive(Clone, Debug)]
pub struct Places {
    /// The project's folder.
    pub project: PathBuf,
    /// `--policy FILE`.
    pub policy: Option<PathBuf>,
    /// The user's own policy file, which need not exist.
    pub user_policy: Option<PathBuf>,
    /// `--model ALIAS=ROUTE`, as typed.
    pub models: Vec<String>,
}

/// Which policy holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicySource {
    /// The built-in one.
    BuiltIn,
    /// A file; whether another user owns it, so that it binds whoever runs the host
    /// instead of advising him.
    File {
        /// The file.
        path: PathBuf,
        /// Whether it binds.
        binds: bool,
    },
}

/// A project that was read without errors.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its folder, absolute and without links.
    pub root: PathBuf,
    /// `bailiwick.toml`, with `--model` applied.
    pub project: Project,
    /// The policy that holds.
    pub policy: Policy,
    /// Where that is from.
    pub policy_source: PolicySource,
    /// Which bytes its agent names mean, as far as somebody pinned them.
    pub lock: Lock,
    /// The pipelines, by name.
    pub plans: BTreeMap<Name, Arc<Plan>>,
    /// What the intersection of grants and ceiling needs to know.
    pub resources: Resources,
    /// Where the user's own policy would be.
    pub(crate) user_policy: Option<PathBuf>,
    /// `--model`, as typed.
    pub(crate) models: Vec<String>,
    /// The texts that it was read from, so that a run can be pinned to them.
    pub(crate) pinned: PinnedTexts,
    /// What agent names were swapped to, for who asks a host; else nothing.
    pub(crate) swapped: Swapped,
    /// What its namespaces hold in a data folder, for who knows that.
    pub(crate) stood: BTreeMap<Name, Stood>,
    texts: BTreeMap<String, String>,
}

/// The texts that a plan is made of, by the names that they are pinned under.
#[derive(Clone, Debug, Default)]
pub(crate) struct PinnedTexts(pub(crate) BTreeMap<String, String>);

/// The name under which a policy is pinned, wherever its file lies.
pub(crate) const POLICY_FILE: &str = "policy.toml";

impl Opened {
    /// The embedding model of each collection that has one.
    #[must_use]
    pub(crate) fn embedders(&self) -> BTreeMap<Name, Name> {
        self.project.embedders.clone()
    }

    /// The currency of every amount in the project and its policy, where there is any.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        let project = self.project.currency.as_ref().map(|(currency, _)| *currency);
        let policy = || self.policy.currency.as_ref().map(|stated| stated.currency);
        let plans = || self.plans.values().find_map(|plan| plan.currency);
        project.or_else(policy).or_else(plans)
    }

    /// The same under another policy.
    #[must_use]
    pub(crate) fn under(&self, policy: Policy) -> Self {
        Self { policy, ..self.clone() }
    }

    /// The same, whose agent names were swapped so.
    #[must_use]
    pub(crate) fn swapped_to(&self, swapped: Swapped) -> Self {
        Self { swapped, ..self.clone() }
    }

    /// The same, whose namespaces hold this.
    #[must_use]
    pub(crate) fn holding(self, stood: BTreeMap<Name, Stood>) -> Self {
        Self { stood, ..self }
    }

    /// An empty list of problems that has the texts of this project's files.
    #[must_use]
    pub fn sources(&self) -> Problems {
        Problems { diagnostics: Vec::new(), sources: self.texts.clone() }
    }
}

/// The folder of the project around a folder: itself or the next above that has a
/// `bailiwick.toml`.
///
/// # Errors
/// [`Problems`] with where was looked.
pub fn find_project(from: &Path) -> Result<PathBuf, Problems> {
    let mut folder = from.to_path_buf();
    loop {
        if folder.join(PROJECT_FILE).is_file() {
            return Ok(folder);
        }
        if !folder.pop() {
            let message = format!("there is no {PROJECT_FILE} in {} or above", from.display());
            let hint =
                "go into a project, name one with --project DIR, or make one: bailiwick init DIR";
            return Err(Problems::one(Diagnostic::error(codes::NO_PROJECT, message).hint(hint)));
        }
    }
}

/// Opens a project with all of its pipelines.
///
/// # Errors
/// Everything that is wrong in all of its files.
pub fn open(places: &Places) -> Result<Opened, Problems> {
    let mut problems = Problems::default();
    let root = files::real(&places.project).map(PathBuf::from).map_err(|why| {
        Problems::one(
            Diagnostic::error(codes::NO_PROJECT, why)
                .hint("--project DIR names a folder with a bailiwick.toml"),
        )
    })?;
    if !root.join(PROJECT_FILE).is_file() {
        let message = format!("there is no {PROJECT_FILE} in {}", root.display());
        return Err(Problems::one(
            Diagnostic::error(codes::NO_PROJECT, message)
                .hint("make a project: bailiwick init DIR"),
        ));
    }
    let (policy, policy_source) = policy(places, &mut problems);
    let policy_text = match &policy_source {
        PolicySource::File { path, .. } => {
            problems.sources.get(&path.display().to_string()).cloned()
        }
        PolicySource::BuiltIn => None,
    };
    let (text, lock) = match pinned_text(&root) {
        Ok(read) => read,
        Err(diagnostic) => {
            problems.extend([diagnostic]);
            return Err(problems);
        }
    };
    problems.sources.insert(PROJECT_FILE.into(), text.clone());
    let project = match Project::read(PROJECT_FILE, &text) {
        Ok(project) => project,
        Err(found) => {
            problems.extend(found);
            return Err(problems);
        }
    };
    let project = with_models(project, &places.models, &mut problems);
    let policy = policy.unwrap_or_else(Policy::built_in);
    problems.extend(project.other_currency(&policy));
    problems.extend(project.misplaced_credentials(&policy));
    let lock = match lock {
        Ok(lock) => lock,
        Err(found) => {
            problems.extend(found.diagnostics);
            problems.sources.extend(found.sources);
            Lock::default()
        }
    };
    let mut pinned = BTreeMap::from([(PROJECT_FILE.to_owned(), text)]);
    pinned.extend(policy_text.map(|text| (POLICY_FILE.to_owned(), text)));
    let plans = plans(&root, (&project, &policy), &mut pinned, &mut problems);
    let resources = resources(&root, &project);
    let texts = problems.sources.clone();
    problems.or(()).map(|()| Opened {
        root,
        project,
        policy,
        policy_source,
        lock,
        plans,
        resources,
        user_policy: places.user_policy.clone(),
        models: places.models.clone(),
        pinned: PinnedTexts(pinned),
        swapped: Swapped::default(),
        stood: BTreeMap::new(),
        texts,
    })
}

/// Opens the project of a run from the texts that the run is pinned to, with the one
/// pipeline that it runs. Nothing is read from the folder but where things lie.
///
/// # Errors
/// What is wrong with the texts: an older host took them, this one may be stricter.
pub(crate) fn open_pinned(
    root: &Path,
    texts: PinnedTexts,
    models: &[String],
    pipeline: &Name,
) -> Result<Opened, Problems> {
    let mut problems = Problems { diagnostics: Vec::new(), sources: texts.0.clone() };
    let text = |name: &str| texts.0.get(name).cloned();
    let policy = match text(POLICY_FILE).map(|text| read_policy(POLICY_FILE, &text)) {
        None => Policy::built_in(),
        Some(Ok(policy)) => labels::found(policy),
        Some(Err(found)) => {
            problems.extend(found);
            return Err(problems);
        }
    };
    let project = match Project::read(PROJECT_FILE, &text(PROJECT_FILE).unwrap_or_default()) {
        Ok(project) => project,
        Err(found) => {
            problems.extend(found);
            return Err(problems);
        }
    };
    let project = with_models(project, models, &mut problems);
    let file = pipeline_file(pipeline);
    let schema_text = |path: &str| text(path).ok_or_else(|| "the run is not pinned to it".into());
    let around = Surroundings { project: &project, policy: &policy, schema_text: &schema_text };
    let mut plans = BTreeMap::new();
    match Plan::read(pipeline, &file, &text(&file).unwrap_or_default(), &around) {
        Ok(plan) => {
            plans.insert(pipeline.clone(), Arc::new(plan));
        }
        Err(found) => problems.extend(found),
    }
    let resources = resources(root, &project);
    let sources = problems.sources.clone();
    problems.or(()).map(|()| Opened {
        root: root.to_path_buf(),
        project,
        policy,
        policy_source: PolicySource::BuiltIn,
        // The run itself says which bytes it means.
        lock: Lock::default(),
        plans,
        resources,
        user_policy: None,
        models: models.to_vec(),
        pinned: texts,
        swapped: Swapped::default(),
        stood: BTreeMap::new(),
        texts: sources,
    })
}

/// The text of `bailiwick.toml`, and the lock that belongs to it.
///
/// Who changes both writes the lock with old and new pins, then `bailiwick.toml`, then the
/// lock without the old ones. A text that is the same before and after the lock was read has
/// its pins in it; between two texts lies a lock that pins the one or the other.
fn pinned_text(root: &Path) -> Result<(String, Result<Lock, Problems>), Diagnostic> {
    let text = || files::text(&root.join(PROJECT_FILE), PROJECT_FILE);
    let mut before = text()?;
    for _ in 0..READS {
        let lock = lock(root);
        let after = text()?;
        if before == after {
            return Ok((after, lock));
        }
        before = after;
    }
    let message = format!("{PROJECT_FILE} changes while it is read");
    Err(Diagnostic::error(codes::UNREADABLE, message).hint("try again when it rests"))
}

/// `bailiwick.lock` of a project; without one, nothing is pinned.
pub(crate) fn lock(root: &Path) -> Result<Lock, Problems> {
    lock_with_text(root).map(|(lock, _)| lock)
}

/// The same with its text; without one, that is empty.
pub(crate) fn lock_with_text(root: &Path) -> Result<(Lock, String), Problems> {
    let path = root.join(LOCK_FILE);
    if !path.exists() {
        return Ok((Lock::default(), String::new()));
    }
    let text = files::text(&path, LOCK_FILE).map_err(Problems::one)?;
    match Lock::read(LOCK_FILE, &text) {
        Ok(lock) => Ok((lock, text)),
        Err(diagnostics) => {
            Err(Problems { diagnostics, sources: [(LOCK_FILE.to_owned(), text)].into() })
        }
    }
}

/// An opened project as it would be with another `bailiwick.toml`: the policy and the
/// pipelines are read again in its light, and nothing from the disk.
///
/// # Errors
/// Everything that would be wrong then.
pub(crate) fn reopened(opened: &Opened, text: &str) -> Result<Opened, Problems> {
    let mut problems = opened.sources();
    problems.sources.insert(PROJECT_FILE.into(), text.to_owned());
    let project = match Project::read(PROJECT_FILE, text) {
        Ok(project) => with_models(project, &opened.models, &mut problems),
        Err(found) => {
            problems.extend(found);
            return Err(problems);
        }
    };
    problems.extend(project.other_currency(&opened.policy));
    problems.extend(project.misplaced_credentials(&opened.policy));
    let (plans, found) = plans_with(opened, &project);
    problems.extend(found);
    let resources = resources(&opened.root, &project);
    let mut pinned = opened.pinned.clone();
    pinned.0.insert(PROJECT_FILE.into(), text.to_owned());
    let texts = problems.sources.clone();
    problems.or(()).map(|()| Opened { project, plans, resources, pinned, texts, ..opened.clone() })
}

/// The pipelines of an opened project, read as if its `bailiwick.toml` said something else.
pub(crate) fn plans_with(
    opened: &Opened,
    project: &Project,
) -> (BTreeMap<Name, Arc<Plan>>, Vec<Diagnostic>) {
    let texts = &opened.pinned.0;
    let schema_text = |path: &str| texts.get(path).cloned().ok_or_else(|| "not read".to_owned());
    let around = Surroundings { project, policy: &opened.policy, schema_text: &schema_text };
    let (mut plans, mut found) = (BTreeMap::new(), Vec::new());
    for name in opened.plans.keys() {
        let file = pipeline_file(name);
        let text = texts.get(&file).map(String::as_str).unwrap_or_default();
        match Plan::read(name, &file, text, &around) {
            Ok(plan) => _ = plans.insert(name.clone(), Arc::new(plan)),
            Err(wrong) => found.extend(wrong),
        }
    }
    (plans, found)
}

/// The text of a file of rules.
pub(crate) fn rule_text(path: &Path, shown: &str) -> Result<String, Problems> {
    files::text(path, shown).map_err(Problems::one)
}

/// A `bailiwick.toml` by itself, as it is read while something runs by it.
pub(crate) fn project_again(text: &str, models: &[String]) -> Result<Project, Problems> {
    let mut problems = Problems::default();
    problems.sources.insert(PROJECT_FILE.into(), text.to_owned());
    match Project::read(PROJECT_FILE, text) {
        Ok(project) => {
            let project = with_models(project, models, &mut problems);
            problems.or(project)
        }
        Err(found) => {
            problems.extend(found);
            Err(problems)
        }
    }
}

/// The same of a policy.
pub(crate) fn policy_again(shown: &str, text: &str) -> Result<Policy, Problems> {
    let mut problems = Problems::default();
    problems.sources.insert(shown.to_owned(), text.to_owned());
    match read_policy(shown, text) {
        Ok(policy) => Ok(labels::found(policy)),
        Err(found) => {
            problems.extend(found);
            Err(problems)
        }
    }
}

/// The name of a pipeline's file in messages and pins.
pub(crate) fn pipeline_file(name: &Name) -> String {
    format!("pipelines/{name}.toml")
}

fn policy(places: &Places, problems: &mut Problems) -> (Option<Policy>, PolicySource) {
    let host = Path::new(POLICY_OF_THE_HOST);
    let named = places.policy.as_deref();
    let user = places.user_policy.as_deref().filter(|path| path.is_file());
    let Some(path) = Some(host).filter(|path| path.exists()).or(named).or(user) else {
        return (None, PolicySource::BuiltIn);
    };
    let shown = path.display().to_string();
    let source = PolicySource::File { path: path.to_path_buf(), binds: belongs_to_another(path) };
    let read = files::text(path, &shown).map_err(|diagnostic| vec![diagnostic]).and_then(|text| {
        problems.sources.insert(shown.clone(), text.clone());
        read_policy(&shown, &text)
    });
    match read {
        Ok(policy) => (Some(labels::found(policy)), source),
        Err(found) => {
            problems.extend(found);
            (None, source)
        }
    }
}

/// The policy that holds on this host, for what needs no project.
///
/// # Errors
/// Everything that is wrong with its file.
pub fn policy_of_the_host(places: &Places) -> Result<(Policy, PolicySource), Problems> {
    let mut problems = Problems::default();
    let (policy, source) = policy(places, &mut problems);
    problems.or((policy.unwrap_or_else(Policy::built_in), source))
}

/// Whether the user who runs this could not simply change the file.
fn belongs_to_another(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(path).map(|found| found.uid());
    owner.is_ok_and(|owner| owner != rustix::process::geteuid().as_raw())
}

fn with_models(mut project: Project, models: &[String], problems: &mut Problems) -> Project {
    for typed in models {
        let fail = |what: String| {
            let hint = "--model ALIAS=PROVIDER:MODEL[@BASE_URL], for example writer=openai:smollm2@http://127.0.0.1:8080/v1";
            Diagnostic::error(codes::BAD_OVERRIDE, format!("--model {typed}: {what}")).hint(hint)
        };
        let parsed = typed.split_once('=').ok_or_else(|| fail("there is no `=`".into())).and_then(
            |(alias, route)| {
                let known = project.models.keys().find(|name| name.as_str() == alias).cloned();
                let names: Vec<_> = project.models.keys().map(Name::as_str).collect();
                let alias = known.ok_or_else(|| {
                    fail(format!(
                        "there is no model {alias:?}; bailiwick.toml has {}",
                        names.join(", ")
                    ))
                })?;
                parse_route(route)
                    .map(|route| (alias, route))
                    .map_err(|error| fail(error.to_string()))
            },
        );
        match parsed {
            Ok((alias, route)) => {
                project.replace_routes(alias, route);
            }
            Err(diagnostic) => problems.extend([diagnostic]),
        }
    }
    project
}

fn plans(
    root: &Path,
    (project, policy): (&Project, &Policy),
    pinned: &mut BTreeMap<String, String>,
    problems: &mut Problems,
) -> BTreeMap<Name, Arc<Plan>> {
    let mut plans = BTreeMap::new();
    let schemas = RefCell::new(BTreeMap::new());
    let schema_text = |name: &str| {
        let path = files::below(root, name)?;
        let text = files::text(&path, &path.display().to_string())
            .map_err(|diagnostic| diagnostic.message)?;
        schemas.borrow_mut().insert(name.to_owned(), text.clone());
        Ok(text)
    };
    let around = Surroundings { project, policy, schema_text: &schema_text };
    for (name, path) in pipelines(root, problems) {
        let file = pipeline_file(&name);
        let read =
            files::text(&path, &file).map_err(|diagnostic| vec![diagnostic]).and_then(|text| {
                problems.sources.insert(file.clone(), text.clone());
                pinned.insert(file.clone(), text.clone());
                Plan::read(&name, &file, &text, &around)
            });
        match read {
            Ok(plan) => {
                plans.insert(name, Arc::new(plan));
            }
            Err(found) => problems.extend(found),
        }
    }
    pinned.extend(schemas.into_inner());
    plans
}

fn pipelines(root: &Path, problems: &mut Problems) -> Vec<(Name, PathBuf)> {
    let folder = root.join("pipelines");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("pipelines: {error}");
            let hint = "a pipeline is a file pipelines/NAME.toml";
            problems.extend([Diagnostic::error(codes::NO_PIPELINE, message).hint(hint)]);
            return Vec::new();
        }
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|end| end == "toml")) {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        match Name::new(stem) {
            Ok(name) => found.push((name, path)),
            Err(error) => {
                problems.extend([Diagnostic::error(
                    codes::NO_PIPELINE,
                    format!("pipelines/{stem}.toml: {error}"),
                )]);
            }
        }
    }
    found.sort();
    found
}

/// A folder that does not exist is an error where it is read, not here: a project can
/// be checked on a machine that does not have its data.
fn resources(root: &Path, project: &Project) -> Resources {
    let absolute = |path: &str| {
        let path = root.join(path);
        files::real(&path).unwrap_or_else(|_| path.display().to_string())
    };
    let folders = |folders: &BTreeMap<Name, bailiwick_project::Folder>| {
        folders.iter().map(|(name, folder)| (name.clone(), absolute(&folder.path))).collect()
    };
    Resources {
        models: project.models.clone(),
        knowledge: folders(&project.knowledge),
        embedders: project.embedders.clone(),
        assets: folders(&project.assets),
        // Components are read later, and say it then.
        agents: BTreeMap::new(),
    }
}
