//! Components in registries: pulled, pushed, listed; as the policy lets it. Judges no component and trusts no signature.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bailiwick_builder::{COMPONENT_BYTES_MAX, Embedded, find_built, read_embedded};
use bailiwick_core::{Bytes, Diagnostic};
use bailiwick_policy::Policy;
use bailiwick_policy::publishers::{Signature, Statement};
use bailiwick_provider::registry::{Artifact, Bounds, Registry, RegistryError, Retry};
use bailiwick_provider::{Keys, Providers};

use crate::codes;
use crate::components::code_of;
use crate::files;
use crate::load::{Places, policy_of_the_host};
use crate::problems::Problems;
use crate::provenance::signature_beside;
use crate::wire;

pub use bailiwick_policy::registry::{Reference, SCHEME, Sha256};
pub use bailiwick_provider::registry::{Existing, Pushed, Tags};

/// What one command goes by from its beginning to its end: the policy as it was read once,
/// and one set of connections under it.
#[derive(Debug)]
pub struct Errand {
    /// The policy that holds: which registries are listed, with which credentials, and whose
    /// components are admitted.
    pub policy: Policy,
    /// The folder of the project, absolute and without links, as roots of TLS are found for it.
    pub folder: PathBuf,
    keys: Keys,
    providers: OnceLock<Providers>,
}

/// A component that was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Of its manifest: with it, a reference means these bytes for ever.
    pub manifest: Sha256,
    /// The component, which is what its digest says.
    pub bytes: Vec<u8>,
    /// The text of its signature, where it has one. Verified by nobody yet.
    pub signature: Option<String>,
}

/// A component that is ready to be pushed.
pub struct Parcel {
    /// The file.
    pub path: PathBuf,
    /// What it says of itself.
    pub embedded: Embedded,
    /// The text of the signature beside it, where there is one.
    pub signature: Option<String>,
    bytes: Vec<u8>,
}

/// Reads what somebody typed.
///
/// # Errors
/// [`Problems`] with the rule that it breaks.
pub fn reference(text: &str) -> Result<Reference, Problems> {
    text.parse().map_err(|error| {
        let shown: String = text.chars().take(120).collect();
        let hint = "oci://HOST[:PORT]/NAME:TAG, or …/NAME@sha256:DIGEST for exactly these bytes";
        let message = format!("{shown:?} names no component in a registry: {error}");
        Problems::one(Diagnostic::error(codes::BAD_REFERENCE, message).hint(hint))
    })
}

/// Reads where somebody wants to push to: a tag, because what a digest means is settled.
///
/// # Errors
/// [`Problems`] with the rule that it breaks.
pub fn target(text: &str) -> Result<Reference, Problems> {
    let meant = reference(text)?;
    if meant.digest().is_none() {
        return Ok(meant);
    }
    let message =
        format!("{meant} says which bytes it means, and what is pushed gets its own digest");
    let hint = "name a tag alone: oci://HOST[:PORT]/NAME:TAG";
    Err(Problems::one(Diagnostic::error(codes::BAD_REFERENCE, message).hint(hint)))
}

/// Whether the policy lists the registry of a reference. Asks nobody; whatever asks somebody
/// looks itself.
///
/// # Errors
/// [`Problems`] with the line that would list it.
pub fn listed(policy: &Policy, reference: &Reference) -> Result<(), Problems> {
    let listed = bailiwick_policy::registry::admitting(&policy.registries, reference);
    listed.map(|_| ()).map_err(|error| refused(reference, &error.into()))
}

/// Pulls a component into memory, where at most the largest one that is taken comes to lie:
/// its size is announced and judged before.
///
/// # Errors
/// [`Problems`], which say whether it can be tried again.
pub async fn pull(errand: &Errand, reference: &Reference) -> Result<Fetched, Problems> {
    let mut bytes = Vec::new();
    let pulled = errand.registry(reference)?.pull(&mut bytes).await;
    let pulled = pulled.map_err(|error| refused(reference, &error))?;
    Ok(Fetched { manifest: pulled.manifest, bytes, signature: pulled.signature })
}

/// The reference with the digest that it means now: whether a tag has moved, without its
/// component.
///
/// # Errors
/// As [`pull`].
pub async fn resolve(errand: &Errand, reference: &Reference) -> Result<Reference, Problems> {
    let resolved = errand.registry(reference)?.resolve().await;
    resolved.map(|digest| reference.pinned(digest)).map_err(|error| refused(reference, &error))
}

/// The tags of the reference's name, at most a thousand.
///
/// # Errors
/// As [`pull`].
pub async fn tags(errand: &Errand, reference: &Reference) -> Result<Tags, Problems> {
    let tags = errand.registry(reference)?.tags().await;
    tags.map_err(|error| refused(reference, &error))
}

/// Reads a component, or the built one of an agent's folder, with the signature beside it.
///
/// # Errors
/// [`Problems`] where it is no agent that says what it is, or what lies beside it is a
/// signature of something else: of what was built before, as a rule.
pub fn parcel(path: &Path) -> Result<Parcel, Problems> {
    let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
    let path = match path.is_dir() {
        true => find_built(path).map_err(|error| fail(codes::NOT_BUILT, error.to_string()))?,
        false => path.to_path_buf(),
    };
    let unread = |path: &Path, why| fail(codes::UNREADABLE, format!("{}: {why}", path.display()));
    let bytes = files::read(&path, Bytes(COMPONENT_BYTES_MAX as u64));
    let bytes = bytes.map_err(|why| unread(&path, why))?;
    let embedded = read_embedded(&bytes)
        .map_err(|error| fail(code_of(&error), format!("{}: {error}", path.display())))?;
    let signature = signature_beside(&path).map_err(Problems::one)?;
    if let Some(text) = &signature {
        is_of(text, &path, &embedded).map_err(Problems::one)?;
    }
    Ok(Parcel { path, embedded, signature, bytes })
}

/// Whether a signature is about this component. Whose key it is others know: who pushes need
/// not have a policy that names himself.
fn is_of(text: &str, path: &Path, embedded: &Embedded) -> Result<(), Diagnostic> {
    let fail = |what: String| {
        let (code, shown) = (codes::BAD_SIGNATURE, path.display());
        let message = format!("{shown}: the signature beside it is not its own: {what}");
        let hint = format!(
            "type: bailiwick pack {shown} --key KEY; or remove the signature, and push it unsigned"
        );
        Diagnostic::error(code, message).hint(hint)
    };
    let Statement { name, version, component, size, contract, .. } =
        Signature::parse(text).map_err(|bad| fail(bad.to_string()))?.statement;
    let Embedded { outline, profile, .. } = embedded;
    let stated = (&component, size, &name, version.to_string(), &contract);
    let version = profile.version.clone();
    let bytes = Bytes(outline.size_bytes as u64);
    if stated == (&outline.digest, bytes, &profile.name, version, &embedded.contract) {
        return Ok(());
    }
    let (signed, found) = (component.short(), outline.digest.short());
    Err(fail(format!(
        "it was made over {name} {} with the digest {signed}…, and this is {} {} with {found}…",
        stated.3, profile.name, profile.version
    )))
}

/// Pushes a component with its signature. The same again changes nothing.
///
/// # Errors
/// As [`pull`]; and where the tag is something else's, unless that is to be replaced.
pub async fn push(
    errand: &Errand,
    parcel: &Parcel,
    reference: &Reference,
    existing: Existing,
) -> Result<Pushed, Problems> {
    let registry = errand.registry(reference)?;
    let Embedded { outline, profile, .. } = &parcel.embedded;
    let artifact = Artifact {
        component: &parcel.bytes,
        title: &format!("{}.wasm", profile.name),
        imports: &outline.imports,
        exports: &outline.exports,
        signature: parcel.signature.as_deref(),
    };
    registry.push(&artifact, existing).await.map_err(|error| refused(reference, &error))
}

impl Errand {
    /// For a project, under the policy of its host.
    ///
    /// # Errors
    /// [`Problems`] where there is no such folder, or the policy cannot be read.
    pub fn of_project(places: &Places, keys: &Keys) -> Result<Self, Problems> {
        Self::below(&places.project, policy_of_the_host(places)?.0, keys)
    }

    /// In a folder, under this policy.
    ///
    /// # Errors
    /// [`Problems`] where there is no such folder.
    pub fn below(folder: &Path, policy: Policy, keys: &Keys) -> Result<Self, Problems> {
        let folder = files::real(folder).map_err(|why| {
            let hint = "--project DIR names a folder with a bailiwick.toml";
            Problems::one(Diagnostic::error(codes::NO_PROJECT, why).hint(hint))
        })?;
        let (folder, keys) = (folder.into(), keys.clone());
        Ok(Self { policy, folder, keys, providers: OnceLock::new() })
    }

    /// A registry that the policy lists. What it takes to connect is made at the first one:
    /// most commands about a project ask nobody.
    fn registry<'a>(&'a self, reference: &'a Reference) -> Result<Registry<'a>, Problems> {
        let providers = match self.providers.get() {
            Some(made) => made,
            None => {
                let made = wire::providers(&self.keys, &self.policy, &self.folder)?;
                self.providers.get_or_init(|| made)
            }
        };
        let found = providers.registry(&self.policy.registries, reference, Bounds::USUAL);
        found.map_err(|error| refused(reference, &error.into()))
    }
}

/// Why nothing came of it: E185 where policy does not list it, E186 where it may go well
/// another time, E187 where it will not.
fn refused(reference: &Reference, error: &RegistryError) -> Problems {
    let code = match (error, error.retry()) {
        (RegistryError::NotListed(_), _) => codes::NOT_LISTED,
        (_, Retry::No) => codes::NOT_FROM_REGISTRY,
        (_, Retry::Yes | Retry::After(_)) => codes::NO_REGISTRY,
    };
    let found = Diagnostic::error(code, format!("{reference}: {error}"));
    Problems::one(match error.hint() {
        Some(hint) => found.hint(hint),
        None => found,
    })
}
