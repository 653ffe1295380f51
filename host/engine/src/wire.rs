//! What a project's powers are made of: every capability of the product, on one screen.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bailiwick_core::ports::{Blobs, Journal};
use bailiwick_core::{Diagnostic, Digest, Name};
use bailiwick_gate::Gateway;
use bailiwick_gate::ledger::Ledger;
use bailiwick_policy::intersect::is_below;
use bailiwick_policy::ports::{Slots, StepRunner};
use bailiwick_policy::{Policy, Rules};
use bailiwick_provider::{Keys, Providers};
use bailiwick_sandbox::Runner;
use bailiwick_store::{Collections, Shelves};

use crate::codes;
use crate::desk::Complain;
use crate::host::{Held, Host};
use crate::labels;
use crate::load::Opened;
use crate::pinned;
use crate::problems::Problems;

/// Where the answers to an agent of this project come from.
pub(crate) fn gateway(
    host: &Host,
    held: &Held,
    opened: &Opened,
    (collections, ledger, rules, lowered): (Collections, Ledger, Arc<dyn Rules>, BTreeSet<Name>),
    (slots, complain): (Arc<dyn Slots>, Complain),
) -> Result<Arc<Gateway>, Problems> {
    let shelves = Shelves::new(Arc::clone(&held.store), pinned::project(&opened.root));
    let keys = host.keys.telling(complain);
    let providers = Arc::new(providers(&keys, &opened.policy, &opened.root)?);
    Ok(Arc::new(Gateway {
        // model
        models: opened.project.models.clone(),
        provider: host.faults.provider(Arc::clone(&providers) as _),
        // knowledge
        knowledge: Arc::new(collections),
        embedders: opened.embedders(),
        // http
        http: host.faults.web(providers),
        // kv
        namespaces: Arc::new(shelves.taken_for(labels::assumed(opened))),
        // delegate
        agents: slots,
        // artifacts
        blobs: host.faults.blobs(Arc::clone(&held.store) as Arc<dyn Blobs>),
        // every power
        rules,
        lowered,
        clock: Arc::clone(&host.clock),
        host_key: held.host_key,
        ledger,
    }))
}

/// Who connects to the outside for a project: with the credentials of the policy, and the
/// roots of TLS that it names for the project's folder.
pub(crate) fn providers(keys: &Keys, policy: &Policy, root: &Path) -> Result<Providers, Problems> {
    let providers = Providers::new(keys.with(&policy.credentials));
    let root = root.display().to_string();
    let trusted = policy.tls_roots.iter().filter(|(folder, _)| is_below(&root, folder));
    let mut files = Vec::new();
    let unread = |why: String| Problems::one(Diagnostic::error(codes::HOST, why));
    for path in trusted.flat_map(|(_, files)| files) {
        let pem = std::fs::read(path).map_err(|error| unread(format!("{path}: {error}")))?;
        files.push((path.clone(), pem));
    }
    providers.trusting(&files).map_err(|error| unread(error.to_string()))
}

/// Where runs write down what happens.
pub(crate) fn journal(host: &Host, held: &Held) -> Arc<dyn Journal> {
    host.faults.journal(Arc::clone(&held.store) as Arc<dyn Journal>)
}

/// The collections of this project, told from others by its path.
pub(crate) fn collections(held: &Held, opened: &Opened) -> Result<Collections, Problems> {
    let project = Digest::of(opened.root.as_os_str().as_encoded_bytes());
    held.store
        .collections(project)
        .map_err(|error| Problems::one(Diagnostic::error(codes::STORAGE, error.to_string())))
}

/// Who runs the attempts of this project.
pub(crate) fn runner(host: &Host, gateway: &Arc<Gateway>) -> Arc<dyn StepRunner> {
    Arc::new(Runner::new(Arc::clone(&host.sandbox), Arc::clone(gateway)))
}
