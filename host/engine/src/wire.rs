//! What a project's powers are made of: every capability of the product, on one screen.

use std::sync::Arc;

use bailiwick_core::ports::{Blobs, Journal};
use bailiwick_core::{Diagnostic, Digest};
use bailiwick_gate::Gateway;
use bailiwick_gate::ledger::Ledger;
use bailiwick_policy::ports::StepRunner;
use bailiwick_provider::Providers;
use bailiwick_sandbox::Runner;
use bailiwick_store::{Collections, Shelves};

use crate::codes;
use crate::host::{Held, Host};
use crate::load::Opened;
use crate::pinned;
use crate::problems::Problems;

/// Where the answers to an agent of this project come from.
pub(crate) fn gateway(
    host: &Host,
    held: &Held,
    opened: &Opened,
    collections: Collections,
    ledger: Ledger,
) -> Arc<Gateway> {
    Arc::new(Gateway {
        // model
        models: opened.project.models.clone(),
        provider: host.faults.provider(Arc::new(Providers::new(host.keys.clone()))),
        // knowledge
        knowledge: Arc::new(collections),
        embedders: opened.embedders(),
        // kv
        namespaces: Arc::new(Shelves::new(Arc::clone(&held.store), pinned::project(&opened.root))),
        // artifacts
        blobs: host.faults.blobs(Arc::clone(&held.store) as Arc<dyn Blobs>),
        // every power
        clock: Arc::clone(&host.clock),
        host_key: held.host_key,
        ledger,
    })
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
