//! Components of a project: found, read, judged by what is embedded in them. Runs none of their code.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bailiwick_builder::{Embedded, InspectError, read_embedded};
use bailiwick_core::contract::{Part, Unserved, part};
use bailiwick_core::schema::Schema;
use bailiwick_core::{Diagnostic, Digest, Name};
use bailiwick_policy::publishers::{LOCAL, Moment, Signature, Signed};
use bailiwick_policy::{Effective, Excess, Generation, Grants, Limits, Policy, intersect};
use bailiwick_project::Lock;

use crate::admission::against_project;
use crate::codes;
use crate::generations::Pointer;
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
    /// The same component without any power, and nobody's.
    pub(crate) fn powerless(&self, path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            identity: unsigned(&self.embedded),
            signed: None,
            effective: Effective { grants: Grants::none(), limits: Limits::DEFAULT },
            excesses: Vec::new(),
            ..self.clone()
        }
    }

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
            key: self.signed.as_ref().map(Signed::with),
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
    opened: &Opened,
    names: impl IntoIterator<Item = &'a Name>,
) -> Agents {
    read_identified(&identified(opened), names)
}

/// The same of a project that knows already who those are who may be called.
pub(crate) fn read_identified<'a>(
    opened: &Opened,
    names: impl IntoIterator<Item = &'a Name>,
) -> Agents {
    let mut found = Agents { problems: opened.sources(), ..Agents::default() };
    for name in opened.project.with_callees(names) {
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
pub(crate) fn identified(opened: &Opened) -> Cow<'_, Opened> {
    let called = callees(opened);
    if called.is_empty() {
        return Cow::Borrowed(opened);
    }
    let identities = called.into_iter().filter_map(|name| {
        let written = opened.project.agents.get(name)?;
        let found = read_source(opened, name, &written.component).ok()?;
        let own = (Digest::of(&found.bytes), pinned_as(opened, name));
        let identity = match opened.swapped.instead_of(name, own) {
            Some(pointer) => pointer.whose(&opened.policy).ok()?.identity,
            None => identity(&opened.policy, &found.bytes, found.signature.as_deref())?,
        };
        Some((name.clone(), identity))
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

/// The project with what these agents, of those who may be called, are.
pub(crate) fn knowing<'a>(opened: &Opened, agents: impl IntoIterator<Item = &'a Agent>) -> Opened {
    let called = callees(opened);
    let agents = agents.into_iter().filter(|agent| called.contains(&agent.name));
    let identities = agents.map(|agent| (agent.name.clone(), agent.identity.clone()));
    let identities: Vec<_> = identities.collect();
    let mut opened = opened.clone();
    opened.resources.agents.extend(identities);
    opened
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
    let agent = bare(name, path, bytes, signature)?;
    let whose = whose(&opened.policy, &agent, moment)?;
    Ok(empowered(opened, agent, whose))
}

/// An agent with what its signature makes of it, and what the project grants that.
fn empowered(opened: &Opened, agent: Agent, whose: Provenance) -> Agent {
    let (effective, excesses) = effective(opened, &agent.name, &whose.identity);
    Agent { identity: whose.identity, signed: whose.signed, effective, excesses, ..agent }
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
        let code = code_of(&error);
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
        identity: unsigned(&embedded),
        signed: None,
        signature,
        effective: Effective { grants: Grants::none(), limits: Limits::DEFAULT },
        excesses: Vec::new(),
        schemas,
        embedded,
    })
}

/// Who a component is by its own word alone.
fn unsigned(embedded: &Embedded) -> String {
    format!("{LOCAL}/{}", embedded.profile.name)
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
    if let Some(pointer) = opened.swapped.instead_of(name, (digest, pinned_as(opened, name)))
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
    let agent = empowered(opened, pointer.agent.clone()?, pointer.whose(&opened.policy)?);
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

/// What serves an agent name. What is no longer admitted has no powers here, so that
/// something else can take its place.
///
/// # Errors
/// [`Problems`] where nothing can be read.
pub(crate) fn serving(opened: &Opened, name: &Name) -> Result<Agent, Problems> {
    let mut found = read_agents(opened, [name]);
    if let Some(agent) = found.agents.remove(name) {
        return Ok(agent);
    }
    let written = opened.project.agents.get(name);
    let file = written.and_then(|written| read_source(opened, name, &written.component).ok());
    let FoundAt { path, bytes, signature } = file.ok_or(found.problems)?;
    let own = (Digest::of(&bytes), pinned_as(opened, name));
    let pointer = opened.swapped.instead_of(name, own);
    let agent = match pointer.and_then(|pointer| pointer.agent.as_ref().ok()) {
        Some(agent) => agent.clone(),
        None => bare(name, Path::new(&path), bytes, signature).map_err(Problems::one)?,
    };
    // It is who it said it was, and may do nothing.
    let said = agent.signature.as_deref().and_then(|text| Signature::parse(text).ok());
    let said = said.map(|signature| signature.statement.identity());
    Ok(Agent { identity: said.unwrap_or_else(|| agent.identity.clone()), ..agent })
}

/// What bailiwick.lock says of the source that an agent name has; nothing of what it does not
/// know, or is built here.
pub(crate) fn pinned_as(opened: &Opened, name: &Name) -> Option<Digest> {
    let written = opened.project.agents.get(name)?;
    let pin = opened.lock.pin(name, &written.component)?;
    // As the file has it. Each change by a command is another text: who goes back to what was
    // has taken something lower on purpose, or has had something higher.
    Some(Digest::of(Lock::default().with(pin.clone()).to_text().as_bytes()))
}

/// What the file of an agent name has, and how it is pinned.
pub(crate) fn own_file(opened: &Opened, name: &Name) -> Result<(Digest, Option<Digest>), Problems> {
    file_digest(opened, name).map(|file| (file, pinned_as(opened, name)))
}

/// The digest of what the project's own file for an agent name has, whatever was swapped in,
/// and whoever signed it.
fn file_digest(opened: &Opened, name: &Name) -> Result<Digest, Problems> {
    let written = opened.project.agents.get(name).ok_or_else(Problems::default)?;
    let read = || {
        let found = read_source(opened, name, &written.component)?;
        let digest = Digest::of(&found.bytes);
        if let Some(pin) = opened.lock.pin(name, &written.component) {
            pin::bytes(pin, &found.path, &digest)?;
        }
        Ok(digest)
    };
    read().map_err(|diagnostic: Diagnostic| Problems {
        diagnostics: vec![diagnostic.at(written.place.clone())],
        ..opened.sources()
    })
}

/// What a source of a project has now, read and not judged.
pub(crate) fn read_source(
    opened: &Opened,
    name: &Name,
    component: &str,
) -> Result<FoundAt, Diagnostic> {
    Source::of(component).read(&opened.root, opened.lock.pin(name, component))
}

/// The page of what is wrong with a file that is to be an agent.
pub(crate) fn code_of(error: &InspectError) -> &'static str {
    match error {
        InspectError::NoSection { .. } => codes::NO_PROFILE,
        InspectError::Unserved(unserved) => code_of_contract(unserved),
        _ => codes::BAD_COMPONENT,
    }
}

/// The page of what is wrong with the version that a component speaks.
pub(crate) fn code_of_contract(unserved: &Unserved) -> &'static str {
    match unserved {
        Unserved::Other { .. } => codes::UNSERVED,
        Unserved::Several { .. } | Unserved::NoVersion { .. } => codes::NO_ONE_VERSION,
    }
}

/// `model` of `bailiwick:agent/model@0.1.0`, `http` of `wasi:http/outgoing-handler@0.2.3`,
/// each once; the rest of WASI is inert and no power.
pub(crate) fn interfaces(imports: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for import in imports {
        let interface = match part(import) {
            Some(Part { interface, .. }) => interface,
            None if import.starts_with("wasi:http/outgoing-handler@") => "http",
            None => continue,
        };
        if !found.iter().any(|known| known == interface) {
            found.push(interface.to_owned());
        }
    }
    found
}
