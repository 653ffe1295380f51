//! Components in registries: pulled into a file, pushed from one, listed; as the policy lets it. Judges no component and trusts no signature.

use std::path::{Path, PathBuf};

use bailiwick_builder::{COMPONENT_BYTES_MAX, Embedded, find_built, read_embedded};
use bailiwick_core::{Bytes, Diagnostic};
use bailiwick_policy::Policy;
use bailiwick_provider::registry::{Artifact, Bounds, Registry, RegistryError, Retry};
use bailiwick_provider::{Keys, Providers};
use tempfile::NamedTempFile;

use crate::codes;
use crate::components::code_of;
use crate::files;
use crate::problems::Problems;
use crate::provenance::signature_beside;
use crate::wire;

pub use bailiwick_policy::registry::{Reference, SCHEME, Sha256};
pub use bailiwick_provider::registry::{Existing, Pushed, Tags};

/// On whose behalf a registry is asked.
#[derive(Clone, Copy, Debug)]
pub struct Errand<'a> {
    /// Which registries are listed, with which credentials.
    pub policy: &'a Policy,
    /// Where secrets are read.
    pub keys: &'a Keys,
    /// The project's folder, for its roots of TLS.
    pub folder: &'a Path,
}

/// A component that was pulled. Its file goes with it unless somebody keeps it.
#[derive(Debug)]
pub struct Fetched {
    /// Its bytes, which are what the digest says.
    pub file: NamedTempFile,
    /// The reference with its digest: the same bytes for ever.
    pub pinned: Reference,
    /// Their number.
    pub size: Bytes,
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

/// Whether the policy lists the registry of a reference. Asks nobody; whatever asks somebody
/// looks itself.
///
/// # Errors
/// [`Problems`] with the line that would list it.
pub fn listed(policy: &Policy, reference: &Reference) -> Result<(), Problems> {
    let listed = bailiwick_policy::registry::admitting(&policy.registries, reference);
    listed.map(|_| ()).map_err(|error| refused(reference, &error.into()))
}

/// Pulls a component into a new file of a folder. Where it fails the file is gone.
///
/// # Errors
/// [`Problems`], which say whether it can be tried again.
pub async fn pull(
    errand: &Errand<'_>,
    reference: &Reference,
    folder: &Path,
) -> Result<Fetched, Problems> {
    let providers = providers(errand)?;
    let registry = registry(errand, &providers, reference)?;
    let unwritten = |error: std::io::Error| {
        refused(reference, &RegistryError::Unwritten(format!("{}: {error}", folder.display())))
    };
    let mut file = tempfile::Builder::new();
    let mut file =
        file.prefix(".pulled-").suffix(".wasm").tempfile_in(folder).map_err(unwritten)?;
    let pulled = registry.pull(file.as_file_mut()).await;
    let pulled = pulled.map_err(|error| refused(reference, &error))?;
    Ok(Fetched {
        file,
        pinned: reference.pinned(pulled.manifest),
        size: pulled.size,
        signature: pulled.signature,
    })
}

/// The reference with the digest that it means now: whether a tag has moved, without its
/// component.
///
/// # Errors
/// As [`pull`].
pub async fn resolve(errand: &Errand<'_>, reference: &Reference) -> Result<Reference, Problems> {
    let providers = providers(errand)?;
    let resolved = registry(errand, &providers, reference)?.resolve().await;
    resolved.map(|digest| reference.pinned(digest)).map_err(|error| refused(reference, &error))
}

/// The tags of the reference's name, at most a thousand.
///
/// # Errors
/// As [`pull`].
pub async fn tags(errand: &Errand<'_>, reference: &Reference) -> Result<Tags, Problems> {
    let providers = providers(errand)?;
    let tags = registry(errand, &providers, reference)?.tags().await;
    tags.map_err(|error| refused(reference, &error))
}

/// Reads a component, or the built one of an agent's folder, with the signature beside it.
///
/// # Errors
/// [`Problems`] where it is no agent that says what it is.
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
    Ok(Parcel { path, embedded, signature, bytes })
}

/// Pushes a component with its signature. The same again changes nothing.
///
/// # Errors
/// As [`pull`]; and where the tag is something else's, unless that is to be replaced.
pub async fn push(
    errand: &Errand<'_>,
    parcel: &Parcel,
    reference: &Reference,
    existing: Existing,
) -> Result<Pushed, Problems> {
    let providers = providers(errand)?;
    let registry = registry(errand, &providers, reference)?;
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

fn providers(errand: &Errand<'_>) -> Result<Providers, Problems> {
    wire::providers(errand.keys, errand.policy, errand.folder)
}

fn registry<'a>(
    errand: &Errand<'a>,
    providers: &'a Providers,
    reference: &'a Reference,
) -> Result<Registry<'a>, Problems> {
    let found = providers.registry(&errand.policy.registries, reference, Bounds::USUAL);
    found.map_err(|error| refused(reference, &error.into()))
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
