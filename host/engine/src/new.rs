//! `new`: the folder of an agent, in the language of its author.

use std::path::{Path, PathBuf};

use bailiwick_builder::{NewError, new_agent};
use bailiwick_core::{Diagnostic, Name};

use crate::codes;
use crate::problems::Problems;

pub use bailiwick_builder::Language;

/// Makes the folder `name` in `place`, which does not exist yet or is empty, and
/// returns it with the author's files, by their paths in it.
///
/// # Errors
/// [`Problems`] where the name is none or taken, something is there, or it cannot be written.
pub fn new(
    place: &Path,
    name: &str,
    language: Language,
) -> Result<(PathBuf, Vec<PathBuf>), Problems> {
    let fail = |code, what: String| Problems::one(Diagnostic::error(code, what));
    let read = Name::new(name).map_err(|error| fail(codes::BAD_NAME, error.to_string()))?;
    let folder = place.join(name);
    match new_agent(&folder, &read, language) {
        Ok(files) => Ok((folder, files)),
        Err(error @ NewError::Taken { .. }) => Err(fail(codes::BAD_NAME, error.to_string())),
        Err(error @ NewError::Occupied(_)) => Err(fail(codes::EXISTS, error.to_string())),
        Err(error @ NewError::Write { .. }) => Err(fail(codes::STORAGE, error.to_string())),
    }
}
