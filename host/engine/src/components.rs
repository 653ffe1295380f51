//! Components of a project: found, read, judged by what is embedded in them. Runs none of their code.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_builder::{Embedded, read_embedded};
use bailiwick_core::schema::Schema;
use bailiwick_core::{Diagnostic, Digest, Name};
use bailiwick_policy::publishers::{LOCAL, Moment, Signed};
use bailiwick_policy::{Effective, Excess, Generation, Grants, Limits, Policy, intersect};

use crate::admission::against_project;
use crate::codes;
use crate::generations::{Pointer, Swapped};
use crate::load::Opened;
use crate::plugins::pin;
use crate::plugins::source::{FoundAt, Source};
use crate::problems::Problems;
use crate::provenance::{Provenance, provenance};

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
    /// `publisher/NAME` where a publisher signed it that counts here; else `local/NAME`, the
    /// profile's own word.
    pub identity: String,
    /// What its publisher signed, and with which key.
    pub signed: Option<Signed>,
    /// The text of its signature, where it has one.
    pub signature: Option<String>,
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
        wanted(&self.embedded, interface)
    }

    /// What facts and the sandbox are given of it. `sources` is the digest of what its
    /// answers depend on besides its input.
    #[must_use]
    pub fn generation(&self, sources: Digest) -> Generation {
        Generation {
            agent: self.name.clone(),
            identity: self.identity.clone(),
            key: self.signed.as_ref().map(|signed| signed.key),
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

/// The names that a component wants of an interface of the contract; of the web, the hosts.
pub(crate) fn wanted(embedded: &Embedded, interface: &str) -> Vec<String> {
    let wants = &embedded.wants;
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
                found.problems.extend(against_project(opened, &agent));
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
        let found = read_source(opened, name, &written.component).ok()?;
        let (bytes, signature) = match opened.swapped.instead_of(name, Digest::of(&found.bytes)) {
            Some(pointer) => (pointer.agent.bytes.as_ref(), &pointer.agent.signature),
            None => (found.bytes.as_slice(), &found.signature),
        };
        Some((name.clone(), identity(&opened.policy, bytes, signature.as_deref())?))
    });
    let agents = identities.collect();
    let mut opened = opened.clone();
    opened.resources.agents = agents;
    Cow::Owned(opened)
}

/// Whose a component is; nothing where it does not say what it is, or is not admitted.
pub(crate) fn identity(
    policy: &Policy,
    component: &[u8],
    signature: Option<&str>,
) -> Option<String> {
    let embedded = read_embedded(component).ok()?;
    let about = (component, &embedded);
    let found = provenance(policy, "", about, signature, Moment::Before).ok()?;
    Some(found.identity)
}

/// A component as it was found, not judged yet.
pub(crate) struct Found {
    pub(crate) bytes: Arc<[u8]>,
    /// The text of its signature, where it has one.
    pub(crate) signature: Option<String>,
    /// Whether it is new, or was let in before.
    pub(crate) moment: Moment,
}

/// An agent whose component is there, whatever file it came from.
pub(crate) fn agent_of(
    opened: &Opened,
    name: &Name,
    path: &Path,
    found: Found,
) -> Result<Agent, Diagnostic> {
    let Found { bytes, signature, moment } = found;
    empowered(opened, bare(name, path, bytes, signature)?, moment)
}

/// An agent with what its signature makes of it, and what the project grants that.
fn empowered(opened: &Opened, agent: Agent, moment: Moment) -> Result<Agent, Diagnostic> {
    let whose = whose(&opened.policy, &agent, moment)?;
    let (effective, excesses) = effective(opened, &agent.name, &whose.identity);
    Ok(Agent { identity: whose.identity, signed: whose.signed, effective, excesses, ..agent })
}

/// Whose an agent is by its signature.
pub(crate) fn whose(
    policy: &Policy,
    agent: &Agent,
    moment: Moment,
) -> Result<Provenance, Diagnostic> {
    let about = (agent.bytes.as_ref(), &agent.embedded);
    let shown = agent.path.display().to_string();
    provenance(policy, &shown, about, agent.signature.as_deref(), moment)
}

/// An agent without any power, and nobody's yet.
pub(crate) fn bare(
    name: &Name,
    path: &Path,
    bytes: impl Into<Arc<[u8]>>,
    signature: Option<String>,
) -> Result<Agent, Diagnostic> {
    let bytes = bytes.into();
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
    Ok(Agent {
        name: name.clone(),
        path: path.to_path_buf(),
        bytes,
        imports: interfaces(&embedded.outline.imports),
        identity: format!("{LOCAL}/{}", embedded.profile.name),
        signed: None,
        signature,
        effective: Effective { grants: Grants::none(), limits: Limits::DEFAULT },
        excesses: Vec::new(),
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
    let source = Source::of(component);
    let found = read_source(opened, name, component)?;
    let real = found.path.clone();
    let pin = opened.lock.pin(name, component);
    if let Some(pin) = pin {
        pin::bytes(pin, &real, &Digest::of(&found.bytes))?;
    }
    let digest = Digest::of(&found.bytes);
    // Whoever went back to the file itself has the file.
    if let Some(pointer) = opened.swapped.instead_of(name, digest)
        && pointer.component() != digest
    {
        return swapped_in(opened, pointer);
    }
    let moment = pin::moment(pin, &digest, found.signature.as_deref());
    let read = Found { bytes: found.bytes.into(), signature: found.signature, moment };
    let agent = agent_of(opened, name, Path::new(&real), read)?;
    // Without a policy nobody could say who a signature is by.
    if let Some(pin) = pin.filter(|_| opened.policy.publishers.is_some()) {
        pin::signer(pin, &real, agent.signed.as_ref())?;
    }
    source.may_lie(&opened.policy, &real, agent.signed.as_ref())?;
    Ok(agent)
}

/// What somebody swapped in, with what the project grants today.
fn swapped_in(opened: &Opened, pointer: &Pointer) -> Result<Agent, Diagnostic> {
    let agent = empowered(opened, pointer.agent.clone(), Moment::Before)?;
    lies_nowhere(opened, &agent).map_or(Ok(agent), Err)
}

/// Why a component that was sent is not taken without a signature.
pub(crate) fn lies_nowhere(opened: &Opened, agent: &Agent) -> Option<Diagnostic> {
    let roots = opened.policy.unsigned_below().filter(|_| agent.signed.is_none())?;
    let message = format!("{} is not signed, and lies in no folder", agent.path.display());
    let hint = match roots {
        [] => "policy.toml admits what is signed alone".to_owned(),
        roots => format!("policy.toml allows unsigned components only below {}", roots.join(", ")),
    };
    Some(Diagnostic::error(codes::OUTSIDE_ROOTS, message).hint(hint))
}

/// The component that the project's own file has for an agent name, whatever was swapped in.
pub(crate) fn file_of(opened: &Opened, name: &Name) -> Result<Agent, Problems> {
    let opened = opened.swapped_to(Swapped::default());
    let written = opened.project.agents.get(name).ok_or_else(Problems::default)?;
    let at = |diagnostic: Diagnostic| diagnostic.at(written.place.clone());
    let read = read_agent(&opened, name, &written.component).map_err(at);
    read.map_err(|diagnostic| Problems { diagnostics: vec![diagnostic], ..opened.sources() })
}

/// What a source of a project has now, read and not judged.
pub(crate) fn read_source(
    opened: &Opened,
    name: &Name,
    component: &str,
) -> Result<FoundAt, Diagnostic> {
    Source::of(component).read(&opened.root, opened.lock.pin(name, component))
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
