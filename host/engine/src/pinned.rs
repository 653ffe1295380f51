//! What a run is pinned to, as blobs: its files, its components, its assets. Written when it starts, read when it goes on. Decides nothing about powers but that today's can only narrow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bailiwick_core::fact::{AgentPin, Pin};
use bailiwick_core::ports::{BlobError, Blobs};
use bailiwick_core::{Diagnostic, Digest, Document, Name, RunState};
use bailiwick_policy::publishers::Moment;
use bailiwick_project::Plan;
use futures_util::future::{try_join_all, try_join3};
use serde_json::Value;

use crate::admission::Serving;
use crate::components::{Agent, Found, agent_of, callees, effective, identity};
use crate::load::{Opened, PROJECT_FILE, PinnedTexts, open_pinned};
use crate::problems::Problems;
use crate::{check, codes};

/// Keeps everything that a run needs to go on, and says where it is.
pub(crate) async fn pin(
    opened: &Opened,
    plan: &Plan,
    agents: &[Agent],
    assets: &Value,
    blobs: &dyn Blobs,
) -> Result<Pin, Problems> {
    let files = opened.pinned.0.iter().filter(|(name, _)| {
        // Of the pipelines the one that runs.
        let is_pipeline = name.starts_with("pipelines/") && name.ends_with(".toml");
        !is_pipeline || **name == plan.file
    });
    let files = files.map(|(name, text)| {
        let kept = blobs.put(text.clone().into_bytes());
        async move { Ok((name.clone(), kept.await?)) }
    });
    let signatures = agents.iter().filter_map(|agent| {
        let name = signature_name(&agent.embedded.outline.digest);
        let kept = blobs.put(agent.signature.clone()?.into_bytes());
        Some(async move { Ok((name, kept.await?)) })
    });
    let components = agents.iter().map(|agent| blobs.put(agent.bytes.to_vec()));
    // All at once, so that one flush of the disk does for all of them.
    let kept: Result<_, BlobError> =
        try_join3(try_join_all(files), try_join_all(signatures), try_join_all(components)).await;
    let (files, signatures, _): (Vec<_>, Vec<_>, Vec<_>) = kept.map_err(storage)?;
    Ok(Pin {
        project: project(&opened.root),
        files: files.into_iter().chain(signatures).collect(),
        models: opened.models.clone(),
        assets: Document::of(assets),
        currency: opened.currency(),
    })
}

/// The folder of the names under which signatures are pinned. No file of a project that is
/// pinned has such a name: pipelines and schemas end in .toml and .json.
const SIGNATURES: &str = "signatures/";

/// The name under which the signature of a component is pinned.
fn signature_name(component: &Digest) -> String {
    format!("{SIGNATURES}{}.minisig", component.hex())
}

/// A component of a run, with the signature that it had when the run took it.
pub(crate) fn pinned_component(opened: &Opened, bytes: Vec<u8>) -> Found {
    let name = signature_name(&Digest::of(&bytes));
    let signature = opened.pinned.0.get(&name).cloned();
    Found { bytes: bytes.into(), signature, moment: Moment::Before }
}

/// Signatures of components that were repinned, too.
pub(crate) fn adopt_signatures(opened: &mut Opened, newer: &Opened) {
    let signatures = newer.pinned.0.iter().filter(|(name, _)| name.starts_with(SIGNATURES));
    let signatures: Vec<_> = signatures.map(|(name, text)| (name.clone(), text.clone())).collect();
    opened.pinned.0.extend(signatures);
}

/// Signatures of components that were swapped in: runs that follow swaps have attempts on
/// them. A component that the run is pinned to has the signature of its pin, or none.
pub(crate) fn adopt(opened: &mut Opened, state: &RunState, swapped: &BTreeMap<Digest, String>) {
    let repinned = state.repins.iter().flat_map(|repin| &repin.agents);
    let pins = state.agents.iter().chain(repinned);
    let pinned: BTreeSet<Digest> = pins.map(|(_, pin)| pin.component).collect();
    let others = swapped.iter().filter(|(component, _)| !pinned.contains(component));
    opened.pinned.0.extend(others.map(|(digest, text)| (signature_name(digest), text.clone())));
}

/// How journals name a project: its folder.
pub(crate) fn project(root: &Path) -> String {
    root.display().to_string()
}

/// A run as it was started: its project and its agents, with powers that are no wider
/// than today's.
pub(crate) struct Pinned {
    pub(crate) opened: Opened,
    pub(crate) agents: Serving,
    pub(crate) assets: Value,
}

/// Reads what a run is pinned to.
pub(crate) async fn read(
    state: &RunState,
    pin: &Pin,
    today: &Opened,
    blobs: &dyn Blobs,
) -> Result<Pinned, Problems> {
    let mut opened = open_at(state, pin, today, blobs).await?;
    identify(&mut opened, &components(state), blobs).await?;
    let plan = check::plan(&opened, Some(&state.pipeline))?;
    let mut agents = Vec::new();
    for name in names_of(&opened, &plan) {
        let Some(AgentPin { component, .. }) = state.agents.get(name) else { continue };
        agents.push(agent_at(&opened, today, name, *component, blobs).await?);
    }
    let assets = document(&pin.assets, blobs).await?;
    let agents = Serving { current: agents, older: Vec::new() };
    Ok(Pinned { opened, agents, assets })
}

/// The agent names of a plan, and of those that they may call, each once.
pub(crate) fn names_of<'a>(opened: &'a Opened, plan: &'a Plan) -> BTreeSet<&'a Name> {
    opened.project.with_callees(plan.steps.iter().filter_map(|step| step.agent()))
}

/// The components that a run was started with.
pub(crate) fn components(state: &RunState) -> BTreeMap<Name, Digest> {
    state.agents.iter().map(|(name, pin)| (name.clone(), pin.component)).collect()
}

/// Finds out what those say they are who may be called: a ceiling is about that.
pub(crate) async fn identify(
    opened: &mut Opened,
    components: &BTreeMap<Name, Digest>,
    blobs: &dyn Blobs,
) -> Result<(), Problems> {
    let mut identities = BTreeMap::new();
    for name in callees(opened) {
        let Some(component) = components.get(name) else { continue };
        let bytes = blobs.get(*component).await.map_err(storage)?;
        let found = pinned_component(opened, bytes);
        let identity = identity(&opened.policy, &found.bytes, found.signature.as_deref());
        identities.extend(identity.map(|identity| (name.clone(), identity)));
    }
    opened.resources.agents = identities;
    Ok(())
}

/// The project that a pin names, with the policy of today.
pub(crate) async fn open_at(
    state: &RunState,
    pin: &Pin,
    today: &Opened,
    blobs: &dyn Blobs,
) -> Result<Opened, Problems> {
    let mut opened = open_as_pinned(state, pin, blobs).await?;
    opened.policy = today.policy.clone();
    opened.policy_source = today.policy_source.clone();
    Ok(opened)
}

/// The project that a pin names, with the policy of then: for who only looks back.
pub(crate) async fn open_as_pinned(
    state: &RunState,
    pin: &Pin,
    blobs: &dyn Blobs,
) -> Result<Opened, Problems> {
    let mut texts = BTreeMap::new();
    for (name, digest) in &pin.files {
        let bytes = blobs.get(*digest).await.map_err(storage)?;
        let text = String::from_utf8(bytes).map_err(|_| storage(format!("{name} is no text")))?;
        texts.insert(name.clone(), text);
    }
    if !texts.contains_key(PROJECT_FILE) {
        return Err(storage(format!("the run is not pinned to a {PROJECT_FILE}")));
    }
    let root = PathBuf::from(&pin.project);
    open_pinned(&root, PinnedTexts(texts), &pin.models, &state.pipeline)
}

/// An agent with the component that it is pinned to. Of its powers that is left which
/// today's files would grant as well; an agent name that is gone has none.
pub(crate) async fn agent_at(
    opened: &Opened,
    today: &Opened,
    name: &Name,
    component: Digest,
    blobs: &dyn Blobs,
) -> Result<Agent, Problems> {
    let bytes = blobs.get(component).await.map_err(|error| {
        let message = format!("the component of `{name}`: {error}");
        Problems::one(Diagnostic::error(codes::STORAGE, message))
    })?;
    let path = PathBuf::from(format!("the pinned component {}", component.short()));
    let found = pinned_component(opened, bytes);
    let mut agent = agent_of(opened, name, &path, found).map_err(Problems::one)?;
    let mut narrow = today.clone();
    narrow.resources = opened.resources.clone();
    let (of_today, _) = effective(&narrow, name, &agent.identity);
    agent.effective = agent.effective.narrowed(&of_today);
    // What was granted above the ceiling of today is simply not there.
    agent.excesses = Vec::new();
    Ok(agent)
}

/// The value of a document whose text may lie apart.
pub(crate) async fn document(document: &Document, blobs: &dyn Blobs) -> Result<Value, Problems> {
    if document.text().is_some() {
        return Ok(document.value());
    }
    let bytes = blobs.get(document.digest()).await.map_err(storage)?;
    serde_json::from_slice(&bytes).map_err(storage)
}

pub(crate) fn storage(error: impl std::fmt::Display) -> Problems {
    Problems::one(Diagnostic::error(codes::STORAGE, error.to_string()))
}
