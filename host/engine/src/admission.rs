//! Admission: components that were read are loaded, and asked who they are. Knows no run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bailiwick_builder::Embedded;
use bailiwick_core::{Diagnostic, Digest, Name};
use bailiwick_policy::intersect::callee_key;
use bailiwick_policy::publishers::SIGNATURE_MAX_BYTES;
use bailiwick_policy::{Generation, Grants, Route, Rules};
use bailiwick_project::Plan;
use bailiwick_sandbox::{Refused, Sandbox};
use serde_json::Value;

use crate::components::{
    Agent, Found, agent_of, code_of_contract, identified, knowing, lies_nowhere, read_agents,
    read_identified,
};
use crate::follows::Follows;
use crate::generations::Swapped;
use crate::host::Host;
use crate::kept::{Kept, Lease};
use crate::load::Opened;
use crate::problems::Problems;
use crate::slots::{Held, Table};
use crate::{check, codes, pinned};

/// The agents that a plan names, or everything that is wrong with them.
pub(crate) fn agents_of(opened: &Opened, plan: &Plan) -> Result<Vec<Agent>, Problems> {
    // Reading one takes milliseconds, and a hundred steps may name the same.
    let names: BTreeSet<&Name> = pinned::names_of(opened, plan);
    let found = read_agents(opened, names);
    let mut problems = found.problems;
    problems.extend(check::against_profiles(plan, &found.agents));
    problems.extend(check::unpriced(opened, plan, &found.agents));
    problems.or(found.agents.into_values().collect())
}

/// Loads each component and asks it who it is. They stay ready as long as somebody keeps
/// what this gives.
pub(crate) async fn admit(host: &Host, agents: &[Agent]) -> Result<Vec<Arc<Lease>>, Problems> {
    let leases = leased(host, agents);
    admit_to(&host.sandbox, agents).await?;
    Ok(leases)
}

/// Keeps what is about to be made ready, and makes room for it.
pub(crate) fn leased(host: &Host, agents: &[Agent]) -> Vec<Arc<Lease>> {
    let components = agents.iter().map(|agent| agent.embedded.outline.digest);
    let leases = components.map(|component| host.kept.lease(component)).collect();
    host.kept.make_room();
    leases
}

/// The component that somebody sent for an agent name, judged before any of it runs: what
/// it is, where it may come from, what it imports, what the ceiling says.
///
/// # Errors
/// Everything that stands against it.
pub(crate) fn sent(opened: &Opened, name: &Name, found: Found) -> Result<Agent, Problems> {
    let opened = &identified(opened);
    let mut problems = opened.sources();
    let path = format!("the component {}", Digest::of(&found.bytes).short());
    // Kept in the host's own stream, also where no policy says who signs.
    if found.signature.as_ref().is_some_and(|text| text.len() > SIGNATURE_MAX_BYTES) {
        let message = format!("{path}: its signature has more than {SIGNATURE_MAX_BYTES} bytes");
        return Err(Problems::one(Diagnostic::error(codes::BAD_SIGNATURE, message)));
    }
    match agent_of(opened, name, std::path::Path::new(&path), found) {
        Ok(agent) => {
            problems.extend(lies_nowhere(opened, &agent));
            fits(opened, agent, problems)
        }
        Err(diagnostic) => {
            problems.extend([diagnostic]);
            problems.or(()).and_then(|()| Err(Problems::default()))
        }
    }
}

/// The component of the project's own file, as if nothing had been swapped in.
///
/// # Errors
/// Everything that stands against it.
pub(crate) fn of_the_file(opened: &Opened, name: &Name) -> Result<Agent, Problems> {
    let opened = opened.swapped_to(Swapped::default());
    let opened = identified(&opened);
    let mut found = read_identified(&opened, [name]);
    let agent = found.agents.remove(name).ok_or(found.problems)?;
    fits(&opened, agent, opened.sources())
}

/// What stands against an agent in this project, besides what is known already.
fn fits(opened: &Opened, agent: Agent, mut problems: Problems) -> Result<Agent, Problems> {
    problems.extend(against_project(opened, &agent));
    problems.extend(against_callers(opened, &agent));
    problems.or(agent)
}

/// What an agent asks for that the project or its ceiling does not have for it.
pub(crate) fn against_project(opened: &Opened, agent: &Agent) -> Vec<Diagnostic> {
    let Agent { name, excesses, imports, .. } = agent;
    let above = excesses.iter().map(|excess| opened.project.excess(name, excess));
    let imports = imports.iter().map(|import| (import.as_str(), agent.wanted(import)));
    above.chain(opened.project.uncovered_imports(name, imports)).collect()
}

/// What agents of the project would have above their ceilings if this one were whom they
/// call: their next runs would not begin.
fn against_callers(opened: &Opened, agent: &Agent) -> Vec<Diagnostic> {
    let agents = opened.project.agents.iter();
    let callers = agents.filter(|(_, other)| other.grants.callees().any(|n| *n == agent.name));
    let callers: Vec<&Name> = callers.map(|(name, _)| name).collect();
    let found = read_identified(&knowing(opened, [agent]), callers.iter().copied());
    let key = callee_key(&agent.name);
    let of_callers = found.agents.values().filter(|caller| callers.contains(&&caller.name));
    let above = of_callers.flat_map(|caller| {
        let about = caller.excesses.iter().filter(|excess| excess.key == key);
        about.map(|excess| opened.project.excess(&caller.name, excess))
    });
    above.collect()
}

/// The same for who has no host.
pub(crate) async fn admit_to(sandbox: &Sandbox, agents: &[Agent]) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for agent in agents {
        problems.extend(admitted(sandbox, agent).await.err());
    }
    problems.or(())
}

async fn admitted(sandbox: &Sandbox, agent: &Agent) -> Result<(), Diagnostic> {
    let Agent { name, path, bytes, embedded, .. } = agent;
    let shown = format!("`{name}` ({})", path.display());
    let digest = loaded(sandbox, &shown, bytes).await?;
    let granted = sandbox.admit(&digest, name, &agent.effective.grants);
    granted.map_err(|refused| unfit(codes::NOT_ADMITTED, &shown, &refused.to_string()))?;
    is_what_it_says(sandbox, &shown, &digest, embedded).await
}

/// Whether a component that nobody grants anything yet can be loaded, and is what its file
/// says that it is. Its first compilation is here.
///
/// # Errors
/// What stands against it.
pub(crate) async fn prove(
    sandbox: &Sandbox,
    shown: &str,
    (bytes, embedded): (&[u8], &Embedded),
) -> Result<(), Diagnostic> {
    let digest = loaded(sandbox, shown, bytes).await?;
    is_what_it_says(sandbox, shown, &digest, embedded).await
}

async fn loaded(sandbox: &Sandbox, shown: &str, bytes: &[u8]) -> Result<Digest, Diagnostic> {
    let prepared = sandbox.prepare(bytes).await.map_err(|refused| {
        let code = match &refused {
            Refused::Unserved(unserved) => code_of_contract(unserved),
            _ => codes::NOT_ADMITTED,
        };
        unfit(code, shown, &refused.to_string())
    });
    prepared.map(|admitted| admitted.digest)
}

async fn is_what_it_says(
    sandbox: &Sandbox,
    shown: &str,
    digest: &Digest,
    embedded: &Embedded,
) -> Result<(), Diagnostic> {
    let said = sandbox.profile(digest).await;
    let said = said.map_err(|error| unfit(codes::NOT_ADMITTED, shown, &error.to_string()))?;
    if is_same(&said, &embedded.profile) {
        return Ok(());
    }
    let what = format!(
        "its file says {} {}, the agent says {} {}, and their summaries or schemas may differ",
        embedded.profile.name, embedded.profile.version, said.name, said.version
    );
    Err(unfit(codes::OTHER_PROFILE, shown, &what))
}

fn unfit(code: &'static str, shown: &str, what: &str) -> Diagnostic {
    let hint = format!("`bailiwick explain {code}` says more");
    Diagnostic::error(code, format!("{shown}: {what}")).hint(hint)
}

/// The agents of a run: those that serve, and those that attempts go on with which began
/// on something older.
pub(crate) struct Serving {
    pub(crate) current: Vec<Agent>,
    pub(crate) older: Vec<Agent>,
}

/// The slots of admitted agents, each with the digest of what its answers depend on.
pub(crate) fn table(
    opened: &Opened,
    agents: &Serving,
    (collections, assets): (BTreeMap<Name, Digest>, &Value),
    rules: Arc<dyn Rules>,
    (kept, follows): (&Arc<Kept>, Option<Follows>),
) -> Table {
    let mut material = Material {
        models: opened.project.models.clone(),
        embedders: opened.project.embedders.clone(),
        collections,
        assets: assets.clone(),
        called: BTreeMap::new(),
    };
    for agent in &agents.current {
        let called = opened.project.with_callees([&agent.name]);
        let callees = agents.current.iter().filter(|other| called.contains(&other.name));
        let callees = callees.filter(|other| other.name != agent.name);
        let parts = callees.map(|other| {
            let own = material.own(&other.effective.grants);
            (other.name.clone(), [other.embedded.outline.digest, own])
        });
        let parts: Vec<_> = parts.collect();
        material.called.insert(agent.name.clone(), parts);
    }
    let held = |agent: &Agent| {
        let sources = material.sources(&agent.name, &agent.effective.grants);
        let generation = Arc::new(agent.generation(sources));
        Held { lease: kept.lease(generation.component), generation }
    };
    let current: Vec<_> = agents.current.iter().map(held).collect();
    let older: Vec<_> = agents.older.iter().map(held).collect();
    Table::of((current, older), rules, material, follows)
}

/// What the answers to agents depend on besides their inputs.
pub(crate) struct Material {
    models: BTreeMap<Name, Vec<Route>>,
    embedders: BTreeMap<Name, Name>,
    collections: BTreeMap<Name, Digest>,
    assets: Value,
    /// By agent: the components of those that it may call, and what their answers depend on.
    called: BTreeMap<Name, Vec<(Name, [Digest; 2])>>,
}

impl Material {
    /// What an agent with these grants depends on, and all whom it may call. Who calls
    /// nobody has the digest of always.
    pub(crate) fn sources(&self, agent: &Name, grants: &Grants) -> Digest {
        let own = self.own(grants);
        let called = self.called.get(agent).map(Vec::as_slice).unwrap_or_default();
        if called.is_empty() || grants.callees().next().is_none() {
            return own;
        }
        let parts = [&own].into_iter().chain(called.iter().flat_map(|(_, parts)| parts));
        let parts: Vec<&[u8]> = parts.map(|part| part.as_bytes().as_slice()).collect();
        Digest::of_parts(&parts)
    }

    /// An agent name points at something else: whoever calls it depends on that.
    pub(crate) fn moved(&mut self, agent: &Name, to: &Generation) {
        let parts = [to.component, self.own(&to.effective.grants)];
        let called = self.called.values_mut().flatten();
        called.filter(|(name, _)| name == agent).for_each(|(_, known)| *known = parts);
    }

    /// Routes, collections and assets that are granted, with what is in them.
    fn own(&self, grants: &Grants) -> Digest {
        let Self { models, embedders, collections, assets, .. } = self;
        let mut parts: Vec<String> = Vec::new();
        for alias in grants.model.iter().flat_map(|model| &model.aliases) {
            let routes = models.get(alias).into_iter().flatten();
            parts.push(format!("model {alias}"));
            parts.extend(routes.map(ToString::to_string));
        }
        for name in &grants.knowledge {
            let content = collections.get(name).map(ToString::to_string).unwrap_or_default();
            parts.push(format!("collection {name} {content}"));
            // With other vectors other passages are found.
            let embedder = embedders.get(name);
            let routes = embedder.and_then(|alias| models.get(alias));
            parts.extend(routes.into_iter().flatten().map(|route| format!("by {route}")));
        }
        for name in &grants.assets {
            let content = assets.get(name.as_str()).map(ToString::to_string).unwrap_or_default();
            parts.push(format!("assets {name} {content}"));
        }
        let parts: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
        Digest::of_parts(&parts)
    }
}

/// Whether a component says of itself what its file says.
pub(crate) fn is_same(
    said: &bailiwick_sandbox::Profile,
    embedded: &bailiwick_builder::Profile,
) -> bool {
    said.name == embedded.name
        && said.version == embedded.version
        && said.summary == embedded.summary
        && *said.input.value() == embedded.input_schema
        && *said.output.value() == embedded.output_schema
}
