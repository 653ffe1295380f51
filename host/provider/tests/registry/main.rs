//! Registries that are down, slow, lie or lead elsewhere: each is bounded, says what is wrong in its own sentence and whether it can be tried again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod access;
mod fake;
mod hostile;
mod pushing;

use std::collections::BTreeMap;
use std::time::Duration;

use bailiwick_core::{Bytes, Name};
use bailiwick_policy::credential::{Place as Put, Source};
use bailiwick_policy::http::Scheme;
use bailiwick_policy::registry::{Place, Reference, RegistryRule};
use bailiwick_policy::{Credential, Network, Origin};
use bailiwick_provider::registry::{Bounds, Pulled, RegistryError};
use bailiwick_provider::{Keys, Providers};
use fake::Fake;

/// What the credential of these tests holds.
pub(crate) const SECRET: &str = "YW5hOnMzY3JldC1vZi1hbmE=";
/// A component of these tests.
pub(crate) const COMPONENT: &[u8] = b"\0asm a component that is none, and whose bytes are counted";
/// Generous: a test that waits for it waits on purpose.
pub(crate) const PATIENT: Bounds =
    Bounds { patience: Duration::from_secs(60), rate: Bytes(1 << 20) };
/// For those who wait on purpose.
pub(crate) const HASTY: Bounds =
    Bounds { patience: Duration::from_millis(300), rate: Bytes(1 << 30) };

pub(crate) fn rule(host: &str) -> RegistryRule {
    RegistryRule {
        place: Place::parse(host).unwrap(),
        scheme: Scheme::Http,
        network: Network::Loopback,
        credential: None,
        realms: Vec::new(),
        blobs: Vec::new(),
    }
}

pub(crate) fn origin(fake: &Fake) -> Origin {
    Origin(format!("http://{}", fake.host))
}

pub(crate) fn reference(fake: &Fake) -> Reference {
    format!("oci://{}/acme/draft:1.0.0", fake.host).parse().unwrap()
}

/// Nobody's keys.
pub(crate) fn anonymous() -> Providers {
    Providers::new(Keys::default())
}

/// One credential, `ana`, bound to an origin.
pub(crate) fn ana(bound: &Origin, prefix: &str) -> Providers {
    let credential = Credential {
        source: Source::Env("ANA".into()),
        origin: bound.clone(),
        loopback: false,
        place: Put::Header { name: "authorization".into(), prefix: prefix.into() },
        weak: false,
    };
    let credentials = BTreeMap::from([(Name::new("ana").unwrap(), credential)]);
    let keys = Keys::reading(|name| (name == "ANA").then(|| SECRET.to_owned()));
    Providers::new(keys.with(&credentials))
}

/// Pulls, and gives what was written with what came of it.
pub(crate) async fn pull(
    providers: &Providers,
    rule: RegistryRule,
    reference: &Reference,
    bounds: Bounds,
) -> (Vec<u8>, Result<Pulled, RegistryError>) {
    let (rules, mut written) = ([rule], Vec::new());
    let registry = providers.registry(&rules, reference, bounds).unwrap();
    let pulled = registry.pull(&mut written).await;
    (written, pulled)
}

/// Pulls from a registry as nobody in particular.
pub(crate) async fn pulled(fake: &Fake) -> Result<Pulled, RegistryError> {
    pull(&anonymous(), rule(&fake.host), &reference(fake), PATIENT).await.1
}
