//! `inspect`: what a component says of itself, before any of its code runs.

use std::path::Path;

use bailiwick_builder::{COMPONENT_BYTES_MAX, find_built, read_embedded, read_outline};
use bailiwick_core::{Bytes, Diagnostic};

use crate::codes;
use crate::files;
use crate::problems::Problems;

pub use bailiwick_builder::{Embedded, Outline, Profile, Wants};

/// What is in a file.
pub struct Inspected {
    /// The file.
    pub path: std::path::PathBuf,
    /// Imports, exports, size, digest.
    pub outline: Outline,
    /// Profile and wants, or why there are none that hold.
    pub embedded: Result<Embedded, String>,
}

/// Looks into a component, or into the built one of an agent's folder.
///
/// # Errors
/// [`Problems`] where it is no valid component.
pub fn inspect(path: &Path) -> Result<Inspected, Problems> {
    let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
    let path = if path.is_dir() {
        find_built(path).map_err(|error| fail(codes::NOT_BUILT, error.to_string()))?
    } else {
        path.to_path_buf()
    };
    let bytes = files::read(&path, Bytes(COMPONENT_BYTES_MAX as u64))
        .map_err(|why| fail(codes::UNREADABLE, format!("{}: {why}", path.display())))?;
    let outline = read_outline(&bytes)
        .map_err(|error| fail(codes::BAD_COMPONENT, format!("{}: {error}", path.display())))?;
    let embedded = read_embedded(&bytes).map_err(|error| error.to_string());
    Ok(Inspected { path, outline, embedded })
}
