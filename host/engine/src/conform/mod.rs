//! `conform`: whether a component is an agent that any host can run, found out by running it with every power that it wants and without each of them. Reaches nobody; reads no project and no policy.

mod checks;
mod examples;

use std::path::Path;
use std::sync::Arc;

use bailiwick_builder::{COMPONENT_BYTES_MAX, Embedded, find_built, read_embedded};
use bailiwick_core::fact::{Capability, FailureKind, Used};
use bailiwick_core::{Bytes, Diagnostic, Digest};
use bailiwick_sandbox::Sandbox;
use serde_json::Value;

pub use self::checks::{CHECKS, Check, Found};
use self::examples::examples;
use crate::cases::{Case, Script, cases};
use crate::codes;
use crate::files;
use crate::host::{HostConfig, sandbox};
use crate::problems::Problems;
use crate::rig::{NotRigged, Ran, Rig};

/// What is tried is text: an agent that wants a picture says so.
const ARTIFACT: (&[u8], &str, &str) = (b"Tea for two, and two for tea.\n", "text/plain", "tea.txt");

/// What a component is found to be.
#[derive(Debug)]
pub struct Conformance {
    /// Of the file.
    pub digest: Digest,
    /// Name and version, where it says them.
    pub agent: Option<(String, String)>,
    /// Each check of [`CHECKS`], in order, with what it came to.
    pub rows: Vec<(&'static Check, Found)>,
}

impl Conformance {
    /// Whether nothing is against it.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|(_, found)| !matches!(found, Found::Broken(_)))
    }
}

/// Tries a component, or the built one of an agent's folder: with documents that are made
/// for its input schema, and with the inputs of the cases that its author wrote.
///
/// # Errors
/// [`Problems`] where there is no such file, a case cannot be read, or nothing can be run
/// on this machine. What is wrong with the component is no error but its conformance.
pub async fn conform(config: &HostConfig, path: &Path) -> Result<Conformance, Problems> {
    let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
    let file = match path.is_dir() {
        true => find_built(path).map_err(|error| fail(codes::NOT_BUILT, error.to_string()))?,
        false => path.to_path_buf(),
    };
    let bytes = files::read(&file, Bytes(COMPONENT_BYTES_MAX as u64))
        .map_err(|why| fail(codes::UNREADABLE, format!("{}: {why}", file.display())))?;
    let folder = match path.is_dir() {
        true => Some(path),
        false => file.parent().filter(|dist| dist.ends_with("dist")).and_then(Path::parent),
    };
    let mut told = Vec::new();
    let own = folder.map(cases).transpose()?.unwrap_or_default();
    // A recorded one was answered by a run: what it was told is for `test`.
    for case in own.into_iter().filter(|case| !case.is_recorded()) {
        let script = case.script()?;
        told.push((case, script));
    }
    let evidence = Evidence::gather(Arc::new(sandbox(config)?), &bytes, told).await;
    let profile = evidence.file.as_ref().ok().map(|embedded| &embedded.profile);
    Ok(Conformance {
        digest: Digest::of(&bytes),
        agent: profile.map(|profile| (profile.name.clone(), profile.version.clone())),
        rows: CHECKS.iter().map(|check| (check, check.of(&evidence))).collect(),
    })
}

/// Everything that checks judge by. What could not be found out is not there.
#[derive(Debug)]
struct Evidence {
    /// What the file says.
    file: Result<Embedded, String>,
    /// Whether the sandbox takes it, with all its wants granted.
    admitted: Result<(), String>,
    /// What it says of itself, and whether that is what the file says.
    profile: Result<bool, String>,
    /// Inputs that are not as its input schema says, and why.
    unfit: Vec<(String, String)>,
    /// What came of each input.
    tried: Vec<Tried>,
}

/// One input, and what came of it.
#[derive(Debug)]
struct Tried {
    /// Where the input is from.
    input: String,
    /// With every power that is wanted.
    first: Ran,
    /// The same again; not where the first ran into a limit.
    second: Option<Ran>,
    /// Without each power that is imported.
    denied: Vec<(Capability, Ran)>,
}

impl Tried {
    fn runs(&self) -> impl Iterator<Item = &Ran> {
        let denied = self.denied.iter().map(|(_, ran)| ran);
        std::iter::once(&self.first).chain(&self.second).chain(denied)
    }
}

impl Evidence {
    async fn gather(sandbox: Arc<Sandbox>, bytes: &[u8], cases: Vec<(Case, Script)>) -> Self {
        let mut evidence = Self {
            file: read_embedded(bytes).map_err(|error| error.to_string()),
            admitted: Err("it was not loaded".to_owned()),
            profile: Err("it was not asked".to_owned()),
            unfit: Vec::new(),
            tried: Vec::new(),
        };
        // A file without a profile may still be a component that exports what it has to.
        let prepared = sandbox.prepare(bytes).await.map_err(|error| error.to_string());
        let Ok(embedded) = &evidence.file else {
            evidence.admitted = prepared.map(drop);
            return evidence;
        };
        let rig = Rig::of(Arc::clone(&sandbox), embedded);
        let rig = match (prepared, rig) {
            (Ok(_), Ok(rig)) => rig,
            (Err(why), _) => {
                evidence.admitted = Err(why);
                return evidence;
            }
            (_, Err(refused @ NotRigged::Host(_))) => {
                evidence.admitted = Err(refused.to_string());
                return evidence;
            }
            (_, Err(refused @ NotRigged::Schema(_))) => {
                evidence.profile = Err(refused.to_string());
                return evidence;
            }
        };
        evidence.admitted = rig.admitted().map_err(|error| error.to_string());
        let said = sandbox.profile(&embedded.outline.digest).await;
        evidence.profile = said
            .map(|said| crate::admission::is_same(&said, &embedded.profile))
            .map_err(|error| error.to_string());
        if evidence.admitted.is_err() || evidence.profile.is_err() {
            return evidence;
        }
        let powers = powers(embedded);
        let (artifact, media_type, name) = ARTIFACT;
        let artifact = rig.artifact(artifact, media_type, name).to_json();
        let made = examples(rig.input(), &artifact);
        let made =
            made.into_iter().map(|(what, input)| (what.to_owned(), input, Script::default()));
        let files = cases.iter().flat_map(|(case, _)| &case.files);
        files.for_each(|(_, bytes, _)| rig.keep(bytes.clone()));
        let own = cases
            .into_iter()
            .map(|(case, script)| (format!("the case {}", case.name), case.input, script));
        for (what, input, script) in made.chain(own) {
            match rig.input().check(&input) {
                Ok(()) => evidence.tried.push(tried(&rig, what, (&input, &script), &powers).await),
                Err(mismatch) => evidence.unfit.push((what, mismatch.to_string())),
            }
        }
        evidence
    }
}

async fn tried(
    rig: &Rig,
    what: String,
    (input, script): (&Value, &Script),
    powers: &[Capability],
) -> Tried {
    // Each attempt is told the script from its beginning.
    let answers = || script.play().0;
    let first = rig.run(input, &answers(), None).await;
    if matches!(&first.end, Err(failure) if failure.kind == FailureKind::Limit) {
        // It says enough, and each further try would take as long.
        return Tried { input: what, first, second: None, denied: Vec::new() };
    }
    let second = Some(rig.run(input, &answers(), None).await);
    let mut denied = Vec::new();
    for power in powers {
        denied.push((*power, rig.run(input, &answers(), Some(*power)).await));
    }
    Tried { input: what, first, second, denied }
}

/// The powers that a component imports.
fn powers(embedded: &Embedded) -> Vec<Capability> {
    const ALL: [Capability; 6] = [
        Capability::Model,
        Capability::Knowledge,
        Capability::Artifacts,
        Capability::Http,
        Capability::Kv,
        Capability::Delegate,
    ];
    let imported = crate::components::interfaces(&embedded.outline.imports);
    ALL.into_iter().filter(|power| imported.iter().any(|one| one == power.as_str())).collect()
}

/// The largest use of each kind in any attempt.
fn most(evidence: &Evidence) -> Used {
    let mut most = Used::default();
    for used in evidence.tried.iter().flat_map(Tried::runs).map(|ran| ran.used) {
        most.cpu_millis = most.cpu_millis.max(used.cpu_millis);
        most.memory_bytes = most.memory_bytes.max(used.memory_bytes);
        most.gate_calls = most.gate_calls.max(used.gate_calls);
    }
    most
}
