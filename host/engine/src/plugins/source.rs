//! Where a component comes from: `component = "…"` of an agent, read. Judges none.

use std::path::{Path, PathBuf};

use bailiwick_builder::{COMPONENT_BYTES_MAX, find_built};
use bailiwick_core::{Bytes, Diagnostic};
use bailiwick_policy::Policy;
use bailiwick_policy::intersect::is_below;
use bailiwick_policy::publishers::Signed;
use bailiwick_policy::registry::Sha256;
use bailiwick_project::LockPin;

use super::kept;
use super::pin::LOCK_FILE;
use crate::codes;
use crate::files;
use crate::provenance::signature_beside;

/// How a source in a registry begins.
pub(super) const OCI: &str = "oci://";

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file, with its signature beside it where it has one; or the folder of an agent that
    /// is built here. A folder's component is its builder's own word and never signed: what
    /// somebody packed there is for others.
    Path(String),
    /// A name and version in a registry.
    Registry(String),
}

/// A component that came from a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// `oci://…`, as it was asked for.
    pub source: String,
    /// Of its manifest: with it, the source means these bytes for ever.
    pub manifest: Sha256,
    /// The component.
    pub bytes: Vec<u8>,
    /// The text of its signature, where it has one.
    pub signature: Option<String>,
}

/// A component where it was found.
pub(crate) struct FoundAt {
    /// The file, absolute and without links.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    /// The text of its signature, where it has one.
    pub(crate) signature: Option<String>,
}

impl Source {
    /// As it stands in bailiwick.toml.
    pub(crate) fn of(component: &str) -> Self {
        match component.starts_with(OCI) {
            true => Self::Registry(component.to_owned()),
            false => Self::Path(component.to_owned()),
        }
    }

    /// Whether it is built here, so that no lock is about it.
    pub(crate) fn is_built(&self, root: &Path) -> bool {
        matches!(self, Self::Path(path) if root.join(path).is_dir())
    }

    /// What lies there now. Of a registry that is what was fetched of it: `pin` says which
    /// bytes are meant, and nobody is asked.
    pub(crate) fn read(&self, root: &Path, pin: Option<&LockPin>) -> Result<FoundAt, Diagnostic> {
        match (self, pin) {
            (Self::Path(path), _) => at(root, path),
            (Self::Registry(_), Some(pin)) => {
                if let Some(path) = kept::missing(root, pin) {
                    let message =
                        format!("{} is not fetched: {} is not there", pin.source, path.display());
                    let hint = "`bailiwick update --locked` fetches what bailiwick.lock says";
                    return Err(Diagnostic::error(codes::UNREADABLE, message).hint(hint));
                }
                kept::read(root, pin).map_err(|why| Diagnostic::error(codes::UNREADABLE, why))
            }
            (Self::Registry(name), None) => {
                let message = format!("{LOCK_FILE} does not say which bytes {name} means");
                let hint =
                    "`bailiwick update` with the agent's name fetches it, shows it and says so";
                Err(Diagnostic::error(codes::NOT_LOCKED, message).hint(hint))
            }
        }
    }

    /// Unsigned components lie only where policy says.
    pub(crate) fn may_lie(
        &self,
        policy: &Policy,
        real: &str,
        signed: Option<&Signed>,
    ) -> Result<(), Diagnostic> {
        let Some(roots) = policy.unsigned_below().filter(|_| signed.is_none()) else {
            return Ok(());
        };
        if roots.iter().any(|root| is_below(real, root)) {
            return Ok(());
        }
        let message = match roots {
            [] => format!("{real} is unsigned, and policy admits what is signed alone"),
            _ => format!("{real} lies outside of the folders for unsigned components"),
        };
        let hint = match roots {
            [] => {
                "the admin writes into policy.toml: sources = { roots = [\"/FOLDER\"] }".to_owned()
            }
            roots => format!("policy.toml allows them below {}", roots.join(", ")),
        };
        Err(Diagnostic::error(codes::OUTSIDE_ROOTS, message).hint(hint))
    }
}

fn at(root: &Path, component: &str) -> Result<FoundAt, Diagnostic> {
    let path = find(root, component)?;
    let real = files::real(&path).map_err(|why| Diagnostic::error(codes::UNREADABLE, why))?;
    let shown = path.display();
    let bytes = files::read(&path, Bytes(COMPONENT_BYTES_MAX as u64))
        .map_err(|why| Diagnostic::error(codes::UNREADABLE, format!("{shown}: {why}")))?;
    let is_file = path == root.join(component);
    let signature = if is_file { signature_beside(&path)? } else { None };
    Ok(FoundAt { path: real, bytes, signature })
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
