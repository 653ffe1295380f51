//! `remove`: an agent goes out of a project with its grants.

use bailiwick_core::{Diagnostic, Name};

use super::change::Change;
use super::site::Site;
use super::stub;
use crate::codes;
use crate::load::PROJECT_FILE;
use crate::problems::Problems;
use crate::registry::Errand;

/// Removes an agent from bailiwick.toml. Its file stays where it is, and so does what
/// bailiwick.lock knows of its versions.
///
/// # Errors
/// [`Problems`]; then nothing was changed.
pub fn remove(errand: &Errand, name: &Name) -> Result<(), Problems> {
    let site = Site::take(errand)?;
    site.component(name)?;
    let at = site.project.agents.get(name).map_or(0, |agent| agent.place.span.start);
    let text = stub::without_agent(&site.text, name, at).ok_or_else(|| {
        let message = format!("the table of `{name}` in {PROJECT_FILE} is not found");
        Problems::one(Diagnostic::error(codes::NOT_ADDED, message).hint("remove it by hand"))
    })?;
    Change::new(&site, Some(text), None)?.commit().map(|_| ())
}
