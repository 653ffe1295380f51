//! Components of a project: found, read, judged by what is embedded in them. Runs none of their code.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_builder::{COMPONENT_BYTES_MAX, Embedded, find_built, read_embedded};
use bailiwick_core::schema::Schema;
use bailiwick_core::{Bytes, Diagnostic, Digest, Name};
use bailiwick_policy::intersect::is_below;
use bailiwick_policy::{Effective, Excess, Generation, intersect};

use crate::codes;
use crate::files;
use crate::load::Opened;
use crate::problems::Problems;

/// What an agent name of a project points at: the file, what it says of itself, and
/// what it may do in the end.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The operator's name for it.
    pub name: Name,
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// What is embedded in it.
    pub embedded: Embedded,
    /// `local/NAME`: unsigned, the profile's own word.
    pub identity: String,
    /// The interfaces of the contract that it imports, as `model`.
    pub imports: Vec<String>,
    /// Grants ∩ ceiling.
    pub effective: Effective,
    /// What was granted above the ceiling.
    pub excesses: Vec<Excess>,
    /// The schemas of its profile.
    pub schemas: (Schema, Schema),
}

impl Agent {
    /// The names that the component wants of an interface of the contract; of the web,
    /// the hosts.
    #[must_use]
    pub fn wanted(&self, interface: &str) -> Vec<String> {
        let wants = &self.embedded.wants;
        let want = match interface {
            "model" => wants.model.as_ref(),
            "knowledge" => wants.knowledge.as_ref(),
            "delegate" => wants.delegate.as_ref(),
            "http" => {
                return wants.http.as_ref().map(|want| want.hosts.clone()).unwrap_or_default();
            }
            _ => None,
        };
        let names = want.map(|want| want.names.as_slice()).unwrap_or_default();
        names.iter().map(Name::to_string).collect()
    }

    /// What facts and the sandbox are given of it. `sources` is the digest of what its
    /// answers depend on besides its input.
    #[must_use]
    pub fn generation(&self, sources: Digest) -> Generation {
        Generation {
            agent: self.name.clone(),
            identity: self.identity.clone(),
            version: self.embedded.profile.version.clone(),
            component: self.embedded.outline.digest,
            powers: self.effective.digest(),
            effective: self.effective.clone(),
            sources,
            input: self.schemas.0.clone(),
            output: self.schemas.1.clone(),
        }
    }
}

/// The agents of a project that could be read, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Agents {
    /// By the operator's names.
    pub agents: BTreeMap<Name, Agent>,
    /// Files that are missing or none, grants above the ceiling, imports without grant.
    pub problems: Problems,
}

/// Reads the components of these agents of a project.
pub(crate) fn read_agents<'a>(
    opened: &'a Opened,
    names: impl IntoIterator<Item = &'a Name>,
) -> Agents {
    let mut found = Agents { problems: opened.sources(), ..Agents::default() };
    let names = opened.project.with_callees(names);
    let opened = &identified(opened);
    for name in names {
        let Some(written) = opened.project.agents.get(name) else { continue };
        match read_agent(opened, name, &written.component) {
            Ok(agent) => {
                let excesses =
                    agent.excesses.iter().map(|excess| opened.project.excess(name, excess));
                found.problems.extend(excesses);
                let imports =
                    agent.imports.iter().map(|import| (import.as_str(), agent.wanted(import)));
                found.problems.extend(opened.project.uncovered_imports(name, imports));
                found.agents.insert(name.clone(), agent);
            }
            Err(diagnostic) => found.problems.extend([diagnostic.at(written.place.clone())]),
        }
    }
    found
}

/// The agents of a project that others may call.
pub(crate) fn callees(opened: &Opened) -> BTreeSet<&Name> {
    opened.project.agents.values().flat_map(|agent| agent.grants.callees()).collect()
}

/// The project with what those who may be called say they are: a ceiling is about that.
/// Whoever cannot be read is nobody here, and an error elsewhere.
fn identified(opened: &Opened) -> Cow<'_, Opened> {
    let called = callees(opened);
    if called.is_empty() {
        return Cow::Borrowed(opened);
    }
    let identities = called.into_iter().filter_map(|name| {
        let written = opened.project.agents.get(name)?;
        let path = find(&opened.root, &written.component).ok()?;
        let bytes = files::read(&path, Bytes(COMPONENT_BYTES_MAX as u64)).ok()?;
        Some((name.clone(), identity(&bytes)?))
    });
    let agents = identities.collect();
    let mut opened = opened.clone();
    opened.resources.agents = agents;
    Cow::Owned(opened)
}

/// What a component says it is; nothing where it says nothing.
pub(crate) fn identity(component: &[u8]) -> Option<String> {
    read_embedded(component).ok().map(|embedded| local(&embedded))
}

fn local(embedded: &Embedded) -> String {
    format!("local/{}", embedded.profile.name)
}

/// An agent whose component is there, whatever file it came from.
pub(crate) fn agent_of(
    opened: &Opened,
    name: &Name,
    path: &Path,
    bytes: Vec<u8>,
) -> Result<Agent, Diagnostic> {
    let shown = path.display();
    let embedded = read_embedded(&bytes).map_err(|error| {
        let unnamed = matches!(error, bailiwick_builder::InspectError::NoSection { .. });
        let code = if unnamed { codes::NO_PROFILE } else { codes::BAD_COMPONENT };
        let hint = format!("`bailiwick explain {code}` says how such a file is made");
        Diagnostic::error(code, format!("{shown}: {error}")).hint(hint)
    })?;
    let schema = |which: &str, value: &serde_json::Value| {
        Schema::admit(value.clone()).map_err(|refused| {
            let message = format!("{shown}: its {which} schema: {refused}");
            Diagnostic::error(codes::BAD_COMPONENT, message)
        })
    };
    let profile = &embedded.profile;
    let schemas =
        (schema("input", &profile.input_schema)?, schema("output", &profile.output_schema)?);
    let identity = local(&embedded);
    let (effective, excesses) = effective(opened, name, &identity);
    Ok(Agent {
        name: name.clone(),
        path: path.to_path_buf(),
        bytes: bytes.into(),
        imports: interfaces(&embedded.outline.imports),
        identity,
        effective,
        excesses,
        schemas,
        embedded,
    })
}

/// What an agent name of this project may do, for a component of this identity.
pub(crate) fn effective(opened: &Opened, name: &Name, identity: &str) -> (Effective, Vec<Excess>) {
    let (grants, limits) = match opened.project.agents.get(name) {
        Some(agent) => (agent.grants.clone(), agent.limits.clone()),
        None => (
            bailiwick_policy::Grants::none(),
            bailiwick_policy::intersect::RequestedLimits::default(),
        ),
    };
    intersect(identity, &grants, &limits, &opened.resources, &opened.policy)
}

fn read_agent(opened: &Opened, name: &Name, component: &str) -> Result<Agent, Diagnostic> {
    let path = find(&opened.root, component)?;
    let shown = path.display();
    let real = files::real(&path).map_err(|why| Diagnostic::error(codes::UNREADABLE, why))?;
    if let Some(roots) = &opened.policy.source_roots
        && !roots.iter().any(|root| is_below(&real, root))
    {
        let message = format!("{real} lies outside of the folders for unsigned components");
        let hint = format!("policy.toml allows them below {}", roots.join(", "));
        return Err(Diagnostic::error(codes::OUTSIDE_ROOTS, message).hint(hint));
    }
    let bytes = files::read(&path, Bytes(COMPONENT_BYTES_MAX as u64))
        .map_err(|why| Diagnostic::error(codes::UNREADABLE, format!("{shown}: {why}")))?;
    agent_of(opened, name, Path::new(&real), bytes)
}

/// The file that `component = "…"` means: itself, or the built one of a folder.
pub(crate) fn find(root: &Path, component: &str) -> Result<PathBuf, Diagnostic> {
    let path = root.join(component);
    if !path.is_dir() {
        return Ok(path);
    }
    find_built(&path).map_err(|error| {
        let hint = format!("type: bailiwick build {}", path.display());
        Diagnostic::error(codes::NOT_BUILT, error.to_string()).hint(hint)
    })
}

/// `model` of `bailiwick:agent/model@0.1.0`, `http` of `wasi:http/outgoing-handler@0.2.3`,
/// each once; the rest of WASI is inert and no power.
pub(crate) fn interfaces(imports: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for import in imports {
        let interface = match import.strip_prefix("bailiwick:agent/") {
            Some(rest) => rest.split('@').next().unwrap_or(rest),
            None if import.starts_with("wasi:http/outgoing-handler@") => "http",
            None => continue,
        };
        if !found.iter().any(|known| known == interface) {
            found.push(interface.to_owned());
        }
    }
    found
}
